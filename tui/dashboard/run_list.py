"""The list of runs on the screen, and the table that is left when the screen has closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.core.session import Run
from tui.dashboard.listing import run_entries
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watchlist

if TYPE_CHECKING:
    from tui.viewmodel.runs import KeptRows
    from tui.widgets.runs_list import RunsList


class RunList:
    """Draws a row for each run that is watched, and shows the one that is picked."""

    def __init__(self, ui: UI, watchlist: Watchlist, verdicts: Verdicts, *, batch: bool) -> None:
        """`batch`: whether several streams were begun together, to be watched side by side."""
        self._ui = ui
        self._watchlist = watchlist
        self._verdicts = verdicts
        self._batch = batch
        self._kept_rows: KeptRows = {}

    def show(self, now_ns: int) -> None:
        """Draw the list, where it is wanted."""
        dashboard = self._ui.dashboard
        if not dashboard.wants_runs(self._watchlist.position[1], batch=self._batch):
            return
        from tui.viewmodel.runs import run_rows, totals

        self._verdicts.begin_list()
        entries = run_entries(self._watchlist.all, self._verdicts.of_listed)
        rows = run_rows(entries, self._kept_rows)
        shown = self._watchlist.shown
        key = None if shown is None else shown.run
        dashboard.show_runs(rows, totals(entries, self._kept_rows), key, now_ns)

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
        from tui.viewmodel.runs import table

        live = [watched for watched in self._watchlist.all if watched.exchange is not None]
        return table(run_entries(self._watchlist.all)) if len(live) > 1 else []
