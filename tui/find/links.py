"""Which event wrote which characters, and the other way round."""

from __future__ import annotations

from typing import NamedTuple

from tui.core.delta_text import FIELDS, Field, buffer_of, delta_text
from tui.core.records import EventRecord
from tui.core.session import Run
from tui.core.state import RunState


class Contribution(NamedTuple):
    """The characters that one event added: `[start, end)` of a buffer of a block."""

    position: int
    """That of the block, which is not its index on the wire."""
    field: Field
    start: int
    end: int


def contribution(state: RunState, record: EventRecord) -> Contribution | None:
    """Return what `record` added, where `state` is the state just after it; None for nothing."""
    found = delta_text(record)
    if found is None:
        return None
    field, text = found
    block = state.by_index.get(record.block_index)
    if block is None or not text:
        return None
    end = len(buffer_of(block, field))
    return Contribution(block.position, field, end - len(text), end)


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
        known = FIELDS.get(label.delta)
        if known is not None and known[0] == field and timeline.index(seq) == block.index:
            found = delta_text(timeline.record(seq))
            length += len(found[1]) if found else 0
            if offset < length:
                return seq
        seq += 1
    return block.started_seq
