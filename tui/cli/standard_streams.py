"""Standard output and standard error: what happens when one is full, closed, or has no reader.

A failure of standard output is an exception of its own kind and no OSError, so that no code that
reads a file takes it for a failure of that file. What standard error cannot take is lost, and
nothing else is.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MODES: Final = (os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)
"""How the null device takes the place of a closed descriptor: writing to the second one fails."""


class OutputFailed(Exception):
    """Standard output takes nothing more. The message is one line."""

    def __init__(self, error: OSError) -> None:
        closed = error.errno == errno.EBADF
        reason = "closed" if closed else error.strerror or str(error)
        super().__init__(f"standard output: {reason}")
        self.reader_gone = error.errno == errno.EPIPE
        """Whether it is a pipe that nobody reads any more: nothing to complain about."""


class _Descriptor(io.RawIOBase):
    """Writes to a descriptor. After a failure, which is raised once, everything is lost."""

    def __init__(self, fd: int, *, raises: bool) -> None:
        super().__init__()
        self._fd = fd
        self._raises = raises
        self._failed = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._fd < 0:
            raise io.UnsupportedOperation("closed by whoever started this")
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def write(self, data: ReadableBuffer, /) -> int:
        if not self._failed:
            try:
                return self._write(data)
            except OSError as error:
                self._failed = True
                if self._raises:
                    raise OutputFailed(error) from None
        return memoryview(data).nbytes

    def _write(self, data: ReadableBuffer) -> int:
        while True:
            try:
                return os.write(self._fd, data)
            except BlockingIOError:
                # Whoever shares the pipe made it so. It is waited for, as for any other.
                select.select([], [self._fd], [])


def guard() -> None:
    """Put streams that fail as described above in place of `sys.stdout` and `sys.stderr`."""
    for fd, mode in enumerate(_MODES):
        _occupy(fd, mode)
    sys.stdout = _guarded(sys.stdout, raises=True)
    sys.stderr = _guarded(sys.stderr, raises=False)


def _occupy(fd: int, mode: int) -> None:
    """Fill the place of a closed descriptor, before a file that is opened gets its number."""
    try:
        os.fstat(fd)
    except OSError:
        null = os.open(os.devnull, mode)
        if null != fd:
            os.dup2(null, fd)
            os.close(null)


def _guarded(stream: TextIO | None, *, raises: bool) -> TextIO:
    if stream is None:
        fd, encoding, by_lines = -1, "utf-8", False
    elif not isinstance(stream, io.TextIOWrapper):
        return stream  # In memory: nothing can fail.
    else:
        # Wire text holds what a terminal's encoding may not have: replaced, never a traceback.
        stream.reconfigure(errors="replace")
        try:
            fd = stream.fileno()
        except io.UnsupportedOperation:
            return stream
        encoding, by_lines = stream.encoding, stream.line_buffering
    raw = _Descriptor(fd, raises=raises)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="replace", line_buffering=by_lines
    )
