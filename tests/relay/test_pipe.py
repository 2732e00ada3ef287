"""A pipe takes all that is written, in order, whether or not anybody reads; nobody waits for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.limits import HANG_S
from tests.relay.stage import until
from tests.sweeps import few
from tui.relay.pipe import PipeWriter


class Ends:
    """Both ends of a pipe, and how often it was told that nobody reads it."""

    def __init__(self) -> None:
        self.broken = 0
        self.reading, writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.writer = PipeWriter(writing, self._count)

    def _count(self) -> None:
        self.broken += 1

    async def rest(self, size: int = 1 << 16) -> bytes:
        """What comes until the end."""
        found = b""
        async with asyncio.timeout(HANG_S):
            while True:
                with suppress(BlockingIOError):
                    data = os.read(self.reading, size)
                    if not data:
                        return found
                    found += data
                await asyncio.sleep(0)


@asynccontextmanager
async def pipe() -> AsyncIterator[Ends]:
    ends = Ends()
    try:
        yield ends
    finally:
        ends.writer.abort()
        os.close(ends.reading)


@settings(max_examples=few(20))
@given(
    st.lists(st.lists(st.integers(0, 90_000), max_size=6), max_size=6),
    st.sampled_from([1 << 20, 70_000, 4_096]),
)
def test_what_is_written_comes_out_in_order(writes: list[list[int]], size: int) -> None:
    async def write_and_read() -> None:
        async with pipe() as ends:
            blocks = [
                [bytes([65 + at]) * length for length in lengths]
                for at, lengths in enumerate(writes)
            ]
            for some in blocks:
                ends.writer.write(some)
            ends.writer.close()
            expected = b"".join(b"".join(some) for some in blocks)
            assert await ends.rest(size) == expected
            assert (ends.writer.waiting, ends.broken) == (0, 0)

    asyncio.run(write_and_read())


async def test_more_blocks_than_a_system_takes_at_once() -> None:
    async with pipe() as ends:
        ends.writer.write([b"%d," % number for number in range(5_000)])
        assert ends.writer.waiting == 0
        ends.writer.close()
        assert (await ends.rest()).count(b",") == 5_000


async def test_what_a_full_pipe_does_not_take_is_counted_and_kept() -> None:
    async with pipe() as ends:
        data = bytes(3 << 20)
        ends.writer.write([data])
        left = ends.writer.waiting
        assert 0 < left < len(data)
        ends.writer.write([b"more"])
        assert ends.writer.waiting == left + 4
        ends.writer.close()
        assert await ends.rest() == data + b"more"


@pytest.mark.parametrize("size", [1, 3 << 20])
async def test_nobody_reads_it_any_more(size: int) -> None:
    async with pipe() as ends:
        ends.writer.write([bytes(size)])
        os.close(ends.reading)
        ends.reading = os.open(os.devnull, os.O_RDONLY)
        ends.writer.write([b"x"])
        await until(lambda: ends.broken == 1)
        ends.writer.write([b"x"])
        ends.writer.close()
        assert (ends.writer.waiting, ends.broken) == (0, 1)
