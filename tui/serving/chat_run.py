"""One answer that browsers read: asked for once, kept as a log, read by whoever comes back for it.

The log begins with the first event and ends with `[DONE]`. Each reader has a place of its own in
it, so nothing is asked twice, and a slow one holds nobody up.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from aiohttp import web

from tui.core.delta_text import delta_text
from tui.core.records import JsonObject, from_frame
from tui.core.sse import Decoder, Frame, FrameKind
from tui.serving.guard import Refusal, error_body
from tui.serving.own_server import ApiAnswer, ApiFailed, MessagesApi

DONE_ID: Final = "done"
"""What stands for the number of the event in the id of `[DONE]`."""

_STEP_BYTES: Final = 64 * 1024
"""After how much more of an answer it is asked whether there is room for it."""
_MOST_ERROR_BYTES: Final = 64 * 1024
_PASSED_ON: Final = ("retry-after", "request-id", "x-should-retry")


class ChatEvent(NamedTuple):
    """An event of the API."""

    name: bytes
    """Its `event` field, empty when absent."""
    data: bytes
    """Its data lines, joined with LF."""
    text: str
    """What it adds to the text of the answer."""
    is_error: bool = False

    def encoded(self, event_id: str) -> bytes:
        """The event as it goes to a browser."""
        name = b"event: %b\n" % self.name if self.name else b""
        data = b"\ndata: ".join(self.data.split(b"\n"))
        return b"id: %b\n%bdata: %b\n\n" % (event_id.encode(), name, data)

    def as_text(self, event_id: str) -> bytes:
        """The same where only text is wanted: nothing for an event that adds none."""
        if self.is_error:
            return self.encoded(event_id)
        if not self.text:
            return b""
        data = json.dumps({"text": self.text})
        return f"id: {event_id}\ndata: {data}\n\n".encode()


class ChatRun:
    """A request that is being answered, and all events of its answer so far.

    They are `most_bytes` at most, and no more than there is `room` for, which it asks as it grows.
    """

    def __init__(
        self,
        api: MessagesApi,
        body: JsonObject,
        *,
        most_bytes: int,
        room: Callable[[], bool] = lambda: True,
    ) -> None:
        self.id = secrets.token_hex(8)
        self.events: list[ChatEvent] = []
        self.size = 0
        self.begun = False
        """Whether the API has answered that it will answer."""
        self.ended = False
        self.readers = 0
        self._api = api
        self._body = body
        self._most_bytes = most_bytes
        self._room = room
        self._refusal: tuple[int, dict[str, str], bytes] | None = None
        self._complete = False
        self._why = ""
        self._patience: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._read())

    def event_id(self, number: int) -> str:
        """The id of the event with this number, from 1 on; of `[DONE]` after the last one."""
        return f"{self.id}:{number if number <= len(self.events) else DONE_ID}"

    def cancel(self, why: str) -> None:
        """Stop asking; `why` becomes the error at the end of the log. Does nothing at its end."""
        if not self.ended and not self._why:
            self._why = why
            self.task.cancel()

    def join(self) -> None:
        """One reader more."""
        self.readers += 1
        if self._patience is not None:
            self._patience.cancel()

    def leave(self, patience_s: float) -> None:
        """One reader less; nobody left for `patience_s` cancels the answer."""
        self.readers -= 1
        if not self.readers and not self.ended:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(patience_s, self.cancel, "Nobody came back for it")

    async def answered(self, seconds: float) -> bool:
        """Wait for the first word of the API, whatever it is; False if none comes in time."""
        return await self._until(lambda: self.begun or self.ended, seconds)

    async def more(self, seen: int, seconds: float) -> bool:
        """Wait for more than `seen` events, or for the end; False if nothing comes in time."""
        return await self._until(lambda: self.ended or len(self.events) > seen, seconds)

    def refused(self) -> web.Response | None:
        """The response of a request that the API did not take."""
        if self._refusal is None:
            return None
        status, headers, body = self._refusal
        return web.Response(
            status=status, headers=headers, body=body, content_type="application/json"
        )

    def failure(self) -> ChatEvent | None:
        """The same as an event."""
        return self._refusal and ChatEvent(b"error", self._refusal[2], "", is_error=True)

    async def _until(self, ready: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _read(self) -> None:
        """Ask, and keep what comes until the end. Whatever happens, the log has an end."""
        try:
            async with self._api.ask(self._body) as answer:
                self._refusal = await _refusal(answer)
                if self._refusal is None:
                    self.begun = True
                    self._tell()
                    await self._keep(answer.chunks)
        except asyncio.CancelledError:
            self._fail(self._why or "The server was stopped")
        except ApiFailed as failure:
            self._fail(str(failure))
        except Exception:
            self._fail("Internal server error")
        finally:
            self.ended = True
            self._tell()

    async def _keep(self, chunks: AsyncIterator[bytes]) -> None:
        decoder = Decoder()
        ask_at = _STEP_BYTES
        async for chunk in chunks:
            self._take(decoder.feed(chunk))
            if self.size > self._most_bytes:
                raise ApiFailed("The answer is larger than what is kept of one")
            if self.size >= ask_at:
                ask_at = self.size + _STEP_BYTES
                if not self._room():
                    raise ApiFailed("Too many large answers at once: try again later")
        self._take(decoder.close())
        if not self._complete:
            raise ApiFailed("The answer ended before it was complete")

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            record = from_frame(frame, len(self.events), 0)
            if record.kind is not FrameKind.EVENT:
                continue
            self._complete |= record.type in ("message_stop", "error")
            field, text = delta_text(record) or ("", "")
            said = text if field == "text" else ""
            self.events.append(ChatEvent(frame.name, frame.data, said, record.type == "error"))
            self.size += len(frame.data)
        self._tell()

    def _fail(self, message: str) -> None:
        if self._complete or self._refusal is not None:
            return
        failure = Refusal(502, "api_error", message)
        if self.begun:
            self.events.append(ChatEvent(b"error", error_body(failure), "", is_error=True))
        else:
            self._refusal = (failure.status, {}, error_body(failure))


async def _refusal(answer: ApiAnswer) -> tuple[int, dict[str, str], bytes] | None:
    """Status, headers and body of what is no stream; None for a stream."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status == 200 and kind == "text/event-stream":
        return None
    if not 400 <= answer.status < 600:
        odd = Refusal(502, "api_error", f"The API answered with status {answer.status}, {kind}")
        return 502, {}, error_body(odd)
    body = b""
    async for chunk in answer.chunks:
        body += chunk
        if len(body) > _MOST_ERROR_BYTES:
            break
    headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    if kind != "application/json" or len(body) > _MOST_ERROR_BYTES:
        message = f"The API answered with status {answer.status}"
        body = error_body(Refusal(answer.status, "api_error", message))
    return answer.status, headers, body
