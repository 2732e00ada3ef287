"""The tool calls: name, state and the JSON input as it arrives, fragment by fragment."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from textwrap import wrap as wrap_words
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.core.partial_json import Kind, PartialJson, Span
from tui.core.state import Block
from tui.core.text import format_ns, one_line
from tui.viewmodel import Scope, ToolItem, tools
from tui.widgets.clusters import clusters
from tui.widgets.line_view import OriginWanted, PointingView
from tui.widgets.paint import Piece, spread, strip_of, wire

_KINDS: Final = {
    Kind.PUNCT: "punct",
    Kind.KEY: "key",
    Kind.STRING: "string",
    Kind.NUMBER: "number",
    Kind.LITERAL: "literal",
    Kind.SPACE: "punct",
    Kind.INVALID: "invalid",
    Kind.PENDING: "pending",
}
_INDENT: Final = 2
_LONG_LINE: Final = 20_000


class _Call:
    """One call, laid out: a heading, the JSON soft-wrapped to the width, a note, a blank row."""

    def __init__(self) -> None:
        self.json = PartialJson()
        self.fed = 0
        self.finished = False
        self.item: ToolItem | None = None
        self.notes: list[str] = []
        self._wraps: list[int] = []
        self._settled = 0
        self._width = 0
        self._ends: list[int] = []
        self._ends_of = 0

    def take(self, item: ToolItem, width: int) -> None:
        """Read what is new of the call and lay it out for `width`."""
        block = item.block
        text = block.json
        stopped = block.stopped
        anew = not self._wraps
        if len(text) < self.fed or (self.finished and not stopped):
            self.json = PartialJson()
            self.fed = 0
            self.finished = False
            anew = True
        if self.json.compact_width != width:
            self.json.compact_width = width
            anew = True
        changed = len(text) > self.fed
        if changed:
            self.json.feed(text.slice(self.fed))
            self.fed = len(text)
        if stopped and not self.finished:
            self.finished = changed = True
            if len(text):
                self.json.finish()
        self.item = item
        self.notes = wrap_words(one_line(_note(block)), width)
        if changed or anew:
            self._lay_out(width, anew=anew)

    def _lay_out(self, width: int, *, anew: bool) -> None:
        """Find where the lines are wrapped. Lines that no longer change are measured once."""
        self._width = width
        if anew:
            self._wraps = [0]
            self._settled = 0
        del self._wraps[self._settled + 1 :]
        count = self.json.line_count() if self.fed else 0
        for number in range(self._settled, count):
            self._wraps.append(self._wraps[-1] + len(self._cuts(number, width)))
        self._settled = min(self.json.settled_count(), count) if self.fed else 0

    def _cuts(self, number: int, width: int) -> list[int]:
        """Return where the rows of a line begin, in code points."""
        size = self.json.line_width(number)
        if size > _LONG_LINE:
            # Too long to measure on every frame; half the width holds any wide character.
            return list(range(0, size, max(width // 2, 1)))
        text = "".join(span.text for span in self.json.line(number))
        if text.isascii() and text.isprintable():
            return list(range(0, max(size, 1), width))
        cuts, used = [0], 0
        for place, _, cells in clusters(text, one_line):
            if used and used + cells > width:
                cuts.append(place)
                used = 0
            used += cells
        return cuts

    def fragment_ends(self) -> list[int]:
        """Return where the fragments end, in code points; those without text left out."""
        fragments = self.item.block.fragments if self.item else ()
        if len(fragments) != self._ends_of:
            pairs = zip(accumulate(fragments), fragments, strict=True)
            self._ends = [end for end, size in pairs if size]
            self._ends_of = len(fragments)
        return self._ends

    def row_spans(self, line: int, wrap: int) -> tuple[Span, ...]:
        """Return the spans of one row of a line, at the width it was laid out for."""
        # The pane may have another width by now: it is drawn once before it is laid out again.
        cuts = self._cuts(line, self._width)
        end = cuts[wrap + 1] if wrap + 1 < len(cuts) else None
        return self.json.line(line, cuts[wrap], end)

    @property
    def height(self) -> int:
        """Rows, with the heading and the blank row behind."""
        return 1 + self._wraps[-1] + len(self.notes) + 1

    def place(self, row: int) -> tuple[int, int] | None:
        """Return JSON line and wrap of a row below the heading, None past the JSON."""
        if row >= self._wraps[-1]:
            return None
        line = bisect_right(self._wraps, row) - 1
        return line, row - self._wraps[line]


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
        "tool-pane--lit",
        *(f"tool-pane--{name}" for name in _KINDS.values()),
    }

    placeholder = "Tool calls appear here,\ntheir JSON fragment by fragment"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "Tool calls"
        self.boundaries = False
        self._scope: Scope | None = None
        self._calls: dict[int, _Call] = {}
        self._starts: list[int] = []
        self._order: list[int] = []
        self._drawn: tuple[object, ...] = ()

    def show(self, scope: Scope) -> None:
        """Draw the calls of `scope`."""
        if not self.size:
            return  # Hidden behind another pane: laid out once there is a width.
        width = self._json_width()
        calls = [block for block in scope.state.blocks if block.is_tool]
        sizes = [(len(call.fragments), len(call.json), call.stopped_ns) for call in calls]
        drawn = (scope.key, sizes, scope.travelling, scope.done, width, scope.lit)
        self._scope = scope
        running = not scope.done and any(not call.stopped for call in calls)
        if drawn == self._drawn and not running:
            return
        if self._drawn[:1] != drawn[:1]:
            self._calls.clear()
            self.follow = True
        changed = self._drawn != drawn
        self._drawn = drawn
        items = tools(scope)
        if changed:
            for item in items:
                self._calls.setdefault(item.key, _Call()).take(item, width)
            shown = {item.key for item in items}
            for key in [key for key in self._calls if key not in shown]:
                del self._calls[key]
            self._order = [item.key for item in items]
            heights = [self._calls[key].height for key in self._order]
            self._starts = list(accumulate(heights, initial=0))
            self.set_height(max(self._starts[-1] - 1, 0))
            count = len(items)
            self.border_title = f"Tool calls  {count}" if count else "Tool calls"
        self.refresh()

    def toggle_boundaries(self) -> bool:
        """Switch the marks between fragments; return whether they are on now."""
        self.boundaries = not self.boundaries
        self.refresh()
        return self.boundaries

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
        where = call.place(row - 1)
        if where is not None:
            return self._json_row(call, *where)
        note = row - (call.height - 1 - len(call.notes))
        if 0 <= note < len(call.notes):
            tone = "bad" if call.item and call.item.block.input_error else "muted"
            margin = " " * _INDENT
            return strip_of([(margin + call.notes[note], self.style(f"tool-pane--{tone}"))], width)
        return Strip([])

    def _heading(self, call: _Call, width: int) -> Strip:
        item, scope = call.item, self._scope
        assert item is not None and scope is not None
        block = item.block
        end = block.stopped_ns
        facts = list(item.facts)
        if scope.run.timed:
            took = (scope.now_ns if end is None else end) - block.started_ns
            if end is not None or not scope.travelling:
                facts.append(format_ns(max(took, 0)))
        kind = "" if block.type == "tool_use" else f"  {block.type.removesuffix('_tool_use')}"
        name = wire(item.name, max(width - 16, 8))
        needed = cell_len(name) + len(f"  #{block.index}  {item.status}") + cell_len(kind) + 2
        # The name comes first; where it is narrow, the size is dropped, then the fragments.
        while facts and needed + sum(len(fact) + 2 for fact in facts) > width:
            facts.pop(len(facts) // 2)
        fact_style = self.style("tool-pane--fact")
        left: list[Piece] = [
            (name, self.style("tool-pane--name")),
            (f"  #{block.index}", fact_style),
            (wire(kind, 14), fact_style),
            (f"  {item.status}", self.style(f"tool-pane--{item.tone}")),
        ]
        return spread(left, [("  ".join(facts), fact_style)], width)

    def _json_row(self, call: _Call, line: int, wrap: int) -> Strip:
        spans = call.row_spans(line, wrap)
        pieces: list[Piece] = [(" " * _INDENT, None)]
        item = call.item
        for text, kind, start in spans:
            style = self.style(f"tool-pane--{_KINDS[kind]}")
            if start < 0 or item is None:
                pieces.append((one_line(text), style))
                continue
            for part, at, part_style in self._lit_parts(item, text, start, style):
                if self.boundaries:
                    pieces.extend(self._bounded(part, part_style, at, call.fragment_ends()))
                else:
                    pieces.append((one_line(part), part_style))
        return strip_of(pieces, self.row_width)

    def _lit_parts(
        self, item: ToolItem, text: str, start: int, style: Style
    ) -> list[tuple[str, int, Style]]:
        """Cut a span where the contribution of the event at the cursor begins and ends."""
        lit = self._scope.lit if self._scope else None
        if lit is None or lit.field != "json" or lit.place != item.key:
            return [(text, start, style)]
        low = min(max(lit.start - start, 0), len(text))
        high = min(max(lit.end - start, low), len(text))
        bright = style + self.style("tool-pane--lit")
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
        if where is not None:
            cells = _INDENT
            for text, _, start in call.row_spans(*where):
                if start >= 0:
                    offset = start + min(max(column - cells, 0), len(text) - 1)
                cells += cell_len(one_line(text))
                if column < cells:
                    break
        self.post_message(OriginWanted(key, "json", offset))

    def _bounded(self, text: str, style: Style, start: int, ends: list[int]) -> list[Piece]:
        """Cut a span where fragments meet: every other one is tinted, each begins underlined."""
        pieces: list[Piece] = []
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


def _note(block: Block) -> str:
    if block.input_error is not None:
        return f"not valid JSON at character {block.input_error[0]}: {block.input_error[1]}"
    if not len(block.json) and block.start.get("input"):
        return "the input came whole, with the start of the block"
    return ""
