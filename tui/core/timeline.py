"""The log of a run: every event in columns over the raw bytes.

A record is a view made on demand: the columns hold time, type, index, offset and length, about 18
bytes an event, and the bytes stand in a `RawStore` as they came. Few long-lived objects, because
the garbage collector walks objects, not arrays.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice
from typing import Final, NamedTuple

from tui.core import reducer
from tui.core.bursts import DELTA, Burst
from tui.core.columns import extended
from tui.core.history import History
from tui.core.records import EventRecord, from_frame
from tui.core.sse import FrameKind, parse_frame
from tui.core.state import RunState

_BLOCK: Final = 65_536
_MAX_LABELS: Final = 4_096
_LONG: Final = 65_536
"""Bytes from which on an event that was parsed is kept: it is wanted again, frame by frame."""
_SMALL: Final = 2**32 - 1
"""The largest offset that takes four bytes."""
_EVENT: Final = FrameKind.EVENT
_LOW: Final = 0 if array("H", [1]).tobytes()[0] else 1
"""Which byte of a label id is the low one."""


class Label(NamedTuple):
    """What an event is, for rows that are drawn without parsing: its type and delta type."""

    kind: FrameKind
    type: str
    delta: str


def _roomy(offsets: array[int], wanted: int) -> array[int]:
    """Return offsets that one as large as `wanted` fits into: four bytes each as long as can be."""
    return array("Q", offsets) if wanted > _SMALL and offsets.typecode == "I" else offsets


class RawStore:
    """The bytes of a response, append-only, with the reads that delivered them."""

    __slots__ = ("_blocks", "_open", "_starts", "chunk_offsets", "chunk_times", "size")

    def __init__(self) -> None:
        self.size = 0
        self.chunk_times: array[int] = array("q")
        self.chunk_offsets: array[int] = array("I")
        self._blocks: list[bytes] = []
        self._starts: array[int] = array("Q")
        self._open = bytearray()

    def append(self, t_ns: int, data: bytes) -> None:
        """Keep the bytes of one read."""
        self.chunk_times.append(t_ns)
        self.chunk_offsets = _roomy(self.chunk_offsets, self.size)
        self.chunk_offsets.append(self.size)
        self.size += len(data)
        self._keep(data)

    def extend(self, times: Sequence[int], reads: Sequence[bytes]) -> bytes:
        """Keep the bytes of several reads, and return them joined."""
        data = b"".join(reads)
        ends = accumulate(map(len, reads), initial=self.size)
        self.chunk_times.extend(times)
        self.chunk_offsets = _roomy(self.chunk_offsets, self.size + len(data))
        self.chunk_offsets.extend(islice(ends, len(reads)))
        self.size += len(data)
        self._keep(data)
        return data

    def _keep(self, data: bytes) -> None:
        self._open += data
        if len(self._open) >= _BLOCK:
            self._starts.append(self.size - len(self._open))
            self._blocks.append(bytes(self._open))
            self._open = bytearray()

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        open_start = self.size - len(self._open)
        if offset >= open_start:
            return bytes(self._open[offset - open_start : offset - open_start + length])
        pieces = []
        number = bisect_right(self._starts, offset) - 1
        end = offset + length
        while offset < end and number < len(self._blocks):
            block, start = self._blocks[number], self._starts[number]
            pieces.append(block[offset - start : end - start])
            offset = start + len(block)
            number += 1
        if offset < end:
            pieces.append(bytes(self._open[: end - open_start]))
        return b"".join(pieces)

    def chunk(self, number: int) -> tuple[int, bytes]:
        """Return time and bytes of one read."""
        start = self.chunk_offsets[number]
        last = number + 1 == len(self.chunk_offsets)
        end = self.size if last else self.chunk_offsets[number + 1]
        return self.chunk_times[number], self.read(start, end - start)

    def chunk_at(self, offset: int) -> int:
        """Return the number of the read that delivered the byte at `offset`."""
        return bisect_right(self.chunk_offsets, offset) - 1

    def arrivals(self, ends: array[int]) -> array[int]:
        """Return when the last byte before each of `ends` came; these go up, each is another."""
        offsets, times = self.chunk_offsets, self.chunk_times
        first = self.chunk_at(ends[0] - 1)
        last = self.chunk_at(ends[-1] - 1) + 1
        if ends[:-1] == offsets[first + 1 : last]:
            return times[first:last]  # A read for each.
        found = (bisect_right(offsets, end - 1, first, last) - 1 for end in ends)
        return array("q", [times[number] for number in found])


class BorrowedStore(RawStore):
    """The bytes of a response that stand elsewhere, such as in a file: only their extent is kept.

    `read_at` returns `length` bytes from an offset in the body.
    """

    __slots__ = ("_read_at",)

    def __init__(self, read_at: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._read_at = read_at

    def _keep(self, data: bytes) -> None:
        """Nothing: the bytes are where they are."""

    def read(self, offset: int, length: int) -> bytes:
        return self._read_at(offset, min(length, self.size - offset))


class Timeline:
    """Append-only records of one run, readable at any point of its past."""

    __slots__ = (
        "_cursor",
        "_indexes",
        "_label_ids",
        "_labels",
        "_last_long",
        "_lengths",
        "_offsets",
        "_seqs",
        "_types",
        "history",
        "raw",
        "times",
    )

    def __init__(self, raw: RawStore | None = None) -> None:
        self.raw = RawStore() if raw is None else raw
        self.times: array[int] = array("q")
        self._types: array[int] = array("H")
        self._indexes: array[int] = array("h")
        self._offsets: array[int] = array("I")
        self._lengths: array[int] = array("H")
        self._labels: list[Label] = []
        self._label_ids: dict[tuple[str, object], int] = {}
        self._cursor = RunState()
        self._last_long: EventRecord | None = None
        self._seqs: dict[str, tuple[array[int], int]] = {}
        self.history: History | None = None
        """Checkpoints that `at` may start from."""

    def __len__(self) -> int:
        return len(self.times)

    def append(self, record: EventRecord) -> None:
        """Add a record whose bytes are in `raw`, or will be."""
        self.extend([record])

    def extend(self, records: Sequence[EventRecord]) -> None:
        """Add records, column by column."""
        ids = self._label_ids
        if records:
            self._offsets = _roomy(self._offsets, records[-1].offset)
        self._indexes = extended(self._indexes, [record.block_index for record in records], "i")
        self._lengths = extended(self._lengths, [record.length for record in records], "I")
        add_type, add_offset, add_time = self._types.append, self._offsets.append, self.times.append
        for record in records:
            _, t_ns, kind, kind_of, _, payload, offset, _, _ = record
            delta: object = None
            if payload is not None:
                delta = payload.get("delta")
                if type(delta) is dict:
                    delta = delta.get("type")
            try:
                label = ids[kind_of, delta]
                if kind is not _EVENT:
                    label = self._add_label(kind, kind_of, delta)
            except (KeyError, TypeError):
                label = self._add_label(kind, kind_of, delta)
            add_type(label)
            add_offset(offset)
            # Last: the length of this column is the length of the timeline.
            add_time(t_ns)

    def extend_burst(self, burst: Burst, times: array[int]) -> None:
        """Add deltas that are alike, of these times."""
        count = len(times)
        label = self._label_ids.get((DELTA, burst.kind))
        if label is None:
            label = self._add_label(_EVENT, DELTA, burst.kind)
        self._types.extend(array("H", [label]) * count)
        self._indexes = extended(self._indexes, array("i", [burst.block_index]) * count, "i")
        self._offsets = _roomy(self._offsets, burst.edges[-1])
        self._offsets.extend(array(self._offsets.typecode, burst.edges[:-1]))
        self._lengths = extended(self._lengths, burst.lengths, "I")
        self.times.extend(times)

    def _add_label(self, kind: FrameKind, kind_of: str, delta: object) -> int:
        delta_type = delta if isinstance(delta, str) else ""
        # A comment or a tail must not be taken for an event whose type has the same name.
        # A tuple is nothing that a delta's type, a JSON value, could be equal to.
        key = (kind_of, (delta_type or None) if kind is _EVENT else (kind,))
        if key in self._label_ids:
            return self._label_ids[key]
        if len(self._labels) == _MAX_LABELS:
            # Types without end come from no honest sender; the record itself still tells its type.
            return _MAX_LABELS - 1
        self._labels.append(Label(kind, kind_of, delta_type))
        self._label_ids[key] = len(self._labels) - 1
        return len(self._labels) - 1

    def label(self, seq: int) -> Label:
        """Return what event `seq` is, without parsing it."""
        return self._labels[self._types[seq]]

    @property
    def labels(self) -> Sequence[Label]:
        """The labels by id. The list grows, a label never changes."""
        return self._labels

    @property
    def indexes(self) -> array[int]:
        """The content block index of each event, -1 for none. To be read, not changed."""
        return self._indexes

    @property
    def offsets(self) -> array[int]:
        """Where the bytes of each event start in `raw`. To be read, not changed."""
        return self._offsets

    @property
    def lengths(self) -> array[int]:
        """How many bytes each event has. To be read, not changed."""
        return self._lengths

    def look_up(self, table: bytes, first: int, last: int) -> bytes:
        """Return the entry of `table` for each event from `first` up to `last`, a byte each.

        `table` has an entry for each of `labels`, by id. Nothing is parsed: about 1 ns an event.
        """
        ids = self._types[first:last]
        if len(self._labels) > 256:
            return bytes(map(table.__getitem__, ids))
        return ids.tobytes()[_LOW::2].translate(table.ljust(256, b"\0"))

    def seqs(self, kind_of: str) -> array[int]:
        """Return the numbers of all events of a type, ascending. Only what is new is looked at."""
        found, looked = self._seqs.get(kind_of, (array("I"), 0))
        if looked < len(self):
            table = bytes(label.kind is _EVENT and label.type == kind_of for label in self._labels)
            entries = self.look_up(table, looked, len(self))
            place = entries.find(1)  # Types that are asked for are rare: faster than one by one.
            while place >= 0:
                found.append(looked + place)
                place = entries.find(1, place + 1)
            self._seqs[kind_of] = found, len(self)
        return found

    def index(self, seq: int) -> int:
        """Return the content block index of event `seq`, -1 for none."""
        return self._indexes[seq]

    def span(self, seq: int) -> tuple[int, int]:
        """Return offset and length of the bytes of event `seq`."""
        return self._offsets[seq], self._lengths[seq]

    def raw_event(self, seq: int) -> bytes:
        """Return the bytes of event `seq` as they were received."""
        return self.raw.read(self._offsets[seq], self._lengths[seq])

    def record(self, seq: int) -> EventRecord:
        """Return event `seq` as it was appended. The payload is to be read, not changed."""
        last = self._last_long
        if last is not None and last.seq == seq:
            return last
        frame = parse_frame(self.raw_event(seq))
        record = from_frame(frame, seq, self.times[seq])
        record = record._replace(offset=self._offsets[seq], length=self._lengths[seq])
        if record.length >= _LONG:
            self._last_long = record
        return record

    def records(self, start: int = 0, end: int | None = None) -> Iterator[EventRecord]:
        """Yield the events from `start` up to `end`."""
        for seq in range(start, len(self) if end is None else min(end, len(self))):
            yield self.record(seq)

    def at(self, count: int) -> RunState:
        """Return the state after the first `count` events, as a fold over them.

        The state belongs to the timeline and is valid until the next call: going forward continues
        the fold, going back begins at the last checkpoint before.
        """
        count = max(0, min(count, len(self)))
        here = self._cursor.records
        near = self.history.nearest(count) if self.history else 0
        if count < here or near > here:
            self._cursor = self.history.restore(count) if self.history else RunState()
        backwards = self.history if count < here else None
        for record in self.records(self._cursor.records, count):
            reducer.apply(self._cursor, record)
            if backwards is not None:
                backwards.note_past(self._cursor)
        return self._cursor
