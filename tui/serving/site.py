"""What a server on loopback has for browsers: the endpoint for streaming, and who may call it."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from aiohttp import web

from tui.serving.chat import CHAT_PATH, STREAM_PATH, Chat
from tui.serving.guard import Refusal, Refused, refusal
from tui.serving.server import RequestHandler

_NO_TOKEN: Final = Refusal(
    403, "permission_error", "token: add the token of the address that was printed at the start"
)
_WRONG_TOKEN: Final = Refusal(
    403, "permission_error", "token: not that of this server; each start makes a new one"
)


def new_token() -> str:
    """A token that nobody guesses, for one start of a server."""
    return secrets.token_urlsafe(24)


class Site:
    """The `pages` of a server: `chat`, for pages of this server and for local programs.

    What asks in a query for another `token` than this one is refused; what brings none is too,
    unless it is `open_to_all` on this machine: an endpoint that spends nothing.
    """

    def __init__(self, chat: Chat, *, token: str, open_to_all: bool = False) -> None:
        self.chat = chat
        self.token = token
        self.open_to_all = open_to_all
        self._asking: dict[str, tuple[str, RequestHandler]] = {
            CHAT_PATH: ("POST", chat.post),
            STREAM_PATH: ("GET", chat.get),
        }

    def has(self, path: str) -> bool:
        """Whether this path is one of the site's."""
        return path in self._asking

    def refusal(self, request: web.BaseRequest, port: int) -> Refusal | None:
        """What is wrong with a request for such a path, None if it may go on."""
        if refused := refusal(request, port, own_page=True):
            return refused
        return self._token_refusal(request)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer it. Raises Refused."""
        method, handler = self._asking[request.path]
        if request.method != method:
            raise Refused(Refusal(405, "invalid_request_error", f"only {method} is answered here"))
        return await handler(request)

    async def open(self, url: str) -> None:
        """Get ready, now that the server listens on `url`."""
        await self.chat.open(url)

    async def aclose(self) -> None:
        """Cancel every answer."""
        await self.chat.aclose()

    def _token_refusal(self, request: web.BaseRequest) -> Refusal | None:
        given = request.query.getall("token", [])
        if not given:
            return None if self.open_to_all else _NO_TOKEN
        right = len(given) == 1 and hmac.compare_digest(
            given[0].encode("utf-8", "replace"), self.token.encode()
        )
        return None if right else _WRONG_TOKEN
