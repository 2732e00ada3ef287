"""What the waterfall and the ledger look like, cell by cell. To redraw: --snapshot-update."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from textual.pilot import Pilot

from tests.app_harness import LATER_S, Stage
from tests.manual_clock import ManualClock
from tests.screens.test_waterfall import judged
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.scenarios.sessions import load_session
from tui.screens.cache_ledger import CacheLedger
from tui.sources.scenario import ScenarioSource

SIZES: Final = [(80, 24), (120, 40)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("what", ["waterfall", "ledger"])
def test_the_session_looks_as_it_did(
    what: str, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    clock = ManualClock()
    scenes = [partial(ScenarioSource, scene) for scene in load_session("agent")]
    app = StreamscopeApp(list(scenes), AppSettings(now=clock, ticking=False))
    app.animation_level = "none"

    async def perform(pilot: Pilot[Any]) -> None:
        stage = Stage(app, pilot, clock)
        await stage.begin(len(scenes))
        await stage.at(LATER_S)
        await stage.press("W", *["down"] * 4)
        await judged(stage)
        if what == "ledger":
            await stage.press("L")
            await stage.until(lambda: isinstance(app.screen, CacheLedger))
        await stage.settle()

    assert snap_compare(app, terminal_size=size, run_before=perform)
