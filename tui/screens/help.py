"""The help: what the keys do, in up to three columns where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise, zip_longest
from textwrap import wrap
from typing import Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

KeyGroup = tuple[str, Sequence[tuple[str, str]]]
"""A title, and under it keys and what each does."""

_COLUMN: Final = 52
_NARROW: Final = 34
"""Cells of a column: alone, and beside others at least."""
_MOST: Final = 3
_BETWEEN: Final = 2
_AROUND: Final = 6
"""Cells for the border, what it keeps free, and the scroll bar."""


class Help(ModalScreen[None]):
    """A list of keys over the dashboard. Any of esc, q, ? closes it."""

    BINDINGS = [
        ("escape,q,question_mark,f1", "dismiss", "Close"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, groups: Sequence[KeyGroup]) -> None:
        super().__init__()
        self._groups = groups
        self._text = Static("", markup=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            yield self._text

    def on_resize(self) -> None:
        """Lay the keys out for this width."""
        room = self.app.size.width - _AROUND
        count = max(min((room + _BETWEEN) // (_NARROW + _BETWEEN), _MOST), 1)
        column = max(min(_COLUMN, (room + _BETWEEN) // count - _BETWEEN), 16)
        keys = max(len(key) for _, rows in self._groups for key, _ in rows) + 2
        blocks = [_block(group, keys, column) for group in self._groups]
        columns = _in_columns(blocks, count)
        self.query_one("#help").styles.width = count * (column + _BETWEEN) - _BETWEEN + _AROUND
        rows = (_beside(row, column) for row in zip_longest(*columns, fillvalue=Content("")))
        self._text.update(Content("\n").join(rows))


def _in_columns(blocks: Sequence[list[Content]], count: int) -> list[list[Content]]:
    """Return the blocks in columns, in their order, so that the longest column is short."""

    def split(places: Sequence[int]) -> list[list[Content]]:
        ends = pairwise((0, *places, len(blocks)))
        return [[line for block in blocks[start:end] for line in block] for start, end in ends]

    several = combinations(range(1, len(blocks)), min(count, len(blocks)) - 1)
    return min(map(split, several), key=lambda columns: max(map(len, columns)))


def _beside(row: Sequence[Content], column: int) -> Content:
    """Return lines of columns as one."""
    *first, last = row
    padded = (one.pad_right(column + _BETWEEN - one.cell_length) for one in first)
    return Content("").join([*padded, last])


def _block(group: KeyGroup, keys: int, width: int) -> list[Content]:
    """Return a group as lines of at most `width` cells: what is long goes on below itself."""
    title, rows = group
    lines = [Content.styled(title, "bold $text-muted")]
    for key, what in rows:
        first, *more = wrap(what, max(width - keys, 8)) or [""]
        lines.append(Content.assemble((f"{key:<{keys}}", "$accent"), first))
        lines += [Content(" " * keys + part) for part in more]
    return [*lines, Content("")]
