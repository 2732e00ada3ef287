"""The mock as a server: what an event costs it, and how late the answers to many at once begin.

`python -m tests.bench.serving NAME` serves `mock` or `bare`, and says on which port.
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from aiohttp import web

from tests.bench import starlette_server
from tests.bench.measure import Limit, Row, at_most, duration, in_turn, times
from tests.loopback import KEY, request_bytes
from tui.mock.mock import Mock, MockSettings
from tui.scenarios import load
from tui.serving.server import LoopbackServer

_NAMES: Final = ("plain", "tour", "markdown", "two-tools")
_STREAMS: Final = 400
_TOGETHER: Final = 20
_AT_ONCE: Final = 480
_LIMIT_S: Final = 120.0
_LATEST_S: Final = 0.5


def mock(rounds: int) -> list[Row]:
    """Against bare servers that write the same events; then 480 requests at once."""
    here, yardstick = __spec__.name, starlette_server.__name__
    with (
        serving(here, "mock") as ours,
        serving(here, "bare") as aiohttp,
        serving(yardstick) as starlette,
    ):
        mine, *theirs = in_turn(
            rounds, lambda: _rate(ours), lambda: _rate(aiohttp), lambda: _rate(starlette)
        )
        late, later = in_turn(
            rounds, lambda: asyncio.run(_latest(ours)), lambda: asyncio.run(_latest(starlette))
        )
    return [
        *(
            Row(
                "mock: events a second of processor time",
                f"{mine / 1000:.0f}k",
                f"bare {name} {rate / 1000:.0f}k",
                times(mine / rate),
                mine / rate,
                Limit(1),
            )
            for name, rate in zip(("aiohttp", "starlette"), theirs, strict=True)
        ),
        Row(
            f"mock: the last first byte of {_AT_ONCE} streams at once",
            duration(late),
            f"bare starlette {duration(later)}",
            times(late / later),
            late,
            # On the clock: a machine that is busy with something else is later.
            at_most(_LATEST_S, " s"),
        ),
    ]


# --- the client -----------------------------------------------------------------------------------


def _rate(port: int) -> float:
    """Events a second of the server's processor time."""
    asyncio.run(_stream(port, len(_NAMES)))  # What is made once is made.
    before = asyncio.run(_used(port))
    events = asyncio.run(_stream(port, _STREAMS))
    return events / (asyncio.run(_used(port)) - before)


async def _stream(port: int, count: int) -> int:
    todo = iter([_NAMES[number % len(_NAMES)] for number in range(count)])
    events = 0

    async def client() -> None:
        nonlocal events
        for name in todo:
            answer = await _ask(port, name)
            events += answer.count(b"event: ")

    async with asyncio.timeout(_LIMIT_S):
        await asyncio.gather(*(client() for _ in range(_TOGETHER)))
    return events


async def _ask(port: int, name: str, begun: Callable[[], None] = lambda: None) -> bytes:
    body = json.dumps(
        {
            "model": f"scenario:{name}",
            "max_tokens": 4096,
            "messages": [{"role": "user", "content": "Hello"}],
            "stream": True,
        }
    )
    headers = {**KEY, "connection": "close"}
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes(port, "POST /v1/messages HTTP/1.1", body, headers))
    answer = await reader.readuntil(b"\r\n\r\n")
    begun()
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise AssertionError(answer)
    answer = await reader.read()
    writer.close()
    return answer


async def _used(port: int) -> float:
    """The processor time of the server until now, in seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes(port, "GET /used HTTP/1.1", headers={"connection": "close"}))
    answer = await reader.read()
    writer.close()
    return float(answer.partition(b"\r\n\r\n")[2])


async def _latest(port: int) -> float:
    """When the last of many streams begins, in seconds after all were asked for."""
    begun: list[float] = []
    clock = time.perf_counter
    start = clock()
    note = lambda: begun.append(clock() - start)  # noqa: E731
    async with asyncio.timeout(_LIMIT_S):
        await asyncio.gather(
            *(_ask(port, _NAMES[number % len(_NAMES)], note) for number in range(_AT_ONCE))
        )
    return max(begun)


# --- the servers ----------------------------------------------------------------------------------


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[int]:
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


async def _bare(request: web.BaseRequest) -> web.StreamResponse:
    """The least that a server can do: read the request, write each event."""
    name = json.loads(await request.read())["model"].partition(":")[2]
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    for chunk in load(name).chunks:
        await response.write(chunk.data)
    return response


async def _serve(name: str) -> None:
    handlers: dict[str, Callable[[web.BaseRequest], Awaitable[Any]]] = {
        "mock": Mock(MockSettings(speed=math.inf)),
        "bare": _bare,
    }
    handler = handlers[name]

    async def with_used(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/used":
            return web.Response(text=str(time.process_time()))
        response: web.StreamResponse = await handler(request)
        return response

    async with LoopbackServer(with_used) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
