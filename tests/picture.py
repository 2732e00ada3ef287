"""Draws the picture in the README: `python -m tests.picture FILE.svg`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.run import INSTANT
from tui.sources.scenario import ScenarioSource

_SIZE = (120, 40)
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


def main() -> None:
    """Write the picture."""
    Path(sys.argv[1]).write_text(asyncio.run(picture()), encoding="utf-8")


if __name__ == "__main__":
    main()
