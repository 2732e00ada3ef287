"""What a server on loopback has for browsers: a page, the endpoint that it reads, who may call it.

Nothing on the page comes from anywhere else, and its text never becomes markup: the policy that it
is sent with has the browser see to it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiohttp import web

from tui.messages.request import DEFAULT_MODEL
from tui.scenarios import header, names
from tui.serving.chat import CHAT_PATH, STREAM_PATH, Chat
from tui.serving.demos import WithDemos
from tui.serving.guard import Refusal, Refused, refusal
from tui.serving.own_server import OwnServer
from tui.serving.page_files import page_file, page_headers
from tui.serving.server import RequestHandler

DEMOS_PATH: Final = "/api/demos"

_FOLDER: Final = Path(__file__).parent / "page"
_PAGE_HEADERS: Final = page_headers(
    "script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
NO_TOKEN: Final = Refusal(
    403, "permission_error", "token: add the token of the address that was printed at the start"
)
WRONG_TOKEN: Final = Refusal(
    403, "permission_error", "token: not that of this server; each start makes a new one"
)


def new_token() -> str:
    """A token that nobody guesses, for one start of a server."""
    return secrets.token_urlsafe(24)


class Site:
    """The `pages` of a server: a page at `/`, and `chat` for it and for local programs.

    A question with another token than `token` is refused; one without is too, unless the endpoint
    is `open_to_all` on this machine: one that spends nothing. `note` says on the page what asking
    means here.
    """

    def __init__(
        self, chat: Chat, *, token: str, open_to_all: bool = False, note: str = ""
    ) -> None:
        self.chat = chat
        self.token = token
        self.open_to_all = open_to_all
        self.note = note
        self._asking: dict[str, tuple[str, RequestHandler]] = {
            CHAT_PATH: ("POST", chat.post),
            STREAM_PATH: ("GET", chat.get),
        }
        self._showing: dict[str, RequestHandler] = {
            "/": page_file(_FOLDER / "index.html", _PAGE_HEADERS),
            "/page.css": page_file(_FOLDER / "page.css", _PAGE_HEADERS),
            "/page.js": page_file(_FOLDER / "page.js", _PAGE_HEADERS),
            DEMOS_PATH: self._demos,
        }

    def address(self, url: str) -> str:
        """Where the page is, on a server at `url`, with the token that it needs."""
        return f"{url}/" if self.open_to_all else f"{url}/?token={self.token}"

    def has(self, path: str) -> bool:
        """Whether this path is one of the site's."""
        return path in self._asking or path in self._showing

    def refusal(self, request: web.BaseRequest, port: int) -> Refusal | None:
        """What is wrong with a request for such a path, None if it may go on."""
        if refused := refusal(request, port, own_page=True):
            return refused
        return self._token_refusal(request) if request.path in self._asking else None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer it. Raises Refused."""
        if request.path in self._asking:
            method, handler = self._asking[request.path]
        else:
            method, handler = "GET", self._showing[request.path]
        if request.method != method:
            raise Refused(Refusal(405, "invalid_request_error", f"only {method} is answered here"))
        return await handler(request)

    async def open(self, url: str) -> None:
        """Get ready, now that the server listens on `url`."""
        await self.chat.open(url)

    async def aclose(self) -> None:
        """Cancel every answer."""
        await self.chat.aclose()

    async def _demos(self, _: web.BaseRequest) -> web.StreamResponse:
        """`GET /api/demos`: what the page offers."""
        known = [(name, header(name)) for name in names()]
        demos = [
            {"name": name, "title": about.title, "prompt": about.prompt} for name, about in known
        ]
        content = {"model": DEFAULT_MODEL, "note": self.note, "demos": demos}
        return web.json_response(content, headers=_PAGE_HEADERS)

    def _token_refusal(self, request: web.BaseRequest) -> Refusal | None:
        given = request.query.getall("token", [])
        if not given:
            return None if self.open_to_all else NO_TOKEN
        return None if len(given) == 1 and same_token(given[0], self.token) else WRONG_TOKEN


def site_with_key(headers: Mapping[str, str]) -> Site:
    """The pages of a server whose API is a real one, asked with `headers`, which hold a key.

    Only who has the token of this start can spend anything with it; demos are played here.
    """
    chat = Chat(WithDemos(OwnServer(headers)))
    note = "Questions go to the API with your key; demos spend nothing."
    return Site(chat, token=new_token(), note=note)


def same_token(given: str, token: str) -> bool:
    """Whether they are the same, without telling by the time how much of them is."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
