"""What is being watched: streams, which run of them is shown, and the point in its past."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from tui.core.session import Run
from tui.core.state import Buffer, RunState
from tui.run import INSTANT, MAX_SPEED, MIN_SPEED, Feed
from tui.sources import SourceFactory
from tui.viewmodel import TranscriptItem, turn_items
from tui.viewmodel.pacer import Pacer

if TYPE_CHECKING:
    from tui.conversation.exchange import Exchange
    from tui.viewmodel.smooth import Reveal

_OPENING: Final = 300
"""Characters of a prompt that are looked at for how it begins."""
_SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 100.0)


class Cancellable(Protocol):
    """A worker or a task."""

    def cancel(self) -> object:
        """End it."""
        ...


class Watched:
    """One stream that is watched: its feed, how to open it again, and the worker that reads it."""

    def __init__(
        self,
        feed: Feed,
        *,
        again: SourceFactory | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        """`again` makes its source once more; a live call has an `exchange` instead."""
        self.feed = feed
        self.again = again
        self.exchange = exchange
        self.worker: Cancellable | None = None
        """What reads the feed, where no exchange does, and it can be cancelled."""
        self.notice: Callable[[], tuple[str, str] | None] | None = None
        """What is said of the stream, where that is more than what it waits for."""
        self.place: Callable[[], str] | None = None
        """Tells where its request stands among conversations, where that is shown."""
        self._pacers: dict[Run, Pacer] = {}

    @property
    def title(self) -> str:
        """What the stream is called."""
        title = self.feed.info.title
        return title if self.place is None else f"{self.place()} {title}"

    @cached_property
    def turns(self) -> tuple[TranscriptItem, ...]:
        """What was said before the answer, as far as the request is known."""
        exchange = self.exchange
        known = {} if exchange is None else exchange.conversation.printed
        return turn_items(
            self.feed.info.request, {call: printed.text for call, printed in known.items()}
        )

    @cached_property
    def model(self) -> str | None:
        """The model that was asked for. Kept, as a large request may lie in a file."""
        model = (self.feed.info.request or {}).get("model")
        return model if isinstance(model, str) else None

    @cached_property
    def opening_words(self) -> str:
        """What the prompt begins with, in one line."""
        return " ".join((self.feed.info.prompt or "")[:_OPENING].split())

    def paced_text(self, run: Run, smooth: Reveal, now_ns: int) -> dict[int, Buffer]:
        """Return the smoothed text of each text block, as far as it is shown now."""
        pacer = self._pacers.get(run)
        if pacer is None:
            pacer = self._pacers[run] = Pacer(smooth)
        return pacer.update(run.state, now_ns)


class Shown(NamedTuple):
    """The run in the panes."""

    watched: Watched
    run: Run

    @property
    def feed(self) -> Feed:
        return self.watched.feed


class Watchlist:
    """Streams and the reader's place in them.

    `cursor` is how many events of the shown run count, None at the live end. The live state goes
    on folding behind a cursor.
    """

    def __init__(self) -> None:
        self.all: list[Watched] = []
        self.awaited: Watched | None = None
        """What is shown as long as there is nothing else."""
        self.beside: Sequence[Shown] = ()
        """The runs that stand side by side, where any do; the shown one is among them."""
        self.dropped = 0
        """How many streams are watched no more."""
        self._runs: list[list[Run]] = []
        """The runs of each stream."""
        self.cursor: int | None = None
        self._number = 0
        self._place: int | None = None
        """Number of the shown run in its feed; None: always the newest."""
        self._chasing = False

    def add(self, watched: Watched, *, show: bool = True) -> None:
        """Watch a stream, and show its newest run."""
        if show:
            # Before it is taken: what is left is the past of the run that was shown so far.
            self._leave()
            self._number, self._place = len(self.all), None
        self.all.append(watched)
        self._runs.append(watched.feed.runs)

    def drop(self, watched: Watched) -> None:
        """Watch a stream no more. Another has to be added and shown in its place."""
        place = self.all.index(watched)
        del self.all[place], self._runs[place]
        self.dropped += 1
        self._number, self._place = 0, None
        self.cursor, self._chasing = None, False

    @property
    def feeds(self) -> list[Feed]:
        return [watched.feed for watched in self.all]

    def watching(self, run: Run) -> Watched | None:
        """Return the stream that a run belongs to."""
        return next((watched for watched in self.all if run in watched.feed.runs), None)

    # --- which run ----------------------------------------------------------------------------

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield every run in order, as the number of its stream and its own number in it."""
        for number, watched in enumerate(self.all):
            for place in range(len(watched.feed.runs)):
                yield number, place

    @property
    def shown(self) -> Shown | None:
        """The run in the panes: the picked one, else the newest."""
        if not self.all and self.awaited is None:
            return None
        watched = self.all[self._number] if self.all else self.awaited
        assert watched is not None
        return Shown(watched, watched.feed.runs[-1 if self._place is None else self._place])

    @property
    def count_of_runs(self) -> int:
        """How many runs there are."""
        return sum(map(len, self._runs))

    @property
    def position(self) -> tuple[int, int]:
        """Return the number of the shown run, from one, and how many there are."""
        if not self.all:
            return 0, 0
        here = len(self._runs[self._number]) if self._place is None else self._place + 1
        return sum(map(len, self._runs[: self._number])) + here, self.count_of_runs

    def pick(self, step: int) -> None:
        """Show the run `step` places further."""
        place, count = self.position
        if count:
            everything = list(self.runs())
            self._pick(*everything[min(max(place - 1 + step, 0), count - 1)])

    def show(self, run: Run) -> None:
        """Show a run, if it is one of these."""
        for number, place in self.runs():
            if self.all[number].feed.runs[place] is run:
                self._pick(number, place)
                return

    def _pick(self, number: int, place: int) -> None:
        self._leave()
        self._number = number
        # On the last run of a stream the reader wants to see what comes next in it.
        self._place = None if place == len(self.all[number].feed.runs) - 1 else place

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
        clock = shown.feed.clock
        clock.set_speed(next_speed(clock.speed, direction))

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


def next_speed(speed: float, direction: int) -> float:
    """Return the speed above another, or below it where `direction` is negative."""
    if direction > 0:
        return next((s for s in _SPEEDS if s > speed * 1.001), max(speed, MAX_SPEED))
    return next((s for s in reversed(_SPEEDS) if s < speed * 0.999), MIN_SPEED)


def _newest_time(feed: Feed) -> int:
    times = feed.session.raw.chunk_times
    return times[-1] if times else 0
