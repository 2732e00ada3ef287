"""What the dashboard looks like, cell by cell. After a change that is meant: --snapshot-update."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from textual.pilot import Pilot

from tests.app_harness import LATER_S, Stage
from tests.manual_clock import ManualClock
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.sources.scenario import ScenarioSource

SIZES: Final = [(80, 24), (120, 40), (200, 50)]
MOMENTS: Final[dict[str, tuple[str, float, list[str]]]] = {
    "streaming": ("tour", 9.0, []),
    "complete": ("two-tools", LATER_S, []),
    "error": ("overloaded", LATER_S, []),
    "past": ("thinking-tool", LATER_S, ["comma"] * 12),
    "help": ("plain", 2.0, ["question_mark"]),
    "why": ("max-tokens", LATER_S, ["d"]),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_dashboard_looks_as_it_did(
    moment: str, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    scenario, seconds, keys = MOMENTS[moment]
    clock = ManualClock()
    settings = AppSettings(now=clock, ticking=False)
    app = StreamscopeApp([partial(ScenarioSource, scenario)], settings)
    app.animation_level = "none"

    async def perform(pilot: Pilot[Any]) -> None:
        stage = Stage(app, pilot, clock)
        await stage.begin(1)
        await stage.at(seconds)
        await stage.press(*keys)
        await stage.settle()

    assert snap_compare(app, terminal_size=size, run_before=perform)
