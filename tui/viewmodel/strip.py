"""The timeline strip: the whole run in one or two rows of cells."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from tui.find.markers import StripColumn, column_of, density, seq_at
from tui.viewmodel.views import Moment

_BARS: Final = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"


class StripCell(NamedTuple):
    """A column of a row of the strip, and the style it is drawn in."""

    text: str
    style: str


_ERROR: Final = StripCell("\u2717", "error")
_FINDING: Final = StripCell("\u25b2", "finding")


class Strips(NamedTuple):
    """The rows of the strip, and the column of the cursor where there is one."""

    bars: list[StripCell]
    marks: list[StripCell]
    cursor: int | None


def strips(moment: Moment, width: int, evidence: Collection[int] = (), rows: int = 2) -> Strips:
    """Return the strip for `width` columns: density above, what happened below.

    `evidence` are the events that findings lead to. Where the strip has one row, they stand there.
    """
    run = moment.run
    cells = density(run, width)
    found = {column_of(run, seq, width) for seq in evidence if seq < moment.head}
    top = max((cell.events for cell in cells), default=0)
    cursor = None
    if moment.travelling and moment.count:
        cursor = column_of(moment.run, moment.count - 1, width)
    bars, marks = [_bar(cell, top) for cell in cells], [_mark(cell) for cell in cells]
    for column in found:
        row = bars if rows == 1 else marks
        if column is not None and row[column] != _ERROR:
            row[column] = _FINDING
    return Strips(bars, marks, cursor)


def event_at(moment: Moment, column: int, width: int) -> int | None:
    """Return the event that a click on a column means."""
    return seq_at(moment.run, column, width)


def _bar(cell: StripColumn, top: int) -> StripCell:
    if cell.error:
        return _ERROR
    if not cell.events:
        return StripCell("\u2591" if cell.stall else " ", "stall")
    # Something is never nothing: one event is the lowest bar.
    height = (cell.events * len(_BARS) + top - 1) // top - 1
    return StripCell(_BARS[height], cell.kind or "other")


def _mark(cell: StripColumn) -> StripCell:
    if cell.error:
        return _ERROR
    if cell.anomaly:
        return StripCell("\u26a0", "stall")
    if cell.stall:
        return StripCell("\u223c", "stall")
    if cell.block:
        return StripCell("\u2534", "block")
    return StripCell("\u2500", "line")
