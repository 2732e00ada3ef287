"""The tool calls: name, state and the JSON input as it arrives, fragment by fragment."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.core.partial_json import Kind, PartialJson
from tui.core.state import Block
from tui.core.text import format_ns, sanitize
from tui.viewmodel import Scope, ToolItem, tools
from tui.widgets.line_view import LineView
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
_MAX_WRAPS: Final = 100_000


class _Call:
    """One call, laid out: a heading, the JSON soft-wrapped to the width, a note, a blank row."""

    def __init__(self) -> None:
        self.json = PartialJson()
        self.fed = 0
        self.finished = False
        self.item: ToolItem | None = None
        self.note = ""
        self._wraps: list[int] = []
        self._width = 0
        self._lines = -1

    def take(self, item: ToolItem, width: int) -> None:
        """Read what is new of the call and lay it out for `width`."""
        block = item.block
        text = block.json
        stopped = block.stopped
        if len(text) < self.fed or (self.finished and not stopped):
            self.json = PartialJson()
            self.fed = 0
            self.finished = False
            self._lines = -1
        if self.json.compact_width != width:
            self.json.compact_width = width
            self._lines = -1
        changed = len(text) > self.fed
        if changed:
            self.json.feed(text.slice(self.fed))
            self.fed = len(text)
        if stopped and not self.finished:
            self.finished = changed = True
            if len(text):
                self.json.finish()
        self.item = item
        self.note = _note(block)
        if changed or self._lines < 0 or width != self._width:
            self._width = width
            self._lay_out(width)

    def _lay_out(self, width: int) -> None:
        count = self.json.line_count() if self.fed else 0
        self._lines = count
        rows = (min(max(-(-self.json.line_width(n) // width), 1), _MAX_WRAPS) for n in range(count))
        self._wraps = list(accumulate(rows, initial=0))

    @property
    def height(self) -> int:
        """Rows, with the heading and the blank row behind."""
        return 1 + self._wraps[-1] + bool(self.note) + 1

    def place(self, row: int) -> tuple[int, int] | None:
        """Return JSON line and wrap of a row below the heading, None past the JSON."""
        if row >= self._wraps[-1]:
            return None
        line = bisect_right(self._wraps, row) - 1
        return line, row - self._wraps[line]


class ToolPane(LineView):
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
        *(f"tool-pane--{name}" for name in _KINDS.values()),
    }

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
        width = self._json_width()
        drawn = (scope.key, scope.count, scope.travelling, scope.done, width, scope.state.end)
        running = any(block.is_tool and not block.stopped for block in scope.state.blocks)
        if drawn == self._drawn and not (running and not scope.done):
            return
        if self._drawn[:1] != drawn[:1]:
            self._calls.clear()
            self.follow = True
        changed = self._drawn != drawn
        self._drawn = drawn
        self._scope = scope
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
        if call.note and row == call.height - 2:
            tone = "bad" if call.item and call.item.block.input_error else "muted"
            return strip_of([("  " + wire(call.note, width - 2), self.style(f"tool-pane--{tone}"))])
        return Strip([])

    def _heading(self, call: _Call, width: int) -> Strip:
        item, scope = call.item, self._scope
        assert item is not None and scope is not None
        block = item.block
        end = block.stopped_ns
        facts = item.facts
        if scope.run.timed:
            took = (scope.now_ns if end is None else end) - block.started_ns
            if end is not None or not scope.travelling:
                facts += f"  {format_ns(max(took, 0))}"
        tone = self.style(f"tool-pane--{item.tone}")
        room = max(width - cell_len(facts) - cell_len(item.status) - 8, 8)
        kind = "" if block.type == "tool_use" else f"  {block.type.removesuffix('_tool_use')}"
        left: list[Piece] = [
            (wire(item.name, room), self.style("tool-pane--name")),
            (f"  #{block.index}", self.style("tool-pane--fact")),
            (wire(kind, 14), self.style("tool-pane--fact")),
            (f"  {item.status}", tone),
        ]
        return spread(left, [(facts, self.style("tool-pane--fact"))], width)

    def _json_row(self, call: _Call, line: int, wrap: int) -> Strip:
        width = self._json_width()
        spans = call.json.line(line, wrap * width, (wrap + 1) * width)
        pieces: list[Piece] = [(" " * _INDENT, None)]
        item = call.item
        for text, kind, start in spans:
            style = self.style(f"tool-pane--{_KINDS[kind]}")
            if self.boundaries and start >= 0 and item is not None:
                pieces.extend(self._bounded(text, style, start, item.block))
            else:
                pieces.append((sanitize(text), style))
        return strip_of(pieces, self.row_width)

    def _bounded(self, text: str, style: Style, start: int, block: Block) -> list[Piece]:
        """Cut a span where fragments meet: every other one is tinted, each begins underlined."""
        ends = list(accumulate(block.fragments))
        pieces: list[Piece] = []
        odd = self.style("tool-pane--odd")
        number = bisect_right(ends, start)
        at = 0
        while at < len(text):
            end = ends[number] - start if number < len(ends) else len(text)
            piece = text[at:end]
            tinted = style + odd if number % 2 else style
            begins = start + at == (ends[number - 1] if number else 0)
            if begins and piece:
                pieces.append((sanitize(piece[0]), tinted + Style(underline=True)))
                piece = piece[1:]
            pieces.append((sanitize(piece), tinted))
            at = max(end, at + 1)
            number += 1
        return pieces


def _note(block: Block) -> str:
    if block.input_error is not None:
        return f"not valid JSON at character {block.input_error[0]}: {block.input_error[1]}"
    if not len(block.json) and block.start.get("input"):
        return "the input came whole, with the start of the block"
    return ""
