"""How an answer ended by itself: its stop reason, and whether its content fits to it."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from tui.core.json_check import parse_final
from tui.core.records import JsonObject
from tui.core.state import Block, as_count, as_text
from tui.core.usage import token_counts
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.wording import listed, many, percent, wire
from tui.messages.request import THINKING

PROBE: Final = 1
"""Up to so many tokens are asked for to warm a cache or to probe: to reach them is no fault."""


_CUTS: Final = {
    "max_tokens": ("max_tokens", "Allow more max_tokens, or ask for a shorter input."),
    "model_context_window_exceeded": (
        "the end of the context window",
        "Shorten the conversation, or ask for a shorter input.",
    ),
    "refusal": ("the refusal", "Leave this turn out of what is sent next."),
}
"""Stop reasons that cut off a tool's input: what did it, and what to do."""


def ending_event(evidence: Evidence) -> tuple[int, ...]:
    """Return the number of the event that says how the answer stopped."""
    timeline = evidence.run.timeline
    found = timeline.seqs("message_delta") or timeline.seqs("message_stop")
    return (found[-1],) if found else ()


def _stopped_for(evidence: Evidence, reason: str) -> bool:
    return evidence.complete and evidence.state.stop_reason == reason


# --- tool input -----------------------------------------------------------------------------------


def invalid_tool_json(evidence: Evidence) -> list[Finding]:
    """The input of a call is not JSON."""
    return [
        finding
        for block in evidence.state.blocks
        if block.is_tool and (finding := _invalid(evidence, block)) is not None
    ]


def _invalid(evidence: Evidence, block: Block) -> Finding | None:
    state = evidence.state
    error = block.input_error
    if error is None and not block.stopped and evidence.complete and len(block.json):
        # The message stopped and the block did not: what there is of its input counts.
        error = parse_final(block.json.text())[1]
    if error is None:
        return None
    place, why = error
    seq = _fragment_at(evidence, block, place)
    at_end = place >= len(block.json)
    last = block is state.blocks[-1]
    if at_end and last and state.stop_reason in _CUTS:
        by, remedy = _CUTS[state.stop_reason]
        cause = f"it was cut off by {by}"
        advice = f"{remedy} Do not run the tool on it."
    else:
        cause = "it ends too early" if at_end else "the model itself wrote it so"
        if at_end:
            cause += ", and neither max_tokens nor the connection cut it: the model itself did"
        advice = "Answer the call with an error, so that the model can make it again."
    name = wire(as_text(block.start.get("name")) or block.type)
    where = f"at character {place:,}" + ("" if seq is None else f", in event {seq}")
    return Finding(
        "invalid_tool_json",
        "error",
        f"The input of {name} (block {block.index}) is not JSON {where}: {wire(why)}; {cause}.",
        advice,
        (block.started_seq,) if seq is None else (seq, block.started_seq),
        {"character": place, "characters": len(block.json), "block": block.index},
        frozenset({"invalid_tool_json", "block_not_stopped"}),
    )


def _fragment_at(evidence: Evidence, block: Block, place: int) -> int | None:
    """Return the number of the event that brought a character of a block's input, else the last."""
    timeline = evidence.run.timeline
    ends = accumulate(block.fragments)
    wanted = next((n for n, end in enumerate(ends) if end > place), len(block.fragments) - 1)
    # A fragment that is empty brought nothing: the last that brought something broke it off.
    while wanted > 0 and not block.fragments[wanted]:
        wanted -= 1
    table = bytes(label.delta == "input_json_delta" for label in timeline.labels)
    marks = timeline.look_up(table, 0, len(timeline))
    seq = marks.find(1, block.started_seq)
    while seq >= 0:
        if timeline.index(seq) == block.index:
            if not wanted:
                return seq
            wanted -= 1
        seq = marks.find(1, seq + 1)
    return None


# --- stop reasons ---------------------------------------------------------------------------------


def max_tokens(evidence: Evidence) -> Finding | None:
    """The answer stopped at its limit."""
    state = evidence.state
    if not _stopped_for(evidence, "max_tokens"):
        return None
    used, allowed = state.output_tokens, as_count(evidence.asked("max_tokens"))
    if (allowed if allowed is not None else used or PROBE + 1) <= PROBE:
        return None
    values: JsonObject = {"used": used, "allowed": allowed}
    spent = f"{used:,}" if used is not None else "all"
    text = (
        f"Stopped at max_tokens: {spent} of {allowed:,} tokens used"
        if allowed
        else (
            f"Stopped at max_tokens after {many(used, 'token')}"
            if used
            else "Stopped at max_tokens"
        )
    )
    thought = token_counts(state.usage).thinking
    if thought and used:
        text += f", {percent(thought / used)} of them thinking"
        values["thinking"] = thought
    advice = "Allow more max_tokens, or have the answer go on from here."
    last = state.blocks[-1] if state.blocks else None
    if last is not None and last.is_tool and last.tool_state in ("invalid", "streaming"):
        name = wire(as_text(last.start.get("name")) or last.type)
        text += f", inside the input of {name}"
        advice = "Allow more max_tokens: a call that is cut off cannot be run."
    elif thought and used and thought * 2 > used:
        advice = "Allow more max_tokens, or less thinking: both share the limit."
    return Finding(
        "max_tokens",
        "warning",
        f"{text}: the answer is not whole.",
        advice,
        ending_event(evidence),
        {name: value for name, value in values.items() if value is not None},
    )


def context_window(evidence: Evidence) -> Finding | None:
    """The answer stopped because the context was full."""
    if not _stopped_for(evidence, "model_context_window_exceeded"):
        return None
    state = evidence.state
    tokens = token_counts(state.usage)
    taken, written = tokens.all_input or 0, tokens.output or 0
    used = f": {taken:,} tokens of input and {written:,} of output filled it" if taken else ""
    return Finding(
        "context_window",
        "warning",
        f"Stopped because the context window was full{used}; the answer is not whole.",
        "Shorten or compact the conversation before going on.",
        ending_event(evidence),
        {"input": taken, "output": written},
    )


def refusal(evidence: Evidence) -> Finding | None:
    """The model, or a filter before it, declined."""
    if not _stopped_for(evidence, "refusal"):
        return None
    message = evidence.state.message or {}
    details = message.get("stop_details")
    details = details if isinstance(details, dict) else {}
    category = as_text(details.get("category"))
    why = as_text(details.get("explanation"))
    model = as_text(details.get("recommended_model"))
    text = f"Refused{f' (category {wire(category)})' if category else ', without a category'}"
    text += f": {wire(why, 200).rstrip('.')}." if why else "."
    advice = "Leave this turn out of what is sent next: with it, what follows is refused as well."
    if model:
        advice += f" The API recommends {wire(model)} for it."
    values = {"category": category} if category else {}
    return Finding("refusal", "warning", text, advice, ending_event(evidence), values)


def pause_turn(evidence: Evidence) -> Finding | None:
    """The turn is paused, and goes on when it is sent back."""
    if not _stopped_for(evidence, "pause_turn"):
        return None
    count = sum(block.type == "server_tool_use" for block in evidence.state.blocks)
    calls = f" after {many(count, 'call')} of the server's tools" if count else ""
    return Finding(
        "pause_turn",
        "notice",
        f"The turn is paused{calls}: it has not ended, and goes on when it is sent back as it is.",
        "Send the same request again with this answer as its last turn.",
        ending_event(evidence),
        {"server_tool_calls": count},
    )


def empty_answer(evidence: Evidence) -> Finding | None:
    """The model ended its turn without saying anything."""
    if not _stopped_for(evidence, "end_turn"):
        return None
    allowed = as_count(evidence.asked("max_tokens"))
    if allowed is not None and allowed <= PROBE:
        return None
    blocks = evidence.state.blocks
    for block in blocks:
        if block.type not in THINKING and (block.type != "text" or len(block.text)):
            return None
    thought = any(block.type in THINKING for block in blocks)
    text = "The answer is empty: end_turn"
    text += " after nothing but thinking" if thought else " without any content"
    after_tools = _last_was_result(evidence)
    if after_tools:
        text += ", right after tool results"
    advice = (
        "Ask it to go on with a user turn of its own; sending the same again often stays empty."
    )
    if after_tools:
        advice = (
            "Send nothing but the results after a call: text behind them invites an empty turn."
        )
    tokens = evidence.state.output_tokens
    values: JsonObject = {} if tokens is None else {"output_tokens": tokens}
    return Finding("empty_answer", "warning", f"{text}.", advice, ending_event(evidence), values)


def _last_was_result(evidence: Evidence) -> bool:
    messages = evidence.asked("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    blocks = content if isinstance(content, list) else []
    return any(isinstance(one, dict) and one.get("type") == "tool_result" for one in blocks)


def stop_mismatch(evidence: Evidence) -> Finding | None:
    """The stop reason and the content do not fit together."""
    state = evidence.state
    handed_over = max(
        (n for n, one in enumerate(state.blocks) if one.type == "fallback"), default=-1
    )
    calls = [block for block in state.blocks[handed_over + 1 :] if block.type == "tool_use"]
    if _stopped_for(evidence, "end_turn") and calls:
        names = listed([wire(as_text(block.start.get("name")) or "a tool") for block in calls])
        text = f"The stop reason is end_turn, but the answer calls {names}"
        text += ": a client that goes by the stop reason does not run it."
        advice = "Look for tool_use blocks, not for the stop reason alone."
        events = tuple(block.started_seq for block in calls)
    elif _stopped_for(evidence, "tool_use") and not calls:
        text = "The stop reason is tool_use, but the answer has no tool_use block: "
        text += "a client that waits for a call has nothing to answer."
        advice = "See what between here and the API changes answers, or drops blocks."
        events = ending_event(evidence)
    else:
        return None
    return Finding(
        "stop_mismatch", "warning", text, advice, events, {"tool_use_blocks": len(calls)}
    )
