"""One response body becomes one or more runs.

A body usually holds one message. Some files hold several: a `message_start` after a `message_stop`
begins the next run, one before it ends the earlier run as truncated.
"""

from __future__ import annotations

from typing import Final

from tui.core.batch import apply_all
from tui.core.history import History
from tui.core.metrics import UNKNOWN, Metrics, measure
from tui.core.records import EventRecord, JsonObject, from_frame
from tui.core.sniff import Verdict, classify, looks_like_events
from tui.core.sse import Decoder, Frame
from tui.core.state import Anomaly, End, Phase, RunState, Status
from tui.core.timeline import RawStore, Timeline

_START: Final = "message_start"


class Run:
    """One message: its log, its live state, and when its bytes came."""

    __slots__ = (
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

    def _end(self, how: End, error: JsonObject | None) -> None:
        self.state.end = how
        self.state.end_error = error


class Session:
    """Bytes in, runs out. `runs` always has at least one run; the last one is growing."""

    def __init__(self, *, timed: bool = True, raw: RawStore | None = None) -> None:
        self.timed = timed
        self.raw = RawStore() if raw is None else raw
        self.ended = False
        self.runs = [Run(self.raw, timed=timed)]
        self._decoder = Decoder()

    @property
    def run(self) -> Run:
        """The run at the end of the body."""
        return self.runs[-1]

    def feed(self, t_ns: int, data: bytes) -> int:
        """Take the bytes of one read; return how many records they completed."""
        if not data:
            return 0
        self.raw.append(t_ns, data)
        run = self.runs[-1]
        if run.first_byte_ns is None:
            run.first_byte_ns = t_ns
        run.last_byte_ns = t_ns
        run.size = self.raw.size - run.first_offset
        frames = self._decoder.feed(data)
        if frames:
            self._take(frames, t_ns)
        return len(frames)

    def finish(self, t_ns: int, how: End = "eof", error: JsonObject | None = None) -> None:
        """The body has ended, in the way `how`. `error` describes an abnormal end."""
        if self.ended:
            return
        self.ended = True
        if self.raw.chunk_times:
            # What is left unterminated came with the last bytes, not with their end.
            t_ns = self.raw.chunk_times[-1]
        self._take(self._decoder.close(), t_ns)
        run = self.run
        run._end(how, error)
        if run.size and not run.state.counts and run.state.phase is Phase.WAITING:
            self._judge(run)

    def _judge(self, run: Run) -> None:
        head = self.raw.read(run.first_offset, min(run.size, 65_536))
        if looks_like_events(head):
            return
        body = self.raw.read(run.first_offset, min(run.size, 16 * 1024 * 1024))
        run.verdict = classify(body)
        # What the decoder made of a body in another format says nothing about that body.
        run.state.anomalies[:] = [Anomaly(0, run.verdict.code, run.verdict.detail)]

    def _take(self, frames: list[Frame], t_ns: int) -> None:
        run = self.runs[-1]
        seq = len(run.timeline)
        records = [from_frame(frame, number, t_ns) for number, frame in enumerate(frames, seq)]
        first = shift = 0
        for place, record in enumerate(records):
            if record.type == _START:
                self._add(run, records[first:place], shift)
                first = place
                if run.state.phase is not Phase.WAITING:
                    run = self._split(run, record, t_ns)
                    shift = record.seq
        self._add(run, records[first:] if first else records, shift)

    def _add(self, run: Run, records: list[EventRecord], shift: int) -> None:
        if shift:
            records = [record._replace(seq=record.seq - shift) for record in records]
        run.timeline.extend(records)
        apply_all(run.state, records)
        run.history.note()

    def _split(self, run: Run, record: EventRecord, t_ns: int) -> Run:
        """End `run` before `record` and begin the next one with it."""
        if run.state.phase is Phase.OPEN:
            detail = "a message_start before the message_stop of the earlier message"
            run.state.anomalies.append(
                Anomaly(len(run.timeline), "duplicate_message_start", detail)
            )
        run._end("eof", None)
        run.size = record.offset - run.first_offset
        successor = Run(self.raw, timed=self.timed, first_offset=record.offset)
        successor.first_byte_ns = successor.last_byte_ns = t_ns
        successor.size = self.raw.size - record.offset
        self.runs.append(successor)
        return successor
