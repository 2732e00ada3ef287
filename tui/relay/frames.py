"""How the relay tells the recording process of exchanges: frames with a head of fixed size."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

REQUEST: Final = 1
"""JSON: method, url, headers, at (nanoseconds since 1970)."""
BODY: Final = 2
ASKED: Final = 3
ANSWER: Final = 4
"""JSON: status, headers."""
CHUNK: Final = 5
END: Final = 6
"""JSON: how, why."""

_HEAD: Final = struct.Struct("<BIQI")
HEAD_BYTES: Final = _HEAD.size
_READ: Final = 256 * 1024


class TapeFrame(NamedTuple):
    """Something that happened to exchange `number`, `t_ns` after its request came."""

    kind: int
    number: int
    t_ns: int
    data: bytes


def encode_head(kind: int, number: int, t_ns: int, size: int) -> bytes:
    """Return the head of a frame; `size` bytes of data belong behind it."""
    return _HEAD.pack(kind, number, t_ns, size)


def encode_value(value: dict[str, Any]) -> bytes:
    """Return the data of a frame that holds JSON."""
    return json.dumps(value).encode()


class FrameReader:
    """Reads frames from a descriptor, always into the same memory."""

    def __init__(self, size: int = _READ) -> None:
        """Take how many bytes are read at once, at most."""
        self._buffer = bytearray(size)
        self._filled = 0

    def fill(self, fd: int) -> bool:
        """Wait for some bytes; return whether there were any before the end. Raises OSError."""
        with memoryview(self._buffer) as view:
            count = os.readv(fd, [view[self._filled :]])
        self._filled += count
        return count > 0

    def frames(self) -> Iterator[TapeFrame]:
        """Yield the frames that are there. To be gone through before more is read."""
        at, end, wanted = 0, self._filled, HEAD_BYTES
        with memoryview(self._buffer) as view:
            while end - at >= HEAD_BYTES:
                kind, number, t_ns, size = _HEAD.unpack_from(view, at)
                begin = at + HEAD_BYTES
                if end - begin < size:
                    wanted = HEAD_BYTES + size
                    break
                at = begin + size
                yield TapeFrame(kind, number, t_ns, bytes(view[begin:at]))
            view[: end - at] = view[at:end]
        self._filled = end - at
        if wanted > len(self._buffer):
            self._buffer += bytes(wanted - len(self._buffer))
