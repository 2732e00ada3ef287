"""A whole Message as the events that a stream of it would have had."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from tui.core.records import JsonObject
from tui.core.report import dumps

_NAME: Final = re.compile(r"[\w.\-]{1,100}", re.ASCII)
_LATER: Final = ("stop_reason", "stop_sequence", "stop_details")
"""Fields of a message that a stream brings with its `message_delta`."""

Deltas = list[tuple[str, Any, JsonObject]]
"""For each delta: the field of the block that it fills, what is there before, and the delta."""


def is_message(value: object) -> bool:
    """Whether a JSON value is an answer of the Messages API, whole."""
    if not isinstance(value, dict) or not isinstance(value.get("content"), list):
        return False
    if value.get("type") == "message":
        return bool(value.get("role", "assistant") == "assistant")
    ident = value.get("id")
    return isinstance(ident, str) and ident.startswith("msg_") and bool(value.get("role"))


def to_wire(events: Iterable[JsonObject]) -> bytes:
    """Return events as server-sent events."""
    return b"".join(
        wire_event(as_name(event.get("type")), dumps(event).encode()) for event in events
    )


def as_name(kind: object) -> str:
    """Return a type if it can be the name of a server-sent event, else nothing."""
    return kind if isinstance(kind, str) and _NAME.fullmatch(kind) else ""


def wire_event(name: str, data: bytes) -> bytes:
    """Return one server-sent event; `data` is JSON."""
    # A CR outside of strings is a blank to JSON, and would end the line of an event stream.
    data = data.replace(b"\r", b" ").replace(b"\n", b"\ndata: ")
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + data + b"\n\n"


def message_wire(message: JsonObject) -> bytes:
    """Return a whole message as the body of a streamed response: folded, it is that message."""
    return to_wire(events_of(message))


def events_of(message: JsonObject) -> Iterator[JsonObject]:
    """Yield the events of a message, of which each text and each input is one delta."""
    content, usage = message.get("content"), message.get("usage")
    start = dict(message)
    blocks: list[Any] = content if isinstance(content, list) else []
    if blocks and all(isinstance(block, dict) for block in blocks):
        start["content"] = []
    else:
        blocks = []
    delta: JsonObject = {}
    if isinstance(usage, dict):
        delta = {name: message[name] for name in _LATER if name in message}
        start.update(dict.fromkeys(delta))
        start["usage"] = dict(usage)
        if type(usage.get("output_tokens")) is int:
            start["usage"]["output_tokens"] = 0
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(blocks):
        yield from _block_events(index, block)
    if isinstance(usage, dict):
        yield {"type": "message_delta", "delta": delta, "usage": usage}
    yield {"type": "message_stop"}


def _block_events(index: int, block: JsonObject) -> Iterator[JsonObject]:
    kind = block.get("type")
    deltas = _DELTAS.get(kind, _no_deltas)(block) if isinstance(kind, str) else []
    start = {**block, **{name: before for name, before, _ in deltas}}
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for _, _, delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _no_deltas(block: JsonObject) -> Deltas:
    return []


def _filled(block: JsonObject, name: str, delta: str) -> Deltas:
    value = block.get(name)
    if not isinstance(value, str) or not value:
        return []
    return [(name, "", {"type": delta, name: value})]


def _text(block: JsonObject) -> Deltas:
    deltas = _filled(block, "text", "text_delta")
    citations = block.get("citations")
    if isinstance(citations, list) and all(isinstance(item, dict) for item in citations):
        deltas += [
            ("citations", [], {"type": "citations_delta", "citation": item}) for item in citations
        ]
    return deltas


def _thinking(block: JsonObject) -> Deltas:
    thinking = _filled(block, "thinking", "thinking_delta")
    return thinking + _filled(block, "signature", "signature_delta")


def _input(block: JsonObject) -> Deltas:
    value = block.get("input")
    if not isinstance(value, dict) or not value:
        return []
    try:
        text = json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return []  # What JSON cannot say again stays where it is.
    return [("input", {}, {"type": "input_json_delta", "partial_json": text})]


_DELTAS: Final[dict[str, Callable[[JsonObject], Deltas]]] = {
    "text": _text,
    "thinking": _thinking,
    "tool_use": _input,
    "server_tool_use": _input,
    "mcp_tool_use": _input,
}
"""What of a block a stream brings in deltas; the other types come whole."""
