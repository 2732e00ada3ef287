"""JSON that grows, in rows of a width: which part of which line stands in which row."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from tui.core.partial_json import PartialJson, Span
from tui.core.text import one_line
from tui.widgets.clusters import clusters, filled

_KEPT_LINES: Final = 256
"""Lines whose cuts are kept: those in view, and some more."""
_LONG_LINE: Final = 20_000
"""Characters from which on a line is too long to be looked at."""
_LONG_WIDE: Final = 4_000
"""The same for one that is not ASCII and is measured whenever it grows."""
_LEAST_ROOM: Final = 8


class Cuts(NamedTuple):
    """Where the rows of a line begin, in code points, and the indent of all but the first."""

    starts: Sequence[int]
    indent: int = 0


Wrapping: TypeAlias = Callable[[PartialJson, int, int], Cuts]
"""Cuts a line, by its number, for a width."""


class JsonRows:
    """The rows of JSON lines. A line is measured once; what changes is to be forgotten first."""

    def __init__(self, json: PartialJson, width: int, wrapping: Wrapping) -> None:
        self.width = width
        self._json = json
        self._wrapping = wrapping
        self._tops = array("Q", [0])
        """The row in which each line begins, and the count of rows."""
        self._cuts: dict[int, Cuts] = {}

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self._tops[-1]

    @property
    def lines(self) -> int:
        """How many lines are measured."""
        return len(self._tops) - 1

    def measure(self, end: int) -> None:
        """Find the rows of the lines below `end`."""
        for line in range(self.lines, end):
            cuts = self._wrapping(self._json, line, self.width)
            self._tops.append(self._tops[-1] + len(cuts.starts))

    def forget(self, first: int) -> None:
        """Forget the rows of the lines from `first` on."""
        del self._tops[first + 1 :]
        for line in [line for line in self._cuts if line >= first]:
            del self._cuts[line]

    def top(self, line: int) -> int:
        """Return the first row of a line; of one that is not there, the end."""
        return self._tops[min(line, self.lines)]

    def part(self, y: int) -> tuple[int, int]:
        """Return the line of a row, and which of the line's rows it is."""
        line = max(bisect_right(self._tops, y) - 1, 0)
        return line, y - self._tops[line]

    def row_of(self, line: int, column: int) -> int:
        """Return the row that shows a code point of a line."""
        return self._tops[line] + bisect_right(self._cuts_of(line).starts, column) - 1

    def indent(self, line: int) -> int:
        """Return the indent of all rows of a line but the first."""
        return self._cuts_of(line).indent

    def spans(self, line: int, number: int) -> tuple[Span, ...]:
        """Return what stands in one of the rows of a line."""
        starts = self._cuts_of(line).starts
        end = starts[number + 1] if number + 1 < len(starts) else None
        return self._json.line(line, starts[number], end)

    def _cuts_of(self, line: int) -> Cuts:
        cuts = self._cuts.get(line)
        if cuts is None:
            if len(self._cuts) >= _KEPT_LINES:
                self._cuts.clear()
            cuts = self._cuts[line] = self._wrapping(self._json, line, self.width)
        return cuts


def full_rows(json: PartialJson, line: int, width: int) -> Cuts:
    """Cut a line wherever a row is full: quick, for what grows many times a second."""
    size = json.line_width(line)
    # Too long to be measured on every frame; half the width holds any wide character.
    unmeasured = Cuts(range(0, size, max(width // 2, 1)))
    if size > _LONG_LINE:
        return unmeasured
    text = "".join(span.text for span in json.line(line))
    if text.isascii() and text.isprintable():
        return Cuts(range(0, max(size, 1), width))
    return unmeasured if size > _LONG_WIDE else Cuts(filled(clusters(text, one_line), width))


def hanging_rows(json: PartialJson, line: int, width: int, *, narrow: bool) -> Cuts:
    """Cut a line at blanks, and indent what follows. `narrow` says that a character is a cell."""
    size = json.line_width(line)
    if size <= width and (narrow or size * 2 <= width):
        return Cuts((0,))
    head = "".join(span.text for span in json.line(line, 0, width))
    indent = min(len(head) - len(head.lstrip(" ")) + 2, max(width - _LEAST_ROOM, 0))
    room = width - indent
    if size > _LONG_LINE:
        part = 1 if narrow else 2
        step = max(room // part, 1)
        return Cuts((0, *range(max(width // part, 1), size, step)), indent)
    text = "".join(span.text for span in json.line(line))
    return Cuts((narrow_starts if narrow else wide_starts)(text, width, room), indent)


def narrow_starts(text: str, width: int, room: int) -> list[int]:
    """Return where rows begin: the first has `width` cells and the others `room`.

    After a blank, where there is one in the last third of a row.
    """
    starts, here = [0], width
    while len(text) - starts[-1] > here:
        start = starts[-1]
        end = min(start + here + 1, len(text) - 1)
        blank = text.rfind(" ", start + here * 2 // 3, end)
        starts.append(start + here if blank < 0 else blank + 1)
        here = room
    return starts


def wide_starts(text: str, width: int, room: int) -> list[int]:
    """Return the same for a text whose characters are not all one cell wide."""
    starts, here = [0], width
    used = since = after = 0
    for start, end, cells in clusters(text, one_line):
        if used and used + cells > here:
            if after > starts[-1] and since <= min(here // 3, room - cells):
                starts.append(after)
                used = since
            else:
                starts.append(start)
                used = 0
            here = room
        used += cells
        since += cells
        if text[start] == " ":
            after, since = end, 0
    return starts
