"""The body of a recorded answer as an event stream, whatever the answer was.

Bedrock's binary stream is unwrapped. A whole Message, and a count of tokens, become the stream they
would have been, once they are whole. Anything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tui.captures.eventstream import CONTENT_TYPE, Unwrapper
from tui.captures.message_events import is_message, message_wire
from tui.captures.recording import header_of
from tui.core.records import JsonObject, strict_loads

_COUNTING: Final = "/count_tokens"
_MOST_HELD: Final = 64 << 20


def is_counting(url: str | None) -> bool:
    """Whether what is asked there is a number of tokens, and no message."""
    return (url or "").partition("?")[0].endswith(_COUNTING)


class AnswerBody:
    """Turns the reads of one body into those of a stream. Never raises."""

    def __init__(self, status: int, headers: Mapping[str, str], url: str | None) -> None:
        kind = header_of(headers, "content-type")
        is_json = "json" in kind and 200 <= status < 300
        self.streamed = not is_json
        """Whether the answer came as a stream."""
        self._counting = is_counting(url)
        self._unwrapper = Unwrapper() if CONTENT_TYPE in kind else None
        self._held: bytearray | None = bytearray() if is_json else None

    def feed(self, data: bytes) -> bytes:
        """Return the events that some bytes complete."""
        if self._unwrapper is not None:
            return self._unwrapper.feed(data)
        if self._held is None:
            return data
        self._held += data
        if len(self._held) <= _MOST_HELD:
            return b""
        whole, self._held = bytes(self._held), None
        return whole

    def close(self) -> bytes:
        """Return what is left, once the body is over."""
        if self._unwrapper is not None:
            return self._unwrapper.close()
        whole, self._held = bytes(self._held or b""), None
        return _as_stream(whole, counting=self._counting) if whole else b""


def _as_stream(body: bytes, *, counting: bool) -> bytes:
    try:
        value = strict_loads(body.decode())
    except ValueError:
        return body
    if isinstance(value, dict) and is_message(value):
        return message_wire(value)
    count = value.get("input_tokens") if isinstance(value, dict) else None
    if counting and isinstance(count, int):
        return message_wire(_counted(count))
    return body


def _counted(count: int) -> JsonObject:
    return {
        "type": "message",
        "role": "assistant",
        # Not what the server said, but what it says.
        "content": [{"type": "text", "text": f"{count} input tokens"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": count, "output_tokens": 0},
    }
