"""The waterfall: a row a request on one axis of time. Only the rows in view are drawn."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, Final, get_args

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.core.text import sanitize
from tui.findings import Finding
from tui.viewmodel.waterfall import WaterfallRow, WaterfallView, end_of
from tui.viewmodel.waterfall_lines import (
    AxisWindow,
    WaterfallPieces,
    WaterfallStyle,
    axis_line,
    columns_of,
    row_line,
)
from tui.widgets.line_view import LineView
from tui.widgets.paint import strip_of
from tui.widgets.rows_below_heads import bring_into_view, row_clicked

WATERFALL_CLASSES: Final = {f"waterfall--{name}" for name in get_args(WaterfallStyle)} | {
    "waterfall--cursor"
}
_SHARE: Final = 1 / 8
"""How much of the window a key scrolls."""


class WaterfallText(LineView, can_focus=False):
    """Lines above and below the rows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = WATERFALL_CLASSES

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.follow = False
        self._lines: Sequence[WaterfallPieces] = ()

    def show(self, lines: Sequence[WaterfallPieces]) -> None:
        """Draw these lines."""
        if lines != self._lines:
            self._lines = lines
            self.set_height(len(lines))
            self.refresh()

    def row(self, y: int, width: int) -> Strip:
        pieces = self._lines[y] if y < len(self._lines) else []
        return strip_of([(sanitize(t), self.style(f"waterfall--{s}")) for t, s in pieces], width)


class WaterfallPane(LineView):
    """The axis, which stays, and a row a request below it; one of them is chosen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = WATERFALL_CLASSES

    BINDINGS = [
        ("j,down", "choose(1)", "Next request"),
        ("k,up", "choose(-1)", "Previous request"),
        ("pagedown", "page(1)", "Page down"),
        ("pageup", "page(-1)", "Page up"),
        ("g,home", "first", "First request"),
        ("G,end", "last", "Last request"),
        ("left,h", "scroll_axis(-1)", "Earlier"),
        ("right,l", "scroll_axis(1)", "Later"),
        ("plus,equals_sign", "zoom(0.5)", "Zoom in"),
        ("minus", "zoom(2)", "Zoom out"),
        ("0", "fit", "The whole axis"),
        ("enter", "open", "Show the run"),
    ]

    placeholder = "No requests yet: each one gets a row here, with what its time went into"

    class Chosen(Message):
        """Another request is chosen."""

    class Opened(Message):
        """The reader wants to see the run of a request."""

        def __init__(self, key: Hashable) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.follow = False
        self._rows: tuple[WaterfallRow, ...] = ()
        self._found: Mapping[Hashable, Finding] = {}
        self._end_ns = 0
        self._window: AxisWindow | None = None
        """What is in view of the axis, None for all of it, however long it grows."""
        self.chosen = 0

    def validate_follow(self, follow: bool) -> bool:
        """The last row is followed by being chosen."""
        return False

    def show(self, view: WaterfallView, found: Mapping[Hashable, Finding]) -> None:
        """Draw these rows, with the verdicts on them. The chosen one stays, or the last one.

        The same objects are drawn once.
        """
        if view.rows is self._rows and found is self._found:
            return
        at_end = self.chosen >= len(self._rows) - 1
        longer = len(view.rows) > len(self._rows)
        self._rows, self._found = view.rows, found
        self._end_ns = max(map(end_of, view.rows), default=0)
        self.set_height(len(view.rows) + 1 if view.rows else 0)
        if longer and at_end:
            self._choose(len(view.rows) - 1)
        self.refresh()

    def begin(self, view: WaterfallView, found: Mapping[Hashable, Finding], key: Hashable) -> None:
        """Draw the rows of another conversation; the one with this key is chosen."""
        self._rows, self._window = (), None
        self.show(view, found)
        places = [place for place, row in enumerate(view.rows) if row.key == key]
        self._choose(places[0] if places else 0)

    @property
    def row_chosen(self) -> WaterfallRow | None:
        """The request that is chosen."""
        return self._rows[self.chosen] if self.chosen < len(self._rows) else None

    @property
    def window(self) -> AxisWindow:
        """What is in view of the axis."""
        if self._window is None:
            return AxisWindow(0, max(self._end_ns, 1_000_000))
        return self._window

    @property
    def in_view(self) -> Sequence[WaterfallRow]:
        """The rows in view."""
        top = self.scroll_offset.y
        return self._rows[top : top + max(self.size.height - 1, 0)]

    # --- drawing ------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        # The axis is the first row, and stays when the others are scrolled.
        return super().render_line(y if y else -self.scroll_offset.y)

    def row(self, y: int, width: int) -> Strip:
        columns = columns_of(width, len(self._rows))
        if y == 0:
            return self._strip(axis_line(self.window, columns), width)
        row = self._rows[y - 1]
        found = self._found.get(row.key)
        strip = self._strip(row_line(row, self.window, columns, found), width)
        if y - 1 != self.chosen:
            return strip
        cursor = self._seen(self.style("waterfall--cursor"))
        strip = strip.adjust_cell_length(width)
        return strip_of([(text, (own or Style()) + cursor) for text, own, _ in strip])

    def _strip(self, pieces: WaterfallPieces, width: int) -> Strip:
        styled = [(sanitize(text), self.style(f"waterfall--{style}")) for text, style in pieces]
        return strip_of(styled, width)

    # --- the reader ---------------------------------------------------------------------------

    def _choose(self, place: int) -> None:
        if not self._rows:
            return
        self.chosen = min(max(place, 0), len(self._rows) - 1)
        bring_into_view(self, self.chosen)
        if self._window is not None:
            self._window = self._window.showing(self._rows[self.chosen]).within(self._end_ns)
        self.refresh()
        self.post_message(self.Chosen())

    def on_resize(self) -> None:
        self._choose(self.chosen)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Chosen())  # Other rows are in view.

    def action_choose(self, step: int) -> None:
        """Choose the request `step` rows further down."""
        self._choose(self.chosen + step)

    def action_page(self, direction: int) -> None:
        """Choose the request a page further."""
        self._choose(self.chosen + direction * max(self.size.height - 2, 1))

    def action_first(self) -> None:
        """Choose the first request."""
        self._choose(0)

    def action_last(self) -> None:
        """Choose the last request."""
        self._choose(len(self._rows) - 1)

    def action_open(self) -> None:
        """Show the run of the chosen request."""
        row = self.row_chosen
        if row is not None:
            self.post_message(self.Opened(row.key))

    def action_scroll_axis(self, direction: int) -> None:
        """Show what was earlier or later."""
        if self._window is not None:
            self._set_window(self._window.moved(direction * _SHARE))

    def action_zoom(self, factor: float) -> None:
        """Show less of the axis, or more: around the start of the chosen request."""
        row, window = self.row_chosen, self.window
        middle_ns = window.start_ns + window.length_ns // 2
        if row is not None and window.start_ns <= row.start_ns <= sum(window):
            middle_ns = row.start_ns
        self._set_window(window.zoomed(factor, middle_ns))

    def action_fit(self) -> None:
        """Show all of the axis."""
        self._set_window(None)

    def _set_window(self, window: AxisWindow | None) -> None:
        if window is not None and window.length_ns >= self._end_ns:
            window = None
        self._window = None if window is None else window.within(self._end_ns)
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom with ctrl, scroll the axis with shift; else the rows scroll as everywhere."""
        self._on_wheel(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """See `on_mouse_scroll_down`."""
        self._on_wheel(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """Show what was later."""
        self._consume(event)
        self.action_scroll_axis(1)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """Show what was earlier."""
        self._consume(event)
        self.action_scroll_axis(-1)

    def _on_wheel(self, event: events.MouseEvent, direction: int) -> None:
        if event.ctrl:
            self._consume(event)
            self.action_zoom(2.0**direction)
        elif event.shift:
            self._consume(event)
            self.action_scroll_axis(direction)

    def _consume(self, event: events.MouseEvent) -> None:
        event.stop()
        event.prevent_default()

    def on_click(self, event: events.Click) -> None:
        """Choose the request that was clicked; a second click shows its run."""
        event.prevent_default()
        number = row_clicked(self, event, len(self._rows))
        if number is not None:
            self._choose(number)
            if event.chain > 1:
                self.action_open()
