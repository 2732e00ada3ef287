"""The transcript: what was asked, what the model thinks and says, and how it ended."""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import ClassVar, Final

from textual.strip import Strip

from tui.core.links import Field
from tui.viewmodel import Item, Scope, transcript
from tui.widgets.line_view import OriginWanted, Place, PointingView
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
        self._shown = 0
        self._width = 0
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
            scope.recording_failure,
            scope.damage,
            sum(map(len, (scope.paced_text or {}).values())),
        )
        self._scope = scope
        if drawn == self._drawn and self._complete:
            return
        if scope.key != self._shown:
            self._shown = scope.key
            self._sections.clear()
            self.follow = True
            self.drop_selection()
        elif width != self._width or self._look is None:
            self.hold_place()
        self._drawn = drawn
        self._width = width
        self._lay_out(transcript(scope), width)
        if self._complete:
            self.return_to_place()
        if not scope.travelling:
            self.let_go()
        elif scope.lit is not None and scope.lit.field != "json":
            row = self.row_at((("block", scope.lit.place), scope.lit.start))
            if row is not None:
                self.lead_to(row)

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

    def _part(self, y: int) -> tuple[int, int] | None:
        """Return which section is drawn in row `y`, and the row in it; None for a blank row."""
        number = bisect_right(self._starts, y) - 1
        if number < 0:
            return None
        inner = y - self._starts[number]
        return (number, inner) if inner < self._order[number].height else None

    def row(self, y: int, width: int) -> Strip:
        part = self._part(y)
        return Strip([]) if part is None else self._order[part[0]].row(part[1])

    def margin_of(self, y: int) -> int:
        part = self._part(y)
        return -1 if part is None else self._order[part[0]].margin_of(part[1])

    def place_at(self, y: int) -> Place | None:
        part = self._part(y) or self._part(y + 1)
        if part is None:
            return None
        number, inner = part
        return self._keys[number], self._order[number].place_at(inner)

    def row_at(self, place: Place) -> int | None:
        key, inner = place
        for number, known in enumerate(self._keys):
            if known == key:
                return self._starts[number] + self._order[number].row_at(inner)
        return None

    def action_origin(self) -> None:
        """Ask for the event that wrote what is pointed at."""
        scope = self._scope
        if scope is None or self.caret is None:
            return
        y, column = self.caret
        part = self._part(y)
        if part is None or self._keys[part[0]][0] != "block":
            return
        number, inner = part
        place = self._keys[number][1]
        section = self._order[number]
        offset = section.offset_at(inner, column)
        field: Field = "thinking" if isinstance(section, Thinking) else "text"
        self.post_message(OriginWanted(place, field, offset))

    def toggle_source(self) -> bool:
        """Switch between rendered Markdown and the text as it came; return whether as it came."""
        self.source = not self.source
        self.drop_selection()
        self.notify_style_update()
        return self.source

    def toggle_thinking(self) -> bool:
        """Fold or unfold the thinking; return whether it is unfolded now."""
        self.unfolded = not self.unfolded
        self.drop_selection()
        self.notify_style_update()
        return self.unfolded


def _mark(item: Item, width: int, look: Look) -> tuple[object, ...]:
    """Return what the rows of an item depend on. A Buffer only grows: its length tells."""
    body = item.body if isinstance(item.body, str) else len(item.body)
    return (item.label, body, item.open, item.lit, item.long, item.tone, width, look)
