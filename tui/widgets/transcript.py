"""The transcript: what was asked, what the model thinks and says, and how it ended."""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import ClassVar, Final

from textual.strip import Strip

from tui.core.links import Field
from tui.viewmodel import Item, Scope, transcript
from tui.widgets.line_view import OriginWanted, PointingView
from tui.widgets.markdown_theme import MarkdownTheme
from tui.widgets.sections import Look, Section, Thinking, new_section

_BUDGET_NS: Final = 6_000_000


class Transcript(PointingView):
    """The conversation as it is being written. Follows the end until the reader moves."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "transcript--plain",
        "transcript--muted",
        "transcript--good",
        "transcript--warning",
        "transcript--bad",
        "transcript--prompt",
        "transcript--thinking",
        "transcript--tool",
        "transcript--caret",
        "transcript--banner",
        "transcript--lit",
    }

    placeholder = "The answer appears here as it arrives"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "Transcript"
        self.unfolded = False
        self.source = False
        self.markdown_theme = MarkdownTheme()
        self._sections: dict[tuple[str, int], Section] = {}
        self._order: list[Section] = []
        self._starts: list[int] = []
        self._drawn: tuple[object, ...] = ()
        self._complete = True
        self._look: Look | None = None
        self._scope: Scope | None = None
        self._keys: list[tuple[str, int]] = []

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._look = None
        self._drawn = ()

    def show(self, scope: Scope) -> None:
        """Draw the transcript of `scope`."""
        if not self.size:
            return  # Hidden behind another pane: laid out once there is a width.
        width = self.row_width
        status = scope.run.status
        drawn = (
            scope.key,
            scope.count,
            scope.travelling,
            width,
            status,
            scope.failure,
            scope.stage,
            sum(map(len, (scope.paced_text or {}).values())),
        )
        self._scope = scope
        if drawn == self._drawn and self._complete:
            return
        if self._drawn[:1] != drawn[:1]:
            self._sections.clear()
            self.follow = True
        self._drawn = drawn
        self._lay_out(transcript(scope), width)

    def _lay_out(self, items: list[Item], width: int) -> None:
        look = self._look = self._look or Look(
            lambda name: self.style(f"transcript--{name}"),
            self.markdown_theme,
            unfolded=self.unfolded,
            source=self.source,
        )
        order: list[Section] = []
        starts: list[int] = []
        places: list[tuple[str, int]] = []
        end = -1
        before = ""
        deadline = time.perf_counter_ns() + _BUDGET_NS
        self._complete = True
        for item in items:
            section = self._sections.get(item.key)
            if section is None:
                section = self._sections[item.key] = new_section(item, look)
            mark = _mark(item, width, look)
            if section.mark != mark:
                left_ns = deadline - time.perf_counter_ns()
                if left_ns > 0 and section.take(item, width, look, left_ns):
                    section.mark = mark
                else:
                    self._complete = False
            if section.height == 0:
                continue
            # A blank row between parts, but calls that belong together stand together.
            start = end + (0 if item.kind == before == "tool" else 1)
            order.append(section)
            places.append(item.key)
            starts.append(start)
            end = start + section.height
            before = item.kind
        keys = {item.key for item in items}
        for key in [key for key in self._sections if key not in keys]:
            del self._sections[key]
        self._order = order
        self._keys = places
        self._starts = starts
        self.set_height(max(end, 0))
        self.refresh()

    def row(self, y: int, width: int) -> Strip:
        place = bisect_right(self._starts, y) - 1
        if not 0 <= place < len(self._order):
            return Strip([])
        section = self._order[place]
        inner = y - self._starts[place]
        return section.row(inner) if inner < section.height else Strip([])

    def action_origin(self) -> None:
        """Ask for the event that wrote what is pointed at."""
        scope = self._scope
        if scope is None or self.caret is None:
            return
        y, column = self.caret
        number = bisect_right(self._starts, y) - 1
        if not 0 <= number < len(self._order) or self._keys[number][0] != "block":
            return
        place = self._keys[number][1]
        section = self._order[number]
        offset = section.offset_at(y - self._starts[number], column)
        field: Field = "thinking" if isinstance(section, Thinking) else "text"
        self.post_message(OriginWanted(place, field, offset))

    def toggle_source(self) -> bool:
        """Switch between rendered Markdown and the text as it came; return whether as it came."""
        self.source = not self.source
        self.notify_style_update()
        return self.source

    def toggle_thinking(self) -> bool:
        """Fold or unfold the thinking; return whether it is unfolded now."""
        self.unfolded = not self.unfolded
        self.notify_style_update()
        return self.unfolded


def _mark(item: Item, width: int, look: Look) -> tuple[object, ...]:
    """Return what the rows of an item depend on. A Buffer only grows: its length tells."""
    body = item.body if isinstance(item.body, str) else len(item.body)
    return (item.label, body, item.open, item.lit, item.long, item.tone, width, look)
