"""Findings on what became of an answer in the next request."""

from __future__ import annotations

import copy

import pytest

from tests import playbook as pb
from tests.findings_play import answer, check, codes, exchange, untimed
from tui.core.records import JsonObject
from tui.findings import Evidence, Finding, diagnose, linked

ASK: JsonObject = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "Hi."}]}
THINKING: JsonObject = {"type": "thinking", "thinking": "hm", "signature": "sig"}
TEXT: JsonObject = {"type": "text", "text": "I'll look at both."}
CALLS: list[JsonObject] = [
    {"type": "tool_use", "id": "toolu_2", "name": "get_weather", "input": {"a": 1.0}},
    {"type": "tool_use", "id": "toolu_3", "name": "get_time", "input": {}},
]
RESULTS: list[JsonObject] = [
    {"type": "tool_result", "tool_use_id": "toolu_2", "content": "sun"},
    {"type": "tool_result", "tool_use_id": "toolu_3", "content": "noon"},
]
STREAM = answer(
    *[pb.thinking_start(0), pb.thinking(0, "hm"), pb.signature(0, "sig"), pb.block_stop(0)],
    *pb.text_block(1, "I'll look ", "at both."),
    *pb.tool_block(2, '{"a": 1}'),
    *pb.tool_block(3, "", name="get_time"),
    stop="tool_use",
)


def going_on(*turns: object) -> JsonObject:
    """The request with more turns: an assistant's, then a user's, and so on."""
    roles = ["assistant", "user"] * len(turns)
    more = [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)]
    return {**ASK, "messages": [*ASK["messages"], *more]}


def judged(*pairs: tuple[JsonObject | None, list[JsonObject | bytes]]) -> list[list[Finding]]:
    """Return the findings of exchanges that are looked at together."""
    known = linked([Evidence(untimed(*parts), request=request) for request, parts in pairs])
    result = [diagnose(evidence) for evidence in known]
    for evidence, findings in zip(known, result, strict=True):
        check(evidence, findings)
    return result


def first(next_request: JsonObject, parts: list[JsonObject | bytes] = STREAM) -> list[Finding]:
    """Return the findings of an answer that this request follows."""
    return judged((ASK, parts), (next_request, answer(*pb.text_block(0, "Sun."))))[0]


def named(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


WHOLE = [THINKING, TEXT, *CALLS]


def test_an_answer_that_came_back_whole() -> None:
    assert named(first(going_on(WHOLE, RESULTS))) == ["healthy"]
    asked = [*RESULTS, {"type": "text", "text": "And?"}]
    assert named(first(going_on(WHOLE, asked))) == ["healthy"]


# --- unanswered_tool_use --------------------------------------------------------------------------


def test_unanswered_tool_use() -> None:
    finding = first(going_on(WHOLE, RESULTS[:1]))[0]
    assert (finding.code, finding.level) == ("unanswered_tool_use", "error")
    assert finding.text == (
        "The next request has no tool_result for 1 of 2 calls: get_time (toolu_3). "
        "The API refuses such a request."
    )
    assert finding.events == (12,)
    assert named(first(going_on(WHOLE, "Never mind.")))[0] == "unanswered_tool_use"
    assert first(going_on(WHOLE, "Never mind."))[0].values == {"unanswered": 2, "calls": 2}


def test_a_result_that_comes_a_turn_too_late_is_none() -> None:
    late = going_on(WHOLE, "Wait.", [{"type": "text", "text": "I wait."}], RESULTS)
    assert first(late)[0].values == {"unanswered": 2, "calls": 2}
    later = going_on(WHOLE, RESULTS, [{"type": "text", "text": "Sun."}], "And?")
    assert named(first(later)) == ["healthy"]


def test_a_conversation_that_is_kept_at_the_server() -> None:
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    sent: JsonObject = {"thread": thread, "messages": [{"role": "user", "content": RESULTS}]}
    assert named(first(sent)) == ["healthy"]
    sent["messages"][0]["content"] = RESULTS[1:]
    assert first(sent)[0].text.startswith(
        "The next request has no tool_result for 1 of 2 calls: get_weather (toolu_2)."
    )


def test_retries_and_branches_say_nothing() -> None:
    for other in (ASK, {**ASK, "messages": [{"role": "user", "content": "Else."}]}):
        assert "unanswered_tool_use" not in named(first(other))
    another = going_on([{"type": "text", "text": "Something quite different."}], "So?")
    assert named(first(another)) == ["healthy"]
    assert named(first(another, answer(*pb.text_block(0, "My own words here.")))) == ["healthy"]


# --- blocks_changed -------------------------------------------------------------------------------


def changed(place: int, **fields: object) -> list[JsonObject]:
    blocks = copy.deepcopy(WHOLE)
    blocks[place] |= fields
    return blocks


def without(*places: int) -> list[JsonObject]:
    return [block for place, block in enumerate(WHOLE) if place not in places]


@pytest.mark.parametrize(
    ("blocks", "what", "event"),
    [
        (changed(0, signature=None), "thinking without its signature", 1),
        (changed(0, signature="other"), "thinking with another signature", 1),
        (changed(0, thinking="hmm"), "thinking edited", 1),
        (without(0), "thinking dropped", 1),
        (changed(1, text="I'll look at"), "the text edited (18 characters came, 12 went)", 5),
        (without(1), "the text dropped", 5),
        (changed(2, input={"a": 2}), "the call of get_weather with another input", 9),
        (changed(2, name="other"), "the call of get_weather under another name", 9),
        (without(3), "the call of get_time dropped", 12),
        (
            [{"type": "text", "text": "I'll look"}, *CALLS],
            "thinking dropped and the text edited (18 characters came, 9 went)",
            1,
        ),
    ],
)
def test_blocks_changed(blocks: list[JsonObject], what: str, event: int) -> None:
    finding = first(going_on(blocks, RESULTS))[0]
    assert (finding.code, finding.level) == ("blocks_changed", "warning")
    assert finding.text.startswith(f"The next request does not send back what came: {what}. With ")
    assert finding.events[0] == event


@pytest.mark.parametrize(
    "blocks",
    [
        changed(1, cache_control={"type": "ephemeral"}),
        changed(1, citations=None),
        [dict(reversed(block.items())) for block in WHOLE],
        [
            THINKING,
            {"type": "text", "text": "I'll look "},
            {"type": "text", "text": "at both.\n"},
            *CALLS,
        ],
    ],
    ids=["marker", "null", "order", "split"],
)
def test_what_is_no_change(blocks: list[JsonObject]) -> None:
    assert named(first(going_on(blocks, RESULTS))) == ["healthy"]


def test_thinking_counts_only_while_its_loop_is_open() -> None:
    thought = [pb.thinking_start(0), pb.thinking(0, "hm"), pb.block_stop(0)]
    parts = answer(*thought, *pb.text_block(1, "Sun."))
    assert named(first(going_on("Sun.", "And Rome?"), parts)) == ["healthy"]
    assert named(first(going_on("Rain.", "And Rome?"), parts)) == ["healthy"]
    assert named(first(going_on("Sun!", "And Rome?"), parts)) == ["blocks_changed"]


def test_input_that_was_no_json_cannot_be_compared() -> None:
    parts = answer(*pb.tool_block(2, '{"a": '), stop="tool_use")
    sent = going_on([{**CALLS[0], "input": {}}], RESULTS[:1])
    assert named(first(sent, parts)) == ["invalid_tool_json"]


def test_both_sides_are_masked_alike() -> None:
    def mask(value: object) -> object:
        if isinstance(value, dict):
            return {name: mask(item) for name, item in value.items()}
        if isinstance(value, list):
            return [mask(item) for item in value]
        return value.replace("sk-ant-1", "***") if isinstance(value, str) else value

    answered = answer(*pb.text_block(0, "The key is sk-ant-1, keep it."))
    sent = going_on("The key is ***, keep it.", "Thanks.")
    runs = [
        exchange(ASK, *answered, mask=mask),
        exchange(sent, *answer(*pb.text_block(0, "x")), mask=mask),
    ]
    assert codes(linked(runs)[0]) == ["healthy"]
    bare = [exchange(ASK, *answered), exchange(sent, *answer(*pb.text_block(0, "x")))]
    assert codes(linked(bare)[0]) == ["blocks_changed"]


# --- pauses ---------------------------------------------------------------------------------------


PAUSED = answer(
    pb.block_start(0, "server_tool_use", id="s1", name="web_search", input={"q": "x"}),
    pb.block_stop(0),
    stop="pause_turn",
)
CALL: JsonObject = {
    "type": "server_tool_use",
    "id": "s1",
    "name": "web_search",
    "input": {"q": "x"},
}


def test_pause_not_resumed() -> None:
    other = {**ASK, "messages": [*ASK["messages"], {"role": "user", "content": "Go on."}]}
    finding = first(other, PAUSED)[0]
    assert (finding.code, finding.level) == ("pause_not_resumed", "warning")
    assert finding.text == (
        "The next request does not send the paused turn back, with 1 call of the server's tools: "
        "what it had done is lost."
    )
    assert named(first(going_on([CALL]), PAUSED)) == ["pause_turn", "healthy"]
    assert named(first(going_on([CALL], "Go on."), PAUSED)) == ["pause_turn", "healthy"]


# --- thinking of earlier answers ------------------------------------------------------------------

NEXT_CALL: JsonObject = {"type": "tool_use", "id": "toolu_9", "name": "get_time", "input": {}}
NEXT_THOUGHT: JsonObject = {"type": "thinking", "thinking": "so", "signature": "sig2"}
NEXT = [NEXT_THOUGHT, NEXT_CALL]
NEXT_RESULT: list[JsonObject] = [
    {"type": "tool_result", "tool_use_id": "toolu_9", "content": "noon"}
]
NEXT_STREAM = answer(
    *[pb.thinking_start(0), pb.thinking(0, "so"), pb.signature(0, "sig2"), pb.block_stop(0)],
    *[pb.tool_start(9, "get_time", id="toolu_9"), pb.block_stop(9)],
    stop="tool_use",
)
LAST = answer(*pb.text_block(0, "Noon."))


def second(*third_request: object, results: object = RESULTS) -> list[Finding]:
    """Return the findings of the second of three answers; the third request has these turns."""
    return judged(
        (ASK, STREAM),
        (going_on(WHOLE, results), NEXT_STREAM),
        (going_on(*third_request), LAST),
    )[1]


def test_thinking_of_an_earlier_answer_belongs_to_the_loop() -> None:
    assert named(second(WHOLE, RESULTS, NEXT, NEXT_RESULT)) == ["healthy"]
    finding = second(without(0), RESULTS, NEXT, NEXT_RESULT)[0]
    assert (finding.code, finding.level, finding.events) == ("blocks_changed", "warning", ())
    assert finding.text == (
        "The next request does not send back what came: thinking of an earlier answer dropped or "
        "changed. With that, the API can refuse it, and the cache is not read behind it."
    )
    edited = second(changed(0, signature=None), RESULTS, NEXT, NEXT_RESULT)[0]
    assert edited.code == "blocks_changed"


def test_what_was_dropped_before_is_told_once() -> None:
    told = judged(
        (ASK, STREAM),
        (going_on(without(0), RESULTS), NEXT_STREAM),
        (going_on(without(0), RESULTS, NEXT, NEXT_RESULT), LAST),
    )
    assert [named(findings)[0] for findings in told] == ["blocks_changed", "healthy", "healthy"]


def test_thinking_before_the_loop_or_behind_it_may_be_dropped() -> None:
    over = second(without(0), RESULTS, NEXT[1:], "Never mind.")
    assert "blocks_changed" not in named(over)
    spoken = [{"type": "text", "text": "And the time?"}]
    told = judged(
        (ASK, answer(*STREAM_OF_THOUGHT)),
        (going_on([THINKING, TEXT], spoken), NEXT_STREAM),
        (going_on([TEXT], spoken, NEXT, NEXT_RESULT), LAST),
    )
    assert [named(findings)[0] for findings in told] == ["healthy"] * 3


STREAM_OF_THOUGHT: list[JsonObject] = [
    *[pb.thinking_start(0), pb.thinking(0, "hm"), pb.signature(0, "sig"), pb.block_stop(0)],
    *pb.text_block(1, "I'll look ", "at both."),
]


# --- repeated -------------------------------------------------------------------------------------


def test_repeated() -> None:
    done = answer(*pb.text_block(0, "x"))
    failed: list[JsonObject | bytes] = [pb.error()]
    runs = judged((ASK, failed), ({**ASK, "stream": True}, done), (ASK, done), (ASK, done))
    assert [named(found) for found in runs] == [
        ["api_error"],
        *([["repeated", "healthy"]] * 3),
    ]
    assert [found[0].text for found in runs[1:]] == [
        "The same request for the 2nd time; the one before ended with overloaded_error.",
        "The same request for the 3rd time; the one before ended with end_turn.",
        "The same request for the 4th time; the one before ended with end_turn.",
    ]
    other = {**ASK, "model": "claude-sonnet-5-5-20260101"}
    assert named(judged((ASK, done), (other, done))[1]) == ["healthy"]


def test_how_often_a_request_was_repeated_is_said_as_people_say_it() -> None:
    done = answer(*pb.text_block(0, "x"))
    cut = done[:3]
    runs = judged((ASK, cut), *[(ASK, done)] * 22)
    assert runs[1][0].text == (
        "The same request for the 2nd time; the one before ended with a stream that was cut off."
    )
    nths = [found[0].text.split()[5] for found in runs[2:]]
    assert [nths[place] for place in (0, 1, 8, 9, 10, 18, 19, 20)] == [
        *("3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd")
    ]
