"""A Textual program on a web page: a process for each page that is open, over a WebSocket.

The page has xterm.js out of the textual-serve package; nothing of it comes from anywhere else.
Messages from the page are JSON lists: a name, and what goes with it. The program's screen goes to
the page as it is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from aiohttp import HttpVersion11, WSMsgType, web

from tui.core.records import strict_loads
from tui.serving.driver_session import DriverSession
from tui.serving.guard import Refusal, Refused, bad_request, refusal
from tui.serving.page_files import page_file, page_headers
from tui.serving.server import RequestHandler
from tui.serving.site import NO_TOKEN, WRONG_TOKEN, same_token

SESSION_PATH: Final = "/session/"
"""What comes after it is the token: the page's script adds a query of its own."""

_FOLDER: Final = Path(__file__).parent / "terminal_page"
_LARGEST_MESSAGE: Final = 1024 * 1024
_MOST_WAITING: Final = 32 * 1024 * 1024
_HEARTBEAT_S: Final = 15.0
_GOODBYE_S: Final = 1.0
_LARGEST_SIDE: Final = 1_000
_DEFAULT_SIZE: Final = (80, 24)
_TOO_MANY: Final = Refusal(529, "overloaded_error", "Too many pages are open: close one")
_ENDS: Final = b"\x1b[?1003l\x1b[?1000l\x1b[?2004l\x1b[?1049l"
"""What puts a terminal back, but for its cursor."""


@dataclass(frozen=True, slots=True)
class Program:
    """What runs for each page, and how many of it run at once."""

    command: Sequence[str]
    environment: Mapping[str, str]
    most_sessions: int = 8
    grace_s: float = 3.0
    """How long it has to end by itself when its page is closed."""


class TerminalPages:
    """The `pages` of a server: a terminal at `/`, whose program runs while the page is open."""

    def __init__(self, program: Program, *, token: str) -> None:
        self.program = program
        self.token = token
        self.sessions = 0
        package = find_spec("textual_serve")
        assert package is not None and package.origin is not None
        self._assets = Path(package.origin).parent / "static"
        self._files: dict[str, RequestHandler] = {}

    def address(self, url: str) -> str:
        """Where the page is, on a server at `url`."""
        return f"{url}/?token={self.token}"

    def has(self, path: str) -> bool:
        """Whether this path is one of them: there are no others."""
        return True

    def refusal(self, request: web.BaseRequest, port: int) -> Refusal | None:
        """What is wrong with a request, None if it may go on."""
        session = request.path.startswith(SESSION_PATH)
        if refused := refusal(request, port, own_page=True, websocket=session):
            return refused
        if session:
            given = request.path.removeprefix(SESSION_PATH)
            return None if same_token(given, self.token) else WRONG_TOKEN
        if request.path == "/":
            # The page itself has no token in it, but what it would start needs one.
            given = request.query.get("token", "")
            if not same_token(given, self.token):
                return WRONG_TOKEN if given else NO_TOKEN
        return None

    async def open(self, url: str) -> None:
        """Get ready, now that the server listens on `url`."""
        headers = page_headers(
            "script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
            f"img-src data:; connect-src {url.replace('http', 'ws', 1)} "
            f"{url.replace('http://127.0.0.1', 'ws://localhost', 1)}; "
            # Without windows of its own: text that looks like a link leads nowhere.
            "sandbox allow-scripts allow-same-origin"
        )
        self._files = {
            "/": page_file(_FOLDER / "index.html", headers),
            "/terminal.css": page_file(_FOLDER / "terminal.css", headers),
            "/terminal.js": page_file(_FOLDER / "terminal.js", headers),
            "/xterm.css": page_file(self._assets / "css" / "xterm.css", headers),
            "/textual.js": page_file(self._assets / "js" / "textual.js", headers),
            "/mono.ttf": page_file(
                self._assets / "fonts" / "RobotoMono-VariableFont_wght.ttf", headers
            ),
        }

    async def aclose(self) -> None:
        """Nothing is left: each session ends with its request."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request. Raises Refused."""
        session = request.path.startswith(SESSION_PATH)
        handler = self._session if session else self._files.get(request.path)
        if handler is None:
            raise Refused(Refusal(404, "not_found_error", "Not Found"))
        if request.method != "GET":
            raise Refused(Refusal(405, "invalid_request_error", "only GET is answered here"))
        return await handler(request)

    async def _session(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.sessions >= self.program.most_sessions:
            raise Refused(_TOO_MANY)
        socket = web.WebSocketResponse(
            timeout=_GOODBYE_S,
            heartbeat=_HEARTBEAT_S,
            max_msg_size=_LARGEST_MESSAGE,
            compress=False,
        )
        if not _opens(socket, request):
            raise Refused(bad_request("this is no proper request for a WebSocket"))
        self.sessions += 1
        try:
            await socket.prepare(request)
            program = self.program
            async with DriverSession(
                program.command, program.environment, size=_size(request), grace_s=program.grace_s
            ) as session:
                await _both_ways(socket, session)
            await socket.close()
            return socket
        finally:
            self.sessions -= 1


def _opens(socket: web.WebSocketResponse, request: web.BaseRequest) -> bool:
    """Whether a request opens a socket: as a browser asks, and with nothing more to read."""
    if request.version < HttpVersion11 or request.body_exists:
        return False
    if "sec-websocket-protocol" in request.headers:  # There is none; aiohttp would log it.
        return False
    try:
        return bool(socket.can_prepare(request))
    except ValueError:  # A key outside ASCII.
        return False


async def _both_ways(socket: web.WebSocketResponse, session: DriverSession) -> None:
    """Carry keys and drawing until either side ends."""
    ways = [
        asyncio.create_task(_keys(socket, session)),
        asyncio.create_task(_drawing(socket, session)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _drawing(socket: web.WebSocketResponse, session: DriverSession) -> None:
    """Send what is drawn. The program never waits for the page; one that is far behind is left."""
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
    size = 0

    async def send() -> None:
        nonlocal size
        while (data := await waiting.get()) is not None:
            size -= len(data)
            await socket.send_bytes(data)

    sending = asyncio.create_task(send())
    try:
        async for data in session.drawn():
            size += len(data)
            if size > _MOST_WAITING or sending.done():
                return
            waiting.put_nowait(data)
        waiting.put_nowait(_ENDS)
        waiting.put_nowait(None)
        await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _keys(socket: web.WebSocketResponse, session: DriverSession) -> None:
    """Take what the page sends. What is no message of it ends the session."""
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            return
        try:
            told: Any = strict_loads(message.data)
            kind = told[0]
            what: Any = told[1] if len(told) > 1 else None
            if kind == "stdin":
                await session.type("" + what)
            elif kind == "resize":
                width, height = _side(what["width"]), _side(what["height"])
                await session.tell(type="resize", width=width, height=height)
            elif kind in ("focus", "blur"):
                await session.tell(type=kind)
            elif kind == "ping":
                await socket.send_str(json.dumps(["pong", str(what)[:100]]))
        except (ValueError, TypeError, LookupError):
            return


def _size(request: web.BaseRequest) -> tuple[int, int]:
    """The size that the page's script puts into the query."""
    try:
        return _side(int(request.query["width"])), _side(int(request.query["height"]))
    except (ValueError, KeyError):
        return _DEFAULT_SIZE


def _side(cells: object) -> int:
    if type(cells) is not int or not 1 <= cells <= _LARGEST_SIDE:
        raise ValueError("no size of a terminal")
    return cells
