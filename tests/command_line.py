"""Command lines in this process, and a mock in a thread for them to call."""

from __future__ import annotations

import asyncio
import io
import math
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.limits import HANG_S
from tests.servers import MockServer
from tui.cli import main as cli

ESC = "\x1b"


class Result(NamedTuple):
    status: int
    out: str
    err: str

    def one_line(self) -> str:
        """The one line on standard error of a command that says nothing else."""
        assert self.out == ""
        assert self.err.startswith("streamscope: ") and self.err.endswith("\n")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("streamscope: ").rstrip("\n")


Call = Callable[..., Result]


def run_command(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str | Path,
    stdin: io.BytesIO | bytes = b"",
    crashes: bool = False,
) -> Result:
    """Run a command line in this process, with no terminal anywhere near."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
    given = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["streamscope", *map(str, arguments)])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(sys, "stdin", io.TextIOWrapper(given, encoding="utf-8"))
        with pytest.raises(SystemExit) as caught:
            cli.main()
    texts = []
    for stream in (out, err):
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        texts.append(stream.buffer.getvalue().decode())
    assert ESC not in texts[0] + texts[1]
    assert ("Traceback" in texts[1]) is crashes
    code = caught.value.code or 0
    assert isinstance(code, int)
    return Result(code, *texts)


@contextmanager
def piped(data: bytes | None) -> Iterator[None]:
    """Descriptor 0 as a pipe with `data` in it, or as it is for None; put back at the end."""
    kept = os.dup(0)
    if data is not None:
        out, into = os.pipe()
        os.write(into, data)
        os.close(into)
        os.dup2(out, 0)
        os.close(out)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


@contextmanager
def mock_in_a_thread(speed: float = math.inf) -> Iterator[MockServer]:
    """A mock with a loop of its own: a command line needs this thread's."""
    ready: queue.SimpleQueue[tuple[MockServer, Callable[[], object]]] = queue.SimpleQueue()

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with MockServer(speed=speed) as server:
            ready.put((server, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    server, stop = ready.get(timeout=HANG_S)
    yield server
    stop()
    thread.join(HANG_S)
