"""Writes captures while they happen: append-only, for the owner alone, and never in the way.

What cannot be written ends the recording, not the stream: nothing here raises once a capture is
open, `CaptureWriter.failure` says what went wrong.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tui.captures.codec import (
    CaptureError,
    CaptureHead,
    CaptureLine,
    ChunkLine,
    EndLine,
    RequestLine,
    ResponseLine,
    UnknownVersion,
    decode_line,
    encode_line,
)
from tui.captures.files import FileRefused, clear, create, open_existing, write_all
from tui.captures.like import Shortener
from tui.captures.redact import redact_headers, redact_json, redact_text
from tui.core.records import JsonObject
from tui.core.state import End
from tui.core.text import one_line

_BLOCK: Final = 1 << 18
_HEAD: Final = 4096
_NS_PER_MS: Final = 1_000_000
_RUN_NAME: Final = re.compile(rb'"run":\s{0,4}"r([0-9]{1,9})"')


class CaptureWriter:
    """A capture file that is being written. Several runs may write into it at the same time."""

    def __init__(
        self,
        path: Path,
        *,
        tool: str | None = None,
        created: str | None = None,
        replace: bool = False,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """Create `path`, or go on behind the last whole line of the capture that is there.

        With `replace`, a file that is no capture becomes an empty one. Raises FileRefused where the
        file is something else or another program is writing it, OSError where it cannot be written.
        `wall` is the time of day, in nanoseconds since 1970.
        """
        self.path = path
        self.failure: str | None = None
        """Why nothing more is recorded, in one line."""
        self.wall = wall
        self.shortener = Shortener()
        """Of the requests that this writer has written: those before in the file are left alone."""
        self._runs = 0
        self._open: list[RunWriter] = []
        self._together: list[bytes] | None = None
        self._fd = -1
        fd, is_new = _open_file(path)
        try:
            self._lock(fd)
            if not is_new:
                self._runs = _prepare(fd, path, replace)
            if not os.fstat(fd).st_size:
                write_all(fd, encode_line(CaptureHead(created=created or utc_now(), tool=tool)))
        except BaseException:
            os.close(fd)
            if is_new:
                path.unlink(missing_ok=True)
            raise
        self._fd = fd

    def begin(self) -> RunWriter:
        """Return the writer of one more run: `r1`, `r2` and so on."""
        self._runs += 1
        run = RunWriter(self, f"r{self._runs}")
        self._open.append(run)
        return run

    def close(self) -> None:
        """Close the file. Runs that have not ended are ended as interrupted."""
        for run in list(self._open):
            run.end(run.last_ns, "interrupted", None)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                os.close(fd)
            except OSError as error:
                self.fail(error)

    def write(self, line: CaptureLine) -> None:
        """Append one record. What fails here ends the recording and nothing else."""
        if self._fd < 0 or self.failure is not None:
            return
        try:
            data = encode_line(line)
        except (TypeError, ValueError, RecursionError) as error:
            self.fail(error)
            return
        if self._together is None:
            self._append(data)
        else:
            self._together.append(data)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Append what is written in this block at once, at its end: less work where it is much."""
        lines: list[bytes] = []
        self._together = lines
        try:
            yield
        finally:
            self._together = None
            self._append(b"".join(lines))

    def _append(self, lines: bytes) -> None:
        if self._fd < 0 or not lines:
            return
        start = None
        try:
            start = os.lseek(self._fd, 0, os.SEEK_END)
            write_all(self._fd, lines)
        except OSError as error:
            self.fail(error)
            if start is not None:
                self._cut_back(start, lines)

    def ended(self, run: RunWriter) -> None:
        """Take note that a run has written its end."""
        if run in self._open:
            self._open.remove(run)

    def _lock(self, fd: int) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileRefused(f"{self.path} is being written by another program") from None

    def fail(self, error: Exception) -> None:
        """End the recording."""
        reason = error.strerror if isinstance(error, OSError) else None
        self.failure = one_line(f"recording to {self.path.name} stopped: {reason or error}")

    def _cut_back(self, start: int, lines: bytes) -> None:
        # The part of a line that did get written: without it, the file is whole.
        try:
            written = os.lseek(self._fd, 0, os.SEEK_END) - start
            os.ftruncate(self._fd, start + lines.rfind(b"\n", 0, written) + 1)
        except OSError:
            pass  # A torn tail is tolerated by every reader.


class RunWriter:
    """Records one run. Takes what a feed tells its recorder; no method raises."""

    def __init__(self, writer: CaptureWriter, run: str) -> None:
        self.run = run
        self.last_ns = 0
        self._writer = writer
        self._over = False

    @property
    def failure(self) -> str | None:
        """Why nothing more is recorded, in one line."""
        return self._writer.failure

    def request(
        self,
        body: JsonObject | None,
        *,
        url: str | None = None,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        timed: bool = True,
        at_ns: int | None = None,
    ) -> None:
        """Record the request, secrets masked. `timed` is whether the run's times are real.

        `at_ns` is the time of day when it was sent, now where that is not known.
        """
        sent = redact_headers(headers or {})
        where = None if url is None else redact_text(url)
        at_ns = self._writer.wall() if at_ns is None else at_ns
        try:
            # Masked before it is compared: of what a file says, nothing else is known.
            like, rest = self._writer.shortener.shorten(self.run, redact_json(body))
        except (TypeError, ValueError, RecursionError) as error:
            self._writer.fail(error)
            return
        at_ns -= at_ns % _NS_PER_MS
        self._write(RequestLine(self.run, 0, method, where, sent, rest, timed, at_ns, like))

    def response(self, t_ns: int, status: int, headers: Mapping[str, str]) -> None:
        """Record the head of the response."""
        self._write(ResponseLine(self.run, self._time(t_ns), status, redact_headers(headers)))

    def chunk(self, t_ns: int, data: bytes) -> None:
        """Record one read, as it came."""
        if data:
            self._write(ChunkLine(self.run, self._time(t_ns), data))

    def end(self, t_ns: int, how: End, error: JsonObject | None) -> None:
        """Record how the body ended; what comes later is not recorded."""
        self._write(EndLine(self.run, self._time(t_ns), how, redact_json(error)))
        self._over = True
        self._writer.ended(self)

    def _time(self, t_ns: int) -> int:
        self.last_ns = max(self.last_ns, t_ns)
        return self.last_ns

    def _write(self, line: CaptureLine) -> None:
        if not self._over:
            self._writer.write(line)


def utc_now() -> str:
    """Return the time of day as captures write it: `2026-11-20T12:00:00Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def repair(fd: int) -> int:
    """Cut the file back to its last whole line; return how many bytes were dropped.

    A last line that lacks nothing but its LF gets one. Raises OSError.
    """
    size = os.fstat(fd).st_size
    tail = b""
    at = size
    while at > 0 and b"\n" not in tail:
        step = min(_BLOCK, at)
        at -= step
        tail = os.pread(fd, step, at) + tail
    rest = tail.rpartition(b"\n")[2]
    if not rest:
        return 0
    try:
        decode_line(rest)
    except CaptureError:
        os.ftruncate(fd, size - len(rest))
        return len(rest)
    write_all(fd, b"\n")
    return 0


def _open_file(path: Path) -> tuple[int, bool]:
    """Return a descriptor, and whether the file is new."""
    try:
        return create(path), True
    except FileExistsError:
        return open_existing(path), False


def _prepare(fd: int, path: Path, replace: bool) -> int:
    """Make a file that was there ready to be appended to; return the highest number of its runs."""
    if not os.fstat(fd).st_size:
        clear(fd)
        return 0
    first = os.pread(fd, _HEAD, 0).partition(b"\n")[0]
    try:
        is_capture = isinstance(decode_line(first), CaptureHead)
    except UnknownVersion as error:
        raise FileRefused(f"{path}: {error}") from None
    except CaptureError:
        is_capture = False
    if is_capture:
        repair(fd)
        return _highest_run(fd)
    if not replace:
        # Whatever it is, it is somebody's: nothing is cut off and nothing is added.
        raise FileRefused(
            f"{path} exists and is not a capture that can be added to", replaceable=True
        )
    clear(fd)
    return 0


def _highest_run(fd: int) -> int:
    highest = at = 0
    overlap = b""
    while block := os.pread(fd, _BLOCK, at):
        at += len(block)
        block = overlap + block
        highest = max([highest, *(int(found) for found in _RUN_NAME.findall(block))])
        # A name that is cut by the end of a block is found in the next one.
        overlap = block[-32:]
    return highest
