"""The state machine of a stream: folds event records into the state of a run.

Theory of operation
===================

`apply(state, record)` is the only way in for what the stream says. Folding the first n records
into an empty `RunState` gives the state after n events, so a live call, a replay and a look at the
past are the same computation.

**Phases.** A message is in one `Phase`. Only handlers change it:

    WAITING ── message_start ──▶ OPEN ── message_stop ──▶ STOPPED
       └─────────── error ────────┴──────────▶ FAILED

A message that failed stays FAILED, whatever follows but another `message_start`; an `error` after
the stop leaves it STOPPED. How the connection ended is no phase: `end` notes it beside.

**Tables.** `HANDLERS` has what each event type does, `deltas.DELTAS` what each delta type does and
which block type it belongs to. `LEGAL` has the event types that each phase allows. `protocol` has
the names of everything else that is declared. A new event type is one entry in a table.

**The way of a record.** Its own flaws (bad JSON, wrong UTF-8) become anomalies. A comment or a
cut-off tail ends there. An event is counted by its type; then its handler is looked up, and a type
without one is an anomaly; then the phase is asked, and a type that it does not allow is an anomaly;
then the handler runs, in either case.

**Anomalies.** An anomaly is something that the protocol does not allow: event number, code and a
detail (`anomalies.EXPLANATIONS` has a sentence for each code). It is noted, never raised, and the
event is applied as well as it can be: a delta for a block that was never started makes that block,
a field of the wrong type counts as empty. What is unknown is kept. So `apply` is total: no bytes
from the wire make it raise.

**What a handler may do.** It changes the state it is given, and calls `note`. It reads no clock,
no file and no other state, and does not change the payload, which other folds read too: an object
of the payload that later events change is copied first. What grows (text, tool input, gaps,
anomalies) is only added to at its end, and what is overwritten is a field that `history` copies:
checkpoints depend on both. A delta costs no more late in a message than early.

**Time** enters through `record.t_ns` alone.

**Who changes the state.** This module, with its two parts: `deltas` has the handlers of deltas,
`batch` folds many records at once with the outcome of `apply` for each. `history` makes copies of
a state as it was. Everything else reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tui.core.deltas import DELTAS, check_input, note, object_of
from tui.core.protocol import BLOCKS, ENVELOPE, HELPERS, MESSAGE_FIELDS
from tui.core.records import EventRecord, JsonObject
from tui.core.sse import FrameKind
from tui.core.state import Anomaly, Block, End, Phase, RunState, as_count

Handler = Callable[[RunState, EventRecord, JsonObject], None]

_ANYTIME: Final = frozenset({"ping", "error", "[DONE]"})
_BLOCKS: Final = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})

LEGAL: Final = (
    _ANYTIME | {"message_start"},
    _ANYTIME | _BLOCKS | {"message_delta", "message_stop"},
    _ANYTIME - {"error"},
    _ANYTIME,
)
"""The event types that each phase allows. By position: an enum's hash is slow as a dict key."""

_ILLEGAL: Final = (
    "event_before_start",
    "duplicate_message_start",
    "event_after_stop",
    "event_after_error",
)

_EVENT: Final = FrameKind.EVENT


def apply(state: RunState, record: EventRecord) -> None:
    """Fold one record into `state`. Never raises on what came from the wire."""
    kind_of = record.type
    state.records += 1
    if record.flaws:
        for code, detail in record.flaws:
            note(state, record, code, detail)
    if record.kind is not _EVENT:
        return
    counts = state.counts
    counts[kind_of] = counts.get(kind_of, 0) + 1
    handler = HANDLERS.get(kind_of)
    if handler is None:
        if kind_of != "[DONE]" and kind_of not in HELPERS:
            note(state, record, "unknown_event", f"no event type {kind_of!r} is known")
        return
    if kind_of not in LEGAL[state.phase] and not _known_headless(state):
        note(state, record, _ILLEGAL[state.phase], f"{kind_of} in phase {state.phase.name}")
    payload = record.payload
    if payload is not None:
        handler(state, record, payload)
    elif not record.flaws:
        note(state, record, "bad_field", "the event has no data")


def _known_headless(state: RunState) -> bool:
    """Note that events come before any message_start; return whether that was known."""
    if state.phase is not Phase.WAITING:
        return False
    known, state.headless = state.headless, True
    return known


def fold(records: Iterable[EventRecord]) -> RunState:
    """Return the state after all of `records`."""
    state = RunState()
    for record in records:
        apply(state, record)
    return state


def end(state: RunState, how: End, error: JsonObject | None = None) -> None:
    """Note how the body ended; no record comes after it. `error` describes an abnormal end."""
    state.end = how
    state.end_error = error


def end_before(state: RunState, seq: int) -> None:
    """End a message because the `message_start` of another one follows, as event `seq`."""
    if state.phase is Phase.OPEN:
        detail = "a message_start before the message_stop of the earlier message"
        state.anomalies.append(Anomaly(seq, "duplicate_message_start", detail))
    end(state, "eof")


def refuse(state: RunState, code: str, detail: str) -> None:
    """Note that the body was no event stream; this replaces what was noted of its bytes."""
    state.anomalies = [Anomaly(0, code, detail)]


def release_text(state: RunState) -> Iterator[tuple[int, str]]:
    """Let go of text and thinking; yield the text of each block, by its position.

    For a state that nobody looks back from: its lengths stay as they are.
    """
    for position, block in enumerate(state.blocks):
        block.thinking.release()
        yield position, block.text.release()


def _on_message_start(state: RunState, record: EventRecord, payload: JsonObject) -> None:
    message = dict(object_of(state, record, payload, "message"))
    state.phase = Phase.OPEN
    content = message.get("content")
    usage = message.pop("usage", None)
    earlier = state.message
    state.message = message if earlier is None else {**earlier, **message}
    _take_extras(state, payload, declared=True)
    if isinstance(usage, dict):
        state.usage_start = dict(usage)
        _take_usage(state, usage)
    else:
        note(state, record, "missing_usage", "message_start carries no usage")
    if isinstance(content, list):
        for position, item in enumerate(content):
            if isinstance(item, dict):
                _prepopulate(state, record, position, item)
            else:
                note(state, record, "bad_field", f"content[{position}] is not an object")
    elif content is not None:
        note(state, record, "bad_field", "content should be a list")


def _prepopulate(state: RunState, record: EventRecord, position: int, item: JsonObject) -> None:
    block = _add_block(state, _new_block(position, item, record))
    block.stopped_ns = record.t_ns


def _on_block_start(state: RunState, record: EventRecord, payload: JsonObject) -> None:
    start = object_of(state, record, payload, "content_block")
    _take_extras(state, payload)
    index = record.block_index
    if index < 0:
        index = max(state.by_index, default=-1) + 1
        note(state, record, "missing_index", f"content_block_start without a usable index: {index}")
    elif index in state.by_index:
        note(state, record, "index_reused", f"block {index} begins a second time")
    block = _new_block(index, start, record)
    if block.type not in BLOCKS and not block.type.endswith("_tool_result"):
        note(state, record, "unknown_block", f"no block type {block.type!r} is known")
    state.by_index[index] = _add_block(state, block)
    if block.type == "fallback":
        target = start.get("to")
        model = target.get("model") if isinstance(target, dict) else None
        if isinstance(model, str) and state.message is not None:
            state.message["model"] = model


def _new_block(index: int, start: JsonObject, record: EventRecord) -> Block:
    kind_of = start.get("type")
    block = Block(
        index,
        kind_of if isinstance(kind_of, str) else "untyped",
        start,
        record.seq,
        record.t_ns,
    )
    text, thinking = start.get("text"), start.get("thinking")
    if isinstance(text, str) and text:
        block.text.append(text)
    if isinstance(thinking, str) and thinking:
        block.thinking.append(thinking)
    citations = start.get("citations")
    if isinstance(citations, list):
        block.citations = list(citations)
    return block


def _on_block_delta(state: RunState, record: EventRecord, payload: JsonObject) -> None:
    delta = payload.get("delta")
    if type(delta) is not dict:
        delta = object_of(state, record, payload, "delta")
    kind_of = delta.get("type")
    if len(payload) > 3 or record.block_index < 0:
        _take_extras(state, payload)
    block = state.by_index.get(record.block_index)
    if block is None:
        block = _find_block(state, record, kind_of)
    known = DELTAS.get(kind_of) if type(kind_of) is str else None
    if known is None:
        block.unknown_deltas.append(delta)
        note(state, record, "unknown_delta", f"no delta type {kind_of!r} is known")
        return
    if block.stopped_ns is not None:
        note(state, record, "delta_after_stop", f"block {block.index} had already stopped")
        if kind_of == "input_json_delta" and delta.get("partial_json"):
            # What was read at the stop is not the whole input after all.
            block.input_size = None
            block.input_error = (len(block.json), "more input after the stop of the block")
    handler, home = known
    if home is not None and block.type != home:
        note(state, record, "delta_mismatch", f"{kind_of} for a {block.type} block")
    handler(state, record, block, delta)


def _find_block(state: RunState, record: EventRecord, kind_of: object) -> Block:
    """Return the block for a delta whose index was never started."""
    if record.block_index < 0:
        note(state, record, "missing_index", "the event has no usable index")
        if state.by_index:
            return state.by_index[next(reversed(state.by_index))]
    else:
        for block in state.blocks:
            if block.index == record.block_index:
                state.by_index[record.block_index] = block
                return block
        note(state, record, "unknown_index", f"block {record.block_index} was never started")
    known = DELTAS.get(kind_of) if isinstance(kind_of, str) else None
    implied = "untyped" if known is None else known[1] or "tool_use"
    block = Block(record.block_index, implied, {}, record.seq, record.t_ns, implicit=True)
    state.by_index[record.block_index] = _add_block(state, block)
    return block


def _add_block(state: RunState, block: Block) -> Block:
    block.position = len(state.blocks)
    state.blocks.append(block)
    return block


def _on_block_stop(state: RunState, record: EventRecord, payload: JsonObject) -> None:
    _take_extras(state, payload)
    block = state.by_index.get(record.block_index)
    if block is None:
        code = "missing_index" if record.block_index < 0 else "unknown_index"
        note(
            state, record, code, f"content_block_stop for block {record.block_index}, never started"
        )
        return
    if block.stopped_ns is not None:
        note(state, record, "double_stop", f"block {block.index} had already stopped")
    block.stopped_ns = record.t_ns
    if len(block.json):
        check = check_input(block)
        error = block.input_error = check.flaw()
        block.input_size = len(block.json) if error is None else None
        if error is not None:
            note(state, record, "invalid_tool_json", f"at character {error[0]}: {error[1]}")
        elif check.kind != "{":
            note(state, record, "input_not_object", "the tool input is JSON, but not an object")


def _on_message_delta(state: RunState, record: EventRecord, payload: JsonObject) -> None:
    delta = object_of(state, record, payload, "delta")
    if state.message is None:
        state.message = {}
    _merge(state.message, delta)
    _take_extras(state, payload, declared=True)
    usage = payload.get("usage")
    if isinstance(usage, dict):
        _take_usage(state, usage)
        if usage.get("output_tokens") is not None:
            state.counted_tokens = as_count(usage["output_tokens"])
    else:
        note(state, record, "missing_usage", "message_delta carries no usage")


def _on_message_stop(state: RunState, record: EventRecord, payload: JsonObject) -> None:
    _take_extras(state, payload, declared=True)
    open_blocks = [block.index for block in state.blocks if block.stopped_ns is None]
    if open_blocks:
        note(state, record, "block_not_stopped", f"never stopped: block {open_blocks}")
    if state.phase is not Phase.FAILED:
        state.phase = Phase.STOPPED


def _on_ping(state: RunState, record: EventRecord, payload: JsonObject) -> None:
    """Nothing: a ping says that the connection lives, and is counted."""


def _on_error(state: RunState, record: EventRecord, payload: JsonObject) -> None:
    found = payload.get("error")
    if isinstance(found, dict):
        error = dict(found)
    else:
        object_of(state, record, payload, "error")
        error = {"message": found}
    if isinstance(payload.get("request_id"), str):
        error.setdefault("request_id", payload["request_id"])
    if state.error is None:
        state.error = error
    if state.phase is not Phase.STOPPED:
        state.phase = Phase.FAILED


def _take_extras(state: RunState, payload: JsonObject, *, declared: bool = False) -> None:
    """Put what stands beside the known fields of an event onto the message.

    Without streaming there is only the message to hold it. A field that a message is declared to
    have holds its latest value (`context_management`, `input_transformations`); the events of a
    block do not set these. The parts of any other field are put together.
    """
    found = {name: value for name, value in payload.items() if name not in ENVELOPE}
    if not found:
        return
    if state.message is None:
        state.message = {}
    if declared:
        _merge(state.message, {name: found[name] for name in found.keys() & MESSAGE_FIELDS})
    extras = {name: value for name, value in found.items() if name not in MESSAGE_FIELDS}
    if extras:
        state.extras.add(extras)


def _take_usage(state: RunState, usage: JsonObject) -> None:
    """Counts are cumulative: a value overwrites, null or absence leaves what was there."""
    state.usage_seen = True
    _merge(state.usage, usage)


def _merge(target: JsonObject, source: JsonObject) -> None:
    for name, value in source.items():
        if value is not None or name not in target:
            target[name] = value


HANDLERS: Final[dict[str, Handler]] = {
    "message_start": _on_message_start,
    "content_block_start": _on_block_start,
    "content_block_delta": _on_block_delta,
    "content_block_stop": _on_block_stop,
    "message_delta": _on_message_delta,
    "message_stop": _on_message_stop,
    "ping": _on_ping,
    "error": _on_error,
}
"""What each event type does."""
