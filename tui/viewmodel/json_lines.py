"""JSON laid out for reading, in colours."""

from __future__ import annotations

import json
from typing import Any, Final

from tui.core.json_spans import SpanKind
from tui.core.partial_json import PartialJson
from tui.core.text import format_bytes
from tui.viewmodel.lines import LineStyle, StyledLine, line_of

_HANG: Final = 2
_COMPACT: Final = 72
"""Cells up to which an array or an object stays on one line."""
_SHOWN: Final = 65_536
"""Code points of a value that are laid out."""
_SHOWN_LINES: Final = 2_000
_SHOWN_COLUMNS: Final = 4_000
_STYLES: Final[dict[SpanKind, LineStyle]] = {
    SpanKind.PUNCT: "punct",
    SpanKind.KEY: "key",
    SpanKind.STRING: "string",
    SpanKind.NUMBER: "number",
    SpanKind.LITERAL: "literal",
    SpanKind.SPACE: "punct",
    SpanKind.INVALID: "invalid",
    SpanKind.PENDING: "muted",
}


def json_lines(text: str, size: int | None = None) -> list[StyledLine]:
    """Return the lines of a JSON text; bounded, whatever its size.

    `size` is that of the whole in bytes, where the text is only the beginning of it.
    """
    layout = PartialJson(compact_width=_COMPACT)
    layout.feed(text)
    count = layout.line_count()
    lines = []
    for number in range(min(count, _SHOWN_LINES)):
        pieces = [
            (span.text, _STYLES[span.kind]) for span in layout.line(number, 0, _SHOWN_COLUMNS)
        ]
        if layout.line_width(number) > _SHOWN_COLUMNS:
            pieces.append(("\u2026", "muted"))
        indent = 0
        if pieces:
            first, style = pieces[0]
            indent = len(first) - len(first.lstrip(" "))
            pieces[0] = first[indent:], style
        lines.append(StyledLine(tuple(pieces), indent=indent, hang=_HANG))
    if size is not None or count > _SHOWN_LINES:
        whole = "" if size is None else f": {format_bytes(size)} in all"
        lines.append(line_of((f"and more{whole}", "muted")))
    return lines


def value_lines(value: Any) -> list[StyledLine]:  # noqa: ANN401
    """Return the lines of a JSON value."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= _SHOWN:
        return json_lines(text)
    return json_lines(text[:_SHOWN], len(text.encode("utf-8", "replace")))
