"""Reading the bodies of requests, in bounded time and memory however many come at once."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from tui.serving.guard import Refusal, Refused, bad_request

TIMEOUT_S: Final = 60.0
MOST_BYTES: Final = 256 * 1024 * 1024

_TOO_LARGE: Final = Refusal(413, "request_too_large", "Request exceeds the maximum size")
_TOO_SLOW: Final = Refusal(408, "timeout_error", "The body of the request did not come in time")
_TOO_MANY: Final = Refusal(529, "overloaded_error", "Too many large requests at once")


class Bodies:
    """Reads bodies whole: each within `timeout_s`, and all together no more than `most_bytes`."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S, most_bytes: int = MOST_BYTES) -> None:
        self.timeout_s = timeout_s
        self.most_bytes = most_bytes
        self._held = 0

    async def read(self, request: web.BaseRequest, limit: int) -> bytes:
        """The body of a request, of up to `limit` bytes. Raises Refused."""
        if encoding := request.headers.get("content-encoding", "identity").strip().lower():
            if encoding != "identity":
                # What a few bytes unpack to could be of any size.
                raise Refused(bad_request("Content-Encoding: send the body as it is, not packed"))
        if (request.content_length or 0) > limit:
            raise Refused(_TOO_LARGE)
        if request.headers.get("expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.timeout_s):
                async for part in request.content.iter_any():
                    size += len(part)
                    self._held += len(part)
                    if size > limit:
                        raise Refused(_TOO_LARGE)
                    if self._held > self.most_bytes:
                        raise Refused(_TOO_MANY)
                    parts.append(part)
        except TimeoutError:
            raise Refused(_TOO_SLOW) from None
        except web.RequestPayloadError:
            raise Refused(bad_request("The body of the request is not as its head says")) from None
        finally:
            self._held -= size
        return b"".join(parts)
