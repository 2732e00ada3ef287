"""Forwards requests to the upstream and responses back: every byte as it came, as soon as it comes.

An abnormal end is passed on as one. A client that goes away ends its request: aiohttp cancels the
handler, and with it goes the connection to the upstream.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Final, NoReturn

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from tui.core.state import End
from tui.relay.arrivals import Arrivals
from tui.relay.endpoints import forwarded, is_recorded, label
from tui.relay.headers import end_to_end, head_bytes, upstream_headers
from tui.relay.tape import ExchangeTape, Tape
from tui.relay.upstream import Upstream, never_connected, unreachable
from tui.serving.guard import Refused, bad_request
from tui.serving.raw_response import Framing, RawResponse

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})
_MOST_LABELS: Final = 100
_NO_ANSWER: Final = "the upstream closed the connection without an answer"
_NO_HTTP: Final = "the answer of the upstream is no proper HTTP"


class Forwarder:
    """Answers each request with what the upstream answers; it is the handler of a server.

    `seen` is called when the counts have changed.
    """

    def __init__(
        self, upstream: Upstream, tape: Tape, *, seen: Callable[[], None] = lambda: None
    ) -> None:
        self.upstream = upstream
        self.tape = tape
        self.messages = 0
        """How many requests were for messages."""
        self.others: Counter[str] = Counter()
        """All other requests, by method and path."""
        self._seen = seen

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        target = request.raw_path
        if not target.isascii():
            raise Refused(bad_request("the path of a request has to be ASCII"))
        if "#" in target:
            # What stands behind it would not be sent: another path than the one that was asked for.
            raise Refused(bad_request("the path of a request has no fragment"))
        target = forwarded(target)
        taped: ExchangeTape | None = None
        if is_recorded(request.method, target):
            self.messages += 1
            taped = self.tape.begin(request.method, target, request.raw_headers)
        else:
            self._count(label(request.method, target))
        self._seen()
        passage = _Passage(request, target, self.upstream, taped)
        try:
            return await passage.run()
        except asyncio.CancelledError:
            passage.ended("cancelled", "the client went away")
            raise
        except ConnectionError:
            # Broken off as the upstream did; if nothing was told before, the client is gone.
            passage.ended("cancelled", "the client went away")
            raise

    def _count(self, text: str) -> None:
        # A client can ask for any number of paths.
        if text not in self.others and len(self.others) >= _MOST_LABELS:
            text = "others"
        self.others[text] += 1


class _Passage:
    """One request on its way, and its response on the way back."""

    def __init__(
        self,
        request: web.BaseRequest,
        target: str,
        upstream: Upstream,
        taped: ExchangeTape | None,
    ) -> None:
        self._request = request
        self._target = target
        self._upstream = upstream
        self._taped = taped
        self._bad_body = False

    def ended(self, how: End, why: str | None = None) -> None:
        """Have the end recorded, the first time."""
        taped, self._taped = self._taped, None
        if taped is not None:
            taped.end(how, why)

    async def run(self) -> web.StreamResponse:
        """Forward, and return the response that was written. Raises Refused, ConnectionError."""
        request = self._request
        try:
            headers = upstream_headers(request.raw_headers)
        except ValueError:
            self.ended("refused", "the headers are not UTF-8")
            raise Refused(bad_request("the headers have to be UTF-8")) from None
        body = None
        if request.can_read_body:
            body = self._body()
        elif self._taped is not None:
            self._taped.asked()
        try:
            response = await self._upstream.send(request.method, self._target, headers, body)
        except (aiohttp.ClientError, OSError) as error:
            return await self._failed(error)
        try:
            return await self._answer(response)
        finally:
            # Released where it was read to its end; else its connection is closed.
            response.close() if not response.content.is_eof() else response.release()

    async def _body(self) -> AsyncIterator[bytes]:
        """Yield the body of the request as it comes."""
        request, taped = self._request, self._taped
        if request.headers.get("expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(_CONTINUE)
        try:
            while data := await request.content.readany():
                if taped is not None:
                    taped.sent(data)
                yield data
        except web.RequestPayloadError:
            self._bad_body = True
            raise
        if taped is not None:
            taped.asked()

    async def _failed(self, error: Exception) -> web.StreamResponse:
        """Answer for an upstream that did not."""
        if self._bad_body:
            self.ended("refused", "the body of the request is not as its head says")
            raise Refused(bad_request("The body of the request is not as its head says")) from None
        if never_connected(error):
            refusal = unreachable(error, self._upstream.base)
            self.ended("refused", refusal.message)
            raise Refused(refusal) from None
        # A request that may have arrived is never sent again: that is for the client to decide.
        strange = isinstance(error, aiohttp.ClientResponseError)
        self.ended("reset", _NO_HTTP if strange else _NO_ANSWER)
        await RawResponse(self._request, "close").broken(was_reset=_is_reset(error))

    async def _answer(self, response: aiohttp.ClientResponse) -> web.StreamResponse:
        breaking = _Breaking(response)
        kept = end_to_end(response.raw_headers)
        answer = RawResponse(self._request, _framing(self._request, response))
        head = head_bytes(response.status, response.reason or "", [*kept, *answer.own_headers()])
        taped = self._taped
        if taped is not None:
            taped.answered(response.status, kept)
        await answer.begin(head)
        try:
            await self._pass_on(response, answer)
        except _UpstreamBroke as error:
            return await self._broken(answer, was_reset=breaking.reset or _is_reset(error.cause))
        if answer.framing == "close" and breaking.reset:
            return await self._broken(answer, was_reset=True)
        await answer.end()
        self.ended("eof")
        return answer

    async def _pass_on(self, response: aiohttp.ClientResponse, answer: RawResponse) -> None:
        """Write the body as it arrives, to its end."""
        content, taped = response.content, self._taped

        def take() -> bool:
            while data := _read(content):
                # Written before it is told: what is forwarded does not wait for what is recorded.
                answer.send(data)
                if taped is not None:
                    taped.chunk(data)
                if answer.is_behind:
                    return False
            return not content.at_eof()

        with Arrivals(response, take) as arrivals:
            while not content.at_eof():
                if take():
                    await arrivals.wait()
                await answer.drain()

    async def _broken(self, answer: RawResponse, *, was_reset: bool) -> NoReturn:
        self.ended("reset", "the upstream broke the connection")
        await answer.broken(was_reset=was_reset)


class _UpstreamBroke(Exception):
    """The body of a response ends before its end."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _read(content: aiohttp.StreamReader) -> bytes:
    """Return what has come of a body. Raises _UpstreamBroke, which cannot be the client's fault."""
    try:
        return content.read_nowait()
    except (aiohttp.ClientError, HttpProcessingError) as error:
        raise _UpstreamBroke(error) from error


class _Breaking:
    """Whether the connection of a response was broken, rather than closed."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        # Asked for now: once the connection is gone, nobody would know how.
        connection = response.connection
        protocol = None if connection is None else connection.protocol
        self._closed = None if protocol is None else protocol.closed
        if self._closed is not None:
            # Looked at, or asyncio would complain of an error that nobody wants to know.
            self._closed.add_done_callback(lambda closed: closed.exception())

    @property
    def reset(self) -> bool:
        """Whether it was."""
        closed = self._closed
        return closed is not None and closed.done() and closed.exception() is not None


def _framing(request: web.BaseRequest, response: aiohttp.ClientResponse) -> Framing:
    if request.method == "HEAD" or response.status in _BODILESS:
        return "none"
    if "transfer-encoding" in response.headers:
        return "chunked"
    return "length" if "content-length" in response.headers else "close"


def _is_reset(error: BaseException) -> bool:
    return isinstance(error, aiohttp.ClientOSError | ConnectionResetError)
