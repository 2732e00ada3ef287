"""A planned response: which bytes go out when, and how it ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Literal, NamedTuple

from starlette.types import Receive, Scope, Send

from tui.core.records import Chunk


class Plan(NamedTuple):
    """Chunks with their times since the request, and the end of the response."""

    chunks: tuple[Chunk, ...]
    how: Literal["eof", "reset"]
    end_ns: int

    @classmethod
    def at_speed(
        cls, chunks: Sequence[Chunk], how: Literal["eof", "reset"], end_ns: int, speed: float
    ) -> Plan:
        """The plan, `speed` times as fast; `math.inf` leaves no waiting at all."""
        paced = tuple(Chunk(int(chunk.t_ns / speed), chunk.data) for chunk in chunks)
        return cls(paced, how, int(end_ns / speed))

    def jittered(self, most_s: float, rng: random.Random) -> Plan:
        """The plan with every silence longer, by up to `most_s` seconds each."""
        late = 0
        chunks: list[Chunk] = []
        for t_ns, data in self.chunks:
            late += int(rng.uniform(0, most_s) * 1e9)
            chunks.append(Chunk(t_ns + late, data))
        return Plan(tuple(chunks), self.how, self.end_ns + late)


class Playback:
    """An ASGI response that sends a plan at its times, and stops when the client goes away.

    Each chunk is one chunk of the transfer encoding, written at once. The headers go out with
    the first one: until then the client waits for its response.
    """

    def __init__(self, plan: Plan, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.plan = plan
        self.status = status
        self.headers = list(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        play = asyncio.ensure_future(self._play(scope, send))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait((play, gone), return_when=asyncio.FIRST_COMPLETED)
            if play.done():
                play.result()
        finally:
            for task in (play, gone):
                task.cancel()
            await asyncio.gather(play, gone, return_exceptions=True)

    async def _play(self, scope: Scope, send: Send) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        started = False

        async def until(t_ns: int) -> None:
            # Also at full speed the other connections get their turn.
            await asyncio.sleep(max(0.0, begin + t_ns / 1e9 - loop.time()))

        async def start() -> None:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status,
                    "headers": self.headers,
                }
            )

        for chunk in self.plan.chunks:
            await until(chunk.t_ns)
            if not started:
                await start()
                started = True
            await send({"type": "http.response.body", "body": chunk.data, "more_body": True})
        await until(self.plan.end_ns)
        if self.plan.how == "reset":
            # Under a server that offers no reset, an unfinished response has to do.
            if (reset := scope.get("state", {}).get("reset")) is not None:
                await reset()
            return
        if not started:
            await start()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
