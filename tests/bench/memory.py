"""What a long log costs: bytes an event, and the collector's longest pause."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Callable

from tests.bench import data
from tests.bench.measure import Row, at_most, times
from tui.core.records import EventRecord, from_frame
from tui.core.session import Session
from tui.core.sse import Decoder
from tui.core.timeline import RawStore, Timeline

_TRACED = 200_000
_MANY = 1_000_000


def memory(rounds: int) -> list[Row]:
    """The log of a run, and the garbage collector at 1M events. Measured once: it is no time."""
    body = data.text_stream(_TRACED)
    events = _TRACED + 5
    wire = len(body) / events
    columns = _traced(lambda: _columns(body)) / events
    whole = _traced(lambda: _log(body)) / events
    parsed = _traced(lambda: _dicts(body[: len(body) // 10])) / (events / 10)
    pause = _pause() * 1000
    dicts = f"json dicts {parsed:.0f} B"
    return [
        Row("memory an event, the columns alone", f"{columns:.1f} B", dicts,
            times(columns / parsed), columns, at_most(30, " B")),
        Row(f"memory an event with its {wire:.0f} bytes", f"{whole:.1f} B", dicts,
            times(whole / parsed), whole - wire, at_most(32, " B + wire")),
        Row("full garbage collection at 1M events", f"{pause:.2g} ms", "", "",
            pause, at_most(10, " ms")),
    ]  # fmt: skip


def _traced(make: Callable[[], object]) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        kept = make()
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return float(size)


def _log(body: bytes) -> tuple[Timeline, RawStore]:
    raw = RawStore()
    timeline = Timeline(raw)
    decoder = Decoder()
    for number, read in enumerate(data.reads(body)):
        raw.append(number, read)
        timeline.extend(_records(decoder, read, len(timeline)))
    return timeline, raw


def _columns(body: bytes) -> Timeline:
    timeline = Timeline()
    decoder = Decoder()
    for read in data.reads(body):
        timeline.extend(_records(decoder, read, len(timeline)))
    return timeline


def _records(decoder: Decoder, read: bytes, seq: int) -> list[EventRecord]:
    return [from_frame(frame, number, 0) for number, frame in enumerate(decoder.feed(read), seq)]


def _dicts(body: bytes) -> list[object]:
    return [json.loads(line[6:]) for line in body.splitlines()[:-2] if line.startswith(b"data: ")]


def _pause() -> float:
    """Return how long a full collection takes over a session, the program itself frozen."""
    reads = data.reads(data.text_stream(_MANY // 5))
    gc.collect()
    gc.freeze()
    session = Session()
    for run in range(5):
        for number, read in enumerate(reads):
            session.feed(run * len(reads) + number, read)
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        gc.collect()
        taken.append(time.perf_counter() - start)
    gc.unfreeze()
    if sum(len(run.timeline) for run in session.runs) < _MANY:
        raise AssertionError("events are missing")
    return max(taken)
