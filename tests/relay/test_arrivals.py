"""What arrives of a response is taken before a task runs; aiohttp gets its connection back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.relay.stage import raw_upstream, request_of, until
from tui.relay.arrivals import Arrivals

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"


@asynccontextmanager
async def answer() -> AsyncIterator[tuple[asyncio.StreamWriter, aiohttp.ClientResponse]]:
    """An upstream's side of an answer whose head has come, and the answer."""
    writers: list[asyncio.StreamWriter] = []
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writers.append(writer)
        writer.write(HEAD)
        await over.wait()

    async with (
        raw_upstream(talk) as upstream,
        aiohttp.ClientSession() as session,
        session.get(upstream.url) as response,
    ):
        try:
            yield writers[0], response
        finally:
            over.set()


async def test_a_task_is_woken_where_there_is_nothing_more_to_wait_for() -> None:
    taken: list[bytes] = []
    async with answer() as (writer, response):

        def take() -> bool:
            taken.append(response.content.read_nowait())
            return not response.content.at_eof()

        with Arrivals(response, take) as arrivals:
            waiting = asyncio.create_task(arrivals.wait())
            for piece in (b"one", b"two", b"end"):
                writer.write(piece)
                await until(lambda wanted=piece: wanted in taken)  # type: ignore[misc]
                assert waiting.done() == (piece == b"end")
            await waiting
    assert taken == [b"one", b"two", b"end"]


async def test_what_goes_wrong_in_taking_is_raised_where_it_is_waited() -> None:
    def take() -> bool:
        raise ConnectionResetError("the client is gone")

    async with answer() as (writer, response):
        with Arrivals(response, take) as arrivals:
            writer.write(b"one")
            with pytest.raises(ConnectionResetError, match="the client is gone"):
                await arrivals.wait()


async def test_a_connection_that_breaks_is_looked_at() -> None:
    looked: list[BaseException | None] = []
    async with answer() as (writer, response):

        def take() -> bool:
            looked.append(response.content.exception())
            return False

        with Arrivals(response, take) as arrivals:
            writer.transport.abort()
            await arrivals.wait()
    assert isinstance(looked[-1], aiohttp.ClientPayloadError)


async def test_the_connection_is_given_back() -> None:
    async with answer() as (_, response):
        assert response.connection is not None and response.connection.transport is not None
        transport = response.connection.transport
        before = transport.get_protocol()
        with Arrivals(response, lambda: True) as arrivals:
            assert transport.get_protocol() is arrivals
        assert transport.get_protocol() is before
