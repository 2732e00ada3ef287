"""The dashboard: three panes and the rows around them. It draws what it is shown, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.events import ScreenResume
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.viewmodel import Counters, DashboardView, Moment
from tui.widgets.ask_bar import AskBar
from tui.widgets.bars import CounterBar, EventHead, HeaderBar, KeyBar
from tui.widgets.component_styles import markdown_theme
from tui.widgets.event_log import EventLog
from tui.widgets.line_view import LineView
from tui.widgets.timeline_strip import TimelineStrip
from tui.widgets.tool_pane import ToolPane
from tui.widgets.transcript import Transcript
from tui.widgets.verdict_bar import VerdictBar

if TYPE_CHECKING:
    from tui.viewmodel.run_table import RunTable
    from tui.viewmodel.side_by_side import SideView
    from tui.widgets.composer import Composer
    from tui.widgets.lanes import Lanes
    from tui.widgets.runs_list import RunsList

SMALLEST = (40, 10)
_STACKED_BELOW = 70
_ROOMY = 30


class Dashboard(Screen[None]):
    """Lays the panes out for the terminal's size and passes them what to draw."""

    AUTO_FOCUS = "#events"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_STACKED_BELOW, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (30, "-tall")]

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is called when something over the panes has been opened or closed."""
        super().__init__()
        self._when_changed = changed
        self._is_covered = False
        self.header = HeaderBar(id="header")
        self.above = Horizontal(id="above")
        self.transcript = Transcript(id="transcript")
        self.tools = ToolPane(id="tools")
        self.log_box = Vertical(id="log", classes="pane")
        self.strip = TimelineStrip(id="strip")
        self.heads = EventHead(id="heads")
        self.log_pane = EventLog(id="events")
        self.ask = AskBar(id="ask")
        self.complaint = Static("", id="complaint", markup=False)
        self.verdict = VerdictBar(id="verdict")
        self.counters = CounterBar(id="counters")
        self.keys = KeyBar(id="keys")
        self.composer: Composer | None = None
        self.runs: RunsList | None = None
        self.lanes: Lanes | None = None
        self.side: SideView | None = None
        """The runs that stand side by side in the place of the panes, as they were drawn."""
        self._off_stage: Widget | None = None
        """What had the focus and is not on the stage."""
        self._log_title = ""
        self._runs_wanted: bool | None = None
        """What the reader wants; None: the list is there when there are several."""

    def fit(self, size: Size) -> None:
        """Take the classes of a terminal's size before anything is styled, so that it is once."""
        wide = [name for least, name in self.HORIZONTAL_BREAKPOINTS if size.width >= least]
        tall = [name for least, name in self.VERTICAL_BREAKPOINTS if size.height >= least]
        self.add_class(wide[-1], tall[-1])

    def compose(self) -> ComposeResult:
        yield self.header
        with Container(id="panes"):
            with self.above:
                yield self.transcript
                yield self.tools
            with self.log_box:
                yield self.strip
                yield self.heads
                yield self.log_pane
        yield self.ask
        yield self.complaint
        yield self.verdict
        yield self.counters
        yield self.keys
        yield Static("", id="too-small", markup=False)

    def on_mount(self) -> None:
        """Take the theme's colours, now and when it changes."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._restyle())
        self._restyle()

    def _restyle(self) -> None:
        theme = markdown_theme(self.app.theme_variables)
        self.transcript.markdown_theme = theme
        self.tools.take_theme(theme)
        if self.lanes is not None:
            self.lanes.restyle(theme)
        self.transcript.notify_style_update()

    def on_composer_left(self) -> None:
        """The reader has left the box to type into."""
        self.close_composer()

    def show(self, view: DashboardView, numbers: Counters | None) -> None:
        """Draw the run at the shown point in time; without `numbers` the counters stay."""
        if self._too_small():
            return
        self._give_room(view.moment)
        self.header.show(view.header)
        self.transcript.show(view.transcript)
        self.tools.show(view.moment)
        self.log_pane.show(view.events)
        self.verdict.show(view.verdict)
        # On the widget, as a class of the screen would style everything on it anew.
        self.heads.set_class(view.verdict is not None, "-verdict")
        self.heads.show(self.log_pane.heads())
        if self._log_title != self.log_pane.title:
            self._log_title = self.log_pane.title
            # As content: what is searched for may look like markup.
            vars(Widget)["border_title"].__set__(self.log_box, Content(self._log_title))
        if numbers is not None:
            self.counters.show(numbers)
            self.strip.show(view.moment, view.events.evidence)

    @property
    def note_box(self) -> Widget:
        """The pane whose lower border has room for a note: the log, or what stands in its place."""
        panes: list[Widget] = [self.log_box, self.transcript, self.tools]
        if self.beside and self.lanes is not None:
            panes = [lane for lane in self.lanes.shown if lane.has_focus_within] or panes
        return next((pane for pane in panes if pane.display and pane.region), self.log_box)

    def complain(self, text: str) -> None:
        """Give a failure a row of its own; no text takes the row away."""
        self.complaint.update(text)
        self.complaint.display = bool(text)

    def ask_for(self, kind: str, text: str) -> None:
        """Have the reader type a search or a filter, of events or of runs."""
        self._when_changed()
        self.add_class("-asking")
        self.ask.ask(kind, text)

    def on_screen_suspend(self) -> None:
        """A modal opens."""
        self._is_covered = True

    def on_screen_resume(self, event: ScreenResume) -> None:
        """A modal was closed, or the dashboard is shown for the first time."""
        # At first the widgets were all styled a moment ago: a second time would be for nothing.
        event.refresh_styles = event.refresh_styles and self._is_covered
        if self._is_covered:
            self._is_covered = False
            self._when_changed()

    def stop_asking(self) -> None:
        """Take the line to type into away."""
        self._when_changed()
        self.remove_class("-asking")
        if self.ask.kind == "runs" and self.runs is not None:
            self.runs.focus()
        else:
            self.return_focus()

    # --- runs side by side ----------------------------------------------------------------------

    @property
    def beside(self) -> bool:
        """Whether runs stand side by side in the place of the panes."""
        return self.has_class("-beside")

    def put_beside(self, on: bool = True) -> None:
        """Put runs side by side in the place of the panes, or the panes back."""
        self.set_class(on, "-beside")
        self.verdict.show(None)  # It is of one run. The panes have it again at the next tick.
        self.heads.remove_class("-verdict")
        self.side = None
        if self.lanes is not None:
            self.lanes.leave()
        if not on:
            self._when_changed()
            self.log_pane.focus()

    @property
    def transcripts(self) -> list[Transcript]:
        """The transcripts on the screen."""
        if self.beside and self.lanes is not None:
            return [lane.transcript for lane in self.lanes.shown]
        return [self.transcript]

    def show_side(self, view: SideView) -> None:
        """Draw runs side by side."""
        if self._too_small():
            return
        if self.lanes is None:
            from tui.widgets.lanes import Lanes

            self.lanes = Lanes(id="lanes")
            self.lanes.theme = markdown_theme(self.app.theme_variables)
            self.mount(self.lanes, after="#panes")
        self.side = view
        self.lanes.show(view, focus=not self.typing)
        self.header.put(*self.lanes.heading(view, self.size.width))

    def return_focus(self) -> None:
        """Go back to the panes from a line that was typed into."""
        if self.beside and self.lanes is not None:
            self.lanes.leave()
        else:
            self.log_pane.focus()

    # --- the list of runs -----------------------------------------------------------------------

    def wants_runs(self, count: int, *, batch: bool) -> bool:
        """Whether the list of runs is to be drawn: there are several, or the reader wants it.

        The turns of a conversation are read one after another: where there is little room, they
        are listed only on demand. Those of a `batch` are watched together.
        """
        if self._runs_wanted is not None:
            return self._runs_wanted
        wanted = count > 1 and (batch or self.size.height >= _ROOMY)
        if self.runs is not None:
            self.runs.set_class(wanted, "-listed")
        return wanted

    def runs_in_view(self) -> list[Hashable]:
        """Return the runs whose rows are seen."""
        return [] if self.runs is None else self.runs.keys_in_view()

    def show_runs(self, table: RunTable, shown_key: Hashable | None, now_ns: int) -> None:
        """Draw the list of runs."""
        runs = self.runs
        if runs is None:
            from tui.widgets.runs_list import RunsList

            runs = self.runs = RunsList(id="runs")
            self.query_one("#panes").mount(runs, before="#above")
        runs.add_class("-listed")
        # A border and the heads around the rows; the panes keep most of the room.
        most = max(self.size.height // 4, 5)
        runs.styles.height = min(len(table.keys) + 3, most)
        runs.show(table, shown_key, now_ns)

    @property
    def runs_filter(self) -> str:
        """What the list of runs is filtered by."""
        return "" if self.runs is None else self.runs.filter.text

    def filter_runs(self, text: str) -> None:
        """Show only some of the runs in their list."""
        if self.runs is not None:
            self.runs.filter_by(text)

    def toggle_runs(self) -> None:
        """Show the list and move in it; from within it, hide it."""
        if self.runs is not None and self.runs.has_focus:
            self._runs_wanted = False
            self.runs.remove_class("-listed")
            self.log_pane.focus()
            return
        self._runs_wanted = True
        if self.runs is not None:
            self.runs.add_class("-listed")
            self.runs.focus()

    async def open_composer(self) -> Composer:
        """Show the box to type a prompt into. It is made when it is first wanted."""
        if self.composer is None:
            from tui.widgets.composer import Composer

            self.composer = Composer(id="composer")
            await self.mount(self.composer, before=self.counters)
        self._when_changed()
        self.add_class("-composing")
        return self.composer

    @property
    def typing(self) -> bool:
        """Whether letters go into a field."""
        composer = self.composer
        return self.ask.has_focus_within or (composer is not None and composer.has_focus_within)

    def close_composer(self) -> None:
        """Take the box away; what was typed stays in it."""
        self._when_changed()
        self.remove_class("-composing")
        self.return_focus()

    def action_boundaries(self) -> None:
        """Mark where fragments meet in the tool JSON."""
        on_now = self.tools.toggle_boundaries()
        self.notify(f"Fragment boundaries {'on' if on_now else 'off'}")

    def action_source(self) -> None:
        """Show the transcript as Markdown or as it came; tool input as JSON or as it is meant."""
        if self.tools.has_focus:
            self.tools.toggle_decoded()
            return
        for transcript in self.transcripts:
            transcript.toggle_source()

    def action_thinking(self) -> None:
        """Fold or unfold the thinking."""
        for transcript in self.transcripts:
            transcript.toggle_thinking()

    def action_maximize_pane(self) -> None:
        """Give the focused pane the whole screen; then the answer, as on a stage; then all."""
        if self.beside:
            return  # There is nothing else on the screen.
        panes: dict[str, LineView] = {
            "-only-transcript": self.transcript,
            "-only-tools": self.tools,
            "-only-events": self.log_pane,
        }
        focused = [name for name, pane in panes.items() if pane.has_focus]
        if self.has_class("-stage"):
            self.remove_class("-stage")
            if self._off_stage is not None:
                self._off_stage.focus()
        elif any(self.has_class(name) for name in panes) or not focused:
            self.remove_class(*panes)
            self.add_class("-stage")
            self._off_stage = self.log_pane if self.log_pane.has_focus else None
            if self._off_stage is not None:
                self.transcript.focus()
        else:
            self.add_class(*focused)

    def _give_room(self, moment: Moment) -> None:
        """Give an answer that ended without a tool call the room of these, until there is one."""
        if moment.done or self.above.has_class("-no-tools"):
            calls = any(block.is_tool for block in moment.run.state.blocks)
            self.above.set_class(not calls and not self.tools.has_focus, "-no-tools")

    def _too_small(self) -> bool:
        width, height = self.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        if small != self.has_class("-too-small"):
            self.set_class(small, "-too-small")
        if small:
            note = f"{width}\u00d7{height} is too small: {SMALLEST[0]}\u00d7{SMALLEST[1]} at least"
            self.query_one("#too-small", Static).update(note)
        return small
