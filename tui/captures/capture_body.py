"""The body of one run inside a capture file: read chunk by chunk, and again at any place."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tui.captures.codec import ChunkLine, Line, Problem, Reader
from tui.core.records import Chunk

BLOCK: Final = 1 << 16
_FILLER: Final = b" "
_MOST_CACHED: Final = 1 << 20


class CaptureBody:
    """A run's chunk lines, which lie between two places of a file, among those of other runs."""

    def __init__(self, path: Path, run: str, first: int, after: int) -> None:
        """Take the run's name, and where its first line begins and its last one ends."""
        self.problems: list[Problem] = []
        """Bad lines that were met in reading, those of the last time."""
        self.path = path
        self._run = run
        self.first = first
        self.after = after
        # Where in the body and where in the file each block's whole lines begin.
        self._bodies: array[int] = array("Q", [0])
        self._places: array[int] = array("Q", [first])
        self._cached = (0, b"")

    @property
    def extent(self) -> int:
        """How many bytes of the file it takes, those of other runs between them included."""
        return self.after - self.first

    def chunks(self) -> Iterator[Chunk]:
        """Yield each read, from the beginning. Times never go back. Raises OSError."""
        reader = Reader(only=self._run, offset=self.first)
        left = self.extent
        last_ns = size = 0
        with self.path.open("rb") as file:
            file.seek(self.first)
            while True:
                block = file.read(min(BLOCK, left))
                left -= len(block)
                for line in reader.feed(block) if block else reader.close():
                    if type(line) is ChunkLine and line.run == self._run:
                        if line.t_ns > last_ns:
                            last_ns = line.t_ns
                        size += len(line.data)
                        yield Chunk(last_ns, line.data)
                if not block:
                    break
                if size > self._bodies[-1]:
                    self._bodies.append(size)
                    self._places.append(reader.offset)
        if reader.bad:
            (base,) = lines_before(self.path, [self.first])
            self.problems = [bad._replace(line=base + bad.line) for bad in reader.problems]

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the body again, of what `chunks` has yielded so far.

        Bytes that the file has lost since are blanks.
        """
        start, data = self._cached
        if not start <= offset or offset + length > start + len(data):
            start, data = self._decoded(offset, length)
            if len(data) <= _MOST_CACHED:
                self._cached = start, data
        found = data[offset - start : offset - start + length]
        return found.ljust(length, _FILLER)

    def _decoded(self, offset: int, length: int) -> tuple[int, bytes]:
        """Return the body from the block that holds `offset`, far enough for `length` bytes."""
        number = bisect_right(self._bodies, offset) - 1
        start = self._bodies[number]
        wanted = offset + length - start
        reader = Reader(only=self._run)
        pieces: list[bytes] = []
        size = 0
        left = self.after - self._places[number]
        try:
            with self.path.open("rb") as file:
                file.seek(self._places[number])
                while size < wanted:
                    block = file.read(min(BLOCK, left))
                    left -= len(block)
                    found = self._data(reader.feed(block) if block else reader.close())
                    pieces += found
                    size += sum(map(len, found))
                    if not block:
                        break
        except OSError:
            pass  # Told where the chunks are read; a pane that draws has nobody to tell.
        return start, b"".join(pieces)

    def _data(self, lines: list[Line]) -> list[bytes]:
        return [
            line.data for line in lines if isinstance(line, ChunkLine) and line.run == self._run
        ]


def lines_before(path: Path, offsets: list[int]) -> list[int]:
    """Return how many line ends come before each of some offsets, which ascend. Raises OSError."""
    counts = []
    count = at = 0
    with path.open("rb") as file:
        for offset in offsets:
            while at < offset and (block := file.read(min(BLOCK, offset - at))):
                count += block.count(b"\n")
                at += len(block)
            counts.append(count)
    return counts
