"""A tool call, laid out in rows: its JSON as it arrives, soft-wrapped."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from textwrap import wrap as wrap_words
from typing import Final

from tui.core.partial_json import PartialJson, Span
from tui.core.state import Block
from tui.core.text import one_line
from tui.viewmodel import ToolItem
from tui.widgets.clusters import clusters

_HEAD: Final = 64
"""Columns among which the text of a line begins, behind its indentation."""
_KEPT_LINES: Final = 256
"""Lines whose cuts are kept: those in view, and some more."""
_LONG_ASCII: Final = 20_000
_LONG_LINE: Final = 4_000
"""Characters from which on a line is too long to be measured whenever it grows."""


class ToolCall:
    """One call, laid out: a heading, the JSON soft-wrapped to the width, a note, a blank row."""

    def __init__(self) -> None:
        self.item: ToolItem | None = None
        self.notes: list[str] = []
        self.complete = False
        """Whether all that arrived is laid out."""
        self._ends: list[int] = []
        self._ends_of = 0
        self._ends_at = 0
        self._begin(0)

    def _begin(self, width: int) -> None:
        """Forget what was read, to lay it out for `width`."""
        self.json = PartialJson(width)
        self._width = width
        self._fed = 0
        self._finished = False
        self._wraps = [0]
        self._settled = 0
        self._cuts: dict[int, Sequence[int]] = {}

    def is_done(self, item: ToolItem, width: int) -> bool:
        """Whether there is nothing to do: an item that did not change is the same object."""
        return self.complete and self.item is item and self._width == width

    def put_off(self, item: ToolItem) -> None:
        """Take note of a call that is laid out later: until then it is a heading."""
        self.item = item
        self.complete = False

    def take(self, item: ToolItem, width: int, budget: int) -> int:
        """Read at most `budget` characters that are new, and lay them out; return how many."""
        block = item.block
        text = block.json
        if len(text) < self._fed or (self._finished and not block.stopped) or width != self._width:
            self._begin(width)
        self.item = item
        note = _note(block)
        self.notes = wrap_words(one_line(note), width) if note else []
        read = min(len(text) - self._fed, max(budget, 0))
        if read:
            self.json.feed(text.slice(self._fed, self._fed + read))
            self._fed += read
        all_read = self._fed == len(text)
        finishes = all_read and block.stopped and not self._finished
        if finishes:
            self._finished = True
            if self._fed:
                self.json.finish()
        self.complete = all_read
        if read or finishes:
            self._lay_out()
        return read

    def _lay_out(self) -> None:
        """Find where the lines are wrapped. Lines that no longer change are measured once."""
        for number in [number for number in self._cuts if number >= self._settled]:
            del self._cuts[number]
        del self._wraps[self._settled + 1 :]
        count = self.json.line_count() if self._fed else 0
        for number in range(self._settled, count):
            self._wraps.append(self._wraps[-1] + len(self._measured(number)))
        self._settled = min(self.json.settled_count(), count) if self._fed else 0

    def _cuts_of(self, number: int) -> Sequence[int]:
        """Return where the rows of a line begin, in code points."""
        cuts = self._cuts.get(number)
        if cuts is None:
            if len(self._cuts) >= _KEPT_LINES:
                self._cuts.clear()
            cuts = self._cuts[number] = self._measured(number)
        return cuts

    def _measured(self, number: int) -> Sequence[int]:
        size = self.json.line_width(number)
        # Too long to be measured on every frame; half the width holds any wide character.
        unmeasured = range(0, size, max(self._width // 2, 1))
        if size > _LONG_ASCII:
            return unmeasured
        text = "".join(span.text for span in self.json.line(number))
        if text.isascii() and text.isprintable():
            return range(0, max(size, 1), self._width)
        if size > _LONG_LINE:
            return unmeasured
        cuts, used = [0], 0
        for place, _, cells in clusters(text, one_line):
            if used and used + cells > self._width:
                cuts.append(place)
                used = 0
            used += cells
        return cuts

    def fragment_ends(self) -> list[int]:
        """Return where the fragments end, in code points; those without text left out."""
        fragments = self.item.block.fragments if self.item else ()
        if len(fragments) < self._ends_of:
            self._ends, self._ends_of, self._ends_at = [], 0, 0
        for size in fragments[self._ends_of :]:
            self._ends_at += size
            if size:
                self._ends.append(self._ends_at)
        self._ends_of = len(fragments)
        return self._ends

    def row_spans(self, line: int, wrap: int) -> tuple[Span, ...]:
        """Return the spans of one row of a line, at the width it was laid out for."""
        # The pane may have another width by now: it is drawn once before it is laid out again.
        cuts = self._cuts_of(line)
        end = cuts[wrap + 1] if wrap + 1 < len(cuts) else None
        return self.json.line(line, cuts[wrap], end)

    def row_of(self, offset: int) -> int:
        """Return the row, below the heading, that shows a code point of the raw text."""
        line = bisect_right(range(len(self._wraps) - 1), offset, key=self._begins) - 1
        if line < 0:
            return 0
        column = 0
        # Of a very long line the end is not looked for: nearly all of it is one string.
        for text, _, start in self.json.line(line, 0, _LONG_ASCII):
            if start >= 0 and offset < start + len(text):
                column += max(offset - start, 0)
                break
            column += len(text)
        else:
            column = max(column, offset - self._begins(line))
        return self._wraps[line] + bisect_right(self._cuts_of(line), column) - 1

    def _begins(self, line: int) -> int:
        """Return the first code point of the raw text on a line; what is pending comes last."""
        spans = self.json.line(line, 0, _HEAD)
        return next((span.start for span in spans if span.start >= 0), sys.maxsize)

    @property
    def height(self) -> int:
        """Rows, with the heading and the blank row behind."""
        return 1 + self._wraps[-1] + len(self.notes) + 1

    def place(self, row: int) -> tuple[int, int] | None:
        """Return JSON line and wrap of a row below the heading, None past the JSON."""
        if row >= self._wraps[-1]:
            return None
        line = bisect_right(self._wraps, row) - 1
        return line, row - self._wraps[line]


def _note(block: Block) -> str:
    if block.input_error is not None:
        return f"not valid JSON at character {block.input_error[0]}: {block.input_error[1]}"
    if not len(block.json) and block.start.get("input"):
        return "the input came whole, with the start of the block"
    return ""
