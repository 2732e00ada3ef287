"""One connection of the server: aiohttp's, with bounds for a head; knows which side waits.

aiohttp closes a connection on which no whole head has come within its `keepalive_timeout`, counted
from the last response or the beginning, however much of a head has come. What it answers itself
is replaced here: it would repeat the client's bytes, and log them with a traceback.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import LineTooLong

from tui.serving.guard import (
    HEAD_TOO_LARGE,
    MAX_HEADER_BYTES,
    Refusal,
    bad_request,
    error_body,
    refuse,
)

_SPARE_HEAD_BYTES: Final = 16 * 1024  # The request line, and what stands between the fields.
_MAX_FIELDS: Final = 1_000
_PATIENCE_S: Final = 1.0
# Closed before the rest of a body is read, a connection would lose the answer on its way.
_LINGER_S: Final = 1.0
_NOT_HTTP: Final = bad_request("this is no proper HTTP request")
_FAILED: Final = Refusal(500, "api_error", "Internal server error")

# Nothing is logged: a log would show what clients send, and on a terminal it would disturb.
_SILENT: Final = logging.Logger(__name__)
_SILENT.addHandler(logging.NullHandler())


class Connection(web.RequestHandler):
    """One client's connection; it is in `open_ones` while it lasts."""

    def __init__(
        self, manager: web.Server, open_ones: set[Connection], head_timeout_s: float
    ) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=head_timeout_s,
            logger=_SILENT,
            access_log=None,  # type: ignore[arg-type]  # None is what turns it off.
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=_MAX_FIELDS,
            lingering_time=_LINGER_S,
            # A body is passed on or looked at as it came; unpacked, it could be of any size.
            auto_decompress=False,
        )
        self._open_ones = open_ones
        self._body: StreamReader | None = None
        self._head_bytes = 0
        self._unanswered = 0
        self._since = loop.time()
        open_ones.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone: forget the connection."""
        self._open_ones.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client, and no more of a head than fits the limit."""
        if self._upgraded:
            super().data_received(data)  # A WebSocket's, which has limits of its own.
            return
        known, in_head = len(self._messages), not self._awaits_body()
        super().data_received(data)
        if (arrived := len(self._messages) - known) > 0:
            self._unanswered += arrived
            self._body = self._messages[-1][1]
            self._head_bytes = 0
            self._since = self._loop.time()
        elif in_head and data:
            if not self._head_bytes:
                self._since = self._loop.time()
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEADER_BYTES + _SPARE_HEAD_BYTES:
                self._refuse_head()

    def _awaits_body(self) -> bool:
        return self._body is not None and not self._body.is_eof()

    def _refuse_head(self) -> None:
        if self.transport is None:
            return
        if self._unanswered:
            # An answer may be on its way: nothing can be said in the midst of it.
            self.transport.abort()
            return
        body = error_body(HEAD_TOO_LARGE)
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
        )
        self.force_close()

    def answered(self) -> None:
        """One request more has its answer."""
        self._unanswered -= 1
        self._since = self._loop.time()

    def kept_waiting_s(self) -> float:
        """For how long this client has not sent what it owes; less than 0 where it owes nothing.

        A request that has begun is owed at once, the next one on a quiet connection after a second.
        """
        waited = self._loop.time() - self._since
        if self._awaits_body():
            return waited
        if self._unanswered:
            return -1.0
        return waited if self._head_bytes else waited - _PATIENCE_S

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is not HTTP, and to a handler that failed."""
        if request.writer.output_size > 0:
            # Something has been sent already: the client learns of it by a connection that breaks.
            raise ConnectionError("the response cannot be finished")
        if isinstance(request.writer, StreamWriter):
            # As the response that failed would have been framed.
            request.writer.chunked = False
            request.writer.length = None
        if isinstance(exc, LineTooLong):
            return refuse(HEAD_TOO_LARGE)
        return refuse(_NOT_HTTP if status < 500 else _FAILED)
