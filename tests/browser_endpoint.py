"""A server whose API does as a test says, with the endpoint for browsers in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp import web

from tests.limits import HANG_S
from tui.core.sse import Decoder, FrameKind
from tui.mock.api import MAX_BODY_BYTES
from tui.serving.bodies import Bodies
from tui.serving.chat import Chat, ChatLimits
from tui.serving.own_server import OwnServer
from tui.serving.server import LoopbackServer
from tui.serving.site import Site
from tui.serving.streams import Stream

TOKEN: Final = "the-token"
SSE: Final = {"content-type": "text/event-stream; charset=utf-8"}
ASK: Final = {"prompt": "Hello"}


def event(kind: str, **fields: Any) -> bytes:  # noqa: ANN401
    """An event as the API sends it."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def words(text: str) -> bytes:
    """A delta with this text."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


STOP: Final = event("message_stop")


class Told(NamedTuple):
    """An event as an EventSource would have it."""

    id: str
    name: str
    data: str


def told(body: bytes) -> list[Told]:
    """The events in a body, with their ids."""
    frames = [frame for frame in Decoder().feed(body) if frame.kind is FrameKind.EVENT]
    cut = [body[frame.offset : frame.offset + frame.length] for frame in frames]
    ids = [block.partition(b"id: ")[2].partition(b"\n")[0].decode() for block in cut]
    return [
        Told(an_id, frame.name.decode(), frame.data.decode())
        for an_id, frame in zip(ids, frames, strict=True)
    ]


class Api:
    """Answers `/v1/messages` with `script`; knows who asked, and which answers were cancelled."""

    def __init__(self, script: Callable[[Stream], Awaitable[None]] | None = None) -> None:
        self.script = script or self.hello
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.respond: Callable[[], web.Response] | None = None
        self.cancelled = 0
        self.running = 0
        self.changed = asyncio.Condition()

    async def hello(self, stream: Stream) -> None:
        """Two words and the end."""
        await stream.send([words("Hel"), words("lo"), STOP])

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request."""
        self.bodies.append(json.loads(await Bodies().read(request, MAX_BODY_BYTES)))
        self.headers.append(request.headers)
        await self._count(1)
        try:
            if self.respond is not None:
                return self.respond()
            stream = Stream(request, SSE)
            await self.script(stream)
            return await stream.end()
        except (asyncio.CancelledError, ConnectionResetError):
            # Who writes may see that nobody reads before it is cancelled for that.
            self.cancelled += 1
            raise
        finally:
            await self._count(-1)

    async def _count(self, step: int) -> None:
        self.running += step
        async with self.changed:
            self.changed.notify_all()

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait for what a request changes."""
        async with asyncio.timeout(HANG_S), self.changed:
            await self.changed.wait_for(ready)


class Browser(NamedTuple):
    """A client of the server, with the token."""

    server: LoopbackServer
    client: aiohttp.ClientSession
    api: Api

    def post(
        self, body: object = ASK, query: str = "", **headers: str
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """`POST /api/chat`"""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(
            f"/api/chat?token={TOKEN}{query}", data=io.BytesIO(data), headers=dashed(headers)
        )

    async def posted(self) -> aiohttp.ClientResponse:
        """The response of a POST, for the caller to close."""
        return await self.post().__aenter__()

    def get(
        self, query: str = "&prompt=Hello", last: str = "", **headers: str
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """`GET /stream`, with the id of the last event that was seen."""
        fields = dashed(headers) | ({"last-event-id": last} if last else {})
        return self.client.get(f"/stream?token={TOKEN}{query}", headers=fields)


def dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextlib.asynccontextmanager
async def browser(api: Api, **limits: Any) -> AsyncIterator[Browser]:  # noqa: ANN401
    """A server with such an API, and a client of it."""
    chat = Chat(OwnServer({"x-api-key": "the-key"}), ChatLimits(**{"refusal_s": HANG_S, **limits}))
    site = Site(chat, token=TOKEN)
    timeout = aiohttp.ClientTimeout(total=HANG_S)
    async with LoopbackServer(api, pages=site) as server:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(
            server.url, connector=connector, timeout=timeout
        ) as client:
            yield Browser(server, client, api)


async def first_events(response: aiohttp.ClientResponse, count: int) -> list[Told]:
    """The first events of a response, when they have come."""
    body = b""
    while len(told(body)) < count:
        chunk = await response.content.readany()
        assert chunk, body
        body += chunk
    return told(body)
