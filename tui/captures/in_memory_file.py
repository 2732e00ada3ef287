"""A file in memory: what was piped in, for importers that read files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal

from tui.core.records import Chunk

_BLOCK: Final = 1 << 16


class InMemoryFile:
    """Bytes with a name. Has what the importers use of a path."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self.name = name

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data)

    def open(self, mode: Literal["rb"], buffering: int = -1) -> BinaryIO:
        """Return the bytes from their beginning."""
        return io.BytesIO(self._data)

    def read_bytes(self) -> bytes:
        """Return all of it."""
        return self._data


Readable = Path | InMemoryFile
"""What can be imported."""


def size_of(readable: Readable) -> int:
    """Return how many bytes there are to read. Raises OSError."""
    return readable.size if isinstance(readable, InMemoryFile) else readable.stat().st_size


def untimed_chunks(readable: Readable) -> Iterator[Chunk]:
    """Yield all bytes, in blocks, at time zero. Raises OSError."""
    with readable.open("rb") as opened:
        while block := opened.read(_BLOCK):
            yield Chunk(0, block)
