"""The relay: what it adds to each event, how fast one stream goes through it, what it keeps.

Beside it, in the same run: no relay, a bare aiohttp relay, and mitmproxy where it is installed. The
budgets are those of a machine on which a direct event is 0.44 ms old at the median (p99 1.1 ms),
one through a bare relay 0.64 (1.7), and which carries 477 MB/s through a bare relay, 193 through
mitmproxy. Ratios of the same run stand for them, as times say more about the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

from tests.bench.measure import Limit, Row, at_most, duration, times
from tests.bench.relay_servers import Running, bare, dashboard, mitmproxy, ours, upstream
from tests.loopback import KEY, request_bytes
from tui.relay.tape_queue import TapeSettings

_STREAMS: Final = 20
_RATE: Final = 100
"""Events a second of each stream."""
_SECONDS: Final = 3.0
_EVENTS: Final = int(_RATE * _SECONDS)
_BYTES: Final = 60 << 20
"""Of one stream at full speed. All of it may be waiting to be written before the recording ends."""
_TIMES: Final = 4
_REQUESTS: Final = 10_000
_WARM: Final = 1_000

_LIMIT_S: Final = 300.0
_SENT: Final = b'"sent":'

_AGE: Final = {"p50": 1.16, "p99": 1.8}
"""(0.44 + 0.3) / 0.64, and (1.1 + 2) / 1.7: how old an event may be, of its age by a bare relay."""
_ADDED_MS: Final = {"p50": 0.3, "p99": 2.0}
_PLAIN: Final = {"mitmproxy": 1.5, "bare": 0.6}
"""Of what it does; 1.5 x 193 / 477."""
_RECORDED: Final = {"mitmproxy": 0.7, "bare": 0.28}
"""0.7 x 193 / 477."""
_IN_THE_CAPTURE: Final = 135
"""0.7 x 193, in MB/s."""


class Delays(NamedTuple):
    """Seconds from the upstream's write to the client's read, and the relay's work for an event."""

    p50: float
    p99: float
    used: float


def relay_latency(rounds: int) -> list[Row]:
    """What is added to an event: recorded, with the dashboard drawing and without."""
    with ExitStack() as stack:
        enter = stack.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory(prefix="streamscope-bench-")))
        direct = enter(upstream())
        url = f"http://127.0.0.1:{direct.port}"
        drawn = folder / "drawn.jsonl"
        drawing = enter(ours(url, TapeSettings(str(drawn))))
        servers = {
            "direct": direct,
            "bare": enter(bare(url)),
            "mitmproxy": enter(mitmproxy(url)),
            "recording": enter(ours(url, TapeSettings(str(folder / "alone.jsonl")))),
            "drawing": drawing,
        }
        # Something to show: it is up once it does.
        asyncio.run(_ask_often(drawing.port, 1))
        screen = enter(dashboard(drawn))
        found: dict[str, list[Delays]] = {}
        for _ in range(rounds):
            for name, server in servers.items():
                if server is not None:
                    with _stopped(screen, where=name != "drawing"):
                        found.setdefault(name, []).append(_delays(server))
    kept = {name: _medians(taken) for name, taken in found.items()}
    return [
        *_latency_rows(f"relay: added to an event, {_STREAMS} x {_RATE}/s", "recording", kept),
        *_latency_rows("    the same, the dashboard drawing", "drawing", kept),
        Row(
            "    processor time of the relay for an event",
            _micro(kept["recording"].used),
            ", ".join(f"{name} {_micro(kept[name].used)}" for name in _YARDSTICKS if name in kept),
            times(kept["recording"].used / kept["bare"].used),
            kept["recording"].used / kept["bare"].used,
            at_most(1.5),
        ),
    ]


_YARDSTICKS: Final = ("bare", "mitmproxy")


def _latency_rows(work: str, name: str, kept: dict[str, Delays]) -> Iterator[Row]:
    for kind in ("p50", "p99"):
        age = {name: float(getattr(delays, kind)) for name, delays in kept.items()}
        added = {other: max(age[other] - age["direct"], 0.0) for other in age}
        beside = ", ".join(f"{one} {duration(added[one])}" for one in _YARDSTICKS if one in added)
        yield Row(
            f"{work}, {kind}",
            duration(added[name]),
            f"{beside}; direct {duration(age['direct'])}",
            "",
            added[name] * 1000,
            at_most(_ADDED_MS[kind], " ms"),
        )
        if name == "recording":
            ratio = age[name] / age["bare"]
            yield Row(
                f"    its age in all, {kind}",
                duration(age[name]),
                f"bare {duration(age['bare'])}",
                times(ratio),
                ratio,
                at_most(_AGE[kind]),
            )


def relay_speed(rounds: int) -> list[Row]:
    """One stream at full speed, not recorded and recorded, to the last byte."""
    found: dict[str, list[float]] = {}
    with ExitStack() as stack:
        enter = stack.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory(prefix="streamscope-bench-")))
        direct = enter(upstream())
        url = f"http://127.0.0.1:{direct.port}"
        # Its recording has ended before the first request: nothing can be that small.
        forwarding = enter(ours(url, TapeSettings(str(folder / "off.jsonl"), max_size=0)))
        asyncio.run(_stream(forwarding.port))
        capture = folder / "on.jsonl"
        recording = enter(ours(url, TapeSettings(str(capture))))
        servers = {
            "direct": direct,
            "bare": enter(bare(url)),
            "mitmproxy": enter(mitmproxy(url)),
            "forwarding": forwarding,
        }
        for _ in range(rounds * _TIMES):
            for name, server in servers.items():
                if server is not None:
                    found.setdefault(name, []).append(asyncio.run(_stream(server.port)))
            begin = time.perf_counter()
            found.setdefault("recording", []).append(asyncio.run(_stream(recording.port)))
            _wait_for_its_end(capture, len(found["recording"]))
            found.setdefault("recorded", []).append(time.perf_counter() - begin)
    speeds = {name: _BYTES / median(taken) / 1e6 for name, taken in found.items()}
    return [
        *_speed_rows("relay: one stream at full speed", "forwarding", speeds, _PLAIN),
        *_speed_rows("relay: the same, recorded", "recording", speeds, _RECORDED),
        # What is behind then is the disk: no yardstick of these writes to it.
        Row(
            "    until all of it is in the capture",
            f"{speeds['recorded']:.0f} MB/s",
            value=speeds["recorded"],
            limit=Limit(_IN_THE_CAPTURE, " MB/s"),
        ),
    ]


def _speed_rows(
    work: str, name: str, speeds: dict[str, float], limits: dict[str, float]
) -> Iterator[Row]:
    mine = f"{speeds[name]:.0f} MB/s"
    for yardstick, limit in limits.items():
        if yardstick in speeds:
            ratio = speeds[name] / speeds[yardstick]
            beside = f"{yardstick} {speeds[yardstick]:.0f} MB/s, direct {speeds['direct']:.0f}"
            yield Row(work, mine, beside, times(ratio), ratio, Limit(limit))


def relay_memory(rounds: int) -> list[Row]:
    """What the relay and its recording keep of 10,000 requests. Measured once: it is no time."""
    with (
        tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder,
        upstream() as direct,
        ours(
            f"http://127.0.0.1:{direct.port}", TapeSettings(str(Path(folder) / "on.jsonl"))
        ) as relay,
    ):
        asyncio.run(_ask_often(relay.port, _WARM))
        before = relay.resident_mb
        asyncio.run(_ask_often(relay.port, _REQUESTS - _WARM))
        after = relay.resident_mb
    return [
        Row(
            f"memory of {name}: after {_WARM:,} requests, and {_REQUESTS:,}",
            f"{first:.0f} MB, {last:.0f} MB",
            "",
            times(last / first),
            last / first,
            at_most(1.1),
        )
        for name, first, last in zip(("the relay", "its recording"), before, after, strict=True)
    ]


# --- the client -----------------------------------------------------------------------------------


async def _open(
    port: int, ask: dict[str, Any]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    fields = {**KEY, "connection": "close"}
    writer.write(request_bytes(port, "POST /v1/messages HTTP/1.1", json.dumps(ask), fields))
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise AssertionError(head)
    return reader, writer


def _delays(server: Running) -> Delays:
    before = server.used_s
    late = asyncio.run(_late(server.port))
    used = (server.used_s - before) / len(late)
    return Delays(median(late), quantiles(late, n=100)[98], used)


async def _late(port: int) -> list[float]:
    late: list[float] = []

    async def client() -> None:
        reader, writer = await _open(port, {"count": _EVENTS, "every": 1 / _RATE})
        async for line in reader:
            if (at := line.find(_SENT)) >= 0:
                late.append(time.monotonic() - float(line[at + len(_SENT) :].split(b"}")[0]))
        writer.close()

    async with asyncio.timeout(_LIMIT_S):
        await asyncio.gather(*(client() for _ in range(_STREAMS)))
    if len(late) != _STREAMS * _EVENTS:
        raise AssertionError(f"{len(late)} events")
    return late


async def _stream(port: int) -> float:
    """Seconds that a stream at full speed takes."""
    async with asyncio.timeout(_LIMIT_S):
        start, left = time.perf_counter(), _BYTES
        reader, writer = await _open(port, {"bytes": _BYTES})
        while read := await reader.read(1 << 20):
            left -= len(read)
        taken = time.perf_counter() - start
        writer.close()
    if left > 0:
        raise AssertionError(f"{left} bytes are missing")
    return taken


async def _ask_often(port: int, count: int) -> None:
    todo = iter(range(count))
    body = json.dumps({"count": 2, "every": 0, "messages": [{"role": "user", "content": "Hello"}]})
    line = "POST /v1/messages HTTP/1.1"

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in todo:
            writer.write(request_bytes(port, line, body))
            await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()

    async with asyncio.timeout(_LIMIT_S):
        await asyncio.gather(*(client() for _ in range(_STREAMS)))


# --- what it is measured by -----------------------------------------------------------------------


@contextmanager
def _stopped(pid: int, *, where: bool) -> Iterator[None]:
    """Have a process do nothing meanwhile."""
    if where:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _medians(taken: list[Delays]) -> Delays:
    return Delays(*(median(figures) for figures in zip(*taken, strict=True)))


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


def _wait_for_its_end(path: Path, number: int) -> None:
    """Wait until the end of an exchange is in a capture."""
    end = time.monotonic() + _LIMIT_S
    tail, wanted = b"", b'{"k":"end","run":"r%d"' % number
    while wanted not in tail:
        if time.monotonic() > end:
            raise AssertionError("the recording has ended")
        time.sleep(0.002)
        with path.open("rb") as file:
            file.seek(-min(path.stat().st_size, 200), os.SEEK_END)
            tail = file.read()
    if b"eof" not in tail:
        raise AssertionError(tail)
