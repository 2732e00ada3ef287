"""Responses that are written piece by piece, and connections that are broken on purpose."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Iterable, Mapping
from typing import Final, NoReturn

from aiohttp import HttpVersion11, web

WRITE_BYTES: Final = 64 * 1024
"""About as much as is worth writing at once; a reader that is slower holds the writer up."""

_CLOSE_AT_ONCE: Final = struct.pack("ii", 1, 0)
_DRAIN_S: Final = 1.0
_DRAIN_STEP_S: Final = 0.005


class _Response(web.StreamResponse):
    # The head waits for the first piece, so that both are one write; `web.Response` does the same.
    _send_headers_immediately = False


class Stream:
    """A response whose pieces are chunks of the transfer encoding, each by itself.

    The head goes out with the first pieces: until then the client waits for its response.
    """

    def __init__(
        self, request: web.BaseRequest, headers: Mapping[str, str], status: int = 200
    ) -> None:
        self.response = _Response(status=status, headers=headers)
        self._request = request
        # Before HTTP/1.1 there were no chunks: the response ends with the connection.
        self._chunked = request.version >= HttpVersion11
        if not self._chunked:
            self.response.force_close()

    async def send(self, pieces: Iterable[bytes]) -> None:
        """Write `pieces` at once; wait for a reader that is behind.

        Raises ConnectionResetError when the client is gone.
        """
        pieces = [piece for piece in pieces if piece]  # One without bytes would be the end.
        if pieces and not self.response.prepared:
            await self.response.prepare(self._request)
            await self.response.write(pieces.pop(0))
        if not pieces:
            return
        if self._chunked:
            pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        # One write for all of them: aiohttp's own way is one, with its checks, for each.
        transport.write(b"".join(pieces))
        await self._request.writer.drain()

    async def end(self) -> web.StreamResponse:
        """Write the end, and the head if there were no pieces; return what a handler returns."""
        await self.response.prepare(self._request)
        await self.response.write_eof()
        return self.response


async def reset(request: web.BaseRequest) -> NoReturn:
    """Break the connection of a request, once what was sent before has arrived.

    Raises ConnectionResetError, for the handler to end with.
    """
    transport = request.transport
    if transport is not None and not transport.is_closing():
        # Closed at once, what is still on its way would be thrown away.
        transport.set_write_buffer_limits(0)
        try:
            async with asyncio.timeout(_DRAIN_S):
                await request.writer.drain()
                while not transport.is_closing() and _underway(transport):
                    await asyncio.sleep(_DRAIN_STEP_S)
        except TimeoutError:
            pass  # A client that does not read is cut off in the midst of it.
    if transport is not None and not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_AT_ONCE
        )
        transport.abort()
    raise ConnectionResetError("broken on purpose")


def _underway(transport: asyncio.Transport) -> int:
    """How many bytes the system has not delivered yet; 0 where it does not tell."""
    try:
        count = fcntl.ioctl(transport.get_extra_info("socket"), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(count, sys.byteorder)
