"""What the reads brought: everything at once, many events a read, packed bytes.

A burst is the reads within 100 ms of its first one, in all: what a proxy lets go at once comes in
several reads.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import compress
from math import ceil
from statistics import median
from typing import Final

from tui.core.timeline import Timeline
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.wording import in_seconds, seconds, wire

BURST_NS: Final = 100_000_000
"""A burst is the reads within so long of its first one."""
BUFFERED_CHUNKS: Final = 50
BUFFERED_SHARE: Final = 0.8
BUFFERED_AFTER_NS: Final = 1_000_000_000
"""A burst that began earlier than this held back too little to matter."""
BUNCHED_CHUNKS: Final = 100
BUNCHED_OVER_NS: Final = 1_000_000_000
BUNCHED_MEDIAN: Final = 8
_READS: Final = 200
"""So many reads are looked at for a median, spread evenly over the run."""
_NEAR: Final = 64
_STARTS: Final = 64
"""So many places are tried for the beginning of the largest burst."""
_SPOKEN: Final = ("text_delta", "thinking_delta")
_CONTENT: Final = (*_SPOKEN, "input_json_delta")


def _marks(timeline: Timeline, kinds: tuple[str, ...]) -> bytes:
    """Return a byte for each event: 1 where it is a delta of one of these kinds."""
    table = bytes(label.delta in kinds for label in timeline.labels)
    return timeline.look_up(table, 0, len(timeline))


def buffered(evidence: Evidence) -> Finding | None:
    """Nearly everything came at once, long after the request."""
    run = evidence.run
    timeline = run.timeline
    if not evidence.from_request or not evidence.finely_timed:
        return None
    marks = _marks(timeline, _SPOKEN)
    count = marks.count(1)
    if count < BUFFERED_CHUNKS:
        return None
    need = ceil(count * BUFFERED_SHARE)
    times = timeline.times
    # A burst of so large a share has the chunk in the middle in it, and most of its neighbours.
    quarter, later = _nth(marks, count - need), _nth(marks, need - 1)
    if times[later] - times[quarter] > BURST_NS or times[later] < BUFFERED_AFTER_NS:
        return None
    chunk_times = array("q", compress(times, marks))
    best = _largest_burst(chunk_times, need)
    if best is None:
        return None
    start, inside = best
    begin_ns = chunk_times[start]
    seqs = _nth(marks, start), _nth(marks, start + inside - 1)
    raw_times = run.timeline.raw.chunk_times
    reads = bisect_right(raw_times, begin_ns + BURST_NS) - bisect_left(raw_times, begin_ns)
    together = "one read" if reads == 1 else f"{reads:,} reads within {seconds(BURST_NS)}"
    return Finding(
        "buffered",
        "warning",
        f"{inside:,} of {count:,} content chunks came in {together}, {seconds(begin_ns)} after the "
        "request: something between the API and here holds the stream back.",
        "Turn off response buffering in the proxy (for nginx: X-Accel-Buffering: no; "
        "for curl: -N).",
        seqs,
        {
            "share": round(inside / count, 3),
            "chunks": inside,
            "of": count,
            "reads": reads,
            "after_s": in_seconds(begin_ns),
        },
    )


def _nth(marks: bytes, rank: int) -> int:
    """Return the place of the mark with this rank, from 0."""
    low, high = 0, len(marks)
    before = 0
    while high - low > 64:
        middle = (low + high) // 2
        here = marks.count(1, low, middle)
        if before + here > rank:
            high = middle
        else:
            before += here
            low = middle
    for place in range(low, high):
        before += marks[place]
        if before > rank:
            return place
    return high


def _largest_burst(times: array[int], need: int) -> tuple[int, int] | None:
    """Return where the largest burst begins that is large and late enough, and its size."""
    best: tuple[int, int] | None = None
    tried = 0
    place = bisect_left(times, BUFFERED_AFTER_NS)
    while place + need <= len(times) and tried < _STARTS:
        if times[place + need - 1] - times[place] <= BURST_NS:
            tried += 1
            size = bisect_right(times, times[place] + BURST_NS) - place
            if best is None or size > best[1]:
                best = place, size
            place = bisect_right(times, times[place])
        else:
            # On to the first that is near enough to the end of so many.
            wanted = times[place + need - 1] - BURST_NS
            place = max(bisect_left(times, wanted, place), place + 1)
    return best


def bunched(evidence: Evidence) -> Finding | None:
    """Many events arrive in each read: the model wrote evenly, the reader sees bursts."""
    run, timeline = evidence.run, evidence.run.timeline
    if not evidence.finely_timed:
        return None
    marks = _marks(timeline, _CONTENT)
    count = marks.count(1)
    if count < BUNCHED_CHUNKS:
        return None
    times = timeline.times
    first, last = marks.find(1), marks.rfind(1)
    span = times[last] - times[first]
    if span < BUNCHED_OVER_NS:
        return None
    raw = timeline.raw
    reads = raw.chunk_at(run.first_offset + run.size - 1) - raw.chunk_at(run.first_offset) + 1
    # Where the median is so high, half of the reads bring so much: the mean is half of it or more.
    if (reads - (len(timeline) - count)) * BUNCHED_MEDIAN > count * 2:
        return None
    sizes = _in_reads(times, marks, first, last + 1)
    middle = median(sizes)
    if middle < BUNCHED_MEDIAN:
        return None
    return Finding(
        "bunched",
        "notice",
        f"Half of the reads bring {middle:g} content chunks or more at once ({count:,} chunks over "
        f"{seconds(span)}): it fits a proxy or a client that collects them.",
        "Turn off buffering and compression on the way, and flush after each event.",
        (first,),
        {"median": middle, "chunks": count, "over_s": in_seconds(span)},
    )


def _in_reads(times: array[int], marks: bytes, start: int, end: int) -> list[int]:
    """Return how many marks there are in each read that has one; of many reads a sample."""
    sizes = []
    stride = max((end - start) // _READS, 1)
    place = start
    while place < end:
        if stride > 1:
            place = bisect_left(times, times[place], start, place + 1)
        # Near by, as a rule: to look there first halves the steps.
        near = min(place + _NEAR, end)
        after = bisect_right(times, times[place], place, near)
        if after == near:
            after = bisect_right(times, times[place], near, end)
        size = marks.count(1, place, after)
        if size:
            sizes.append(size)
        place = max(after, place + stride) if stride > BUNCHED_MEDIAN else after
    return sizes


def compressed(evidence: Evidence) -> Finding | None:
    """Something on the way compressed the stream."""
    packing = evidence.headers.get("content-encoding", "").strip()
    if not evidence.timed or packing.lower() in ("", "identity") or not evidence.state.events:
        return None
    return Finding(
        "compressed",
        "info",
        f"The stream came packed with {wire(packing)}: events can wait for each other in the "
        "packer; the API itself does it when asked.",
        "Ask for it plain where every event has to come at once: accept-encoding: identity.",
        (),
        {"content_encoding": packing},
    )
