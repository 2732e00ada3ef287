"""The tool calls: name, state and the JSON input as it arrives, fragment by fragment."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.core.state import Buffer
from tui.core.text import format_ns, one_line
from tui.viewmodel import Moment, ToolItem, ToolItems
from tui.widgets.line_view import Anchor, OriginWanted, PointingView
from tui.widgets.lines_view import LINE_CLASSES
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import StyledText, spread, strip_of, wire

if TYPE_CHECKING:
    from tui.widgets.tool_call import ToolCall

JSON_STYLES: Final = (
    *("punct", "key", "string", "number", "literal"),
    *("punct", "invalid", "pending"),
)
"""How each `SpanKind` is drawn: the ends of the names of component classes."""
_INDENT: Final = 2
_BUDGET: Final = 32_768
"""Characters of JSON to lay out on one frame: about ten milliseconds."""
_KEPT: Final = 32
"""Calls that stay laid out."""
_PER_CALL: Final = 256
"""What a call costs besides, in characters."""


class ToolPane(PointingView):
    """Every call with its JSON; what has not arrived yet is dim."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tool-pane--name",
        "tool-pane--fact",
        "tool-pane--plain",
        "tool-pane--good",
        "tool-pane--warning",
        "tool-pane--bad",
        "tool-pane--muted",
        "tool-pane--odd",
        "tool-pane--highlight",
        *(f"tool-pane--{name}" for name in JSON_STYLES),
        *LINE_CLASSES,
    }

    placeholder = "Tool calls appear here,\ntheir JSON fragment by fragment"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "Tool calls"
        self.boundaries = False
        self.decodes = False
        self._theme = MarkdownTheme()
        self._moment: Moment | None = None
        self._items = ToolItems()
        self._calls: dict[int, ToolCall] = {}
        self._awake: dict[int, None] = {}
        """The calls that were drawn last, by their keys: of the others only the height is kept."""
        self._starts: list[int] = []
        self._order: list[int] = []
        self._drawn: tuple[object, ...] = ()
        self._complete = True

    def show(self, moment: Moment) -> None:
        """Draw the calls of `moment`."""
        if not self.size:
            return  # Hidden behind another pane: laid out once there is a width.
        width = self._json_width()
        items = self._items.of(moment)
        drawn = (moment.run, moment.count, moment.travelling, moment.done, width, moment.highlight)
        self._moment = moment
        running = not moment.done and any(not item.block.stopped for item in reversed(items))
        if drawn == self._drawn and self._complete and not running:
            return
        if self._drawn[:1] != drawn[:1]:
            self._calls.clear()
            self._awake.clear()
            self.follow = True
            self.drop_selection()
        elif self._drawn[4:5] != (width,):
            self.hold_place()
        changed = self._drawn != drawn or not self._complete
        self._drawn = drawn
        if changed:
            top = self._top()
            self._lay_out(items, width, top)
            if self._complete:
                self.return_to_place()
            self._keep_at_top(top)
            self._show_highlight(moment)
        self.refresh()

    def _show_highlight(self, moment: Moment) -> None:
        """Have in view what the event at the cursor added."""
        highlight = moment.highlight
        if not moment.travelling:
            self.release()
        elif (
            highlight is not None
            and highlight.field == "json"
            and highlight.position in self._calls
        ):
            top = self._starts[self._order.index(highlight.position)]
            self.bring_into_view(top + 1 + self._calls[highlight.position].row_of(highlight.start))

    def _lay_out(self, items: list[ToolItem], width: int, top: tuple[int, int] | None) -> None:
        """Lay out what is new of the calls, as much as fits in a frame."""
        left = _BUDGET
        decoding = self._decode if self.decodes else None
        # What is seen comes first: the end where it is followed, else from the top of the view on.
        first = bisect_left(items, 0 if top is None else top[0], key=lambda item: item.key)
        seen = items[first:] if not self.follow else []
        for item in (*seen, *reversed(items[: len(items) - len(seen)])):
            call = self._calls.get(item.key)
            if call is None:
                from tui.widgets.tool_call import ToolCall  # The first frame has no call.

                call = self._calls[item.key] = ToolCall()
            if call.is_done(item, width):
                continue
            if left > 0:
                left -= call.take(item, width, left) + _PER_CALL
                call.decode(decoding)
                if item.key not in self._awake:
                    call.rest()
            else:
                call.put_off(item)
        self._order = [item.key for item in items]
        for key in self._calls.keys() - set(self._order):
            del self._calls[key]
        self._complete = all(call.complete for call in self._calls.values())
        heights = [self._calls[key].height for key in self._order]
        self._starts = list(accumulate(heights, initial=0))
        self.set_height(max(self._starts[-1] - 1, 0))
        count = len(items)
        self.border_title = f"Tool calls  {count}" if count else "Tool calls"

    def _top(self) -> tuple[int, int] | None:
        """Return the call at the top of the view, and how far above it begins."""
        y = self.scroll_offset.y
        number = bisect_right(self._starts, y) - 1
        if self.follow or self._held is not None or not 0 <= number < len(self._order):
            return None
        return self._order[number], y - self._starts[number]

    def _keep_at_top(self, top: tuple[int, int] | None) -> None:
        """Have it there again, where calls above are higher than they were thought to be."""
        if top is None or top[0] not in self._calls or self._held is not None:
            return
        row = self._starts[self._order.index(top[0])] + top[1]
        if row != self.scroll_offset.y and not self.follow:
            self._jump(row)

    def toggle_boundaries(self) -> bool:
        """Switch the marks between fragments; return whether they are on now."""
        self.boundaries = not self.boundaries
        self.refresh()
        return self.boundaries

    def toggle_decoded(self) -> bool:
        """Switch between JSON and strings with real line breaks; return whether it is these now."""
        self.decodes = not self.decodes
        self._lay_out_anew()
        return self.decodes

    def take_theme(self, theme: MarkdownTheme) -> None:
        """Draw code in the colours of a theme."""
        self._theme = theme
        if self.decodes:
            self._lay_out_anew()

    def _lay_out_anew(self) -> None:
        self.hold_place()
        self._calls.clear()
        self.drop_selection()
        self._drawn = (*self._drawn[:4], 0)  # It is the same run.
        if self._moment is not None:
            self.show(self._moment)

    def _decode(self, text: Buffer, width: int, whole: bool) -> list[Strip] | None:
        from tui.widgets.decoded_input import decoded_rows
        from tui.widgets.markdown.draw import Painter

        painter = Painter(self._theme)
        return decoded_rows(
            text, width, lambda name: self.style(f"lines--{name}"), painter, whole=whole
        )

    def _json_width(self) -> int:
        return max(self.row_width - _INDENT, 8)

    def row(self, y: int, width: int) -> Strip:
        place = bisect_right(self._starts, y) - 1
        if not 0 <= place < len(self._order):
            return Strip([])
        call = self._calls[self._order[place]]
        row = y - self._starts[place]
        if row == 0:
            return self._heading(call, width)
        self._wake(self._order[place])
        where = call.place(row - 1)
        if where is not None:
            return self._json_row(call, *where)
        if call.decoded is not None and row <= len(call.decoded):
            return Strip.join([strip_of([(" " * _INDENT, None)]), call.decoded[row - 1]])
        note = row - (call.height - 1 - len(call.notes))
        if 0 <= note < len(call.notes):
            tone = "bad" if call.item and call.item.block.input_error else "muted"
            margin = " " * _INDENT
            return strip_of([(margin + call.notes[note], self.style(f"tool-pane--{tone}"))], width)
        return Strip([])

    def _wake(self, key: int) -> None:
        """Take note that a call is drawn; what was drawn before the last ones is let go."""
        self._awake.pop(key, None)
        self._awake[key] = None
        if len(self._awake) > _KEPT:
            oldest = next(iter(self._awake))
            del self._awake[oldest]
            if oldest in self._calls:
                self._calls[oldest].rest()

    def anchor_at(self, y: int) -> Anchor | None:
        number = bisect_right(self._starts, y) - 1
        if not 0 <= number < len(self._order):
            return None
        key = self._order[number]
        return key, (y - self._starts[number]) / self._calls[key].height

    def row_at(self, anchor: Anchor) -> int | None:
        key, part = anchor
        for number, known in enumerate(self._order):
            if known == key:
                return self._starts[number] + int(part * self._calls[known].height)
        return None

    def margin_of(self, y: int) -> int:
        place = bisect_right(self._starts, y) - 1
        if not 0 <= place < len(self._order) or y == self._starts[place]:
            return -1
        where = self._calls[self._order[place]].place(y - self._starts[place] - 1)
        call = self._calls[self._order[place]]
        return _INDENT + call.indent(*where) if where is not None and where[1] else -1

    def _heading(self, call: ToolCall, width: int) -> Strip:
        item, moment = call.item, self._moment
        assert item is not None and moment is not None
        block = item.block
        end = block.stopped_ns
        facts = list(item.facts)
        if moment.run.timed:
            took = (moment.now_ns if end is None else end) - block.started_ns
            if end is not None or not moment.travelling:
                facts.append(format_ns(max(took, 0)))
        kind = "" if block.type == "tool_use" else f"  {block.type.removesuffix('_tool_use')}"
        name = wire(item.name, max(width - 16, 8))
        needed = cell_len(name) + len(f"  #{block.index}  {item.status}") + cell_len(kind) + 2
        # The name comes first; where it is narrow, the size is dropped, then the fragments.
        while facts and needed + sum(len(fact) + 2 for fact in facts) > width:
            facts.pop(len(facts) // 2)
        fact_style = self.style("tool-pane--fact")
        left: list[StyledText] = [
            (name, self.style("tool-pane--name")),
            (f"  #{block.index}", fact_style),
            (wire(kind, 14), fact_style),
            (f"  {item.status}", self.style(f"tool-pane--{item.tone}")),
        ]
        return spread(left, [("  ".join(facts), fact_style)], width)

    def _json_row(self, call: ToolCall, line: int, wrap: int) -> Strip:
        spans = call.row_spans(line, wrap)
        pieces: list[StyledText] = [(" " * (_INDENT + call.indent(line, wrap)), None)]
        item = call.item
        for text, kind, start in spans:
            style = self.style(f"tool-pane--{JSON_STYLES[kind]}")
            if start < 0 or item is None:
                pieces.append((one_line(text), style))
                continue
            for part, at, part_style in self._highlighted(item, text, start, style):
                if self.boundaries:
                    pieces.extend(self._bounded(part, part_style, at, call.fragment_ends()))
                else:
                    pieces.append((one_line(part), part_style))
        return strip_of(pieces, self.row_width)

    def _highlighted(
        self, item: ToolItem, text: str, start: int, style: Style
    ) -> list[tuple[str, int, Style]]:
        """Cut a span where the contribution of the event at the cursor begins and ends."""
        highlight = self._moment.highlight if self._moment else None
        if highlight is None or highlight.field != "json" or highlight.position != item.key:
            return [(text, start, style)]
        low = min(max(highlight.start - start, 0), len(text))
        high = min(max(highlight.end - start, low), len(text))
        bright = style + self.style("tool-pane--highlight")
        cuts = [(0, low, style), (low, high, bright), (high, len(text), style)]
        return [(text[a:b], start + a, look) for a, b, look in cuts if a < b]

    def action_origin(self) -> None:
        """Ask for the event that wrote what is pointed at."""
        if self.caret is None:
            return
        y, column = self.caret
        number = bisect_right(self._starts, y) - 1
        if not 0 <= number < len(self._order):
            return
        key = self._order[number]
        call = self._calls[key]
        where = call.place(y - self._starts[number] - 1) if y > self._starts[number] else None
        offset = 0
        row = y - self._starts[number] - 1
        if call.decoded is not None and call.item is not None and 0 <= row < len(call.decoded):
            from tui.widgets.decoded_input import place_of

            raw = call.item.block.json.text()
            offset = place_of(call.decoded[row].text, raw)
        elif where is not None:
            cells = _INDENT + call.indent(*where)
            for text, _, start in call.row_spans(*where):
                if start >= 0:
                    offset = start + min(max(column - cells, 0), len(text) - 1)
                cells += cell_len(one_line(text))
                if column < cells:
                    break
        self.post_message(OriginWanted(key, "json", offset))

    def _bounded(self, text: str, style: Style, start: int, ends: list[int]) -> list[StyledText]:
        """Cut a span where fragments meet: every other one is tinted, each begins underlined."""
        pieces: list[StyledText] = []
        odd = self.style("tool-pane--odd")
        number = bisect_right(ends, start)
        at = 0
        while at < len(text):
            end = ends[number] - start if number < len(ends) else len(text)
            piece = text[at:end]
            tinted = odd + style if number % 2 else style
            begins = start + at == (ends[number - 1] if number else 0)
            if begins and piece:
                pieces.append((one_line(piece[0]), tinted + Style(underline=True)))
                piece = piece[1:]
            pieces.append((one_line(piece), tinted))
            at = end
            number += 1
        return pieces
