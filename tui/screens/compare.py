"""Two runs side by side, over the dashboard."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import ClassVar, Final, NamedTuple, TypeAlias, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip

from tui.compare.comparison import Comparison, compare
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.steps import Steps
from tui.viewmodel.compare import WIDE, compare_lines
from tui.viewmodel.compare_lines import CompareLine
from tui.viewmodel.lines import LineStyle, StyledLine
from tui.viewmodel.run_titles import RunTitles
from tui.widgets.line_view import LineView
from tui.widgets.lines_view import LINE_CLASSES, wrapped_line
from tui.widgets.paint import strip_of

T = TypeVar("T")
Candidate: TypeAlias = tuple[str, Run, JsonObject | None]
"""A run that can be compared: its title, itself, and its request where that is known."""

_SLICE_S: Final = 0.005
_RULE: Final = " \u2502 "
_LEAD: Final = 3
"""Rows above a difference that is jumped to."""


class Layout(NamedTuple):
    """Rows for one width, and those in which a difference begins."""

    rows: list[Strip]
    stops: list[int]


class CompareView(LineView):
    """The lines of a comparison, wrapped."""

    COMPONENT_CLASSES: ClassVar[set[str]] = LINE_CLASSES | {"compare--here", "compare--rule"}

    # The comparison has no live end.
    BINDINGS = [("end", "bottom", "Bottom")]

    class Widened(Message):
        """The rows are to be laid out for another width."""

    def __init__(self) -> None:
        super().__init__(id="compare")
        self.follow = False
        self._layout = Layout([], [])
        self._width = 0
        self._styles: list[Style] = []
        self._number = -1

    @property
    def here(self) -> int:
        """The row of the difference that was jumped to, -1 before the first jump."""
        return -1 if self._number < 0 else self._layout.stops[self._number]

    def on_resize(self) -> None:
        if self.row_width != self._width:
            self._width = self.row_width
            self._styles = self._all_styles()
            self.post_message(self.Widened())

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self._width:
            # Not before the widgets around this one have their new colours too.
            self.call_after_refresh(self._check_styles)

    def _check_styles(self) -> None:
        """Lay out again if colours changed: the rows hold theirs."""
        if not self.is_attached:
            return  # Closed in the meantime.
        styles = self._all_styles()
        if styles != self._styles:
            self._styles = styles
            self.post_message(self.Widened())

    def row(self, y: int, width: int) -> Strip:
        strip = self._layout.rows[y]
        if y != self.here:
            return strip
        here = self.style("compare--here")
        return Strip(
            Segment(text, here if style is None else style + here)
            for text, style, _ in strip.adjust_cell_length(width)
        )

    def say(self, text: str, style: LineStyle) -> None:
        """Show one line and nothing else."""
        self.show(Layout(self._wrapped(StyledLine(((text, style),)), self.row_width), []))

    def show(self, layout: Layout) -> None:
        """Draw these rows. The place stays, and a difference that is in view stays there."""
        in_view = self._in_view()
        self.drop_selection()
        self._layout = layout
        if self._number >= len(layout.stops):
            self._number = -1
        self.follow = False
        self.set_height(len(layout.rows))
        if in_view and self._number >= 0:
            self._go_here()
        self.refresh()

    @property
    def place(self) -> str:
        """Which difference was jumped to, empty before the first jump."""
        return "" if self._number < 0 else f"{self._number + 1} of {len(self._layout.stops)}"

    def jump(self, step: int) -> None:
        """Go to the next or the previous difference."""
        stops = self._layout.stops
        top = self.scroll_offset.y
        if self._in_view():
            number = self._number + step
        elif step > 0:
            number = bisect_left(stops, top)
        else:
            number = bisect_left(stops, top + self.size.height) - 1
        if stops:
            self._number = min(max(number, 0), len(stops) - 1)
            self._go_here()
            self.refresh()

    def _in_view(self) -> bool:
        top = self.scroll_offset.y
        return top <= self.here < top + self.size.height

    def _go_here(self) -> None:
        self.scroll_to(y=max(self.here - _LEAD, 0), animate=False)

    # --- layout -------------------------------------------------------------------------------

    def lay_out(self, lines: Iterator[CompareLine]) -> Steps[Layout]:
        """Wrap lines into rows, in small steps."""
        layout = Layout([], [])
        width = self.row_width
        column = (width - len(_RULE)) // 2
        rule = strip_of([(_RULE, self.style("compare--rule"))])
        for left, right, stop in lines:
            if stop:
                layout.stops.append(len(layout.rows))
            if right is None:
                layout.rows.extend(self._wrapped(left, width))
            else:
                cells = self._wrapped(left, column), self._wrapped(right, column)
                for one, other in zip_longest(*cells, fillvalue=Strip([])):
                    padded = one.adjust_cell_length(column)
                    layout.rows.append(Strip.join([padded, rule, other]))
            yield
        return layout

    def _wrapped(self, line: StyledLine, width: int) -> list[Strip]:
        rows = wrapped_line(line, width, self._line_style)
        # Without blanks over the edge: beside the left column stands the right one.
        return [row.crop(0, width) if row.cell_length > width else row for row in rows]

    def _all_styles(self) -> list[Style]:
        return [self.style(name) for name in sorted(self.COMPONENT_CLASSES)]

    def _line_style(self, name: LineStyle) -> Style:
        return self.style(f"lines--{name}")


class Compare(ModalScreen[None]):
    """Compares two of `runs`: when there are just two these, else `shown` and the one before it.

    { and } take another run for the right side. Raises ValueError for less than two runs.
    """

    BINDINGS = [
        ("escape,q,C", "close", "Close"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
        ("s", "swap", "Swap the sides"),
        ("n", "jump(1)", "Next difference"),
        ("p", "jump(-1)", "Previous difference"),
        ("left_curly_bracket", "turn(-1)", "Previous run on the right"),
        ("right_curly_bracket", "turn(1)", "Next run on the right"),
    ]

    def __init__(self, runs: Sequence[Candidate], shown: int) -> None:
        if len(runs) < 2:
            raise ValueError("a comparison needs two runs")
        super().__init__()
        self._runs = list(runs)
        self._sides = first_sides(len(runs), shown)
        self._comparison: Comparison | None = None
        self._view = CompareView()

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.focus()

    # --- work ---------------------------------------------------------------------------------

    def on_compare_view_widened(self) -> None:
        self._start()

    def _start(self) -> None:
        """Compare if need be, and lay out. What was under way is given up."""
        self._label()
        self.run_worker(self._work(), exclusive=True)

    async def _work(self) -> None:
        try:
            if self._comparison is None:
                self._view.say("comparing\u2026", "muted")
                (_, left, asked), (_, right, other_asked) = (self._runs[n] for n in self._sides)
                steps = compare(left, right, asked, other_asked)
                self._comparison = await _in_slices(steps)
            lines = compare_lines(self._comparison, self._view.row_width)
            self._view.show(await _in_slices(self._view.lay_out(lines)))
        except Exception as error:
            # A fault of this program: it must be seen, and the runs behind must go on.
            self._view.say(f"The comparison failed: {type(error).__name__}: {error}", "worse")
        self._label()

    # --- labels -------------------------------------------------------------------------------

    def _label(self) -> None:
        """Say above which side is which, and below which keys there are."""
        width = self._view.row_width
        # Over its column, as far as the rule, where there are two.
        column = (width - len(_RULE)) // 2
        room = column - 6 if width >= WIDE else width // 2 - 5
        left, right = self._names(room)
        title = f"\u2212 {left}  + {right}"
        if width >= WIDE:
            rule = "\u2500" * (column + len(_RULE) - cell_len(left) - 5)
            title = f"\u2212 {left} {rule} + {right}"
        keys = ["n p differences", "s swap", "esc closes"]
        if len(self._runs) > 2:
            keys.insert(2, "{ } other run")
        if self._view.place:
            keys.insert(0, self._view.place)
        self._view.border_title = Content(title)
        self._view.border_subtitle = Content("  ".join(keys))

    def _names(self, width: int) -> tuple[str, str]:
        """Return what the sides are called: of titles that begin alike, what tells them apart."""
        titles = RunTitles()
        for number in self._sides:
            titles.add(self._runs[number][0])
        left, right = (
            f"{number + 1} {titles.fitted(self._runs[number][0], '', width - len(str(number)) - 1)}"
            for number in self._sides
        )
        return left, right

    # --- actions ------------------------------------------------------------------------------

    def action_jump(self, step: int) -> None:
        """Go to the next or the previous difference."""
        self._view.jump(step)
        self._label()

    def action_swap(self) -> None:
        """Have the right side on the left."""
        self._sides = self._sides[::-1]
        if self._comparison is not None:
            self._comparison = self._comparison.mirrored()
        self._start()

    def action_turn(self, step: int) -> None:
        """Take the next or the previous run for the right side."""
        left, right = self._sides
        right += step
        if right == left:
            right += step
        if 0 <= right < len(self._runs):
            self._sides = left, right
            self._comparison = None
            self._view.scroll_to(y=0, animate=False)
            self._start()

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)


def first_sides(count: int, shown: int) -> tuple[int, int]:
    """Return the left and the right of `count` runs, where `shown` is in the panes."""
    if count == 2:
        return 0, 1
    return shown, shown - 1 if shown else 1


async def _in_slices(steps: Steps[T]) -> T:
    """Do work in the event loop, and let other tasks run every few milliseconds."""
    end = time.perf_counter() + _SLICE_S
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        if time.perf_counter() > end:
            await asyncio.sleep(0)
            end = time.perf_counter() + _SLICE_S
