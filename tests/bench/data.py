"""The streams that are measured, as the API writes them. The same bytes at every call."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from functools import cache

from tui.core.session import Session
from tui.scenarios import load

READ = 16_384
"""What one network read returns when the sender is faster than the reader."""
_ONE_TEXT = "hello wor"  # makes an event of 120 bytes


def frame(event: dict[str, object]) -> bytes:
    """Return one server-sent event."""
    data = json.dumps(event, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def message(block: dict[str, object], deltas: Iterable[dict[str, object]]) -> bytes:
    """Return a whole stream with one block."""
    start: dict[str, object] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 1},
    }
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    frames = [
        frame({"type": "message_start", "message": start}),
        frame({"type": "content_block_start", "index": 0, "content_block": block}),
        *(frame({"type": "content_block_delta", "index": 0, "delta": delta}) for delta in deltas),
        frame({"type": "content_block_stop", "index": 0}),
        frame({"type": "message_delta", "delta": ending, "usage": {"output_tokens": 15}}),
        frame({"type": "message_stop"}),
    ]
    return b"".join(frames)


@cache
def text_stream(deltas: int) -> bytes:
    """Return an answer of `deltas` text deltas, no two alike in a row, about 120 bytes each."""
    rng = random.Random(1)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = [" " + "".join(rng.choices(letters, k=len(_ONE_TEXT) - 1)) for _ in range(997)]
    return message(
        {"type": "text", "text": ""},
        ({"type": "text_delta", "text": words[number % len(words)]} for number in range(deltas)),
    )


@cache
def tool_input(size: int) -> str:
    """Return a tool's input of about `size` characters: records, as a model writes them."""
    items = [
        {
            "name": f"city {number}",
            "lat": number * 1.3,
            "tags": ["a", "b"],
            "ok": number % 3 == 0,
            "note": "some longer text, as models like to write",
        }
        for number in range(size // 118)
    ]
    return json.dumps({"cities": items})


@cache
def tool_stream(size: int, fragment: int = 10) -> bytes:
    """Return a call whose input of about `size` characters comes in equal fragments."""
    text = tool_input(size)
    start: dict[str, object] = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "save_cities",
        "input": {},
    }
    return message(
        start,
        (
            {"type": "input_json_delta", "partial_json": text[at : at + fragment]}
            for at in range(0, len(text), fragment)
        ),
    )


def reads(body: bytes, size: int = READ) -> list[bytes]:
    """Cut a body into reads of `size` bytes."""
    return [body[at : at + size] for at in range(0, len(body), size)]


@cache
def markdown_text(size: int) -> str:
    """Return `size` characters of Markdown with tables, lists and code: the demo's, repeated."""
    session = Session(timed=False)
    for t_ns, data in load("markdown").chunks:
        session.feed(t_ns, data)
    text = "".join(block.text.text() for block in session.run.state.blocks) + "\n\n"
    return (text * (size // len(text) + 1))[:size]
