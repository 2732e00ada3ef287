"""A file that is not on the disk: what was piped in, read as a file is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Literal


class InMemoryFile:
    """Bytes with a name. Offers what the importers ask of a path, and nothing else of it."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self.name = name

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data)

    def open(self, mode: Literal["rb"]) -> BinaryIO:
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
