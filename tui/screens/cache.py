"""What the prompt cache did for each request of a conversation, over the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.core.text import format_count, one_line
from tui.viewmodel.lines import LineStyle, StyledLine, bar, line_of
from tui.viewmodel.views import VerdictView
from tui.widgets.cell_wrap import wrapped_text
from tui.widgets.lines_view import LinesView
from tui.widgets.paint import wire

_ABSENT: Final = "\u2013"
_FEWEST: Final = "Send a second request in this conversation: this shows what the cache kept of it"
_NOTHING: Final = (
    "What the prompt cache read and wrote for each request appears here,\n"
    "and the first place where two of them differ.\n\n"
    "Send a request, then a second one in this conversation."
)
_NUMBER: Final = 2
_COUNT: Final = 7
_RATE: Final = 5
_GIVING_WAY: Final = ((10, 12, 20), (10, 8, 20), (10, 0, 10), (0, 0, 6))
"""Cells for the time and the bar, and the fewest for the model with which they are drawn."""
_TICK_S: Final = 0.2


class CacheRow(NamedTuple):
    """A request: where its input tokens came from, and where it departs from the one before.

    `input` is what was neither read from the cache nor written to it. `before` and `after` stand
    at `broke_at`, a JSON path, empty where the request before is a prefix. None is not known.
    """

    number: int
    when: str
    model: str
    input: int | None
    read: int | None
    write: int | None
    hit_rate: float | None
    """The part of all input tokens that was read from the cache, 0 to 1."""
    broke_at: str = ""
    before: str | None = None
    after: str | None = None
    notes: tuple[str, ...] = ()
    """What its usage says besides, a line each."""


class CachePage(NamedTuple):
    """Some requests of a conversation, the oldest first."""

    rows: Sequence[CacheRow]
    here: int = -1
    """The row of the run that is shown in the dashboard; outside of the page others are."""
    first: int = 0
    """How many requests stand before the page."""
    total: int = 0
    """How many there are in the conversation."""
    note: str = ""
    verdict: VerdictView | None = None
    """On the cache, for the run that is shown."""
    pending: bool = False
    """Whether there are requests on the page that were not compared."""
    reading: bool = False
    """Whether more requests of the conversation may be found at once."""


class CacheSource(Protocol):
    """The requests of a conversation, which may grow."""

    def page(self) -> CachePage:
        """Return what is known now of the requests of the page."""
        ...

    def step(self, direction: int) -> bool:
        """Turn to the page after or before this one; False where there is none."""
        ...

    async def compare(self) -> bool:
        """Compare two requests of the page that were not; False where all were."""
        ...


def share_line(rows: Sequence[CacheRow]) -> str:
    """Return how much of all input tokens came from the cache, empty where nothing is known."""
    known = [row for row in rows if None not in (row.input, row.read, row.write)]
    total = sum((row.input or 0) + (row.read or 0) + (row.write or 0) for row in known)
    if not total:
        return ""
    read = sum(row.read or 0 for row in known)
    return f"{read / total:.0%} of {format_count(total)} input tokens read from the cache"


def cache_lines(page: CachePage, width: int) -> list[StyledLine]:
    """Return the lines of the requests, for rows of `width` cells."""
    rows, lines = page.rows, list[StyledLine]()
    cells = number_cells(rows)
    for place, row in enumerate(rows):
        if place:
            lines.append(StyledLine())
        lines.append(_facts(row, width, cells, here=place == page.here))
        margin = " " * (cells + 2)
        lines += [line_of((wire(f"{margin}{note}", width), "muted")) for note in row.notes]
        lines.extend(_break(row, width, margin))
    told = page.note or (_FEWEST if len(rows) == 1 else "")
    if told:
        lines += [StyledLine()] if rows else []
        lines += [line_of((line, "muted")) for line in wrapped_text(told, width)]
    return lines


def line_of_row(page: CachePage, number: int) -> int:
    """Return the number of the line with which a row of the page begins."""
    above = CachePage(page.rows[:number])
    return len(cache_lines(above, 80)) + 1 if number > 0 else 0


def number_cells(rows: Sequence[CacheRow]) -> int:
    """Return the cells of the column of numbers."""
    return max(_NUMBER, *(len(str(row.number)) for row in rows[-1:]), 0)


class CacheColumns(NamedTuple):
    """Cells for what gives way on a narrow screen."""

    when: int
    model: int
    gauge: int


def columns(width: int, cells: int = _NUMBER) -> CacheColumns:
    """Return the columns for rows of `width` cells: first the bar goes, then the time.

    `cells` are those of the numbers.
    """
    rest = width - cells - 2 - 3 * _COUNT - _RATE
    for when, gauge, least in _GIVING_WAY:
        if rest - when - gauge >= least:
            return CacheColumns(when, rest - when - gauge, gauge)
    return CacheColumns(0, 0, 0)


def heading(width: int, cells: int = _NUMBER) -> StyledLine:
    """Return the names of the columns."""
    when, model, gauge = columns(width, cells)
    names = "".join(f"{name:>{_COUNT}}" for name in ("input", "read", "write"))
    first = f"{'when' if when else '':<{when}}{'model' if model else '':<{model}}"
    text = f"{'#':>{cells}}  {first}{names}"
    return line_of((text + " " * gauge + f"{'hits':>{_RATE}}", "muted"))


def _facts(row: CacheRow, width: int, cells: int, *, here: bool) -> StyledLine:
    when, model, gauge = columns(width, cells)
    read: LineStyle = "good" if row.read else "plain"
    rate = "" if row.hit_rate is None else f"{row.hit_rate:.0%}"
    full, rest = _share_bar(row.hit_rate, max(gauge - 2, 0))
    return line_of(
        (f"{row.number:>{cells}}", "muted"),
        ("\u25b8 " if here else "  ", "path"),
        (_cell(row.when, when), "muted"),
        (_cell(row.model, model), "plain"),
        (_count(row.input), "plain"),
        (_count(row.read), read),
        (_count(row.write), "plain"),
        ("  " if gauge else "", "plain"),
        (full, "full"),
        (rest, "track"),
        (f"{rate or _ABSENT:>{_RATE}}", read),
    )


def _cell(text: str, width: int) -> str:
    shown = wire(text, max(width - 2, 0))
    return shown + " " * (width - cell_len(shown))


def _count(value: int | None) -> str:
    return f"{_ABSENT if value is None else format_count(value):>{_COUNT}}"


def _share_bar(share: float | None, width: int) -> tuple[str, str]:
    """Return the filled part of a bar, to an eighth of a cell, and what is left of it."""
    if share is None:
        return "", " " * width
    full = bar(round(min(max(share, 0.0), 1.0) * width * 8))
    return full, "\u2500" * (width - len(full))


def _break(row: CacheRow, width: int, margin: str) -> list[StyledLine]:
    """Return where the prefix ends that the row has in common with the one before."""
    if not row.broke_at:
        return []
    room = width - len(margin) - 2
    lines = [line_of((f"{margin}first difference at ", "muted"), (one_line(row.broke_at), "path"))]
    sides: tuple[tuple[str, str | None, LineStyle], ...] = (
        ("\u2212", row.before, "removed"),
        ("+", row.after, "added"),
    )
    for sign, text, style in sides:
        mark = (f"{margin}{sign} ", style)
        shown = line_of(mark, ("nothing", "muted"))
        lines.append(shown if text is None else line_of(mark, (wire(text, room), style)))
    return lines


# --- the screen -----------------------------------------------------------------------------------


class CacheView(ModalScreen[None]):
    """Shows what the cache did for the requests of a conversation, the oldest first."""

    BINDINGS = [
        ("n", "step(1)", "Later requests"),
        ("p", "step(-1)", "Earlier requests"),
        ("escape,q", "close", "Close"),
    ]

    def __init__(self, pages: CacheSource | None = None) -> None:
        """Without any requests there are no `pages`."""
        super().__init__()
        self._pages = pages
        self._page = CachePage([])
        self._compares = False
        self._placed = pages is None
        """Whether the run that is shown was brought into view."""
        self._verdict = Static("", id="cache-verdict", markup=False)
        self._head = Static("", id="cache-head", markup=False)
        self._view = LinesView(id="cache-lines", placeholder=_NOTHING)

    def compose(self) -> ComposeResult:
        with Vertical(id="cache") as box:
            box.border_title = "Prompt cache"
            yield self._verdict
            yield self._head
            yield self._view

    def on_mount(self) -> None:
        self._view.focus()
        self.look()
        if self._pages is not None:
            self.set_interval(_TICK_S, self.look)
            self.set_interval(_TICK_S / 4, self._catch_up)

    def on_resize(self) -> None:
        self.call_after_refresh(self._name_columns)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Pages are turned where there are several."""
        return action != "step" or self._page.total > len(self._page.rows)

    def look(self) -> None:
        """Draw what has changed, and have compared what was not."""
        if self._pages is None:
            self._show(self._page)
            return
        page = self._pages.page()
        if page != self._page:
            self._show(page)
        if not self._compares and (page.pending or not self._placed):
            self._compares = True
            self.run_worker(self._compare(self._pages), exit_on_error=False)

    def _catch_up(self) -> None:
        """Look more often as long as there are requests that were not read."""
        if self._page.reading:
            self.look()

    async def _compare(self, pages: CacheSource) -> None:
        try:
            while await pages.compare():
                pass
        finally:
            self._compares = False
        page = pages.page()
        if page != self._page:
            self._show(page)
        if not self._placed and page.rows:
            self._placed = True
            self._view.bring_into_view(line_of_row(page, page.here))

    def _show(self, page: CachePage) -> None:
        self._page = page
        box, some = self.query_one("#cache"), page.total > len(page.rows)
        last = page.first + len(page.rows)
        which = f"requests {page.first + 1:,}\u2013{last:,} of {page.total:,}" if some else ""
        box.border_title = Content(
            "  ".join(filter(None, ["Prompt cache", which, share_line(page.rows)]))
        )
        box.border_subtitle = "n p later, earlier  esc closes" if some else "esc closes"
        told = page.verdict
        self._verdict.display = told is not None
        if told is not None:
            self._verdict.update(Content(f"{told.glyph} {told.text}"))
            self._verdict.set_classes(f"-{told.tone}")
        self._view.show(lambda width: cache_lines(page, width))
        self._name_columns()

    def _name_columns(self) -> None:
        rows = self._page.rows
        head = heading(self._view.row_width, number_cells(rows)) if rows else line_of(("", "muted"))
        self._head.update(Content(head.pieces[0][0]))

    def action_step(self, direction: int) -> None:
        """Turn to later or earlier requests."""
        if self._pages is not None and self._pages.step(direction):
            self._placed = True
            self.look()
            self._view.action_top()

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
