"""Who goes away at which stage, client or upstream; what the other side sees; what is left."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from typing import Final

import pytest

from tests.limits import HANG_S
from tests.relay.stage import RawUpstream, Staged, break_off, raw_upstream, relay_to, until
from tests.servers import open_requests

pytestmark = pytest.mark.asyncio

HEAD: Final = b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n"
SMALL: Final = b"content-length: 2\r\n\r\n{}"
ANSWER: Final = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK: Final = b"5\r\nhello\r\n"

STAGES: Final = ("in the head", "in the body", "before the answer", "after the head", "in a stream")
AT_ONCE_S: Final = 0.1
"""Rule: a client that is gone ends its request upstream within this time."""


class Waiting:
    """An upstream that gets as far as a stage, then only waits for its client to go."""

    def __init__(self, stage: str) -> None:
        self.reached = asyncio.Event()
        self.gone = asyncio.Event()
        self._stage = stage

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self._stage == "after the head":
                writer.write(ANSWER)
            elif self._stage == "in a stream":
                writer.write(ANSWER + CHUNK)
            self.reached.set()
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
        finally:
            self.gone.set()


async def begin(relay: Staged, stage: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that has got as far as a stage."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    head = HEAD % relay.port
    if stage == "in the head":
        writer.write(head)
    elif stage == "in the body":
        writer.write(head + b"content-length: 50\r\n\r\nhello")
    else:
        writer.write(head + SMALL)
    return reader, writer


@pytest.mark.parametrize("manner", ["close", "reset"])
@pytest.mark.parametrize("stage", STAGES[1:])
async def test_a_client_that_goes_ends_its_request_upstream(stage: str, manner: str) -> None:
    loop = asyncio.get_running_loop()
    waiting = Waiting(stage)
    async with raw_upstream(waiting) as upstream, relay_to(upstream.url) as relay:
        reader, writer = await begin(relay, stage)
        await waiting.reached.wait()
        if stage == "in a stream":
            await reader.readuntil(CHUNK)
        elif stage == "after the head":
            await reader.readuntil(b"\r\n\r\n")
        began = loop.time()
        writer.close() if manner == "close" else break_off(writer)
        await waiting.gone.wait()
        took = loop.time() - began
        (heard,) = await relay.ended()
        await until(lambda: not relay.server.connections and not open_requests(relay.server))
    assert (heard.how, heard.whole) == ("cancelled", stage != "in the body")
    # On an idle machine it takes a millisecond.
    assert took < 100 * AT_ONCE_S


async def test_a_client_that_goes_in_the_head_was_never_heard() -> None:
    waiting = Waiting("in the head")
    async with raw_upstream(waiting) as upstream, relay_to(upstream.url) as relay:
        _, writer = await begin(relay, "in the head")
        writer.close()
        await until(lambda: not relay.server.connections)
    assert not relay.tape.heard and not upstream.connections


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in /proc")
async def test_two_hundred_disconnects_leave_nothing_open() -> None:
    async with raw_upstream(talk_forever) as upstream, relay_to(upstream.url) as relay:
        await leave(relay, upstream, "in a stream", 0)
        before = open_files()
        for number in range(200):
            await leave(relay, upstream, STAGES[1 + number % 4], number)
        assert open_files() == before
        ended = await relay.ended(201)
    assert {heard.how for heard in ended} == {"cancelled"}


async def talk_forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if b"x-stage: in a stream" in head:
        writer.write(ANSWER + CHUNK)
    elif b"x-stage: after the head" in head:
        writer.write(ANSWER)
    while await reader.read(65_536):
        pass


async def leave(relay: Staged, upstream: RawUpstream, stage: str, number: int) -> None:
    """Go as far as a stage, and away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    body = b"content-length: 50\r\n\r\nhello" if stage == "in the body" else SMALL
    writer.write((HEAD % relay.port) + b"x-stage: %b\r\n" % stage.encode() + body)
    if stage in ("in a stream", "after the head"):
        await reader.readuntil(b"\r\n\r\n")
    else:
        await until(lambda: upstream.open == 1)
    if number % 2:
        break_off(writer)
    else:
        writer.close()
    await until(
        lambda: not (relay.server.connections or open_requests(relay.server) or upstream.open)
    )


async def test_an_upstream_that_dies_is_noticed_at_once() -> None:
    killed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER + b"50\r\nhalf an ev")
        await killed.wait()
        break_off(writer)

    async with raw_upstream(talk) as upstream, relay_to(upstream.url) as relay:
        reader, _ = await begin(relay, "in a stream")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        # What was read is passed on, though neither the chunk nor the event in it is whole.
        await reader.readuntil(b"half an ev\r\n")
        killed.set()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        (heard,) = await relay.ended()
    assert (heard.how, b"".join(heard.chunks)) == ("reset", b"half an ev")


@pytest.mark.parametrize("manner", ["close", "reset"])
@pytest.mark.parametrize("stage", STAGES)
async def test_an_upstream_that_goes_breaks_its_client_at_any_stage(
    stage: str, manner: str
) -> None:
    """Nothing is made up for it: neither an answer, nor the rest of one."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if stage == "in the head":
            await reader.readexactly(10)
        else:
            await reader.readuntil(b"\r\n\r\n")
        if stage == "after the head":
            writer.write(ANSWER)
        elif stage == "in a stream":
            writer.write(ANSWER + CHUNK)
        await writer.drain()
        if manner == "reset":
            break_off(writer)

    async with raw_upstream(talk) as upstream, relay_to(upstream.url) as relay:
        # Whose head has not ended is not heard, and nothing goes upstream for it.
        reader, writer = await begin(relay, "before the answer" if "head" in stage else stage)
        got = b""
        async with asyncio.timeout(HANG_S):
            with suppress(ConnectionError):
                while part := await reader.read(65_536):
                    got += part
        writer.close()
        (heard,) = await relay.ended()
        await until(lambda: not relay.server.connections and not open_requests(relay.server))
    answered = stage in ("after the head", "in a stream")
    assert got.startswith(b"HTTP/1.1 200 OK\r\n") is answered and bool(got) is answered
    assert b"0\r\n\r\n" not in got and got.count(b"hello") == (stage == "in a stream")
    assert (heard.how, heard.whole) == ("reset", stage != "in the body")


async def test_an_answer_before_the_request_is_over_is_passed_on() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}")
        await reader.read()

    async with raw_upstream(talk) as upstream, relay_to(upstream.url) as relay:
        reader, writer = await begin(relay, "in the body")
        got = await reader.readuntil(b"{}")
        writer.close()
        await until(lambda: not upstream.open)
    assert got.startswith(b"HTTP/1.1 413 Too Large\r\n")
    assert relay.tape.heard[0].status == 413


async def test_a_slow_reader_holds_the_upstream_up_and_nothing_is_piled_up() -> None:
    """Neither here nor between: what the client does not read, the upstream cannot write."""
    written = 0
    stuck = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        writer.transport.set_write_buffer_limits(high=65_536)
        piece = b"10000\r\n" + bytes(65_536) + b"\r\n"
        while True:
            writer.write(piece)
            written += 65_536
            try:
                async with asyncio.timeout(0.5):
                    await writer.drain()
            except TimeoutError:
                stuck.set()
                await reader.read()
                return

    async with raw_upstream(talk) as upstream, relay_to(upstream.url) as relay:
        reader, writer = await begin(relay, "in a stream")
        await stuck.wait()
        assert sum(map(len, relay.tape.heard[0].chunks)) <= written
        # Sockets hold some megabytes between them, however large the response is.
        assert written < 64 << 20
        break_off(writer)
        del reader
        await until(lambda: not upstream.open)
