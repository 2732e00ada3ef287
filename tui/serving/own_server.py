"""The API as the endpoint for browsers asks it.

It asks the server that it is part of, as any other client would: what a page asks for is checked,
counted, recorded and shown like the rest.
"""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, NamedTuple, Protocol

import aiohttp

from tui.core.records import JsonObject

_CONNECT_S: Final = 10.0


class ApiFailed(Exception):
    """The API could not be asked, or its answer broke off; says what happened."""


class ApiAnswer(NamedTuple):
    """A response whose head has come."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    """The body, as it comes. Raises ApiFailed where it breaks off."""


class MessagesApi(Protocol):
    """Whatever answers requests to the Messages API."""

    def ask(self, body: JsonObject) -> AbstractAsyncContextManager[ApiAnswer]:
        """Send a request; leaving the context ends it at once. Raises ApiFailed."""
        ...

    async def open(self, url: str) -> None:
        """Get ready, now that the server listens on `url`."""
        ...

    async def aclose(self) -> None:
        """End what is open."""
        ...


class OwnServer:
    """Asks `/v1/messages` of the server itself, with `headers`, which hold a key.

    A client that goes away is how that server knows that an answer is not wanted any more.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = {**headers, "accept-encoding": "identity"}
        self._client: aiohttp.ClientSession | None = None

    async def open(self, url: str) -> None:
        """Get ready to ask the server on `url`."""
        self._client = aiohttp.ClientSession(
            url,
            # A connection each: none is left behind, and closing it cancels one answer.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            auto_decompress=False,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    @asynccontextmanager
    async def ask(self, body: JsonObject) -> AsyncIterator[ApiAnswer]:
        """Send a request. Raises ApiFailed."""
        if self._client is None:
            raise ApiFailed("The server is not running")
        data = io.BytesIO(json.dumps(body, separators=(",", ":")).encode())
        headers = {**self.headers, "content-type": "application/json"}
        try:
            response = await self._client.post(
                "/v1/messages", data=data, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, OSError) as error:
            raise ApiFailed("The connection broke before the API answered") from error
        try:
            yield ApiAnswer(response.status, response.headers, _chunks(response))
        finally:
            response.close()


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, OSError) as error:
        raise ApiFailed("The connection to the API broke in the middle") from error
