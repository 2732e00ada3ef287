"""What the prompt cache did for each request of a conversation, over the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

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
_MARGIN: Final = " " * (_NUMBER + 2)


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


def share_line(rows: Sequence[CacheRow]) -> str:
    """Return how much of all input tokens came from the cache, empty where nothing is known."""
    known = [row for row in rows if None not in (row.input, row.read, row.write)]
    total = sum((row.input or 0) + (row.read or 0) + (row.write or 0) for row in known)
    if not total:
        return ""
    read = sum(row.read or 0 for row in known)
    return f"{read / total:.0%} of {format_count(total)} input tokens read from the cache"


def cache_lines(rows: Sequence[CacheRow], width: int) -> list[StyledLine]:
    """Return the lines of the requests, for rows of `width` cells."""
    lines: list[StyledLine] = []
    for place, row in enumerate(rows):
        if place:
            lines.append(StyledLine())
        lines.append(_facts(row, width))
        lines += [line_of((wire(f"{_MARGIN}{note}", width), "muted")) for note in row.notes]
        lines.extend(_break(row, width))
    if len(rows) == 1:
        lines.append(StyledLine())
        lines += [line_of((line, "muted")) for line in wrapped_text(_FEWEST, width)]
    return lines


class CacheColumns(NamedTuple):
    """Cells for what gives way on a narrow screen."""

    when: int
    model: int
    gauge: int


def columns(width: int) -> CacheColumns:
    """Return the columns for rows of `width` cells: first the bar goes, then the time."""
    rest = width - len(_MARGIN) - 3 * _COUNT - _RATE
    for when, gauge, least in _GIVING_WAY:
        if rest - when - gauge >= least:
            return CacheColumns(when, rest - when - gauge, gauge)
    return CacheColumns(0, 0, 0)


def heading(width: int) -> StyledLine:
    """Return the names of the columns."""
    when, model, gauge = columns(width)
    names = "".join(f"{name:>{_COUNT}}" for name in ("input", "read", "write"))
    first = f"{'when' if when else '':<{when}}{'model' if model else '':<{model}}"
    text = f"{'#':>{_NUMBER}}  {first}{names}"
    return line_of((text + " " * gauge + f"{'hits':>{_RATE}}", "muted"))


def _facts(row: CacheRow, width: int) -> StyledLine:
    when, model, gauge = columns(width)
    read: LineStyle = "good" if row.read else "plain"
    rate = "" if row.hit_rate is None else f"{row.hit_rate:.0%}"
    full, rest = _share_bar(row.hit_rate, max(gauge - 2, 0))
    return line_of(
        (f"{row.number:>{_NUMBER}}  ", "muted"),
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


def _break(row: CacheRow, width: int) -> list[StyledLine]:
    """Return where the prefix ends that the row has in common with the one before."""
    if not row.broke_at:
        return []
    room = width - len(_MARGIN) - 2
    lines = [line_of((f"{_MARGIN}first difference at ", "muted"), (one_line(row.broke_at), "path"))]
    sides: tuple[tuple[str, str | None, LineStyle], ...] = (
        ("\u2212", row.before, "removed"),
        ("+", row.after, "added"),
    )
    for sign, text, style in sides:
        mark = (f"{_MARGIN}{sign} ", style)
        shown = line_of(mark, ("nothing", "muted"))
        lines.append(shown if text is None else line_of(mark, (wire(text, room), style)))
    return lines


# --- the screen -----------------------------------------------------------------------------------


class CacheView(ModalScreen[None]):
    """Shows what the cache did for the requests of a conversation, the oldest first."""

    BINDINGS = [("escape,q", "close", "Close")]

    def __init__(self, rows: Sequence[CacheRow], verdict: VerdictView | None = None) -> None:
        """`verdict` is on the cache, for the run that is shown."""
        super().__init__()
        self._requests = rows
        self._verdict = verdict
        self._view = LinesView(id="cache-lines", placeholder=_NOTHING)

    def compose(self) -> ComposeResult:
        with Vertical(id="cache") as box:
            box.border_title = "Prompt cache"
            box.border_subtitle = "esc closes"
            if self._verdict is not None:
                told = f"{self._verdict.glyph} {self._verdict.text}"
                yield Static(Content(told), id="cache-verdict", classes=f"-{self._verdict.tone}")
            yield Static("", id="cache-head", markup=False)
            yield self._view

    def on_mount(self) -> None:
        self._view.focus()
        self.show(self._requests)

    def on_resize(self) -> None:
        self.call_after_refresh(self._head)

    def show(self, rows: Sequence[CacheRow]) -> None:
        """Draw these requests instead."""
        self._requests = rows
        share = share_line(rows)
        title = f"Prompt cache  {share}" if share else "Prompt cache"
        self.query_one("#cache").border_title = Content(title)
        self._view.show(lambda width: cache_lines(rows, width))
        self._head()

    def _head(self) -> None:
        text = heading(self._view.row_width).pieces[0][0] if self._requests else ""
        self.query_one("#cache-head", Static).update(Content(text))

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
