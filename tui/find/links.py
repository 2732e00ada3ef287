"""Which characters an event added. The other way round: `writers`."""

from __future__ import annotations

from typing import NamedTuple

from tui.core.delta_text import Field, buffer_of, delta_text
from tui.core.records import EventRecord
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
