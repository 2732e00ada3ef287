"""The ground all panes stand on: rows drawn on demand, following the tail until the reader moves.

Only visible rows are drawn, whatever their number. Rows are addressed from 0 and may be any count.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tui.core.delta_text import Field
from tui.widgets.cell_wrap import wrapped_text
from tui.widgets.component_styles import ComponentStyles
from tui.widgets.strip_text import apart, cluster_at, highlight, whole, word_at

_MOST_COPIED: Final = 2_000
"""Rows that are drawn for a copy: some tenths of a second, and more than terminals take."""
_NO_COLOUR: Final = Style(reverse=True)
"""What is marked by colours alone, where there are none."""


Anchor = tuple[Hashable, float]
"""A part of what a view shows, and where in it: it outlasts another layout of the rows."""


class OriginWanted(Message):
    """The reader wants the event that wrote a character of a block's buffer."""

    def __init__(self, position: int, field: Field, offset: int) -> None:
        super().__init__()
        self.position = position
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
        self._moving = self._painting = self._was_following = False
        self._held: Anchor | None = None
        self.caret: tuple[int, int] | None = None
        """Row and column that the reader points at."""

    # --- for subclasses -----------------------------------------------------------------------

    def row(self, y: int, width: int) -> Strip:
        """Draw row `y`, at most `width` cells."""
        raise NotImplementedError

    def row_text(self, y: int) -> str:
        """Return what is copied for row `y`; offsets in it are those of `row`."""
        return self.row(y, self.row_width).text

    def margin_of(self, y: int) -> int:
        """Return how many blanks row `y` begins with if it only goes on with the row above.

        Such a row belongs to the same line of the text, and is copied without a line feed. -1 for
        a row that is a line of its own.
        """
        return -1

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
            elif height <= self.container_size.height and self._stays_as_high:
                # Rows come into the room that there is: each would be a layout of the screen.
                self.set_reactive(LineView.virtual_size, size)
                self.refresh()
            else:
                self.virtual_size = size
        if self.follow:
            self.to_end()

    @property
    def _stays_as_high(self) -> bool:
        """Whether it has no scrollbar, and the room it takes does not depend on its rows."""
        return not self.show_vertical_scrollbar and not self.styles.auto_dimensions

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

    def render_lines(self, crop: Region) -> list[Strip]:
        self._painting = True
        try:
            return super().render_lines(crop)
        finally:
            self._painting = False

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
        strip = apart(strip).apply_style(base).adjust_cell_length(width, base)
        # For who asks what is under the mouse. Painted, each piece of text would have a style of
        # its own, and nothing that is worked out for one could be kept for another.
        return strip if self._painting else strip.apply_offsets(0, place)

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
        span = _span(selection, y, strip.text)
        style = self.screen.get_component_rich_style("screen--selection")
        return highlight(strip, *span, self._seen(style)) if span is not None else strip

    def _seen(self, style: Style) -> Style:
        """Return a style that is seen without colours too."""
        return style + _NO_COLOUR if self.app.no_color else style

    def on_click(self, event: events.Click) -> None:
        """Point at a character. A second click takes its word, a third one its row."""
        event.prevent_default()  # Textual would take all there is, a million rows perhaps.
        place = event.get_content_offset(self)
        y = -1 if place is None else place.y + self.scroll_offset.y
        if place is None or y >= self._height:
            return
        if event.chain > 1:
            self._take(y, None if event.chain > 2 else place.x)
        elif self.points and self.text_selection is None:
            self.caret = (y, min(place.x, self.row_width - 1))
            self.refresh()

    def _take(self, y: int, column: int | None) -> None:
        """Select the word at a column of a row, or all of the row."""
        text = self.row_text(y)
        start, end = 0, len(text)
        if column is not None:
            cluster = cluster_at(text, column)
            if cluster is None:
                return
            start, end = word_at(text, cluster[0])
        if text[start:end].strip():
            self.screen.selections = {self: Selection(Offset(start, y), Offset(end, y))}

    # --- selection ----------------------------------------------------------------------------

    @property
    def allow_select(self) -> bool:
        return True

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text; only the selected rows are drawn for it, and not too many."""
        first = 0 if selection.start is None else max(selection.start.y, 0)
        last = self._height - 1 if selection.end is None else selection.end.y
        last = min(last, self._height - 1)
        most = min(last, first + _MOST_COPIED - 1)
        lines: list[str] = []
        for y in range(first, most + 1):
            text = self.row_text(y)
            start, end = _span(selection, y, text) or (0, 0)
            margin = self.margin_of(y)
            if lines and margin >= 0:
                lines[-1] += text[max(start, margin) : end]
            else:
                lines.append(text[start:end])
        if most < last:
            lines.append(f"\u2026 and {last - most} more rows")
        return "\n".join(line.rstrip() for line in lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def key_escape(self, event: events.Key) -> None:
        """Let go of what is selected. Nothing else: it must not cancel the stream as well."""
        if self.screen.selections:
            event.stop()
            event.prevent_default()
            self.screen.clear_selection()

    def drop_selection(self) -> None:
        """Let go of what is selected here: the rows are others now."""
        if self.text_selection is not None:
            kept = self.screen.selections.items()
            self.screen.selections = {view: part for view, part in kept if view is not self}

    # --- scrolling ----------------------------------------------------------------------------

    def to_end(self) -> None:
        """Show the last rows."""
        end = self.max_scroll_y
        if self.scroll_target_y != end or self.scroll_y != end:
            self._jump(end)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if not self._moving and self._held is None and round(old_value) != round(new_value):
            self.follow = round(new_value) >= self.max_scroll_y

    # --- the reader's place -------------------------------------------------------------------

    def anchor_at(self, y: int) -> Anchor | None:
        """Return what row `y` shows, None where that cannot be told."""
        return None

    def row_at(self, anchor: Anchor) -> int | None:
        """Return the row that shows a place now, None where none does."""
        return None

    def hold_place(self) -> None:
        """Remember what the first row in view shows, before all rows are laid out anew."""
        if self._held is None and self._height and not self.follow:
            self._held = self.anchor_at(self.scroll_offset.y)

    def return_to_place(self) -> None:
        """Go back there, once they are."""
        held, self._held = self._held, None
        row = None if held is None else self.row_at(held)
        if row is not None:
            self.follow = False
            self._jump(row)

    # --- the caret ----------------------------------------------------------------------------

    def move_caret(self, rows: int, columns: int) -> None:
        """Move the caret; it appears on the last row in view."""
        if not self._height:
            return
        if self.caret is None:
            self.caret = (min(self.scroll_offset.y + self.size.height, self._height) - 1, 0)
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
        cluster = cluster_at(strip.text, column)
        if cluster is None:
            strip = strip.adjust_cell_length(max(strip.cell_length, column + 1))
            cluster = (len(strip.text) - 1, len(strip.text))
        return highlight(strip, *cluster, self._seen(self.style("line-view--caret")))

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
        if y == top + height:
            target = y - height + 1
        else:
            target = y if y == top - 1 else max(y - height // 2, 0)
        self._jump(target)

    def bring_into_view(self, y: int) -> None:
        """Scroll to row `y` without the reader's doing, until `release`."""
        if not self.scroll_offset.y <= y < self.scroll_offset.y + self.size.height:
            self._was_following = self._was_following or self.follow
            self.follow = False
            self.show_row(y)

    def release(self) -> None:
        """Follow the tail again, if it was followed before `bring_into_view`."""
        if self._was_following:
            self._was_following = False
            self.follow = True
            self.to_end()

    def _jump(self, y: int) -> None:
        self._moving = True
        try:
            self.scroll_to(y=y, animate=False, force=True, immediate=True)
        finally:
            self._moving = False

    def action_top(self) -> None:
        """Go to the first row."""
        self._held = None
        self.scroll_to(y=0, animate=False)

    def action_bottom(self) -> None:
        """Go to the last row and follow."""
        self._held = None
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


def _span(selection: Selection, y: int, text: str) -> tuple[int, int] | None:
    """Return which code points of a row are selected: whole clusters, None for none."""
    span = selection.get_span(y)
    if span is None:
        return None
    start, end = span
    end = len(text) if end == -1 else min(end, len(text))
    return whole(text, start, end) if start < end else None


@lru_cache(maxsize=16)
def _wrapped(text: str, width: int) -> list[str]:
    return wrapped_text(text, width)
