"""The yardstick of the mock: a bare Starlette app, served by uvicorn, that yields the same events.

`python -m tests.bench.starlette_server` serves it on loopback, and says on which port.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tui.scenarios import load

_MOST_CONNECTIONS = 512


async def _messages(request: Request) -> Response:
    """The least that an app can do: read the request, yield each chunk."""
    name = json.loads(await request.body())["model"].partition(":")[2]

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in load(name).chunks:
            yield chunk.data

    return StreamingResponse(chunks(), media_type="text/event-stream")


async def _used(request: Request) -> Response:
    """The processor time until now, in seconds."""
    return PlainTextResponse(str(time.process_time()))


def main() -> None:
    """Serve until killed."""
    app = Starlette(
        routes=[
            Route("/v1/messages", _messages, methods=["POST"]),
            Route("/used", _used, methods=["GET"]),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=_MOST_CONNECTIONS)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", access_log=False, backlog=_MOST_CONNECTIONS)
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
