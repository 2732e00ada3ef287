"""A part of the transcript that is made of lines under a heading."""

from __future__ import annotations

from bisect import bisect_right

from textual.strip import Strip

from tui.viewmodel import TranscriptItem
from tui.widgets.lines_view import wrapped_line
from tui.widgets.paint import strip_of, wire
from tui.widgets.sections import INDENT, Section, SectionStyles


class LinesSection(Section):
    """Lines under a heading."""

    def __init__(self) -> None:
        self._rows: list[Strip] = []
        self._tops: list[int] = []
        """The row in which each line begins."""
        self._item: TranscriptItem | None = None

    @property
    def height(self) -> int:
        return len(self._rows)

    def row(self, y: int) -> Strip:
        return self._rows[y]

    def source_at(self, y: int, column: int) -> int | None:
        number = bisect_right(self._tops, y)
        return number if number and self._item and self._item.kind == "sources" else None

    def take(self, item: TranscriptItem, width: int, styles: SectionStyles, budget_ns: int) -> bool:
        self._item = item
        label = f"\u2261 {wire(item.label, width - 2)}"
        self._rows, self._tops = [strip_of([(label, styles.tone["muted"])])], []
        margin = strip_of([(" " * INDENT, None)])
        for line in item.lines:
            self._tops.append(len(self._rows))
            rows = wrapped_line(line, max(width - INDENT, 1), styles.line)
            self._rows += [Strip.join([margin, row]) for row in rows]
        return True
