"""Writes captures while they happen: append-only, for the owner alone, and never in the way.

What cannot be written ends the recording, not the stream: nothing here raises once a capture is
open, `CaptureWriter.failure` says what went wrong.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tui.captures.codec import (
    CaptureError,
    ChunkLine,
    EndLine,
    Header,
    Line,
    RequestLine,
    ResponseLine,
    decode_line,
    encode_line,
)
from tui.captures.redact import redact_headers, redact_json, redact_text
from tui.core.records import JsonObject
from tui.core.state import End
from tui.core.text import one_line

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_BLOCK: Final = 1 << 18
_HEAD: Final = 4096
_RUN_NAME: Final = re.compile(rb'"run":\s{0,4}"r([0-9]{1,9})"')


class CaptureWriter:
    """A capture file that is being written. Several runs may write into it at the same time."""

    def __init__(self, path: Path, *, tool: str | None = None, created: str | None = None) -> None:
        """Create `path`, or go on behind the last whole line of the capture that is there.

        A folder that is missing is made. Raises CaptureError where the file is something else or
        another program is writing it, OSError where it cannot be written.
        """
        self.path = path
        self.failure: str | None = None
        """Why nothing more is recorded, in one line."""
        self._runs = 0
        self._open: list[RunWriter] = []
        self._fd = -1
        fd, is_new = _open_file(path)
        try:
            self._lock(fd)
            if is_new or not os.fstat(fd).st_size:
                write_all(fd, encode_line(Header(created=created or utc_now(), tool=tool)))
            else:
                self._runs = _prepare(fd, path)
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
                self._fail(error)

    def write(self, line: Line) -> None:
        """Append one record. What fails here ends the recording and nothing else."""
        if self._fd < 0 or self.failure is not None:
            return
        start = None
        try:
            data = encode_line(line)
            start = os.lseek(self._fd, 0, os.SEEK_END)
            write_all(self._fd, data)
        except (OSError, TypeError, ValueError, RecursionError) as error:
            self._fail(error)
            if start is not None:
                self._cut_back(start)

    def ended(self, run: RunWriter) -> None:
        """Take note that a run has written its end."""
        if run in self._open:
            self._open.remove(run)

    def _lock(self, fd: int) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CaptureError(f"{self.path} is being written by another program") from None

    def _fail(self, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) else None
        self.failure = one_line(f"recording to {self.path.name} stopped: {reason or error}")

    def _cut_back(self, start: int) -> None:
        # The part of a line that did get written: without it, the file is whole.
        try:
            os.ftruncate(self._fd, start)
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
    ) -> None:
        """Record the request, secrets masked. `timed` is whether the run's times are real."""
        sent = redact_headers(headers or {})
        where = None if url is None else redact_text(url)
        self._write(RequestLine(self.run, 0, method, where, sent, redact_json(body), timed))

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

    def _write(self, line: Line) -> None:
        if not self._over:
            self._writer.write(line)


def save(path: Path, data: bytes) -> None:
    """Write a new file for the owner alone, whole or not at all; a missing folder is made.

    Raises OSError: FileExistsError where the name is taken.
    """
    _make_folder(path.parent)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    try:
        try:
            write_all(fd, data)
        finally:
            os.close(fd)
    except OSError:
        path.unlink(missing_ok=True)
        raise


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
    _make_folder(path.parent)
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, _FILE_MODE), True
    except FileExistsError:
        # Not blocking: a named pipe would wait for its reader.
        fd = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise CaptureError(f"{path} is not a file")
    return fd, False


def _make_folder(folder: Path) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for part in reversed(missing):
        part.mkdir(_FOLDER_MODE, exist_ok=True)


def _prepare(fd: int, path: Path) -> int:
    """Make an existing capture ready to be appended to; return the highest number of its runs."""
    first = os.pread(fd, _HEAD, 0).partition(b"\n")[0]
    try:
        is_capture = isinstance(decode_line(first), Header)
    except CaptureError:
        is_capture = False
    if not is_capture:
        # Whatever it is, it is somebody's: nothing is cut off and nothing is added.
        raise CaptureError(f"{path} exists and is not a capture that can be added to")
    repair(fd)
    return _highest_run(fd)


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


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`: one call may take a part only. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.write(fd, view)
        if written <= 0:
            raise OSError(errno.ENOSPC, "nothing more could be written")
        view = view[written:]
