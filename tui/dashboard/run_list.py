"""The list of runs on the screen, and the table that is left when the screen has closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.core.session import Run
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watchlist

# The table is imported when there is a list: the first frame of one stream is drawn without it.
if TYPE_CHECKING:
    from tui.dashboard.listing import RunListing
    from tui.widgets.runs_list import RunsList


class RunList:
    """Draws a row for each run that is watched, and shows the one that is picked."""

    def __init__(
        self,
        ui: UI,
        watchlist: Watchlist,
        verdicts: Verdicts,
        now: Callable[[], int],
        *,
        batch: bool,
    ) -> None:
        """`batch`: whether several streams were begun together, to be watched side by side.

        `now` is a monotonic clock in ns.
        """
        self._ui = ui
        self._watchlist = watchlist
        self._batch = batch
        self._now = now
        self._verdicts = verdicts
        self._listing: RunListing | None = None

    @property
    def pending(self) -> bool:
        """Whether there are runs in the list that were never looked at."""
        return self._listing is not None and self._listing.pending

    def show(self) -> None:
        """Draw the list, where it is wanted."""
        dashboard = self._ui.dashboard
        if not dashboard.wants_runs(self._watchlist.count_of_runs, batch=self._batch):
            return
        listing, shown = self._listing, self._watchlist.shown
        if listing is None:
            from tui.dashboard.listing import RunListing

            listing = RunListing(self._watchlist, self._now, self._verdicts.of_listed)
            self._listing = listing
        self._verdicts.begin_list()
        listing.refresh(dashboard.runs_in_view())
        dashboard.show_runs(listing.table, None if shown is None else shown.run, self._now())

    def toggle(self) -> None:
        """Show the list of runs and move in it; hide it again."""
        self._ui.dashboard.toggle_runs()
        self._ui.redraw()

    def picked(self, message: RunsList.Picked) -> None:
        """Show the run that was picked from the list."""
        if isinstance(message.key, Run):
            self._watchlist.show(message.key)
        if message.opened:
            self._ui.dashboard.log_pane.focus()
        self._ui.redraw()

    def table(self) -> list[str]:
        """Return what is left to read in the end: a row a run, where several were live."""
        from tui.dashboard.listing import run_entries
        from tui.viewmodel.runs import table

        live = [watched for watched in self._watchlist.all if watched.exchange is not None]
        return table(run_entries(self._watchlist.all)) if len(live) > 1 else []
