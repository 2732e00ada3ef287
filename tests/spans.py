"""Which event wrote which characters, found by folding a run event by event."""

from __future__ import annotations

from typing import Final, NamedTuple, get_args

from tui.core import reducer
from tui.core.delta_text import Field, buffer_of
from tui.core.session import Run
from tui.core.state import RunState

FIELDS: Final[tuple[Field, ...]] = get_args(Field)
Key = tuple[int, Field]
"""A block's place in the state, and the name of its buffer."""


class Span(NamedTuple):
    """The characters `[start, end)` that one event wrote."""

    seq: int
    start: int
    end: int


def spans_of(run: Run) -> dict[Key, list[Span]]:
    """Return who wrote what, for every buffer that has text."""
    state = RunState()
    spans: dict[Key, list[Span]] = {}
    lengths: dict[Key, int] = {}
    for record in run.timeline.records():
        reducer.apply(state, record)
        for place, block in enumerate(state.blocks):
            for field in FIELDS:
                before = lengths.get((place, field), 0)
                after = len(buffer_of(block, field))
                if after > before:
                    lengths[place, field] = after
                    spans.setdefault((place, field), []).append(Span(record.seq, before, after))
    return spans


def texts_of(run: Run) -> dict[Key, str]:
    """Return the text of every buffer that has any."""
    return {
        (place, field): buffer_of(block, field).text()
        for place, block in enumerate(run.state.blocks)
        for field in FIELDS
        if len(buffer_of(block, field))
    }
