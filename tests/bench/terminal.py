"""Programs in a pseudo-terminal of 120x40."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_SIZE = (40, 120)
_LIMIT_S = 60.0


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Yield a clean environment: a terminal with colours, a home of its own, none of the user's."""
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as home:
        yield {
            "COLORTERM": "truecolor",
            "HOME": home,
            "LC_ALL": "C.UTF-8",
            "PATH": os.defpath,
            "TERM": "xterm-256color",
        }


def until(marker: bytes | None, *arguments: str) -> float:
    """Run Python with `arguments` until `marker` is on the screen, or to its end without one.

    Returns the seconds since it was started. Raises RuntimeError where it ends without the marker,
    or with an exit status other than 0.
    """
    start = time.perf_counter()
    with _started(*arguments) as (program, master):
        seen = _seen(marker, master, arguments)
        if not (marker is not None and marker in seen):
            if marker is not None or program.wait() != 0:
                text = seen.decode("utf-8", "replace")
                raise RuntimeError(f"{arguments} ended too early: {text[-2000:]}")
        return time.perf_counter() - start


@contextmanager
def on_screen(marker: bytes, *arguments: str) -> Iterator[int]:
    """Run Python with `arguments`; yield its process id once `marker` is on the screen.

    From then on another process reads what it draws: who measures is not kept busy with it.
    """
    with _started(*arguments) as (program, master):
        if marker not in _seen(marker, master, arguments):
            raise RuntimeError(f"{arguments} ended too early")
        reader = subprocess.Popen(["cat"], stdin=master, stdout=subprocess.DEVNULL)
        try:
            yield program.pid
        finally:
            reader.kill()
            reader.wait()


@contextmanager
def _started(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Yield a program and the other side of its terminal; at the end it is killed."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, _SIZE)
    with environment() as env:
        program = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=_ROOT,
            env=env,
            start_new_session=True,
        )
        os.close(slave)
        try:
            yield program, master
        finally:
            program.kill()
            program.wait()
            os.close(master)


def _seen(marker: bytes | None, master: int, arguments: tuple[str, ...]) -> bytes:
    """Read until the marker is there, or all of it; return the last part."""
    seen = b""
    while marker is None or marker not in seen:
        if not select.select([master], [], [], _LIMIT_S)[0]:
            raise RuntimeError(f"{arguments}: silent for {_LIMIT_S:g} s")
        data = _read(master)
        if not data:
            break
        seen = (seen + data)[-20_000:]
    return seen


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65_536)
    except OSError:  # What Linux says once the other side has gone.
        return b""
