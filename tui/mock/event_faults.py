"""What can go wrong with the events of an answer: other events, or the same at other times."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tui.core.json_check import parse_final
from tui.core.records import Chunk, EventRecord, JsonObject
from tui.mock.splice import (
    TOOL_DELTA,
    Edit,
    TimedEnd,
    cut,
    frame,
    part_of,
    read,
    replace,
    retimed,
    spliced,
)

HALF_WAY: Final = -1
OTHER_MODELS: Final = ("claude-haiku-4-5", "claude-opus-4-8")
"""Who answers in the place of the model that was asked."""
_NAME_LINE: Final = re.compile(rb"^event:[^\n]*\n", re.MULTILINE)
_FLAWS: Final = ('"', "}", "\x01")
"""What makes JSON invalid, the likeliest first: which one does depends on where it is put."""


def overloaded(chunks: tuple[Chunk, ...], after: int, request_id: str) -> tuple[Chunk, ...]:
    records = read(chunks)
    deltas = [at for at, record in enumerate(records) if part_of(record) is not None]
    after = len(deltas) // 2 if after == HALF_WAY else after
    if after < len(deltas):
        at = deltas[after]
    else:
        # Fewer deltas than that: after the last of them, and in any case before the end.
        ends = (at for at, record in enumerate(records) if record.type == "message_delta")
        at = deltas[-1] + 1 if deltas else next(ends, len(records))
    offset = records[at].offset if at < len(records) else sum(len(data) for _, data in chunks)
    error = {"details": None, "type": "overloaded_error", "message": "Overloaded"}
    return cut(chunks, offset, frame({"type": "error", "error": error, "request_id": request_id}))


def in_fragments(chunks: tuple[Chunk, ...], least: int) -> tuple[Chunk, ...]:
    edits: list[Edit] = []
    held: dict[int, list[EventRecord]] = {}  # by block: they may take turns
    texts: dict[int, str] = {}

    def join(index: int) -> None:
        """Put the text of all that a block holds where the last of it was."""
        records, text = held.pop(index, []), texts.pop(index, "")
        if len(records) < 2 or (piece := part_of(records[-1])) is None:
            return
        edits.extend(replace(record, b"") for record in records[:-1])
        delta = {"type": piece.kind, piece.field: text}
        edits.append(replace(records[-1], frame({**(records[-1].payload or {}), "delta": delta})))

    for record in read(chunks):
        piece, index = part_of(record), record.block_index
        if piece is None:
            # What belongs to no block ends them all, but for a ping, which may be anywhere.
            for at in list(held) if index < 0 and record.type != "ping" else [index]:
                join(at)
            continue
        if index in held and (last := part_of(held[index][-1])) and last.kind != piece.kind:
            join(index)
        held.setdefault(index, []).append(record)
        texts[index] = texts.get(index, "") + piece.text
        if len(texts[index]) >= least:
            join(index)
    for index in list(held):
        join(index)
    return spliced(chunks, edits)


def with_invalid_json(chunks: Sequence[Chunk], number: int) -> tuple[Chunk, ...]:
    """The stream with a tool's input broken by its fragment `number`, counted from 1.

    It is the first tool's; where it has fewer fragments, the last one of them.
    """
    call: list[EventRecord] = []
    for record in read(chunks):
        if _fragment(record) and (not call or record.block_index == call[0].block_index):
            call.append(record)
    if not call:
        return tuple(chunks)
    texts = [_text(record) for record in call]
    at = min((len(call) + 1) // 2 if number == HALF_WAY else number, len(call)) - 1
    before, after = "".join(texts[:at]), "".join(texts[at + 1 :])
    broken = texts[at]
    for flaw in _FLAWS:
        broken = flaw + texts[at]
        error = parse_final(before + broken + after).error
        if error is not None and len(before) <= error[0] < len(before) + len(broken):
            break  # This fragment is to blame, and none of those that follow.
    delta = {"type": TOOL_DELTA, "partial_json": broken}
    return spliced(chunks, [replace(call[at], frame({**(call[at].payload or {}), "delta": delta}))])


def without_usage(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The stream with nothing counted."""

    def uncounted(payload: JsonObject) -> JsonObject:
        message = payload.get("message")
        kept = {name: value for name, value in payload.items() if name != "usage"}
        if isinstance(message, dict):
            bare = {name: value for name, value in message.items() if name != "usage"}
            kept["message"] = bare
        return kept

    return _rewritten(chunks, ("message_start", "message_delta"), uncounted)


def from_model(chunks: Sequence[Chunk], model: str) -> tuple[Chunk, ...]:
    """The stream as an answer of another model; without a name, of one that was not asked for."""

    def other(payload: JsonObject) -> JsonObject:
        message = payload.get("message")
        if not isinstance(message, dict):
            return payload
        asked = str(message.get("model"))
        name = model or next(each for each in OTHER_MODELS if each != asked)
        return {**payload, "message": {**message, "model": name}}

    return _rewritten(chunks, ("message_start",), other)


def without_names(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The stream without the lines that name its events: the data alone."""
    data = b"".join(chunk.data for chunk in chunks)
    places = (match.span() for match in _NAME_LINE.finditer(data))
    return spliced(chunks, (Edit(start, end, b"") for start, end in places))


def tools_held(chunks: Sequence[Chunk], longer_ns: int) -> tuple[Chunk, ...]:
    """The stream with the input of each tool held back until it is whole, and for `longer_ns`."""
    records = read(chunks)
    times = [record.t_ns for record in records]
    for first, last in _calls(records):
        whole = times[last] + longer_ns
        times[last + 1 :] = (t_ns + longer_ns for t_ns in times[last + 1 :])
        times[first : last + 1] = [whole] * (last + 1 - first)
    ends = (record.offset + record.length for record in records)
    return retimed(chunks, map(TimedEnd, ends, times))


def _calls(records: Sequence[EventRecord]) -> Iterator[tuple[int, int]]:
    """From where to where the input of tools goes, empty fragments left out.

    Tools that take turns are one call: what comes between two events cannot be later than both.
    """
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    begun: dict[int, int] = {}  # An index can come again, in another message.
    for at, record in enumerate(records):
        if record.type == "content_block_start":
            begun[record.block_index] = at
        elif _fragment(record):
            call = (record.block_index, begun.get(record.block_index, -1))
            spans[call] = (spans.get(call, (at, at))[0], at)
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans.values()):
        if joined and first < joined[-1][1]:
            first, last = joined[-1][0], max(last, joined[-1][1])
            joined.pop()
        joined.append((first, last))
    yield from joined


def bunched(chunks: Sequence[Chunk], count: int) -> tuple[Chunk, ...]:
    """The stream with `count` events in each write, when the last of them is there."""
    records = read(chunks)
    last = len(records) - 1
    ends = [
        TimedEnd(record.offset + record.length, record.t_ns)
        for at, record in enumerate(records)
        if at % count == count - 1 or at == last
    ]
    return retimed(chunks, ends, apart=True)


def _rewritten(
    chunks: Sequence[Chunk], types: tuple[str, ...], change: Callable[[JsonObject], JsonObject]
) -> tuple[Chunk, ...]:
    edits = [
        replace(record, frame(change(record.payload)))
        for record in read(chunks)
        if record.type in types and record.payload is not None
    ]
    return spliced(chunks, edits)


def _fragment(record: EventRecord) -> bool:
    piece = part_of(record)
    return piece is not None and piece.kind == TOOL_DELTA and bool(piece.text)


def _text(record: EventRecord) -> str:
    piece = part_of(record)
    return piece.text if piece is not None else ""
