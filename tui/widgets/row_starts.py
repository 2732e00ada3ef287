"""Where the rows of a line begin that keeps every code point: by cells, at blanks.

For text that is pointed into. What is only read is wrapped by `cell_wrap`, which drops the blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tui.widgets.cell_wrap import is_narrow
from tui.widgets.clusters import clusters

_SIGN: Final = re.compile(r""".*[(\[{,;:=&|](?=[\w"'\\])""", re.DOTALL)
"""Up to the last sign behind which a word of code begins."""
_WELL_FILLED: Final = 60
"""Per cent of a row."""
_SLACK: Final = 64
"""Code points looked at beside four for each cell, before a row is taken to be full."""


def row_starts(
    text: str, first: int, others: int, shown: Callable[[str], str], *, least: int = 0
) -> list[int]:
    """Return where rows begin: the first has `first` cells, the others have `others`.

    A row ends behind its last blank, if in more than `least` per cent of the row stands something
    by then; else where it is full. That blank may stand over the edge. In code and JSON, which give
    `least`, a row that would be cut within a word ends behind a sign, if it is well filled.
    """
    starts, at, here = [0], 0, first
    while True:
        piece = text[at : at + here + 1]
        if piece.isprintable() and is_narrow(piece):
            if len(text) - at <= here:
                return starts
            end, blank = here, piece.rfind(" ")
        else:
            piece = text[at : at + 4 * here + _SLACK]
            end, blank = _filled(piece, here, shown)
            if end == len(piece) == len(text) - at:
                return starts
        if blank > here * least // 100 and piece[:blank].strip(" "):
            end = blank + 1
        elif least and (sign := _SIGN.match(piece, 0, end + 1)):
            end = sign.end() if sign.end() * 100 > here * _WELL_FILLED else end
        at += end
        if at >= len(text):
            return starts
        starts.append(at)
        here = others


def _filled(piece: str, room: int, shown: Callable[[str], str]) -> tuple[int, int]:
    """Return how many code points fit, one cluster at least, and the last blank among them."""
    used, last = 0, -1
    for start, end, cells in clusters(piece, shown):
        blank = piece[start:end] == " "
        if used + cells > room and start:
            return start, (start if blank else last)
        if blank:
            last = start
        used += cells
    return len(piece), last
