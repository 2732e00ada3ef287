"""The columns of the list of runs: which of them fit, where they stand, and how they look."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from rich.cells import cell_len

from tui.core.state import STALL_NS
from tui.viewmodel.runs import COLUMNS, RunRow, Sort

_WIDTHS: Final[dict[Sort, int]] = {
    "number": 3,
    "state": 16,
    "title": 0,
    "ttft": 7,
    "rate": 6,
    "out": 6,
    "why": 21,
    "model": 17,
    "in": 6,
    "last byte": 10,
    "duration": 7,
    "anomalies": 5,
    "stalls": 7,
    "stop": 13,
    "tools": 6,
    "cache": 6,
}
"""In the order in which they are left out, last first. The title takes what is left."""
_FIXED: Final[frozenset[Sort]] = frozenset({"number", "state", "title"})
_FIRST: Final[frozenset[Sort]] = _FIXED | {"ttft", "rate", "out", "why"}
_TITLE: Final = 12
_TITLE_ROOMY: Final = 22
"""Cells that the title keeps where there are more columns than the first."""
_WHY: Final = 16
"""Cells for the verdict where there is little room: what is left out is its last letters."""
_WIDE: Final = 100
_DASH: Final = "\u2013"


class ColumnSlot(NamedTuple):
    """Where a column stands."""

    name: Sort
    start: int
    width: int


@lru_cache(maxsize=16)
def columns(
    width: int, digits: int, empty: frozenset[Sort] = frozenset()
) -> tuple[ColumnSlot, ...]:
    """Return the columns that fit, from left to right, where numbers have so many digits.

    Those that are `empty` in all rows are left out.
    """
    widths = {name: size for name, size in _WIDTHS.items() if name not in empty}
    widths["number"] = max(widths["number"], digits)
    if width < _WIDE:
        widths["why"] = _WHY
    names: list[Sort] = []
    used = 0
    for name, size in widths.items():
        title = _TITLE if name in _FIRST else _TITLE_ROOMY
        if name not in _FIXED and used + size + title > width:
            break
        names.append(name)
        used += size + 1
    widths["title"] = max(width - used + 1, 1)
    places = []
    start = 0
    for name in names:
        places.append(ColumnSlot(name, start, widths[name]))
        start += widths[name] + 1
    return tuple(places)


def aligned(text: str, column: ColumnSlot) -> str:
    """Return a text, which fits, at the edge of its column where it belongs."""
    blank = " " * max(column.width - cell_len(text), 0)
    return blank + text if COLUMNS[column.name].right else text + blank


def cell_style(row: RunRow, name: Sort, text: str) -> str:
    """Return the style of a cell."""
    if name == "state":
        return row.tone
    if name == "why":
        return row.verdict_tone
    if name in ("number", "title"):
        return name
    if name == "last byte" and (row.last_byte_ns or 0) > STALL_NS:
        return "warning"
    if name in ("anomalies", "stalls") and text not in ("0", _DASH):
        return "warning"
    muted = text in ("0", _DASH) or name == "model" or (name == "rate" and row.estimated)
    return "muted" if muted else "value"
