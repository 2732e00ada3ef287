"""The ground all panes stand on: rows drawn on demand, following the tail until the reader moves.

Only visible rows are drawn, whatever their number. Rows are addressed from 0 and may be any count.
"""

from __future__ import annotations

from functools import lru_cache
from textwrap import wrap as wrap_words
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tui.core.links import Field
from tui.widgets.look import ComponentStyles


class OriginWanted(Message):
    """The reader wants the event that wrote a character of a block's buffer."""

    def __init__(self, place: int, field: Field, offset: int) -> None:
        super().__init__()
        self.place = place
        self.field = field
        self.offset = offset


class LineView(ComponentStyles, ScrollView, can_focus=True):
    """A scrollable list of rows. Subclasses give `row` and call `set_height`."""

    DEFAULT_CSS = """
    LineView {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    BINDINGS = [
        ("j", "scroll_down", "Down"),
        ("k", "scroll_up", "Up"),
        ("g", "top", "Top"),
        ("G", "bottom", "Bottom"),
        # Else the scroll view's own key, which knows nothing of the live end.
        ("end", "app.follow", "Follow"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-view--placeholder", "line-view--caret"}

    placeholder = ""
    """What the pane says while it is empty: what will appear, and how to get it."""

    points: ClassVar[bool] = False
    """Whether the reader can point at a character in it."""

    follow: var[bool] = var(True)
    """Whether new rows at the end are scrolled into view."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._height = 0
        self._moving = False
        self.caret: tuple[int, int] | None = None
        """Row and column that the reader points at."""

    # --- for subclasses -----------------------------------------------------------------------

    def row(self, y: int, width: int) -> Strip:
        """Draw row `y`, at most `width` cells."""
        raise NotImplementedError

    def row_text(self, y: int) -> str:
        """Return what is copied for row `y`; offsets in it are those of `row`."""
        return self.row(y, self.row_width).text

    def set_height(self, height: int) -> None:
        """Say how many rows there are now. Keeps the place, or the tail where it is followed."""
        if height != self._height:
            longer = height > self._height
            self._height = height
            size = Size(self.size.width, height)
            if longer and self.show_vertical_scrollbar:
                # Only the scrollbar's thumb changes: a layout, as for any new size, is not needed.
                self.set_reactive(LineView.virtual_size, size)
                self.vertical_scrollbar.window_virtual_size = height
            else:
                self.virtual_size = size
        if self.follow:
            self.to_end()

    # --- drawing ------------------------------------------------------------------------------

    @property
    def row_width(self) -> int:
        """Cells in a row. The scrollbar's column is kept free, so that nothing jumps for it."""
        # The styles' own number: the widget's is 0 as long as the scrollbar is hidden.
        return max(self.size.width - self.styles.scrollbar_size_vertical, 1)

    @property
    def height_in_rows(self) -> int:
        """How many rows there are."""
        return self._height

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.base_style()
        place = y + self.scroll_offset.y
        if not 0 <= place < self._height:
            if self._height == 0 and self.placeholder:
                return self._placeholder_line(y).apply_style(base).adjust_cell_length(width, base)
            return Strip.blank(width, base)
        strip = self._with_caret(self.row(place, self.row_width), place)
        selection = self.text_selection
        if selection is not None:
            strip = self._select(strip, selection, place)
        return strip.apply_style(base).adjust_cell_length(width, base).apply_offsets(0, place)

    def _placeholder_line(self, y: int) -> Strip:
        """Draw what an empty pane says, in the middle of it."""
        width = max(self.size.width, 1)
        lines = _wrapped(self.placeholder, width)
        number = y - max((self.size.height - len(lines)) // 2, 0)
        if not 0 <= number < len(lines):
            return Strip([])
        margin = " " * max((width - len(lines[number])) // 2, 0)
        return Strip([Segment(margin + lines[number], self.style("line-view--placeholder"))])

    def _select(self, strip: Strip, selection: Selection, y: int) -> Strip:
        span = selection.get_span(y)
        if span is None:
            return strip
        text = strip.text
        start, end = span
        end = len(text) if end == -1 else min(end, len(text))
        if start >= end:
            return strip
        cuts = [strip.index_to_cell_position(place) for place in (start, end)]
        before, marked, after = (
            strip.crop(0, cuts[0]),
            strip.crop(cuts[0], cuts[1]),
            strip.crop(cuts[1]),
        )
        style = self.screen.get_component_rich_style("screen--selection")
        lit = [Segment(text, (own or Style()) + style) for text, own, _ in marked]
        return Strip.join([before, Strip(lit), after])

    def on_click(self, event: events.Click) -> None:
        """Point at a character."""
        place = event.get_content_offset(self)
        y = -1 if place is None else place.y + self.scroll_offset.y
        if place is not None and y < self._height and self.points:
            self.caret = (y, min(place.x, self.row_width - 1))
            self.refresh()

    # --- selection ----------------------------------------------------------------------------

    @property
    def allow_select(self) -> bool:
        return True

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text; only the selected rows are drawn for it."""
        first = 0 if selection.start is None else selection.start.y
        last = self._height - 1 if selection.end is None else selection.end.y
        lines = []
        for y in range(max(first, 0), min(last, self._height - 1) + 1):
            span = selection.get_span(y)
            if span is not None:
                text = self.row_text(y)
                lines.append(text[span[0] : None if span[1] == -1 else span[1]].rstrip())
        return "\n".join(lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    # --- scrolling ----------------------------------------------------------------------------

    def to_end(self) -> None:
        """Show the last rows."""
        end = self.max_scroll_y
        if self.scroll_target_y != end or self.scroll_y != end:
            self._moving = True
            try:
                self.scroll_to(y=end, animate=False, force=True, immediate=True)
            finally:
                self._moving = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if not self._moving and round(old_value) != round(new_value):
            self.follow = round(new_value) >= self.max_scroll_y

    # --- the caret ----------------------------------------------------------------------------

    def move_caret(self, rows: int, columns: int) -> None:
        """Move the caret; it appears on the last row in view."""
        if not self._height:
            return
        if self.caret is None:
            last = min(self.scroll_offset.y + self.size.height, self._height) - 1
            self.caret = (last, 0)
        else:
            y = min(max(self.caret[0] + rows, 0), self._height - 1)
            self.caret = (y, min(max(self.caret[1] + columns, 0), self.row_width - 1))
        self.follow = False
        self.show_row(self.caret[0])
        self.refresh()

    def _with_caret(self, strip: Strip, place: int) -> Strip:
        if self.caret is None or self.caret[0] != place or not self.has_focus:
            return strip
        column = self.caret[1]
        padded = strip.adjust_cell_length(max(strip.cell_length, column + 1))
        cell = padded.crop(column, column + 1)
        style = self.style("line-view--caret")
        lit = Strip([Segment(text, (own or Style()) + style) for text, own, _ in cell])
        return Strip.join([padded.crop(0, column), lit, padded.crop(column + 1)])

    def on_resize(self) -> None:
        # Less height moves the tail out of view, and nothing may come that brings it back.
        if self.follow:
            self.to_end()

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        # It appears after the rows were scrolled, and then knows nothing of that.
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def show_row(self, y: int) -> None:
        """Have row `y` in view: at the edge for a step, in the middle for a jump."""
        top = self.scroll_offset.y
        height = self.size.height
        if top <= y < top + height:
            return
        if y == top - 1:
            target = y
        elif y == top + height:
            target = y - height + 1
        else:
            target = max(y - height // 2, 0)
        self._moving = True
        try:
            self.scroll_to(y=target, animate=False, force=True, immediate=True)
        finally:
            self._moving = False

    def action_top(self) -> None:
        """Go to the first row."""
        self.scroll_to(y=0, animate=False)

    def action_bottom(self) -> None:
        """Go to the last row and follow."""
        self.follow = True
        self.to_end()


class PointingView(LineView):
    """A list of rows in which the reader points at a character, and asks what wrote it."""

    BINDINGS = [
        ("j,down", "move_caret(1, 0)", "Point a row further down"),
        ("k,up", "move_caret(-1, 0)", "Point a row further up"),
        ("l,right", "move_caret(0, 1)", "Point further right"),
        ("h,left", "move_caret(0, -1)", "Point further left"),
        ("enter,o", "origin", "Go to the event that wrote this"),
    ]

    points = True

    def action_move_caret(self, rows: int, columns: int) -> None:
        """Move the place that is pointed at."""
        self.move_caret(rows, columns)

    def action_origin(self) -> None:
        """Ask for the event that wrote what is pointed at, with `OriginWanted`."""
        raise NotImplementedError


@lru_cache(maxsize=16)
def _wrapped(text: str, width: int) -> list[str]:
    return [line for part in text.split("\n") for line in wrap_words(part, max(width, 1))]
