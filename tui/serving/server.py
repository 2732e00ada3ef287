"""Serves a handler on 127.0.0.1, in the running event loop, until it is told to stop.

aiohttp speaks HTTP. Its runners are left out: they wait for open streams before they stop, and a
stream may be open for as long as anybody likes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, cast

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import ERROR

from tui.serving.connection import Connection
from tui.serving.guard import Refusal, Refused, refusal, refuse

HOST: Final = "127.0.0.1"
HEAD_TIMEOUT_S: Final = 30.0
"""How long a client may take to say what it wants."""
MAX_CONNECTIONS: Final = 512

RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""Answers a request. It is cancelled when the client goes away; `Refused` refuses the request."""


class Pages(Protocol):
    """What a server has for browsers: pages, and what these ask for."""

    def has(self, path: str) -> bool:
        """Whether this path is one of them."""
        ...

    def refusal(self, request: web.BaseRequest, port: int) -> Refusal | None:
        """What is wrong with a request for such a path, None if it may go on."""
        ...

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer it."""
        ...

    async def open(self, url: str) -> None:
        """Get ready, now that the server listens on `url`."""
        ...

    async def aclose(self) -> None:
        """End what is open."""
        ...


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    if message is ERROR:
        # What cannot be read gets its answer in the server's version.
        message = message._replace(version=HttpVersion11)
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop)


class _TooMany(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class LoopbackServer:
    """Serves `handler` while its `async with` block runs. Port 0 takes any free port.

    Entering raises OSError when the port is taken. Leaving breaks open connections. There are no
    more than `most_connections` at a time: one more takes the place of the client that has owed a
    request for the longest, and is refused where all are being answered. The head of a request
    comes in `head_timeout_s`.
    """

    def __init__(
        self,
        handler: RequestHandler,
        *,
        port: int = 0,
        head_timeout_s: float = HEAD_TIMEOUT_S,
        most_connections: int = MAX_CONNECTIONS,
        pages: Pages | None = None,
    ) -> None:
        self.handler = handler
        self.pages = pages
        self.port = port
        self.head_timeout_s = head_timeout_s
        self.most_connections = most_connections
        self._open: set[Connection] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._manager: web.Server | None = None

    @property
    def url(self) -> str:
        """Where the server listens, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def __aenter__(self) -> LoopbackServer:
        self._manager = web.Server(
            self._handle, request_factory=_request, handler_cancellation=True
        )
        listener = socket.create_server((HOST, self.port))
        self.port = listener.getsockname()[1]
        # As many as may come at once: what does not fit is tried again by the client's system
        # only after a second.
        self._server = await asyncio.get_running_loop().create_server(
            self._connect, sock=listener, backlog=self.most_connections
        )
        if self.pages is not None:
            await self.pages.open(self.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening and break every open connection. May be called more than once."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._open):
            if connection.transport is not None:
                connection.transport.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.pages is not None:
            await self.pages.aclose()
        await server.wait_closed()
        # The connections' own tasks end in the turns that follow.
        for _ in range(10):
            if self._manager is None or not self._manager.connections:
                break
            await asyncio.sleep(0)

    def _connect(self) -> asyncio.Protocol:
        assert self._manager is not None
        if len(self._open) >= self.most_connections and not self._make_room():
            return _TooMany()
        return Connection(self._manager, self._open, self.head_timeout_s)

    def _make_room(self) -> bool:
        """Break the connection that has been waited for the longest, if there is one."""
        slowest = max(self._open, key=Connection.kept_waiting_s, default=None)
        if slowest is None or slowest.transport is None or slowest.kept_waiting_s() < 0:
            return False
        self._open.discard(slowest)
        slowest.transport.abort()
        return True

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            pages = self.pages if self.pages and self.pages.has(request.path) else None
            judge, handler = (pages.refusal, pages.answer) if pages else (refusal, self.handler)
            if refused := judge(request, self.port):
                return refuse(refused)
            return await handler(request)
        except Refused as error:
            return refuse(error.refusal)
        finally:
            self._tasks.discard(task)
            cast(Connection, request.protocol).answered()
