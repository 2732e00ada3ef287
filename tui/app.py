"""The application: what the keys and the palette do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from tui.commands import HELP, KEYS
from tui.core.links import writer_of
from tui.core.markers import next_marker
from tui.engine import Settings, SourceFactory, find_styles
from tui.prompting import Prompting
from tui.widgets.ask_bar import AskBar
from tui.widgets.event_log import EventLog
from tui.widgets.line_view import OriginWanted
from tui.widgets.timeline_strip import TimelineStrip

if TYPE_CHECKING:
    from tui.widgets.runs_list import RunsList

__all__ = ["Settings", "SourceFactory", "StreamscopeApp"]


class StreamscopeApp(Prompting):
    """The dashboard over any number of sources. The exit status is its result."""

    TITLE = "streamscope"
    CSS_PATH = find_styles()
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key.keys, key.action, key.what, id=key.id, show=False, tooltip=key.tooltip)
            for key in KEYS
        ),
        # From a modal too, and from a field that takes the letter.
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    _interrupted = False
    """Ctrl+C was pressed for what is running; the next one leaves."""

    def _set_off(self) -> None:
        self._interrupted = False

    # --- playing ------------------------------------------------------------------------------

    def action_toggle_play(self) -> None:
        """Pause or play."""
        self.deck.toggle()
        self._redraw()

    def action_step(self) -> None:
        """Show one event more."""
        self.deck.step()
        self._redraw()

    def action_step_back(self) -> None:
        """Show one event less."""
        self.deck.back()
        self._redraw()

    def action_faster(self) -> None:
        """Play faster."""
        self.deck.faster()
        self._redraw()

    def action_slower(self) -> None:
        """Play slower."""
        self.deck.slower()
        self._redraw()

    def action_normal_speed(self) -> None:
        """Play at 1x."""
        self.deck.normal_speed()
        self._redraw()

    def action_escape(self) -> None:
        """Leave the past; at the live end, cancel the stream."""
        if self.deck.cursor is not None:
            self.deck.follow()
            self._redraw()
        else:
            self.action_cancel()

    def action_follow(self) -> None:
        """Return to the live end and follow it."""
        self.deck.follow()
        for pane in (self._dashboard.log_pane, self._dashboard.transcript, self._dashboard.tools):
            pane.action_bottom()
        self._redraw()

    def action_pick(self, step: int) -> None:
        """Show the next or the previous run."""
        self.deck.pick(step)
        self._redraw()

    def action_runs(self) -> None:
        """Show the list of runs and move in it; hide it again."""
        self._dashboard.toggle_runs()
        self._redraw()

    def on_runs_list_picked(self, message: RunsList.Picked) -> None:
        """Show the run that was picked from the list."""
        runs = (feed.runs[place] for feed, place in self.deck.all())
        picked = next((run for run in runs if id(run) == message.key), None)
        if picked is not None:
            self.deck.show(picked)
        if message.opened:
            self._dashboard.log_pane.focus()
        self._redraw()

    def action_maximize_pane(self) -> None:
        """Give the focused pane the whole screen, or take it back."""
        self._dashboard.toggle_maximized()

    def action_boundaries(self) -> None:
        """Mark where fragments meet in the tool JSON."""
        on_now = self._dashboard.tools.toggle_boundaries()
        self._say("Fragment boundaries on" if on_now else "Fragment boundaries off")

    def action_source(self) -> None:
        """Show the transcript as Markdown or as it came."""
        self._dashboard.transcript.toggle_source()
        self._redraw()

    def action_thinking(self) -> None:
        """Fold or unfold the thinking."""
        self._dashboard.transcript.toggle_thinking()
        self._redraw()

    def action_detail(self) -> None:
        """Show the event at the cursor in full, else the newest."""
        shown = self.deck.shown
        if shown is None or not self.deck.count() or isinstance(self.screen, ModalScreen):
            return
        from tui.screens.detail import Detail

        # From here the reader looks at one event: what the log marks is what is shown.
        self.push_screen(Detail(shown.run, self.deck.count() - 1), self._leave_detail)

    def _leave_detail(self, seq: int | None) -> None:
        if seq is not None and (self.deck.cursor is not None or seq != self.deck.count() - 1):
            self.deck.go(seq + 1)
            self._redraw()

    def action_ask(self, kind: str) -> None:
        """Have the reader type a search or a filter."""
        if not isinstance(self.screen, ModalScreen):
            filtered = self.finder.filter.text if self.finder.filter else ""
            self._dashboard.ask_for(kind, self.finder.needle if kind == "search" else filtered)

    def action_clear(self) -> None:
        """Show every event again, and look for nothing."""
        self._look_for("filter", "")
        self._look_for("search", "")
        self._redraw()

    def action_hit(self, direction: int) -> None:
        """Go to the next or the previous event that the search found."""
        searcher = self.finder.searcher
        if searcher is None:
            self.action_ask("search")
            return
        here = self.deck.count() - 1 if self.deck.cursor is not None else -1
        if direction > 0:
            seq = searcher.next_after(here)
        else:
            seq = searcher.previous_before(here if here >= 0 else self.deck.count())
        if seq is None and searcher.progress < 1:
            self._say("Still looking: n goes on")
        elif seq is None:
            self._say(
                "No further match" if searcher.count else f"Nothing found: {self.finder.needle}"
            )
        else:
            self._go_to(seq)

    def action_mark(self) -> None:
        """Mark the event at the cursor, or take its mark away."""
        shown = self.deck.shown
        if shown is not None and self.deck.count():
            seq = self.deck.count() - 1
            on_now = self.finder.toggle_mark(shown.run, seq)
            self._redraw()
            self._say(f"Event {seq} {'marked' if on_now else 'not marked any more'}")

    def _look_for(self, kind: str, text: str) -> str:
        """Set the search or the filter; return what is wrong with it."""
        shown = self.deck.shown
        try:
            if kind == "filter":
                self.finder.set_filter(text)
            elif shown is not None:
                self.finder.set_search(text, shown.run)
        except ValueError as error:  # A FilterError or a SearchError.
            return str(error)
        return ""

    @on(AskBar.Changed)
    def _on_asked(self, message: AskBar.Changed) -> None:
        problem = self._look_for(message.kind, message.text)
        self._dashboard.ask.complain(problem)
        if message.done and not problem:
            self._dashboard.stop_asking()
            if message.kind == "search" and message.text:
                shown = self.deck.shown
                if shown is not None:
                    self.finder.advance(shown.run)
                self.action_hit(1)
        self._redraw()

    @on(AskBar.Left)
    def _on_not_asked(self, message: AskBar.Left) -> None:
        self._look_for(message.kind, message.text)
        self._dashboard.stop_asking()
        self._redraw()

    def action_jump(self, direction: int) -> None:
        """Go to the next or the previous marker: a block, a call, a stall, an error, a mark."""
        shown = self.deck.shown
        if shown is None:
            return
        here = self.deck.count() - 1
        marker = next_marker(shown.run, here, direction, self.finder.marks(shown.run))
        if marker is None:
            self._say("No marker further on" if direction > 0 else "No marker before")
        else:
            self._go_to(marker.seq)
            self._say(marker.label)

    @on(TimelineStrip.Picked)
    def _on_picked(self, message: TimelineStrip.Picked) -> None:
        self._go_to(message.seq)

    def action_latency(self) -> None:
        """Show where the time of the run went."""
        shown = self.deck.shown
        if shown is not None and not isinstance(self.screen, ModalScreen):
            from tui.screens.latency import Latency

            self.push_screen(Latency(shown.run), self._go_to)

    def action_compare(self) -> None:
        """Put two runs side by side."""
        if isinstance(self.screen, ModalScreen):
            return
        from tui.screens.compare import Compare

        runs = [
            (feed.info.title, run, feed.info.request)
            for feed in self.deck.feeds
            for run in feed.runs
        ]
        if len(runs) < 2:
            self._say("Comparing needs two runs: press r, or open two files")
            return
        self.push_screen(Compare(runs, self.deck.position[0] - 1))

    def _go_to(self, seq: int | None) -> None:
        if seq is not None:
            self.deck.go(seq + 1)
            self._redraw()

    def action_help(self) -> None:
        """Show the keys."""
        from tui.screens.help import Help

        if not isinstance(self.screen, Help):
            self.push_screen(Help(HELP))

    async def action_quit(self) -> None:
        """Leave."""
        self.exit(0)

    def action_interrupt(self) -> None:
        """Copy a selection; else cancel what is running, and the next time leave."""
        if self.screen.get_selected_text():
            self.screen.action_copy_text()
            return
        if not self.running() or self._interrupted:
            self.exit(130)
            return
        self._interrupted = True
        self.action_cancel()
        self._say("Cancelled. Press ctrl+c again to quit")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer every key's action in the palette, with the theme and the quit of Textual's own."""
        for key in KEYS:
            if key.palette:
                action = key.action
                yield SystemCommand(
                    key.palette,
                    key.tooltip,
                    lambda action=action: self.call_later(self.run_action, action),
                )
        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command

    @on(EventLog.Moved)
    def _on_moved(self, message: EventLog.Moved) -> None:
        self.deck.go(message.count)
        self._redraw()

    @on(OriginWanted)
    def _on_origin_wanted(self, message: OriginWanted) -> None:
        shown = self.deck.shown
        if shown is not None:
            seq = writer_of(shown.run, message.place, message.field, message.offset)
            self.deck.go(seq + 1)
            self._redraw()

    @on(EventLog.Followed)
    def _on_followed(self) -> None:
        self.action_follow()
