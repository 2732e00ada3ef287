"""The writing end of a pipe that is never waited for."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

_MOST_BLOCKS: Final = 1_000
"""A system takes 1,024 at a time."""


class PipeWriter:
    """Keeps what a pipe does not take now, and writes it when it does.

    Blocks are kept as they are given, not copied: where much is waiting, that would be most of the
    work. `broken` is called when nobody reads the pipe any more.
    """

    def __init__(self, fd: int, broken: Callable[[], None]) -> None:
        """Take the pipe's descriptor; it is closed here."""
        self.waiting = 0
        """How many bytes the pipe has not taken yet."""
        self._fd = fd
        self._broken = broken
        self._blocks: deque[bytes | memoryview] = deque()
        self._full = False
        self._ending = False
        os.set_blocking(fd, False)

    def write(self, blocks: Sequence[bytes]) -> None:
        """Write some blocks, at once where the pipe has room."""
        if self._fd < 0:
            return
        self._blocks.extend(blocks)
        self.waiting += sum(map(len, blocks))
        if not self._full:
            self._write()

    def close(self) -> None:
        """Close the pipe once all is written."""
        self._ending = True
        if not self._blocks:
            self.abort()

    def abort(self) -> None:
        """Close the pipe now."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        if self._full:
            asyncio.get_running_loop().remove_writer(fd)
        os.close(fd)
        self._blocks.clear()
        self.waiting = 0

    def _write(self) -> None:
        try:
            while self._blocks and self._write_some():
                pass
        except BlockingIOError:
            pass
        except OSError:
            self.abort()
            self._broken()
            return
        full = bool(self._blocks)
        if full and not self._full:
            asyncio.get_running_loop().add_writer(self._fd, self._write)
        elif self._full and not full:
            asyncio.get_running_loop().remove_writer(self._fd)
        self._full = full
        if self._ending and not full:
            self.abort()

    def _write_some(self) -> bool:
        """Write as much as goes at once; return whether the pipe took all of it."""
        blocks = self._blocks
        some = list(islice(blocks, _MOST_BLOCKS))
        left = os.writev(self._fd, some)
        self.waiting -= left
        for block in some:
            if left < len(block):
                blocks[0] = memoryview(block)[left:]
                return False
            left -= len(block)
            blocks.popleft()
        return True
