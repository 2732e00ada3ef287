"""Runs side by side, from the list of runs: as many as fit, at one time since their requests."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Final

from tui.core.session import Run
from tui.dashboard.app_settings import AppSettings
from tui.dashboard.shared_time import SharedTime
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.view import header_view, limit_of, moment_at, transcript_view
from tui.dashboard.watched import Shown, Watchlist
from tui.viewmodel import Moment, counters
from tui.viewmodel.side_by_side import LaneView, SideView

_WIDTH: Final = 60
"""Columns for each, where there are more than two."""
_MOST: Final = 4
_LIKELY: Final = 70
"""From so many columns on they are shown without being asked for."""


class SideBySide:
    """Which runs stand side by side, at what time, and which of them the reader is at.

    That one is the run that is shown: whatever is asked for is of it.
    """

    def __init__(
        self, ui: UI, watchlist: Watchlist, verdicts: Verdicts, settings: AppSettings
    ) -> None:
        self.is_open = False
        self.time = SharedTime(settings.now)
        self._ui = ui
        self._watchlist = watchlist
        self._verdicts = verdicts
        self._settings = settings
        self._all: list[Shown] = []
        self._known: tuple[object, ...] = ()
        """What these were found in."""
        self._first = 0
        self._at: tuple[Run | None, int | None] = (None, None)
        """The run that was shown last, and how many of its events."""
        self._drawn: dict[int, tuple[object, ...]] = {}
        """What the numbers at each place were drawn for."""

    # --- open and closed ------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many fit."""
        return min(max(self._ui.dashboard.size.width // _WIDTH, 2), _MOST)

    def show(self) -> None:
        """Put runs side by side; again: show one of them."""
        if self.is_open:
            self.close()
        elif len(self._candidates()) < 2:
            self._ui.say("Side by side takes two runs: press r, or open two files")
        else:
            self._open()
        self._ui.redraw()

    def offer(self) -> None:
        """Open where a few requests were sent together, each to another model."""
        models = [watched.model for watched in self._watchlist.all]
        told_apart = len(set(models)) == len(models) > 1
        if told_apart and len(models) <= self.room and self._ui.dashboard.size.width >= _LIKELY:
            self._open()

    def _open(self) -> None:
        self.is_open = True
        cursor, paused = self._watchlist.cursor, self._watchlist.paused
        self._arrange()
        if cursor is not None:
            self._watchlist.go(cursor)  # Not on with what was played: it goes by another clock.
        elif paused:
            self.time.hold(self.time.now_ns())
        self._at = (self._shown_run, None)
        self._drawn.clear()
        self._ui.dashboard.put_beside()

    def close(self) -> None:
        """Leave them; the one that the reader is at stays in the panes, at the same time."""
        if not self.is_open:
            return
        self.is_open = False
        shown = self._watchlist.shown
        live = shown is None or self.time.count(shown) is None
        self.time.release(None if shown is None else shown.watched)
        self._watchlist.beside = ()
        if live:
            self._watchlist.cursor = None
        self._ui.dashboard.put_beside(False)

    def open(self) -> None:
        """Leave them for the one that the reader is at."""
        self.close()
        self._ui.redraw()

    # --- which ones -----------------------------------------------------------------------------

    @property
    def _shown_run(self) -> Run | None:
        shown = self._watchlist.shown
        return None if shown is None else shown.run

    def enter(self, key: Hashable) -> None:
        """The reader has come to a run."""
        if self.is_open and isinstance(key, Run) and key is not self._shown_run:
            self._watchlist.show(key)
            self._ui.redraw()

    def move(self, step: int) -> None:
        """Go to the run on the right, or on the left where `step` is negative."""
        place = self._place() + step
        if 0 <= place < len(self._all):
            self.enter(self._all[place].run)

    def _place(self) -> int:
        run = self._shown_run
        return next((place for place, one in enumerate(self._all) if one.run is run), 0)

    def _candidates(self) -> list[Shown]:
        """Return a run for each request: of several attempts and rounds the newest one."""
        found: dict[Hashable, Shown] = {}
        for watched in self._watchlist.all:
            for run in watched.feed.runs:
                found[watched.exchange or run] = Shown(watched, run)
        shown = self._watchlist.shown
        if shown is not None:
            found[shown.watched.exchange or shown.run] = shown
        return list(found.values())

    def _arrange(self) -> None:
        """Choose those in view, the shown one among them."""
        watchlist, shown = self._watchlist, self._watchlist.shown
        known = (watchlist.count_of_runs, watchlist.dropped, shown)
        if known != self._known:
            self._known = known
            self._all = self._candidates()
        place, room = self._place(), min(self.room, len(self._all))
        self._first = min(max(self._first, place - room + 1), place, len(self._all) - room)
        self.time.shown = watchlist.beside = self._all[self._first : self._first + room]

    # --- when -----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Have their time go on, and take note of what was done to the run that is shown."""
        if not self.is_open:
            return
        self._arrange()
        shown, cursor = self._watchlist.shown, self._watchlist.cursor
        if shown is not None and shown.run is self._at[0] and cursor != self._at[1]:
            if cursor is None:
                self.time.go_live()
            else:  # Somebody went to one of its events.
                self.time.hold(shown.run.timeline.times[cursor - 1] if cursor else 0)
        self.time.tick()
        cursor = None
        if shown is not None and self.time.held:
            cursor = self.time.count(shown)
            cursor = len(shown.run.timeline) if cursor is None else cursor
        self._watchlist.cursor = cursor
        self._at = (self._shown_run, cursor)

    def player(self, verb: str) -> Watchlist | SharedTime:
        """Return what plays, where `verb` is what the reader does with it."""
        ours = self.is_open and hasattr(self.time, verb)
        return self.time if ours else self._watchlist

    # --- what is drawn --------------------------------------------------------------------------

    def draw(self, *, numbers: bool) -> None:
        """Draw them; the numbers only where they are due."""
        dashboard = self._ui.dashboard
        if self.time.shown and dashboard.is_attached:
            with dashboard.app.batch_update():
                dashboard.show_side(self.view(numbers=numbers))

    def view(self, *, numbers: bool) -> SideView:
        """Return what is to be drawn now; numbers only where they are due, and others."""
        shown = self.time.shown
        moments = [self._moment(one) for one in shown]
        going = [moment.now_ns for moment in moments if not moment.done]
        longest = max(*going, *map(_extent, moments), 1)
        lanes = [
            self._lane(one, name, moment, _extent(moment) / longest)
            for one, name, moment in zip(shown, self._names(), moments, strict=True)
        ]
        lanes = [self._measured(place, lane, numbers) for place, lane in enumerate(lanes)]
        titles = {one.watched.title for one in shown}
        time = self.time
        return SideView(
            lanes=tuple(lanes),
            focused=self._place() - self._first,
            first=self._first + 1,
            total=len(self._all),
            title=titles.pop() if len(titles) == 1 else "",
            now_ns=time.now_ns(),
            behind=time.behind,
            paused=time.paused,
            speed=time.speed,
        )

    def _moment(self, one: Shown) -> Moment:
        """Return a run at the time of all of them."""
        time = self.time
        moment = moment_at(one, time.count(one))
        if time.held and not time.paused:
            moment = replace(moment, highlight=None)  # Who wrote what is for those who look at it.
        if moment.travelling or (time.held and not moment.done):
            moment = replace(moment, now_ns=time.now_ns())
        return moment

    def _names(self) -> list[str]:
        """Return what tells the runs in view apart: model, title, or number."""
        shown = self.time.shown
        models = [one.run.state.model or one.watched.model or "" for one in shown]
        titles = [one.watched.title for one in shown]
        for names in (models, titles):
            if all(names) and len(set(names)) == len(names):
                return names
        either = [model or title for model, title in zip(models, titles, strict=True)]
        return [f"{number}  {name}" for number, name in enumerate(either, self._first + 1)]

    def _lane(self, one: Shown, name: str, moment: Moment, share: float) -> LaneView:
        findings = self._verdicts.of(*one)
        header = header_view(one.watched, moment, findings)._replace(paused=self.time.paused)
        said = transcript_view(one.watched, moment, self._settings)
        limit = limit_of(one.feed.info.request)
        return LaneView(name, header, said, limit, numbers=None, share=share)

    def _measured(self, place: int, lane: LaneView, due: bool) -> LaneView:
        """Return what is drawn at a place with its numbers, where they are others by now."""
        moment, header = lane.moment, lane.header
        drawn = (
            *(moment.run, moment.count, moment.travelling, moment.now_ns, moment.run.status),
            *(lane.name, lane.share, header.pending, header.paused, header.concern),
        )
        if not due or self._drawn.get(place) == drawn:
            return lane
        self._drawn[place] = drawn
        return lane._replace(numbers=counters(moment, None, lane.max_tokens))


def _extent(moment: Moment) -> int:
    """Return how long a run takes on the axis of time, in ns."""
    times = moment.timeline.times
    return times[-1] if times else 0
