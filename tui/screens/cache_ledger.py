"""The ledger of the prompt cache, over the waterfall."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, Final

from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip

from tui.core.text import sanitize
from tui.viewmodel.cache_ledger import (
    Ledger,
    LedgerRow,
    difference_lines,
    ledger_heading,
    ledger_line,
    ledger_title,
)
from tui.viewmodel.lines import StyledLine
from tui.widgets.line_view import LineView
from tui.widgets.lines_view import LINE_CLASSES, LinesView
from tui.widgets.paint import strip_of
from tui.widgets.rows_below_heads import bring_into_view, row_clicked

_NOTHING: Final = (
    "What the prompt cache read for each request, and what it could have read, appears here"
)


class LedgerView(LineView):
    """The heads, which stay, and a row a request; one of them is chosen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = LINE_CLASSES | {"ledger--cursor"}

    BINDINGS = [
        ("j,down", "choose(1)", "Next request"),
        ("k,up", "choose(-1)", "Previous request"),
        ("n", "loss(1)", "Next loss"),
        ("p", "loss(-1)", "Previous loss"),
        ("g,home", "choose(-1000000)", "First request"),
        ("G,end", "choose(1000000)", "Last request"),
        ("enter", "open", "Show the run"),
    ]

    placeholder = _NOTHING

    class Chosen(Message):
        """Another request is chosen."""

    class Opened(Message):
        """The reader wants to see the run of a request."""

        def __init__(self, key: Hashable) -> None:
            super().__init__()
            self.key = key

    def __init__(self, rows: tuple[LedgerRow, ...]) -> None:
        super().__init__(id="ledger-rows")
        self.follow = False
        self._rows = rows
        lost = [place for place, row in enumerate(rows) if row.lost]
        self.chosen = lost[0] if lost else 0

    def validate_follow(self, follow: bool) -> bool:
        """There is no live end."""
        return False

    def on_mount(self) -> None:
        self.set_height(len(self._rows) + 1 if self._rows else 0)
        self.call_after_refresh(self._choose, self.chosen)

    @property
    def row_chosen(self) -> LedgerRow | None:
        """The request that is chosen."""
        return self._rows[self.chosen] if self._rows else None

    def render_line(self, y: int) -> Strip:
        # The heads are the first row, and stay when the others are scrolled.
        return super().render_line(y if y else -self.scroll_offset.y)

    def row(self, y: int, width: int) -> Strip:
        count = len(self._rows)
        line = ledger_line(self._rows[y - 1], width, count) if y else ledger_heading(width, count)
        strip = self._strip(line, width)
        if y == 0 or y - 1 != self.chosen:
            return strip
        cursor = self._seen(self.style("ledger--cursor"))
        strip = strip.adjust_cell_length(width)
        return strip_of([(text, (own or Style()) + cursor) for text, own, _ in strip])

    def _strip(self, line: StyledLine, width: int) -> Strip:
        return strip_of([(sanitize(t), self.style(f"lines--{s}")) for t, s in line.pieces], width)

    def _choose(self, place: int) -> None:
        if not self._rows:
            return
        self.chosen = min(max(place, 0), len(self._rows) - 1)
        bring_into_view(self, self.chosen)
        self.refresh()
        self.post_message(self.Chosen())

    def action_choose(self, step: int) -> None:
        """Choose the request `step` rows further down."""
        self._choose(self.chosen + step)

    def action_loss(self, direction: int) -> None:
        """Choose the next request, or the one before, that lost something."""
        lost = [place for place, row in enumerate(self._rows) if row.lost]
        further = [place for place in lost if (place - self.chosen) * direction > 0]
        if further:
            self._choose(min(further) if direction > 0 else max(further))

    def action_open(self) -> None:
        """Show the run of the chosen request."""
        row = self.row_chosen
        if row is not None:
            self.post_message(self.Opened(row.key))

    def on_click(self, event: events.Click) -> None:
        """Choose the request that was clicked; a second click shows its run."""
        event.prevent_default()
        number = row_clicked(self, event, len(self._rows))
        if number is not None:
            self._choose(number)
            if event.chain > 1:
                self.action_open()


class CacheLedger(ModalScreen[Hashable]):
    """Shows what the cache did for each request. Its result is the run to be shown."""

    BINDINGS = [
        ("escape,q,L", "close", "Close"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger
        self._rows = LedgerView(ledger.rows)
        self._detail = LinesView(id="ledger-detail")

    def compose(self) -> ComposeResult:
        with Vertical(id="ledger") as box:
            box.border_title = Content(ledger_title(self._ledger))
            box.border_subtitle = "n p losses  enter opens  esc closes"
            yield self._rows
            yield self._detail

    def on_mount(self) -> None:
        self._rows.focus()

    def on_ledger_view_chosen(self) -> None:
        """Show where the chosen request departs from the one before."""
        row = self._rows.row_chosen
        lines = [] if row is None else difference_lines(row)
        self._detail.show(lambda width: lines)

    def on_ledger_view_opened(self, message: LedgerView.Opened) -> None:
        """Close, and show the run of a request."""
        self.dismiss(message.key)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
