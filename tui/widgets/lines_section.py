"""A part of the transcript that is made of lines under a heading, and can be folded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from textual.strip import Strip

from tui.core.state import Buffer
from tui.viewmodel import TranscriptItem
from tui.viewmodel.json_lines import value_lines
from tui.viewmodel.lines import StyledLine, line_of
from tui.viewmodel.media import told_size
from tui.widgets.lines_view import margin_of_line, wrapped_line
from tui.widgets.markdown.lines import MarkdownLines
from tui.widgets.paint import strip_of
from tui.widgets.sections import INDENT, Section, SectionStyles, heading

_FOLDED: Final = 8
"""Rows that are shown of what is folded."""
_WHOLE: Final = ("sources", "next")
"""What is never folded."""
_GLANCE: Final = 4_000
"""Code points of Markdown that are laid out for these."""


class LinesSection(Section):
    """Lines, and Markdown below them: what a tool gave, the sources. As it came, it is JSON."""

    def __init__(self) -> None:
        self.unfolded = False
        self._item: TranscriptItem | None = None
        self._width = 0
        self._styles: SectionStyles | None = None
        self._lines: Sequence[StyledLine] = ()
        self._body = Buffer()
        self._rows: list[Strip] = []
        """The heading, and the lines."""
        self._tops: list[int] = []
        """The row in which each line begins."""
        self._markdown: MarkdownLines | None = None
        self._drawn = 0
        """Rows of Markdown."""
        self._note: Strip | None = None
        """The last row: what is folded away, or that it can be folded."""

    @property
    def height(self) -> int:
        return len(self._rows) + self._drawn + (self._note is not None)

    @property
    def folds(self) -> bool:
        """Whether there is more than is shown while it is folded."""
        return self._note is not None

    def is_fold(self, y: int) -> bool:
        """Whether a row is the one that says what is folded away."""
        return self.folds and y == self.height - 1

    def row(self, y: int) -> Strip:
        if y < len(self._rows):
            return self._rows[y]
        y -= len(self._rows)
        if y < self._drawn and self._markdown is not None:
            return _indented(self._markdown.line(y))
        return self._note or Strip([])

    def source_at(self, y: int, column: int) -> int | None:
        number = bisect_right(self._tops, y)
        return number if number and self._item and self._item.kind == "sources" else None

    def margin_of(self, y: int) -> int:
        number = bisect_right(self._tops, y) - 1
        if number < 0 or y >= len(self._rows) or self._tops[number] == y:
            return -1
        return INDENT + margin_of_line(self._lines[number], max(self._width - INDENT, 1))

    def take(self, item: TranscriptItem, width: int, styles: SectionStyles, budget_ns: int) -> bool:
        if (item is not self._item) or (width, styles) != (self._width, self._styles):
            self._item, self._width, self._styles = item, width, styles
            as_it_came = styles.source and item.value is not None
            self._lines, self._body = item.lines, Buffer()
            if as_it_came and item.value is not None:
                self._lines = value_lines(item.value())
            elif isinstance(item.body, str) and item.markdown:
                self._body = Buffer(item.body)
            elif isinstance(item.body, str) and not item.lines:
                self._lines = [line_of((line, "muted")) for line in _lines_of(item.body)]
            self._markdown = None
        return self._lay_out(budget_ns)

    def toggle(self) -> None:
        """Fold it, or unfold it; to be taken again after that."""
        self.unfolded = not self.unfolded
        self._markdown = None

    def _lay_out(self, budget_ns: int) -> bool:
        item, styles = self._item, self._styles
        assert item is not None and styles is not None
        heads = heading("\u2261 ", item.label, styles.tone[item.tone], self._width)
        rows, tops = self._wrapped(styles)
        shown, done = 0, True
        if len(self._body):
            markdown = self._markdown = self._markdown or MarkdownLines(styles.theme)
            body = self._body if self.unfolded else self._body.upto(_GLANCE)
            room = max(self._width - INDENT, 1)
            done = markdown.update(body, room, final=True, budget_ns=budget_ns)
            shown = markdown.height
        more = len(rows) + shown > _FOLDED + 1 or (shown > 0 and len(self._body) > _GLANCE)
        self._note = None
        if more and item.kind not in _WHOLE:
            said = "\u25be enter folds"
            if not self.unfolded:
                rows = rows[:_FOLDED]
                shown = min(shown, _FOLDED - len(rows))
                while shown and self._markdown and not self._markdown.line(shown - 1).text.strip():
                    shown -= 1
                tops = [top for top in tops if top < len(rows)]
                said = f"\u25b8 {self._left_out(len(tops), shown)}  enter unfolds"
            self._note = _indented(strip_of([(said, styles.tone["muted"])]))
        self._rows, self._drawn = [*heads, *rows], shown
        self._tops = [top + len(heads) for top in tops]
        return done

    def _wrapped(self, styles: SectionStyles) -> tuple[list[Strip], list[int]]:
        """Return the rows of the lines, of folded ones not many more than are shown.

        Beside them, the row in which each line begins.
        """
        rows: list[Strip] = []
        tops: list[int] = []
        room = max(self._width - INDENT, 1)
        all_of_it = self.unfolded or (self._item is not None and self._item.kind in _WHOLE)
        for line in self._lines:
            tops.append(len(rows))
            rows += map(_indented, wrapped_line(line, room, styles.line))
            if not all_of_it and len(rows) > _FOLDED + 1:
                break
        return rows, tops

    def _left_out(self, lines: int, drawn: int) -> str:
        """Return how much is folded away behind so many lines and rows of Markdown."""
        count = len(self._lines) - lines
        parts = [f"{count:,} more line{'' if count == 1 else 's'}"] if count else []
        if len(self._body):
            parts.append(f"{told_size(self._body.text())}{' in all' if drawn else ' of text'}")
        return ", ".join(parts) or "more"


def _indented(row: Strip) -> Strip:
    return Strip.join([strip_of([(" " * INDENT, None)]), row])


def _lines_of(text: str) -> list[str]:
    return text.split("\n") if text else []
