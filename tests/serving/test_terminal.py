"""Programs on web pages: who may start one, what goes to and fro, and that none is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from tests.limits import HANG_S
from tests.loopback import exchange, said
from tui.serving import terminal
from tui.serving.server import LoopbackServer
from tui.serving.terminal import Program, TerminalPages

pytestmark = pytest.mark.asyncio

TOKEN = "the-token"

HANDSHAKE = {
    "connection": "upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}

PROGRAM = """
import json, os, signal, subprocess, sys, time
how = sys.argv[1]
open(sys.argv[2], "a").write(f"{os.getpid()}\\n")
if how == "fails":
    print("no such file: \\x1b]0;title\\x07 x")
    sys.stderr.write("streamscope: and why\\n")
    sys.exit(2)
out = sys.stdout.buffer
def packet(letter, data):
    out.write(letter + len(data).to_bytes(4, "big") + data)
    out.flush()
print("words before", flush=True)
print("__GANGLION__", flush=True)
packet(b"D", f"{os.environ['COLUMNS']}x{os.environ['ROWS']}".encode())
if how == "hangs":
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    open(sys.argv[2], "a").write(f"{child.pid}\\n")
    packet(b"D", b"hung")
    time.sleep(3600)
while how == "floods":
    packet(b"D", b"x" * 65536)
packet(b"M", b'{"type": "open_url", "url": "http://evil.example/"}')
packet(b"P", b"packed")
while head := sys.stdin.buffer.read(5):
    data = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if head[:1] == b"M" and json.loads(data)["type"] == "quit" or data == b"q":
        packet(b"M", b'{"type": "exit"}')
        print("a table, after the end")
        break
    packet(b"D", head[:1] + b":" + data)
"""


class Desk(NamedTuple):
    """A server of such a program, and a client on its page."""

    server: LoopbackServer
    pages: TerminalPages
    client: aiohttp.ClientSession
    started: Path

    def open(
        self, query: str = "?width=90&height=30"
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        """The socket of a page."""
        return self.client.ws_connect(f"/session/{TOKEN}{query}", origin=self.server.url)

    def pids(self) -> list[int]:
        return [int(line) for line in self.started.read_text().split()]

    async def ended(self) -> None:
        """Wait until no session and no process is left."""
        async with asyncio.timeout(HANG_S):
            while self.pages.sessions or any(map(alive, self.pids())):
                await asyncio.sleep(0.005)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Killed, and not yet buried by its new parent.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@contextlib.asynccontextmanager
async def desk(folder: Path, how: str = "echoes", **settings: Any) -> AsyncIterator[Desk]:  # noqa: ANN401
    script, started = folder / "program.py", folder / "started"
    script.write_text(PROGRAM)
    started.touch()
    command = (sys.executable, "-S", "-I", str(script), how, str(started))
    pages = TerminalPages(Program(command, dict(os.environ), **settings), token=TOKEN)
    async with LoopbackServer(pages.answer, pages=pages) as server:
        async with aiohttp.ClientSession(server.url) as client:
            yield Desk(server, pages, client, started)


async def drawn(socket: aiohttp.ClientWebSocketResponse, words: bytes) -> bytes:
    """What is drawn up to these words."""
    text = b""
    while words not in text:
        text += await socket.receive_bytes(timeout=HANG_S)
    return text


# To and fro


async def test_keys_go_to_the_program_and_its_screen_comes_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        async with here.open() as socket:
            assert await socket.receive_bytes(timeout=HANG_S) == b"90x30"
            await socket.send_json(["stdin", "k\u00e9\U0001f30a\x1b[A"])
            await drawn(socket, "D:k\u00e9\U0001f30a\x1b[A".encode())
            await socket.send_str('["stdin", "\\ud800"]')
            await drawn(socket, b"D:?")
            await socket.send_json(["resize", {"width": 120, "height": 40}])
            await drawn(socket, b'M:{"type": "resize", "width": 120, "height": 40}')
            await socket.send_json(["blur"])
            await drawn(socket, b'M:{"type": "blur"}')
            await socket.send_json(["ping", "17"])
            assert await socket.receive_json(timeout=HANG_S) == ["pong", "17"]
            # More than a head of a request may have.
            for _ in range(20):
                await socket.send_json(["stdin", "x" * 20_000])
                await drawn(socket, b"x" * 20_000)
        await here.ended()


async def test_a_program_that_ends_closes_its_page(tmp_path: Path) -> None:
    async with desk(tmp_path) as here, here.open() as socket:
        await socket.send_json(["stdin", "q"])
        text = b""
        async for message in socket:
            assert message.type is aiohttp.WSMsgType.BINARY
            text += message.data
        assert socket.close_code == 1000
        assert b"evil" not in text and b"a table" not in text
        await here.ended()


async def test_what_a_program_says_that_cannot_start_is_shown_made_safe(tmp_path: Path) -> None:
    async with desk(tmp_path, "fails") as here, here.open() as socket:
        text = await drawn(socket, b"and why\r\n")
        assert "no such file: \u241b]0;title\u2407 x\r\n".encode() in text
        await here.ended()


@pytest.mark.parametrize(
    "query", ["", "?width=x&height=1", "?width=0&height=5", "?width=9&height=99999"]
)
async def test_a_size_that_is_none_is_the_usual_one(tmp_path: Path, query: str) -> None:
    async with desk(tmp_path) as here, here.open(query) as socket:
        assert await socket.receive_bytes(timeout=HANG_S) == b"80x24"


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        "[",
        "null",
        "[]",
        '["stdin", 7]',
        '["stdin"]',
        '["resize", {"width": -1, "height": 2}]',
        '["resize", {"width": "80", "height": 2}]',
        '["resize", 7]',
        "[" * 10_000,
        b"bytes",
        '["stdin", "' + "x" * 2_000_000 + '"]',
    ],
    ids=lambda value: str(value)[:20],
)
async def test_what_is_no_message_of_the_page_ends_the_session(
    tmp_path: Path, message: str | bytes
) -> None:
    async with desk(tmp_path) as here, here.open() as socket:
        await drawn(socket, b"90x30")
        with contextlib.suppress(ConnectionError):
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_str(message)
        while (await socket.receive(timeout=HANG_S)).type is aiohttp.WSMsgType.BINARY:
            pass
        assert socket.closed
        await here.ended()


# Who may


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/session/{TOKEN}", {}, 403),
        (f"/session/{TOKEN}", {"origin": "http://evil.example"}, 403),
        (f"/session/{TOKEN}", {"origin": "http://127.0.0.1:3000"}, 403),
        (f"/session/{TOKEN}", {"origin": "null"}, 403),
        (f"/session/{TOKEN}", {"origin": "{own}", "sec-fetch-site": "cross-site"}, 403),
        (
            f"/session/{TOKEN}",
            {"origin": "http://evil.example:{port}", "host": "evil.example:{port}"},
            421,
        ),
        (f"/session/{TOKEN}", {"origin": "{own}", "upgrade": "h2c"}, 400),
        (f"/session/{TOKEN}", {"origin": "{own}", "upgrade": ""}, 400),
        ("/session/", {"origin": "{own}"}, 403),
        ("/session/wrong", {"origin": "{own}"}, 403),
        (f"/session/{TOKEN}/", {"origin": "{own}"}, 403),
        (f"/?token={TOKEN}", {"origin": "{own}"}, 400),
    ],
    ids=lambda value: str(value),
)
async def test_no_program_is_started_for_a_stranger(
    tmp_path: Path, path: str, headers: dict[str, str], status: int
) -> None:
    async with desk(tmp_path) as here:
        port = str(here.server.port)
        fields = {**HANDSHAKE, **headers}
        filled = {
            name: value.replace("{own}", here.server.url).replace("{port}", port)
            for name, value in fields.items()
            if value
        }
        answer = await exchange(here.server.port, f"GET {path} HTTP/1.1", headers=filled)
        assert int(answer.split()[1]) == status
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "error"
        assert here.pages.sessions == 0 and here.pids() == []


@pytest.mark.parametrize(
    ("method", "version", "headers", "status"),
    [
        ("POST", "1.1", {}, 405),
        ("HEAD", "1.1", {}, 405),
        ("GET", "1.0", {}, 400),
        ("GET", "1.1", {"content-length": "5"}, 400),
        ("GET", "1.1", {"content-length": "", "transfer-encoding": "chunked"}, 400),
        ("GET", "1.1", {"connection": "close"}, 400),
        ("GET", "1.1", {"sec-websocket-key": ""}, 400),
        ("GET", "1.1", {"sec-websocket-key": "c2hvcnQ="}, 400),
        ("GET", "1.1", {"sec-websocket-key": "\u00fc"}, 400),
        ("GET", "1.1", {"sec-websocket-version": "12"}, 400),
        ("GET", "1.1", {"sec-websocket-version": ""}, 400),
        ("GET", "1.1", {"sec-websocket-protocol": "x"}, 400),
    ],
    ids=lambda value: str(value),
)
async def test_no_program_is_started_by_what_is_no_handshake(
    tmp_path: Path, method: str, version: str, headers: dict[str, str], status: int
) -> None:
    async with desk(tmp_path) as here:
        fields = {**HANDSHAKE, "origin": here.server.url, "content-length": "0", **headers}
        lines = [
            f"{method} /session/{TOKEN} HTTP/{version}",
            f"host: 127.0.0.1:{here.server.port}",
            *(f"{name}: {value}" for name, value in fields.items() if value),
        ]
        body = "5\r\nhello\r\n0\r\n\r\n" if "transfer-encoding" in headers else "hello"
        request = "\r\n".join([*lines, "", "" if fields["content-length"] == "0" else body])
        async with asyncio.timeout(HANG_S):
            answer = await said(here.server.port, request.encode())
        assert int(answer.split()[1]) == status
        if method != "HEAD":
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "error"
        assert here.pages.sessions == 0 and here.pids() == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 403),
        ("/?token=wrong", 403),
        (f"/?token={TOKEN}", 200),
        ("/terminal.js", 200),
        ("/textual.js", 200),
        ("/xterm.css", 200),
        ("/mono.ttf", 200),
        ("/index.html", 404),
        ("/../terminal.py", 404),
        ("/static/js/textual.js", 404),
    ],
)
async def test_its_files_and_no_others_are_served(tmp_path: Path, path: str, status: int) -> None:
    async with desk(tmp_path) as here:
        answer = await exchange(here.server.port, f"GET {path} HTTP/1.1", close=True)
        assert int(answer.split()[1]) == status
        head = answer.partition(b"\r\n\r\n")[0]
        if status == 200:
            assert b"default-src 'none'" in head and b"sandbox allow-scripts" in head
            assert TOKEN.encode() not in answer
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
            answer = await exchange(here.server.port, f"GET {path} HTTP/1.1", headers=headers)
            assert answer.split()[1] == b"403"


# None is left


async def test_a_page_that_is_closed_ends_its_program(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        for polite in (True, False):
            socket = await here.client.ws_connect(f"/session/{TOKEN}", origin=here.server.url)
            await drawn(socket, b"80x24")
            if polite:
                await socket.close()
            else:
                assert socket._response.connection is not None
                transport = socket._response.connection.transport
                assert transport is not None
                transport.abort()
            await here.ended()


async def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    async with desk(tmp_path, "hangs", grace_s=0.05) as here:
        async with here.open() as socket:
            await drawn(socket, b"hung")
        await here.ended()
        assert len(here.pids()) == 2


async def test_a_server_that_is_stopped_ends_every_program(tmp_path: Path) -> None:
    async with desk(tmp_path, "hangs", grace_s=0.05) as here:
        async with here.open() as one, here.open() as other:
            await drawn(one, b"hung")
            await drawn(other, b"hung")
            await here.server.aclose()
            await here.ended()
        assert len(here.pids()) == 4


async def test_a_page_that_does_not_read_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "_MOST_WAITING", 1_000_000)
    async with desk(tmp_path, "floods", grace_s=0.05) as here:
        async with here.open() as socket:
            await drawn(socket, b"90x30")
            assert socket._response.connection is not None
            transport = socket._response.connection.transport
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            await here.ended()
            transport.abort()


async def test_there_are_no_more_at_a_time_than_allowed(tmp_path: Path) -> None:
    async with desk(tmp_path, most_sessions=2) as here:
        async with here.open() as one, here.open() as other:
            await drawn(one, b"90x30")
            await drawn(other, b"90x30")
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with here.open():
                    pass
            assert refused.value.status == 529
        await here.ended()
        async with here.open() as again:
            await drawn(again, b"90x30")
        assert len(here.pids()) == 3


async def test_nothing_is_left_of_sessions_that_ended(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        counts = []
        for _ in range(12):
            async with here.open() as socket:
                await drawn(socket, b"90x30")
            await here.ended()
            counts.append(len(os.listdir("/dev/fd")))
        assert counts[-1] <= counts[1]
