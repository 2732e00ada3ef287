"""One event as the API writes it: compact JSON, spaces before the last brace, opaque ids."""

from __future__ import annotations

import json
from typing import Any

from tui.scenarios.pieces import Rng

PING = b'event: ping\ndata: {"type": "ping"}\n\n'

_ID_LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_MAX_PADDING = 15


class FrameWriter:
    """Writes frames; everything random in them comes from `rng`."""

    def __init__(self, rng: Rng, *, ascii_only: bool) -> None:
        self.rng = rng
        self._encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=ascii_only).encode

    def frame(self, event: dict[str, Any]) -> bytes:
        """The whole server-sent event, named by its type."""
        data = self._encode(event)[:-1] + " " * int(self.rng() * _MAX_PADDING)
        return f"event: {event['type']}\ndata: {data}}}\n\n".encode()

    def delta(self, index: int, delta: dict[str, Any]) -> bytes:
        """A `content_block_delta` for the block at `index`."""
        return self.frame({"type": "content_block_delta", "index": index, "delta": delta})

    def new_id(self, prefix: str) -> str:
        """An id such as `msg_01…`, in the API's alphabet."""
        return prefix + "01" + "".join(_ID_LETTERS[int(self.rng() * 58)] for _ in range(22))

    def opaque(self, length: int) -> str:
        """`length` characters that look like a signature or encrypted content, and are neither."""
        return "E" + "".join(_BASE64[int(self.rng() * 64)] for _ in range(length - 3)) + "=="


def patched(event: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`event` with `patch` laid over it; objects one level down are merged, not replaced."""
    out = dict(event)
    for key, value in patch.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = {**out[key], **value} if both else value
    return out
