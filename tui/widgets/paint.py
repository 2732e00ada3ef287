"""Strips from pieces of text: the few ways in which the panes put a row together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.core.text import one_line

StyledText: TypeAlias = tuple[str, Style | None]
"""Text in one style; None is the style of what is around it."""


def strip_of(pieces: Iterable[StyledText], width: int | None = None) -> Strip:
    """Return a strip of `pieces`, cut to `width` cells. The text must be safe to draw."""
    strip = Strip([Segment(text, style) for text, style in pieces if text])
    return strip if width is None or strip.cell_length <= width else strip.crop(0, width)


def spread(left: list[StyledText], right: list[StyledText], width: int) -> Strip:
    """Return a row with `left` at the start and `right` at the end; `left` gives way."""
    right_width = sum(cell_len(text) for text, _ in right)
    room = width - right_width
    if room <= 0:
        return strip_of(right, width)
    return Strip.join([strip_of(left).adjust_cell_length(room), strip_of(right)])


def wire(text: str, width: int) -> str:
    """Return wire text for one row: sanitised, at most `width` cells, an ellipsis where cut."""
    if width <= 0:
        return ""
    safe = one_line(text[: width * 4 + 8])
    if cell_len(safe) <= width and len(text) <= width * 4 + 8:
        return safe
    return set_cell_size(safe, max(width - 1, 0)).rstrip(" ") + "\u2026"
