"""The tick: draws what has changed 30 times a second, however fast events arrive."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from textual.app import App

from tui.dashboard.app_settings import AppSettings
from tui.dashboard.footer import Footing, entries, footing
from tui.dashboard.textual_hacks import nobody_looks
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.view import dashboard_view
from tui.dashboard.watched import Watchlist
from tui.find.finder import Finder
from tui.screens.dashboard import Dashboard
from tui.viewmodel import Counters, DashboardView, Ranks, counters

TICK_S: Final = 1 / 30
NUMBERS_EVERY: Final = 6
"""The numbers change five times a second: more often they cannot be read."""
_LOADING_EVERY: Final = 3


class Ticker:
    """Draws the shown run into the panes, the numbers less often than the text."""

    def __init__(
        self,
        app: App[Any],
        dashboard: Dashboard,
        watchlist: Watchlist,
        finder: Finder,
        verdicts: Verdicts,
        settings: AppSettings,
    ) -> None:
        self._app = app
        self._dashboard = dashboard
        self._watchlist = watchlist
        self._finder = finder
        self._verdicts = verdicts
        self._settings = settings
        self._ticks = 0
        self._ended = 0
        self._searching = False
        self._ranks = Ranks()
        self._counted: tuple[object, int] | None = None
        """The run and the number of events that the numbers were drawn for, once they are final."""
        self._footing: Footing | None = None
        """What the key bar was drawn for."""
        self._asks = False
        """Whether prompts can be asked where nothing is shown."""
        self.relayed = False
        """Whether there is a relay to be looked at."""

    @property
    def numbers_due(self) -> bool:
        """Whether this tick is one that draws numbers."""
        return self._ticks % NUMBERS_EVERY == 0

    def again(self) -> None:
        """Have the next tick draw everything."""
        self._counted = None
        self._ticks = -1

    def tick(self) -> bool:
        """Draw what changed; return whether this is a tick to draw at."""
        self._ticks += 1
        self._watchlist.tick()
        if self._settings.bell:
            self._ring()
        if nobody_looks(self._app):
            return False  # What is read and recorded goes on.
        shown = self._watchlist.shown
        if shown is not None:
            if shown.feed.loading and self._ticks % _LOADING_EVERY:
                # The time is better spent on loading; what the reader does draws at once.
                return False
            self._finder.turn_to(shown.run)
            if not self._searching and not self._finder.advance(shown.run):
                self._search_on()
        if self._dashboard.beside:
            self._judge()
            self.show_keys(None, live=False)
            return True
        view = dashboard_view(self._watchlist, self._finder, self._verdicts, self._settings)
        if not self._dashboard.is_attached:
            return True
        if view is None:
            self.show_keys(None, live=self._asks)
            return True
        numbers = self._numbers(view)
        self._judge()
        with self._app.batch_update():
            self._dashboard.show(view, numbers)
            self.show_keys(view, live=view.header.kind == "live")
        return True

    def _judge(self) -> None:
        if self.numbers_due:
            self._verdicts.judge(listed=self._dashboard.runs is not None)

    def _search_on(self) -> None:
        """Have the search and the filter go on between the ticks."""
        if self._settings.ticking and not self._searching:
            self._searching = True
            self._app.run_worker(self._search(), name="search")

    async def _search(self) -> None:
        try:
            shown = self._watchlist.shown
            while shown is not None and not shown.feed.loading:
                if self._finder.advance(shown.run):
                    break
                # Whatever else wants the loop comes first: twice, as timers come after the rest.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                shown = self._watchlist.shown
        finally:
            self._searching = False

    def _numbers(self, view: DashboardView) -> Counters | None:
        moment = view.moment
        due = self.numbers_due or moment.travelling or not self._ranks.settled
        mark = (moment.run, moment.count)
        if not due or (mark == self._counted and moment.done):
            return None
        numbers = counters(moment, self._ranks, view.max_tokens)
        self._counted = mark if moment.done and self._ranks.settled else None
        return numbers

    def show_keys(self, view: DashboardView | None, *, live: bool) -> None:
        """Draw the keys that matter now. `live`: prompts can be asked."""
        if self._footing is None:
            self._asks = live
        now = footing(self._app, view, live=live, relayed=self.relayed)
        if now != self._footing:
            self._footing = now
            self._dashboard.keys.show(entries(now, self._settings.keys))

    def _ring(self) -> None:
        ended = sum(feed.done for feed in self._watchlist.feeds)
        if ended > self._ended:
            self._app.bell()
        self._ended = ended
