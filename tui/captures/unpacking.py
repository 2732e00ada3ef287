"""Unpacks a response body that comes in pieces, for the capture: what the client gets is raw."""

from __future__ import annotations

import zlib
from typing import Final, Protocol

from tui.captures.packed import MAX_BODY

_GZIP: Final = 31
_ZLIB: Final = 15
_WBITS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class BodyUnpacker:
    """Unpacks gzip and deflate, up to a limit. Other bytes come out as they are.

    Whether a body is what its header says shows with its first bytes: `is_packed`.
    """

    def __init__(self, encoding: str, most: int = MAX_BODY) -> None:
        wbits = _WBITS.get(encoding.strip().lower())
        self.is_packed = wbits is not None
        """Whether the bytes that come out are not those that went in."""
        self._unpacker: _Decompressor | None = None if wbits is None else zlib.decompressobj(wbits)
        self._left = most
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """Return what some bytes unpack to."""
        if self._left <= 0:
            return b""
        if self._unpacker is None or not data:
            return data
        try:
            plain = self._unpacker.decompress(data, self._left)
        except zlib.error:
            # Not what its header says; or damaged, and then nothing can be read of the rest.
            self._unpacker = None
            if not self._begun:
                self.is_packed = False
                return data
            self._left = 0
            return b""
        self._begun = True
        self._left -= len(plain)
        return plain
