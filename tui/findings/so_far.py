"""What can be said of a run while it streams. Judged by the tick: nothing walks over events."""

from __future__ import annotations

from typing import Final

from tui.core.state import Block, RunState
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.reads import BUFFERED_AFTER_NS, BUFFERED_CHUNKS, BURST_NS
from tui.findings.timing import SLOW_FIRST_BYTE_NS, STALL_TEXT_NS, STALL_THINKING_NS
from tui.findings.wording import in_seconds, seconds, wire

_TOOL_NS: Final = 10_000_000_000
"""The API holds a tool's value back until it is whole: that takes a while on a good day."""


def so_far(evidence: Evidence, now_ns: int, last_byte_ns: int | None) -> Finding | None:
    """Return what is worth saying now of a stream that goes on, None where all is well.

    `now_ns` and `last_byte_ns` are times since the request.
    """
    if not evidence.timed or evidence.ended:
        return None
    if evidence.run.first_byte_ns is None:
        return _nothing_yet(now_ns) if evidence.from_request else None
    return _stalled(evidence.state, now_ns, last_byte_ns) or _buffered(evidence)


def _nothing_yet(now_ns: int) -> Finding | None:
    if now_ns < SLOW_FIRST_BYTE_NS:
        return None
    return Finding(
        "slow_first_byte",
        "warning",
        f"No byte has come yet, {seconds(now_ns)} after the request.",
        "The wait is before the stream: a queue, a long prompt, or something that buffers.",
        (),
        {"seconds": in_seconds(now_ns)},
    )


def _stalled(state: RunState, now_ns: int, last_byte_ns: int | None) -> Finding | None:
    last = state.last_content_ns
    if last is None or state.stop_reason is not None:
        return None
    block = state.blocks[-1] if state.blocks else None
    age_ns = now_ns - last
    if age_ns <= _patience(block):
        return None
    quiet_ns = now_ns - (last_byte_ns or 0)
    alive = quiet_ns < age_ns / 2
    pings = "pings still arrive" if alive else "no byte either"
    where = "" if block is None or block.stopped else f" inside a {wire(block.type, 40)} block"
    return Finding(
        "stall",
        "warning",
        f"Nothing has come for {seconds(age_ns)}{where}; {pings}.",
        "The model or the API is slow; wait, or cancel."
        if alive
        else "The connection may be gone: nothing at all arrives.",
        (max(state.events - 1, 0),),
        {"seconds": in_seconds(age_ns), "pings": alive},
    )


def _patience(block: Block | None) -> int:
    if block is None or block.stopped or block.type == "text":
        return STALL_TEXT_NS
    return STALL_THINKING_NS if block.type == "thinking" else _TOOL_NS


def _buffered(evidence: Evidence) -> Finding | None:
    state = evidence.state
    first, last = state.first_content_ns, state.last_content_ns
    count = len(state.gaps_ns) + 1
    if first is None or last is None or not evidence.from_request:
        return None
    if count < BUFFERED_CHUNKS or last - first > BURST_NS or first < BUFFERED_AFTER_NS:
        return None
    return Finding(
        "buffered",
        "warning",
        f"All {count:,} content chunks so far came at once, {seconds(first)} after the request: "
        "fits a proxy that buffers.",
        "Turn off response buffering in the proxy.",
        (0,),
        {"chunks": count, "after_s": in_seconds(first)},
    )
