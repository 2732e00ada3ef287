"""The body of one run inside a capture file: read chunk by chunk, and again from any offset."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from jiter import from_json

from tui.captures.codec import (
    CHUNK_HEAD,
    MAX_T_NS,
    CaptureReader,
    ChunkLine,
    Problem,
    encode_line,
)
from tui.captures.in_memory_file import Readable
from tui.core.records import Batch, Chunk
from tui.core.uniform_rows import all_begin, middles, read_strings

BLOCK: Final = 1 << 16
_TIME: Final = b'"t":'
_DATA: Final = b',"data":"'
_TAIL: Final = b'"}'
_NOTHING: Final = b"0" + _DATA + _TAIL + b"\n"
"""What the line of an empty chunk ends with."""
_FILLER: Final = b" "
_MOST_KEPT: Final = 1 << 20
"""Bytes that are kept as they were decoded: a search and the panes look at several places."""


class Parts(NamedTuple):
    """Where in a file the chunk lines of a run lie: each part from one place up to another."""

    starts: array[int]
    ends: array[int]

    def add(self, start: int, end: int) -> None:
        """Take some more lines, behind those that there are."""
        if self.ends and self.ends[-1] == start:
            self.ends[-1] = end
        else:
            self.starts.append(start)
            self.ends.append(end)


class CaptureBody:
    """A run's chunk lines, which lie between two places of a file, among those of other runs."""

    def __init__(
        self, path: Readable, run: str, first: int, after: int, parts: Parts | None = None
    ) -> None:
        """Take the run's name, and where its first line begins and its last one ends.

        Of what lies between, `parts` tells the lines of this run, where that is known.
        """
        self.problems: list[Problem] = []
        """Bad lines that were met in reading, those of the last time."""
        self.path = path
        self._run = run
        self._head = encode_line(ChunkLine(run, 0, b"")).removesuffix(_NOTHING)
        self.first = first
        self.after = after
        self._parts = parts or Parts(array("Q", [first]), array("Q", [after]))
        self._read_size = 0
        # Where in the body and where in the file each block's whole lines begin.
        self._bodies: array[int] = array("Q", [0])
        self._places: array[int] = array("Q", [first])
        self._decoded: dict[int, bytes] = {}

    def read_share(self) -> float:
        """Return how much of it `batches` has read, 0 to 1."""
        size = sum(self._parts.ends) - sum(self._parts.starts)
        return min(self._read_size / max(size, 1), 1.0)

    def chunks(self) -> Iterator[Chunk]:
        """Yield each read, from the beginning. Times never go back. Raises OSError."""
        for times, reads in self.batches():
            yield from map(Chunk, times, reads)

    def batches(self) -> Iterator[Batch]:
        """Yield the reads as `chunks` does, those of a block at once."""
        reader = CaptureReader(only=self._run)
        last_ns = size = self._read_size = 0
        for place, lines in self._lines(self.first, self.after):
            self._read_size += len(lines)
            batch = self._read(reader, lines)
            if batch.reads:
                times = list(accumulate(batch.times, max, initial=last_ns))[1:]
                last_ns = times[-1]
                size += sum(map(len, batch.reads))
                yield Batch(times, batch.reads)
            if size > self._bodies[-1]:
                self._bodies.append(size)
                self._places.append(place)
        if reader.bad:
            self._find_problems()

    def _find_problems(self) -> None:
        """Read all lines again, those of other runs too, to tell which ones are bad."""
        reader = CaptureReader(only=self._run)
        left = self.after - self.first
        with self.path.open("rb") as file:
            file.seek(self.first)
            while block := file.read(min(BLOCK, left)):
                left -= len(block)
                reader.feed(block)
        (base,) = lines_before(self.path, [self.first])
        self.problems = [bad._replace(line=base + bad.line) for bad in reader.problems]

    def _lines(self, first: int, after: int) -> Iterator[tuple[int, bytes]]:
        """Yield its lines between two places, in blocks of whole ones, each with the place behind.

        The last block is what is left of the last line.
        """
        held: list[bytes] = []
        size = place = 0
        starts, ends = self._parts
        # Among those of others each line is a part: a buffer would be filled anew for every one.
        with self.path.open("rb", buffering=0) as file:
            for number in range(bisect_right(ends, first), bisect_left(starts, after)):
                at = max(starts[number], first)
                end_of_part = min(ends[number], after)
                file.seek(at)
                while at < end_of_part and (block := file.read(min(BLOCK, end_of_part - at))):
                    at += len(block)
                    size += len(block)
                    end = block.rfind(b"\n") + 1 if size >= BLOCK else 0
                    if end:
                        place = at - len(block) + end
                        yield place, b"".join([*held, block[:end]])
                        held, size = [], len(block) - end
                    held.append(block[end:])
        rest = b"".join(held)
        whole = rest.rfind(b"\n") + 1
        if whole:
            place = at - len(rest) + whole
            yield place, rest[:whole]
        yield place, rest[whole:]

    def _read(self, reader: CaptureReader, lines: bytes) -> Batch:
        """Return the run's chunks; `reader` has to read those that are not written as usual."""
        batch = _read_alike(lines, self._head)
        if batch is not None:
            return batch
        found = reader.feed(lines)
        if not lines.endswith(b"\n"):
            found += reader.close()
        own = [line for line in found if isinstance(line, ChunkLine) and line.run == self._run]
        return Batch([line.t_ns for line in own], [line.data for line in own])

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the body again, of what `chunks` has yielded so far.

        Bytes that the file has lost since are blanks.
        """
        number = bisect_right(self._bodies, offset) - 1
        start = self._bodies[number]
        pieces: list[bytes] = []
        size = 0
        try:
            while number < len(self._bodies) and start + size < offset + length:
                pieces.append(self._block(number, offset + length - start - size))
                size += len(pieces[-1])
                number += 1
        except OSError:
            pass  # Told where the chunks are read; a pane that draws has nobody to tell.
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return whole[offset - start : offset - start + length].ljust(length, _FILLER)

    def _block(self, number: int, wanted: int) -> bytes:
        """Return the part of the body that lies in a block of the file. Raises OSError.

        Of the block that is being read its end is not known: that has `wanted` bytes, or more.
        """
        found = self._decoded.pop(number, b"")
        place = self._places[number]
        if number + 1 < len(self._places):
            size = self._bodies[number + 1] - self._bodies[number]
            if len(found) != size:
                found = self._decode(place, self._places[number + 1], size)
                found = found[:size].ljust(size, _FILLER)
        elif len(found) < wanted:
            found = self._decode(place, self.after, wanted)
        # The one that was wanted last stands last.
        self._decoded[number] = found
        while sum(map(len, self._decoded.values())) > _MOST_KEPT:
            del self._decoded[next(iter(self._decoded))]
        return found

    def _decode(self, first: int, after: int, wanted: int) -> bytes:
        """Return the body between two places of the file, so much of it as is wanted or more."""
        reader = CaptureReader(only=self._run)
        pieces: list[bytes] = []
        size = 0
        for _, lines in self._lines(first, after):
            reads = self._read(reader, lines).reads
            pieces += reads
            size += sum(map(len, reads))
            if size >= wanted:
                break
        return b"".join(pieces)


def _read_alike(lines: bytes, head: bytes) -> Batch | None:
    """Read chunks of one run as `encode_line` writes them, all at once; None for all else.

    Their lines begin with `head`, and go on with the time. Other runs' lines may stand between.
    """
    rows = lines.split(b"\n")
    if rows.pop():
        return None
    own = head.removesuffix(_TIME)
    if not all_begin(rows, head):
        rows = [row for row in rows if row.startswith(own) or not row.startswith(CHUNK_HEAD)]
        if not all_begin(rows, head):
            return None
        lines = b"\n".join([*rows, b""])
    if not rows:
        return Batch([], [])
    found = middles(rows, head, _TAIL, lines[:-1])
    if found is None:
        return None
    times, data, bodies = zip(*[middle.partition(_DATA) for middle in found], strict=True)
    if b"" in data or not b"".join(times).isdigit():
        return None
    texts = read_strings(bodies)
    try:
        numbers: list[int] = from_json(b"[" + b",".join(times) + b"]")
    except ValueError:
        return None
    if texts is None or max(numbers) > MAX_T_NS:
        return None
    return Batch(numbers, list(map(str.encode, texts)))


def lines_before(path: Readable, offsets: list[int]) -> list[int]:
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
