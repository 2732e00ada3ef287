"""Unpacks a response body that comes in pieces, for the capture: what the client gets is raw."""

from __future__ import annotations

import zlib
from typing import Final

from tui.captures.packed import MAX_BODY

_WBITS: Final = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
"""How each may be packed. What is called deflate has a head by the standard; some leave it out."""

_LONGEST_HEAD: Final = 64 * 1024


class BodyUnpacker:
    """Unpacks gzip and deflate, up to a limit. Other bytes come out as they are.

    Whether a body is what its header says shows with its first bytes: `is_packed`.
    """

    def __init__(self, encoding: str, most: int = MAX_BODY) -> None:
        self._ways = _WBITS.get(encoding.strip().lower(), ())
        self.is_packed = bool(self._ways)
        """Whether the bytes that come out are not those that went in."""
        self._unpacker = zlib.decompressobj(self._ways[0]) if self._ways else None
        self._left = most
        self._head = b""
        """What came before anything could be unpacked."""
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """Return what some bytes unpack to."""
        if self._left <= 0:
            return b""
        if self._unpacker is None or not data:
            return data
        plain = bytearray()
        while data and self._left > 0:
            try:
                part = self._unpacker.decompress(data, self._left)
            except zlib.error:
                return bytes(plain) + self._not_so(data)
            if part or self._unpacker.eof or len(self._head) > _LONGEST_HEAD:
                self._begun, self._head = True, b""
            elif not self._begun:
                self._head += data
            plain += part
            self._left -= len(part)
            data = self._unpacker.unused_data
            if self._unpacker.eof:
                # Another part may follow, packed by itself.
                self._unpacker = zlib.decompressobj(self._ways[0])
        return bytes(plain)

    def _not_so(self, data: bytes) -> bytes:
        """Return what bytes are that are not packed in the way that was tried."""
        if self._begun:
            # Damaged, or what nobody packed behind the end: nothing can be read of the rest.
            self._left = 0
            return b""
        data, self._head = self._head + data, b""
        self._ways = self._ways[1:]
        self.is_packed = bool(self._ways)
        self._unpacker = zlib.decompressobj(self._ways[0]) if self._ways else None
        return self.feed(data)
