"""A tool call, laid out in rows: its JSON as it arrives, soft-wrapped."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable
from typing import Final, TypeAlias

from textual.strip import Strip

from tui.core.json_spans import Span
from tui.core.partial_json import PartialJson
from tui.core.state import Block, Buffer
from tui.core.text import one_line
from tui.viewmodel import ToolItem
from tui.viewmodel.tools import input_text
from tui.widgets.cell_wrap import wrapped_text
from tui.widgets.json_rows import JsonRows

_HEAD: Final = 64
"""Columns among which the text of a line begins, behind its indentation."""
_LAID_OUT_AT_ONCE: Final = 32_768
"""Characters of an input that can be laid out again when it is looked at."""
_LONG_LINE: Final = 20_000
"""Characters among which a code point is looked for."""


Decoding: TypeAlias = Callable[[Buffer, int, bool], list[Strip] | None]
"""Makes rows of an input for a width; is told whether it is whole."""


class ToolCall:
    """One call, laid out: a heading, the JSON soft-wrapped to the width, a note, a blank row.

    One that is not looked at can rest: then it is its height, and is laid out again when asked for
    more.
    """

    def __init__(self) -> None:
        self.item: ToolItem | None = None
        self.notes: list[str] = []
        self.complete = False
        """Whether all that arrived is laid out."""
        self._came_whole = False
        """Whether the input came with the start of its block."""
        self.decoded: list[Strip] | None = None
        """The rows of the input as it is meant; None shows it as JSON."""
        self._ends: list[int] = []
        self._ends_of = 0
        self._ends_at = 0
        self._begin(0)

    def _begin(self, width: int) -> None:
        """Forget what was read, to lay it out for `width`."""
        self._width = width
        self._fed = 0
        self._finished = False
        self._layout: tuple[PartialJson, JsonRows] | None = None
        self._height = 0
        self._settled = 0

    def rest(self) -> None:
        """Keep only the height of a call that will not change, if it is short."""
        if self.complete and self._finished and self._fed <= _LAID_OUT_AT_ONCE:
            self._layout = None

    def _laid_out(self) -> tuple[PartialJson, JsonRows]:
        """Return the input and its rows, as far as it was read."""
        if self._layout is None:
            json = PartialJson(self._width)
            rows = JsonRows(json, self._width)
            if self._fed and self.item is not None:
                json.feed(input_text(self.item.block)[0].slice(0, self._fed))
                if self._finished:
                    json.finish()
                rows.measure(json.line_count())
            self._layout = json, rows
        return self._layout

    def decode(self, how: Decoding | None) -> None:
        """Show the input as it is meant, or as JSON."""
        item = self.item
        self.decoded = None
        if how is not None and item is not None and self.complete:
            self.decoded = how(input_text(item.block)[0], self._width, item.block.stopped)

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
        text, came_whole = input_text(block)
        if (
            came_whole != self._came_whole
            or len(text) < self._fed
            or (self._finished and not block.stopped)
            or width != self._width
        ):
            self._begin(width)
            self._came_whole = came_whole
        self.item = item
        note = _note(block)
        self.notes = wrapped_text(one_line(note), width) if note else []
        read = min(len(text) - self._fed, max(budget, 0))
        if read:
            self._laid_out()[0].feed(text.slice(self._fed, self._fed + read))
            self._fed += read
        all_read = self._fed == len(text)
        finishes = all_read and block.stopped and not self._finished
        if finishes:
            if self._fed:
                self._laid_out()[0].finish()
            self._finished = True
        self.complete = all_read
        if read or finishes:
            self._lay_out()
        return read

    def _lay_out(self) -> None:
        """Find where the lines are wrapped. Lines that no longer change are measured once."""
        if not self._fed:
            return
        json, rows = self._laid_out()
        rows.forget(self._settled)
        count = json.line_count()
        rows.measure(count)
        self._settled = min(json.settled_count(), count)
        self._height = rows.height

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
        return self._laid_out()[1].spans(line, wrap)

    def indent(self, line: int, wrap: int) -> int:
        """Return the blanks before a row that goes on with a line."""
        return self._laid_out()[1].indent(line) if wrap else 0

    def row_of(self, offset: int) -> int:
        """Return the row, below the heading, that shows a code point of the raw text."""
        json, rows = self._laid_out()
        line = bisect_right(range(rows.lines), offset, key=self._begins) - 1
        if line < 0:
            return 0
        column = 0
        # Of a very long line the end is not looked for: nearly all of it is one string.
        for text, _, start in json.line(line, 0, _LONG_LINE):
            if start >= 0 and offset < start + len(text):
                column += max(offset - start, 0)
                break
            column += len(text)
        else:
            column = max(column, offset - self._begins(line))
        return rows.row_of(line, column)

    def _begins(self, line: int) -> int:
        """Return the first code point of the raw text on a line; what is pending comes last."""
        spans = self._laid_out()[0].line(line, 0, _HEAD)
        return next((span.start for span in spans if span.start >= 0), sys.maxsize)

    @property
    def height(self) -> int:
        """Rows, with the heading and the blank row behind."""
        return 1 + self.body_height + len(self.notes) + 1

    @property
    def body_height(self) -> int:
        """Rows of the input."""
        return self._height if self.decoded is None else len(self.decoded)

    def place(self, row: int) -> tuple[int, int] | None:
        """Return JSON line and wrap of a row below the heading, None where no JSON is shown."""
        shown = self.decoded is None and row < self.body_height
        return self._laid_out()[1].part(row) if shown else None


def _note(block: Block) -> str:
    if block.input_error is not None:
        return f"not valid JSON at character {block.input_error[0]}: {block.input_error[1]}"
    return ""
