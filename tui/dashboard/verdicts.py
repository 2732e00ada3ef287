"""What is wrong with the runs that are watched, and why: findings, made when a run has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from tui.core.session import Run
from tui.dashboard.ui import UI
from tui.dashboard.watched import Watched, Watchlist

# The rules are imported when there is something to judge: the first frame is drawn without them.
if TYPE_CHECKING:
    from tui.findings import Evidence, Finding

Findings: TypeAlias = "tuple[Finding, ...]"

_BEFORE: Final = 12
"""So many streams before a stream, and a few after it, are looked at for its neighbours."""
_AFTER: Final = 3
_AT_ONCE: Final = 24
"""So many streams are judged among their neighbours at a time."""
_LOOKED_AT: Final = 200
"""So many streams of the list are looked at in a tick, for whether they are to be judged."""
_BUDGET_S: Final = 0.002
"""Runs that are only listed are judged for so long at each tick."""


class _Judged(NamedTuple):
    """What was found in a run among its neighbours, and how well these were known."""

    findings: Findings
    neighbours: int
    of_all: bool = False
    """Whether they were looked for among all requests, not only among those around it."""

    def outdoes(self, other: _Judged) -> bool:
        """Whether this is to be told in the place of an earlier judgement.

        Of what was looked for in the same way the later one knows more.
        """
        if self.of_all < other.of_all:
            return self.neighbours > other.neighbours
        return self.of_all == other.of_all or self.neighbours >= other.neighbours


class Verdicts:
    """Findings of each run: by itself at once, among its neighbours as soon as that is known."""

    def __init__(self, ui: UI, watchlist: Watchlist) -> None:
        self._ui = ui
        self._watchlist = watchlist
        self._alone: dict[Run, Findings] = {}
        self._among: dict[Run, _Judged] = {}
        self._neighbours: dict[Watched, int] = {}
        """Among how many streams that were done each one was judged."""
        self._judging = False
        self._next = 0
        """The stream of the list that is looked at next."""
        self._spent_at = 0.0
        """When no more of the runs that are only listed are judged at this tick."""

    def of(self, watched: Watched, run: Run) -> Findings:
        """Return what was found in a run that is over, the verdict first; () before its end."""
        if run.state.end is None and run.status == "streaming":
            return ()
        found = self._known(run)
        if found is None:
            from tui.conversation.diagnosis import of_run
            from tui.findings import diagnose

            found = self._alone[run] = tuple(diagnose(of_run(watched.feed, run)))
        return found

    def _known(self, run: Run) -> Findings | None:
        """Return what was found in a run before, among its neighbours where these were known."""
        judged = self._among.get(run)
        return self._alone.get(run) if judged is None else judged.findings

    def keep(self, evidence: Evidence, found: Sequence[Finding]) -> None:
        """Take what was found in a run whose neighbours were looked for among all requests."""
        self._note(evidence.run, _Judged(tuple(found), _neighbours_of(evidence), of_all=True))

    def _note(self, run: Run, judged: _Judged) -> None:
        before = self._among.get(run)
        if before is None or judged.outdoes(before):
            self._among[run] = judged

    def neighbours(self, watched: Watched) -> list[Evidence]:
        """Return what is known of the runs of a stream and of those around it that are over."""
        from tui.conversation.diagnosis import of_feed

        streams = self._watchlist.all
        near = _near(streams.index(watched))
        return [
            one
            for other in streams[near.start : near.stop]
            if other.feed.done or other is watched
            for one in of_feed(other.feed)
        ]

    def for_export(self, watched: Watched, run: Run) -> Findings:
        """Return what is found in a run among its neighbours, as far as it has come."""
        judged, known = _judged(self.neighbours(watched), {run}).get(run), self._among.get(run)
        if judged is None or (known is not None and not judged.outdoes(known)):
            return () if known is None else known.findings
        return judged.findings

    def begin_list(self) -> None:
        """Begin to tell the findings of all runs: see `of_listed`."""
        self._spent_at = time.perf_counter() + _BUDGET_S

    def of_listed(self, watched: Watched, run: Run) -> Findings:
        """Return the same for a run in a list. One that is long has them after a few ticks."""
        found = self._known(run)
        if found is None and time.perf_counter() < self._spent_at:
            return self.of(watched, run)
        return found or ()

    def now(self, watched: Watched, run: Run) -> Finding | None:
        """Return what is to be said of a run that goes on, None where all is well."""
        feed = watched.feed
        if feed.failure is not None or (feed.info.paced and feed.clock.paused):
            return None
        from tui.conversation.diagnosis import of_run
        from tui.findings.so_far import so_far

        return so_far(of_run(feed, run), feed.elapsed_ns(), run.last_byte_ns)

    def of_any(self, watched: Watched, run: Run) -> Findings:
        """Return what was found in a run, or what is to be said of it while it goes on."""
        now = None if run.state.end is not None else self.now(watched, run)
        return self.of(watched, run) or (() if now is None else (now,))

    def judge(self, *, listed: bool) -> None:
        """Have the shown run judged among its neighbours, where there are any; then the listed."""
        shown = self._watchlist.shown
        streams = self._watchlist.all
        if shown is None or len(streams) < 2 or self._judging:
            return
        here = streams.index(shown.watched)
        looked_at = range(self._next, min(self._next + _LOOKED_AT, len(streams)))
        due: dict[int, int] = {}
        loading = False
        for place in (here, *(looked_at if listed else ())):
            one = streams[place]
            if not one.feed.done or (due and not min(due) <= place < min(due) + _AT_ONCE):
                continue
            around = _near(place)
            near = streams[around.start : around.stop]
            if any(other.feed.loading for other in near):
                loading = True  # Once for all of them, instead of again for each one that is read.
                continue
            neighbours = sum(other.feed.done for other in near)
            if self._neighbours.get(one) != neighbours:
                due[place] = neighbours
        if not due:
            self._next = looked_at.stop % len(streams)
        elif here in due or len(due) == _AT_ONCE or not loading:
            self._judging = True
            self._neighbours |= {streams[place]: count for place, count in due.items()}
            near = streams[_near(min(due)).start : _near(max(due)).stop]
            wanted = {run for place in due for run in streams[place].feed.runs}
            self._ui.work(self._judge(near, wanted), name="findings")

    async def _judge(self, near: list[Watched], wanted: set[Run]) -> None:
        from tui.conversation.diagnosis import of_feed

        known = [one for watched in near if watched.feed.done for one in of_feed(watched.feed)]
        try:
            # Histories of many megabytes are compared: not on the loop that draws.
            found = await asyncio.to_thread(_judged, known, wanted)
        finally:
            self._judging = False
        for run, judged in found.items():
            self._note(run, judged)
        self._ui.redraw()


def _near(place: int) -> range:
    """Return the places among which the neighbours of the stream at a place are looked for."""
    return range(max(place - _BEFORE, 0), place + _AFTER + 1)


def _judged(known: list[Evidence], wanted: set[Run]) -> dict[Run, _Judged]:
    """Return what is found in the runs that are wanted among those that are known."""
    from tui.findings import diagnose, linked

    return {
        one.run: _Judged(tuple(diagnose(one)), _neighbours_of(one))
        for one in linked(known)
        if one.run in wanted
    }


def _neighbours_of(evidence: Evidence) -> int:
    """Return how many neighbours of a run are known."""
    others = evidence.before is not None, evidence.next_request is not None
    return sum(others) + len(evidence.earlier)
