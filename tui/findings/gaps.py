"""A bound that no gap between content chunks is over, without looking at every gap."""

from __future__ import annotations

from array import array
from typing import Final

from tui.core.state import STALL_NS, RunState

STEP_NS: Final = 100_000_000
"""What is told is rounded up to this."""
_SHIFT: Final = 24
_UNIT_NS: Final = 1 << _SHIFT
"""About 17 ms: what the byte stands for by which gaps are compared first."""
_WIDTH: Final = 8
_BYTE: Final = _SHIFT // 8 if array("H", [1]).tobytes()[0] else _WIDTH - 1 - _SHIFT // 8
"""Where that byte stands in a gap."""
_FEW: Final = 1_000


def no_gap_over(state: RunState) -> int | None:
    """Return the shortest time in steps of 100 ms that no gap between content chunks is over.

    None where there is no gap.
    """
    gaps = state.gaps_ns
    if not gaps:
        return None
    if state.stalls:
        return _up(max(length for _, length in state.stalls))
    if len(gaps) < _FEW:
        return _up(max(gaps))
    # None is a stall, so one byte of each tells nearly all; to find a byte is fast.
    column = gaps.tobytes()[_BYTE::_WIDTH]
    top = next((n for n in range(STALL_NS >> _SHIFT, 0, -1) if n in column), 0)
    least, most = _up(top * _UNIT_NS), _up((top + 1) * _UNIT_NS - 1)
    if least == most:
        return most
    largest = 0
    place = column.find(top)
    for _ in range(_FEW):
        if place < 0:
            return _up(largest)
        largest = max(largest, gaps[place])
        place = column.find(top, place + 1)
    return _up(max(gaps))


def _up(ns: int) -> int:
    return max(-(-ns // STEP_NS), 1) * STEP_NS
