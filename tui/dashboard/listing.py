"""What the list of runs is made from: every run, with what its exchange is doing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from tui.core.session import Run
from tui.dashboard.watched import Watched, Watchlist
from tui.run import Feed
from tui.sources import Unopened
from tui.viewmodel.run_rows import UNREADABLE
from tui.viewmodel.run_table import RunTable
from tui.viewmodel.runs import RunEntry

if TYPE_CHECKING:
    from tui.conversation.exchange import Exchange
    from tui.findings import Finding

BUDGET_NS: Final = 2_000_000
"""How long a refresh looks at runs that are not in view."""
_OVER_AT_ONCE: Final = 200
"""Runs that are over, and are looked at in a refresh."""
_ALIKE: Final = 30
"""Characters by which a title is seen to be the prompt."""
_NOTES: Final = {
    "queued": "waiting",
    "asking": "asks for tools",
    "tools": "runs tools",
    "held": "held",
}


Judge: TypeAlias = "Callable[[Watched, Run], tuple[Finding, ...]]"
"""Tells what was found in a run."""


def _not_judged(watched: Watched, run: Run) -> tuple[Finding, ...]:
    return ()


def run_entries(streams: Iterable[Watched], findings_of: Judge = _not_judged) -> list[RunEntry]:
    """Return an entry for every run of these streams, in their order."""
    runs = [(watched, run) for watched in streams for run in watched.feed.runs]
    return [
        run_entry(watched, run, number, findings_of(watched, run))
        for number, (watched, run) in enumerate(runs, 1)
    ]


def run_entry(
    watched: Watched, run: Run, number: int, findings: tuple[Finding, ...] = ()
) -> RunEntry:
    """Return what is known of a run now."""
    feed, exchange = watched.feed, watched.exchange
    over = run.state.end is not None
    return RunEntry(
        key=run,
        number=number,
        run=run,
        title=watched.title,
        model=watched.model,
        attempt=1 if exchange is None else attempt_of(exchange, feed),
        replaced=exchange is not None and feed in exchange.replaced,
        note=UNREADABLE if isinstance(feed.source, Unopened) else _note(exchange, feed),
        now_ns=(run.last_byte_ns or 0) if over else feed.elapsed_ns(),
        findings=findings,
        about=_about(watched),
    )


def _about(watched: Watched) -> str:
    """Return what a run is about, as far as its title does not say it."""
    feed = watched.feed
    if isinstance(feed.source, Unopened):
        return feed.source.why
    about = watched.opening_words
    # A live call is called by its prompt, and so are others.
    return "" if feed.info.kind == "live" or about[:_ALIKE] in feed.info.title else about


class RunListing:
    """The table of all runs that are watched, looked at in turn: a refresh has its budget."""

    def __init__(
        self, watchlist: Watchlist, now: Callable[[], int], findings_of: Judge = _not_judged
    ) -> None:
        """`now` is a monotonic clock in ns."""
        self.table = RunTable(self._entry)
        self._watchlist = watchlist
        self._now = now
        self._findings_of = findings_of
        self._places: dict[Hashable, tuple[Watched, int]] = {}
        """The stream of each run, and its number."""
        self._streams = 0
        """How many streams there were then."""
        self._dropped = 0
        self._going: deque[Run] = deque()
        self._over: deque[Run] = deque()

    @property
    def pending(self) -> bool:
        """Whether there are runs that were never looked at."""
        return self.table.unseen > 0

    def refresh(self, first: Iterable[Hashable]) -> None:
        """Look at these runs, and at as many others as the budget allows, first those going on."""
        until = self._now() + BUDGET_NS
        dropped = self._watchlist.dropped != self._dropped
        if dropped or self._watchlist.count_of_runs != len(self._places):
            self._arrange()
        for key in (key for key in first if key in self._places):
            self.table.look(key)
        for _ in range(len(self._going)):
            run = self._going.popleft()
            self.table.look(run)
            (self._over if self._is_over(run) else self._going).append(run)
            if self._now() > until:
                return
        for _ in range(min(len(self._over), _OVER_AT_ONCE)):
            # Even they can change: an answer may be gone on with, an attempt replaced.
            run = self._over.popleft()
            self.table.look(run)
            (self._over if self._is_over(run) else self._going).append(run)
            if self._now() > until:
                return

    def _arrange(self) -> None:
        """Take note of runs that have begun. All behind one in the middle get other numbers."""
        known, streams = self._places, self._watchlist.all
        added = streams[self._streams :]
        new_runs = sum(len(watched.feed.runs) for watched in added)
        dropped, self._dropped = self._dropped, self._watchlist.dropped
        if self._dropped > dropped:
            known = self._places = {}
            self._going.clear()
            self._over.clear()
            added = streams
        elif self._watchlist.count_of_runs - new_runs != len(known):
            self._places, added = {}, streams
        self._streams = len(streams)
        for watched in added:
            for run in watched.feed.runs:
                if run not in known:
                    self._going.appendleft(run)
                self._places[run] = watched, len(self._places) + 1
        self.table.arrange(list(self._places))

    def _entry(self, key: Hashable) -> RunEntry:
        watched, number = self._places[key]
        assert isinstance(key, Run)
        return run_entry(watched, key, number, self._findings_of(watched, key))

    def _is_over(self, run: Run) -> bool:
        exchange = self._places[run][0].exchange
        return run.state.end is not None and (exchange is None or exchange.done)


def attempt_of(exchange: Exchange, feed: Feed) -> int:
    """Return which attempt at its request a feed is, from one."""
    attempt = 1
    for one in exchange.feeds:
        if one is feed:
            break
        attempt = attempt + 1 if one in exchange.replaced else 1
    return attempt


def _note(exchange: Exchange | None, feed: Feed) -> str:
    if exchange is None or exchange.feed is not feed:
        return ""
    left = exchange.wait_left_s()
    return _NOTES.get(exchange.stage.kind, "") if left is None else f"retry in {left:.0f} s"
