"""Growing text as rows, as it came: every row knows which code points it shows."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from typing import Final

from rich.style import Style
from textual.strip import Strip

from tui.core.state import Buffer
from tui.core.text import sanitize
from tui.widgets.clusters import clusters
from tui.widgets.paint import StyledText, strip_of
from tui.widgets.row_starts import row_starts

_STEP: Final = 16_384
_TAB: Final = "    "


class SourceLines:
    """Text wrapped to a width, at blanks where there are any. Only what is new is looked at."""

    def __init__(self) -> None:
        self._text = Buffer()
        self._width = 0
        self._starts: array[int] = array("Q", [0])
        self._read = 0

    @property
    def height(self) -> int:
        """The number of rows; an empty text has none."""
        return len(self._starts) if self._read else 0

    def update(self, text: Buffer, width: int, *, budget_ns: int | None = None) -> bool:
        """Lay out what is new; False where the budget ran out and there is more to do.

        At least one step is made. A text that got shorter keeps the rows that it still has.
        """
        if width != self._width:
            self._width = width
            self._starts = array("Q", [0])
            self._read = 0
        if len(text) < self._read:
            del self._starts[max(bisect_right(self._starts, len(text)) - 1, 1) :]
            self._read = self._starts[-1]
        self._text = text
        end_ns = None if budget_ns is None else time.perf_counter_ns() + budget_ns
        while self._read < len(text):
            self._lay_out(min(self._read + _STEP, len(text)))
            if end_ns is not None and time.perf_counter_ns() >= end_ns:
                break
        return self._read == len(text)

    def _lay_out(self, end: int) -> None:
        """Wrap from the beginning of the last row, which may have grown, up to `end`."""
        at = self._starts.pop()
        for line in self._text.slice(at, end).split("\n"):
            starts = row_starts(line, self._width, self._width, _shown)
            self._starts.extend([at + start for start in starts])
            at += len(line) + 1
        self._read = end

    def span(self, y: int) -> tuple[int, int]:
        """Return the range of code points of a row, without its line feed."""
        start = self._starts[y]
        end = self._starts[y + 1] if y + 1 < len(self._starts) else self._read
        return start, end

    def goes_on(self, y: int) -> bool:
        """Whether row `y` belongs to the same line of the text as the row above it."""
        start = self._starts[y]
        return start > 0 and self._text.slice(start - 1, start) != "\n"

    def offset_at(self, y: int, column: int) -> int:
        """Return the code point at a cell of a row; past its end the last one of the row."""
        start, end = self.span(y)
        for place, _, cells in clusters(self._text.slice(start, end), _shown):
            column -= cells
            if column < 0:
                return start + place
        return max(end - 1, start)

    def row_of(self, offset: int) -> int:
        """Return the row that shows a code point."""
        return max(bisect_right(self._starts, offset) - 1, 0)

    def row(
        self, y: int, style: Style, highlight: tuple[int, int] | None, highlight_style: Style
    ) -> Strip:
        """Draw a row; the code points in the range `highlight` in another style."""
        start, end = self.span(y)
        text = self._text.slice(start, end)
        if highlight is None or highlight[1] <= start or highlight[0] >= end:
            return strip_of([(_shown(text), style)])
        low, high = max(highlight[0] - start, 0), min(highlight[1] - start, len(text))
        pieces: list[StyledText] = [
            (_shown(text[:low]), style),
            (_shown(text[low:high], feeds=True), style + highlight_style),
            (_shown(text[high:]), style),
        ]
        return strip_of(pieces)


def _shown(text: str, *, feeds: bool = False) -> str:
    """Return what is drawn for text. Line feeds are only seen where they are pointed at."""
    return sanitize(text).replace("\n", "\u23ce" if feeds else "").replace("\t", _TAB)
