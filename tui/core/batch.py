"""Folds the records of one read: as `reducer.apply` would one by one, only quicker.

A read of a fast stream holds many deltas for one block. They have one time, so all that the later
ones do is add text and counts: such a run is taken in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tui.core.deltas import DELTAS
from tui.core.records import EventRecord
from tui.core.reducer import apply
from tui.core.state import Block, Phase, RunState

_DELTA: Final = "content_block_delta"
_TEXTS: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}
"""The deltas that come in runs, and where their text is."""
_FEW: Final = 4
"""So few records are not worth looking for a run."""


def apply_all(state: RunState, records: Sequence[EventRecord]) -> None:
    """Fold `records` into `state`. Never raises on what came from the wire."""
    if len(records) <= _FEW:
        for record in records:
            apply(state, record)
        return
    block: Block | None = None  # of the run at hand, if there is one
    kind: Any = None
    name, index, now = "", -1, 0
    texts: list[str] = []
    for record in records:
        _, t_ns, _, kind_of, block_index, payload, _, _, flaws = record
        delta = None if payload is None or kind_of != _DELTA else payload.get("delta")
        if (
            block is not None
            and type(delta) is dict
            and block_index == index
            and t_ns == now
            and len(delta) == 2
            and delta.get("type") == kind
            and not flaws
        ):
            text = delta.get(name)
            if type(text) is str and text:
                texts.append(text)
                continue
        if texts and block is not None:
            _take(state, block, kind, texts)
            texts = []
        apply(state, record)
        block = None
        if type(delta) is dict:
            kind, index, now = delta.get("type"), block_index, t_ns
            name = _TEXTS.get(kind, "") if type(kind) is str else ""
            text = delta.get(name)
            if type(text) is str and text:
                block = _in_order(state, kind, index)
    if texts and block is not None:
        _take(state, block, kind, texts)


def _in_order(state: RunState, kind: str, index: int) -> Block | None:
    """Return the block that just took such a delta; None where the next one would be an anomaly."""
    block = state.by_index.get(index)
    home = DELTAS[kind][1]
    legal = (
        block is not None
        and index >= 0
        and block.stopped_ns is None
        and home in (None, block.type)
        and state.phase is Phase.OPEN
    )
    return block if legal else None


def _take(state: RunState, block: Block, kind: str, texts: list[str]) -> None:
    """Take deltas with text that follow one of their like with text, at the same time."""
    text = "".join(texts)
    if kind == "text_delta":
        block.text.append(text)
    elif kind == "thinking_delta":
        block.thinking.append(text)
    else:
        block.fragments.extend(map(len, texts))
        block.json.append(text)
    state.records += len(texts)
    state.counts[_DELTA] += len(texts)
    state.gaps_ns.extend([0] * len(texts))
    if state.second_content_ns is None:
        state.second_content_ns = state.last_content_ns
    state.pulse[-1][1] += len(text)
