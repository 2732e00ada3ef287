"""Unpacks compressed bodies, up to a limit: a small file may hold a huge body."""

from __future__ import annotations

import zlib
from typing import Final

MAX_BODY: Final = 64_000_000
MAX_TOGETHER: Final = 128_000_000
"""The most that one body, and all bodies of a file, may unpack to, in bytes."""
_GZIP: Final = b"\x1f\x8b"


class PackedError(ValueError):
    """A body that cannot be unpacked. The message is one line."""


class Unpacker:
    """Unpacks the bodies of one file, until they are too much together."""

    def __init__(self, most: int = MAX_BODY, together: int = MAX_TOGETHER) -> None:
        self.was_cut = False
        """Whether the last body was unpacked in part only: there is more than may be."""
        self._most = most
        self._left = together

    def unpack(self, body: bytes) -> bytes:
        """Return what was packed with gzip, up to the limit; other bytes as they are.

        Raises PackedError.
        """
        self.was_cut = False
        if not body.startswith(_GZIP):
            return body
        most = min(self._most, self._left)
        if most <= 0:
            raise PackedError("the packed bodies of this file are too much together")
        unpacker = zlib.decompressobj(wbits=31)
        try:
            plain = unpacker.decompress(body, most)
            # What fits exactly leaves nothing, once it was asked for.
            rest = len(plain) == most and unpacker.decompress(unpacker.unconsumed_tail, 1)
        except zlib.error as error:
            raise PackedError(f"a gzip body that cannot be unpacked: {error}") from None
        self._left -= len(plain)
        self.was_cut = bool(rest)
        # What is missing at the end of a body that broke off is missing in the stream as well.
        return plain
