"""Findings on stop reasons, and on content that does not fit to them."""

from __future__ import annotations

import pytest

from tests import playbook as pb
from tests.findings_play import answer, codes, exchange, found, told, untimed
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.findings import Evidence

TEXT = pb.text_block(0, "Let me see.")
CUT_CALL = pb.tool_block(1, '{"path": "a', ".md", '", "text": "on', "ce")


# --- invalid tool JSON ----------------------------------------------------------------------------


def test_input_that_max_tokens_cut() -> None:
    run = untimed(*answer(*TEXT, *CUT_CALL, stop="max_tokens", output_tokens=100))
    assert codes(run, request={"max_tokens": 100}) == ["invalid_tool_json", "max_tokens"]
    finding = told(run)["invalid_tool_json"]
    assert finding.level == "error"
    assert finding.text == (
        "The input of get_weather (block 1) is not JSON at character 30, in event 8: "
        "ends inside a string; it was cut off by max_tokens."
    )
    assert (finding.events, finding.values["character"]) == ((8, 4), 30)


@pytest.mark.parametrize(
    ("reason", "cause", "other"),
    [
        ("model_context_window_exceeded", "the end of the context window", "context_window"),
        ("refusal", "the refusal", "refusal"),
    ],
)
def test_input_that_something_else_cut(reason: str, cause: str, other: str) -> None:
    run = untimed(*answer(*TEXT, *CUT_CALL, stop=reason))
    assert codes(run) == ["invalid_tool_json", other]
    assert told(run)["invalid_tool_json"].text.endswith(f"; it was cut off by {cause}.")


def test_what_the_model_broke_before_the_limit_is_its_own_fault() -> None:
    call = pb.tool_block(0, '{"a": 01, "b": "cu')
    run = untimed(*answer(*call, stop="max_tokens", output_tokens=100))
    assert codes(run) == ["invalid_tool_json", "max_tokens"]
    assert told(run)["invalid_tool_json"].text.endswith("the model itself wrote it so.")


def test_input_that_the_model_broke() -> None:
    run = untimed(*answer(*pb.tool_block(0, '{"a"', ": tru", 'x, "b": 1}'), stop="tool_use"))
    (finding,) = found(run)
    assert finding.text == (
        "The input of get_weather (block 0) is not JSON at character 9, in event 4: "
        "expected 'true'; the model itself wrote it so."
    )
    assert finding.advice is not None and finding.advice.startswith("Answer the call with an error")
    early = told(untimed(*answer(*pb.tool_block(0, '{"a"', ""), stop="tool_use")))
    assert early["invalid_tool_json"].text.endswith(
        "it ends too early, and neither max_tokens nor the connection cut it: the model itself did."
    )
    assert early["invalid_tool_json"].events[0] == 2


def test_each_call_is_told_of() -> None:
    run = untimed(*answer(*pb.tool_block(0, "{"), *pb.tool_block(1, "["), stop="tool_use"))
    assert codes(run) == ["invalid_tool_json"] * 2


def test_input_that_the_connection_cut_is_part_of_that() -> None:
    run = untimed(pb.message_start(), pb.tool_start(0), pb.fragment(0, '{"a'), how="reset")
    assert codes(run) == ["cut_off"]


def test_a_block_that_never_stopped_in_a_whole_message() -> None:
    run = untimed(*answer(pb.tool_start(0), pb.fragment(0, '{"a'), stop="tool_use"))
    assert codes(run) == ["invalid_tool_json"]
    whole = untimed(*answer(pb.tool_start(0), pb.fragment(0, "{}"), stop="tool_use"))
    assert codes(whole) == ["anomalies", "healthy"]


def test_valid_input_says_nothing() -> None:
    for pieces in (['{"a"', ": 1}"], [""], ["{}", " "]):
        assert codes(untimed(*answer(*pb.tool_block(0, *pieces), stop="tool_use"))) == ["healthy"]


# --- max_tokens -----------------------------------------------------------------------------------


def limited(**usage: object) -> Run:
    counts = {"output_tokens": 2048} | usage
    delta = pb.message_delta("max_tokens", counts)
    return untimed(pb.message_start(), *TEXT, delta, pb.message_stop())


def test_max_tokens() -> None:
    (finding,) = found(limited(), request={"max_tokens": 2048})
    assert (finding.code, finding.level, finding.events) == ("max_tokens", "warning", (4,))
    assert (
        finding.text
        == "Stopped at max_tokens: 2,048 of 2,048 tokens used: the answer is not whole."
    )
    assert finding.values == {"used": 2048, "allowed": 2048}
    thought = limited(output_tokens_details={"thinking_tokens": 1843})
    finding = told(thought, request={"max_tokens": 2048})["max_tokens"]
    assert finding.text == (
        "Stopped at max_tokens: 2,048 of 2,048 tokens used, 90 % of them thinking: "
        "the answer is not whole."
    )
    assert finding.advice == "Allow more max_tokens, or less thinking: both share the limit."
    assert told(limited())["max_tokens"].text == (
        "Stopped at max_tokens after 2,048 tokens: the answer is not whole."
    )


@pytest.mark.parametrize("asked", [0, 1])
def test_probes_stop_at_once(asked: int) -> None:
    run = limited(output_tokens=1)
    assert codes(run, request={"max_tokens": asked}) == ["healthy"]
    assert codes(run) == ["healthy"]
    assert codes(run, request={"max_tokens": 2}) == ["max_tokens"]


# --- the other reasons ----------------------------------------------------------------------------


def test_context_window() -> None:
    run = untimed(*answer(*TEXT, stop="model_context_window_exceeded", output_tokens=700))
    (finding,) = found(run)
    assert (finding.code, finding.level) == ("context_window", "warning")
    assert finding.text == (
        "Stopped because the context window was full: 25 tokens of input and 700 of output "
        "filled it; the answer is not whole."
    )


def refused(details: object) -> Run:
    delta = pb.message_delta("refusal")
    delta["delta"]["stop_details"] = details
    return untimed(pb.message_start(), *TEXT, delta, pb.message_stop())


@pytest.mark.parametrize(
    ("details", "text"),
    [
        (
            {"type": "refusal", "category": "cyber", "explanation": "It was declined."},
            "Refused (category cyber): It was declined.",
        ),
        ({"type": "refusal", "category": None}, "Refused, without a category."),
        (None, "Refused, without a category."),
        ("odd", "Refused, without a category."),
    ],
)
def test_refusal(details: object, text: str) -> None:
    (finding,) = found(refused(details))
    assert (finding.code, finding.level, finding.text) == ("refusal", "warning", text)


def test_a_model_that_is_recommended() -> None:
    finding = told(refused({"recommended_model": "claude-opus-5"}))["refusal"]
    assert finding.advice is not None and finding.advice.endswith(
        "recommends claude-opus-5 for it."
    )


def test_pause_turn() -> None:
    call = pb.tool_block(1, '{"q": 1}', name="web_search")
    call[0]["content_block"]["type"] = "server_tool_use"
    run = untimed(*answer(*TEXT, *call, stop="pause_turn"))
    finding = found(run)[0]
    assert (finding.code, finding.level) == ("pause_turn", "notice")
    assert finding.text == (
        "The turn is paused after 1 call of the server's tools: it has not ended, "
        "and goes on when it is sent back as it is."
    )
    assert codes(run) == ["pause_turn", "healthy"]


RESULTS: JsonObject = {
    "messages": [
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": ""}]}
    ]
}


@pytest.mark.parametrize(
    ("parts", "request_", "text"),
    [
        ([], None, "The answer is empty: end_turn without any content."),
        (
            [],
            RESULTS,
            "The answer is empty: end_turn without any content, right after tool results.",
        ),
        (pb.text_block(0, ""), None, "The answer is empty: end_turn without any content."),
        (
            [pb.thinking_start(0), pb.thinking(0, "hm"), pb.block_stop(0)],
            None,
            "The answer is empty: end_turn after nothing but thinking.",
        ),
    ],
)
def test_empty_answer(parts: list[JsonObject], request_: JsonObject | None, text: str) -> None:
    (finding,) = found(untimed(*answer(*parts)), request=request_)
    assert (finding.code, finding.level, finding.text) == ("empty_answer", "warning", text)


def test_what_is_not_empty() -> None:
    for parts in (pb.text_block(0, " "), [pb.block_start(0, "new"), pb.block_stop(0)]):
        assert "empty_answer" not in codes(untimed(*answer(*parts)))
    assert codes(untimed(*answer(stop="stop_sequence"))) == ["healthy"]
    warmed = exchange({"max_tokens": 0}, *answer())
    assert codes(warmed) == ["healthy"]


def test_stop_mismatch() -> None:
    calls = untimed(*answer(*pb.tool_block(0, "{}"), stop="end_turn"))
    (finding,) = found(calls)
    assert (finding.code, finding.level, finding.events) == ("stop_mismatch", "warning", (1,))
    assert finding.text == (
        "The stop reason is end_turn, but the answer calls get_weather: "
        "a client that goes by the stop reason does not run it."
    )
    (finding,) = found(untimed(*answer(*TEXT, stop="tool_use")))
    assert finding.text == (
        "The stop reason is tool_use, but the answer has no tool_use block: "
        "a client that waits for a call has nothing to answer."
    )
    assert codes(untimed(*answer(*pb.tool_block(0, "{}"), stop="tool_use"))) == ["healthy"]
    search = pb.block_start(0, "server_tool_use", id="s", name="web_search", input={})
    assert codes(untimed(*answer(search, pb.block_stop(0), *pb.text_block(1, "x")))) == ["healthy"]


def test_calls_of_a_model_that_declined_do_not_count() -> None:
    handed = pb.block_start(1, "fallback", **{"from": {"model": "a"}, "to": {"model": "b"}})
    parts = [*pb.tool_block(0, "{}"), handed, pb.block_stop(1), *pb.text_block(2, "x")]
    assert codes(untimed(*answer(*parts))) == ["healthy"]


def test_no_reason_at_all() -> None:
    evidence = Evidence(untimed(*answer(*TEXT, stop=None)))
    assert codes(evidence) == ["healthy"]
