"""Where the time of a run went: gaps, kinds of content, reads."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from heapq import heappush, heappushpop
from typing import Final, NamedTuple

from tui.core.delta_text import Field, delta_text
from tui.core.records import EventRecord
from tui.core.session import Run
from tui.core.state import STALL_NS

_MS: Final = 1_000_000
BOUNDS_NS: Final = tuple(ms * _MS for ms in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000))
"""Upper bounds of the histogram's bars; the last bar has none."""
KINDS: Final[tuple[str, ...]] = (
    "first byte",
    "stalls",
    "server tools",
    "thinking",
    "text",
    "tool input",
)
_FIRST_BYTE, _STALLS, _SERVER_TOOLS = range(3)
_KIND_OF: Final[dict[Field, int]] = {"thinking": 3, "text": 4, "json": 5}
_SERVER_RESULT: Final = "_tool_result"
"""How the types of blocks end that a tool of the server fills."""
_LONGEST: Final = 5
_STEP: Final = 256


class Gap(NamedTuple):
    """A gap between two content chunks, and the event that ended it."""

    length_ns: int
    seq: int


class LatencyScan:
    """Walks over the events of a run, a few at a time, and adds up where the time went.

    Before the first byte nothing can be told apart. From then on a silence counts for the kind of
    content that ended it, for the server's tool where its result did, and for the stalls where it
    was one.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seq = 0
        self._last_ns: int | None = None
        self._counted_ns = 0
        """The time up to which all is counted."""
        self._read = -1
        self._in_read = 0
        self._longest: list[Gap] = []
        self.spent_ns = [0] * len(KINDS)
        """Time by kind, in the order of KINDS."""
        self.histogram = [0] * (len(BOUNDS_NS) + 1)
        """Number of gaps by length."""
        self.times_ns: array[int] = array("q")
        """Time of each content chunk."""
        self.chars: array[int] = array("Q")
        """Content characters up to and with each content chunk."""
        self.reads = 0
        """Reads that completed an event."""
        self.largest_read = 0
        """Most events that one read completed."""

    @property
    def progress(self) -> float:
        """How much of the run was looked at, 0 to 1."""
        total = len(self._run.timeline)
        return self._seq / total if total else 1.0

    @property
    def longest(self) -> list[Gap]:
        """The longest gaps, the longest first."""
        return sorted(self._longest, reverse=True)

    def advance(self, limit: int = _STEP) -> bool:
        """Look at up to `limit` more events; return whether all were looked at."""
        timeline = self._run.timeline
        end = min(self._seq + limit, len(timeline))
        for seq in range(self._seq, end):
            self._take_read(seq)
            if not seq:
                self._count(_FIRST_BYTE, timeline.times[0])
            label = timeline.label(seq)
            if label.type == "content_block_start" and _is_server_result(timeline.record(seq)):
                self._count(_SERVER_TOOLS, timeline.times[seq])
            if label.delta:
                found = delta_text(timeline.record(seq))
                if found is not None and found[1]:
                    self._take(seq, timeline.times[seq], found[0], len(found[1]))
        self._seq = end
        return end == len(timeline)

    def _take_read(self, seq: int) -> None:
        offset, length = self._run.timeline.span(seq)
        read = self._run.timeline.raw.chunk_at(offset + max(length - 1, 0))
        if read != self._read:
            self._read, self._in_read = read, 0
            self.reads += 1
        self._in_read += 1
        self.largest_read = max(self.largest_read, self._in_read)

    def _take(self, seq: int, now_ns: int, field: Field, size: int) -> None:
        self.times_ns.append(now_ns)
        self.chars.append((self.chars[-1] if self.chars else 0) + size)
        last, self._last_ns = self._last_ns, now_ns
        silence = now_ns - self._counted_ns
        self._count(_STALLS if silence > STALL_NS else _KIND_OF[field], now_ns)
        if last is None:
            return
        gap = Gap(now_ns - last, seq)
        self.histogram[bisect_right(BOUNDS_NS, gap.length_ns)] += 1
        if len(self._longest) < _LONGEST:
            heappush(self._longest, gap)
        else:
            heappushpop(self._longest, gap)

    def _count(self, kind: int, now_ns: int) -> None:
        """Count the time up to now for a kind."""
        self.spent_ns[kind] += now_ns - self._counted_ns
        self._counted_ns = now_ns

    def growth(self, width: int) -> list[int]:
        """Return content characters per column, the run's content time cut into `width` columns."""
        if not self.times_ns or width < 1:
            return []
        start, end = self.times_ns[0], self.times_ns[-1]
        span = max(end - start, 1)
        values = [0] * width
        place = 0
        for column in range(width):
            after = bisect_right(self.times_ns, start + span * (column + 1) // width, lo=place)
            before = self.chars[place - 1] if place else 0
            values[column] = (self.chars[after - 1] if after else 0) - before
            place = after
        return values


def _is_server_result(record: EventRecord) -> bool:
    block = (record.payload or {}).get("content_block")
    kind = block.get("type") if isinstance(block, dict) else None
    return isinstance(kind, str) and kind.endswith(_SERVER_RESULT)
