"""Runs side by side: a transcript each, with what the run is measured by above and below it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.core.text import format_ns
from tui.viewmodel import Counters
from tui.viewmodel.side_by_side import LaneView, SideView
from tui.widgets.bars import LEAST, ROOMY, CounterBar, Named, Row, badge
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import wire
from tui.widgets.timeline_strip import TimelineStrip
from tui.widgets.transcript import Transcript


class LaneTranscript(Transcript):
    """A transcript that is scrolled together with those beside it."""

    BINDINGS = [
        ("left,h", "app.side('move', -1)", "The run on the left"),
        ("right,l", "app.side('move', 1)", "The run on the right"),
        ("up,k", "scroll_up", "Up"),
        ("down,j", "scroll_down", "Down"),
        ("G", "app.follow", "Bottom"),
    ]

    class Opened(Message):
        """The reader wants to see all of this run."""

    def __init__(self, scrolled: Callable[[LaneTranscript, int], None]) -> None:
        """`scrolled` is told by how many rows the reader has scrolled."""
        super().__init__(id="lane")
        self.border_title = None
        self._scrolled = scrolled

    def action_origin(self) -> None:
        """Ask for all of the run, where there is nothing to unfold."""
        self.post_message(self.Opened())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        rows = round(new_value) - round(old_value)
        # What was scrolled further than there are rows now has only become shorter.
        by_hand = not self._moving and self._held is None and round(old_value) <= self.max_scroll_y
        if rows and by_hand:
            self._scrolled(self, rows)

    def scroll_along(self, rows: int) -> None:
        """Scroll as one beside it was."""
        y = min(max(self.scroll_offset.y + rows, 0), self.max_scroll_y)
        self.follow = y >= self.max_scroll_y
        self._jump(y)


class LaneHead(Row):
    """The state of a run, and how long it has taken."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--live",
        "header--good",
        "header--warning",
        "header--bad",
        "header--paused",
        "header--title",
        "header--clock",
    }

    def show(self, view: LaneView) -> None:
        """Draw the state of `view`."""
        word, tone = _state(view)
        time: Named = (format_ns(view.moment.now_ns), "header--clock")
        self.put([(wire(word, max(self.size.width - cell_len(time[0]), 1)), tone)], [time])


def _state(view: LaneView) -> tuple[str, str]:
    """Return the state of a run at the time that is shown, and the style to draw it in."""
    moment, numbers = view.moment, view.numbers
    behind = moment.count < moment.head
    if numbers is not None and numbers.stalled:
        return f"\u25cf STALLED  {format_ns(numbers.last_content_ns)}", "header--warning"
    waits = moment.run.status == "streaming" and not view.header.pending
    if not moment.count and (behind or waits):
        return "\u2026 WAITING", "header--title"
    if behind and not view.header.paused:
        return "\u25b6 REPLAY", "header--live"
    if behind:
        return "\u2016 PAUSED", "header--paused"
    word, tone = badge(view.header)
    return word, f"header--{tone}"


class Lane(Vertical):
    """One run: its model, its state, its traffic on the common axis of time, what it says."""

    class Entered(Message):
        """The reader has gone to the run with this key, and to its event `seq` where there is one.

        `opened` is whether all of it is wanted.
        """

        def __init__(self, key: Hashable, seq: int | None = None, *, opened: bool = False) -> None:
            super().__init__()
            self.key = key
            self.seq = seq
            self.opened = opened

    def __init__(self, scrolled: Callable[[LaneTranscript, int], None]) -> None:
        super().__init__(classes="pane lane")
        self.head = LaneHead()
        self.strip = TimelineStrip()
        self.transcript = LaneTranscript(scrolled)
        self.numbers = CounterBar(first=LEAST)
        self._key: Hashable = None
        self._view: LaneView | None = None
        """The last one with numbers."""
        self._name = ""

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.strip
        yield self.transcript
        yield self.numbers

    def show(self, view: LaneView) -> None:
        """Draw a run."""
        self._key = view.moment.run
        self.transcript.show(view.transcript)
        if view.numbers is not None:
            self._view = view
            self._draw(view, view.numbers)

    def on_resize(self) -> None:
        # Once a run is over there is nothing new that would have the rest of it drawn.
        if self._view is not None and self._view.numbers is not None:
            self._draw(self._view, self._view.numbers)

    def _draw(self, view: LaneView, numbers: Counters) -> None:
        self.head.show(view)
        self.strip.show(view.moment, share=view.share)
        # A lane says in its state that nothing comes, and the strip is its pulse.
        self.numbers.show(numbers._replace(last_byte_ns=None, stalled=False, pulse=[]))
        name = wire(view.name, max(self.size.width - 4, 1))
        if name != self._name:
            self._name = name
            # As content: what a server calls its model may look like markup.
            vars(Widget)["border_title"].__set__(self, Content(name))

    def on_descendant_focus(self) -> None:
        """The reader has come here."""
        if self._key is not None:
            self.post_message(self.Entered(self._key))

    def on_lane_transcript_opened(self) -> None:
        """Open the run."""
        if self._key is not None:
            self.post_message(self.Entered(self._key, opened=True))

    def on_timeline_strip_picked(self, message: TimelineStrip.Picked) -> None:
        """Go to an event of this run, which may not be the one that the reader was at."""
        message.stop()
        if self._key is not None:
            self.post_message(self.Entered(self._key, message.seq))

    def on_click(self, event: events.Click) -> None:
        """Open the run, where its name, its state or its numbers were clicked."""
        if event.widget in (self, self.head, self.numbers):
            self.on_lane_transcript_opened()


class Lanes(Horizontal):
    """As many runs as are to be seen."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.all: list[Lane] = []
        self.theme = MarkdownTheme()
        self._at: Hashable = None

    @property
    def shown(self) -> list[Lane]:
        """The lanes that there are runs for."""
        return [lane for lane in self.all if lane.display]

    def show(self, view: SideView, *, focus: bool) -> None:
        """Draw these runs. With `focus`, the reader is taken to the one that is shown."""
        while len(self.all) < len(view.lanes):
            lane = Lane(self._scrolled)
            lane.transcript.markdown_theme = self.theme
            self.all.append(lane)
            self.mount(lane)
        for lane, one in zip(self.all, view.lanes, strict=False):
            lane.display = True
            lane.show(one)
        for lane in self.all[len(view.lanes) :]:
            lane.display = False
        run = view.lanes[view.focused].moment.run
        # The pane that was hidden lets go of the focus late, and then nothing has it.
        lost = run is not self._at or self.screen.focused is None
        if lost and focus and self.all[view.focused].transcript.is_attached:
            self._at = run
            self.all[view.focused].transcript.focus()

    def leave(self) -> None:
        """Forget where the reader was."""
        self._at = None

    def restyle(self, theme: MarkdownTheme) -> None:
        """Take the colours of another theme."""
        self.theme = theme
        for lane in self.all:
            lane.transcript.markdown_theme = theme
            lane.transcript.notify_style_update()

    def _scrolled(self, by: LaneTranscript, rows: int) -> None:
        for lane in self.shown:
            if lane.transcript is not by:
                lane.transcript.scroll_along(rows)

    @staticmethod
    def heading(view: SideView, width: int) -> tuple[list[Named], list[Named]]:
        """Return what the header says of runs side by side in `width` cells, left and right."""
        last = view.first + len(view.lanes) - 1
        which = f"runs {view.first}\u2013{last} of {view.total}"
        if len(view.lanes) == view.total:
            which = f"{view.total} runs side by side"
        left: list[Named] = [(" streamscope  " if width >= ROOMY else " ", "header--name")]
        if view.behind:
            left.append(("\u25c0 PAST  " if view.paused else "\u25b6 REPLAY  ", "header--paused"))
        elif view.paused:
            left.append(("\u2016 PAUSED  ", "header--paused"))
        left.append((which, "header--model"))
        right: list[Named] = [(f"{format_ns(view.now_ns):>6} ", "header--clock")]
        if view.speed is not None:
            sign = "\u2016" if view.paused else "\u25b6"
            speed = "instant" if view.speed == float("inf") else f"{view.speed:g}x"
            right.insert(0, (f"{sign} {speed}  ", "header--clock"))
        room = width - sum(cell_len(text) for text, _ in (*left, *right)) - 4
        left.append((f"   {wire(view.title, room)}", "header--title"))
        return left, right
