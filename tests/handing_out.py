"""In which order the workers of pytest-xdist get the tests, so that neither core is ever idle.

Most tests keep a core busy; those that start programs wait for them. Files of quick tests are
handed out whole: one by one, a worker waits longer than it works.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final

import pytest

_SLOW: Final = {"dashboard": 0.1, "screens": 0.15, "whole": 0.4, "widgets": 0.08}
"""Folders whose tests are handed out one by one, and the seconds that one takes."""
_QUICK_S: Final = 0.015
_WAITING: Final = {
    "captures/test_logs": 0.5,
    "cli/test_process": 0.4,
    "cli/test_proxy": 0.5,
    "cli/test_standard_streams": 0.2,
    "conversation/test_python_tools": 0.2,
    "relay/test_recording": 0.3,
    "whole/test_terminal": 1.0,
}
"""Files of tests that wait for programs they start: handed out one by one, among the others."""


class _Unit:
    """Tests that one worker gets together."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []
        self.seconds = 0.0


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests as they are to be handed out, marked with the group that they belong to.

    First groups that have to stay together and wait; then the long and the many, and what waits
    evenly among them; last what is short, so that all workers end together.
    """
    chains: dict[str, _Unit] = {}
    waiting: dict[str, _Unit] = {}
    files: dict[str, _Unit] = {}
    singles: dict[str, _Unit] = {}
    for item in items:
        folder, file = item.path.parent.name, f"{item.path.parent.name}/{item.path.stem}"
        group = item.get_closest_marker("xdist_group")
        if group is not None:
            kind, name, seconds = chains, group.args[0], 1.0
        elif file in _WAITING:
            kind, name, seconds = waiting, item.nodeid, _WAITING[file]
        elif folder in _SLOW:
            kind, name, seconds = singles, item.nodeid, _SLOW[folder]
        else:
            kind, name, seconds = files, file, _QUICK_S
            item.add_marker(pytest.mark.xdist_group(file))
        unit = kind.setdefault(name, _Unit())
        unit.items.append(item)
        unit.seconds += seconds
    busy = [*_longest_first(files), *_longest_first(singles)]
    ordered = [*_longest_first(chains), *_among(_longest_first(waiting), busy)]
    return [item for unit in ordered for item in unit.items]


def _longest_first(units: dict[str, _Unit]) -> list[_Unit]:
    return sorted(units.values(), key=lambda unit: -unit.seconds)


def _among(some: list[_Unit], others: list[_Unit]) -> list[_Unit]:
    """Spread some units evenly among others, by the time that they take."""
    placed = [*_places(some, 0.9), *_places(others, 1.0)]
    return [unit for _, unit in sorted(placed, key=lambda pair: pair[0])]


def _places(units: list[_Unit], end: float) -> list[tuple[float, _Unit]]:
    whole = sum(unit.seconds for unit in units)
    begins = accumulate((unit.seconds for unit in units), initial=0.0)
    return [(end * begin / whole, unit) for begin, unit in zip(begins, units, strict=False)]
