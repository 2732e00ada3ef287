"""A list of lines for a closer look, over the dashboard."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, TypeAlias, get_args

from rich.style import Style
from textual.strip import Strip

from tui.core.text import sanitize
from tui.viewmodel.lines import LineStyle, StyledLine
from tui.widgets.cell_wrap import chop, wrap
from tui.widgets.hanging_indent import hung
from tui.widgets.line_view import LineView
from tui.widgets.paint import StyledText, strip_of

_LEAST_ROOM: Final = 8
"""Cells that are left to the text of a line, however deep it stands."""

LineStyles: TypeAlias = Callable[[LineStyle], Style]
"""Looks up the style of a part of a line."""
LINE_CLASSES = {f"lines--{name}" for name in get_args(LineStyle)}
"""The component classes of a view of lines."""


class LinesView(LineView):
    """Lines that are made for a width, wrapped or cut at the edge."""

    COMPONENT_CLASSES: ClassVar[set[str]] = LINE_CLASSES

    # There is no live end.
    BINDINGS = [("end", "bottom", "Bottom")]

    def __init__(self, *, id: str, wraps: bool = False, placeholder: str = "") -> None:
        super().__init__(id=id)
        self.follow = False
        self.placeholder = placeholder
        self.lines: Sequence[StyledLine] = ()
        self._make: Callable[[int], Sequence[StyledLine]] | None = None
        self._wraps = wraps
        self._rows: list[Strip] = []
        self._tops: list[int] = []
        """Where the rows of each line begin, where lines are wrapped."""

    def show(self, make: Callable[[int], Sequence[StyledLine]]) -> None:
        """Draw the lines that are made for the cells of a row, now and for each new width."""
        self._make = make
        self.on_resize()

    def scroll_to_line(self, number: int) -> None:
        """Have a line in the first row, where it can be."""
        if self._tops:
            # Also where the scroll bar, which the rows need, is not there yet.
            self.scroll_to(y=self._tops[number], animate=False, force=True)

    def on_resize(self) -> None:
        if self._make is None or not self.size:
            return
        self.lines = self._make(self.row_width)
        self._rows, self._tops = [], []
        for line in self.lines if self._wraps else ():
            self._tops.append(len(self._rows))
            self._rows += wrapped_line(line, self.row_width, self.line_style)
        self.follow = False
        self.set_height(len(self._rows) if self._wraps else len(self.lines))
        self.refresh()

    def row(self, y: int, width: int) -> Strip:
        if self._wraps:
            return self._rows[y] if y < len(self._rows) else Strip([])
        pieces = self.lines[y].pieces if y < len(self.lines) else ()
        return strip_of([(sanitize(text), self.line_style(style)) for text, style in pieces], width)

    def margin_of(self, y: int) -> int:
        number = bisect_right(self._tops, y) - 1
        if number < 0 or self._tops[number] == y or y >= len(self._rows):
            return -1
        return margin_of_line(self.lines[number], self.row_width)

    def line_style(self, name: LineStyle) -> Style:
        """Return the style of a part of a line."""
        return self.style(f"lines--{name}")


def margin_of_line(line: StyledLine, width: int) -> int:
    """Return how many cells stand before what goes on with a line."""
    return len(line.cut) or _indent(line, width) + len(line.mark) + line.hang


def _indent(line: StyledLine, width: int) -> int:
    """Return the blanks before a line: its own, as long as they leave room for text."""
    return min(line.indent, max(width - len(line.mark) - line.hang - _LEAST_ROOM, 0))


def wrapped_line(line: StyledLine, width: int, style: LineStyles) -> list[Strip]:
    """Return a line as rows of at most `width` cells. Blanks at a break stand over the edge."""
    mark = " " * _indent(line, width) + sanitize(line.mark)
    text = [(sanitize(part).replace("\t", "    "), style(name)) for part, name in line.pieces]
    if line.cut:
        return _cut_line(line, text, width, style)
    fronts = (mark, " " * (len(mark) + line.hang))
    room = max(width - len(mark), 1)
    if line.hang:
        rows = hung(text, room, max(room - line.hang, 1))
    else:
        rows = wrap(text, room, keep_blanks=True)
    return [
        strip_of([(fronts[number > 0], style(line.mark_style)), *row])
        for number, row in enumerate(rows)
    ]


def _cut_line(
    line: StyledLine, text: Sequence[StyledText], width: int, style: LineStyles
) -> list[Strip]:
    """Return a line as rows that are full: where it is wrapped says nothing of what is in it."""
    first, *rest = chop(text, width) or [[]]
    rows = [strip_of(first, width)]
    if rest:
        behind = [(part, look) for row in rest for part, look in row]
        front: StyledText = (line.cut, style("muted"))
        rows += [
            strip_of([front, *row], width) for row in chop(behind, max(width - len(line.cut), 1))
        ]
    return rows
