"""The request in full, as it is sent, over the dashboard; and JSON laid out for reading."""

from __future__ import annotations

import asyncio
import time
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip

from tui.core.partial_json import PartialJson
from tui.core.records import JsonObject
from tui.core.text import format_bytes, format_count, one_line
from tui.viewmodel.parameters import drawable, weigh, wire_text
from tui.widgets.clusters import clusters
from tui.widgets.line_view import LineView
from tui.widgets.paint import StyledText, strip_of, wire
from tui.widgets.tool_pane import JSON_LOOKS

_SLICE_S: Final = 0.008
_FED: Final = 4_096
"""Characters that are read at a time."""
_COLUMNS: Final = 76
"""A container that is shorter than this is on one line."""
_LONG_LINE: Final = 20_000
_LEAST_ROOM: Final = 8
_KEPT_CUTS: Final = 64


class Cuts(NamedTuple):
    """Where a line is wrapped: the indent of its further rows, and where its rows begin."""

    indent: int
    starts: list[int]


class JsonView(LineView):
    """A JSON text, laid out in short steps: what is ready can be read, whatever the size."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tool-pane--{name}" for name in JSON_LOOKS.values()}
    # There is no live end.
    BINDINGS = [("end", "bottom", "Bottom")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.follow = False
        self._text: str | None = None
        self._narrow = True
        self._json = PartialJson(_COLUMNS)
        self._fed = 0
        self._wraps = array("Q", [0])
        """The row in which each line begins, and the count of rows."""
        self._drawn_width = 0
        self._wanted_width = 0
        self._cuts: dict[int, Cuts] = {}
        self._steps: Iterator[None] | None = None

    def show(self, text: str) -> None:
        """Draw this text, from the top."""
        self._text = text
        self._narrow = text.isascii()
        self._json = PartialJson(_COLUMNS)
        self._fed = self._drawn_width = self._wanted_width = 0
        self.on_resize()

    def on_resize(self) -> None:
        text, width = self._text, self.row_width
        if text is not None and self.size.width and width != self._wanted_width:
            self._wanted_width = width
            steps = self._steps = self._lay_out(text, width)
            self._go_on(steps)
            if self._steps is not None:
                self.run_worker(self._finish(steps), exclusive=True)

    @property
    def settled(self) -> bool:
        """Whether all of the text is laid out."""
        return self._steps is None and self._drawn_width > 0

    # --- layout -------------------------------------------------------------------------------

    def _go_on(self, steps: Iterator[None]) -> None:
        """Do some of the work, and draw what is ready."""
        end = time.perf_counter() + _SLICE_S
        for _ in steps:
            if time.perf_counter() > end:
                break
        else:
            self._steps = None
        self.set_height(self._wraps[-1])
        self.refresh()

    async def _finish(self, steps: Iterator[None]) -> None:
        while steps is self._steps:  # Else given up for another text or width.
            await asyncio.sleep(0)
            self._go_on(steps)

    def _lay_out(self, text: str, width: int) -> Iterator[None]:
        wraps = array("Q", [0])
        if not self._drawn_width:
            self._publish(wraps, width)
        json = self._json
        while True:
            whole = self._fed >= len(text)
            if whole:
                json.finish()
            for number in range(
                len(wraps) - 1, json.line_count() if whole else json.settled_count()
            ):
                wraps.append(wraps[-1] + len(self._cuts_of(number, width).starts))
                if not number % 32:
                    yield
            if whole:
                break
            json.feed(text[self._fed : self._fed + _FED])
            self._fed += _FED
            yield
        if self._wraps is not wraps:
            top = self._place(self.scroll_offset.y)[0]
            self._publish(wraps, width)
            self.set_height(wraps[-1])
            self.scroll_to(y=wraps[min(top, len(wraps) - 1)], animate=False)

    def _publish(self, wraps: array[int], width: int) -> None:
        self._wraps = wraps
        self._drawn_width = width
        self._cuts.clear()

    def _place(self, y: int) -> tuple[int, int]:
        """Return the line of a row, and which of its rows it is."""
        line = max(bisect_right(self._wraps, y) - 1, 0)
        return line, y - self._wraps[line]

    def _cuts_of(self, number: int, width: int) -> Cuts:
        json = self._json
        size = json.line_width(number)
        narrow = self._narrow
        if size <= width and (narrow or size * 2 <= width):
            return Cuts(0, [0])
        head = "".join(span.text for span in json.line(number, 0, width))
        indent = min(len(head) - len(head.lstrip(" ")) + 2, max(width - _LEAST_ROOM, 0))
        room = width - indent
        if size > _LONG_LINE:
            # Too long to look at; half the width holds any wide character.
            part = 1 if narrow else 2
            step = max(room // part, 1)
            return Cuts(indent, [0, *range(max(width // part, 1), size, step)])
        text = "".join(span.text for span in json.line(number))
        return Cuts(indent, _narrow(text, width, room) if narrow else _wide(text, width, room))

    # --- drawing ------------------------------------------------------------------------------

    def row_text(self, y: int) -> str:
        # With the blank that a row may end with beyond the edge.
        return self.row(y, self.row_width + 1).text

    def margin_of(self, y: int) -> int:
        line, wrap = self._place(y)
        return self._kept_cuts(line).indent if wrap else -1

    def _kept_cuts(self, line: int) -> Cuts:
        cuts = self._cuts.get(line)
        if cuts is None:
            if len(self._cuts) > _KEPT_CUTS:
                self._cuts.clear()
            cuts = self._cuts[line] = self._cuts_of(line, self._drawn_width)
        return cuts

    def row(self, y: int, width: int) -> Strip:
        line, wrap = self._place(y)
        cuts = self._kept_cuts(line)
        end = cuts.starts[wrap + 1] if wrap + 1 < len(cuts.starts) else None
        pieces: list[StyledText] = [(" " * cuts.indent, None)] if wrap else []
        pieces.extend(
            (one_line(span.text), self.style(f"tool-pane--{JSON_LOOKS[span.kind]}"))
            for span in self._json.line(line, cuts.starts[wrap], end)
        )
        return strip_of(pieces, width)


def _narrow(text: str, width: int, room: int) -> list[int]:
    """Return where rows begin: the first has `width` cells and the others `room`.

    After a blank, where there is one in the last third of a row.
    """
    starts, here = [0], width
    while len(text) - starts[-1] > here:
        start = starts[-1]
        end = min(start + here + 1, len(text) - 1)
        blank = text.rfind(" ", start + here * 2 // 3, end)
        starts.append(start + here if blank < 0 else blank + 1)
        here = room
    return starts


def _wide(text: str, width: int, room: int) -> list[int]:
    """Return the same for a text whose characters are not all one cell wide."""
    starts, here = [0], width
    used = since = after = 0
    for place, end, cells in clusters(text, one_line):
        if used and used + cells > here:
            if after > starts[-1] and since <= here // 3:
                starts.append(after)
                used = since
            else:
                starts.append(place)
                used = 0
            here = room
        used += cells
        since += cells
        if text[place] == " ":
            after, since = end, 0
    return starts


class RequestView(ModalScreen[str | None]):
    """Shows a request. Its result is what is to be done with it: edit, send or copy."""

    BINDINGS = [
        ("escape,q", "close", "Close"),
        ("e", "answer('edit')", "Edit"),
        ("r", "answer('send')", "Send"),
        ("y", "answer('copy')", "Copy"),
    ]

    def __init__(self, request: JsonObject) -> None:
        super().__init__()
        self._request = request
        self._view = JsonView(id="request")

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.focus()
        model = self._request.get("model")
        title = f"Request  {wire(model, 40)}" if isinstance(model, str) else "Request"
        self._view.border_title = Content(title)
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        text = wire_text(self._request)
        size, tokens, files = weigh(self._request, text)
        facts = [format_bytes(size), f"~{format_count(tokens)} tokens"]
        if files:
            facts[1] += f" and {files} file{'s' * (files != 1)}"
        keys = ["e edit", "r send", "y copy", "esc closes"]
        self._view.border_subtitle = Content("  ".join([*facts, *keys]))
        self._view.show(drawable(text))

    def action_answer(self, what: str) -> None:
        """Close, and have something done with the request."""
        self.dismiss(what)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
