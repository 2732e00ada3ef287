"""Folds the events of one or more reads: as `reducer.apply` would one by one, only quicker.

A read of a fast stream holds many deltas for one block. All that the later ones do is add text and
counts: such a run is taken in one step.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from tui.core.bursts import DELTA, TEXTS, text_kind
from tui.core.deltas import DELTAS, check_input, count_content, count_each, count_more
from tui.core.records import EventRecord
from tui.core.reducer import apply
from tui.core.state import Block, Phase, RunState

_FEW: Final = 4
"""So few records are not worth looking for a run."""
_PIECES: Final = 8
"""Texts that are joined before they are kept. Not all of them: a buffer looks at the number of its
parts to close them up."""


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
            and kind_of == DELTA
            and not flaws
            and payload is not None
            and len(payload) == 3
        ):
            delta = payload.get("delta")
            if type(delta) is dict and len(delta) == 2 and delta.get("type") == kind:
                text = delta.get(TEXTS[kind])
                if type(text) is str and text:
                    texts.append(text)
                    continue
        if block is not None and texts:
            _keep(state, block, kind, texts)
            count_more(state, len(texts), sum(map(len, texts)))
            texts.clear()
        apply(state, record)
        kind, index, now = text_kind(record), block_index, t_ns
        block = in_order(state, kind, index) if kind else None
    if block is not None and texts:
        _keep(state, block, kind, texts)
        count_more(state, len(texts), sum(map(len, texts)))


def in_order(state: RunState, kind: str, index: int) -> Block | None:
    """Return the block for deltas of a type; None where such a delta is an anomaly."""
    block = state.by_index.get(index) if index >= 0 else None
    if block is None or block.stopped_ns is not None or state.phase is not Phase.OPEN:
        return None
    return block if DELTAS[kind][1] in (None, block.type) else None


def apply_texts(
    state: RunState, block: Block, kind: str, seq: int, times: array[int], texts: list[str]
) -> None:
    """Fold deltas of one type, one after another from event `seq` on, into their block.

    They have nothing but their text, and are in order.
    """
    _keep(state, block, kind, texts)
    output = kind != "thinking_delta"
    now = times[0]
    if times.count(now) < len(times):
        count_each(state, seq, times, texts, output)
        return
    chunks = len(texts) - texts.count("")
    if chunks:
        place, first = next((place, text) for place, text in enumerate(texts) if text)
        count_content(state, seq + place, now, len(first), output)
    if chunks > 1:
        count_more(state, chunks - 1, sum(map(len, texts)) - len(first))


def _keep(state: RunState, block: Block, kind: str, texts: list[str]) -> None:
    """Put deltas on their block, and count them as events."""
    if kind == "text_delta":
        buffer = block.text
    elif kind == "thinking_delta":
        buffer = block.thinking
    else:
        buffer = block.json
        block.fragments.extend(map(len, texts))
    for at in range(0, len(texts), _PIECES):
        buffer.append("".join(texts[at : at + _PIECES]))
    if buffer is block.json and len(buffer) >= block.check_at:
        check_input(block)
    state.records += len(texts)
    state.counts[DELTA] = state.counts.get(DELTA, 0) + len(texts)
