"""A real browser for tests: the Chromium of this machine, driven by Playwright."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from tests.limits import HANG_S

if TYPE_CHECKING:
    from playwright.async_api import Browser, ConsoleMessage, Page

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_NO_NAMES_BUT_OURS: Final = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser, without a window; skips where there is none."""
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("chromium is not installed: on Debian, apt-get install chromium")
    arguments = [_NO_NAMES_BUT_OURS]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    async with playwright.async_playwright() as driver:
        running = await driver.chromium.launch(
            executable_path=program, args=arguments, timeout=HANG_S * 1000
        )
        try:
            yield running
        finally:
            await running.close()


class Watch:
    """A page, and all that it did that it should not."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.asked: list[str] = []
        page.set_default_timeout(HANG_S * 1000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("console", self._console)

    def _console(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.errors.append(line.text)

    def hosts(self) -> set[str | None]:
        """The hosts that it asked for anything."""
        return {urlsplit(url).hostname for url in self.asked if not url.startswith("data:")}


@contextlib.asynccontextmanager
async def a_page(url: str, **settings: object) -> AsyncIterator[Watch]:
    """A page of its own browser; it has done nothing wrong when the block ends."""
    async with chromium() as running:
        context = await running.new_context(**settings)  # type: ignore[arg-type]
        watch = Watch(await context.new_page())
        await watch.page.goto(url)
        yield watch
        assert watch.errors == []
        assert watch.hosts() == {"127.0.0.1"}
