"""The screens over the dashboard that look closer at runs: an event, the times, two runs, keys."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from typing import TYPE_CHECKING

from tui.core.session import Run
from tui.dashboard.navigator import Navigator
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watchlist

if TYPE_CHECKING:
    from tui.dashboard.sessions import WatchedSessions


def kept_sessions(
    ui: UI, watchlist: Watchlist, verdicts: Verdicts, *, names: bool
) -> Callable[[], WatchedSessions]:
    """Return what gives the conversations: made when they are first wanted, and kept."""

    @cache
    def made() -> WatchedSessions:
        from tui.dashboard.sessions import WatchedSessions

        return WatchedSessions(ui, watchlist, verdicts, names=names)

    return made


class Modals:
    """Opens one of them, where nothing else is open."""

    def __init__(
        self,
        ui: UI,
        watchlist: Watchlist,
        navigator: Navigator,
        verdicts: Verdicts,
        sessions: Callable[[], WatchedSessions],
    ) -> None:
        self._ui = ui
        self._watchlist = watchlist
        self._navigator = navigator
        self._verdicts = verdicts
        self._sessions = sessions

    def detail(self) -> None:
        """Show the event at the cursor in full, else the newest."""
        shown = self._watchlist.shown
        if shown is None or not self._watchlist.count() or self._ui.modal:
            return
        from tui.conversation.diagnosis import request_id_of
        from tui.screens.detail import Detail

        # From here the reader looks at one event: what the log marks is what is shown.
        request_id = request_id_of(shown.feed, shown.run)
        newest = self._watchlist.count() - 1
        self._ui.open(Detail(shown.run, newest, request_id), self._leave_detail)

    def _leave_detail(self, seq: int | None) -> None:
        newest = seq == self._watchlist.count() - 1
        if self._watchlist.cursor is not None or not newest:
            self._navigator.go_to(seq)

    def source(self, number: int) -> None:
        """Show what the answer cites of a source."""
        state = self._watchlist.state()
        if state is None or self._ui.modal:
            return
        from tui.screens.cited import Cited
        from tui.viewmodel.cited import source_lines

        lines = source_lines(state.blocks, number)
        if lines:
            self._ui.open(Cited(number, lines))

    def why(self) -> None:
        """Show what is wrong with the run, and why."""
        shown = self._watchlist.shown
        if shown is None or self._ui.modal:
            return
        from tui.screens.why import Why
        from tui.viewmodel.verdict import finding_texts

        texts = finding_texts(self._verdicts.of_any(*shown), len(shown.run.timeline))
        self._ui.open(Why(texts), self._navigator.go_to)

    def latency(self) -> None:
        """Show where the time of the run went."""
        shown = self._watchlist.shown
        if shown is not None and not self._ui.modal:
            from tui.screens.latency import Latency
            from tui.viewmodel.verdict import verdict_on_time

            self._ui.open(
                Latency(shown.run, lambda: verdict_on_time(self._verdicts.of_any(*shown))),
                self._navigator.go_to,
            )

    def compare(self) -> None:
        """Put two runs side by side."""
        if self._ui.modal:
            return
        from tui.screens.compare import Compare

        runs = [
            (watched.title, run, watched.feed.info.request)
            for watched in self._watchlist.all
            for run in watched.feed.runs
        ]
        if len(runs) < 2:
            self._ui.say("To compare takes two runs: press r, or open two files")
        else:
            self._ui.open(Compare(runs, self._watchlist.position[0] - 1))

    def waterfall(self) -> None:
        """Show the conversation of the run as a row a request on one axis of time."""
        shown = self._watchlist.shown
        if shown is None or self._ui.modal:
            return
        from tui.screens.waterfall import Waterfall

        sessions = self._sessions()
        sessions.show(shown.run)
        self._ui.open(Waterfall(sessions, shown.run), self._leave_waterfall)

    def cache(self) -> None:
        """Show what the prompt cache did for the requests of the conversation of the run."""
        shown = self._watchlist.shown
        if self._ui.modal:
            return
        from tui.screens.cache import CacheView

        if shown is None:
            self._ui.open(CacheView())
            return
        from tui.dashboard.cache_pages import CachePages

        self._ui.open(CacheView(CachePages(self._sessions(), self._verdicts, shown)))

    def _leave_waterfall(self, key: Hashable) -> None:
        if isinstance(key, Run):
            self._watchlist.show(key)
            self._ui.redraw()

    def themes(self) -> None:
        """Offer the themes; each is seen while the reader is at it."""
        if self._ui.modal:
            return
        from tui.screens.menu import Menu, MenuItem

        before = self._ui.theme
        choices = [MenuItem(name, name) for name in self._ui.themes]
        menu = Menu("Theme", choices, at=before, look=self._ui.show_theme)
        self._ui.open(menu, lambda name: self._leave_themes(name, before))

    def _leave_themes(self, name: str | None, before: str) -> None:
        if name is None:
            self._ui.show_theme(before)
            return
        try:
            self._ui.keep_theme(name)
        except OSError as error:
            self._ui.complain(f"The theme is not kept for the next time: {error}")

    def help(self) -> None:
        """Show the keys."""
        from tui.dashboard.commands import help_groups
        from tui.screens.help import Help

        if not self._ui.is_open(Help):
            self._ui.open(Help(help_groups(self._ui.focused_pane, self._ui.keys)))
