"""The fold, rule by rule; each test is a stream and what becomes of it."""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests.playbook import (
    DONE,
    NAMED_DONE,
    block_start,
    block_stop,
    citation,
    delta,
    ending,
    error,
    fragment,
    message_delta,
    message_start,
    message_stop,
    ping,
    play,
    record,
    run,
    signature,
    sse,
    text,
    text_block,
    text_start,
    thinking,
    thinking_start,
    tool_block,
    tool_start,
    wire,
)
from tui.core.deltas import DELTAS
from tui.core.json_grammar import MAX_DEPTH
from tui.core.protocol import BLOCKS
from tui.core.records import EventRecord, JsonObject
from tui.core.reducer import HANDLERS, LEGAL, apply, fold
from tui.core.sse import FrameKind
from tui.core.state import PULSE_NS, STALL_NS, Phase, RunState

CITED: Final = {"type": "char_location", "cited_text": "x"}


# --- text, thinking, citations --------------------------------------------------------------------


def test_text_is_appended() -> None:
    play(message_start(), *text_block(0, "Hel", "lo"), *ending()).expect(
        text="Hello",
        content=[{"type": "text", "text": "Hello"}],
        usage={"input_tokens": 25, "output_tokens": 15},
        stop_reason="end_turn",
        model="claude-sonnet-5-5",
        id="msg_1",
    )


def test_text_block_without_deltas() -> None:
    play(message_start(), *text_block(0), *ending()).expect(content=[{"type": "text", "text": ""}])


def test_text_that_the_block_began_with_stays_in_front() -> None:
    play(
        message_start(),
        block_start(0, "text", text="Once "),
        text(0, "more"),
        block_stop(0),
        *ending(),
    ).expect(text="Once more")


def test_thinking_is_appended_and_the_signature_overwritten() -> None:
    play(
        message_start(),
        thinking_start(0),
        thinking(0, ""),
        thinking(0, "Let me "),
        thinking(0, "see"),
        signature(0, "first"),
        signature(0, "second"),
        block_stop(0),
        *ending(),
    ).expect(content=[{"type": "thinking", "thinking": "Let me see", "signature": "second"}])


def test_omitted_thinking_is_a_signature_alone() -> None:
    played = play(message_start(), thinking_start(0), signature(0, "abc"), block_stop(0), *ending())
    played.expect(content=[{"type": "thinking", "thinking": "", "signature": "abc"}])
    assert played.state.first_content_ns is None


def test_redacted_thinking_keeps_its_data() -> None:
    play(
        message_start(),
        block_start(0, "redacted_thinking", data="opaque"),
        block_stop(0),
        *ending(),
    ).expect(content=[{"type": "redacted_thinking", "data": "opaque"}])


def test_undeclared_fields_of_a_delta_are_kept_on_the_block() -> None:
    play(
        message_start(),
        thinking_start(0),
        thinking(0, "hm", estimated_tokens=5),
        thinking(0, "!", estimated_tokens=9),
        signature(0, "s", alg="x"),
        block_stop(0),
        text_start(1),
        text(1, "hi", logprob=-1),
        citation(1, CITED, score=2),
        block_stop(1),
        tool_start(2),
        fragment(2, "{}", speed="fast"),
        block_stop(2),
        *ending(),
    ).expect(
        content=[
            {"thinking": "hm!", "estimated_tokens": 9, "alg": "x", "signature": "s"},
            {"text": "hi", "logprob": -1, "score": 2},
            {"speed": "fast", "input": {}},
        ]
    )


def test_undeclared_fields_never_replace_what_the_block_has() -> None:
    play(
        message_start(),
        tool_start(0),
        fragment(0, "{}", id="other", name="rm", input={"a": 1}),
        block_stop(0),
        *ending(),
    ).expect(content=[{"id": "toolu_0", "name": "get_weather", "input": {}}])


@pytest.mark.parametrize("start", [{}, {"citations": None}, {"citations": []}])
def test_citations_start_absent_null_or_empty(start: JsonObject) -> None:
    play(
        message_start(),
        block_start(0, "text", text="", **start),
        citation(0, CITED),
        text(0, "x"),
        citation(0, CITED | {"cited_text": "y"}),
        block_stop(0),
        *ending(),
    ).expect(content=[{"text": "x", "citations": [CITED, CITED | {"cited_text": "y"}]}])


def test_citations_that_the_block_began_with_stay() -> None:
    play(
        message_start(),
        block_start(0, "text", text="", citations=[CITED]),
        citation(0, {"new": 1}),
        block_stop(0),
        *ending(),
    ).expect(content=[{"citations": [CITED, {"new": 1}]}])


def test_a_citation_of_the_wrong_type_is_kept_and_noted() -> None:
    play(
        message_start(),
        text_start(0),
        citation(0, 5),
        delta(0, "citations_delta"),
        block_stop(0),
        *ending(),
    ).expect(content=[{"citations": [5]}], anomalies=["bad_field", "bad_field"])


def test_compaction_overwrites() -> None:
    play(
        message_start(),
        block_start(0, "compaction", content=None),
        delta(0, "compaction_delta", content="first", encrypted_content="a"),
        delta(0, "compaction_delta", content="second", encrypted_content=None),
        block_stop(0),
        *ending("compaction"),
    ).expect(
        content=[{"type": "compaction", "content": "second", "encrypted_content": None}],
        stop_reason="compaction",
    )


# --- tools ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use", "mcp_tool_use"])
def test_tool_input_is_put_together_from_fragments(kind: str) -> None:
    play(
        message_start(),
        *tool_block(0, "", '{"city": "Par', "is\\u0", '0e9"   ', "}", type=kind),
        *ending("tool_use"),
    ).expect(content=[{"type": kind, "input": {"city": "Paris\u00e9"}}]).expect_tool(
        state="complete",
        value={"city": "Paris\u00e9"},
        raw='{"city": "Paris\\u00e9"   }',
        fragments=5,
    )


def test_tool_with_only_empty_deltas_keeps_the_input_it_began_with() -> None:
    play(message_start(), *tool_block(0, "", ""), *ending("tool_use")).expect(
        content=[{"input": {}}]
    ).expect_tool(state="empty", value={}, raw="", fragments=2)


def test_tool_that_began_with_a_full_input_keeps_it() -> None:
    play(message_start(), *tool_block(0, input={"a": 1}), *ending("tool_use")).expect(
        content=[{"input": {"a": 1}}]
    ).expect_tool(state="complete", value={"a": 1}, raw="", fragments=0)


def test_fragments_replace_the_input_that_the_tool_began_with() -> None:
    play(message_start(), *tool_block(0, '{"b":2}', input={"a": 1}), *ending()).expect(
        content=[{"input": {"b": 2}}]
    )


@pytest.mark.parametrize("raw", ['{"a": 1', '{"a": NaN}', "{'a': 1}", '{"a": 1}}', " ", "nul"])
def test_invalid_tool_json_keeps_the_starting_input_and_the_raw_text(raw: str) -> None:
    play(message_start(), *tool_block(0, raw, input={"start": 1}), *ending("max_tokens")).expect(
        content=[{"input": {"start": 1}}], anomalies=["invalid_tool_json"]
    ).expect_tool(state="invalid", raw=raw, fragments=1)


@pytest.mark.parametrize("raw", ["[1]", "5", '"x"', "null"])
def test_tool_input_that_is_no_object_is_noted(raw: str) -> None:
    value = json.loads(raw)
    play(message_start(), *tool_block(0, raw), *ending("tool_use")).expect(
        content=[{"input": value}], anomalies=["input_not_object"]
    ).expect_tool(state="complete", value=value, raw=raw, fragments=1)


def test_tool_that_never_stopped_is_partial() -> None:
    play(message_start(), tool_start(0), fragment(0, '{"a":1}'), message_stop()).expect(
        content=[{"input": {}}], anomalies=["block_not_stopped"]
    ).expect_tool(state="partial", raw='{"a":1}', fragments=1)


def test_nesting_without_end_in_a_tool_input() -> None:
    for raw, state in (
        ('{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}", "complete"),
        ('{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "invalid"),
        ("[" * 9_000, "invalid"),
    ):
        session = run([wire(message_start(), *tool_block(0, raw), *ending())])
        report = session.run.state.tool_reports()[0]
        assert (report.state, report.raw) == (state, raw)


def test_input_that_comes_after_the_stop_is_not_trusted() -> None:
    play(
        message_start(),
        *tool_block(0, '{"a":1}'),
        fragment(0, ""),
        *tool_block(1),
        fragment(1, '{"b"'),
        fragment(0, "}"),
        *ending("tool_use"),
    ).expect(
        content=[{"input": {}}, {"input": {}}], anomalies=["delta_after_stop"] * 3
    ).expect_tool(0, state="invalid", raw='{"a":1}}', fragments=3).expect_tool(
        1, state="invalid", raw='{"b"', fragments=1
    )


def test_a_second_stop_reads_the_input_again() -> None:
    play(
        message_start(),
        *tool_block(0, '{"a":'),
        fragment(0, "1}"),
        block_stop(0),
        *ending("tool_use"),
    ).expect(
        content=[{"input": {"a": 1}}],
        anomalies=["invalid_tool_json", "delta_after_stop", "double_stop"],
    ).expect_tool(state="complete", value={"a": 1}, raw='{"a":1}', fragments=2)


def test_any_block_may_get_tool_input() -> None:
    play(
        message_start(),
        block_start(0, "web_fetch_tool_result"),
        fragment(0, '{"a":1}'),
        block_stop(0),
        *ending(),
    ).expect(content=[{"type": "web_fetch_tool_result", "input": {"a": 1}}]).expect_tool(
        state="complete", value={"a": 1}, raw='{"a":1}', fragments=1
    )


# --- order and indexes ----------------------------------------------------------------------------


def test_blocks_may_interleave_and_are_ordered_by_first_appearance() -> None:
    play(
        message_start(),
        tool_start(4, "four"),
        text_start(1),
        fragment(4, '{"a":'),
        text(1, "one "),
        ping(),
        fragment(4, "1}"),
        text(1, "two"),
        block_stop(1),
        block_stop(4),
        *ending(),
    ).expect(content=[{"name": "four", "input": {"a": 1}}, {"text": "one two"}])


def test_pings_are_welcome_anywhere() -> None:
    events = [message_start(), *text_block(0, "a", "b"), *ending()]
    padded = [event for pair in zip(events, [ping()] * len(events), strict=True) for event in pair]
    played = play(ping(), ping(), *padded, ping()).expect(text="ab")
    assert played.state.counts["ping"] == len(events) + 3


def test_an_index_used_again_begins_another_block() -> None:
    play(message_start(), *text_block(0, "one"), *text_block(0, "two"), *ending()).expect(
        content=[{"text": "one"}, {"text": "two"}], anomalies=["index_reused"]
    )


def test_an_index_used_again_while_its_block_is_open() -> None:
    play(message_start(), text_start(0), *text_block(0, "two"), *ending()).expect(
        content=[{"text": ""}, {"text": "two"}], anomalies=["index_reused", "block_not_stopped"]
    )


@pytest.mark.parametrize(
    ("event", "block"),
    [
        (text(7, "hi"), {"type": "text", "text": "hi"}),
        (thinking(7, "hi"), {"type": "thinking", "thinking": "hi"}),
        (fragment(7, "{}"), {"type": "tool_use", "input": {}}),
        (delta(7, "new_delta", a=1), {"type": "untyped"}),
        (delta(7, "compaction_delta", content="x"), {"type": "compaction", "content": "x"}),
    ],
)
def test_a_delta_for_an_index_never_started_makes_the_block(
    event: JsonObject, block: JsonObject
) -> None:
    played = play(message_start(), event, block_stop(7), *ending())
    known = event["delta"]["type"] in DELTAS
    played.expect(content=[block], anomalies=["unknown_index"] + ["unknown_delta"] * (not known))


def test_a_stop_for_an_index_never_started() -> None:
    play(message_start(), *text_block(0, "hi"), block_stop(3), *ending()).expect(
        text="hi", anomalies=["unknown_index"]
    )


def test_a_block_without_an_index_gets_the_next_one() -> None:
    start = text_start()
    del start["index"]
    stop = block_stop()
    del stop["index"]
    played = play(message_start(), *text_block(2, "a"), start, text(3, "b"), stop, *ending())
    played.expect(
        content=[{"text": "a"}, {"text": "b"}],
        anomalies=["missing_index", "missing_index", "block_not_stopped"],
    )
    assert [block.index for block in played.state.blocks] == [2, 3]


def test_a_delta_without_an_index_goes_to_the_latest_block() -> None:
    event = text(0, "b")
    del event["index"]
    play(message_start(), text_start(0), text(0, "a"), event, block_stop(0), *ending()).expect(
        text="ab", anomalies=["missing_index"]
    )
    play(message_start(), event, *ending()).expect(
        text="b", anomalies=["missing_index", "block_not_stopped"]
    )


def test_a_delta_of_another_kind_than_its_block_is_kept() -> None:
    play(message_start(), text_start(0), thinking(0, "hm"), block_stop(0), *ending()).expect(
        content=[{"type": "text", "text": "", "thinking": "hm"}], anomalies=["delta_mismatch"]
    )


def test_text_after_the_stop_of_its_block_is_kept() -> None:
    play(message_start(), *text_block(0, "a"), text(0, "b"), *ending()).expect(
        text="ab", anomalies=["delta_after_stop"]
    )


# --- the message ----------------------------------------------------------------------------------


def test_a_prepopulated_message_start_followed_by_its_stop() -> None:
    content: list[JsonObject] = [
        {"type": "text", "text": "done"},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        {"type": "text", "text": "cited", "citations": [CITED]},
    ]
    container = {"id": "container_1", "expires_at": "2026-11-20T00:00:00Z"}
    played = play(
        message_start(*content, stop_reason="end_turn", container=container), message_stop()
    )
    played.expect(content=content, stop_reason="end_turn", container=container)
    played.expect_tool(state="complete", value={"a": 1}, raw="", fragments=0)
    assert played.content == content


def test_a_prepopulated_block_may_be_followed_by_new_ones() -> None:
    play(message_start({"type": "text", "text": "a"}), *text_block(1, "b"), *ending()).expect(
        content=[{"text": "a"}, {"text": "b"}]
    )


def test_a_delta_for_a_prepopulated_block_is_appended() -> None:
    play(
        message_start({"type": "text", "text": "a"}), text(0, "b"), text(0, "c"), *ending()
    ).expect(content=[{"text": "abc"}], anomalies=["delta_after_stop"] * 2)


def test_prepopulated_content_of_the_wrong_type() -> None:
    play(message_start(5, {"type": "text", "text": "a"}), message_stop()).expect(
        content=[{"text": "a"}], anomalies=["bad_field"]
    )
    play(message_start(content="odd"), message_stop()).expect(anomalies=["bad_field"], content=None)
    play(message_start(content=None), *text_block(0, "a"), *ending()).expect(text="a")


def test_usage_is_cumulative_and_null_leaves_what_was_there() -> None:
    start = {
        "input_tokens": 25,
        "output_tokens": 1,
        "cache_read_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 3},
        "service_tier": None,
    }
    play(
        message_start(usage=start),
        message_delta(None, {"output_tokens": 5, "cache_read_input_tokens": None, "cost": 1}),
        message_delta(
            "end_turn",
            {
                "input_tokens": 30,
                "output_tokens": 9,
                "cost": 2,
                "iterations": None,
                "server_tool_use": {"web_search_requests": 1},
            },
        ),
        message_stop(),
    ).expect(
        usage={
            "input_tokens": 30,
            "output_tokens": 9,
            "cache_read_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 3},
            "service_tier": None,
            "cost": 2,
            "iterations": None,
            "server_tool_use": {"web_search_requests": 1},
        },
        stop_reason="end_turn",
    )


def test_a_conflict_in_usage_is_seen() -> None:
    played = play(message_start(), message_delta("end_turn", {"input_tokens": 99}), message_stop())
    assert played.state.usage_conflicts() == {"input_tokens": (25, 99)}
    assert played.state.usage_start == {"input_tokens": 25, "output_tokens": 1}


def test_several_message_deltas() -> None:
    play(
        message_start(),
        message_delta(None, {"output_tokens": 3}),
        *text_block(0, "a"),
        message_delta("max_tokens", {"output_tokens": 8}),
        message_delta(None, {"output_tokens": 9}),
        message_stop(),
    ).expect(text="a", stop_reason="max_tokens", usage={"input_tokens": 25, "output_tokens": 9})


@pytest.mark.parametrize("usage", [None, 5, [], "x"])
def test_missing_usage_is_noted(usage: object) -> None:
    played = play(message_start(usage=usage), message_delta("end_turn", usage), message_stop())
    played.expect(anomalies=["missing_usage", "missing_usage"], stop_reason="end_turn")
    assert "usage" not in played.message


def test_message_delta_fields_go_onto_the_message() -> None:
    event = message_delta(
        "refusal", context_management={"applied_edits": []}, provider_metadata={"a": 1}
    )
    event["delta"]["stop_details"] = {"type": "refusal", "category": "cyber"}
    event["delta"]["container"] = {"id": "c"}
    play(message_start(), event, message_stop()).expect(
        stop_reason="refusal",
        stop_details={"type": "refusal", "category": "cyber"},
        container={"id": "c"},
        context_management={"applied_edits": []},
        provider_metadata={"a": 1},
        type="message",
    )


def test_extras_on_message_start_and_message_stop_are_kept() -> None:
    extras: JsonObject = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 5}}
    play(
        message_start() | {"trace": "t"},
        message_stop(**extras),
    ).expect(trace="t", **extras)


def test_a_fallback_block_names_the_model_that_goes_on() -> None:
    play(
        message_start(),
        block_start(0, "fallback", to={"model": "claude-next"}),
        block_stop(0),
        *text_block(1, "hi"),
        *ending(),
    ).expect(
        model="claude-next",
        content=[{"type": "fallback", "to": {"model": "claude-next"}}, {"text": "hi"}],
    )


@pytest.mark.parametrize("target", [None, "claude-next", {}, {"model": 5}])
def test_a_fallback_without_a_model_changes_nothing(target: object) -> None:
    play(message_start(), block_start(0, "fallback", to=target), block_stop(0), *ending()).expect(
        model="claude-sonnet-5-5"
    )


@pytest.mark.parametrize(
    "reason",
    [
        *("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "compaction"),
        *("refusal", "model_context_window_exceeded", "a_new_one"),
    ],
)
def test_stop_reasons(reason: str) -> None:
    assert play(message_start(), *ending(reason)).expect().state.stop_reason == reason


@pytest.mark.parametrize("done", [DONE, NAMED_DONE, b"data: [DONE]"])
def test_done_at_the_end_is_no_error(done: bytes) -> None:
    played = play(message_start(), *text_block(0, "hi"), *ending(), done).expect(text="hi")
    assert played.state.counts["[DONE]"] == 1


# --- what does not exist yet ----------------------------------------------------------------------


def test_an_unknown_event_type_is_counted_and_noted() -> None:
    played = play(
        message_start(), {"type": "new_event", "index": 0, "a": 1}, *text_block(0, "a"), *ending()
    )
    played.expect(text="a", anomalies=["unknown_event"])
    assert played.state.counts["new_event"] == 1
    assert played.run.timeline.record(1).payload == {"type": "new_event", "index": 0, "a": 1}


def test_an_unknown_delta_type_is_kept_raw() -> None:
    first, second = delta(0, "new_delta", a=1), delta(0, "new_delta", a=2)
    play(
        message_start(), text_start(0), first, text(0, "a"), second, block_stop(0), *ending()
    ).expect(
        content=[{"text": "a", "unknown_deltas": [first["delta"], second["delta"]]}],
        anomalies=["unknown_delta"] * 2,
    )


def test_an_unknown_block_type_is_kept() -> None:
    play(
        message_start(),
        block_start(0, "hologram", shape={"kind": "cube"}, text="begins "),
        text(0, "here"),
        block_stop(0),
        *ending(),
    ).expect(
        content=[{"type": "hologram", "shape": {"kind": "cube"}, "text": "begins here"}],
        anomalies=["unknown_block", "delta_mismatch"],
    )


@pytest.mark.parametrize("kind", [*sorted(BLOCKS), "web_search_tool_result", "x_tool_result"])
def test_known_block_types_are_no_anomaly(kind: str) -> None:
    play(message_start(), block_start(0, kind), block_stop(0), *ending()).expect(
        content=[{"type": kind}]
    )


def test_a_delta_type_that_cannot_be_looked_up() -> None:
    kinds: list[object] = [[], {}, 5, None]
    for kind in kinds:
        event = {"type": "content_block_delta", "index": 0, "delta": {"type": kind}}
        play(message_start(), event, text_start(1), text(1, "a"), block_stop(1)).expect(
            status="truncated", text="a", anomalies=["unknown_index", "unknown_delta"]
        )


# --- illegal orders -------------------------------------------------------------------------------


def test_an_error_ends_the_message_and_keeps_what_there_is() -> None:
    played = play(message_start(), text_start(0), text(0, "par"), error()).expect(
        status="error", text="par"
    )
    assert played.run.error == {"type": "overloaded_error", "message": "Overloaded"}


def test_an_error_as_the_first_event() -> None:
    played = play(error("api_error", "no")).expect(status="error")
    assert played.run.error == {"type": "api_error", "message": "no"}
    assert played.state.message_json() is None


def test_an_error_keeps_its_request_id() -> None:
    played = play(error() | {"request_id": "req_1"})
    assert played.run.error == error()["error"] | {"request_id": "req_1"}


@pytest.mark.parametrize("detail", [None, "out of luck", 5, []])
def test_an_error_of_the_wrong_shape(detail: object) -> None:
    played = play({"type": "error", "error": detail}).expect(
        status="error", anomalies=["bad_field"]
    )
    assert played.run.error == {"message": detail}


def test_the_first_error_counts() -> None:
    played = play(error("one"), error("two"), message_start())
    played.expect(status="error", runs=2)
    assert played.run.error == error("one")["error"]


def test_events_after_an_error_are_applied_and_noted() -> None:
    played = play(message_start(), text_start(0), error(), text(0, "late"), ping(), message_stop())
    played.expect(
        status="error",
        text="late",
        anomalies=["event_after_error", "event_after_error", "block_not_stopped"],
    )


def test_an_error_after_the_stop_does_not_undo_it() -> None:
    played = play(message_start(), *ending(), error())
    played.expect(anomalies=["event_after_stop"])
    assert played.run.error == error()["error"]


def test_events_after_the_stop_are_applied_and_noted() -> None:
    play(message_start(), message_stop(), *text_block(0, "late"), message_stop()).expect(
        text="late", anomalies=["event_after_stop"] * 4
    )


def test_events_before_the_start_are_applied_and_noted() -> None:
    play(*text_block(0, "early"), message_delta(), message_start(), message_stop()).expect(
        text="early",
        anomalies=["event_before_start"],
        id="msg_1",
        usage={"input_tokens": 25, "output_tokens": 1},
    )


def test_a_stop_without_a_start() -> None:
    played = play(message_stop()).expect(anomalies=["event_before_start"])
    assert played.state.message_json() is None
    play(message_stop(extra=1)).expect(anomalies=["event_before_start"], extra=1)


def test_a_second_start_within_a_fold_is_merged() -> None:
    state = fold([record(0, message_start()), record(1, message_start(id="msg_2"))])
    assert [anomaly.code for anomaly in state.anomalies] == ["duplicate_message_start"]
    assert state.message is not None
    assert state.message["id"] == "msg_2"


def test_a_block_that_never_stopped() -> None:
    play(message_start(), text_start(0), text(0, "a"), *ending()).expect(
        text="a", anomalies=["block_not_stopped"]
    )


def test_the_table_of_legal_events_has_a_row_for_each_phase() -> None:
    assert len(LEGAL) == len(Phase)
    known = set(HANDLERS) | {"[DONE]"}
    assert all(row <= known for row in LEGAL)


# --- frames that are no events --------------------------------------------------------------------


def test_comments_are_rows_but_no_events() -> None:
    played = play(b": one\n\n", message_start(), b": two\n\n", *ending()).expect()
    assert (len(played.run.timeline), played.state.events) == (5, 3)


def test_data_that_is_no_json_is_noted_and_the_rest_goes_on() -> None:
    played = play(
        message_start(), sse("{oops", "content_block_delta"), *text_block(0, "a"), *ending()
    )
    played.expect(text="a", anomalies=["bad_json"])
    assert played.state.counts["content_block_delta"] == 2


def test_an_event_without_data_of_its_own() -> None:
    state = RunState()
    apply(state, EventRecord(0, 0, FrameKind.EVENT, "ping", -1, None, 0, 1))
    assert [anomaly.code for anomaly in state.anomalies] == ["bad_field"]


def test_invalid_utf8_is_replaced() -> None:
    event = sse(text(0, "a?b")).replace(b"?", b"\xff")
    play(message_start(), text_start(0), event, block_stop(0), *ending()).expect(
        text="a\ufffdb", anomalies=["invalid_utf8"]
    )


@pytest.mark.parametrize("value", [None, 5, [], {}])
def test_deltas_of_the_wrong_type_are_noted_and_the_rest_goes_on(value: object) -> None:
    events = [
        delta(0, "text_delta", text=value),
        delta(0, "thinking_delta", thinking=value),
        delta(0, "signature_delta", signature=value),
        delta(0, "input_json_delta", partial_json=value),
        delta(0, "text_delta") | {"delta": value},
    ]
    for event in events:
        played = play(message_start(), text_start(0), event, text(0, "a"), block_stop(0), *ending())
        assert played.state.anomalies
        assert {"bad_field", "unknown_delta"} & {found.code for found in played.state.anomalies}
        assert played.content[0]["text"] == "a"


def test_lone_surrogates_are_kept_and_meet_again() -> None:
    halves = [text(0, "\ud83c"), text(0, "\udf0d"), text(0, "\udead")]
    played = play(message_start(), text_start(0), *halves, block_stop(0), *ending())
    played.expect(text="\ud83c\udf0d\udead")


def test_long_details_are_clipped() -> None:
    played = play(message_start(), {"type": "x" * 5_000})
    assert len(played.state.anomalies[0].detail) == 200


# --- times ----------------------------------------------------------------------------------------


def timed(*events: tuple[float, JsonObject]) -> RunState:
    """Fold events that came at the given seconds."""
    return fold([record(seq, event, round(at * 1e9)) for seq, (at, event) in enumerate(events)])


def test_content_times() -> None:
    state = timed(
        (0.1, message_start()),
        (0.2, thinking_start(0)),
        (0.3, thinking(0, "")),
        (0.5, thinking(0, "hm")),
        (0.6, ping()),
        (0.7, signature(0, "s")),
        (0.8, thinking(0, "m")),
        (1.0, fragment(1, "")),
        (1.1, text(0, "hi")),
        (1.5, fragment(1, "{}")),
    )
    assert state.first_content_ns == 500_000_000
    assert state.second_content_ns == 800_000_000
    assert state.first_output_ns == 1_100_000_000
    assert state.last_content_ns == 1_500_000_000
    assert list(state.gaps_ns) == [300_000_000, 300_000_000, 400_000_000]
    assert state.stalls == []


def test_a_stall_is_a_longer_gap_than_two_seconds_and_pings_do_not_end_it() -> None:
    assert STALL_NS == 2_000_000_000
    state = timed((1.0, text(0, "a")), (3.0, text(0, "b")), (4.0, ping()), (5.5, text(0, "c")))
    assert state.stalls == [(3, 2_500_000_000)]


def test_the_pulse_counts_characters_in_buckets() -> None:
    assert PULSE_NS == 250_000_000
    state = timed(
        (0.0, text(0, "a")),
        (0.2, text(0, "bc")),
        (0.25, text(0, "d")),
        (1.3, text(0, "ef")),
        (1.2, text(0, "back")),
    )
    assert state.pulse == [[0, 3], [1, 1], [5, 6]]
