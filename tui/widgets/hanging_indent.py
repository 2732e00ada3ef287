"""Lines of code and of JSON that are too long: what goes on is indented further than the line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.widgets.cell_wrap import drawn_clusters, is_narrow, slices
from tui.widgets.paint import StyledText
from tui.widgets.row_starts import row_starts

_DEEPER: Final = 2
"""Cells by which what goes on is indented further."""
_LEAST: Final = 33
"""Per cent of a row that is filled at least, where words are too long."""


def hang_of(text: str, width: int) -> int:
    """Return the indent, in cells, of what goes on with a line: half of `width` at most."""
    return min(len(text) - len(text.lstrip(" ")) + _DEEPER, width // 2)


def hung(runs: Sequence[StyledText], first: int, others: int) -> list[list[StyledText]]:
    """Cut a line into rows: the first of at most `first` cells, then `others` (2 or more).

    A row ends behind its last blank, which may stand over the edge; where words are too long,
    where it is full. Nothing is left out, and the indent is not put in.
    """
    text = "".join(part for part, _ in runs)
    if is_narrow(text):
        if len(text) <= first:
            return [list(runs)]
        starts = row_starts(text, first, others, str, least=_LEAST)
    else:
        # Each run is drawn on its own: what would join over its end does not.
        runs, spans = drawn_clusters(runs, others)
        text = "".join(part for part, _ in runs)
        starts = _starts(text, spans, first, others)
    return slices(runs, list(zip(starts, [*starts[1:], len(text)], strict=True)))


def _starts(text: str, spans: Sequence[tuple[int, int, int]], first: int, others: int) -> list[int]:
    """Return where rows begin, as `row_starts` does, of clusters `(start, end, cells)`."""
    starts, room = [0], first
    row = number = used = 0
    behind = 0  # The cluster behind the last blank at which the row may end.
    while number < len(spans):
        start, end, cells = spans[number]
        is_blank = text[start:end] == " "
        if used + cells > room and number > row:
            begun = bool(text[starts[-1] : start].strip(" "))
            row = number + 1 if is_blank and begun else behind if behind > row else number
            if row == len(spans):
                break
            starts.append(spans[row][0])
            number, used, room = row, 0, others
            continue
        used += cells
        number += 1
        if is_blank and used * 100 > room * _LEAST and text[starts[-1] : start].strip(" "):
            behind = number
    return starts
