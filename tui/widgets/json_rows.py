"""JSON that grows, in rows of a width: which part of which line stands in which row."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from tui.core.json_spans import Span
from tui.core.partial_json import PartialJson
from tui.core.text import one_line
from tui.widgets.row_starts import row_starts

_KEPT_LINES: Final = 256
"""Lines whose cuts are kept: those in view, and some more."""
_LONG_LINE: Final = 1_000_000
"""Characters from which on what is new of a line is too long to be looked at."""
_LONG_WIDE: Final = 65_536
"""The same for one that is not ASCII."""
_LEAST_ROOM: Final = 8
_LEAST: Final = 33
"""Per cent of a row that is filled at least, where words are too long."""
_MANY_ROWS: Final = 8
_MAY_CHANGE: Final = 3
"""Rows at the end of a line that may begin elsewhere when it grows: what pends is in them."""


class Cuts(NamedTuple):
    """Where the rows of a line begin, in code points, and the indent of all but the first."""

    starts: Sequence[int]
    indent: int = 0


class JsonRows:
    """The rows of JSON lines. A line is measured once; what changes is to be forgotten first."""

    def __init__(self, json: PartialJson, width: int) -> None:
        self.width = width
        self._json = json
        self._tops = array("Q", [0])
        """The row in which each line begins, and the count of rows."""
        self._cuts: dict[int, Cuts] = {}
        self._long: dict[int, Cuts] = {}
        """Lines of many rows: kept, for they cost much to cut."""
        self._grows = -1
        """The line that may have grown since it was cut."""

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
            cuts = self._cuts_of(line)
            self._tops.append(self._tops[-1] + len(cuts.starts))

    def forget(self, first: int) -> None:
        """Forget the rows of the lines from `first` on."""
        del self._tops[first + 1 :]
        for line in [line for line in self._cuts if line >= first]:
            del self._cuts[line]
        for line in [line for line in self._long if line > first]:
            del self._long[line]
        self._grows = first

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
        if line == self._grows:
            return self._grown(line)
        cuts = self._long.get(line) or self._cuts.get(line)
        if cuts is None:
            cuts = wrapped_rows(self._json, line, self.width)
            self._keep(line, cuts)
        return cuts

    def _grown(self, line: int) -> Cuts:
        """Cut a line that was forgotten. One of many rows only grows at its end."""
        self._grows = -1
        before = self._long.pop(line, None)
        known: Sequence[int] = ()
        if before is not None and before.starts[-1] <= self._json.line_width(line):
            known = before.starts[:-_MAY_CHANGE]
        cuts = wrapped_rows(self._json, line, self.width, known)
        self._keep(line, cuts)
        return cuts

    def _keep(self, line: int, cuts: Cuts) -> None:
        if len(cuts.starts) > _MANY_ROWS:
            self._long[line] = cuts
            return
        if len(self._cuts) >= _KEPT_LINES:
            self._cuts.clear()
        self._cuts[line] = cuts


def wrapped_rows(json: PartialJson, line: int, width: int, known: Sequence[int] = ()) -> Cuts:
    """Cut a line at blanks, and indent what follows, from the last of the `known` starts on."""
    plain = None if known else json.plain_width(line)
    if plain is not None and plain <= width:
        return Cuts((0,))
    size = json.line_width(line)
    if not known and size * 2 <= width:
        return Cuts((0,))
    head = "".join(span.text for span in json.line(line, 0, width))
    indent = min(len(head) - len(head.lstrip(" ")) + 2, max(width - _LEAST_ROOM, 0))
    room = width - indent
    at = known[-1] if known else 0
    text = "".join(span.text for span in json.line(line, at))
    if len(text) > (_LONG_LINE if text.isascii() else _LONG_WIDE):
        # Too long to be measured at once; half the width holds any wide character.
        step = room if text.isascii() else room // 2
        more: Sequence[int] = range(0, len(text), max(step, 1))
    else:
        more = row_starts(text, room if known else width, room, one_line, least=_LEAST)
    return Cuts((*known[:-1], *(at + start for start in more)), indent)
