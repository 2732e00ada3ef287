"""What the relay is measured with: an upstream, yardsticks, and the relay itself, each a process.

`python -m tests.bench.relay_servers upstream` serves events that carry their time, as fast as
asked; `… bare URL` is the least that a relay can do with aiohttp.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp
from aiohttp import web

from tests.bench import data
from tests.bench.terminal import on_screen
from tui.relay.service import RelaySettings
from tui.relay.tape_queue import TapeSettings
from tui.serving.server import LoopbackServer

_START_S: Final = 60.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Running(NamedTuple):
    """A server: its port, and the processes that do its work."""

    port: int
    pids: tuple[int, ...]

    @property
    def used_s(self) -> float:
        """The processor time of the first of them. Linux only; elsewhere 0."""
        try:
            stat = Path(f"/proc/{self.pids[0]}/stat").read_text(encoding="ascii")
        except OSError:
            return 0.0
        user, system = stat.rpartition(") ")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS

    @property
    def resident_mb(self) -> list[float]:
        """How much memory each takes now. Linux only; elsewhere empty."""
        found = []
        for pid in self.pids:
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
                found.append(int(status.partition("VmRSS:")[2].split()[0]) / 1000)
        return found


@contextmanager
def upstream() -> Iterator[Running]:
    """What all of them are put before."""
    with _printing_its_port("upstream") as running:
        yield running


@contextmanager
def bare(url: str) -> Iterator[Running]:
    """The least that a relay can do."""
    with _printing_its_port("bare", url) as running:
        yield running


@contextmanager
def ours(url: str, tape: TapeSettings) -> Iterator[Running]:
    """The relay, with its recording."""
    command = [sys.executable, "-m", "tui.relay.process"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(asdict(RelaySettings(tape, upstream=url))).encode())
        process.stdin.close()
        process.stdin = None
        ready = json.loads(process.stdout.readline())
        port = int(ready["url"].rpartition(":")[2])
        yield Running(port, (process.pid, *_children(process.pid)))
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def mitmproxy(url: str) -> Iterator[Running | None]:
    """mitmproxy as a reverse proxy that streams; None where `mitmdump` is not on the PATH.

    `STREAMSCOPE_MITMDUMP` names it where it lies elsewhere.
    """
    program = shutil.which(os.environ.get("STREAMSCOPE_MITMDUMP", "mitmdump"))
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [program, "-q", "--mode", f"reverse:{url}", "--listen-host", "127.0.0.1"]
    command += ["--listen-port", str(port), "--set", "stream_large_bodies=1"]
    process = subprocess.Popen(command)
    try:
        _wait_for(port)
        yield Running(port, (process.pid,))
    finally:
        process.kill()
        process.wait()


@contextmanager
def dashboard(path: Path) -> Iterator[int]:
    """The dashboard, which follows a capture; its process id."""
    program = Path(sys.executable).with_name("streamscope")
    with on_screen(b"Transcript", str(program), "open", "--follow", str(path)) as pid:
        yield pid


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return list(map(int, path.read_text(encoding="ascii").split())) if path.exists() else []


@contextmanager
def _printing_its_port(*arguments: str) -> Iterator[Running]:
    command = [sys.executable, "-m", __spec__.name, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Running(int(process.stdout.readline()), (process.pid,))
    finally:
        process.kill()
        process.communicate()


# --- the programs ---------------------------------------------------------------------------------


async def _upstream(request: web.BaseRequest) -> web.StreamResponse:
    """Answer with events at a pace, each with the time it is written at, or with bytes."""
    asked = json.loads(await request.read())
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    start, block, *deltas, stop, delta, end = data.text_stream(500).split(b"\n\n")[:-1]
    if "bytes" in asked:
        piece = b"\n\n".join(deltas) + b"\n\n"
        for _ in range(asked["bytes"] // len(piece) + 1):
            await response.write(piece)
        return response
    await response.write(b"\n\n".join((start, block, b"")))
    begin = time.monotonic()
    for number in range(asked["count"]):
        await asyncio.sleep(max(0.0, begin + number * asked["every"] - time.monotonic()))
        event = deltas[number % len(deltas)][:-1]
        await response.write(b'%b,"sent":%.9f}\n\n' % (event, time.monotonic()))
    await response.write(b"\n\n".join((stop, delta, end, b"")))
    return response


class _Bare:
    """The least that a relay can do."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        url = self._url + request.path
        async with self._session.request(request.method, url, data=body) as answer:
            kind = {"content-type": answer.headers["content-type"]}
            response = web.StreamResponse(status=answer.status, headers=kind)
            await response.prepare(request)
            async for read in answer.content.iter_any():
                await response.write(read)
            return response


async def _serve(name: str, url: str = "") -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        handler = _upstream if name == "upstream" else _Bare(url, session)
        async with LoopbackServer(handler) as server:
            print(server.port, flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
