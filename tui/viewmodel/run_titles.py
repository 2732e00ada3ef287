"""What runs are called where they stand together: what tells them apart."""

from __future__ import annotations

from os.path import commonprefix
from typing import Final

from rich.cells import cell_len, get_character_cell_size, set_cell_size

from tui.core.text import one_line

_READ: Final = 500
"""Characters of a title, or of a prompt, that are looked at."""
_BOUNDS: Final = "/ _-:"
"""Behind these a title can be cut."""
_WORTH: Final = 10
"""What is shorter is left where it is: it takes little room, and reads better."""
_BOTH: Final = 12
"""Cells in which there is room for more than the title."""
_ELLIPSIS: Final = "\u2026"
_DOT: Final = " \u00b7 "


class RunTitles:
    """All titles of a list, of which each needs to say only what the others do not."""

    def __init__(self) -> None:
        self.common = ""
        """What all of them begin with, and is not repeated in each row."""
        self._first: str | None = None
        self._prefix = ""
        self._shortest = _READ

    def add(self, title: str) -> None:
        """Take note of a title; the same one may come again."""
        title = title[:_READ]
        if self._first is None:
            self._first = self._prefix = title
            self._shortest = len(title)
        elif title != self._first:
            self._prefix = commonprefix([self._prefix, title])
            self._shortest = min(self._shortest, len(title))
            # Of each title something has to be left.
            shared = self._prefix[: self._shortest - 1]
            end = max(shared.rfind(bound) for bound in _BOUNDS) + 1
            self.common = shared[:end] if end >= _WORTH else ""

    def fitted(self, title: str, about: str, width: int) -> str:
        """Return a title without what is common, and what the run is about, in `width` cells."""
        name = title[:_READ]
        if self.common and name.startswith(self.common):
            name = _ELLIPSIS + name[len(self.common) :]
        name, about = one_line(name), one_line(about[:_READ])
        if not about or width < _BOTH:
            return middle_cut(name, width)
        rest = max(width - cell_len(about) - len(_DOT), width // 2)
        name = middle_cut(name, rest)
        return end_cut(name + _DOT + about, width)


def middle_cut(text: str, width: int) -> str:
    """Return a text in `width` cells, with an ellipsis in its middle: names differ at the end."""
    if cell_len(text) <= width:
        return text
    if width < 3:
        return end_cut(text, width)
    head = set_cell_size(text, (width - 1) * 2 // 5).rstrip(" ")
    room = width - 1 - cell_len(head)
    start = len(text)
    while start and (size := get_character_cell_size(text[start - 1])) <= room:
        room -= size
        start -= 1
    return head + _ELLIPSIS + text[start:]


def end_cut(text: str, width: int) -> str:
    """Return a text in `width` cells, with an ellipsis where its end is left out."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip(" ") + _ELLIPSIS[:width]
