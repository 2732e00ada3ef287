"""An ASGI app on 127.0.0.1, in the running event loop, gone the moment it is told to stop.

uvicorn speaks HTTP. Its `Server` is left out: that one installs signal handlers and waits for open
streams before it stops, and a stream may be open for as long as anybody likes.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import h11
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from tui.serving.guard import MAX_HEADER_BYTES

HOST: Final = "127.0.0.1"
HEAD_TIMEOUT_S: Final = 30.0
"""How long a client may take to say what it wants."""
MAX_CONNECTIONS: Final = 512

_CLOSE_AT_ONCE: Final = struct.pack("ii", 1, 0)
_DRAIN_STEPS: Final = 200
_DRAIN_STEP_S: Final = 0.005

Reset = Callable[[], Awaitable[None]]
"""Breaks the connection of a request; found as `reset` in the request's state."""


async def _reset(connection: H11Protocol) -> None:
    transport = connection.transport
    # What was sent before the break has to arrive: closing at once would throw it away.
    for _ in range(_DRAIN_STEPS):
        if transport.is_closing() or not transport.get_write_buffer_size():
            break
        await asyncio.sleep(_DRAIN_STEP_S)
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_AT_ONCE
        )
        transport.abort()
    # Lets the server learn that the client is gone before it writes again.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class _Connection(H11Protocol):
    """A connection that is closed when no whole head of a request comes in time."""

    def __init__(
        self, config: Config, state: ServerState, app_state: dict[str, Reset], timeout_s: float
    ) -> None:
        super().__init__(config, state, app_state)
        self._timeout_s = timeout_s
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Every chunk goes out by itself and at its time. Held back for an acknowledgement, what was
        # written would also be lost when the connection is broken on purpose.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_watching()
        elif self._timer is None:
            self._timer = self.loop.call_later(self._timeout_s, self.transport.close)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Refused(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class LoopbackServer:
    """Serves `app` while its `async with` block runs. Port 0 takes any free port.

    Entering raises OSError when the port is taken. Leaving breaks open connections. There are no
    more than `most_connections` at a time, and the head of a request comes in `head_timeout_s`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        port: int = 0,
        head_timeout_s: float = HEAD_TIMEOUT_S,
        most_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.app = app
        self.port = port
        self.head_timeout_s = head_timeout_s
        self.most_connections = most_connections
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where the server listens, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    async def __aenter__(self) -> LoopbackServer:
        config = Config(
            self.app,
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        )
        config.load()
        listener = socket.create_server((HOST, self.port))
        self.port = listener.getsockname()[1]

        def connect() -> asyncio.Protocol:
            if len(self._state.connections) >= self.most_connections:
                return _Refused()
            state: dict[str, Reset] = {}
            connection = _Connection(config, self._state, state, self.head_timeout_s)
            state["reset"] = partial(_reset, connection)
            return connection

        self._server = await asyncio.get_running_loop().create_server(connect, sock=listener)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening and break every open connection. May be called more than once."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
