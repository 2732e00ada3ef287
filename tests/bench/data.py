"""The streams that are measured, as the API writes them. The same bytes at every call."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import orjson

from tui.captures.codec import CaptureHead, ChunkLine, EndLine, RequestLine, encode_line
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


EVENTS: Final = 1_000_000
"""How many events the large files have."""
_AT_ONCE: Final = 100_000
_GAP_NS: Final = 12_000_000


def many_events(count: int = EVENTS) -> Iterator[bytes]:
    """Yield the events of one long answer."""
    start, block, *deltas, stop, delta, end = text_stream(_AT_ONCE).split(b"\n\n")[:-1]
    yield start + b"\n\n"
    yield block + b"\n\n"
    for number in range(count - 5):
        yield deltas[number % len(deltas)] + b"\n\n"
    for event in (stop, delta, end):
        yield event + b"\n\n"


def capture_lines(count: int = EVENTS) -> Iterator[bytes]:
    """Yield the lines of a capture of one long answer, a read an event."""
    yield encode_line(CaptureHead())
    yield encode_line(RequestLine("r1", 0, "POST", None, {}, {}))
    for number, event in enumerate(many_events(count), 1):
        yield encode_line(ChunkLine("r1", number * _GAP_NS, event))
    yield encode_line(EndLine("r1", (count + 1) * _GAP_NS, "eof", None))


def parse_capture(path: Path) -> None:
    """What any reader of a capture has to do: parse each line, and the event in it."""
    with path.open("rb") as file:
        for line in file:
            event = orjson.loads(line).get("data")
            if event is not None:
                orjson.loads(event[event.index("\ndata: ") + 7 :])


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
