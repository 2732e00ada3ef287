"""What arrives of a response is taken before a task runs; aiohttp gets its connection back."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.relay.stage import raw_upstream, request_of, until
from tests.relay.test_upstream import SELF_SIGNED
from tui.relay.arrivals import Arrivals

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"


async def test_an_encrypted_connection_is_read_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "self-signed.pem"
    path.write_text(SELF_SIGNED)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(path)
    # More than is read at once.
    body, taken = random.Random(1).randbytes(1_500_000), []
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(head + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cafile=path)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"https://localhost:{port}", ssl=trusting) as response,
    ):

        def take() -> bool:
            while piece := response.content.read_nowait():
                taken.append(piece)
            return not response.content.at_eof()

        with Arrivals(response, take) as arrivals:
            if take():
                await arrivals.wait()
    server.close()
    assert b"".join(taken) == body


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
