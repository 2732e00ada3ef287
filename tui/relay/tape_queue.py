"""The relay's side of the recording: a bounded queue to the process that writes the capture.

Nothing here waits. Where the other process does not keep up until the queue is full, fails, or
dies, the recording ends with a note, and what is forwarded goes on.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tui.core.records import strict_loads
from tui.core.state import End
from tui.core.text import format_bytes
from tui.relay import frames
from tui.relay.pipe import PipeWriter
from tui.relay.tape import ExchangeTape, Headers

QUEUE_BYTES: Final = 64 << 20
MOST_BODY: Final = 64 << 20
"""Bytes of a request's body that are recorded; a larger one passes, and is not kept."""
_PIPE_BYTES: Final = 1 << 20
_CLOSING_S: Final = 10.0
_TOGETHER_S: Final = 0.02
"""What happens within this time is handed on together: to wake the other process for each event
would take processor time from what is forwarded. Who follows the capture looks less often."""
_TOGETHER: Final = 128 * 1024
_AT_ONCE: Final = frozenset({frames.REQUEST, frames.ASKED, frames.END})
"""What is known of an exchange even if the relay is killed in the next moment."""
_GONE: Final = "the process that writes it has ended"
_SLOW: Final = "the disk does not keep up: {} were waiting"


class RecordingRefused(OSError):
    """A capture that cannot be begun. The message is one line."""


@dataclass(frozen=True, slots=True)
class TapeSettings:
    """What is recorded, and where."""

    path: str
    """The capture; made, or gone on with."""
    base: str = ""
    """The URL of the upstream, which the paths of requests are put behind."""
    folder: str | None = None
    """A folder of captures of which the oldest make room, None for none."""
    max_size: int | None = None
    """Bytes of the capture and those in the folder together."""
    content: bool = True
    """Whether texts are kept; without, only their lengths."""
    force: bool = False


class TapeQueue:
    """Hands on what it is told of exchanges. `note` is given one line when the recording ends."""

    def __init__(
        self,
        settings: TapeSettings,
        note: Callable[[str], None],
        *,
        most: int = QUEUE_BYTES,
        now: Callable[[], int] = time.monotonic_ns,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self.settings = settings
        self.failure: str | None = None
        """Why nothing more is recorded, in one line."""
        self.now = now
        self._wall = wall
        self._note = note
        self._most = most
        self._number = 0
        self._pending: list[bytes] = []
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: PipeWriter | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process that writes."""
        return None if self._process is None else self._process.pid

    async def open(self) -> None:
        """Start the process that writes. Raises RecordingRefused where it cannot."""
        command = [sys.executable, "-P", "-m", "tui.relay.tape_writer"]
        command.append(json.dumps(asdict(self.settings)))
        reading, writing = os.pipe()
        pipe = PipeWriter(writing, lambda: self.end(_GONE))
        with suppress(AttributeError, OSError):
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            self._process = process = subprocess.Popen(
                command,
                stdin=reading,
                stdout=subprocess.PIPE,
                # Ctrl+C in the terminal is for the relay: what it has said is still to be written.
                start_new_session=True,
            )
        except BaseException:
            pipe.abort()
            raise
        finally:
            os.close(reading)
        assert process.stdout is not None
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
        first = _report(await reader.readline())
        if "ready" not in first:
            pipe.abort()
            await self._ended(process)
            raise RecordingRefused(str(first.get("failure", "the recording cannot be started")))
        self._pipe = pipe
        self._watching = asyncio.create_task(self._watch(reader, process))

    async def aclose(self) -> None:
        """Have all that was told written, as far as that can be done in a while."""
        self._flush()
        pipe, process = self._pipe, self._process
        self._pipe = None
        if pipe is not None:
            pipe.close()
        if self._watching is not None and process is not None:
            try:
                async with asyncio.timeout(_CLOSING_S):
                    await self._watching
            except TimeoutError:
                process.kill()
                self._fail("the disk did not take all of it")
                await self._watching

    def begin(self, method: str, target: str, headers: Headers) -> ExchangeTape | None:
        """Take one more exchange; None where the recording has ended."""
        if self._pipe is None:
            return None
        self._number += 1
        exchange = _QueuedExchange(self, self._number)
        exchange.tell(
            frames.REQUEST,
            frames.encode_value(
                {
                    "method": method,
                    "url": self.settings.base + target,
                    "headers": _as_texts(headers),
                    "at": self._wall(),
                }
            ),
        )
        return exchange

    def put(self, head: bytes, data: bytes, *, at_once: bool) -> None:
        """Take a frame, to be handed on soon, or at once with all that came before."""
        pipe = self._pipe
        if pipe is None:
            return
        pending = self._pending
        if not pending:
            self._timer = asyncio.get_running_loop().call_later(_TOGETHER_S, self._flush)
        pending.append(head)
        if data:
            pending.append(data)
        self._held += len(head) + len(data)
        if at_once or self._held >= _TOGETHER:
            self._flush()
        if self._held + pipe.waiting > self._most:
            self.end(_SLOW.format(format_bytes(self._most)))

    def end(self, why: str) -> None:
        """End the recording; what is waiting is still written, if it can be."""
        self._flush()
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()
        self._fail(why)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, []
        self._held = 0
        if self._pipe is not None and pending:
            self._pipe.write(pending)

    def _fail(self, why: str) -> None:
        if self.failure is None:
            name = Path(self.settings.path).name
            self.failure = f"recording to {name} stopped: {why}; requests are still forwarded"
            self._note(self.failure)

    async def _watch(self, reader: asyncio.StreamReader, process: subprocess.Popen[bytes]) -> None:
        """Hear what the process has to say, until it ends."""
        while line := await reader.readline():
            if failure := _report(line).get("failure"):
                self.end(str(failure))
        if self._pipe is not None:
            self.end(_GONE)
        await self._ended(process)

    async def _ended(self, process: subprocess.Popen[bytes]) -> None:
        # Its output is over, so it is as good as gone.
        await asyncio.get_running_loop().run_in_executor(None, process.wait)


class _QueuedExchange:
    """One exchange, timed from when it began."""

    def __init__(self, queue: TapeQueue, number: int) -> None:
        self._queue = queue
        self._number = number
        self._began = queue.now()
        self._room = MOST_BODY

    def tell(self, kind: int, data: bytes = b"") -> None:
        """Pass on that something has happened now."""
        queue = self._queue
        head = frames.encode_head(kind, self._number, queue.now() - self._began, len(data))
        queue.put(head, data, at_once=kind in _AT_ONCE)

    def sent(self, data: bytes) -> None:
        """A part of the request's body."""
        self._room -= len(data)
        if self._room >= 0:
            self.tell(frames.BODY, data)

    def asked(self) -> None:
        """The request's body is over."""
        self.tell(frames.ASKED, b"" if self._room >= 0 else b"too large")

    def answered(self, status: int, headers: Headers) -> None:
        """The head of the response."""
        value = {"status": status, "headers": _as_texts(headers)}
        self.tell(frames.ANSWER, frames.encode_value(value))

    def chunk(self, data: bytes) -> None:
        """One read of the response's body."""
        self.tell(frames.CHUNK, data)

    def end(self, how: End, why: str | None = None) -> None:
        """The body ended."""
        self.tell(frames.END, frames.encode_value({"how": how, "why": why}))


def _as_texts(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in headers]


def _report(line: bytes) -> dict[str, Any]:
    try:
        value = strict_loads(line.decode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
