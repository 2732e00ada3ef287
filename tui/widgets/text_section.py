"""Text of an answer, laid out in rows: as Markdown, or as it came."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from rich.cells import cell_len
from textual.strip import Strip

from tui.core.citations import MARK
from tui.core.state import Buffer
from tui.viewmodel import TranscriptItem
from tui.widgets.markdown.lines import MarkdownLines
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import strip_of
from tui.widgets.sections import Section, SectionStyles
from tui.widgets.source_lines import SourceLines
from tui.widgets.strip_text import cluster_at, word_at

_CARET: Final = "\u258c"


class TextSection(Section):
    """Text of the answer, as Markdown or as it came."""

    def __init__(self, theme: MarkdownTheme) -> None:
        self._theme = theme
        self._version = 0
        self._body = Buffer()
        self._lines = MarkdownLines(theme)
        self._source = SourceLines()
        self._styles: SectionStyles | None = None
        self._as_it_came = False
        self._cited = False
        self._caret = False
        self._highlight: tuple[int, int] | None = None

    @property
    def height(self) -> int:
        rows = self._source.height if self._as_it_came else self._lines.height
        return max(rows, 1 if self._caret else 0)

    def row(self, y: int) -> Strip:
        assert self._styles is not None
        if self._as_it_came:
            strip = Strip([])
            if y < self._source.height:
                strip = self._source.row(
                    y, self._styles.tone["plain"], self._highlight, self._styles.highlight
                )
        else:
            strip = self._lines.line(y) if y < self._lines.height else Strip([])
        if self._caret and y == self.height - 1:
            strip = Strip.join([_trimmed(strip), strip_of([(_CARET, self._styles.caret)])])
        return strip

    def offset_at(self, y: int, column: int) -> int:
        if self._as_it_came:
            return self._source.offset_at(y, column) if y < self._source.height else 0
        return self._origin(y, column) if y < self._lines.height else 0

    def _origin(self, y: int, column: int) -> int:
        """Return the code point that a cell of rendered Markdown was made of, as far as known.

        The word there is looked for in its block: it is the same one of those that are alike.
        """
        first, _, start, size = self._part(y)
        rows = [self._lines.line(number).text for number in range(first, y + 1)]
        cluster = cluster_at(rows[-1], column)
        if cluster is None:
            return start
        low, high = word_at(rows[-1], cluster[0])
        word = rows[-1][low:high]
        alike = sum(row.count(word) for row in rows[:-1]) + rows[-1].count(word, 0, low)
        source = self._body.slice(start, start + size)
        found = place = source.find(word)
        while alike and place >= 0:
            found, alike = place, alike - 1
            place = source.find(word, place + len(word))
        found = place if place >= 0 else found
        return start + (found + cluster[0] - low if found >= 0 else 0)

    def source_at(self, y: int, column: int) -> int | None:
        if not self._cited or y >= self.height:
            return None
        text = self.row(y).text
        for mark in MARK.finditer(text):
            start = cell_len(text[: mark.start()])
            if start <= column < start + len(mark[0]):
                return int(mark[0][1:-1])
        return None

    def margin_of(self, y: int) -> int:
        wrapped = self._as_it_came and 0 < y < self._source.height and self._source.goes_on(y)
        return 0 if wrapped else -1

    def place_at(self, y: int) -> float:
        if self._as_it_came:
            return self.offset_at(y, 0)
        if y >= self._lines.height:
            return 0
        first, count, start, size = self._part(y)
        return start + size * (y - first) / count

    def row_at(self, place: float) -> int:
        if self._as_it_came:
            return self._source.row_of(int(place))
        rows = range(self._lines.height)
        y = bisect_right(rows, place, key=lambda y: self._lines.source_range(y)[0]) - 1
        if y < 0:
            return 0
        first, count, start, size = self._part(y)
        return first + min(int((place - start) * count / max(size, 1)), count - 1)

    def _part(self, y: int) -> tuple[int, int, int, int]:
        """Return the rows that show the same part of the text as row `y`, and that part.

        That is the first row and their number, the first code point and their number.
        """
        source_range = self._lines.source_range
        start, end = source_range(y)
        first = last = y
        while first and source_range(first - 1)[0] == start:
            first -= 1
        while last + 1 < self._lines.height and source_range(last + 1)[0] == start:
            last += 1
        return first, last - first + 1, start, end - start

    def take(self, item: TranscriptItem, width: int, styles: SectionStyles, budget_ns: int) -> bool:
        theme = styles.cited if item.cited else styles.theme
        if item.version != self._version or theme is not self._theme:
            self._theme, self._version = theme, item.version
            self._lines, self._source = MarkdownLines(theme), SourceLines()
        self._styles = styles
        self._cited = item.cited is not None
        self._caret = item.open
        self._highlight = item.highlight
        body = self._body = item.body if isinstance(item.body, Buffer) else Buffer(item.body)
        self._as_it_came = styles.source or item.long
        if self._as_it_came:
            return self._source.update(body, max(width - 1, 1), budget_ns=budget_ns)
        return self._lines.update(body, max(width - 1, 1), final=not item.open, budget_ns=budget_ns)


def _trimmed(strip: Strip) -> Strip:
    return strip.crop(0, cell_len(strip.text.rstrip(" ")))
