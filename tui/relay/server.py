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

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HOST: Final = "127.0.0.1"
MAX_HEADER_BYTES: Final = 64 * 1024

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


class LoopbackServer:
    """Serves `app` while its `async with` block runs. Port 0 takes any free port.

    Entering raises OSError when the port is taken. Leaving breaks open connections.
    """

    def __init__(self, app: ASGIApp, *, port: int = 0) -> None:
        self.app = app
        self.port = port
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

        def connect() -> H11Protocol:
            state: dict[str, Reset] = {}
            connection = H11Protocol(config, self._state, state)
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
