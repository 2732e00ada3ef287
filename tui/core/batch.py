"""Folds the records of one read: as `reducer.apply` would one by one, only quicker.

A read of a fast stream holds many deltas for one block. They have one time, so all that the later
ones do is add text and counts: such a run is taken in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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
    block: Block | None = None
    kind, index, now, texts = "", -1, 0, list[str]()
    for record in records:
        _, t_ns, _, kind_of, block_index, payload, _, _, flaws = record
        if (
            block is not None
            and t_ns == now
            and block_index == index
            and kind_of == _DELTA
            and not flaws
            and payload is not None
        ):
            delta = payload.get("delta")
            if type(delta) is dict and len(delta) == 2 and delta.get("type") == kind:
                text = delta.get(_TEXTS[kind])
                if type(text) is str and text:
                    texts.append(text)
                    continue
        if block is not None and texts:
            _take(state, block, kind, texts)
            texts.clear()
        apply(state, record)
        kind, index, now = _kind(record), block_index, t_ns
        block = _in_order(state, kind, index) if kind else None
    if block is not None and texts:
        _take(state, block, kind, texts)


def _kind(record: EventRecord) -> str:
    """Return the type of a delta that has text and may begin a run, empty for anything else."""
    delta = (record.payload or {}).get("delta")
    if record.type != _DELTA or not isinstance(delta, dict):
        return ""
    kind = delta.get("type")
    if not isinstance(kind, str) or kind not in _TEXTS:
        return ""
    text = delta.get(_TEXTS[kind])
    return kind if isinstance(text, str) and text else ""


def _in_order(state: RunState, kind: str, index: int) -> Block | None:
    """Return the block that just took such a delta; None where another one is an anomaly."""
    block = state.by_index.get(index) if index >= 0 else None
    if block is None or block.stopped_ns is not None or state.phase is not Phase.OPEN:
        return None
    return block if DELTAS[kind][1] in (None, block.type) else None


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
