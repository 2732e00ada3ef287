"""In which order the workers of pytest-xdist get the tests, so that neither core is ever idle.

Most tests keep a core busy; those that start programs wait for them. Files of quick tests are
handed out whole: one by one, a worker waits longer than it works.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

import pytest

_SLOW: Final = {"dashboard": 0.1, "screens": 0.15, "whole": 0.4, "widgets": 0.08}
"""Folders whose tests are handed out one by one, and the seconds that one takes."""
_QUICK_S: Final = 0.015
_GROUP_S: Final = 1.5
"""Tests that are marked as a group share a program, a browser or a build."""
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


@dataclass(eq=False)
class Unit:
    """Tests that one worker gets together, and about how long they take."""

    items: list[pytest.Item] = field(default_factory=list)
    seconds: float = 0.0


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests as they are to be handed out, marked with the group that they belong to.

    The long and the many first, and what waits evenly among them; last what is short, so that all
    workers end together.
    """
    waiting: dict[str, Unit] = {}
    files: dict[str, Unit] = {}
    singles: dict[str, Unit] = {}
    for item in items:
        folder, file = item.path.parent.name, f"{item.path.parent.name}/{item.path.stem}"
        group = item.get_closest_marker("xdist_group")
        if group is not None:
            kind, name, seconds = waiting, group.args[0], _GROUP_S
        elif file in _WAITING:
            kind, name, seconds = waiting, item.nodeid, _WAITING[file]
        elif folder in _SLOW:
            kind, name, seconds = singles, item.nodeid, _SLOW[folder]
        else:
            kind, name, seconds = files, file, _QUICK_S
            item.add_marker(pytest.mark.xdist_group(file))
        unit = kind.setdefault(name, Unit())
        unit.items.append(item)
        unit.seconds += seconds
    busy = [*_longest_first(files), *_longest_first(singles)]
    return [item for unit in among(_longest_first(waiting), busy) for item in unit.items]


def _longest_first(units: dict[str, Unit]) -> list[Unit]:
    return sorted(units.values(), key=lambda unit: -unit.seconds)


def among(some: list[Unit], others: list[Unit]) -> list[Unit]:
    """Spread some units evenly among others, by the time that they take."""
    placed = [*_places(some, 0.9), *_places(others, 1.0)]
    return [unit for _, unit in sorted(placed, key=lambda pair: pair[0])]


def _places(units: list[Unit], end: float) -> list[tuple[float, Unit]]:
    whole = sum(unit.seconds for unit in units)
    begins = accumulate((unit.seconds for unit in units), initial=0.0)
    return [(end * begin / whole, unit) for begin, unit in zip(begins, units, strict=False)]
