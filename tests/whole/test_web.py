"""`streamscope web`: the dashboard in a real browser, and what the command says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from tests.chromium import Watch, a_page
from tests.command_line import run_command
from tests.limits import HANG_S
from tests.servers import MockServer
from tests.web_screen import WebScreen

pytestmark = pytest.mark.xdist_group("chromium")

MAIN = (sys.executable, "-c", "from tui.cli.main import main; main()")


class Served(NamedTuple):
    """The command, running."""

    url: str
    process: asyncio.subprocess.Process

    def programs(self) -> list[int]:
        """The processes that it started and that have not ended."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    async def until_programs(self, count: int) -> None:
        async with asyncio.timeout(HANG_S):
            while len(self.programs()) != count:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def served(*arguments: str, key: str = "") -> AsyncIterator[Served]:
    environment = {**os.environ, **({"ANTHROPIC_API_KEY": key} if key else {})}
    process = await asyncio.create_subprocess_exec(
        *MAIN, "web", *arguments, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        assert line.startswith("streamscope web: open http://127.0.0.1:"), line
        found = re.search(r"http://\S+", line)
        assert found
        yield Served(found[0], process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        assert await process.wait() in (143, -signal.SIGKILL)


@contextlib.asynccontextmanager
async def opened(server: Served, **settings: object) -> AsyncIterator[tuple[Watch, WebScreen]]:
    async with a_page("about:blank", **settings) as watch:
        screen = WebScreen(watch.page)
        await watch.page.goto(server.url)
        await watch.page.wait_for_selector("body.-first-byte")
        yield watch, screen


async def test_the_tour_plays_and_keys_work_in_a_browser() -> None:
    size = {"width": 1280, "height": 800}
    async with served("--", "demo", "--speed", "20") as server:
        async with opened(server, viewport=size) as (watch, screen):
            await screen.shows("streamscope", "The tour", "Transcript", "Tool calls")
            await screen.shows("COMPLETE", "read_gauge", "message_stop")
            assert len(server.programs()) == 1
            await screen.resize(800, 600)
            # What the new size leads to is over when keys have been taken after it.
            await watch.page.keyboard.press("?")
            await screen.shows("Play or pause")
            await watch.page.keyboard.press("Escape")
            await screen.hides("Play or pause")
            await screen.shows("message_stop")
            await screen.click("message_delta")  # The last event would be the end again.
            await screen.shows("PAST")
            await watch.page.keyboard.press("Control+p")
            await screen.shows("Search for commands")
            await watch.page.keyboard.press("Escape")
            # An escape and a letter at once are another key.
            await screen.hides("Search for commands")
            await watch.page.keyboard.press("q")
            await watch.page.wait_for_selector("body.-closed")
            assert await watch.page.is_visible("text=The session has ended.")
            await server.until_programs(0)
            await watch.page.keyboard.press("Enter")  # Start again.
            await watch.page.wait_for_selector("body.-first-byte")
            await server.until_programs(1)
        await server.until_programs(0)


async def test_a_page_is_one_session_however_quickly_its_font_comes() -> None:
    async with served("--", "demo", "plain", "--speed", "instant") as server:
        async with a_page("about:blank") as watch:
            screen = WebScreen(watch.page)
            # The script of the terminal comes before the page has loaded.
            await watch.page.add_init_script("document.fonts.load = () => Promise.resolve([])")
            await watch.page.goto(server.url)
            await screen.shows("COMPLETE")
            assert await watch.page.locator(".xterm-screen").count() == 1
            assert len([url for url in watch.asked if "/session/" in url]) == 1


async def test_what_is_copied_is_in_the_clipboard_of_the_browser() -> None:
    async with served("--", "demo", "plain", "--speed", "instant") as server:
        async with opened(server, permissions=["clipboard-read", "clipboard-write"]) as (
            watch,
            screen,
        ):
            await screen.shows("COMPLETE")
            await watch.page.keyboard.press("y")
            await screen.shows("Message as JSON")
            await watch.page.keyboard.press("Enter")
            async with asyncio.timeout(HANG_S):
                read = "navigator.clipboard.readText()"
                while not (said := await watch.page.evaluate(read)):
                    await asyncio.sleep(0.01)
            assert said.strip()


async def test_a_link_in_an_answer_leads_nowhere(tmp_path: Path) -> None:
    stream = tmp_path / "link.sse"
    link = "http://127.0.0.1:9/" + "x" * 60
    events = [
        '{"type":"message_start","message":{"model":"m","content":[],"usage":{"input_tokens":1}}}',
        '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"LINK"}}',
        '{"type":"message_stop"}',
    ]
    lines = [f"data: {each}\n\n" for each in events]
    stream.write_text("".join(lines).replace("LINK", "\\n\\n".join([link] * 12)))
    async with served("--", "open", str(stream)) as server, opened(server) as (watch, screen):
        await screen.shows(link[:30])
        opened_pages: list[object] = []
        watch.page.context.on("page", lambda page: opened_pages.append(page))
        for y in range(30, 300, 9):
            await watch.page.mouse.move(199, y)
            await watch.page.mouse.click(200, y)
            await watch.page.keyboard.down("Shift")
            await watch.page.mouse.click(200, y)
            await watch.page.keyboard.up("Shift")
        assert opened_pages == []
        # The links are there: it is the page that may not open any.
        assert watch.errors and all("Blocked opening" in error for error in watch.errors)
        watch.errors.clear()


async def test_a_live_call_starts_for_its_own_page_alone() -> None:
    async with MockServer(speed=100) as mock:
        arguments = ("--", "run", "Count to 3", "--base-url", mock.url)
        async with served(*arguments, key="the-key") as server:
            token = server.url.partition("token=")[2]
            base = server.url.partition("/?")[0]
            async with aiohttp.ClientSession(base) as client:
                for path, origin in (
                    (f"/session/{token}", "http://evil.example"),
                    (f"/session/{token}", None),
                    ("/session/wrong", base),
                ):
                    with pytest.raises(aiohttp.WSServerHandshakeError):
                        await client.ws_connect(path, origin=origin)
                async with client.get("/") as response:
                    assert response.status == 403
            assert server.programs() == [] and not mock.received
            async with opened(server) as (_, screen):
                await screen.shows("1, 2, 3", "COMPLETE")
            assert len(mock.received) == 1
            assert "the-key" in mock.received[0].headers["authorization"]


async def test_what_cannot_be_opened_is_said_on_the_page() -> None:
    async with served("--", "open", "nothing.sse") as server:
        async with opened(server) as (watch, screen):
            await screen.shows("streamscope: nothing.sse: no such file")
            await watch.page.wait_for_selector("body.-closed")


@pytest.mark.parametrize("arguments", [("open", "-"), ("run", "-")])
def test_standard_input_is_refused(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    result = run_command(monkeypatch, "web", "--", *arguments)
    assert result.status == 2 and "standard input" in result.one_line()


def test_a_port_that_is_taken_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_command(monkeypatch, "web", "--port", str(port))
    assert result.status == 2
    assert result.one_line() == (
        f"port {port}: Address already in use; use another one, or --port 0 for any free one"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_with_every_program(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *MAIN, "web", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    found = re.search(r"(http://\S+)/\?token=(\S+)", line)
    assert found
    here = Served(found[0], process)
    async with aiohttp.ClientSession(found[1]) as client:
        socket_ = await client.ws_connect(f"/session/{found[2]}", origin=found[1])
        await socket_.receive_bytes(timeout=HANG_S)
        (program,) = here.programs()
        process.send_signal(number)
        _, err = await process.communicate()
        await socket_.close()
    assert process.returncode == 128 + number
    assert err.decode() == "streamscope: interrupted\n"
    assert not Path(f"/proc/{program}").exists()
