"""What follows from an answer: the calls to run, and the request that goes on from it.

What is sent back is what came, but for what the API refuses to take back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, Final, Literal, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import Block, RunState, Status, as_text
from tui.messages.request import (
    THINKING,
    blocks_of,
    ids_of,
    portable,
    returned,
    settled,
    takes_prefill,
    text_of,
    trimmed,
    waiting_tools,
    with_blocks,
    with_prompt,
)

NOT_RUN: Final = "This tool was not run."
_BROKE_OFF: Final = "This tool was not run: the answer that called it broke off."
_UNREADABLE: Final = "Your tool call could not be read, so no tool was run."
_TAIL: Final = 100
"""Characters of the text that are quoted where an answer broke off."""
_OWN_END: Final = frozenset({"end_turn", "tool_use", "stop_sequence", "pause_turn", "compaction"})
"""Stop reasons of an answer that the model itself brought to an end."""
_LOSSES: Final = frozenset(
    {"bad_field", "bad_json", "invalid_utf8", "missing_index", "not_an_object", "unknown_index"}
)
"""Anomalies of events whose content is not where it belongs."""


class Call(NamedTuple):
    """A call of a tool that an answer asks for."""

    index: int  # type: ignore[assignment]  # hides that of tuple
    id: str
    name: str
    input: JsonObject | None
    problem: str
    """Why it must not run, in one sentence; it is answered with an error. Empty when it may."""


DecisionKind = Literal["run", "always", "refuse", "hand"]
ToolMode = Literal["ask", "always", "hand"]
"""Whether somebody is asked before a tool runs, or answers in its place."""


class Decision(NamedTuple):
    """What is to be done with a call."""

    kind: DecisionKind
    text: str = ""
    """The result, where it is given by hand."""
    is_error: bool = False


class Unfinished(NamedTuple):
    """What there is of an answer that did not come to its end."""

    kept: list[JsonObject]
    """The content blocks that can be sent back."""
    dropped: list[str]
    """The types of the blocks that cannot."""


# --- tools ----------------------------------------------------------------------------------------


def calls(state: RunState, status: Status) -> list[Call]:
    """Return the calls to answer, in order; none unless a complete answer stopped for them.

    A call may run only when its block stopped and its input as a whole is a JSON object. One that
    cannot be sent back (no id, say) is listed all the same; a result for it is left out later.
    """
    if status != "complete" or state.stop_reason != "tool_use":
        return []
    return _calls(state)


def _calls(state: RunState) -> list[Call]:
    ids = Counter(_name(block, "id") for block in state.blocks if block.type == "tool_use")
    lost = max((note.seq for note in state.anomalies if note.code in _LOSSES), default=-1)
    handed_over = max((n for n, b in enumerate(state.blocks) if b.type == "fallback"), default=-1)
    found = []
    for place, block in enumerate(state.blocks):
        if block.type != "tool_use":
            continue
        id, name = _name(block, "id"), _name(block, "name")
        value, problem = _input(block)
        if place < handed_over:
            problem = "The model that asked for it declined, and another one took over."
        elif not id or not name:
            problem = f"The call came without {'a name' if id else 'an id'}."
        elif ids[id] > 1:
            problem = "Another call of this answer has the same id."
        elif not problem and lost > block.started_seq:
            problem = "An event could not be read, so a part of the input may be missing."
        found.append(Call(block.index, id, name, None if problem else value, problem))
    return found


def _name(block: Block, field: str) -> str:
    return as_text(block.start.get(field)) or ""


def _input(block: Block) -> tuple[JsonObject | None, str]:
    """Return the input of a call, and what is wrong with it."""
    if not block.stopped:
        return None, "The call broke off before its end."
    if block.input_error is not None:
        place, why = block.input_error
        return None, f"The input is not JSON: {why}, at character {place}."
    value = block.start.get("input")
    if len(block.json):
        value = block.input
    if not isinstance(value, dict):
        return None, "The input is not a JSON object."
    if portable(value) is None:
        return None, "The input has a number in it that is too large."
    return value, ""


def tool_result(id: str, content: str | list[JsonObject], *, is_error: bool = False) -> JsonObject:
    """Return the block that answers the call with this id."""
    result: JsonObject = {"type": "tool_result", "tool_use_id": id, "content": content}
    if is_error:
        # The API refuses an error without a word.
        return {**result, "content": content or "The tool failed.", "is_error": True}
    return result


def _results(
    blocks: Iterable[JsonObject], given: Iterable[JsonObject] = (), otherwise: str = NOT_RUN
) -> list[JsonObject]:
    """Return one result for each call in `blocks`, then what else was given."""
    given = [block for block in map(portable, given) if block is not None]
    by_id: dict[Any, JsonObject] = {}
    others = []
    for block in given:
        if block.get("type") == "tool_result":
            by_id.setdefault(as_text(block.get("tool_use_id")), block)
        else:
            others.append(block)
    ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
    results = [by_id.get(id) or tool_result(id, otherwise, is_error=True) for id in ids]
    return results + others


# --- a whole answer -------------------------------------------------------------------------------


def assistant_turn(message: JsonObject) -> JsonObject | None:
    """Return the turn that sends an answer back, None when there is nothing to send."""
    blocks = returned(message.get("content"))
    if as_text(message.get("stop_reason")) not in _OWN_END:
        # Thinking that was cut off has no signature. That of other providers never has one.
        blocks = [block for block in blocks if block["type"] != "thinking" or _signed(block)]
    return {"role": "assistant", "content": blocks} if blocks else None


def after_tools(
    request: JsonObject, message: JsonObject, results: Iterable[JsonObject]
) -> JsonObject:
    """Return the request that answers the calls of `message`.

    Each call has one result: where none was given it says so, and one for no call is left out.
    """
    blocks = blocks_of(assistant_turn(message))
    request = _with_answer(request, message, blocks)
    answers = _results(blocks, results)
    if not answers:
        return with_prompt(request, _UNREADABLE)
    return with_blocks(request, "user", answers)


def after_pause(request: JsonObject, message: JsonObject) -> JsonObject:
    """Return the request that lets a paused turn go on: the answer so far, and nothing after it."""
    return _with_answer(request, message, trimmed(blocks_of(assistant_turn(message))))


def after_answer(request: JsonObject, message: JsonObject) -> JsonObject:
    """Return the request with the answer in it, ready for the next prompt."""
    blocks = settled(blocks_of(assistant_turn(message)), waiting_tools(request))
    request = _with_answer(request, message, blocks)
    results = _results(blocks)
    return with_blocks(request, "user", results) if results else request


def _with_answer(request: JsonObject, message: JsonObject, blocks: list[JsonObject]) -> JsonObject:
    """Return `request` with the answer at its end, in the container that the answer ran in."""
    request = compared_with(request, message)
    if not blocks:
        return request
    made, asked = message.get("container"), request.get("container")
    container = as_text(made.get("id")) if isinstance(made, dict) else None
    if container and asked is None:
        request = {**request, "container": container}
    elif container and isinstance(asked, dict) and asked.get("id") is None:
        request = {**request, "container": {**asked, "id": container}}
    return with_blocks(request, "assistant", blocks)


def compared_with(request: JsonObject, message: JsonObject) -> JsonObject:
    """Return a request that asks why the cache missed since `message`, where it asks at all."""
    asked, id = request.get("diagnostics"), as_text(message.get("id"))
    if id is None or not isinstance(asked, dict) or "previous_message_id" not in asked:
        return request
    return {**request, "diagnostics": {**asked, "previous_message_id": id}}


# --- an answer that broke off ---------------------------------------------------------------------


def unfinished(state: RunState, waiting: Collection[str] = ()) -> Unfinished:
    """Return what of an answer can be sent back though it did not come to its end.

    `waiting` are the ids of the server's tools that an earlier turn left without a result.
    """
    runnable = {call.id for call in _calls(state) if not call.problem}
    usable = []
    whole = True
    for block in state.blocks:
        value = block.to_json()
        if block.type == "text":
            # Blank, it is no part of the answer to go on from, and refused where it stands alone.
            fits = bool(text_of(value).strip())
        elif block.type == "thinking":
            fits = whole and block.stopped and _signed(value)
        elif block.type == "tool_use":
            fits = whole and _name(block, "id") in runnable
        else:
            fits = block.stopped and (whole or block.type != "redacted_thinking")
        if fits:
            usable.append(value)
        elif block.type in THINKING:
            # The API takes no thinking and no call after thinking that is not there.
            whole = False
    kept = settled(returned(usable), waiting)
    left = Counter(block.type for block in state.blocks) - Counter(b["type"] for b in kept)
    return Unfinished(kept, [kind for kind in left.elements() if kind != "text"])


def continuation(request: JsonObject, state: RunState, status: Status) -> JsonObject:
    """Return the request that has the model go on where its answer broke off.

    It is the same request where nothing of the answer can be sent back.
    """
    waiting = waiting_tools(request)
    kept, dropped = unfinished(state, waiting)
    if not kept or waiting - ids_of(kept, "tool_use_id"):
        return request
    message = state.message or {}
    called = any(block["type"] == "tool_use" for block in kept)
    start = trimmed(kept)
    if not called and takes_prefill(request) and start and text_of(start[-1]):
        return _with_answer(request, message, start)
    request = _with_answer(request, message, kept)
    if called:
        left_open = state.status == "complete" and state.stop_reason == "tool_use"
        reason = NOT_RUN if left_open else _BROKE_OFF
        request = with_blocks(request, "user", _results(kept, otherwise=reason))
    return with_prompt(request, "\n".join([_how(state, status), *_where(kept, dropped)]))


def _how(state: RunState, status: Status) -> str:
    if status == "cancelled":
        return "Your answer was stopped before it was complete."
    if state.status == "complete" and state.stop_reason == "tool_use":
        return "Your tool calls were left without a result."
    if state.status == "complete" and state.stop_reason == "max_tokens":
        return "Your answer reached its length limit before it was complete."
    return "Your answer broke off before it was complete."


def _where(kept: list[JsonObject], dropped: list[str]) -> Iterable[str]:
    texts = [text_of(block).rstrip() for block in kept]
    text = next(filter(None, reversed(texts)), "")
    if text:
        quoted = text if len(text) <= _TAIL else "\u2026" + text[-_TAIL:]
        yield f'Its text ends with: "{quoted}"'
    if "tool_use" in dropped:
        yield "A tool call that had begun was lost: make it again if it is still needed."
    yield "Go on exactly where it ended, and repeat nothing of it."


def _signed(block: JsonObject) -> bool:
    return bool(as_text(block.get("signature")))
