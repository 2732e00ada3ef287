"""Which event wrote which characters, and the other way round."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from tui.core.buffer import Buffer
from tui.core.records import EventRecord
from tui.core.session import Run
from tui.core.state import Block, RunState

Field = Literal["text", "thinking", "json"]

_FIELDS: Final[dict[str, tuple[Field, str]]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("json", "partial_json"),
}
"""Delta type → the block's buffer, and the delta's field that goes there."""
DELTA_OF: Final = {field: delta for delta, (field, _) in _FIELDS.items()}
"""The block's buffer → the delta type that writes it."""


class Contribution(NamedTuple):
    """The characters that one event added: `[start, end)` of a buffer of a block."""

    place: int
    """The block's place in the state, which is not its index on the wire."""
    field: Field
    start: int
    end: int


def buffer_of(block: Block, field: Field) -> Buffer:
    """Return a block's buffer by name."""
    if field == "text":
        return block.text
    return block.thinking if field == "thinking" else block.json


def contribution(state: RunState, record: EventRecord) -> Contribution | None:
    """Return what `record` added, where `state` is the state just after it; None for nothing."""
    found = delta_text(record)
    if found is None:
        return None
    field, text = found
    block = state.by_index.get(record.block_index)
    for place, candidate in enumerate(state.blocks):
        if candidate is block:
            end = len(buffer_of(candidate, field))
            return Contribution(place, field, end - len(text), end) if text else None
    return None


def writer_of(run: Run, place: int, field: Field, offset: int) -> int:
    """Return the event that wrote the character at `offset` of a block's buffer.

    That is the block's first event where the character came with it, or where there is none.
    """
    block = run.state.blocks[place]
    timeline = run.timeline
    seq, length = timeline.history.reached(place, field, offset) if timeline.history else (0, 0)
    if seq <= block.started_seq:
        seq = block.started_seq + (not block.implicit)
        # Tool input of a start is a value and no text; it is not in the buffer.
        start = None if field == "json" else block.start.get(field)
        length = len(start) if isinstance(start, str) else 0
        if offset < length:
            return block.started_seq
    while seq < len(timeline):
        label = timeline.label(seq)
        known = _FIELDS.get(label.delta)
        if known is not None and known[0] == field and timeline.index(seq) == block.index:
            found = delta_text(timeline.record(seq))
            length += len(found[1]) if found else 0
            if offset < length:
                return seq
        seq += 1
    return block.started_seq


def delta_text(record: EventRecord) -> tuple[Field, str] | None:
    """Return which buffer a delta goes to, and the text that it adds; None for other events."""
    payload = record.payload
    if record.type != "content_block_delta" or payload is None:
        return None
    delta = payload.get("delta")
    kind_of = delta.get("type") if isinstance(delta, dict) else None
    known = _FIELDS.get(kind_of) if isinstance(kind_of, str) else None
    if known is None:
        return None
    text = payload["delta"].get(known[1])
    return known[0], text if isinstance(text, str) else ""
