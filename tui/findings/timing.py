"""Where the time went: waiting, stalls, held-back input, slow decoding.

Only for streams whose times are real. Gaps are found among those that the state counted while
streaming and by bisecting the columns, so that a long run costs little more than a short one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import STALL_NS, Block, RunState, as_text
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.holding import withheld
from tui.findings.wording import in_seconds, listed, many, seconds, wire
from tui.messages.request import SERVER_USES

SLOW_FIRST_BYTE_NS: Final = 5_000_000_000
STALL_TEXT_NS: Final = 3_000_000_000
STALL_THINKING_NS: Final = 10_000_000_000
SERVER_WAIT_NS: Final = 2_000_000_000
SLOW_TOKENS_PER_S: Final = 15.0
SLOW_OVER_NS: Final = 5_000_000_000
_CONTENT: Final = ("text_delta", "thinking_delta", "input_json_delta")


# --- before the stream ----------------------------------------------------------------------------


def slow_first_byte(evidence: Evidence) -> Finding | None:
    """The wait was before the stream began."""
    first = evidence.run.first_byte_ns
    if not evidence.from_request or first is None or first < SLOW_FIRST_BYTE_NS:
        return None
    return Finding(
        "slow_first_byte",
        "warning",
        f"The first byte came after {seconds(first)}: the wait was before the stream began, "
        "which fits a queue, a very long prompt, or something that holds the answer back.",
        "Look at the size of the prompt and at rate limits; a cached prompt begins sooner.",
        (0,) if len(evidence.run.timeline) else (),
        {"first_byte_s": in_seconds(first)},
    )


# --- within the stream ----------------------------------------------------------------------------


class Stall(NamedTuple):
    """A silence within one block, before event `seq`."""

    length_ns: int
    seq: int
    block: Block
    pings: int


def stalls(evidence: Evidence) -> list[Stall]:
    """Return the gaps between chunks of one block of text or thinking that are too long."""
    state, timeline = evidence.state, evidence.run.timeline
    found = []
    pings = timeline.seqs("ping")
    for seq, length in state.stalls:
        if length <= STALL_TEXT_NS or seq >= len(timeline):
            continue
        kind = timeline.label(seq).delta
        limit = {"text_delta": STALL_TEXT_NS, "thinking_delta": STALL_THINKING_NS}.get(kind)
        if limit is None or length <= limit:
            continue
        block = _block_at(state, timeline.index(seq), seq)
        since = bisect_right(timeline.times, timeline.times[seq] - length, 0, seq)
        before = since - 1
        while before > 0 and timeline.label(before).delta not in _CONTENT:
            before -= 1
        within = block is not None and block.started_seq < before
        if block is None or not within or timeline.index(before) != block.index:
            continue  # A gap between two blocks, or before the first chunk of one.
        inside = bisect_left(pings, seq) - bisect_left(pings, since)
        found.append(Stall(length, seq, block, inside))
    return found


def _block_at(state: RunState, index: int, seq: int) -> Block | None:
    """Return the block with this index that had begun before an event."""
    fitting = [one for one in state.blocks if one.index == index and one.started_seq < seq]
    return fitting[-1] if fitting else None


def stall(evidence: Evidence) -> Finding | None:
    """The stream stood still in the middle of a block."""
    if not evidence.timed:
        return None
    gaps = stalls(evidence)
    if not gaps:
        return None
    longest = max(gaps)
    pings = f", with {many(longest.pings, 'ping')}" if longest.pings else ", without a ping"
    total = sum(gap.length_ns for gap in gaps)
    more = "" if len(gaps) == 1 else f" There were {len(gaps)} in all, {seconds(total)} together."
    means = (
        "the connection lived, the model or its server stood still"
        if longest.pings
        else "it fits a server or a network that stood still"
    )
    return Finding(
        "stall",
        "warning",
        f"Nothing came for {seconds(longest.length_ns)} inside a {wire(longest.block.type)} block "
        f"({longest.block.index}), before event {longest.seq}{pings}: {means}.{more}",
        "Compare with another run: where it comes back at the same place, look at what is between.",
        tuple(gap.seq for gap in sorted(gaps, reverse=True)),
        {
            "longest_s": in_seconds(longest.length_ns),
            "count": len(gaps),
            "total_s": in_seconds(total),
            "pings": longest.pings,
        },
    )


def withheld_tool_input(evidence: Evidence) -> Finding | None:
    """A tool's input came in jerks: each value when it was whole."""
    held = withheld(evidence) if evidence.finely_timed else []
    if not held:
        return None
    total = sum(one.length_ns for one in held)
    names = listed(list(dict.fromkeys(one.name for one in held)))
    pieces = many(len(held), "piece")
    means = "sends a value when it is whole"
    advice = None
    if not all(one.by_server for one in held):
        means += ", unless fine-grained tool streaming is on"
        advice = (
            "Set eager_input_streaming on the tool to have the input as it is written; "
            "it can then be cut off or invalid."
        )
    return Finding(
        "withheld_tool_input",
        "notice",
        f"The input of {names} came in {pieces} after {seconds(total)} of silence in all: the API "
        f"{means}.",
        advice,
        tuple(one.seq for one in sorted(held, reverse=True)),
        {"total_s": in_seconds(total), "pieces": len(held)},
    )


class _Wait(NamedTuple):
    length_ns: int
    seq: int
    name: str


def server_waits(evidence: Evidence) -> list[_Wait]:
    """Return the waits for tools of the server that took long."""
    state = evidence.state
    results: dict[str, Block] = {}
    for block in state.blocks:
        answers = as_text(block.start.get("tool_use_id"))
        if answers is not None and block.type.endswith("_tool_result"):
            results.setdefault(answers, block)
    found = []
    for block in state.blocks:
        result = results.get(as_text(block.start.get("id")) or "")
        if block.type not in SERVER_USES or result is None or block.stopped_ns is None:
            continue
        length = result.started_ns - block.stopped_ns
        if length > SERVER_WAIT_NS:
            name = wire(as_text(block.start.get("name")) or block.type)
            found.append(_Wait(length, result.started_seq, name))
    return found


def server_tool_wait(evidence: Evidence) -> Finding | None:
    """A tool of the server took its time."""
    waits = server_waits(evidence) if evidence.timed else []
    if not waits:
        return None
    longest = max(waits)
    total = sum(wait.length_ns for wait in waits)
    more = ""
    if len(waits) > 1:
        more = f" There were {len(waits)} such waits, {seconds(total)} together."
    return Finding(
        "server_tool_wait",
        "notice",
        f"The server's tool {longest.name} took {seconds(longest.length_ns)} from its call to its "
        f"result: the model waited for it.{more}",
        None,
        tuple(wait.seq for wait in sorted(waits, reverse=True)),
        {
            "longest_s": in_seconds(longest.length_ns),
            "count": len(waits),
            "total_s": in_seconds(total),
        },
    )


def slow_decode(evidence: Evidence) -> Finding | None:
    """The model wrote slowly, all the way."""
    run, state = evidence.run, evidence.state
    tokens, first, last = state.counted_tokens, state.first_content_ns, run.last_byte_ns
    if not evidence.timed or not evidence.complete or not tokens or first is None or last is None:
        return None
    # Waits for tools, input that was held back: no gap as long as these is decoding.
    waits = sum(length for _, length in state.stalls)
    after = last - (state.last_content_ns or last)
    waits += after if after > STALL_NS else 0
    decoding = last - first - waits
    if decoding < SLOW_OVER_NS:
        return None
    rate = tokens * 1_000_000_000 / decoding
    if rate >= SLOW_TOKENS_PER_S:
        return None
    values: JsonObject = {
        "tokens_per_s": round(rate, 2),
        "tokens": tokens,
        "decode_s": in_seconds(decoding),
    }
    less = " (waits taken off)" if waits else ""
    return Finding(
        "slow_decode",
        "notice",
        f"{many(tokens, 'token')} in {seconds(decoding)} of decoding{less} are {rate:.1f} tokens a "
        "second, without a stall: it fits a model under load.",
        "Try another time or a faster model.",
        (),
        values,
    )
