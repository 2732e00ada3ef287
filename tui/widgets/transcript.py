"""The transcript: what was asked, what the model thinks and says, and how it ended."""

from __future__ import annotations

import time
from typing import ClassVar, Final, NamedTuple

from textual import events
from textual.geometry import Offset
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from tui.core.delta_text import Field
from tui.viewmodel import TranscriptItems, TranscriptView
from tui.widgets.line_view import Anchor, OriginWanted, PointingView
from tui.widgets.lines_view import LINE_CLASSES
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.section_rows import SectionEntry, SectionRows
from tui.widgets.sections import Section, SectionStyles, ThinkingSection

_BUDGET_NS: Final = 6_000_000


class _PinnedRow(NamedTuple):
    """A row of a section, and how far below the top of the view it is."""

    entry: SectionEntry
    inner: int
    below: int


class SourceWanted(Message):
    """The reader wants to see what is cited of a source."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


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
        "transcript--highlight",
        *LINE_CLASSES,
    }

    BINDINGS = [("enter", "open", "Unfold; what is cited; the event that wrote this")]

    placeholder = "The answer appears here as it arrives"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "Transcript"
        self.unfolded = False
        self.source = False
        self.markdown_theme = MarkdownTheme()
        self._items = TranscriptItems()
        self._rows = SectionRows()
        self._drawn: tuple[object, ...] = ()
        self._shown: object = None
        self._width = 0
        self._styles: SectionStyles | None = None
        self._view: TranscriptView | None = None

    @property
    def complete(self) -> bool:
        """Whether every section is laid out, also those that nobody looks at."""
        return not self._rows.waiting

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = None
        self._drawn = ()

    def show(self, view: TranscriptView) -> None:
        """Draw the transcript of `view`."""
        if not self.size:
            return  # Hidden behind another pane: laid out once there is a width.
        moment = view.moment
        width = self.row_width
        status = moment.run.status
        drawn = (
            moment.run,
            moment.count,
            moment.travelling,
            width,
            status,
            view.failure,
            view.stage,
            view.recording_failure,
            view.damage,
            sum(map(len, (view.paced_text or {}).values())),
        )
        self._view = view
        if drawn == self._drawn and not self._rows.waiting:
            return
        if moment.run is not self._shown:
            self._shown = moment.run
            self._rows = SectionRows()
            self.follow = True
            self.drop_selection()
        elif width != self._width or self._styles is None:
            self.hold_place()
        styles = self._styles = self._styles or self._new_styles()
        anchor, pointed = self._anchor(), self._pointed_at()
        if drawn != self._drawn:
            self._rows.take(self._items.of(view), width, styles)
        self._drawn = drawn
        self._width = width
        self._lay_out(anchor, pointed)
        if not moment.travelling:
            self.release()
        elif moment.highlight is not None and moment.highlight.field != "json":
            place = self._rows.find_block(moment.highlight.position, moment.highlight.start)
            row = None if place is None else self.row_at(place)
            if row is not None:
                self.bring_into_view(row)

    def _new_styles(self) -> SectionStyles:
        return SectionStyles(
            lambda name: self.style(f"transcript--{name}"),
            lambda name: self.style(f"lines--{name}"),
            self.markdown_theme,
            unfolded=self.unfolded,
            source=self.source,
        )

    def _lay_out(self, anchor: _PinnedRow | None, pointed: list[_PinnedRow | None]) -> None:
        """Lay out what is in view, and of the rest as much as there is time for.

        What the reader looks at stays where it is, whatever the sections above turn out to be.
        """
        rows = self._rows
        deadline = time.perf_counter_ns() + _BUDGET_NS
        rows.arrange()
        if self._held is not None:
            self._go_back(deadline)
            anchor = self._anchor()
        self._measure_view(anchor, deadline)
        top = self._top(anchor)
        for entry in rows.to_measure(top, top + self.size.height):
            rows.measure(entry, deadline - time.perf_counter_ns())
            if time.perf_counter_ns() >= deadline:
                break
        rows.arrange()
        self.set_height(rows.height)
        if anchor is not None and self._top(anchor) != self.scroll_offset.y:
            self._jump(self._top(anchor))
        self._point_at(pointed)
        self.refresh()

    def _pointed_at(self) -> list[_PinnedRow | None]:
        """Return the rows of the caret and of both ends of the selection."""
        selected = self.text_selection
        ends = (None, None) if selected is None else (selected.start, selected.end)
        rows = [None if point is None else point.y for point in ends]
        rows.insert(0, None if self.caret is None else self.caret[0])
        return [None if y is None else self._section_row(y) for y in rows]

    def _section_row(self, y: int) -> _PinnedRow | None:
        part = self._rows.part(y) or self._rows.part(y + 1)
        if part is None:
            return None
        entry, inner = part
        return _PinnedRow(entry, y - self._rows.start(entry), inner)

    def _point_at(self, pointed: list[_PinnedRow | None]) -> None:
        """Have them on the same characters, where sections above are higher than was thought."""
        caret, *ends = [
            None
            if mark is None or not self._rows.has(mark.entry)
            else self._rows.start(mark.entry) + mark.inner
            for mark in pointed
        ]
        if self.caret is not None and caret is not None:
            self.caret = (caret, self.caret[1])
        selected = self.text_selection
        if selected is None:
            return
        start, end = (
            point if point is None or y is None else Offset(point.x, y)
            for point, y in zip((selected.start, selected.end), ends, strict=True)
        )
        if (start, end) != (selected.start, selected.end):
            self.screen.selections = {**self.screen.selections, self: Selection(start, end)}

    def _go_back(self, deadline: int) -> None:
        """Return to the place that is held as soon as its section is laid out."""
        held = self._held
        entry = None if held is None else self._rows.find(held[0])
        if entry is not None and not entry.measured:
            self._rows.measure(entry, deadline - time.perf_counter_ns())
            self._rows.arrange()
        if entry is None or entry.measured:
            self.set_height(self._rows.height)
            self.return_to_place()

    def _anchor(self) -> _PinnedRow | None:
        """Return a row in view that is to stay where it is; None where the tail is followed."""
        if self.follow or self._held is not None:
            return None
        top = self.scroll_offset.y
        first: _PinnedRow | None = None
        for entry in self._rows.within(top, top + self.size.height):
            start = self._rows.start(entry)
            inner = max(top - start, 0)
            found = _PinnedRow(entry, inner, start + inner - top)
            if entry.measured and inner < entry.height:
                return found
            first = first or found
        return first

    def _top(self, anchor: _PinnedRow | None) -> int:
        """Return the row at the top of the view."""
        rows = self._rows
        last = max(rows.height - self.size.height, 0)
        if self.follow:
            return last
        if anchor is None or not rows.has(anchor.entry):
            return min(self.scroll_offset.y, last)
        inner = min(anchor.inner, max(anchor.entry.height - 1, 0))
        return min(max(rows.start(anchor.entry) + inner - anchor.below, 0), last)

    def _measure_view(self, anchor: _PinnedRow | None, deadline: int) -> None:
        """Lay out what is in view. As it changes what is, this may take more than one styles."""
        tried: set[SectionEntry] = set()
        while True:
            top = self._top(anchor)
            seen = self._rows.within(top, top + self.size.height)
            new = [entry for entry in seen if not entry.measured and entry not in tried]
            # From the end, where that is followed: it is seen first.
            for entry in reversed(new) if self.follow else new:
                self._rows.measure(entry, deadline - time.perf_counter_ns())
            tried.update(new)
            self._rows.arrange()
            if not new or time.perf_counter_ns() >= deadline:
                return

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._rows.waiting and not self._moving and not self.follow and self.size:
            self._lay_out(self._anchor(), self._pointed_at())

    def row(self, y: int, width: int) -> Strip:
        part = self._rows.part(y)
        if part is None:
            return Strip([])
        entry, inner = part
        if entry.section is None:
            self._rows.measure(entry, 0)  # Its height counts from the next layout on.
        section = entry.section
        assert section is not None
        return section.row(inner) if inner < section.height else Strip([])

    def margin_of(self, y: int) -> int:
        part = self._rows.part(y)
        if part is None or part[0].section is None:
            return -1
        return part[0].section.margin_of(part[1])

    def anchor_at(self, y: int) -> Anchor | None:
        part = self._rows.part(y) or self._rows.part(y + 1)
        if part is None:
            return None
        entry, inner = part
        return entry.item.key, inner if entry.section is None else entry.section.place_at(inner)

    def row_at(self, anchor: Anchor) -> int | None:
        key, inner = anchor
        entry = self._rows.find(key)
        if entry is None:
            return None
        if not entry.measured:
            self._rows.measure(entry, _BUDGET_NS)
            self._rows.arrange()
            self.set_height(self._rows.height)
        if not entry.height or entry.section is None:
            return None
        return self._rows.start(entry) + entry.section.row_at(inner)

    def action_open(self) -> None:
        """Show what is cited or unfold what is folded, where that is pointed at.

        Else ask for the event that wrote this.
        """
        part = None if self.caret is None else self._rows.part(self.caret[0])
        section = None if part is None else part[0].section
        if part is not None and self.caret is not None and section is not None:
            number = section.source_at(part[1], self.caret[1])
            if number is not None:
                self.post_message(SourceWanted(number))
                return
            if section.folds:
                self._toggle(part[0], section)
                return
        self.action_origin()

    def _toggle(self, entry: SectionEntry, section: Section) -> None:
        """Fold or unfold a section; the caret goes to its heading."""
        if self.caret is not None:
            self.caret = (self._rows.start(entry), self.caret[1])
        self.follow = False
        self.drop_selection()
        anchor = self._anchor()
        section.toggle()
        self._rows.again(entry)
        self._lay_out(anchor, self._pointed_at())
        if self.caret is not None:
            self.show_row(self.caret[0])

    def on_click(self, event: events.Click) -> None:
        super().on_click(event)
        part = None if self.caret is None else self._rows.part(self.caret[0])
        section = None if part is None else part[0].section
        if part is None or section is None or event.chain > 1:
            return
        if section.is_fold(part[1]):
            self._toggle(part[0], section)

    def action_origin(self) -> None:
        """Ask for the event that wrote what is pointed at."""
        view = self._view
        if view is None or self.caret is None:
            return
        y, column = self.caret
        part = self._rows.part(y)
        section = None if part is None else part[0].section
        if part is None or section is None or part[0].item.key[0] != "block":
            return
        entry, inner = part
        position = entry.item.key[1]
        offset = section.offset_at(inner, column)
        if entry.item.cited is not None:
            position, offset = entry.item.cited.origin(offset)
        field: Field = "thinking" if isinstance(section, ThinkingSection) else "text"
        self.post_message(OriginWanted(position, field, offset))

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
