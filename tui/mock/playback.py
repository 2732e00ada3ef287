"""A planned response: which bytes go out when, and how it ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from aiohttp import web

from tui.core.records import Chunk
from tui.serving.streams import WRITE_BYTES, Stream, reset


class Plan(NamedTuple):
    """Chunks with their times since the request, and the end of the response."""

    chunks: tuple[Chunk, ...]
    how: Literal["eof", "reset"]
    end_ns: int

    def jittered(self, most_s: float, rng: random.Random) -> Plan:
        """The plan with every silence longer, by up to `most_s` seconds each."""
        late = 0
        chunks: list[Chunk] = []
        for t_ns, data in self.chunks:
            late += int(rng.uniform(0, most_s) * 1e9)
            chunks.append(Chunk(t_ns + late, data))
        return Plan(tuple(chunks), self.how, self.end_ns + late)


async def play(
    plan: Plan, request: web.BaseRequest, headers: Mapping[str, str], *, status: int = 200
) -> web.StreamResponse:
    """Answer a request with a plan, at its times.

    Each chunk is one chunk of the transfer encoding; those that are due together are written
    together, but for the first one: of many answers at once, each begins before any goes on.
    """
    loop = asyncio.get_running_loop()
    stream = Stream(request, headers, status)
    begin = loop.time()

    async def until(t_ns: int) -> None:
        # Also at full speed the other connections get their turn.
        await asyncio.sleep(max(0.0, begin + t_ns / 1e9 - loop.time()))

    chunks = plan.chunks
    at = 0
    while at < len(chunks):
        await until(chunks[at].t_ns)
        pieces = _due(chunks, at, int((loop.time() - begin) * 1e9)) if at else [chunks[0].data]
        await stream.send(pieces)
        at += len(pieces)
    await until(plan.end_ns)
    if plan.how == "reset":
        await reset(request)
    return await stream.end()


def _due(chunks: Sequence[Chunk], at: int, now_ns: int) -> list[bytes]:
    """What goes out with the chunk at `at`: all that is due by now, as far as it fits a write."""
    pieces = [chunks[at].data]
    room = WRITE_BYTES - len(pieces[0])
    for later in range(at + 1, len(chunks)):
        t_ns, data = chunks[later]
        if t_ns > now_ns or room <= 0:
            break
        pieces.append(data)
        room -= len(data)
    return pieces
