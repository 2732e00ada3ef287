"""One time for several streams: since the request of each, live or of their past."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from tui.dashboard.watched import Shown, Watched, next_speed
from tui.run import Clock

_TOGETHER_NS: Final = 20_000_000
"""Clocks that are no further apart go together."""


class SharedTime:
    """Live until it is held. From there it is played again, or moved event by event.

    What is played for the first time goes by one clock as long as it is looked at here.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        """`now` is a monotonic clock in ns."""
        self.shown: Sequence[Shown] = ()
        """The runs that go by it."""
        self._clock = Clock(now)
        self._clock.pause()
        self._held: int | None = None
        """The time of the past that is shown, None at the live end."""
        self._stopped: set[Watched] = set()
        """Streams whose clocks stand because of it."""

    # --- what time it is ----------------------------------------------------------------------

    @property
    def behind(self) -> bool:
        """Whether it is a time of the past."""
        return self._held is not None and self._held < self._edge()

    @property
    def held(self) -> bool:
        """Whether it is not the live end, which may be where it stands."""
        return self._held is not None

    @property
    def paused(self) -> bool:
        """Whether it stands."""
        return self._held is not None and self._clock.paused

    @property
    def speed(self) -> float | None:
        """How fast it goes; None where everything arrives when it does."""
        if self._held is not None:
            return self._clock.speed
        return next((clock.speed for clock in self._playing()), None)

    def now_ns(self) -> int:
        """Return the time since the request."""
        return self._edge() if self._held is None else self._held

    def count(self, one: Shown) -> int | None:
        """Return how many events of a run had come by then; None for all there are."""
        times = one.run.timeline.times
        at = self._held
        if at is None:
            # What was played before waits for what is played now.
            clocks = self._playing()
            if not clocks or not one.feed.info.paced:
                return None
            at = max(clock.time_ns() for clock in clocks)
        count = bisect_right(times, at)
        return count if count < len(times) else None

    def _playing(self) -> list[Clock]:
        """Return the clocks of what is played for the first time."""
        feeds = [one.feed for one in self.shown]
        return [feed.clock for feed in feeds if feed.info.paced and not feed.done]

    def _edge(self) -> int:
        """Return the latest time that can be shown."""
        clocks = self._playing()
        if clocks:
            return min(clock.time_ns() for clock in clocks)
        return max(
            (
                (one.run.last_byte_ns or 0) if one.feed.done else one.feed.elapsed_ns()
                for one in self.shown
            ),
            default=0,
        )

    # --- its course ---------------------------------------------------------------------------

    def tick(self) -> None:
        """Have all of it go on together."""
        if self._held is not None and not self._clock.paused:
            self._held = self._clock.time_ns()
            if self._held >= self._edge():
                self.go_live()
        self._let_go(() if self._held is None else [one.watched for one in self.shown])
        clocks = self._playing()
        if self._held is not None:
            self._stop()
            return
        least = min((clock.time_ns() for clock in clocks), default=0)
        for clock in clocks:
            if clock.paused:
                clock.play()
            if clock.time_ns() - least > _TOGETHER_NS:
                clock.jump(least)

    def release(self, kept: Watched | None) -> None:
        """Let every stream go its own way again; that of `kept` stands if it does."""
        if kept is not None:
            self._stopped.discard(kept)
        self.go_live()
        self.shown = ()

    def _stop(self) -> None:
        """Have what is played for the first time wait."""
        for one in self.shown:
            feed = one.feed
            if feed.info.paced and not feed.done:
                feed.clock.pause()
                self._stopped.add(one.watched)

    def _let_go(self, but: Sequence[Watched]) -> None:
        """Have all but these streams go on where they were stopped."""
        for watched in self._stopped.difference(but):
            watched.feed.clock.play()
            self._stopped.remove(watched)

    def go_live(self) -> None:
        """Show all that has arrived, and what arrives."""
        self._held = None
        self._clock.pause()
        self._let_go(())

    def hold(self, at_ns: int) -> None:
        """Stand at a time."""
        self._clock.pause()
        self._clock.jump(at_ns)
        self._held = at_ns
        self._stop()

    # --- what the reader does with it -----------------------------------------------------------

    def toggle(self) -> None:
        """Stop, or go on; when all is over, play it again from the request on."""
        if self._held is not None and not self._clock.paused:
            self.hold(self._held)
        elif self._held is not None and self._held < self._edge():
            self._clock.play()
        elif all(one.feed.done for one in self.shown):
            self.hold(0)
            self._clock.play()
        elif self._held is not None:
            self.go_live()
        else:
            self.hold(self.now_ns())

    def step(self) -> None:
        """Stand at the next event of any of them."""
        here = self._held if self._held is not None else self.now_ns()
        lists = [one.run.timeline.times for one in self.shown]
        later = [times[at] for times in lists if (at := bisect_right(times, here)) < len(times)]
        if later:
            self.hold(min(later))
            return
        clocks = self._playing()
        goals = [clock.goal for clock in clocks if clock.goal is not None]
        for clock in clocks if goals else ():
            clock.jump(min(goals))
        self.hold(min(goals) if goals else here)

    def back(self) -> None:
        """Stand at the event before, of any of them; at first before all of them."""
        here = self._held if self._held is not None else self.now_ns()
        last = self._newest(here, bisect_right)
        self.hold(self._newest(last, bisect_left))

    def _newest(self, until: int, place: Callable[[array[int], int], int]) -> int:
        """Return when the last event up to a time came, of any of them; 0 before the first."""
        lists = [one.run.timeline.times for one in self.shown]
        return max((times[end - 1] for times in lists if (end := place(times, until))), default=0)

    def faster(self) -> None:
        """Take the next higher speed."""
        self._change_speed(1)

    def slower(self) -> None:
        """Take the next lower speed."""
        self._change_speed(-1)

    def normal_speed(self) -> None:
        """Play at 1x."""
        for clock in (self._clock, *self._playing()):
            clock.set_speed(1.0)

    def _change_speed(self, direction: int) -> None:
        speed = next_speed(self.speed or self._clock.speed, direction)
        for clock in (self._clock, *self._playing()):
            clock.set_speed(speed)
