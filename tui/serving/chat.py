"""The endpoint that web applications have for streaming: `POST /api/chat` and `GET /stream`.

Both answer with server-sent events: every event of the API as it comes, then `data: [DONE]`. The
reader of a POST is the only one, and an answer that it leaves is cancelled at once. That of a GET
is an EventSource, which comes back by itself with the id of the last event that it has seen: it
goes on there, and its answer is asked for only once.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from weakref import WeakSet

from aiohttp import web

from tui.core.records import JsonObject, strict_loads
from tui.messages.request import build_request
from tui.serving.bodies import Bodies
from tui.serving.chat_run import DONE_ID, ChatEvent, ChatRun
from tui.serving.guard import Refusal, Refused, bad_request
from tui.serving.own_server import MessagesApi
from tui.serving.streams import WRITE_BYTES, Stream

CHAT_PATH: Final = "/api/chat"
STREAM_PATH: Final = "/stream"

_HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    # nginx in front of it would hold events back.
    "x-accel-buffering": "no",
}
_COMMENT: Final = b": the answer goes on\n\n"
_DONE: Final = b"id: %b\ndata: [DONE]\n\n"
_TOO_MANY: Final = Refusal(529, "overloaded_error", "Too many answers at once: try again later")
_GONE: Final = Refusal(404, "not_found_error", "Last-Event-ID: this answer is not kept any more")


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """Sizes in bytes, times in seconds."""

    body: int = 4 * 1024 * 1024
    answer: int = 64 * 1024 * 1024
    kept: int = 256 * 1024 * 1024
    """All answers together."""
    most_running: int = 200
    most_kept: int = 64
    """Answers that have ended, for those who come back for them."""
    silence_s: float = 15.0
    """After how much of it a comment is sent."""
    left_s: float = 10.0
    """How long an EventSource may stay away before its answer is cancelled."""
    refusal_s: float = 1.0
    """How long an EventSource waits for a refusal's status, instead of its event."""
    unread_s: float = 60.0
    """How long a reader may not read."""
    retry_s: float = 1.0
    """After how long an EventSource comes back; without being told, some wait for five seconds."""


class Chat:
    """Answers both requests from `api`."""

    def __init__(self, api: MessagesApi, limits: ChatLimits | None = None) -> None:
        self.api = api
        self.limits = limits or ChatLimits()
        self.bodies = Bodies()
        self._running: set[ChatRun] = set()
        self._held: WeakSet[ChatRun] = WeakSet()
        """All whose events are in memory: also those that have ended, while they are read."""
        self._kept: OrderedDict[str, ChatRun] = OrderedDict()
        """By id, the newest last: those that an EventSource reads or may come back for."""

    async def open(self, url: str) -> None:
        """Get ready, now that the server listens on `url`."""
        await self.api.open(url)

    async def aclose(self) -> None:
        """Cancel every answer."""
        tasks = [run.task for run in self._running]
        for run in self._running:
            run.cancel("The server was stopped")
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.api.aclose()

    async def post(self, request: web.BaseRequest) -> web.StreamResponse:
        """`POST /api/chat`: a question in the body. Raises Refused."""
        as_text = _as_text(request)
        run = self._begun(_asked(await self.bodies.read(request, self.limits.body)))
        try:
            await run.answered(self.limits.silence_s)
            return await self._answer(request, run, 0, as_text, _COMMENT)
        finally:
            run.cancel("The reader left")
            self._forget(run)

    async def get(self, request: web.BaseRequest) -> web.StreamResponse:
        """`GET /stream`: a question in the query, or an answer that is taken up again."""
        as_text = _as_text(request)
        seen = 0
        if last := request.headers.get("last-event-id", ""):
            run, seen = self._known(last)
            if seen > len(run.events):
                return web.Response(status=204)
        else:
            run = self._begun(_asked_in_query(request))
            self._kept[run.id] = run
        run.join()
        # An id at once: a connection may break before the first event.
        start = f"id: {run.event_id(seen)}\nretry: {self.limits.retry_s * 1000:.0f}\n\n".encode()
        try:
            await run.answered(self.limits.refusal_s)
            return await self._answer(request, run, seen, as_text, start)
        finally:
            run.leave(self.limits.left_s)

    def _begun(self, body: JsonObject) -> ChatRun:
        if len(self._running) >= self.limits.most_running or not self._make_room():
            raise Refused(_TOO_MANY)
        run = ChatRun(self.api, body, most_bytes=self.limits.answer, room=self._make_room)
        self._running.add(run)
        self._held.add(run)
        run.task.add_done_callback(lambda _: self._running.discard(run))
        return run

    def _make_room(self) -> bool:
        """Forget old answers that nobody reads, as far as needed; tell whether that was enough."""
        size = sum(run.size for run in self._held)
        over = len(self._kept) - self.limits.most_kept
        for run in [run for run in self._kept.values() if run.ended and not run.readers]:
            if size < self.limits.kept and over < 0:
                break
            self._forget(run)
            size -= run.size
            over -= 1
        return size < self.limits.kept

    def _forget(self, run: ChatRun) -> None:
        """Let go of its events, even where an error that was raised refers to it for a while."""
        self._kept.pop(run.id, None)
        self._held.discard(run)
        run.events.clear()

    def _known(self, last: str) -> tuple[ChatRun, int]:
        """The answer that an id belongs to, and how many events its reader has. Raises Refused.

        More than there are when it has `[DONE]` as well.
        """
        run_id, _, number = last.partition(":")
        run = self._kept.get(run_id)
        if run is None:
            raise Refused(_GONE)
        if number == DONE_ID and run.ended:
            return run, len(run.events) + 1
        # As digits in ASCII: an int could be of any size, and of any script.
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            raise Refused(bad_request("Last-Event-ID: no id of an event"))
        if int(number) > len(run.events):
            raise Refused(bad_request("Last-Event-ID: there is no such event yet"))
        return run, int(number)

    async def _answer(
        self, request: web.BaseRequest, run: ChatRun, seen: int, as_text: bool, start: bytes
    ) -> web.StreamResponse:
        """Tell the answer after the event number `seen`, with `start` before it."""
        if (refused := run.refused()) is not None:
            self._forget(run)
            return refused
        stream = Stream(request, _HEADERS)
        form = ChatEvent.as_text if as_text else ChatEvent.encoded
        # The head goes out by now, also where there is nothing yet.
        await self._send(request, stream, [start])
        while not (run.ended and seen >= len(run.events)):
            if not await run.more(seen, self.limits.silence_s):
                await self._send(request, stream, [_COMMENT])
            pieces: list[bytes] = []
            size = 0
            while seen < len(run.events) and size < WRITE_BYTES:
                seen += 1
                pieces.append(form(run.events[seen - 1], run.event_id(seen)))
                size += len(pieces[-1])
            await self._send(request, stream, pieces)
        if (failure := run.failure()) is not None:  # It came after the first comment.
            await self._send(request, stream, [failure.encoded(run.event_id(seen + 1))])
        await self._send(request, stream, [_DONE % run.event_id(seen + 1).encode()])
        return await stream.end()

    async def _send(self, request: web.BaseRequest, stream: Stream, pieces: list[bytes]) -> None:
        try:
            async with asyncio.timeout(self.limits.unread_s):
                await stream.send(pieces)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the client does not read") from None


def _as_text(request: web.BaseRequest) -> bool:
    form = request.query.get("format", "events")
    if form not in ("events", "text"):
        raise Refused(bad_request("format: events or text"))
    return form == "text"


def _asked_in_query(request: web.BaseRequest) -> JsonObject:
    query = request.query
    given = {name: query[name] for name in ("prompt", "model", "system") if name in query}
    return _request(given)


def _asked(raw: bytes) -> JsonObject:
    """The request that a body asks for. Raises Refused."""
    try:
        given = strict_loads(raw.decode())
        json.dumps(given, allow_nan=False)  # 1e999 is infinite here, and would be no JSON then.
    except ValueError as error:
        raise Refused(bad_request(f"The body is not valid JSON: {error}")) from None
    if not isinstance(given, dict):
        raise Refused(bad_request("The body has to be a JSON object"))
    return _request(given)


def _request(given: JsonObject) -> JsonObject:
    """The request to the API: what was given, with `prompt` as its only message."""
    base = dict(given)
    prompt = base.pop("prompt", None)
    if prompt is not None and "messages" in base:
        raise Refused(bad_request("prompt and messages: only one of them"))
    if prompt is None and "messages" not in base:
        raise Refused(bad_request("prompt: a text is needed, or messages"))
    if prompt is None and not (isinstance(base["messages"], list) and base["messages"]):
        raise Refused(bad_request("messages: a list of turns is needed"))
    if prompt is not None and not (isinstance(prompt, str) and prompt.strip()):
        raise Refused(bad_request("prompt: a text is needed"))
    return {**build_request(prompt, base=base), "stream": True}
