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
_SENTENCE: Final = 3
"""Blanks of a title that is a sentence."""
_ELLIPSIS: Final = "\u2026"
_DOT: Final = " \u00b7 "


class _SharedStart:
    """What all of some names begin with."""

    def __init__(self) -> None:
        self.common = ""
        self._first: str | None = None
        self._prefix = ""
        self._shortest = _READ

    def add(self, name: str) -> None:
        """Take note of a name; the same one may come again."""
        if self._first is None:
            self._first = self._prefix = name
            self._shortest = len(name)
        elif name != self._first:
            self._prefix = commonprefix([self._prefix, name])
            self._shortest = min(self._shortest, len(name))
            # Of each name something has to be left.
            shared = self._prefix[: self._shortest - 1]
            end = max(shared.rfind(bound) for bound in _BOUNDS) + 1
            self.common = shared[:end] if end >= _WORTH else ""


class RunTitles:
    """All titles of a list, of which each needs to say only what the others do not."""

    def __init__(self) -> None:
        self.version = 0
        """Rises when titles are to be fitted anew."""
        self._all = _SharedStart()
        self._in_folder: dict[str, _SharedStart] = {}

    @property
    def common(self) -> str:
        """What all titles begin with, and is not repeated in each row."""
        return self._all.common

    def add(self, title: str) -> None:
        """Take note of a title; the same one may come again."""
        title = title[:_READ]
        folder, _, name = title.rpartition("/")
        inside = self._in_folder.setdefault(folder, _SharedStart())
        before = self._all.common, inside.common
        self._all.add(title)
        inside.add(name)
        self.version += before != (self._all.common, inside.common)

    def _shortened(self, title: str) -> str:
        """Return a title without what all begin with, nor what those of its folder do."""
        folder, slash, name = title.rpartition("/")
        known = self._in_folder.get(folder)
        common, inside = self._all.common, "" if known is None else known.common
        place = len(folder + slash)
        if inside and name.startswith(inside) and len(common) <= place:
            title = title[:place] + _ELLIPSIS + name[len(inside) :]
        if common and title.startswith(common):
            title = _ELLIPSIS + title[len(common) :].removeprefix(_ELLIPSIS)
        return title

    def fitted(self, title: str, about: str, width: int) -> str:
        """Return a title without what is common, and what the run is about, in `width` cells."""
        name = self._shortened(title[:_READ])
        name, about = one_line(name), one_line(about[:_READ])
        if cell_len(name) > width // (2 if about else 1) and "/" in name:
            # Without its folder, of which the neighbours are too.
            name = _ELLIPSIS + name.rpartition("/")[2].removeprefix(_ELLIPSIS)
        # Names differ at their ends, sentences mean something by how they begin.
        cut = end_cut if name.count(" ") >= _SENTENCE else middle_cut
        if not about or width < _BOTH:
            return cut(name, width)
        rest = max(width - cell_len(about) - len(_DOT), width * 2 // 3)
        name = cut(name, rest)
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
