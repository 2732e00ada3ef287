"""What runs look like side by side, cell by cell. To redraw: --snapshot-update."""

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

SCENES: Final = ("plain", "thinking-tool", "stall")
MOMENTS: Final[dict[str, tuple[tuple[int, int], float, list[str]]]] = {
    "streaming": ((120, 40), 2.6, []),
    "past": ((200, 50), LATER_S, ["space"]),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_runs_side_by_side_look_as_they_did(moment: str, snap_compare: Callable[..., bool]) -> None:
    size, seconds, keys = MOMENTS[moment]
    clock = ManualClock()
    factories = [partial(ScenarioSource, scene) for scene in SCENES]
    app = StreamscopeApp(list(factories), AppSettings(now=clock, ticking=False))
    app.animation_level = "none"

    async def perform(pilot: Pilot[Any]) -> None:
        stage = Stage(app, pilot, clock)
        await stage.begin(len(SCENES))
        await stage.at(seconds)
        await stage.press("V")
        await stage.settle()
        if keys:
            await stage.press(*keys)
            await stage.advance(4.5)
            await stage.press("space")
        await stage.settle()

    assert snap_compare(app, terminal_size=size, run_before=perform)
