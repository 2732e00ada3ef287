"""Takes the words out of what is recorded: what is left is shapes, times and usage.

Each letter and digit of a text becomes an `x`, each digit in a tool's input a 1. Names of models,
tools, types and fields stay, and so do ids and counts, by which exchanges can be told apart; the
fields of a tool's input are content. Of headers those stay that say how, not what was asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tui.captures.message_events import as_name, wire_event
from tui.core.records import strict_loads
from tui.core.report import dumps
from tui.core.sse import Decoder, Frame

_KEPT: Final = frozenset(
    {
        *("type", "role", "model", "id", "tool_use_id", "name", "stop_reason", "media_type"),
        *("service_tier", "speed", "inference_geo", "ttl", "effort", "previous_message_id"),
        "anthropic_version",
    }
)
"""Fields whose strings say what something is, not what was said."""
_SIGN: Final = re.compile(r"[!-~]{1,200}")
"""What such a string looks like; anything else in its place was said by somebody."""
_CONTENT: Final = frozenset({"input", "input_examples", "metadata", "partial_json"})
"""Fields below which nothing but shapes stays."""
_KEPT_HEADERS: Final = re.compile(
    r"(?:anthropic|x-stainless|x-ratelimit|content|accept|cf|x-amzn)-[\w-]+|(?:x-)?request-id"
    r"|accept|connection|date|retry-after|server|traceparent|transfer-encoding|user-agent|vary|via"
    r"|x-app|x-envoy-upstream-service-time|x-should-retry",
    re.IGNORECASE,
)
# Beyond ASCII everything: vowels of some scripts are no letters, and a picture says something too.
_LETTER: Final = re.compile(r"[^\W_]|[^\x00-\x7f]")
_DIGIT: Final = re.compile(r"\d")
_DEEPEST: Final = 200


def masked_text(text: str) -> str:
    """Return a text of the same length in which nothing can be read."""
    return _LETTER.sub("x", text)


def masked_url(url: str) -> str:
    """Return a URL without what its query says."""
    path, mark, query = url.partition("?")
    return path + mark + masked_text(query)


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers without what is said in those of an application."""
    return {
        name: text if _KEPT_HEADERS.fullmatch(name) else masked_text(text)
        for name, text in headers.items()
    }


def masked_json(value: object) -> Any:  # noqa: ANN401
    """Return a JSON value without what its texts say. What is nested too deeply is left out."""
    return _masked(value, "", False, 0)


def _masked(value: object, name: str, inside: bool, depth: int) -> object:
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        inside = inside or name in _CONTENT
        return {
            (masked_text(key) if inside else key): _masked(item, key, inside, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, name, inside, depth + 1) for item in value]
    if isinstance(value, str):
        is_sign = name in _KEPT and not inside and _SIGN.fullmatch(value)
        return value if is_sign else masked_text(value)
    if inside and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _masked_number(value)
    return value


def _masked_number(value: float) -> float:
    """Return a number as `JsonMask` has it: of as many digits."""
    text = _DIGIT.sub("1", repr(value))
    return (int if isinstance(value, int) else float)(text)


class JsonMask:
    """Masks a JSON text that comes in pieces, so that what was valid stays valid."""

    def __init__(self) -> None:
        self._in_string = False
        self._escape = 0
        """Characters that belong to an escape, and stay."""

    def feed(self, piece: str) -> str:
        """Return the next piece, of the same length."""
        out: list[str] = []
        for letter in piece:
            if not self._in_string:
                self._in_string = letter == '"'
                out.append("1" if letter in "0123456789" else letter)
            elif self._escape:
                self._escape -= 1
                if self._escape == 4:  # The letter behind the backslash: four more where it is u.
                    self._escape = 4 if letter == "u" else 0
                    out.append(letter)
                else:
                    out.append("0" if self._escape else "1")
            elif letter == "\\":
                self._escape = 5
                out.append(letter)
            elif letter == '"':
                self._in_string = False
                out.append(letter)
            else:
                out.append("x" if _LETTER.match(letter) else letter)
        return "".join(out)


class StreamMask:
    """Masks an event stream that comes in pieces: events come out when they are whole."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._inputs: dict[object, JsonMask] = {}

    def feed(self, data: bytes) -> bytes:
        """Take some bytes, return the events that they complete."""
        return b"".join(self._event(frame) for frame in self._decoder.feed(data) if frame.data)

    def _event(self, frame: Frame) -> bytes:
        try:
            value = strict_loads(frame.data.decode())
        except ValueError:
            value = None
        if not isinstance(value, dict):
            return wire_event(
                "", json.dumps(masked_text(frame.data.decode("utf-8", "replace"))).encode()
            )
        delta = value.get("delta")
        masked = masked_json(value)
        if isinstance(delta, dict) and isinstance(delta.get("partial_json"), str):
            mask = self._inputs.setdefault(str(value.get("index")), JsonMask())
            masked["delta"]["partial_json"] = mask.feed(delta["partial_json"])
        elif value.get("type") in ("content_block_start", "content_block_stop"):
            self._inputs.pop(str(value.get("index")), None)
        return wire_event(as_name(masked.get("type")), dumps(masked).encode())


def masked_body(body: bytes) -> bytes:
    """Return a whole body that is no event stream: JSON masked, anything else as its length."""
    try:
        value = strict_loads(body.decode())
    except ValueError:
        return b"x" * len(body)
    return dumps(masked_json(value)).encode()
