"""What became of an answer in the next request, and what of a request that had been sent before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.wording import listed, many, wire
from tui.messages.following import (
    Back,
    blocks_of_answer,
    common,
    items_of,
    joined_text,
    same,
    sent_back,
)
from tui.messages.request import (
    SERVER_USES,
    THINKING,
    blocks_of,
    ids_of,
    messages_of,
    returned,
    role_of,
)

_ENDS: Final = {
    "truncated": "a stream that was cut off",
    "cancelled": "being cancelled",
    "empty": "no answer",
    "not_sse": "no stream",
}
_ORDINALS: Final = {1: "st", 2: "nd", 3: "rd"}


def _answer(evidence: Evidence) -> JsonObject | None:
    message: JsonObject | None = evidence.mask(evidence.state.message_json())
    return message


def _back(evidence: Evidence) -> tuple[JsonObject, Back] | None:
    """Return a whole answer and what became of it in the next request; None where it is unknown."""
    if not evidence.complete or evidence.request is None or evidence.next_request is None:
        return None
    answer = _answer(evidence)
    if answer is None:
        return None
    back = sent_back(*_requests(evidence, answer))
    return None if back is None else (answer, back)


def _requests(evidence: Evidence, answer: JsonObject) -> tuple[JsonObject, JsonObject, JsonObject]:
    """Return the request, its answer and the next request, all of them masked."""
    hide = _unchanged if evidence.masked else evidence.mask
    return hide(evidence.request), answer, hide(evidence.next_request)


def _unchanged(value: Any) -> Any:  # noqa: ANN401
    return value


def _seq_of(evidence: Evidence, block: JsonObject) -> int | None:
    """Return the event with which a block of the answer began."""
    id = as_text(block.get("id"))
    for one in evidence.state.blocks:
        if one.type == block.get("type") and (id is None or one.start.get("id") == id):
            return one.started_seq
    return None


# --- tools ----------------------------------------------------------------------------------------


def unanswered_tool_use(evidence: Evidence) -> Finding | None:
    """A call was sent back without its result: the API refuses the request."""
    found = _back(evidence)
    if found is None:
        return None
    answer, (back, rest) = found
    asked = returned(blocks_of_answer(answer)) if back is None else back
    calls = [block for block in asked if block.get("type") == "tool_use"]
    own = ids_of(blocks_of_answer(answer), "id", ("tool_use",))
    answered = ids_of(rest, "tool_use_id", ("tool_result",))
    missing = [block for block in calls if block.get("id") in own - answered]
    if not missing:
        return None
    names = listed([_call(block) for block in missing])
    seqs = [seq for block in missing if (seq := _seq_of(evidence, block)) is not None]
    return Finding(
        "unanswered_tool_use",
        "error",
        f"The next request has no tool_result for {len(missing)} of {many(len(calls), 'call')}: "
        f"{names}. The API refuses such a request.",
        "Send one tool_result for each tool_use, in the very next user turn; "
        "an error or a refusal is a result too.",
        tuple(seqs),
        {"unanswered": len(missing), "calls": len(calls)},
    )


def _call(block: JsonObject) -> str:
    name = wire(as_text(block.get("name")) or "a tool", 40)
    return f"{name} ({wire(as_text(block.get('id')) or 'no id', 40)})"


# --- the blocks -----------------------------------------------------------------------------------


class _Change(NamedTuple):
    what: str
    block: JsonObject


def blocks_changed(evidence: Evidence) -> Finding | None:
    """The answer was not sent back as it came."""
    found = _back(evidence)
    if found is None:
        return None
    answer, (back, rest) = found
    if not back:
        return None
    came = returned(blocks_of_answer(answer))
    changes = [*_thinking(came, back, rest), *_calls(evidence, came, back), *_texts(came, back)]
    seqs = [seq for one in changes if (seq := _seq_of(evidence, one.block)) is not None]
    changes += _earlier_thinking(evidence, answer, rest)
    if not changes:
        return None
    thought = any(change.block.get("type") in THINKING for change in changes)
    means = (
        "the API can refuse it, and the cache is not read behind it"
        if thought
        else ("the model reads something else than it wrote, and the cache is not read behind it")
    )
    return Finding(
        "blocks_changed",
        "warning",
        f"The next request does not send back what came: {listed([one.what for one in changes])}. "
        f"With that, {means}.",
        "Send the content of the answer back as it came, block by block.",
        tuple(dict.fromkeys(seqs)),
        {"changed": len(changes), "blocks": len(came)},
    )


def _thinking(
    came: list[JsonObject], back: list[JsonObject], rest: list[JsonObject]
) -> Iterator[_Change]:
    """Yield what became of the thinking; it counts only while its tool loop is open."""
    if not _loop_is_open(came, rest):
        return
    thoughts = [block for block in came if block["type"] in THINKING]
    left = [block for block in back if block.get("type") in THINKING]
    for place, block in enumerate(thoughts):
        name = wire(block["type"])
        twin = next((one for one in left if same(one, block)), None)
        if twin is not None:
            left.remove(twin)
            continue
        if len(left) < len(thoughts) - place:
            yield _Change(f"{name} dropped", block)
            continue
        other = left.pop(0)
        if block.get("signature") and not other.get("signature"):
            yield _Change(f"{name} without its signature", block)
        elif block.get("signature") != other.get("signature"):
            yield _Change(f"{name} with another signature", block)
        else:
            yield _Change(f"{name} edited", block)


def _loop_is_open(came: list[JsonObject], rest: list[JsonObject]) -> bool:
    """Whether the next request goes on with the turn in which an answer came."""
    ids = ids_of(came, "id", ("tool_use",))
    paused = not rest and bool(ids_of(came, "id", SERVER_USES))
    return bool(ids & ids_of(rest, "tool_use_id", ("tool_result",))) or paused


def _earlier_thinking(
    evidence: Evidence, answer: JsonObject, rest: list[JsonObject]
) -> Iterator[_Change]:
    """Yield the thinking of earlier answers of the same tool loop that is not sent any more.

    What the request of this answer left out already was told of the answer before.
    """
    if not _loop_is_open(blocks_of_answer(answer), rest):
        return
    request, _, following = _requests(evidence, answer)
    place = common(messages_of(request), messages_of(following))
    sent = [item.block for item in items_of(following, place)]
    left = [block for block in sent if block.get("type") in THINKING]
    for block in _thinking_of_loop(messages_of(request), place):
        twin = next((one for one in left if same(one, block)), None)
        if twin is None:
            yield _Change(f"{wire(block['type'])} of an earlier answer dropped or changed", block)
            return
        left.remove(twin)


def _thinking_of_loop(turns: list[Any], start: int) -> list[JsonObject]:
    """Return the thinking in the tool loop that a request goes on with, from a turn on."""
    found: list[JsonObject] = []
    for turn in reversed(turns[start:]):
        blocks = [block for block in blocks_of(turn) if isinstance(block, dict)]
        if role_of(turn) == "assistant":
            found = [block for block in blocks if block.get("type") in THINKING] + found
        elif role_of(turn) == "user" and not ids_of(blocks, "tool_use_id", ("tool_result",)):
            break
    return found


def _calls(evidence: Evidence, came: list[JsonObject], back: list[JsonObject]) -> Iterator[_Change]:
    """Yield what became of calls, and of the results of the server's tools."""
    unsure = {
        one.start.get("id") for one in evidence.state.blocks if one.is_tool and one.input_error
    }
    for block in came:
        kind = block["type"]
        if kind == "tool_use" or kind in SERVER_USES:
            field, name = "id", f"the call of {wire(as_text(block.get('name')) or 'a tool', 40)}"
        elif kind.endswith("_tool_result"):
            field, name = "tool_use_id", wire(kind)
        else:
            continue
        twins = [
            one for one in back if one.get("type") == kind and one.get(field) == block.get(field)
        ]
        if not twins:
            yield _Change(f"{name} dropped", block)
        elif block.get("id") in unsure:
            continue  # Its input was not JSON: there is nothing to compare with.
        elif block.get("name") != twins[0].get("name"):
            yield _Change(f"{name} under another name", block)
        elif not same(block.get("input"), twins[0].get("input")):
            yield _Change(f"{name} with another input", block)
        elif not same(block.get("content"), twins[0].get("content")):
            yield _Change(f"{name} with other content", block)


def _texts(came: list[JsonObject], back: list[JsonObject]) -> Iterator[_Change]:
    text, sent = joined_text(came), joined_text(back)
    if text == sent:
        return
    block = next((one for one in came if one["type"] == "text"), {"type": "text"})
    if not sent:
        yield _Change("the text dropped", block)
    else:
        yield _Change(f"the text edited ({len(text):,} characters came, {len(sent):,} went)", block)


# --- pauses and repetitions -----------------------------------------------------------------------


def pause_not_resumed(evidence: Evidence) -> Finding | None:
    """A paused turn was not sent back, so what it had done is lost."""
    if evidence.state.stop_reason != "pause_turn":
        return None
    found = _back(evidence)
    if found is None or found[1].blocks is None or found[1].blocks or not found[1].rest:
        return None
    count = sum(block.type in SERVER_USES for block in evidence.state.blocks)
    calls = f", with {many(count, 'call')} of the server's tools" if count else ""
    return Finding(
        "pause_not_resumed",
        "warning",
        f"The next request does not send the paused turn back{calls}: what it had done is lost.",
        "Send the same messages again with this answer as the last turn, and nothing behind it.",
        tuple(evidence.run.timeline.seqs("message_delta")[-1:]),
        {"server_tool_calls": count},
    )


def repeated(evidence: Evidence) -> Finding | None:
    """The very same request was sent before."""
    if not evidence.earlier:
        return None
    number = len(evidence.earlier) + 1
    before = evidence.earlier[-1]
    return Finding(
        "repeated",
        "notice",
        f"The same request for the {_nth(number)} time; "
        f"the one before ended with {_end_of(before)}.",
        None,
        (),
        {"number": number},
    )


def _nth(number: int) -> str:
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else _ORDINALS.get(number % 10, 'th')}"


def _end_of(evidence: Evidence) -> str:
    run = evidence.run
    if evidence.complete:
        return wire(run.state.stop_reason or "message_stop")
    error = run.error or {}
    inner = error.get("error")
    kind = as_text((inner if isinstance(inner, dict) else error).get("type"))
    return wire(kind or _ENDS.get(run.status, run.status))
