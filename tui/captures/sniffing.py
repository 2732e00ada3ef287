"""Tells the format of a file by what is in it: by its bytes, else by the JSON in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from jiter import from_json

from tui.captures.batch_results import is_result
from tui.captures.event_list import is_event
from tui.captures.eventstream import looks_like_eventstream
from tui.captures.json_values import BOM
from tui.captures.message_events import is_message
from tui.captures.mitmproxy import looks_like_flows
from tui.captures.recorded_exchanges import exchanges_in, is_exchange
from tui.captures.session_log import is_turn

Format = Literal[
    "capture",
    "events",
    "trace",
    "har",
    "cassette",
    "session",
    "batch",
    "messages",
    "exchanges",
    "eventstream",
    "flows",
    "body",
]

HEAD: Final = 1 << 18
"""How many bytes of a file are enough to tell its format."""
_TRIED: Final = 20
"""Lines, or items of an array, that are looked at."""
_CASSETTE: Final = re.compile(rb"(?:\A|[\r\n])(?:http_)?interactions:")
_FIELD: Final = re.compile(rb"event:|data:|id:|retry:|:")
_JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
_BY_NAME: Final[dict[str, Format]] = {
    ".har": "har",
    ".yaml": "cassette",
    ".yml": "cassette",
    ".jsonl": "events",
    ".ndjson": "events",
}


def sniff_format(head: bytes, name: str) -> Format:
    """Tell the format of a file by its first bytes, and by its name where they do not say.

    `body` is what is left: the bytes of a response, whether an event stream or not.
    """
    for found, matches in _BY_BYTES:
        if matches(head):
            return found
    start = head.removeprefix(BOM).lstrip()
    suffix = Path(name).suffix.lower()
    if start[:1] in (b"{", b"["):
        told = _by_json(start, suffix)
        if told is not None:
            return told
    elif _CASSETTE.search(start):
        return "cassette"
    if start and suffix in _BY_NAME and not is_stream_start(start):
        return _BY_NAME[suffix]
    return "body"


def is_stream_start(start: bytes) -> bool:
    """Whether bytes that begin with no blank begin as server-sent events do."""
    return _FIELD.match(start) is not None


def _by_json(start: bytes, suffix: str) -> Format | None:
    """Tell the format of JSON by its first values, one of which may break off."""
    lines = start.split(b"\n", _TRIED)
    values = [_parse(line, whole=len(lines) > 1) for line in lines[:_TRIED]]
    if not isinstance(values[0], dict):
        whole = _parse(start, whole=False)
        values = whole[:_TRIED] if isinstance(whole, list) else [whole]
    objects = [value for value in values if isinstance(value, dict)]
    for table in (_BY_VALUE, _PERHAPS):
        for value in objects:
            for found, matches in table:
                if matches(value):
                    return found
    if suffix in _JSON_LINES and any(value.get("type") == "error" for value in objects):
        # By itself it is the body of a response with an error; in a list of events, one of them.
        return "events"
    return None


def _parse(text: bytes, *, whole: bool) -> object:
    if not whole:
        # The head may end within a character.
        text = text.decode("utf-8", "ignore").encode()
    try:
        return from_json(text, partial_mode="off" if whole else "trailing-strings")
    except ValueError:
        return None


def _is_capture(value: dict[str, Any]) -> bool:
    return "streamscope" in value or ("k" in value and "run" in value)


def _is_trace(value: dict[str, Any]) -> bool:
    request = value.get("request")
    return isinstance(request, dict) and "timestamp" in request


def _is_har(value: dict[str, Any]) -> bool:
    return isinstance(value.get("log"), dict)


def _is_cassette(value: dict[str, Any]) -> bool:
    return isinstance(value.get("interactions", value.get("http_interactions")), list)


def _is_typed(value: dict[str, Any]) -> bool:
    return isinstance(value.get("type"), str) and value["type"] not in ("message", "error")


def _holds_exchanges(value: dict[str, Any]) -> bool:
    return is_exchange(value) or bool(exchanges_in(value))


def _is_request(value: dict[str, Any]) -> bool:
    # The response has not been reached: the head ends within the request.
    request = value.get("request")
    return isinstance(request, dict) and "url" in request


_BY_BYTES: Final[list[tuple[Format, Callable[[bytes], bool]]]] = [
    ("eventstream", looks_like_eventstream),
    ("flows", looks_like_flows),
]
_BY_VALUE: Final[list[tuple[Format, Callable[[dict[str, Any]], bool]]]] = [
    ("capture", _is_capture),
    ("trace", _is_trace),
    ("har", _is_har),
    ("cassette", _is_cassette),
    ("batch", is_result),
    ("session", is_turn),
    ("events", is_event),
    ("messages", is_message),
    ("exchanges", _holds_exchanges),
]
"""In this order: the first that matches one of the values says what the file is."""
_PERHAPS: Final[list[tuple[Format, Callable[[dict[str, Any]], bool]]]] = [
    ("exchanges", _is_request),
    ("events", _is_typed),
]
"""What is tried where nothing is certain."""
