"""Ways through the events of the shown run: search, filter, markers, marks, origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watchlist
from tui.find.finder import Finder
from tui.find.markers import next_marker
from tui.viewmodel.verdict import evidence_of
from tui.widgets.ask_bar import AskBar
from tui.widgets.line_view import OriginWanted

if TYPE_CHECKING:
    from tui.find.search import Searcher


class Navigator:
    """Goes to events, and to what the reader looks for."""

    def __init__(self, ui: UI, watchlist: Watchlist, finder: Finder, verdicts: Verdicts) -> None:
        self._ui = ui
        self._watchlist = watchlist
        self._finder = finder
        self._verdicts = verdicts
        self._sought: tuple[Searcher, int, int | None] | None = None
        """What is still searched, in which direction, and where the reader was then."""

    # --- events ---------------------------------------------------------------------------------

    def go_to(self, seq: int | None) -> None:
        """Show the state just after event `seq`; None stays where it is."""
        if seq is not None:
            self._watchlist.go(seq + 1)
            self._ui.redraw()

    def follow(self) -> None:
        """Return to the live end and follow it."""
        self._watchlist.follow()
        dashboard = self._ui.dashboard
        for pane in (dashboard.log_pane, *dashboard.transcripts, dashboard.tools):
            pane.action_bottom()
        self._ui.redraw()

    def jump(self, direction: int) -> None:
        """Go to the next or the previous marker: a block, a call, a finding, an error, a mark."""
        shown = self._watchlist.shown
        if shown is None:
            return
        here = self._watchlist.count() - 1
        marks = self._finder.marks(shown.run)
        evidence = evidence_of(self._verdicts.of(*shown))
        marker = next_marker(shown.run, here, direction, marks, evidence)
        if marker is None:
            self._ui.say(
                "No more markers after this" if direction > 0 else "No markers before this"
            )
        else:
            self.go_to(marker.seq)  # The title of the log says what it is.

    def mark(self) -> None:
        """Mark the event at the cursor, or take its mark away."""
        shown = self._watchlist.shown
        if shown is not None and self._watchlist.count():
            seq = self._watchlist.count() - 1
            on_now = self._finder.toggle_mark(shown.run, seq)
            self._ui.redraw()
            self._ui.say(f"Event {seq}: {'marked' if on_now else 'mark removed'}")

    def origin(self, wanted: OriginWanted) -> None:
        """Go to the event that wrote a character."""
        shown = self._watchlist.shown
        if shown is not None:
            from tui.find.writers import writer_of

            self.go_to(writer_of(shown.run, wanted.position, wanted.field, wanted.offset))

    # --- search and filter ----------------------------------------------------------------------

    def ask(self, kind: str) -> None:
        """Have the reader type a search, a filter, or a filter of the list of runs."""
        if self._ui.modal:
            return
        if kind == "search":
            known = self._finder.needle
        elif kind == "runs":
            known = self._ui.dashboard.runs_filter
        else:
            known = self._finder.filter.text if self._finder.filter else ""
        self._ui.dashboard.ask_for(kind, known)

    def asked(self, message: AskBar.Changed) -> None:
        """Take what was typed so far, or all of it."""
        problem = self._look_for(message.kind, message.text)
        self._ui.dashboard.ask.complain(problem)
        if message.done and not problem:
            self._ui.dashboard.stop_asking()
            if message.kind == "search" and message.text:
                shown = self._watchlist.shown
                if shown is not None:
                    self._finder.advance(shown.run)
                self.hit(1)
        self._ui.redraw()

    def not_asked(self, message: AskBar.Left) -> None:
        """Go back to what was looked for before."""
        self._look_for(message.kind, message.text)
        self._ui.dashboard.stop_asking()
        self._ui.redraw()

    def clear(self) -> None:
        """Show every event again, and look for nothing."""
        self._look_for("filter", "")
        self._look_for("search", "")
        self._ui.redraw()

    def hit(self, direction: int) -> None:
        """Go to the next or the previous event that the search found."""
        searcher = self._finder.searcher
        if searcher is None:
            self.ask("search")
            return
        seq = self._next(searcher, direction)
        if seq is not None:
            self.go_to(seq)
        elif searcher.progress < 1:
            self._sought = searcher, direction, self._watchlist.cursor
            self._ui.say("Still searching: goes to the match when there is one")
        else:
            nothing = f"No match for {self._finder.needle}"
            self._ui.say("No more matches" if searcher.count else nothing)

    def search_on(self) -> None:
        """Go to the match that was asked for before it was found."""
        if self._sought is None:
            return
        searcher, direction, cursor = self._sought
        if searcher is not self._finder.searcher or cursor != self._watchlist.cursor:
            self._sought = None  # The reader is elsewhere by now.
        elif searcher.progress >= 1 or self._next(searcher, direction) is not None:
            self._sought = None
            self.hit(direction)

    def _next(self, searcher: Searcher, direction: int) -> int | None:
        count = self._watchlist.count()
        here = count - 1 if self._watchlist.cursor is not None else -1
        if direction > 0:
            return searcher.next_after(here)
        return searcher.previous_before(here if here >= 0 else count)

    def _look_for(self, kind: str, text: str) -> str:
        """Set the search or the filter; return what is wrong with it."""
        shown = self._watchlist.shown
        try:
            if kind == "filter":
                self._finder.set_filter(text)
            elif kind == "runs":
                self._ui.dashboard.filter_runs(text)
            elif shown is not None:
                self._finder.set_search(text, shown.run)
        except ValueError as error:  # A FilterError or a SearchError.
            return str(error)
        return ""
