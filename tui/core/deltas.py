"""What each delta type does to its block, and how content is counted.

The part of the reducer that runs for nearly every event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import sub
from typing import TYPE_CHECKING, Final

from tui.core import buffer
from tui.core.columns import extended
from tui.core.records import EventRecord, JsonObject
from tui.core.state import PULSE_NS, STALL_NS, Anomaly, Block, RunState
from tui.core.text import clip

if TYPE_CHECKING:
    from tui.core.json_check import JsonCheck

DeltaHandler = Callable[[RunState, EventRecord, Block, JsonObject], None]

_OWN_FIELDS: Final = frozenset({"type", "text", "thinking", "input", "citations", "signature"})


def note(state: RunState, record: EventRecord, code: str, detail: str) -> None:
    """Keep an anomaly of the event at hand."""
    state.anomalies.append(Anomaly(record.seq, code, clip(detail, 200)))


def object_of(state: RunState, record: EventRecord, holder: JsonObject, name: str) -> JsonObject:
    """Return a field that has to be an object; where it is none, an empty one and an anomaly."""
    value = holder.get(name)
    if isinstance(value, dict):
        return value
    found = "missing" if name not in holder else f"a {type(value).__name__}"
    note(state, record, "bad_field", f"{name} should be an object, it is {found}")
    return {}


def count_content(state: RunState, seq: int, now: int, size: int, output: bool) -> None:
    """Count a content chunk: a delta with text, thinking or tool input in it."""
    last = state.last_content_ns
    if last is None:
        state.first_content_ns = now
    else:
        gap = now - last
        state.gaps_ns = extended(state.gaps_ns, (gap,), "q")
        if gap > STALL_NS:
            state.stalls.append((seq, gap))
        if state.second_content_ns is None:
            state.second_content_ns = now
    state.last_content_ns = now
    if output and state.first_output_ns is None:
        state.first_output_ns = now
    if now >= state.pulse_end_ns:
        bucket = now // PULSE_NS
        state.pulse_end_ns = (bucket + 1) * PULSE_NS
        state.pulse.extend((bucket, size))
    else:
        state.pulse[-1] += size


def count_more(state: RunState, count: int, size: int) -> None:
    """Count content chunks, `size` characters in all, that came at the time of the last one."""
    state.gaps_ns.extend([0] * count)
    if state.second_content_ns is None:
        state.second_content_ns = state.last_content_ns
    state.pulse[-1] += size


def count_each(
    state: RunState, seq: int, times: Sequence[int], texts: Sequence[str], output: bool
) -> None:
    """Count content chunks of events from `seq` on: as `count_content` for each with text in it."""
    seqs: Sequence[int] = range(seq, seq + len(texts))
    sizes: Sequence[int] = list(map(len, texts))
    if 0 in sizes:
        kept = [chunk for chunk in zip(seqs, times, sizes, strict=True) if chunk[2]]
        if not kept:
            return
        seqs, times, sizes = zip(*kept, strict=True)
    count_content(state, seqs[0], times[0], sizes[0], output)
    if len(sizes) == 1:
        return
    gaps = list(map(sub, times[1:], times))
    state.gaps_ns = extended(state.gaps_ns, gaps, "q")
    if max(gaps) > STALL_NS:
        stalls = zip(seqs[1:], gaps, strict=True)
        state.stalls.extend([stall for stall in stalls if stall[1] > STALL_NS])
    if state.second_content_ns is None:
        state.second_content_ns = times[1]
    state.last_content_ns = times[-1]
    end, pulse = state.pulse_end_ns, state.pulse
    for now, size in zip(times[1:], sizes[1:], strict=True):
        if now < end:
            pulse[-1] += size
        else:
            bucket = now // PULSE_NS
            end = (bucket + 1) * PULSE_NS
            pulse.extend((bucket, size))
    state.pulse_end_ns = end


def _string(state: RunState, record: EventRecord, delta: JsonObject, name: str) -> str:
    value = delta.get(name)
    if type(value) is str:
        return value
    note(state, record, "bad_field", f"{name} of a {delta.get('type')} should be a string")
    return ""


def _text(state: RunState, record: EventRecord, block: Block, delta: JsonObject) -> None:
    text = delta.get("text")
    if type(text) is not str:
        text = _string(state, record, delta, "text")
    if text:
        block.text.append(text)
        count_content(state, record.seq, record.t_ns, len(text), True)
    if len(delta) > 2:
        _keep_extras(block, delta, "text")


def _thinking(state: RunState, record: EventRecord, block: Block, delta: JsonObject) -> None:
    thinking = delta.get("thinking")
    if type(thinking) is not str:
        thinking = _string(state, record, delta, "thinking")
    if thinking:
        block.thinking.append(thinking)
        count_content(state, record.seq, record.t_ns, len(thinking), False)
    if len(delta) > 2:
        _keep_extras(block, delta, "thinking")


def _input_json(state: RunState, record: EventRecord, block: Block, delta: JsonObject) -> None:
    fragment = delta.get("partial_json")
    if type(fragment) is not str:
        fragment = _string(state, record, delta, "partial_json")
    block.fragments.append(len(fragment))
    if fragment:
        block.json.append(fragment)
        if len(block.json) >= block.check_at:
            check_input(block)
        count_content(state, record.seq, record.t_ns, len(fragment), True)
    if len(delta) > 2:
        _keep_extras(block, delta, "partial_json")


def check_input(block: Block) -> JsonCheck:
    """Check the input of a block as far as it has come, in pieces; return what checks it."""
    check = block.check
    if check is None:
        from tui.core.json_check import JsonCheck

        check = block.check = JsonCheck()
    for at in range(check.size, len(block.json), buffer.PIECE):
        check.feed(block.json.slice(at, at + buffer.PIECE))
    block.check_at = check.size + buffer.PIECE
    return check


def _signature(state: RunState, record: EventRecord, block: Block, delta: JsonObject) -> None:
    block.patch["signature"] = _string(state, record, delta, "signature")
    if len(delta) > 2:
        _keep_extras(block, delta, "signature")


def _citation(state: RunState, record: EventRecord, block: Block, delta: JsonObject) -> None:
    object_of(state, record, delta, "citation")
    if "citation" not in delta:
        return
    if block.citations is None:
        block.citations = []
    block.citations.append(delta["citation"])
    if len(delta) > 2:
        _keep_extras(block, delta, "citation")


def _compaction(state: RunState, record: EventRecord, block: Block, delta: JsonObject) -> None:
    block.patch.update(delta)
    del block.patch["type"]


def _keep_extras(block: Block, delta: JsonObject, known: str) -> None:
    """Keep undeclared fields of a delta on its block; they never replace what the block has."""
    extras = {
        name: value
        for name, value in delta.items()
        if name != known and name not in _OWN_FIELDS and _adds_to(block.start.get(name), value)
    }
    if extras:
        block.extras.add(extras)


def _adds_to(given: object, value: object) -> bool:
    """Whether a field of a delta can be a part of what the start of the block gave."""
    if isinstance(given, (dict, list)):
        return type(value) is type(given)
    return given is None


DELTAS: Final[dict[str, tuple[DeltaHandler, str | None]]] = {
    "text_delta": (_text, "text"),
    "thinking_delta": (_thinking, "thinking"),
    "input_json_delta": (_input_json, None),
    "signature_delta": (_signature, "thinking"),
    "citations_delta": (_citation, "text"),
    "compaction_delta": (_compaction, "compaction"),
}
"""What each delta type does, and the block type it belongs to (None: any)."""
