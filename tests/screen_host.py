"""One screen over nothing, with the real styles: keys, pastes, clicks, and what is drawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from tests.app_harness import change_size, drawn, frames_where_drawn
from tests.conftest import ROOT


class Host(App[None]):
    """Shows a screen and keeps what it was closed with."""

    CSS_PATH = ROOT / "styles.tcss"

    def __init__(self, screen: Screen[Any] | None = None) -> None:
        super().__init__()
        self.animation_level = "none"
        self.results: list[Any] = []
        self._pushed = screen

    def on_mount(self) -> None:
        if self._pushed is not None:
            self.push_screen(self._pushed, self.results.append)


class Hand:
    """Somebody at the keyboard, with a mouse."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def open(self, screen: Screen[Any]) -> None:
        """Show another screen, over whatever is there."""
        self.app.results.clear()
        await self.app.push_screen(screen, self.app.results.append)
        await drawn(self.app)

    async def press(self, *keys: str) -> None:
        """Press keys by their names."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await drawn(self.app)

    async def type(self, text: str) -> None:
        """Type characters."""
        for char in text:
            name = {" ": "space", "/": "slash", "?": "question_mark"}.get(char, char)
            self.app.post_message(events.Key(name, char))
        await drawn(self.app)

    async def paste(self, text: str) -> None:
        """Paste into the field that has the focus."""
        assert self.app.focused is not None
        self.app.focused.post_message(events.Paste(text))
        await drawn(self.app)

    async def click(self, selector: str, x: int = 0, y: int = 0) -> None:
        """Click a cell inside a widget's border."""
        widget = self.app.screen.query_one(selector)
        inner, outer = widget.content_region, widget.region
        await self.pilot.click(widget, offset=(inner.x - outer.x + x, inner.y - outer.y + y))
        await drawn(self.app)

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        await change_size(self.app, (width, height))

    @property
    def lines(self) -> list[str]:
        """The whole screen, row by row."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@asynccontextmanager
async def shown(
    screen: Screen[Any] | Host, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Hand]:
    """Show a screen, or an app of the test's own."""
    app = screen if isinstance(screen, Host) else Host(screen)
    with frames_where_drawn():
        async with app.run_test(size=size) as pilot:
            await drawn(app)
            yield Hand(app, pilot)
