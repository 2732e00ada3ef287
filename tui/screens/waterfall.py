"""The waterfall of a conversation, over the dashboard."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, Protocol

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.findings import Finding
from tui.screens.cache_ledger import CacheLedger
from tui.viewmodel.cache_ledger import Ledger
from tui.viewmodel.waterfall import WaterfallView, heading_of, totals_parts
from tui.viewmodel.waterfall_lines import (
    GLYPHS,
    WaterfallPieces,
    WaterfallStyle,
    detail_lines,
    legend_line,
)
from tui.widgets.waterfall import WaterfallPane, WaterfallText

_TICK_S: Final = 0.2
_SIGNS: Final[dict[str, WaterfallStyle]] = {
    "model": "text",
    "tools": "tools",
    "waiting": "waiting",
    "between": "muted",
}


class Sessions(Protocol):
    """The conversations that are known, one of which is looked at. They grow."""

    def view(self) -> WaterfallView:
        """Return what is drawn of the one that is looked at, the same object as long as it can."""
        ...

    def step(self, direction: int) -> bool:
        """Look at the next or the previous one, or one of its branches; False where none is."""
        ...

    def title_of(self, key: Hashable) -> str:
        """Return what the request of a row asks, in a few words."""
        ...

    @property
    def progress(self) -> float:
        """How much of what there is was taken, 0 to 1."""
        ...

    def found(self) -> Mapping[Hashable, Finding]:
        """Return the verdicts so far, by the keys of the rows."""
        ...

    def judge(self, keys: Sequence[Hashable]) -> None:
        """Have these requests judged soon."""
        ...

    async def ledger(self) -> Ledger:
        """Return what the prompt cache did for them. It takes a while."""
        ...


class Waterfall(ModalScreen[Hashable]):
    """Shows the requests of a conversation in their time. Its result is the run to be shown."""

    BINDINGS = [
        ("escape,q,W", "close", "Close"),
        ("n", "step(1)", "Next conversation"),
        ("p", "step(-1)", "Previous"),
        ("L", "ledger", "Cache ledger"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, sessions: Sessions, key: Hashable) -> None:
        """`key` is the request that is chosen at first."""
        super().__init__()
        self._sessions = sessions
        self._key: Hashable = key
        """What is to be chosen, as long as it is not there; None after that."""
        self._view: WaterfallView | None = None
        self._pane = WaterfallPane(id="waterfall-rows")
        self._totals = WaterfallText(id="waterfall-totals")
        self._detail = WaterfallText(id="waterfall-detail")

    def compose(self) -> ComposeResult:
        with Vertical(id="waterfall"):
            yield self._totals
            yield self._pane
            yield self._detail

    def on_mount(self) -> None:
        self._pane.focus()
        self._begin(self._key)
        self.set_interval(_TICK_S, self.look)
        self.set_interval(_TICK_S / 4, self._catch_up)

    def on_resize(self) -> None:
        # Not at each look: a title that is set again is drawn again, with all that it frames.
        self.query_one("#waterfall").border_subtitle = self._keys()
        self.call_after_refresh(self._describe)

    def look(self) -> None:
        """Draw what has changed."""
        view = self._sessions.view()
        if self._key is not None and any(row.key == self._key for row in view.rows):
            self._begin(self._key)
            return
        self._pane.show(view, self._sessions.found())
        self._show(view)

    def _catch_up(self) -> None:
        """Look more often as long as there are requests that were not taken."""
        if self._sessions.progress < 1:
            self.look()

    def _begin(self, key: Hashable) -> None:
        view = self._sessions.view()
        self._pane.begin(view, self._sessions.found(), key)
        if any(row.key == key for row in view.rows):
            self._key = None
        self._show(view)

    def _show(self, view: WaterfallView) -> None:
        if view is not self._view:
            self._view = view
            box = self.query_one("#waterfall")
            box.border_title = Content(heading_of(view))
        self._describe()

    def on_waterfall_pane_chosen(self) -> None:
        """Say more of the request that is chosen now."""
        self._describe()

    def _describe(self) -> None:
        view, row = self._view, self._pane.row_chosen
        if view is None:
            return
        self._sessions.judge([one.key for one in self._pane.in_view])
        self._totals.show([self._total_line(view)])
        lines = [legend_line()]
        if view.note:
            lines[0].append((f" {view.note}", "warning"))
        if row is not None:
            found = self._sessions.found().get(row.key)
            title = self._sessions.title_of(row.key)
            lines += detail_lines(row, title, found, self._detail.row_width)
        self._detail.show(lines)

    def _total_line(self, view: WaterfallView) -> WaterfallPieces:
        pieces: WaterfallPieces = []
        room = self._totals.row_width
        for kind, words in totals_parts(view.totals):
            style = _SIGNS.get(kind)
            sign = f"{GLYPHS.get(style, '')} ".lstrip() if style else ""
            room -= cell_len(sign + words) + 3
            if room < -3:
                break
            pieces += [(sign, style or "plain"), (f"{words}   ", "plain")]
        return pieces

    def _keys(self) -> str:
        wide = self.size.width >= 100
        more = "n p others  " if wide else "n p  "
        return (
            f"enter opens  +/- zoom  \u2190\u2192 scroll  {more}L ledger  esc closes"
            if wide
            else f"enter opens  +/- \u2190\u2192  {more}L ledger  esc"
        )

    # --- the reader ---------------------------------------------------------------------------

    def on_waterfall_pane_opened(self, message: WaterfallPane.Opened) -> None:
        """Close, and show the run of a request."""
        self.dismiss(message.key)

    def action_step(self, direction: int) -> None:
        """Show another conversation, or a branch of this one."""
        if self._sessions.step(direction):
            self._key = None
            self._begin(None)

    async def action_ledger(self) -> None:
        """Show what the prompt cache did for these requests."""
        self.app.push_screen(CacheLedger(await self._sessions.ledger()), self._chosen)

    def _chosen(self, key: Hashable) -> None:
        if key is not None:
            self.dismiss(key)

    def action_close(self) -> None:
        """Close, and stay where the reader was."""
        self.dismiss(None)
