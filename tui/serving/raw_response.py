"""A response whose head and body are written as somebody else wrote them, nothing added."""

from __future__ import annotations

from typing import Final, Literal, NoReturn

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from tui.serving.streams import reset

Framing = Literal["length", "chunked", "close", "none"]
"""How the reader knows where the body ends; `none` where there is no body."""

_LAST: Final = b"0\r\n\r\n"


class RawResponse(web.StreamResponse):
    """Writes to a request's connection what it is given; the server adds no header of its own.

    `begin`, any number of `send` and `drain`, then `end`. To break off instead, raise what `broken`
    raises.
    """

    def __init__(self, request: web.BaseRequest, framing: Framing) -> None:
        super().__init__()
        if framing == "chunked" and request.version < HttpVersion11:
            # Before HTTP/1.1 there were no chunks: the response ends with the connection.
            framing = "close"
        self.framing: Framing = framing
        self.begun = False
        self._request = request
        self._keep_alive = (
            request.keep_alive and framing != "close" and request.version >= HttpVersion11
        )

    def own_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that belong to this connection."""
        own = [(b"transfer-encoding", b"chunked")] if self.framing == "chunked" else []
        return own if self._keep_alive else [*own, (b"connection", b"close")]

    async def begin(self, head: bytes) -> None:
        """Write the head. Raises ConnectionResetError when the client is gone."""
        self.begun = True
        self._write([head])
        await self.drain()

    def send(self, data: bytes) -> None:
        """Write a part of the body. Raises ConnectionResetError when the client is gone."""
        if not data:
            return
        if self.framing == "chunked":
            self._write([b"%x\r\n" % len(data), data, b"\r\n"])
        else:
            self._write([data])

    @property
    def is_behind(self) -> bool:
        """Whether the reader should be waited for before more is written."""
        return self._request.protocol.writing_paused

    async def drain(self) -> None:
        """Wait for a reader that is behind. Raises ConnectionResetError when it is gone."""
        await self._request.writer.drain()

    async def end(self) -> None:
        """Write the end of the body."""
        if self.framing == "chunked":
            self._write([_LAST])
        await self.drain()

    async def broken(self, *, was_reset: bool) -> NoReturn:
        """Break off as the other side did: by a reset, or by closing. Always raises."""
        if was_reset:
            await reset(self._request)
        if self._request.transport is not None:
            # What was written before still arrives. Left open, it would get an error of aiohttp's.
            self._request.transport.close()
        raise ConnectionResetError("the response broke off")

    def _write(self, parts: list[bytes]) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        # Counted for aiohttp, which answers a failure itself only where nothing was sent.
        self._request.writer.output_size += sum(map(len, parts))
        transport.writelines(parts)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Do nothing: the head has been written."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: so has the end."""
