"""The text of a strip: cut by code points, and found by cells. No cluster is ever cut in two.

Textual cuts strips by cells and counts the cells of code points one by one, which is wrong for
those that are drawn as one: joined emoji, flags, marks over letters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from rich.cells import split_graphemes
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.widgets.cell_wrap import is_narrow

_WORDS: Final = re.compile(r"[\w\u0300-\u036f]+|[^\w\s\u0300-\u036f]+|\s+")


def cut(strip: Strip, start: int, end: int) -> tuple[Strip, Strip, Strip]:
    """Return the code points before `start`, those up to `end`, and the rest."""
    parts: tuple[list[Segment], list[Segment], list[Segment]] = ([], [], [])
    at = 0
    for text, style, control in strip:
        low, high = (min(max(place - at, 0), len(text)) for place in (start, end))
        for part, piece in zip(parts, (text[:low], text[low:high], text[high:]), strict=True):
            if piece:
                part.append(Segment(piece, style, control))
        at += len(text)
    before, between, after = map(Strip, parts)
    return before, between, after


def highlight(strip: Strip, start: int, end: int, style: Style) -> Strip:
    """Return a strip with `style` over the code points from `start` up to `end`."""
    before, between, after = cut(strip, start, end)
    marked = Strip([Segment(text, (own or Style()) + style) for text, own, _ in between])
    return Strip.join([before, marked, after])


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the range, widened to the clusters that it cuts."""
    if is_narrow(text) or start >= end:
        return start, end
    edges = [first for first, _, _ in split_graphemes(text)[0]]
    if start < len(text):
        start = edges[bisect_right(edges, start) - 1]
    if end < len(text):
        place = bisect_right(edges, end - 1)
        end = edges[place] if place < len(edges) else len(text)
    return start, end


def cluster_at(text: str, column: int) -> tuple[int, int] | None:
    """Return the range of the cluster that is drawn at a cell, None past the end of the text."""
    if is_narrow(text):
        return (column, column + 1) if column < len(text) else None
    for start, end, cells in split_graphemes(text)[0]:
        column -= cells
        if column < 0:
            return start, end
    return None


def word_at(text: str, place: int) -> tuple[int, int]:
    """Return the range of the word, the signs or the blanks that a code point belongs to."""
    found = next(match for match in _WORDS.finditer(text) if match.end() > place)
    return whole(text, *found.span())


def apart(strip: Strip) -> Strip:
    """Return a strip in which clusters of several code points are segments of their own.

    Textual works out which character is at a cell by adding up the cells of the code points of a
    segment. For such a cluster the sum is wrong, and with it the place of all that follows.
    """
    if all(is_narrow(text) for text, _, _ in strip):
        return strip
    segments: list[Segment] = []
    for text, style, control in strip:
        at = 0
        for start, end, _ in () if is_narrow(text) else split_graphemes(text)[0]:
            if end - start > 1:
                pieces = (text[at:start], text[start:end])
                segments.extend(Segment(piece, style, control) for piece in pieces if piece)
                at = end
        if at < len(text):
            segments.append(Segment(text[at:], style, control))
    return Strip(segments, strip.cell_length)
