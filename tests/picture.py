"""Draws the pictures in the README: `python -m tests.picture FOLDER`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.run import INSTANT
from tui.scenarios.sessions import load_session
from tui.screens.waterfall import Waterfall
from tui.sources import Source
from tui.sources.scenario import ScenarioSource

_ROUNDS: Final = 200


def _scene(name: str) -> list[Callable[[], Source]]:
    return [partial(ScenarioSource, name)]


def _session(name: str) -> list[Callable[[], Source]]:
    return [partial(ScenarioSource, scene) for scene in load_session(name)]


class Picture(NamedTuple):
    """What is opened and pressed until it looks as it is to be drawn."""

    sources: Sequence[Callable[[], Source]]
    size: tuple[int, int]
    event: int | None = None
    """The event whose past is shown; None: the end."""
    keys: tuple[str, ...] = ()


PICTURES: Final[dict[str, Callable[[], Picture]]] = {
    "inspect": lambda: Picture(_scene("tour"), (120, 40), 408, ("b",)),
    "waterfall": lambda: Picture(_session("agent"), (120, 26), None, ("W", *["down"] * 5)),
    "search": lambda: Picture(_scene("web-search"), (120, 34)),
    "code": lambda: Picture(_scene("code-execution"), (120, 40), None, ("tab", "tab", "M")),
    "stall": lambda: Picture(_scene("stall"), (120, 34)),
    "beside": lambda: Picture([*_scene("plain"), *_scene("thinking-tool")], (120, 30), 120, ("V",)),
    "runs": lambda: Picture(_session("agent"), (120, 40)),
}


async def draw(picture: Picture) -> str:
    """Return it as SVG."""
    settings = AppSettings(speed=INSTANT, ticking=False)
    app = StreamscopeApp(list(picture.sources), settings)
    async with app.run_test(size=picture.size) as pilot:
        for _ in range(_ROUNDS):
            await pilot.pause()
            app.tick()
            if app.watchlist.all and all(feed.done for feed in app.watchlist.feeds):
                break
        if picture.event is not None:
            app.watchlist.go(picture.event)
        await pilot.press(*picture.keys)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0.01)
            app.tick()
            if isinstance(app.screen, Waterfall):
                app.screen.look()
        app.notes.clear()
        await pilot.pause()
        return app.export_screenshot(title="streamscope")


def main() -> None:
    """Write the pictures into a folder, all of them or those that are named."""
    # As in a terminal that can show them all.
    os.environ |= {"COLORTERM": "truecolor", "TERM": "xterm-256color"}
    os.environ.pop("NO_COLOR", None)
    folder, *names = sys.argv[1:]
    for name in names or PICTURES:
        svg = asyncio.run(draw(PICTURES[name]()))
        (Path(folder) / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
