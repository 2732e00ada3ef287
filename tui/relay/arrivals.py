"""What arrives of a response, taken in the very turn of the event loop in which it arrives.

A task that reads is woken a turn later, behind all else that has arrived meanwhile: with many
streams at once, that is most of what a relay adds to an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp

_BUFFER: Final = memoryview(bytearray(256 * 1024))
"""What every connection reads into, one at a time. Otherwise asyncio has so much allocated for each
read, which costs more than to forward an event: three calls of the system and fresh pages."""


class Arrivals(asyncio.BufferedProtocol):
    """Stands before the protocol of a response's connection, while its `with` block runs.

    What the transport says goes on to aiohttp's protocol, which reads HTTP out of it. After that
    `take` is called, while `wait` waits: it returns whether there is more to wait for, and what it
    raises is raised there.
    """

    def __init__(self, response: aiohttp.ClientResponse, take: Callable[[], bool]) -> None:
        connection = response.connection
        # Without one, all of the response is there already.
        self._protocol = None if connection is None else connection.protocol
        self._transport = None if connection is None else connection.transport
        self._take = take
        self._waiting: asyncio.Future[None] | None = None

    def __enter__(self) -> Arrivals:
        if self._transport is not None:
            self._transport.set_protocol(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._step_aside()

    async def wait(self) -> None:
        """Wait until `take` returns False or raises. Only where it has just returned True."""
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put the bytes that have come."""
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """So many have come."""
        if self._protocol is not None:
            self._protocol.data_received(bytes(_BUFFER[:nbytes]))
            self._look()

    def eof_received(self) -> None:
        """The other side has nothing more to say."""
        if self._protocol is not None:
            self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: the response says what that means for it."""
        if self._protocol is not None:
            self._protocol.connection_lost(exc)
            self._look()

    def pause_writing(self) -> None:
        """What is still to be sent of the request has to wait."""
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """It may go on."""
        if self._protocol is not None:
            self._protocol.resume_writing()

    def _look(self) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            return
        try:
            if self._take():
                return
        except Exception as error:
            waiting.set_exception(error)
        else:
            waiting.set_result(None)

    def _step_aside(self) -> None:
        transport, protocol = self._transport, self._protocol
        if transport is None or protocol is None:
            return
        if transport.get_protocol() is self:
            transport.set_protocol(protocol)
