"""Text that grows at its end: appended to cheaply, read anywhere."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

PIECE: Final = 65_536
"""Code points of a text to go through at a time: a millisecond of work, and 30 at worst."""


class Buffer:
    """Append-only text. What stands at `[0:n]` never changes."""

    __slots__ = ("_length", "_segments", "_sized", "_starts", "_tail", "_tail_start")

    def __init__(self, text: str = "") -> None:
        self._segments: list[str] = []
        self._starts: list[int] = []
        self._tail: list[str] = []
        self._tail_start = 0
        self._length = 0
        self._sized = 0, 0  # So many code points are so many bytes.
        if text:
            self.append(text)

    def __len__(self) -> int:
        return self._length

    def append(self, text: str) -> None:
        """Add `text` at the end. Amortised constant time."""
        tail = self._tail
        tail.append(text)
        self._length += len(text)
        # By size too: a reader each frame closes the parts up, and their number starts anew.
        if len(tail) >= 512 or self._length - self._tail_start >= 65_536:
            self._seal()

    def slice(self, start: int = 0, end: int | None = None) -> str:
        """Return the code points from `start` up to `end`."""
        if end is None or end > self._length:
            end = self._length
        if start >= end:
            return ""
        if start >= self._tail_start:
            self._pack()
            return self._tail[0][start - self._tail_start : end - self._tail_start]
        pieces = []
        first = max(bisect_right(self._starts, start) - 1, 0)
        for number in range(first, len(self._segments)):
            base = self._starts[number]
            if base >= end:
                break
            pieces.append(self._segments[number][max(start - base, 0) : end - base])
        if end > self._tail_start:
            self._pack()
            pieces.append(self._tail[0][: end - self._tail_start])
        return "".join(pieces)

    def text(self) -> str:
        """Return all of it."""
        return self.slice()

    def release(self) -> str:
        """Return the text that is held, and hold it no longer. The length stays as it is."""
        text = "".join([*self._segments, *self._tail])
        self._segments, self._starts, self._tail = [], [], []
        self._tail_start = self._length
        return text

    def upto(self, length: int) -> Buffer:
        """Return an independent buffer with the first `length` code points, without copying all."""
        if length >= self._length:
            return self.copy()
        twin = Buffer()
        count = max(bisect_right(self._starts, length) - 1, 0)
        twin._segments = self._segments[:count]
        twin._starts = self._starts[:count]
        twin._length = twin._tail_start = self._starts[count] if self._segments else 0
        if length > twin._length:
            twin._tail = [self.slice(twin._length, length)]
            twin._length = length
        return twin

    def byte_size(self) -> int:
        """Return how many bytes of UTF-8 it is. Only what is new is looked at."""
        start, size = self._sized
        for at in range(start, self._length, 65_536):
            text = self.slice(at, at + 65_536)
            size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        self._sized = self._length, size
        return size

    def copy(self) -> Buffer:
        """Return an independent buffer with the same text."""
        twin = Buffer()
        twin._segments = self._segments.copy()
        twin._starts = self._starts.copy()
        twin._tail = self._tail.copy()
        twin._tail_start = self._tail_start
        twin._length = self._length
        return twin

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Buffer) and self.text() == other.text()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Buffer({self.text()!r})"

    def _pack(self) -> None:
        # Joined on demand and kept so: a reader each frame must not join the same parts again.
        if len(self._tail) > 1:
            self._tail = ["".join(self._tail)]

    def _seal(self) -> None:
        self._pack()
        # A segment of some size, so that neither their number nor a join grows with the text.
        if self._length - self._tail_start >= 16_384:
            self._segments.append(self._tail[0])
            self._starts.append(self._tail_start)
            self._tail = []
            self._tail_start = self._length
