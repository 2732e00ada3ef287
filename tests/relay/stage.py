"""A relay in this process, upstreams that answer as a test wants, and a tape that is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.limits import HANG_S
from tui.core.state import End
from tui.relay.endpoints import is_recorded
from tui.relay.forwarding import Forwarder
from tui.relay.tape import Headers
from tui.relay.upstream import Upstream, parsed_upstream
from tui.serving.server import LoopbackServer

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Heard:
    """One exchange, as the tape was told of it."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    whole: bool = False
    status: int = 0
    answer_headers: Headers = ()
    chunks: list[bytes] = field(default_factory=list)
    how: End | None = None
    why: str | None = None

    def sent(self, data: bytes) -> None:
        self.body += data

    def asked(self) -> None:
        self.whole = True

    def answered(self, status: int, headers: Headers) -> None:
        self.status, self.answer_headers = status, headers

    def chunk(self, data: bytes) -> None:
        self.chunks.append(data)

    def end(self, how: End, why: str | None = None) -> None:
        assert self.how is None
        self.how, self.why = how, why


class HeardTape:
    """A tape that keeps all it is told."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def begin(self, method: str, target: str, headers: Headers) -> Heard | None:
        assert is_recorded(method, target)
        self.heard.append(Heard(method, target, headers))
        return self.heard[-1]


@dataclass
class Staged:
    """A relay, its forwarder and its tape."""

    server: LoopbackServer
    forwarder: Forwarder
    tape: HeardTape
    upstream: Upstream

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def url(self) -> str:
        return self.server.url

    async def ended(self, count: int = 1) -> list[Heard]:
        """The exchanges, once so many are over."""
        await until(lambda: sum(heard.how is not None for heard in self.tape.heard) >= count)
        return self.tape.heard


async def until(ready: Callable[[], bool]) -> None:
    """Wait for something that is sure to happen."""
    async with asyncio.timeout(HANG_S):
        while not ready():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def relay_to(url: str, *, connect_timeout_s: float = 30.0) -> AsyncIterator[Staged]:
    """A relay in front of an upstream."""
    tape = HeardTape()
    async with Upstream(parsed_upstream(url), connect_timeout_s=connect_timeout_s) as upstream:
        forwarder = Forwarder(upstream, tape)
        async with LoopbackServer(forwarder) as server:
            upstream.own_port = server.port
            yield Staged(server, forwarder, tape, upstream)


class RawUpstream:
    """Talks to each connection as it is told to, and keeps what came."""

    def __init__(self, talk: Talk) -> None:
        self.port = 0
        self.connections = 0
        self.open = 0
        self._talk = talk

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self._talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self.open -= 1


@asynccontextmanager
async def raw_upstream(talk: Talk) -> AsyncIterator[RawUpstream]:
    """An upstream made of a coroutine that is given each connection."""
    upstream = RawUpstream(talk)
    server = await asyncio.start_server(upstream._serve, "127.0.0.1", 0, limit=1 << 20)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()


async def request_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of a request, as they came."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    if length := fields.get(b"content-length"):
        return head, await reader.readexactly(int(length))
    body = b""
    if fields.get(b"transfer-encoding") == b"chunked":
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    return head, body


def answering(answer: bytes, *, then: str = "close") -> Talk:
    """Answers one request with these bytes, and closes or resets the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answer)
        await writer.drain()
        if then == "reset":
            break_off(writer)

    return talk


def break_off(writer: asyncio.StreamWriter) -> None:
    """Reset a connection."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def all_of(port: int, data: bytes) -> tuple[bytes, str]:
    """All that is answered to these bytes, and how the connection ended: `eof` or `reset`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = bytearray()
    try:
        writer.write(data)
        async with asyncio.timeout(HANG_S):
            while part := await reader.read(65_536):
                got += part
        return bytes(got), "eof"
    except ConnectionError:
        return bytes(got), "reset"
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
