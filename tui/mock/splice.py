"""Changing events inside a timed stream: all other bytes, and all times, stay as they are."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tui.core.records import Chunk, EventRecord, JsonObject, from_frame
from tui.core.sse import Decoder

DELTA: Final = "content_block_delta"
TOOL_DELTA: Final = "input_json_delta"
_TEXT_FIELDS: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    TOOL_DELTA: "partial_json",
}


class Edit(NamedTuple):
    """These bytes in place of those from `start` to `end`; empty ones remove an event."""

    start: int
    end: int
    data: bytes


class TimedEnd(NamedTuple):
    """Where some events end in a stream, and when they come."""

    offset: int
    t_ns: int


class WirePart(NamedTuple):
    """What a delta adds: its kind, the name of its field, and the text in it."""

    kind: str
    field: str
    text: str


def read(chunks: Iterable[Chunk]) -> list[EventRecord]:
    """The events in a stream, each with the time of the chunk that completed it."""
    decoder, records, t_ns = Decoder(), list[EventRecord](), 0
    for t_ns, data in chunks:
        for frame in decoder.feed(data):
            records.append(from_frame(frame, len(records), t_ns))
    records += (from_frame(frame, len(records), t_ns) for frame in decoder.close())
    return records


def part_of(record: EventRecord) -> WirePart | None:
    """The text of a delta that is shown piece by piece, None for every other event."""
    delta = record.payload.get("delta") if record.payload and record.type == DELTA else None
    if not isinstance(delta, dict):
        return None
    kind = str(delta.get("type"))
    field = _TEXT_FIELDS.get(kind, "")
    text = delta.get(field)
    return WirePart(kind, field, text) if isinstance(text, str) else None


def frame(event: JsonObject) -> bytes:
    """An event as bytes, whatever is in it: half a surrogate pair cannot be sent as UTF-8."""
    data = json.dumps(event, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def replace(record: EventRecord, data: bytes) -> Edit:
    """The edit that puts `data` in the place of an event."""
    return Edit(record.offset, record.offset + record.length, data)


def spliced(chunks: Sequence[Chunk], edits: Iterable[Edit]) -> tuple[Chunk, ...]:
    """The stream with these edits, which do not overlap. A chunk that loses all is left out.

    What replaces an event that came in several chunks comes in the last of them.
    """
    todo = deque(sorted(edits))
    out: list[Chunk] = []
    begin = 0
    for chunk in chunks:
        t_ns, data = chunk
        end = begin + len(data)
        if data and not (todo and todo[0].start < end):
            out.append(chunk)
            begin = end
            continue
        kept, new = begin, bytearray()
        while todo and todo[0].start < end:
            edit = todo[0]
            new += data[kept - begin : max(edit.start, kept) - begin]
            kept = min(edit.end, end)
            if edit.end > end:
                break
            new += edit.data
            todo.popleft()
        new += data[kept - begin :]
        if new:
            out.append(Chunk(t_ns, bytes(new)))
        begin = end
    return tuple(out)


def cut(chunks: Sequence[Chunk], offset: int, tail: bytes) -> tuple[Chunk, ...]:
    """The stream up to `offset`, and then `tail`, at the time of what came there."""
    out: list[Chunk] = []
    for t_ns, data in chunks:
        kept = data[:offset]
        offset -= len(kept)
        if len(kept) < len(data):
            return (*out, Chunk(t_ns, kept + tail))
        out.append(Chunk(t_ns, kept))
    return (*out, Chunk(out[-1].t_ns if out else 0, tail))


def retimed(
    chunks: Sequence[Chunk], ends: Iterable[TimedEnd], *, apart: bool = False
) -> tuple[Chunk, ...]:
    """The same bytes in other chunks, which end at these places; what follows the last is its own.

    What comes at one time is one chunk, unless it is to stay `apart`.
    """
    data = b"".join(chunk.data for chunk in chunks)
    out: list[Chunk] = []
    begin = 0
    for end, t_ns in (*ends, TimedEnd(len(data), chunks[-1].t_ns if chunks else 0)):
        t_ns = max(t_ns, out[-1].t_ns if out else 0)
        piece = data[begin:end]
        if out and not apart and out[-1].t_ns == t_ns:
            out[-1] = Chunk(t_ns, out[-1].data + piece)
        elif piece:
            out.append(Chunk(t_ns, piece))
        begin = end
    return tuple(out)
