"""What is sent after a cut, and that the API would take it."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tests import streams
from tests.messages.answers import (
    ASK,
    OLD,
    TWO_CALLS,
    answer,
    check,
    check_turns,
    found,
    message_of,
    roles,
    said,
    searched,
    server,
    state_of,
    thought,
)
from tests.sweeps import few
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import RunState, Status
from tui.messages.request import blocks_of, messages_of, with_prompt
from tui.messages.turns import (
    NOT_RUN,
    after_answer,
    after_pause,
    after_tools,
    calls,
    continuation,
    tool_result,
    unfinished,
)

# --- what the API demands of a request ------------------------------------------------------------


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
