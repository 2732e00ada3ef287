"""The run at a glance above the log: density, blocks, stalls, findings; click to go there."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.viewmodel.strip import Strips, event_at, strips
from tui.viewmodel.views import Moment
from tui.widgets.component_styles import ComponentStyles
from tui.widgets.paint import strip_of


class TimelineStrip(ComponentStyles):
    """One row of bars, and where there is room a second one of marks."""

    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "strip--text",
        "strip--thinking",
        "strip--json",
        "strip--other",
        "strip--error",
        "strip--finding",
        "strip--stall",
        "strip--block",
        "strip--line",
        "strip--cursor",
    }

    class Picked(Message):
        """The reader wants to see event `seq`."""

        def __init__(self, seq: int) -> None:
            super().__init__()
            self.seq = seq

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._moment: Moment | None = None
        self._drawn: tuple[object, ...] = ()
        self._strips = Strips([], [], None)
        self._width = 0
        """Columns that the strip takes."""

    def show(
        self, moment: Moment, evidence: frozenset[int] = frozenset(), share: float = 1.0
    ) -> None:
        """Draw the strip of `moment`, on a `share` of the columns.

        `evidence` are the events that findings lead to.
        """
        width, height = self.size
        width = max(round(width * share), min(width, 1))
        cursor = moment.travelling and moment.count
        drawn = (moment.run, moment.head, cursor, evidence, width, height)
        if drawn == self._drawn or not width:
            return
        self._drawn, self._moment, self._width = drawn, moment, width
        self._strips = strips(moment, width, evidence, height)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.base_style()
        width = self.size.width
        cells = self._strips.bars if y == 0 else self._strips.marks
        pieces = [(cell.text, self.style(f"strip--{cell.style}")) for cell in cells[:width]]
        cursor = self._strips.cursor
        if cursor is not None and cursor < len(pieces):
            text = pieces[cursor][0]
            shown = "\u25b2" if y else "\u2502" if text == " " else text
            pieces[cursor] = (shown, self.style("strip--cursor"))
        return strip_of(pieces).apply_style(base).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        """Go to the event at the pointer."""
        if self._moment is not None:
            seq = event_at(self._moment, event.x, max(self._width, 1))
            if seq is not None:
                self.post_message(self.Picked(seq))
