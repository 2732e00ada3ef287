"""How the relay tells the recording process of exchanges: frames with a head of fixed size."""

from __future__ import annotations

import json
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
    """Cuts blocks of bytes into frames."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, block: bytes) -> Iterator[TapeFrame]:
        """Take some bytes, yield the frames that they complete."""
        data = self._held + block if self._held else block
        at = 0
        while len(data) - at >= HEAD_BYTES:
            kind, number, t_ns, size = _HEAD.unpack_from(data, at)
            begin = at + HEAD_BYTES
            if len(data) - begin < size:
                break
            at = begin + size
            yield TapeFrame(kind, number, t_ns, data[begin:at])
        self._held = data[at:]
