"""The dashboard: three panes and the rows around them. It draws what it is shown, nothing else."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui.viewmodel import Counters, Scope
from tui.widgets.ask_bar import AskBar
from tui.widgets.bars import CounterBar, EventHead, Header, KeyBar
from tui.widgets.event_log import EventLog
from tui.widgets.line_view import LineView
from tui.widgets.timeline_strip import TimelineStrip
from tui.widgets.tool_pane import ToolPane
from tui.widgets.transcript import Transcript

SMALLEST = (40, 10)
_STACKED_BELOW = 70


class Dashboard(Screen[None]):
    """Lays the panes out for the terminal's size and passes them what to draw."""

    AUTO_FOCUS = "#events"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_STACKED_BELOW, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (30, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self.header = Header(id="header")
        self.transcript = Transcript(id="transcript")
        self.tools = ToolPane(id="tools")
        self.log_box = Vertical(id="log", classes="pane")
        self.strip = TimelineStrip(id="strip")
        self.heads = EventHead(id="heads")
        self.log_pane = EventLog(id="events")
        self.ask = AskBar(id="ask")
        self.counters = CounterBar(id="counters")
        self.keys = KeyBar(id="keys")

    def compose(self) -> ComposeResult:
        yield self.header
        with Container(id="panes"):
            with Horizontal(id="above"):
                yield self.transcript
                yield self.tools
            with self.log_box:
                yield self.strip
                yield self.heads
                yield self.log_pane
        yield self.ask
        yield self.counters
        yield self.keys
        yield Static("", id="too-small", markup=False)

    def show(self, scope: Scope, numbers: Counters | None) -> None:
        """Draw the run at the shown point in time; without `numbers` the counters stay."""
        if self._too_small():
            return
        self.header.show(scope)
        self.transcript.show(scope)
        self.tools.show(scope)
        self.log_pane.show(scope)
        self.heads.show(self.log_pane.heads())
        if self.log_box.border_title != self.log_pane.title:
            self.log_box.border_title = Content(self.log_pane.title).markup
        if numbers is not None:
            self.counters.show(numbers)
            self.strip.show(scope)

    def ask_for(self, kind: str, text: str) -> None:
        """Have the reader type a search or a filter."""
        self.add_class("-asking")
        self.ask.ask(kind, text)

    def stop_asking(self) -> None:
        """Take the line to type into away."""
        self.remove_class("-asking")
        self.log_pane.focus()

    def toggle_maximized(self) -> None:
        """Give the focused pane the whole screen, or take it back."""
        names: dict[str, LineView] = {
            "-only-transcript": self.transcript,
            "-only-tools": self.tools,
            "-only-events": self.log_pane,
        }
        maximized = [name for name in names if self.has_class(name)]
        for name in maximized:
            self.remove_class(name)
        if not maximized:
            for name, pane in names.items():
                if pane.has_focus:
                    self.add_class(name)

    def _too_small(self) -> bool:
        width, height = self.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        if small != self.has_class("-too-small"):
            self.set_class(small, "-too-small")
        if small:
            note = f"{width}\u00d7{height} is too small: {SMALLEST[0]}\u00d7{SMALLEST[1]} at least"
            self.query_one("#too-small", Static).update(note)
        return small
