"""Tool input that was held back: silences in or before it, each followed by a burst."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import Block, as_text
from tui.core.timeline import Timeline
from tui.findings.evidence import Evidence
from tui.findings.wording import wire
from tui.messages.request import SERVER_USES

HELD_NS: Final = 2_000_000_000
"""Silences over this."""
WITHIN_NS: Final = 100_000_000
"""A burst is what came within so long of its first fragment."""
MUCH_CHARS: Final = 60
"""More than a model writes in that time."""
DENSE_NS: Final = 10_000_000
"""Fragments that are nearer to each other than this were not written so."""
_DENSE: Final = 3
_LITTLE_CHARS: Final = 10
_LOOKED_AT: Final = 64
"""Fragments that are read to tell whether they are a burst."""
_LARGE: Final = 4_096
"""Bytes of an event that can only be input: all else in it is short."""
_FRAGMENT: Final = "input_json_delta"
_EAGER: Final = "fine-grained-tool-streaming"


class Withheld(NamedTuple):
    """A silence that ended with a burst of input, which began with event `seq`."""

    length_ns: int
    seq: int
    name: str
    by_server: bool = False
    """Whether the tool is one of the server's, so that nothing can be set on it."""


def withheld(evidence: Evidence) -> list[Withheld]:
    """Return the silences in and before the input of tools that a burst followed."""
    eager = _eager_tools(evidence)
    timeline = evidence.run.timeline
    found: list[Withheld] = []
    for block in evidence.state.blocks:
        name = as_text(block.start.get("name")) or block.type
        if not len(block.json) or name in eager or None in eager:
            continue
        for since_ns, seq in _silences(evidence, block):
            if _is_burst(timeline, block, seq):
                length = timeline.times[seq] - since_ns
                found.append(Withheld(length, seq, wire(name), block.type in SERVER_USES))
    return found


def _eager_tools(evidence: Evidence) -> set[str | None]:
    """Return the tools whose input is sent as it is written; None in the set stands for all."""
    found: set[str | None] = set()
    betas = evidence.asked("betas")
    if isinstance(betas, list) and any(_EAGER in str(name) for name in betas):
        found.add(None)
    tools = evidence.asked("tools")
    for tool in tools if isinstance(tools, list) else []:
        if isinstance(tool, dict) and tool.get("eager_input_streaming") is True:
            found.add(as_text(tool.get("name")) or "")
    return found


def _silences(evidence: Evidence, block: Block) -> list[tuple[int, int]]:
    """Return the silences of a block's input: when each began, and the fragment that ended it."""
    state, timeline = evidence.state, evidence.run.timeline
    times = timeline.times
    first = _first_fragment(timeline, block)
    if first is None:
        return []
    found = []
    since = _before(evidence, block)
    if times[first] - since > HELD_NS:
        found.append((since, first))
    for seq, length in state.stalls:
        if seq > first and _is_of(timeline, seq, block):
            found.append((times[seq] - length, seq))
    return found


def _is_of(timeline: Timeline, seq: int, block: Block) -> bool:
    return timeline.label(seq).delta == _FRAGMENT and timeline.index(seq) == block.index


def _first_fragment(timeline: Timeline, block: Block) -> int | None:
    """Return the first event with input of a block in it, None where it is not found soon."""
    for seq in range(block.started_seq, min(block.started_seq + _LOOKED_AT, len(timeline))):
        if _is_of(timeline, seq, block) and _size(timeline, seq):
            return seq
    return None


def _before(evidence: Evidence, block: Block) -> int:
    """Return when the wait for a block's input began: at its start, or the end of the one before.

    Before that, a tool of the server can have run, or the model not begun.
    """
    timeline = evidence.run.timeline
    seq = block.started_seq - 1
    while seq >= 0 and timeline.label(seq).type == "ping":
        seq -= 1
    if seq < 0 or timeline.label(seq).type != "content_block_stop":
        return block.started_ns
    earlier = [one for one in evidence.state.blocks if one.started_seq < block.started_seq]
    if earlier and earlier[-1].type in SERVER_USES:
        return block.started_ns
    return timeline.times[seq]


def _size(timeline: Timeline, seq: int) -> int:
    """Return how much input an event brought, at least: a large one is not parsed for that."""
    if timeline.lengths[seq] > _LARGE:
        return MUCH_CHARS
    payload = timeline.record(seq).payload or {}
    delta: JsonObject = payload.get("delta") or {}
    return len(as_text(delta.get("partial_json")) or "")


def _is_burst(timeline: Timeline, block: Block, seq: int) -> bool:
    """Whether more came at once from this event on than a model writes in that time."""
    times = timeline.times
    end = bisect_right(times, times[seq] + WITHIN_NS, seq)
    chars = fragments = 0
    last = seq
    stopped = False
    for at in range(seq, min(end, seq + _LOOKED_AT)):
        if _is_of(timeline, at, block):
            chars += _size(timeline, at)
            fragments += 1
            last = at
        elif timeline.label(at).type == "content_block_stop":
            stopped = stopped or timeline.index(at) == block.index
        if chars >= MUCH_CHARS:
            return True
    if stopped and chars >= _LITTLE_CHARS:
        return True  # All that was left of it.
    span = times[last] - times[seq]
    return fragments >= _DENSE and span <= DENSE_NS * (fragments - 1)
