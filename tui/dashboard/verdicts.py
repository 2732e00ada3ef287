"""What is wrong with the runs that are watched, and why: findings, made when a run has ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

from tui.core.session import Run
from tui.dashboard.ui import UI
from tui.dashboard.watched import Shown, Watched, Watchlist

# The rules are imported when there is something to judge: the first frame is drawn without them.
if TYPE_CHECKING:
    from tui.findings import Finding

Findings: TypeAlias = "tuple[Finding, ...]"

_BEFORE: Final = 12
"""So many streams before the shown one, and a few after it, are looked at for its neighbours."""
_AFTER: Final = 3


class Verdicts:
    """Findings of each run: by itself at once, among its neighbours as soon as that is known."""

    def __init__(self, ui: UI, watchlist: Watchlist) -> None:
        self._ui = ui
        self._watchlist = watchlist
        self._alone: dict[Run, Findings] = {}
        self._among: dict[Run, Findings] = {}
        self._judged: tuple[Run, int] | None = None
        """The run that was judged among its neighbours, and how many streams there were then."""

    def of(self, watched: Watched, run: Run) -> Findings:
        """Return what was found in a run that is over, the verdict first; () before its end."""
        if run.state.end is None and run.status == "streaming":
            return ()
        found = self._among.get(run) or self._alone.get(run)
        if found is None:
            from tui.conversation.diagnosis import of_run
            from tui.findings import diagnose

            found = self._alone[run] = tuple(diagnose(of_run(watched.feed, run)))
        return found

    def now(self, watched: Watched, run: Run) -> Finding | None:
        """Return what is to be said of a run that goes on, None where all is well."""
        feed = watched.feed
        if feed.failure is not None or (feed.info.paced and feed.clock.paused):
            return None
        from tui.conversation.diagnosis import of_run
        from tui.findings.so_far import so_far

        return so_far(of_run(feed, run), feed.elapsed_ns(), run.last_byte_ns)

    def judge(self) -> None:
        """Have the shown run judged among its neighbours, where there are any."""
        shown = self._watchlist.shown
        streams = self._watchlist.all
        if shown is None or len(streams) < 2 or not shown.feed.done:
            return
        done = sum(watched.feed.done for watched in self._near(shown))
        if self._judged != (shown.run, done):
            self._judged = (shown.run, done)
            self._ui.work(self._judge(shown), name="findings")

    async def _judge(self, shown: Shown) -> None:
        from tui.conversation.diagnosis import findings_of, of_feed

        known = [one for watched in self._near(shown) for one in of_feed(watched.feed)]
        # Histories of many megabytes are compared: not on the loop that draws.
        found = await asyncio.to_thread(findings_of, known)
        for evidence, findings in zip(known, found, strict=True):
            if evidence.run is shown.run:
                self._among[shown.run] = tuple(findings)
        self._ui.redraw()

    def _near(self, shown: Shown) -> list[Watched]:
        streams = self._watchlist.all
        here = streams.index(shown.watched)
        return [
            watched
            for watched in streams[max(here - _BEFORE, 0) : here + _AFTER + 1]
            if watched.feed.done
        ]
