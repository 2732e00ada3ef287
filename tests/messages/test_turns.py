"""What follows from an answer: calls, results, pauses, and going on after a cut."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests import streams
from tests.messages.answers import (
    ARGS,
    ASK,
    TWO_CALLS,
    answer,
    asked,
    check,
    check_turns,
    found,
    message_of,
    problem,
    roles,
    said,
    searched,
    server,
    state_of,
    thought,
)
from tui.core.json_grammar import MAX_DEPTH
from tui.core.records import JsonObject
from tui.core.state import Status
from tui.messages.request import blocks_of, with_prompt
from tui.messages.turns import (
    NOT_RUN,
    Call,
    after_answer,
    after_pause,
    after_tools,
    assistant_turn,
    calls,
    continuation,
    tool_result,
)

# --- calls ----------------------------------------------------------------------------------------


def test_a_call_has_what_a_tool_needs() -> None:
    events = answer(
        pb.text_block(0, "Both."),
        pb.tool_block(1, "", '{"location": ', '"Paris"}'),
        pb.tool_block(2, '{"location": "Rome" }', name="look"),
        reason="tool_use",
    )
    assert asked(*events) == [
        Call(1, "toolu_1", "get_weather", {"location": "Paris"}, ""),
        Call(2, "toolu_2", "look", {"location": "Rome"}, ""),
    ]


@pytest.mark.parametrize(
    "block",
    [
        pb.tool_block(0),
        pb.tool_block(0, ""),
        pb.tool_block(0, "", ""),
        pb.tool_block(0, "{", "}"),
        pb.tool_block(0, "", input={"a": 1}),
        pb.tool_block(0, '{"a": 1}', input={"b": 2}),
        [pb.tool_start(0), pb.ping(), pb.block_stop(0)],
        [pb.tool_start(0), pb.delta(0, "new_delta", value=1), pb.block_stop(0)],
    ],
)
def test_a_whole_input_may_run(block: list[JsonObject]) -> None:
    assert problem(*block) == ""


def test_a_call_without_input_runs_on_an_empty_object() -> None:
    (call,) = asked(*answer(pb.tool_block(0, ""), reason="tool_use"))
    assert call.input == {}
    (call,) = asked(*answer(pb.tool_block(0, "", input={"a": 1}), reason="tool_use"))
    assert call.input == {"a": 1}


def test_a_prepopulated_message_can_stop_for_its_calls() -> None:
    block = {"type": "tool_use", "id": "toolu_9", "name": "look", "input": {"a": 1}}
    start = pb.message_start(block, stop_reason="tool_use")
    assert asked(start, pb.message_stop()) == [Call(0, "toolu_9", "look", {"a": 1}, "")]
    assert asked(start) == []


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ([pb.tool_start(0), pb.fragment(0, ARGS)], "broke off"),
        ([pb.tool_start(0)], "broke off"),
        (pb.tool_block(0, '{"a": 1'), "not JSON"),
        (pb.tool_block(0, '{"a": 1}}'), "not JSON"),
        (pb.tool_block(0, '{"a": NaN}'), "not JSON"),
        (pb.tool_block(0, '{"a": 1e999}'), "not JSON"),
        (pb.tool_block(0, '{"a": ' + "9" * 5_000 + "}"), "not JSON"),
        (pb.tool_block(0, '{"a":' + "[" * 300 + "]" * 300 + "}"), "nested too deeply"),
        (pb.tool_block(0, '{"a":' * 100_000), "not JSON"),
        (pb.tool_block(0, "[" * 100_000 + "]" * 100_000), "not JSON"),
        (pb.tool_block(0, " "), "not JSON"),
        (pb.tool_block(0, "[]"), "not a JSON object"),
        (pb.tool_block(0, '"{}"'), "not a JSON object"),
        (pb.tool_block(0, "null"), "not a JSON object"),
        (pb.tool_block(0, input=None), "not a JSON object"),
        (pb.tool_block(0, input=[{}]), "not a JSON object"),
        ([pb.block_start(0, "tool_use", id="a", name="b"), pb.block_stop()], "not a JSON object"),
        ([*pb.tool_block(0, "{}"), pb.fragment(0, " ")], "after the stop"),
        (pb.tool_block(0, "{}", id=None), "without an id"),
        (pb.tool_block(0, "{}", id=""), "without an id"),
        (pb.tool_block(0, "{}", id=5), "without an id"),
        (pb.tool_block(0, "{}", name=""), "without a name"),
        ([pb.block_start(0, "tool_use", id="a", name=["b"], input={}), pb.block_stop()], "a name"),
    ],
)
def test_nothing_else_runs(block: list[JsonObject], why: str) -> None:
    found = problem(*block)
    assert why in found
    assert found.endswith(".") and found.isprintable()


def test_a_number_beyond_a_float_in_a_start_does_not_run() -> None:
    start = b'event: content_block_start\ndata: {"type": "content_block_start", "index": 0, '
    start += b'"content_block": {"type": "tool_use", "id": "a", "name": "b", '
    start += b'"input": {"a": 1e999}}}\n\n'
    assert "too large" in problem(start, pb.block_stop())


def test_input_as_deep_as_can_be_read_runs() -> None:
    depth = MAX_DEPTH - 2
    document = '{"a":' + "[" * depth + "]" * depth + "}"
    assert problem(*pb.tool_block(0, document)) == ""


@pytest.mark.parametrize(
    ("lost", "runs"),
    [
        (b'event: content_block_delta\ndata: {"type": "content_block_del\n\n', False),
        (b"event: content_block_delta\ndata: [1]\n\n", False),
        (pb.delta(0, "input_json_delta", partial_json=5), False),
        ({"type": "content_block_delta", "index": 0}, False),
        ({"type": "content_block_delta", "index": 0, "delta": "x"}, False),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x"}}, False),
        (pb.fragment(7, "x"), False),
        (pb.sse(pb.text(5, "\u00e9")).replace(b"\\u00e9", b"\xff"), False),
        (pb.ping(), True),
        ({"type": "not_invented_yet"}, True),
        (b": a comment\n\n", True),
        (b'event: ping\ndata: {"type": "keep_alive"}\n\n', True),
    ],
)
def test_no_call_runs_after_an_event_that_was_lost(lost: JsonObject | bytes, runs: bool) -> None:
    block = [
        pb.tool_start(1),
        pb.fragment(1, '{"a":'),
        lost,
        pb.fragment(1, "1}"),
        pb.block_stop(1),
    ]
    within = pb.text_block(0, "hi")
    (call, *_) = asked(pb.message_start(), *within, *block, *pb.ending("tool_use"))
    assert (call.problem == "") is runs
    assert runs or "may be missing" in call.problem
    found = asked(
        pb.message_start(), *within, lost, *pb.tool_block(1, "{}"), *pb.ending("tool_use")
    )
    assert [call.problem for call in found if call.index == 1] == [""]


def test_calls_that_share_an_id_do_not_run() -> None:
    events = answer(
        pb.tool_block(0, "{}", id="a"),
        pb.tool_block(1, "{}", id="b"),
        pb.tool_block(2, '{"x": 1}', id="a"),
        reason="tool_use",
    )
    found = asked(*events)
    assert [bool(call.problem) for call in found] == [True, False, True]
    assert "same id" in found[0].problem


def test_a_reused_index_makes_two_calls() -> None:
    first, second = pb.tool_block(0, '{"a": 1}', id="a"), pb.tool_block(0, '{"a": 2}', id="b")
    found = asked(*answer(first, second, reason="tool_use"))
    assert [(call.id, call.input) for call in found] == [("a", {"a": 1}), ("b", {"a": 2})]


def test_what_a_declining_model_asked_for_does_not_run() -> None:
    change = pb.block_start(1, "fallback", to={"model": "b"})
    events = answer(
        pb.tool_block(0, "{}"),
        [change, pb.block_stop(1)],
        pb.tool_block(2, "{}"),
        reason="tool_use",
    )
    before, after = asked(*events)
    assert "another one took over" in before.problem and after.problem == ""
    made = after_tools(ASK, message_of(*events), [tool_result(c.id, "9") for c in (before, after)])
    assert [block["tool_use_id"] for block in said(made)] == ["toolu_2"]


def test_only_the_callers_own_tools_are_called() -> None:
    events = answer(searched(0), searched(2, "mcptoolu_1", "mcp"), reason="tool_use")
    assert asked(*events) == []
    assert [call.index for call in asked(*events[:-2], *pb.tool_block(4), *events[-2:])] == [4]


@pytest.mark.parametrize("reason", ["end_turn", "max_tokens", "pause_turn", "refusal", "new", None])
def test_an_answer_that_stopped_for_another_reason_has_no_calls(reason: str | None) -> None:
    assert asked(*answer(pb.tool_block(0, "{}"), reason=reason)) == []


STATUSES: Sequence[Status] = ("streaming", "truncated", "error", "cancelled", "not_sse", "empty")


@pytest.mark.parametrize("status", STATUSES)
def test_an_answer_that_is_not_complete_has_no_calls(status: Status) -> None:
    state = state_of(*answer(pb.tool_block(0, "{}"), reason="tool_use"))
    assert calls(state, "complete")
    assert calls(state, status) == []


def test_arguments_cut_at_every_byte_never_run() -> None:
    for length in range(1, len(ARGS)):
        for pieces in ([ARGS[:length]], list(ARGS[:length])):
            assert problem(*pb.tool_block(0, *pieces))
    assert problem(*pb.tool_block(0, *ARGS)) == ""


@given(streams.inputs(), st.booleans(), st.data())
def test_no_proper_part_of_an_input_runs(
    value: dict[str, object], escape: bool, data: st.DataObject
) -> None:
    document = json.dumps(value, ensure_ascii=escape)
    (call,) = asked(
        *answer(pb.tool_block(0, *data.draw(streams.pieces(document))), reason="tool_use")
    )
    assert call.problem == "" and call.input == value
    cut = data.draw(st.integers(1, len(document) - 1))
    pieces = data.draw(streams.pieces(document[:cut]))
    assert problem(*pb.tool_block(0, *pieces))


@given(streams.broken_events())
def test_calls_are_total(events: list[JsonObject]) -> None:
    for run in pb.run([pb.wire(*events)]).runs:
        for call in calls(run.state, run.status):
            assert (call.input is None) is bool(call.problem)
            assert call.problem or (call.id and call.name)
        request = continuation(ASK, run.state, run.status)
        check(request, ASK)
        message = run.state.message_json()
        if message is not None:
            results = [tool_result(call.id, "9") for call in calls(run.state, run.status)]
            for made in (after_answer(ASK, message), after_tools(ASK, message, results)):
                check_turns(made)
            check_turns(after_pause(ASK, message), paused=True)


# --- results --------------------------------------------------------------------------------------


def test_a_result_answers_a_call() -> None:
    assert tool_result("a", "9") == {"type": "tool_result", "tool_use_id": "a", "content": "9"}
    blocks = [{"type": "text", "text": "9"}]
    assert tool_result("a", blocks, is_error=True) == {
        "type": "tool_result",
        "tool_use_id": "a",
        "content": blocks,
        "is_error": True,
    }
    assert tool_result("a", "")["content"] == ""
    assert tool_result("a", "", is_error=True)["content"]


def test_results_follow_the_answer_that_asked() -> None:
    request, message = copy.deepcopy(ASK), message_of(*TWO_CALLS)
    kept = copy.deepcopy(message)
    results = [tool_result("toolu_1", "sun"), tool_result("toolu_2", "rain")]
    made = after_tools(request, message, results)
    assert request == ASK and message == kept
    assert made == ASK | {
        "messages": [
            *ASK["messages"],
            {"role": "assistant", "content": message["content"]},
            {"role": "user", "content": results},
        ]
    }
    check_turns(made)


@pytest.mark.parametrize(
    ("given_ids", "answered"),
    [
        (["toolu_2", "toolu_1"], ["1", "0"]),
        (["toolu_2"], [NOT_RUN, "0"]),
        ([], [NOT_RUN, NOT_RUN]),
        (["other", "", "toolu_1", "toolu_1"], ["2", NOT_RUN]),
    ],
)
def test_each_call_has_one_result(given_ids: list[str], answered: list[str]) -> None:
    results = [tool_result(id, str(number)) for number, id in enumerate(given_ids)]
    made = after_tools(ASK, message_of(*TWO_CALLS), results)
    assert [block["tool_use_id"] for block in said(made)] == ["toolu_1", "toolu_2"]
    assert [block["content"] for block in said(made)] == answered
    assert [block.get("is_error", False) for block in said(made)] == [
        text == NOT_RUN for text in answered
    ]


def test_what_else_was_given_comes_after_the_results() -> None:
    note = {"type": "text", "text": "both \ud800"}
    made = after_tools(ASK, message_of(*TWO_CALLS), [note, tool_result("toolu_1", "\udc00")])
    assert [block["type"] for block in said(made)] == ["tool_result", "tool_result", "text"]
    assert (said(made)[0]["content"], said(made)[2]["text"]) == ("\ufffd", "both \ufffd")


def test_calls_that_cannot_be_sent_back_are_spoken_of() -> None:
    events = answer(pb.text_block(0, "Let me look."), pb.tool_block(1, id=""), reason="tool_use")
    assert [bool(call.problem) for call in asked(*events)] == [True]
    made = after_tools(ASK, message_of(*events), [tool_result("", "x", is_error=True)])
    assert roles(made) == ["user", "assistant", "user"]
    assert "could not be read" in said(with_prompt(made, "?"))[0]["text"]
    check_turns(made)
    check_turns(after_tools(ASK, message_of(*events[:1], *events[4:]), []))


def test_input_that_was_no_object_goes_back_as_an_empty_one() -> None:
    events = answer(
        pb.tool_block(0, "[1]"), pb.tool_block(1, '{"a'), pb.tool_block(2, "{}"), reason="tool_use"
    )
    made = after_tools(ASK, message_of(*events), [])
    assert [block["input"] for block in blocks_of(made["messages"][1])] == [{}, {}, {}]


def test_a_tool_of_the_server_may_wait_for_the_results() -> None:
    events = answer(
        [server(0), pb.fragment(0, '{"code": "f()"}'), pb.block_stop(0)],
        pb.tool_block(1, "{}", caller={"type": "code_execution", "tool_id": "srvtoolu_1"}),
        reason="tool_use",
    )
    made = after_tools(ASK, message_of(*events), [tool_result("toolu_1", "9")])
    assert [block["type"] for block in blocks_of(made["messages"][1])] == [
        "server_tool_use",
        "tool_use",
    ]
    assert [block["type"] for block in said(made)] == ["tool_result"]


# --- a whole answer -------------------------------------------------------------------------------


def test_an_answer_goes_back_as_it_came() -> None:
    content: list[JsonObject] = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "So.", "citations": [{"type": "char_location"}]},
    ]
    message = {"role": "assistant", "content": content, "stop_reason": "end_turn"}
    assert assistant_turn(message) == {"role": "assistant", "content": content}


@pytest.mark.parametrize("content", [None, [], "x", 5, [{"type": "text", "text": ""}], [None]])
def test_there_can_be_nothing_to_send_back(content: object) -> None:
    message = {"content": content, "stop_reason": "end_turn", "container": {"id": "c"}}
    assert assistant_turn(message) is None
    assert after_answer(ASK, message) == ASK
    assert after_pause(ASK, message) == ASK


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("end_turn", True),
        ("tool_use", True),
        ("pause_turn", True),
        ("max_tokens", False),
        ("refusal", False),
        (None, False),
        (["end_turn"], False),
    ],
)
def test_thinking_without_a_signature_goes_back_when_it_was_not_cut(
    reason: object, kept: bool
) -> None:
    thinking = {"type": "thinking", "thinking": "hm"}
    signed = thinking | {"signature": "s"}
    text = {"type": "text", "text": "So."}
    turn = assistant_turn({"content": [signed, thinking, text], "stop_reason": reason})
    assert turn is not None
    assert turn["content"] == ([signed, thinking, text] if kept else [signed, text])


def test_a_pause_is_gone_on_with_by_the_answer_alone() -> None:
    events = answer(
        pb.text_block(0, "Searching."),
        [server(1), pb.fragment(1, '{"query": "x"}'), pb.block_stop(1)],
        reason="pause_turn",
    )
    message = message_of(*events)
    made = after_pause(ASK, message)
    assert roles(made) == ["user", "assistant"]
    assert said(made) == message["content"]
    assert said(made)[-1]["input"] == {"query": "x"}


def test_a_second_pause_and_the_end_make_one_turn() -> None:
    first = message_of(*answer([server(0), pb.block_stop(0)], reason="pause_turn"))
    second = message_of(
        *answer([found(0), pb.block_stop(0)], pb.text_block(1, "a \n"), reason="pause_turn")
    )
    once = after_pause(ASK, first)
    twice = after_pause(once, second)
    assert roles(twice) == ["user", "assistant"]
    assert [block["type"] for block in said(twice)] == [
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    assert said(twice)[-1]["text"] == "a"
    ended = after_answer(once, message_of(*answer([found(0), pb.block_stop(0)])))
    assert [block["type"] for block in said(ended)] == ["server_tool_use", "web_search_tool_result"]
    check_turns(with_prompt(ended, "And now?"))


def test_an_answer_is_ready_for_the_next_prompt() -> None:
    message = message_of(*answer(thought(0, "hm"), pb.text_block(1, "Sun.")))
    made = after_answer(ASK, message)
    assert made["messages"] == [
        *ASK["messages"],
        {"role": "assistant", "content": message["content"]},
    ]
    assert roles(with_prompt(made, "And Rome?")) == ["user", "assistant", "user"]


def test_before_the_next_prompt_every_call_is_answered() -> None:
    events = answer(
        pb.text_block(0, "Both."), pb.tool_block(1, '{"a'), searched(2)[:4], reason="max_tokens"
    )
    made = with_prompt(after_answer(ASK, message_of(*events)), "Never mind.")
    result, prompt = said(made)
    assert (result["tool_use_id"], result["content"], result["is_error"]) == (
        "toolu_1",
        NOT_RUN,
        True,
    )
    assert prompt == {"type": "text", "text": "Never mind."}
    assert [block["type"] for block in blocks_of(made["messages"][1])] == ["text", "tool_use"]
    check_turns(made)


@pytest.mark.parametrize(
    ("made", "asked_for", "sent"),
    [
        ({"id": "c1", "expires_at": "x"}, None, "c1"),
        ({"id": "c1"}, "c0", "c0"),
        ({"id": "c1"}, {"skills": [1]}, {"skills": [1], "id": "c1"}),
        ({"id": "c1"}, {"id": "c0"}, {"id": "c0"}),
        ({"id": 5}, None, None),
        ("c1", None, None),
        (None, None, None),
    ],
)
def test_the_container_is_carried_on(made: object, asked_for: object, sent: object) -> None:
    request = ASK if asked_for is None else ASK | {"container": asked_for}
    kept = copy.deepcopy(request)
    message = message_of(*answer(pb.tool_block(0), reason="tool_use", container=made))
    for next_ in (after_tools(request, message, []), after_pause(request, message)):
        assert next_.get("container") == sent
    state = state_of(*answer(pb.text_block(0, "a"), container=made)[:-2])
    assert continuation(request, state, "truncated").get("container") == sent
    assert request == kept


def test_the_next_request_asks_about_the_message_before() -> None:
    message = {**message_of(*answer(pb.tool_block(0), reason="tool_use")), "id": "msg_7"}
    for first in (None, "msg_6"):
        request = ASK | {"diagnostics": {"previous_message_id": first}}
        for made in (after_tools(request, message, []), after_answer(request, message)):
            assert made["diagnostics"] == {"previous_message_id": "msg_7"}
    assert "diagnostics" not in after_answer(ASK, message)
    other = ASK | {"diagnostics": {"more": 1}}
    assert after_answer(other, message)["diagnostics"] == {"more": 1}
