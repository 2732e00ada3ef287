"""One response body becomes one or more runs.

A body usually holds one message. Some files hold several: a `message_start` after a `message_stop`
begins the next run, one before it ends the earlier run as truncated.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from tui.core import reducer
from tui.core.batch import apply_all, apply_texts, in_order
from tui.core.bursts import Template, template_of
from tui.core.history import History
from tui.core.metrics import UNKNOWN, Metrics, measure
from tui.core.records import EventRecord, JsonObject, from_frame
from tui.core.sniff import Verdict, classify, looks_like_events
from tui.core.sse import Decoder, Frame
from tui.core.state import End, Phase, RunState, Status
from tui.core.timeline import RawStore, Timeline

_START: Final = "message_start"
_LONG: Final = 2_048
"""Bytes from which on it pays to look for bursts."""
_STEP: Final = 1_024
_FEW: Final = 16
"""Two bursts that are shorter, and the rest of the bytes is cut event by event."""
_WINDOW: Final = 131_072
"""Bytes that are cut at once. A checkpoint may be taken after each, and they must be near."""


class Run:
    """One message: its log, its live state, and when its bytes came."""

    __slots__ = (
        "ended_ns",
        "first_byte_ns",
        "first_offset",
        "history",
        "last_byte_ns",
        "size",
        "state",
        "timed",
        "timeline",
        "verdict",
    )

    def __init__(self, raw: RawStore, *, timed: bool, first_offset: int = 0) -> None:
        self.timeline = Timeline(raw)
        self.state = RunState()
        self.history = self.timeline.history = History(self.state)
        self.timed = timed
        self.first_offset = first_offset
        self.size = 0
        """Bytes of the body that belong to this run."""
        self.first_byte_ns: int | None = None
        self.last_byte_ns: int | None = None
        self.ended_ns: int | None = None
        """When the body ended, which can be long after its last byte."""
        self.verdict: Verdict | None = None
        """Set at the end when the body was no event stream."""

    @property
    def status(self) -> Status:
        """Where the run stands; see `RunState.status`."""
        if self.state.end == "eof" and self.state.phase is Phase.WAITING:
            if self.verdict is not None:
                return "not_sse"
            if not self.state.counts and not self.size:
                return "empty"
        return self.state.status

    @property
    def error(self) -> JsonObject | None:
        """What went wrong: the API's error, else how the connection ended."""
        if self.state.error is not None:
            return self.state.error
        if self.verdict is not None:
            return self.verdict.error
        return self.state.end_error

    def metrics(self) -> Metrics:
        """Return the latencies of the run, all None when its times are not real."""
        if not self.timed:
            return UNKNOWN
        return measure(self.state, self.first_byte_ns, self.last_byte_ns)


class Session:
    """Bytes in, runs out. `runs` always has at least one run; the last one is growing."""

    def __init__(self, *, timed: bool = True, raw: RawStore | None = None) -> None:
        self.timed = timed
        self.raw = RawStore() if raw is None else raw
        self.ended = False
        self.runs = [Run(self.raw, timed=timed)]
        self._decoder = Decoder()
        self._template: Template | None = None

    @property
    def run(self) -> Run:
        """The run at the end of the body."""
        return self.runs[-1]

    def feed(self, t_ns: int, data: bytes) -> int:
        """Take the bytes of one read; return how many records they completed."""
        if not data:
            return 0
        self.raw.append(t_ns, data)
        return self._read(data, t_ns, t_ns, t_ns)

    def feed_many(self, times: Sequence[int], reads: Sequence[bytes]) -> int:
        """Take the bytes of several reads: the same as to `feed` each of them, only quicker."""
        if not all(reads):
            pairs = [pair for pair in zip(times, reads, strict=True) if pair[1]]
            times, reads = [t_ns for t_ns, _ in pairs], [data for _, data in pairs]
        if not reads:
            return 0
        same = times[0] if times.count(times[0]) == len(times) else None
        return self._read(self.raw.extend(times, reads), times[0], times[-1], same)

    def _read(self, data: bytes, first_ns: int, last_ns: int, t_ns: int | None) -> int:
        if self.runs[-1].first_byte_ns is None:
            self.runs[-1].first_byte_ns = first_ns
        count = 0
        for at in range(0, len(data), _WINDOW):
            count += self._cut(data[at : at + _WINDOW], t_ns)
        run = self.runs[-1]
        run.last_byte_ns = last_ns
        run.size = self.raw.size - run.first_offset
        return count

    def refuse(self, why: str) -> None:
        """End a body that cannot be read at all. Its run is no stream, and says why."""
        self.finish(0)
        self.run.verdict = Verdict("text", why, {"type": "not_sse", "message": why})

    def finish(self, t_ns: int, how: End = "eof", error: JsonObject | None = None) -> None:
        """The body has ended, in the way `how`. `error` describes an abnormal end."""
        if self.ended:
            return
        self.ended = True
        ended_ns = t_ns
        if self.raw.chunk_times:
            # What is left unterminated came with the last bytes, not with their end.
            t_ns = self.raw.chunk_times[-1]
        self._take(self._decoder.close(), t_ns)
        run = self.run
        run.ended_ns = ended_ns
        reducer.end(run.state, how, error)
        if run.size and not run.state.counts and run.state.phase is Phase.WAITING:
            self._judge(run)

    def _judge(self, run: Run) -> None:
        head = self.raw.read(run.first_offset, min(run.size, 65_536))
        if looks_like_events(head):
            return
        body = self.raw.read(run.first_offset, min(run.size, 16 * 1024 * 1024))
        run.verdict = classify(body)
        # What the decoder made of a body in another format says nothing about that body.
        reducer.refuse(run.state, run.verdict.code, run.verdict.detail)

    def _cut(self, data: bytes, t_ns: int | None) -> int:
        """Take the events that some bytes complete, which came at `t_ns`; return how many.

        None stands for several times: each event has that of the read in which it ended.
        """
        decoder = self._decoder
        if not decoder.started and len(data) >= _LONG:
            # What a body begins with is no burst: a little of it is cut to see what follows.
            end = data.find(b"\n\n", _STEP) + 2
            if 1 < end < len(data):
                return len(self._take(decoder.feed(data[:end]), t_ns)) + self._cut(data[end:], t_ns)
        rest = decoder.uncut_before(data) if len(data) >= _LONG else None
        if rest is None:
            return len(self._take(decoder.feed(data), t_ns))
        data = rest + data
        start = decoder.position
        count = misses = 0
        while True:
            taken = self._take_burst(data, decoder.position - start, t_ns)
            misses += taken < _FEW
            # What is no burst is cut as usual: a little of it, to see what follows.
            at = decoder.position - start
            end = 0 if misses > 1 else data.find(b"\n\n", at + _STEP) + 2
            frames = decoder.feed(data[at : end if end > 1 else len(data)])
            records = self._take(frames, t_ns)
            count += taken + len(records)
            if end < 2:
                return count
            # A third LF is kept, as more may follow: the next look at `data` begins with it.
            decoder.give_back()
            if records:
                self._template = template_of(frames[-1], records[-1]) or self._template

    def _take_burst(self, data: bytes, at: int, t_ns: int | None) -> int:
        """Take the deltas of the known template that begin at `at`; return how many there are."""
        run, template = self.runs[-1], self._template
        block = (
            None if template is None else in_order(run.state, template.kind, template.block_index)
        )
        if template is None or block is None:
            return 0
        burst = template.cut(data, at, self._decoder.position)
        if burst is None:
            return 0
        edges, count = burst.edges, len(burst.texts)
        self._decoder.skip(edges[-1] - edges[0])
        times = self.raw.arrivals(edges[1:]) if t_ns is None else array("q", [t_ns]) * count
        seq = len(run.timeline)
        run.timeline.extend_burst(burst, times)
        apply_texts(run.state, block, burst.kind, seq, times, burst.texts)
        run.history.note(edges[-1])
        return count

    def _take(self, frames: list[Frame], t_ns: int | None) -> list[EventRecord]:
        if not frames:
            return []
        run = self.runs[-1]
        first_seq = len(run.timeline)
        if t_ns is not None:
            records = [from_frame(frame, seq, t_ns) for seq, frame in enumerate(frames, first_seq)]
        else:
            ends = array("Q", [frame.offset + frame.length for frame in frames])
            timed = zip(frames, self.raw.arrivals(ends), strict=True)
            records = [
                from_frame(frame, seq, now) for seq, (frame, now) in enumerate(timed, first_seq)
            ]
        first = shift = 0
        for place, record in enumerate(records):
            if record.type == _START:
                self._add(run, records[first:place], shift)
                first = place
                if run.state.phase is not Phase.WAITING:
                    run = self._split(run, record)
                    shift = record.seq
        self._add(run, records[first:] if first else records, shift)
        return records

    def _add(self, run: Run, records: list[EventRecord], shift: int) -> None:
        if shift:
            records = [record._replace(seq=record.seq - shift) for record in records]
        run.timeline.extend(records)
        apply_all(run.state, records)
        if records:
            run.history.note(records[-1].offset + records[-1].length)

    def _split(self, run: Run, record: EventRecord) -> Run:
        """End `run` before `record` and begin the next one with it."""
        reducer.end_before(run.state, len(run.timeline))
        run.last_byte_ns = record.t_ns
        run.size = record.offset - run.first_offset
        successor = Run(self.raw, timed=self.timed, first_offset=record.offset)
        successor.first_byte_ns = successor.last_byte_ns = record.t_ns
        successor.size = self.raw.size - record.offset
        self.runs.append(successor)
        return successor
