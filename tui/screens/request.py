"""The request in full, as it is sent, over the dashboard; and JSON laid out for reading."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip

from tui.core.partial_json import PartialJson
from tui.core.records import JsonObject
from tui.core.text import format_bytes, format_count, one_line
from tui.viewmodel.parameters import drawable, weigh, wire_text
from tui.widgets.json_rows import JsonRows
from tui.widgets.line_view import LineView
from tui.widgets.paint import StyledText, strip_of, wire
from tui.widgets.tool_pane import JSON_STYLES

_SLICE_S: Final = 0.008
_FED: Final = 4_096
"""Characters that are read at a time."""
_COLUMNS: Final = 76
"""A container that is shorter than this is on one line."""
_MEASURED: Final = 32
"""Lines that are measured at a time."""


class JsonView(LineView):
    """A JSON text, laid out in short steps, so that a large one can be read at once."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tool-pane--{name}" for name in JSON_STYLES}
    # There is no live end.
    BINDINGS = [("end", "bottom", "Bottom")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.follow = False
        self._text: str | None = None
        self._json = PartialJson(_COLUMNS)
        self._fed = 0
        self._rows: JsonRows | None = None
        """What is drawn: after a change of the width, of the old one until all is laid out."""
        self._wanted_width = 0
        self._steps: Iterator[None] | None = None

    def show(self, text: str) -> None:
        """Draw this text, from the top."""
        self._text = text
        self._json = PartialJson(_COLUMNS)
        self._rows = None
        self._fed = self._wanted_width = 0
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
        return self._steps is None and self._rows is not None

    # --- layout -------------------------------------------------------------------------------

    def _go_on(self, steps: Iterator[None]) -> None:
        """Do some of the work, and draw what is ready."""
        end = time.perf_counter() + _SLICE_S
        for _ in steps:
            if time.perf_counter() > end:
                break
        else:
            self._steps = None
        self.set_height(self._rows.height if self._rows else 0)
        self.refresh()

    async def _finish(self, steps: Iterator[None]) -> None:
        while steps is self._steps:  # Else given up for another text or width.
            await asyncio.sleep(0)
            self._go_on(steps)

    def _lay_out(self, text: str, width: int) -> Iterator[None]:
        json = self._json
        rows = JsonRows(json, width)
        if not self._rows:
            self._rows = rows
        while True:
            whole = self._fed >= len(text)
            if whole:
                json.finish()
            end = json.line_count() if whole else json.settled_count()
            while rows.lines < end:
                rows.measure(min(rows.lines + _MEASURED, end))
                yield
            if whole:
                break
            json.feed(text[self._fed : self._fed + _FED])
            self._fed += _FED
            yield
        if self._rows is not rows:
            top = self._rows.part(self.scroll_offset.y)[0]
            self._rows = rows
            self.set_height(rows.height)
            self.scroll_to(y=rows.top(top), animate=False)

    # --- drawing ------------------------------------------------------------------------------

    def row_text(self, y: int) -> str:
        # With the blank that a row may end with beyond the edge.
        return self.row(y, self.row_width + 1).text

    def margin_of(self, y: int) -> int:
        if not self._rows:
            return -1
        line, number = self._rows.part(y)
        return self._rows.indent(line) if number else -1

    def row(self, y: int, width: int) -> Strip:
        if not self._rows:
            return Strip([])
        line, number = self._rows.part(y)
        pieces: list[StyledText] = [(" " * self._rows.indent(line), None)] if number else []
        pieces.extend(
            (one_line(span.text), self.style(f"tool-pane--{JSON_STYLES[span.kind]}"))
            for span in self._rows.spans(line, number)
        )
        return strip_of(pieces, width)


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
