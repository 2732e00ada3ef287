"""The run pump: source to session, paced by a clock that can pause, step and change its speed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.core.state import End
from tui.core.timeline import BorrowedStore
from tui.scheduler import Scheduler
from tui.sources import Answered, Source, SourceEnded, Unreadable
from tui.sources.replay import Batched

MIN_SPEED: Final = 0.1
MAX_SPEED: Final = 100.0
INSTANT: Final = float("inf")


class Clock:
    """Play time in ns: runs at `speed` while playing, stands while paused.

    `now` is a monotonic clock in ns. Tests hand in one of their own and call `wake` when it moved.
    """

    def __init__(self, now: Callable[[], int] = time.monotonic_ns, speed: float = 1.0) -> None:
        self._now = now
        self._speed = speed
        self._paused = False
        self._base_real = now()
        self._base_play = 0
        self._goal: int | None = None
        self._changed = asyncio.Event()

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def speed(self) -> float:
        return self._speed

    def time_ns(self) -> int:
        """Return the play time."""
        if self._paused or self._speed == INSTANT:
            return self._base_play
        return self._base_play + int((self._now() - self._base_real) * self._speed)

    def start(self) -> None:
        """Begin at zero, now."""
        self._base_play = 0
        self._base_real = self._now()
        self.wake()

    def pause(self) -> None:
        """Stop the play time where it is."""
        self._base_play = self.time_ns()
        self._paused = True
        self.wake()

    def play(self) -> None:
        """Go on from where the play time stands."""
        self._base_play = self.time_ns()
        self._base_real = self._now()
        self._paused = False
        self.wake()

    def set_speed(self, speed: float) -> None:
        """Change the speed, 0.1 to 100 or INSTANT; the play time does not jump."""
        self._base_play = self.time_ns()
        self._base_real = self._now()
        self._speed = speed if speed == INSTANT else min(max(speed, MIN_SPEED), MAX_SPEED)
        self.wake()

    @property
    def goal(self) -> int | None:
        """The play time of the next chunk; None while none is waited for."""
        return self._goal

    def step(self) -> bool:
        """Jump to the next chunk that is waited for; False when nothing is."""
        if self._goal is None:
            return False
        self.jump(self._goal)
        return True

    def jump(self, play_ns: int) -> None:
        """Set the play time."""
        self._base_play = play_ns
        self._base_real = self._now()
        self.wake()

    def wake(self) -> None:
        """Have whoever waits look at the time again."""
        self._changed.set()

    async def reach(self, play_ns: int) -> None:
        """Wait until the play time is `play_ns` or later."""
        try:
            while True:
                self._goal = play_ns
                self._changed.clear()
                if self._speed == INSTANT and not self._paused:
                    self._base_play = max(self._base_play, play_ns)
                missing = play_ns - self.time_ns()
                if missing <= 0:
                    return
                seconds = None if self._paused else missing / self._speed / 1e9
                try:
                    async with asyncio.timeout(seconds):
                        await self._changed.wait()
                except TimeoutError:
                    pass
        finally:
            self._goal = None


class Recorder(Protocol):
    """Keeps what a feed reads, as it comes. No method raises or waits."""

    @property
    def failure(self) -> str | None:
        """Why nothing more is kept, in one line; None while all is well."""
        ...

    def request(
        self,
        body: JsonObject | None,
        *,
        url: str | None = None,
        headers: Mapping[str, str] | None = None,
        timed: bool = True,
        at_ns: int | None = None,
    ) -> None:
        """The request, secrets included. `timed` is whether the chunks' times are real.

        `at_ns` is the time of day when it was sent, in nanoseconds since 1970.
        """
        ...

    def response(self, t_ns: int, status: int, headers: Mapping[str, str]) -> None:
        """The response began."""
        ...

    def chunk(self, t_ns: int, data: bytes) -> None:
        """One read of the body."""
        ...

    def end(self, t_ns: int, how: End, error: JsonObject | None) -> None:
        """The body ended in the way `how`."""
        ...


class Feed:
    """One source being read: its session grows as the clock lets chunks through.

    `idle_cap_ns` shortens longer gaps for the viewer; the times in the data stay as they are.
    `recorder` is told everything that happens, before it is shown.
    """

    def __init__(
        self,
        source: Source,
        *,
        clock: Clock | None = None,
        idle_cap_ns: int | None = None,
        now: Callable[[], int] = time.monotonic_ns,
        recorder: Recorder | None = None,
        session: Session | None = None,
        wall: Callable[[], int] = time.time_ns,
        scheduler: Scheduler | None = None,
    ) -> None:
        self.source = source
        self.recorder = recorder
        self.info = source.info
        self.clock = clock or Clock(now)
        read_at = source.info.read_at
        raw = None if read_at is None else BorrowedStore(read_at)
        self.session = session or Session(timed=source.info.timed, raw=raw)
        self.failure: str | None = None
        """Something that went wrong in this program while reading, for the run's pane."""
        self.end: SourceEnded | None = None
        self.stopped_as: End = "cancelled"
        """How a run that is cancelled has ended: `interrupted` where the program itself ends."""
        self._now = now
        self.at_ns = source.info.at_ns
        """The time of day of the request, in nanoseconds since 1970; None where it is not known."""
        self._wall = wall
        self._scheduler = scheduler or Scheduler(now)
        self._idle_cap_ns = idle_cap_ns
        self._recorded_heads = False
        self._last_ns = 0
        """When the last read came, an empty one included."""

    @property
    def runs(self) -> list[Run]:
        return self.session.runs

    @property
    def done(self) -> bool:
        """Nothing more will come."""
        return self.session.ended

    @property
    def loading(self) -> bool:
        """Whether this is a recording that is being read as fast as it can be, or waits for it."""
        info = self.info
        return not self.done and (info.size is not None or info.read_share is not None)

    @property
    def progress(self) -> float | None:
        """How much of a body of known size was read, 0 to 1; None where none is being loaded."""
        size, read_share = self.info.size, self.info.read_share
        if not self.loading:
            return None
        if size is None:
            return read_share() if read_share is not None else None
        return min(self.session.raw.size / max(size, 1), 1.0)

    def elapsed_ns(self) -> int:
        """Time since the request was sent, on the scale of the chunks' times."""
        if self.info.paced:
            return self.clock.time_ns()
        sent_ns = self.source.sent_ns
        return 0 if sent_ns is None else self._now() - sent_ns

    def stop(self) -> None:
        """End a feed that nobody reads, and that nobody will."""
        self.session.finish(0, self.stopped_as)

    async def run(self) -> None:
        """Read the source to its end. Only cancellation leaves this as an exception."""
        self.clock.start()
        try:
            await self._pump()
            self._finish("eof")
        except SourceEnded as end:
            self.end = end
            self._finish(end.how, describe_end(end))
        except Unreadable as reason:
            self.session.refuse(str(reason))
        except asyncio.CancelledError:
            self._finish(self.stopped_as)
            raise
        except Exception as error:
            # A fault of this program, not of the stream: it must be seen, and end this run only.
            self.failure = fault(error)
            problem: JsonObject = {"type": "internal_error", "message": self.failure}
            self._finish("interrupted", problem)
        finally:
            await self._close()

    def _finish(self, how: End, error: JsonObject | None = None) -> None:
        self._note_time_of_day()
        t_ns = self.elapsed_ns()
        if self.info.kind in ("demo", "file", "followed") and how != self.stopped_as:
            # What was recorded ends when it ended, however late this program gets there.
            t_ns = self._last_ns
        if self.recorder is not None:
            self._record_heads(self.recorder)
            self.recorder.end(t_ns, how, error)
        self.session.finish(t_ns, how, error)

    def _note_time_of_day(self) -> None:
        # Of a clock that goes on while the machine sleeps, as the prompt cache's does.
        if self.at_ns is None and self.info.kind == "live" and self.source.sent_ns is not None:
            self.at_ns = self._wall() - (self._now() - self.source.sent_ns)

    def _record_heads(self, recorder: Recorder) -> None:
        """Record request and response once: only with the response are all headers known."""
        if self._recorded_heads:
            return
        self._recorded_heads = True
        info = self.info
        answer = self.source.answer if isinstance(self.source, Answered) else None
        headers = None if answer is None else answer.sent_headers
        recorder.request(
            info.request, url=info.url, headers=headers, timed=info.timed, at_ns=self.at_ns
        )
        if answer is not None:
            recorder.response(answer.t_ns, answer.status, answer.headers)

    async def _close(self) -> None:
        try:
            await self.source.aclose()
        except Exception as error:
            self.failure = self.failure or fault(error)

    async def _pump(self) -> None:
        paced, scheduler = self.info.paced, self._scheduler
        if not paced and self.recorder is None and isinstance(self.source, Batched):
            async for times, reads in self.source.batches():
                self._last_ns = times[-1]
                self.session.feed_many(times, reads)
                if not scheduler.has_time():
                    await scheduler.wait(self)
            return
        async for t_ns, data in self.source.chunks():
            if paced:
                if self._idle_cap_ns is not None and t_ns - self._last_ns > self._idle_cap_ns:
                    self.clock.jump(max(self.clock.time_ns(), t_ns - self._idle_cap_ns))
                if self.clock.time_ns() < t_ns:
                    await self.clock.reach(t_ns)
            if not scheduler.has_time():
                await scheduler.wait(self)
            self._last_ns = t_ns
            self._note_time_of_day()
            if self.recorder is not None:
                self._record_heads(self.recorder)
                self.recorder.chunk(t_ns, data)
            self.session.feed(t_ns, data)


def fault(error: Exception) -> str:
    """Return what a fault of this program says of itself. It may quote what must not be seen."""
    from tui.captures.redact import redact_text

    return redact_text(f"{type(error).__name__}: {error}")


def describe_end(end: SourceEnded) -> JsonObject:
    """Return an abnormal end as the `error` of a report."""
    kinds = {"reset": "connection_lost", "http_error": "http_error"}
    error: JsonObject = {"type": kinds.get(end.how, end.how), "message": str(end)}
    for name in ("status", "request_id", "retryable", "error"):
        value = getattr(end, name)
        if value is not None:
            error[name] = value
    return error
