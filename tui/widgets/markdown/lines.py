"""The lines of a Markdown text that grows while it is drawn."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from time import perf_counter_ns
from typing import Final, NamedTuple, Protocol

from textual.strip import Strip

from tui.widgets.markdown.block import MarkdownBlock
from tui.widgets.markdown.blocks import Scanner
from tui.widgets.markdown.draw import Carry, Line, Painter
from tui.widgets.markdown.theme import MarkdownTheme

_SLICE: Final = 4096
_CHECKPOINT_EVERY: Final = 2048
_KEPT_LINES: Final = 4096


class TextLike(Protocol):
    """A text that only grows: what is at `[0:n]` never changes."""

    def __len__(self) -> int: ...

    def slice(self, start: int, end: int) -> str:
        """Return the code points from `start` up to `end`."""
        ...


class _ScanPoint(NamedTuple):
    scanner: Scanner
    blocks: int


class MarkdownLines:
    """Lays Markdown out as strips, at a cost per update that follows what is new, not the whole.

    Blocks that are complete are drawn once for each width. What is open at the end, a few
    kilobytes at most, is drawn again at each update. The lines depend on the text, the width and
    `final` alone, not on the updates that led there.
    """

    def __init__(self, theme: MarkdownTheme | None = None) -> None:
        self._painter = Painter(theme or MarkdownTheme())
        self._width = 1
        self.reset()

    def reset(self) -> None:
        """Forget the text."""
        self._scanner = Scanner()
        self._checkpoints = [_ScanPoint(Scanner(), 0)]
        self._blocks: list[MarkdownBlock] = []
        # Of the first blocks, as many as are laid out: where their lines begin and, last, end.
        self._tops = array("L", [0])
        self._carries: list[Carry | None] = []
        # Of the blocks looked at last. Not as strips: these are costly to keep, cheap to make.
        self._lines: OrderedDict[int, list[Line]] = OrderedDict()
        self._kept = 0
        self._tail: list[Line] = []
        self._tail_spans: list[tuple[int, int, int]] = []
        self._done: tuple[int, bool] | None = None

    def update(
        self, source: TextLike, width: int, *, final: bool, budget_ns: int | None = None
    ) -> bool:
        """Bring the lines up to date with `source` at `width` cells (1 or more).

        `source` may be longer or shorter than at the last update, but has to agree with it as far
        as both go; for another text, `reset` first. `final` says that it will not grow any more.
        Work stops when `budget_ns` nanoseconds are used up (but a step of a few kilobytes is
        always made): then the result is False, the lines end early, and the next update goes on.
        """
        size = len(source)
        if width != self._width:
            self._width = width
            self._forget_lines(0)
            self._done = None
        if self._done == (size, final):
            return True
        self._done = None
        self._tail, self._tail_spans = [], []
        if size < self._scanner.seen:
            self._rewind(size)
        deadline = None if budget_ns is None else perf_counter_ns() + budget_ns
        while True:
            while len(self._carries) < len(self._blocks):
                self._lay_out_next()
                if deadline is not None and perf_counter_ns() >= deadline:
                    return False
            position = self._scanner.position
            rest = source.slice(position, min(size, position + _SLICE))
            read = self._scanner.feed(rest, self._blocks)
            if not read:
                break
            if self._scanner.position - self._checkpoints[-1].scanner.position > _CHECKPOINT_EVERY:
                self._checkpoints.append(_ScanPoint(self._scanner.copy(), len(self._blocks)))
            if deadline is not None and perf_counter_ns() >= deadline:
                return False
        self._lay_out_tail(rest, final)
        self._done = (size, final)
        return True

    @property
    def height(self) -> int:
        """How many lines there are."""
        return self._tops[-1] + len(self._tail)

    def line(self, y: int) -> Strip:
        """Return line `y`, from 0 to below `height`."""
        top = self._tops[-1]
        if y >= top:
            return Strip(self._tail[y - top])
        index = bisect_right(self._tops, y) - 1
        lines = self._lines.get(index)
        if lines is None:
            carry = self._carries[index - 1] if index else None
            lines, _ = self._painter.draw(self._blocks[index], self._width, carry)
            self._keep(index, lines)
        else:
            self._lines.move_to_end(index)
        return Strip(lines[y - self._tops[index]])

    def source_range(self, y: int) -> tuple[int, int]:
        """Return the offsets, in code points, of the part of the text that line `y` shows."""
        top = self._tops[-1]
        if y < top:
            block = self._blocks[bisect_right(self._tops, y) - 1]
            return block.start, block.end
        y -= top
        return next((start, end) for bottom, start, end in self._tail_spans if y < bottom)

    def _lay_out_next(self) -> None:
        index = len(self._carries)
        carry = self._carries[-1] if self._carries else None
        lines, carry = self._painter.draw(self._blocks[index], self._width, carry)
        self._carries.append(carry)
        self._tops.append(self._tops[-1] + len(lines))
        self._keep(index, lines)

    def _lay_out_tail(self, rest: str, final: bool) -> None:
        """Draw what may still change."""
        blocks: list[MarkdownBlock] = []
        self._scanner.copy().finish(rest, blocks, growing=not final)
        carry = self._carries[-1] if self._carries else None
        for block in blocks:
            growing = not final and block is blocks[-1]
            lines, carry = self._painter.draw(block, self._width, carry, growing=growing)
            self._tail += lines
            self._tail_spans.append((len(self._tail), block.start, block.end))

    def _keep(self, index: int, lines: list[Line]) -> None:
        """Keep the lines of a block; drop those that were not looked at for longest."""
        self._lines[index] = lines
        self._kept += len(lines)
        while self._kept > _KEPT_LINES and len(self._lines) > 1:
            _, dropped = self._lines.popitem(last=False)
            self._kept -= len(dropped)

    def _forget_lines(self, first: int) -> None:
        """Forget the lines of all blocks but the `first` ones."""
        if first < len(self._carries):
            del self._carries[first:]
            del self._tops[first + 1 :]
            for index in [index for index in self._lines if index >= first]:
                self._kept -= len(self._lines.pop(index))

    def _rewind(self, size: int) -> None:
        """Go back to where the first `size` code points left nothing to doubt."""
        while self._checkpoints[-1].scanner.seen > size:
            self._checkpoints.pop()
        scanner, count = self._checkpoints[-1]
        self._scanner = scanner.copy()
        del self._blocks[count:]
        self._forget_lines(count)
