"""Draws the pictures in the README: `python -m tests.picture FILE.svg [waterfall]`."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.run import INSTANT
from tui.scenarios.sessions import load_session
from tui.screens.waterfall import Waterfall
from tui.sources.scenario import ScenarioSource

_SIZE = (120, 40)
_WIDE = (120, 26)
_EVENT = 408
_ROUNDS = 200


async def picture() -> str:
    """Return the dashboard in the past of the tour, as SVG."""
    settings = AppSettings(speed=INSTANT, ticking=False)
    app = StreamscopeApp([lambda: ScenarioSource("tour")], settings)
    async with app.run_test(size=_SIZE) as pilot:
        for _ in range(_ROUNDS):
            await pilot.pause()
            shown = app.watchlist.shown
            if shown is not None and shown.feed.done:
                break
        app.watchlist.go(_EVENT)
        await pilot.press("b")
        for _ in range(12):
            app.tick()
            await pilot.pause()
        app.notes.clear()
        await pilot.pause()
        return app.export_screenshot(title="streamscope")


async def waterfall() -> str:
    """Return the waterfall of the demo session, as SVG."""
    settings = AppSettings(speed=INSTANT, ticking=False)
    scenes = [partial(ScenarioSource, scene) for scene in load_session("agent")]
    app = StreamscopeApp(list(scenes), settings)
    async with app.run_test(size=_WIDE) as pilot:
        for _ in range(_ROUNDS):
            await pilot.pause()
            if app.watchlist.all and all(feed.done for feed in app.watchlist.feeds):
                break
        await pilot.press("W", *["down"] * 5)
        screen = app.screen
        assert isinstance(screen, Waterfall)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0.01)
            screen.look()
        app.clear_notifications()
        await pilot.pause()
        return app.export_screenshot(title="streamscope")


def main() -> None:
    """Write the picture."""
    made = waterfall() if sys.argv[2:] == ["waterfall"] else picture()
    Path(sys.argv[1]).write_text(asyncio.run(made), encoding="utf-8")


if __name__ == "__main__":
    main()
