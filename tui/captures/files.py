"""Files that this program writes: private to their owner, never by accident over another file.

No link and no named pipe is followed, and no folder is made. A file that is there already is
replaced only where that was asked for.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

_MODE: Final = 0o600
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class FileRefused(OSError):
    """A file that is not written to. The message is one line, and says what to do."""

    def __init__(self, message: str, *, replaceable: bool = False) -> None:
        super().__init__(message)
        self.replaceable = replaceable
        """Whether it would be replaced if that was asked for."""


def create(path: Path) -> int:
    """Return a descriptor of a new file, which is appended to.

    Raises FileExistsError where the name is taken, FileRefused without its folder, and OSError.
    """
    try:
        return os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, _MODE)
    except FileNotFoundError:
        raise FileRefused(f"{path}: there is no folder {path.parent}: make it first") from None


def open_existing(path: Path) -> int:
    """Return a descriptor of a file that is there, which is appended to.

    Raises FileRefused where it is anything but a file, and OSError.
    """
    # Looked at before: to open a device can be to act on it.
    _check_kind(path, os.lstat(path).st_mode)
    try:
        # Not blocking: a named pipe that has come in its place would wait for its reader.
        fd = os.open(path, _FLAGS | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            _check_kind(path, stat.S_IFLNK)
        raise
    try:
        _check_kind(path, os.fstat(fd).st_mode)
    except FileRefused:
        os.close(fd)
        raise
    return fd


def create_or_replace(path: Path) -> int:
    """Return a descriptor of an empty file, whether or not it was there, which is appended to.

    Raises FileRefused and OSError.
    """
    try:
        return create(path)
    except FileExistsError:
        fd = open_existing(path)
    try:
        clear(fd)
    except OSError:
        os.close(fd)
        raise
    return fd


def clear(fd: int) -> None:
    """Make a file empty and its owner's alone. Raises OSError."""
    os.fchmod(fd, _MODE)
    os.ftruncate(fd, 0)


def check_kind(path: Path) -> None:
    """Raise FileRefused where there is something at `path` that is no file."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return  # Whoever opens it is told better.
    _check_kind(path, mode)


def _check_kind(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise FileRefused(f"{path} is {kind}: name a file")


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`: one call may take a part only. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.write(fd, view)
        if written <= 0:
            raise OSError(errno.ENOSPC, "nothing more could be written")
        view = view[written:]


def save(path: Path, data: bytes) -> None:
    """Write a new file, whole or not at all.

    Raises FileExistsError where the name is taken, FileRefused without its folder, and OSError.
    """
    fd = create(path)
    try:
        try:
            write_all(fd, data)
        finally:
            os.close(fd)
    except OSError:
        path.unlink(missing_ok=True)
        raise
