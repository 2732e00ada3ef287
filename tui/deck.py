"""What is being watched: the feeds, which run is shown, and the point in its past."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from tui.core.session import Run
from tui.core.state import RunState
from tui.run import INSTANT, MAX_SPEED, MIN_SPEED, Feed

_SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 100.0)


class Shown(NamedTuple):
    """The run in the panes."""

    feed: Feed
    run: Run


class Deck:
    """Feeds and the reader's place in them.

    `cursor` is how many events of the shown run count, None at the live end. The live state goes
    on folding behind a cursor.
    """

    def __init__(self) -> None:
        self.feeds: list[Feed] = []
        self.cursor: int | None = None
        self._feed = 0
        self._place: int | None = None
        """Number of the shown run in its feed; None: always the newest."""
        self._chasing = False

    def add(self, feed: Feed, *, show: bool = True) -> None:
        """Take a feed, and show its newest run."""
        if show:
            # Before the feed is taken: what is left is the past of the run that was shown so far.
            self._leave()
            self._feed, self._place = len(self.feeds), None
        self.feeds.append(feed)

    # --- which run ----------------------------------------------------------------------------

    def all(self) -> Iterator[tuple[Feed, int]]:
        """Yield every run in order, as its feed and its number in it."""
        for feed in self.feeds:
            for place in range(len(feed.runs)):
                yield feed, place

    @property
    def shown(self) -> Shown | None:
        """The run in the panes: the picked one, else the newest."""
        if not self.feeds:
            return None
        feed = self.feeds[self._feed]
        return Shown(feed, feed.runs[-1 if self._place is None else self._place])

    @property
    def position(self) -> tuple[int, int]:
        """Return the number of the shown run, from one, and how many there are."""
        if not self.feeds:
            return 0, 0
        sizes = [len(feed.runs) for feed in self.feeds]
        here = sizes[self._feed] if self._place is None else self._place + 1
        return sum(sizes[: self._feed]) + here, sum(sizes)

    def pick(self, step: int) -> None:
        """Show the run `step` places further."""
        place, count = self.position
        if count:
            everything = list(self.all())
            self._pick(*everything[min(max(place - 1 + step, 0), count - 1)])

    def show(self, run: Run) -> None:
        """Show a run, if it is one of these."""
        for feed, place in self.all():
            if feed.runs[place] is run:
                self._pick(feed, place)
                return

    def _pick(self, feed: Feed, place: int) -> None:
        self._leave()
        self._feed = self.feeds.index(feed)
        # On the last run of a feed the reader wants to see what comes next in it.
        self._place = None if place == len(feed.runs) - 1 else place

    # --- time ---------------------------------------------------------------------------------

    def state(self) -> RunState | None:
        """Return the state to draw: live, or as of the cursor."""
        shown = self.shown
        if shown is None:
            return None
        return shown.run.state if self.cursor is None else shown.run.timeline.at(self.cursor)

    def count(self) -> int:
        """Return how many events of the shown run count."""
        shown = self.shown
        if shown is None:
            return 0
        head = len(shown.run.timeline)
        return head if self.cursor is None else min(self.cursor, head)

    @property
    def paused(self) -> bool:
        """Whether nothing moves: the clock stands, or the reader stays in the past."""
        shown = self.shown
        if shown is None:
            return False
        if self.cursor is not None and not self._chasing:
            return True
        return shown.feed.info.paced and shown.feed.clock.paused

    def tick(self) -> None:
        """Move a cursor that plays towards the live end."""
        shown = self.shown
        if shown is None or self.cursor is None or not self._chasing:
            return
        timeline = shown.run.timeline
        clock = shown.feed.clock
        if clock.speed == INSTANT:
            self._leave()
            return
        self.cursor = max(self.cursor, bisect_right(timeline.times, clock.time_ns()))
        if self.cursor >= len(timeline):
            self._leave()

    def toggle(self) -> None:
        """Pause or play. What is played goes on from the cursor; a live stream jumps to its end."""
        shown = self.shown
        if shown is None:
            return
        clock = shown.feed.clock
        if not self.paused:
            if shown.feed.info.paced:
                self._chasing = False
                clock.pause()
            else:
                self.cursor = len(shown.run.timeline)
            return
        if not shown.feed.info.paced:
            self._leave()
            return
        if self.cursor is not None:
            times = shown.run.timeline.times
            if self.cursor < len(times):
                clock.jump(times[self.cursor - 1] if self.cursor else 0)
                self._chasing = True
            else:
                self._leave()
        clock.play()

    def step(self) -> None:
        """Show one event more; at the end of a played stream let the next one through."""
        shown = self.shown
        if shown is None:
            return
        head = len(shown.run.timeline)
        here = self.count()
        self._hold(shown)
        if here < head:
            self.cursor = here + 1
        elif shown.feed.info.paced and shown.feed.clock.step():
            self.cursor = here + 1
        else:
            self.cursor = None if shown.feed.info.paced else here

    def back(self) -> None:
        """Show one event less."""
        shown = self.shown
        if shown is not None:
            here = self.count()
            self._hold(shown)
            self.cursor = max(here - 1, 0)

    def go(self, count: int) -> None:
        """Show the first `count` events."""
        shown = self.shown
        if shown is not None:
            self._hold(shown)
            self.cursor = max(0, min(count, len(shown.run.timeline)))

    def follow(self) -> None:
        """Return to the live end and play on."""
        shown = self.shown
        was_travelling = self.cursor is not None
        self._leave()
        if shown is not None and was_travelling and shown.feed.clock.paused:
            shown.feed.clock.play()

    def faster(self) -> None:
        """Take the next higher speed."""
        self._change_speed(1)

    def slower(self) -> None:
        """Take the next lower speed."""
        self._change_speed(-1)

    def normal_speed(self) -> None:
        """Play at 1x."""
        if self.shown is not None:
            self.shown.feed.clock.set_speed(1.0)

    def _change_speed(self, direction: int) -> None:
        shown = self.shown
        if shown is None:
            return
        speed = shown.feed.clock.speed
        if direction > 0:
            target = next((s for s in _SPEEDS if s > speed * 1.001), max(speed, MAX_SPEED))
        else:
            target = next((s for s in reversed(_SPEEDS) if s < speed * 0.999), MIN_SPEED)
        shown.feed.clock.set_speed(target)

    def _hold(self, shown: Shown) -> None:
        self._chasing = False
        if shown.feed.info.paced and not shown.feed.clock.paused:
            shown.feed.clock.pause()

    def _leave(self) -> None:
        shown = self.shown
        if shown is not None and self.cursor is not None:
            # The clock may have been turned back to play the past again, and the feed may have gone
            # on to a later run: it must not hold the rest up.
            clock = shown.feed.clock
            clock.jump(max(clock.time_ns(), _newest_time(shown.feed)))
        self.cursor = None
        self._chasing = False


def _newest_time(feed: Feed) -> int:
    times = feed.session.raw.chunk_times
    return times[-1] if times else 0
