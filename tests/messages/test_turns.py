"""What follows from an answer: calls, results, pauses, and going on after a cut."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tests import streams
from tests.sweeps import few
from tui.core.json_grammar import MAX_DEPTH
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import RunState, Status
from tui.messages.request import blocks_of, build_request, messages_of, takes_prefill, with_prompt
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
    unfinished,
)

ASK = build_request("What is the weather in Paris and Rome?", model="claude-sonnet-5-5")
OLD = ASK | {"model": "claude-sonnet-4-5-20250929"}
ARGS = '{"location": "Paris, \\"R\\u00e9publique\\"", "days": [1, 2.5, {"hours": null}]}'

# --- builders -------------------------------------------------------------------------------------


def server(index: int, id: str = "srvtoolu_1", kind: str = "server_tool_use") -> JsonObject:
    return pb.block_start(index, kind, id=id, name="web_search", input={})


def found(index: int, id: str = "srvtoolu_1", kind: str = "web_search_tool_result") -> JsonObject:
    return pb.block_start(index, kind, tool_use_id=id, content=[{"type": "web_search_result"}])


def searched(index: int, id: str = "srvtoolu_1", kind: str = "server") -> list[JsonObject]:
    """A call that the server ran, and its result."""
    names = {
        "server": ("server_tool_use", "web_search_tool_result"),
        "mcp": ("mcp_tool_use", "mcp_tool_result"),
    }
    use, result = names[kind]
    return [
        server(index, id, use),
        *(pb.fragment(index, part) for part in ('{"query": ', '"x"}')),
        pb.block_stop(index),
        found(index + 1, id, result),
        pb.block_stop(index + 1),
    ]


def thought(index: int, *pieces: str, signature: str = "c2ln") -> list[JsonObject]:
    return [
        pb.thinking_start(index),
        *(pb.thinking(index, piece) for piece in pieces),
        pb.signature(index, signature),
        pb.block_stop(index),
    ]


def answer(
    *blocks: list[JsonObject], reason: str | None = "end_turn", **fields: object
) -> list[JsonObject]:
    events = [event for block in blocks for event in block]
    return [pb.message_start(**fields), *events, *pb.ending(reason)]


def state_of(*items: JsonObject | bytes) -> RunState:
    return pb.run([pb.wire(*items)]).run.state


def message_of(*items: JsonObject | bytes) -> JsonObject:
    message = state_of(*items).message_json()
    assert message is not None
    return message


def asked(*items: JsonObject | bytes) -> list[Call]:
    run = pb.run([pb.wire(*items)]).run
    return calls(run.state, run.status)


def problem(*block: JsonObject | bytes) -> str:
    """Why the only call of an answer that stopped for it may not run; empty when it may."""
    (call,) = asked(pb.message_start(), *block, *pb.ending("tool_use"))
    assert (call.input is None) is bool(call.problem)
    return call.problem


def said(request: JsonObject) -> list[JsonObject]:
    """The blocks of the last turn."""
    return blocks_of(messages_of(request)[-1])


def roles(request: JsonObject) -> list[str]:
    return [turn["role"] for turn in request["messages"]]


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


TWO_CALLS = answer(
    thought(0, "hm"),
    pb.tool_block(1, '{"location": "Paris"}'),
    pb.tool_block(2, '{"location": "Rome"}'),
    reason="tool_use",
)


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


# --- what the API demands of a request ------------------------------------------------------------


def check_turns(request: JsonObject, *, paused: bool = False) -> None:
    """Turns alternate, calls have their results right after, and every block can be sent."""
    json.dumps(request, ensure_ascii=False, allow_nan=False).encode()
    turns = request["messages"]
    assert all(one["role"] != other["role"] for one, other in zip(turns, turns[1:], strict=False))
    for turn, answer in zip(turns, [*turns[1:], {}], strict=True):
        blocks = blocks_of(turn)
        assert blocks
        assert all(block["text"] for block in blocks if block["type"] == "text")
        if turn["role"] == "user":
            continue
        ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
        assert len(set(ids)) == len(ids)
        if not paused:
            results = blocks_of(answer)[: len(ids)]
            assert [block.get("tool_use_id") for block in results] == ids


def check(made: JsonObject, asked_for: JsonObject) -> None:
    """Hold a continuation to the rules, whatever it continues."""
    if made == asked_for:
        return
    check_turns(made)
    *before, answer, last = made["messages"]
    if last["role"] == "assistant":
        assert takes_prefill(asked_for)
        before, answer = [*before, answer], last
        assert last["content"][-1]["text"] == last["content"][-1]["text"].rstrip() != ""
        assert all(block["type"] != "tool_use" for block in last["content"])
    else:
        *results, words = blocks_of(last)
        assert last["role"] == "user" and words["type"] == "text"
        assert all(block["is_error"] for block in results)
    assert answer["role"] == "assistant"
    blocks = answer["content"]
    kinds = [block["type"] for block in blocks]
    assert all(block.get("signature") for block in blocks if block["type"] == "thinking")
    assert kinds[-1] not in ("thinking", "redacted_thinking", "server_tool_use", "mcp_tool_use")
    uses = [block["id"] for block in blocks if block["type"] in ("server_tool_use", "mcp_tool_use")]
    results = [block["tool_use_id"] for block in blocks if block["type"].endswith("_tool_result")]
    assert set(uses) == set(results)
    assert {name: made[name] for name in asked_for if name != "messages"} == {
        name: asked_for[name] for name in asked_for if name != "messages"
    }


def text_in(blocks: list[JsonObject]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def check_cut(run: Run, whole: RunState, asked_for: JsonObject) -> JsonObject:
    """Hold the continuation of a cut of `whole` to the rules, and to what had arrived."""
    kept = copy.deepcopy(asked_for)
    made = continuation(asked_for, run.state, run.status)
    assert asked_for == kept
    check(made, asked_for)
    arrived = "".join(block.text.text() for block in run.state.blocks)
    full = "".join(block.text.text() for block in whole.blocks)
    assert full.startswith(arrived)
    if made == asked_for:
        assert not arrived.strip()
        return made
    place = len(asked_for["messages"])
    sent = made["messages"][place]["content"]
    if len(made["messages"]) == place + 1:
        assert text_in(sent) and arrived.startswith(text_in(sent))
        assert not arrived[len(text_in(sent)) :].strip()
    else:
        assert text_in(sent) == (arrived if arrived.strip() else "")
    inputs = {block.start["id"]: block.input for block in whole.blocks if block.type == "tool_use"}
    for block in sent:
        if block["type"] == "tool_use":
            assert block["input"] == inputs[block["id"]]
    return made


# --- going on after a cut -------------------------------------------------------------------------

EVERYTHING = answer(
    thought(0, "Two cit", "ies."),
    pb.text_block(1, "I'll check \u00e9 "),
    searched(2),
    thought(4, "And now?"),
    pb.text_block(5, "both.\n"),
    pb.tool_block(6, "", '{"location": ', '"Paris"}'),
    pb.tool_block(7, '{"location": "Rome"}', name="look"),
    reason="tool_use",
)


def test_every_cut_of_an_answer_can_be_gone_on_with() -> None:
    data = pb.wire(*EVERYTHING)
    whole = pb.run([data]).run.state
    seen = set()
    for cut in range(len(data)):
        run = pb.run([data[:cut]]).run
        # Without the last line end the event is whole all the same.
        if cut < len(data) - 2:
            assert calls(run.state, run.status) == []
        made = check_cut(run, whole, ASK)
        blocks = made["messages"][1]["content"] if len(made["messages"]) > 1 else []
        seen.add(tuple(block["type"] for block in blocks))
    searching = ("thinking", "text", "server_tool_use", "web_search_tool_result")
    assert seen == {
        (),
        ("thinking", "text"),
        searching,
        (*searching, "thinking", "text"),
        (*searching, "thinking", "text", "tool_use"),
        (*searching, "thinking", "text", "tool_use", "tool_use"),
    }
    assert [call.problem for call in calls(whole, "complete")] == ["", ""]


@st.composite
def answers(draw: st.DrawFn) -> list[JsonObject]:
    """An answer with its blocks one after another, as the API sends them."""
    blocks: list[list[JsonObject]] = []
    index = 0
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["text", "thinking", "tool", "server", "mcp", "whole"]))
        if kind == "text":
            blocks.append(pb.text_block(index, *draw(st.lists(streams.TEXT, max_size=4))))
        elif kind == "thinking":
            blocks.append(thought(index, *draw(st.lists(streams.TEXT, max_size=2))))
        elif kind == "tool":
            document = json.dumps(draw(streams.inputs()))
            blocks.append(pb.tool_block(index, "", *draw(streams.pieces(document))))
        elif kind == "whole":
            blocks.append([*draw(streams.whole_blocks(index)), pb.block_stop(index)])
            if blocks[-1][0]["content_block"]["type"].endswith("_tool_result"):
                blocks.pop()
        else:
            blocks.append(searched(index, f"{kind}_{number}", kind))
            index += 1
        index += 1
    return answer(*blocks, reason=draw(st.sampled_from(["end_turn", "tool_use", "max_tokens"])))


@given(answers(), st.data())
def test_any_cut_of_any_answer_can_be_gone_on_with(
    events: list[JsonObject], data: st.DataObject
) -> None:
    wire = pb.wire(*events)
    whole = pb.run([wire]).run.state
    asked_for = data.draw(st.sampled_from([ASK, OLD]))
    ends = [len(pb.wire(*events[:count])) for count in range(len(events))]
    drawn = data.draw(st.lists(st.integers(0, len(wire) - 1), max_size=10))
    for cut in [*ends, *drawn]:
        run = pb.run([wire[:cut]]).run
        if cut < len(wire) - 2:
            assert calls(run.state, run.status) == []
        check_cut(run, whole, asked_for)


@given(streams.legal_events(), st.data())
def test_cuts_of_answers_with_interleaved_blocks_are_legal_too(
    events: list[JsonObject], data: st.DataObject
) -> None:
    wire = pb.wire(*events)
    cut = data.draw(st.integers(0, len(wire)))
    run = pb.run([wire[:cut]]).run
    for asked_for in (ASK, OLD):
        check(continuation(asked_for, run.state, run.status), asked_for)


def cut_off(*blocks: list[JsonObject]) -> RunState:
    return state_of(pb.message_start(), *(event for block in blocks for event in block))


LONG = "".join(f"word{number} " for number in range(60))


def test_the_model_is_told_where_it_broke_off() -> None:
    made = continuation(ASK, cut_off([pb.text_start(), pb.text(0, LONG)]), "truncated")
    assert made["messages"][1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": LONG}],
    }
    words = made["messages"][2]["content"]
    assert made["messages"][2]["role"] == "user"
    assert words.startswith("Your answer broke off before it was complete.")
    assert f'"\u2026{LONG.rstrip()[-100:]}"' in words
    assert LONG.rstrip()[-101:] not in words
    assert words.endswith("repeat nothing of it.")


@pytest.mark.parametrize(
    ("status", "words"),
    [("truncated", "broke off"), ("error", "broke off"), ("cancelled", "was stopped")],
)
def test_the_model_is_told_why(status: Status, words: str) -> None:
    made = continuation(ASK, cut_off([pb.text_start(), pb.text(0, "Sun")]), status)
    assert words in said(made)[0]["text"]
    assert '"Sun"' in said(made)[0]["text"]


def test_an_answer_at_its_length_limit_goes_on_like_one_that_was_cut() -> None:
    events = answer(pb.text_block(0, "Sun in Par"), pb.tool_block(1, '{"loc'), reason="max_tokens")
    run = pb.run([pb.wire(*events)]).run
    assert calls(run.state, run.status) == []
    made = continuation(ASK, run.state, run.status)
    assert made["messages"][1]["content"] == [{"type": "text", "text": "Sun in Par"}]
    words = made["messages"][2]["content"]
    assert "length limit" in words and '"Sun in Par"' in words and "tool call" in words
    old = continuation(OLD, run.state, run.status)
    assert said(old) == [{"type": "text", "text": "Sun in Par"}]


def test_whole_calls_of_a_broken_answer_are_answered() -> None:
    state = cut_off(pb.tool_block(0, '{"a": 1}'), [pb.tool_start(1), pb.fragment(1, '{"b')])
    made = continuation(ASK, state, "truncated")
    assert [block["id"] for block in blocks_of(made["messages"][1])] == ["toolu_0"]
    result, words = said(made)
    assert result == tool_result(
        "toolu_0", "This tool was not run: the answer that called it broke off.", is_error=True
    )
    assert "had begun" in words["text"] and "ends with" not in words["text"]
    assert unfinished(state).dropped == ["tool_use"]


def test_calls_that_were_left_open_can_be_gone_on_from() -> None:
    run = pb.run([pb.wire(*TWO_CALLS)]).run
    made = continuation(ASK, run.state, run.status)
    *results, words = said(made)
    assert [block["content"] for block in results] == [NOT_RUN, NOT_RUN]
    assert "left without a result" in words["text"]


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [pb.thinking_start(0), pb.thinking(0, "hm"), pb.signature(0, "s")],
        thought(0, "hm"),
        thought(0, "hm", signature=""),
        [*thought(0, "hm"), pb.tool_start(1), pb.fragment(1, "{}")],
        [pb.text_start(), pb.text(0, " \n")],
        [pb.text_start()],
        searched(0)[:4],
        searched(0)[:5][:-1],
        [pb.block_start(0, "redacted_thinking", data="x"), pb.block_stop(0)],
        [pb.block_start(0, "compaction", content=None)],
        [pb.block_start(0, "fallback", to={"model": "b"}), pb.block_stop(0)],
        [found(0), pb.block_stop(0)],
    ],
)
def test_where_nothing_can_be_kept_the_request_is_sent_again(blocks: list[JsonObject]) -> None:
    assert continuation(ASK, cut_off(blocks), "truncated") == ASK
    assert continuation(OLD, cut_off(blocks), "error") == OLD


def test_nothing_follows_thinking_that_is_left_out() -> None:
    state = cut_off(
        pb.text_block(0, "a"),
        thought(1, "hm", signature=""),
        thought(2, "hm"),
        pb.tool_block(3, "{}"),
        pb.text_block(4, "b"),
    )
    kept, dropped = unfinished(state)
    assert [block["text"] for block in kept] == ["a", "b"]
    assert dropped == ["thinking", "thinking", "tool_use"]


def test_thinking_counts_as_whole_when_its_block_stopped() -> None:
    signed = thought(0, "hm")
    assert [kept["type"] for kept in unfinished(cut_off(signed, pb.text_block(1, "a"))).kept] == [
        "thinking",
        "text",
    ]
    kept, dropped = unfinished(cut_off(signed[:-1], pb.text_block(1, "a")))
    assert [block["type"] for block in kept] == ["text"]
    assert dropped == ["thinking"]


def test_a_damaged_answer_keeps_no_call() -> None:
    lost = b"event: content_block_delta\ndata: {\n\n"
    block: list[JsonObject | bytes] = [
        pb.tool_start(1),
        pb.fragment(1, "{"),
        lost,
        pb.fragment(1, "}"),
        pb.block_stop(1),
    ]
    state = state_of(pb.message_start(), *pb.text_block(0, "a"), *block)
    assert [kept["type"] for kept in unfinished(state).kept] == ["text"]


@pytest.mark.parametrize("model", [ASK, OLD])
@pytest.mark.parametrize("blank", ["\n\n", " ", "\t"])
def test_blank_text_is_not_sent_back(model: JsonObject, blank: str) -> None:
    for texts in ((blank, "Sunny"), ("Sunny", blank), (blank, "Sunny", blank), (blank,)):
        blocks = [event for index, text in enumerate(texts) for event in pb.text_block(index, text)]
        state = cut_off(blocks)
        kept, dropped = unfinished(state)
        assert [block["text"] for block in kept] == [text for text in texts if text != blank]
        assert dropped == []
        sent = continuation(model, state, "error")
        for turn in messages_of(sent):
            assert all(block["text"].strip() for block in blocks_of(turn))


# --- prefill --------------------------------------------------------------------------------------


def test_older_models_go_on_from_the_answer_itself() -> None:
    state = cut_off(searched(0), [pb.text_start(2), pb.text(2, "Sun in Par \n")])
    made = continuation(OLD, state, "truncated")
    assert roles(made) == ["user", "assistant"]
    assert said(made)[-1] == {"type": "text", "text": "Sun in Par"}
    assert [block["type"] for block in said(made)][:2] == [
        "server_tool_use",
        "web_search_tool_result",
    ]


@pytest.mark.parametrize(
    ("settings", "blocks"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, pb.text_block(0, "a")),
        ({"model": "claude-sonnet-4-6"}, pb.text_block(0, "a")),
        ({}, [*pb.text_block(0, "a"), *searched(1)]),
        ({}, [*pb.text_block(0, "a"), *searched(1), *pb.text_block(3, " ")]),
        ({}, [*pb.tool_block(0, "{}"), *pb.text_block(1, "a")]),
    ],
)
def test_a_prefill_needs_text_at_the_end_and_no_more(
    settings: JsonObject, blocks: list[JsonObject]
) -> None:
    made = continuation(OLD | settings, cut_off(blocks), "truncated")
    assert roles(made) == ["user", "assistant", "user"]
    check(made, OLD | settings)


def test_a_prefill_that_breaks_off_again_goes_on_in_the_same_turn() -> None:
    once = continuation(OLD, cut_off([pb.text_start(), pb.text(0, "Sun ")]), "truncated")
    twice = continuation(once, cut_off([pb.text_start(), pb.text(0, " in Paris")]), "truncated")
    assert roles(twice) == ["user", "assistant"]
    assert text_in(said(twice)) == "Sun in Paris"


# --- cuts within a longer exchange ----------------------------------------------------------------


def paused() -> JsonObject:
    return after_pause(ASK, message_of(*answer([server(0), pb.block_stop(0)], reason="pause_turn")))


def test_a_paused_turn_whose_tool_still_waits_is_sent_again() -> None:
    request = paused()
    state = cut_off([pb.text_start(), pb.text(0, "Sun")])
    assert continuation(request, state, "truncated") == request


def test_a_paused_turn_whose_tool_came_back_goes_on() -> None:
    state = cut_off([found(0), pb.block_stop(0)], [pb.text_start(1), pb.text(1, "Sun")])
    made = continuation(paused(), state, "truncated")
    assert roles(made) == ["user", "assistant", "user"]
    assert [block["type"] for block in made["messages"][1]["content"]] == [
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    check_turns(made)


@settings(max_examples=few(15))
@given(answers(), answers())
def test_exchanges_stay_legal_over_several_answers(
    first: list[JsonObject], second: list[JsonObject]
) -> None:
    one, two = state_of(*first), state_of(*second)
    message, later = one.message_json() or {}, two.message_json() or {}
    results = [tool_result(call.id, "9") for call in calls(one, "complete")]
    for made in (
        continuation(ASK, one, "truncated"),
        after_answer(ASK, message),
        after_tools(ASK, message, results),
    ):
        request = with_prompt(made, "Next?")
        check_turns(request)
        check(continuation(request, two, "truncated"), request)
        ended = after_answer(request, later)
        check_turns(ended)
        assert ended["messages"][: len(request["messages"]) - 1] == request["messages"][:-1]
