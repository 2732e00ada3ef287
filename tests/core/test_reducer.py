"""The fold, rule by rule; each test is a stream and what becomes of it."""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests import playbook as pb
from tui.core.deltas import DELTAS
from tui.core.json_grammar import MAX_DEPTH
from tui.core.protocol import BLOCKS
from tui.core.records import EventRecord, JsonObject
from tui.core.reducer import HANDLERS, LEGAL, apply, fold
from tui.core.sse import FrameKind
from tui.core.state import Phase, RunState

CITED: Final = {"type": "char_location", "cited_text": "x"}


# --- text, thinking, citations --------------------------------------------------------------------


def test_text_is_appended() -> None:
    pb.play(pb.message_start(), *pb.text_block(0, "Hel", "lo"), *pb.ending()).expect(
        text="Hello",
        content=[{"type": "text", "text": "Hello"}],
        usage={"input_tokens": 25, "output_tokens": 15},
        stop_reason="end_turn",
        model="claude-sonnet-5-5",
        id="msg_1",
    )


def test_text_block_without_deltas() -> None:
    pb.play(pb.message_start(), *pb.text_block(0), *pb.ending()).expect(
        content=[{"type": "text", "text": ""}]
    )


def test_text_that_the_block_began_with_stays_in_front() -> None:
    pb.play(
        pb.message_start(),
        pb.block_start(0, "text", text="Once "),
        pb.text(0, "more"),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(text="Once more")


def test_thinking_is_appended_and_the_signature_overwritten() -> None:
    pb.play(
        pb.message_start(),
        pb.thinking_start(0),
        pb.thinking(0, ""),
        pb.thinking(0, "Let me "),
        pb.thinking(0, "see"),
        pb.signature(0, "first"),
        pb.signature(0, "second"),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(content=[{"type": "thinking", "thinking": "Let me see", "signature": "second"}])


def test_omitted_thinking_is_a_signature_alone() -> None:
    played = pb.play(
        pb.message_start(),
        pb.thinking_start(0),
        pb.signature(0, "abc"),
        pb.block_stop(0),
        *pb.ending(),
    )
    played.expect(content=[{"type": "thinking", "thinking": "", "signature": "abc"}])
    assert played.state.first_content_ns is None


def test_redacted_thinking_keeps_its_data() -> None:
    pb.play(
        pb.message_start(),
        pb.block_start(0, "redacted_thinking", data="opaque"),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(content=[{"type": "redacted_thinking", "data": "opaque"}])


def test_undeclared_fields_of_a_delta_are_kept_on_the_block() -> None:
    pb.play(
        pb.message_start(),
        pb.thinking_start(0),
        pb.thinking(0, "hm", estimated_tokens=5),
        pb.thinking(0, "!", estimated_tokens=9),
        pb.signature(0, "s", alg="x"),
        pb.block_stop(0),
        pb.text_start(1),
        pb.text(1, "hi", logprob=-1),
        pb.citation(1, CITED, score=2),
        pb.block_stop(1),
        pb.tool_start(2),
        pb.fragment(2, "{}", speed="fast"),
        pb.block_stop(2),
        *pb.ending(),
    ).expect(
        content=[
            {"thinking": "hm!", "estimated_tokens": 9, "alg": "x", "signature": "s"},
            {"text": "hi", "logprob": -1, "score": 2},
            {"speed": "fast", "input": {}},
        ]
    )


def test_undeclared_fields_never_replace_what_the_block_has() -> None:
    pb.play(
        pb.message_start(),
        pb.tool_start(0),
        pb.fragment(0, "{}", id="other", name="rm", input={"a": 1}),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(content=[{"id": "toolu_0", "name": "get_weather", "input": {}}])


@pytest.mark.parametrize("start", [{}, {"citations": None}, {"citations": []}])
def test_citations_start_absent_null_or_empty(start: JsonObject) -> None:
    pb.play(
        pb.message_start(),
        pb.block_start(0, "text", text="", **start),
        pb.citation(0, CITED),
        pb.text(0, "x"),
        pb.citation(0, CITED | {"cited_text": "y"}),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(content=[{"text": "x", "citations": [CITED, CITED | {"cited_text": "y"}]}])


def test_citations_that_the_block_began_with_stay() -> None:
    pb.play(
        pb.message_start(),
        pb.block_start(0, "text", text="", citations=[CITED]),
        pb.citation(0, {"new": 1}),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(content=[{"citations": [CITED, {"new": 1}]}])


def test_a_citation_of_the_wrong_type_is_kept_and_noted() -> None:
    pb.play(
        pb.message_start(),
        pb.text_start(0),
        pb.citation(0, 5),
        pb.delta(0, "citations_delta"),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(content=[{"citations": [5]}], anomalies=["bad_field", "bad_field"])


def test_compaction_overwrites() -> None:
    pb.play(
        pb.message_start(),
        pb.block_start(0, "compaction", content=None),
        pb.delta(0, "compaction_delta", content="first", encrypted_content="a"),
        pb.delta(0, "compaction_delta", content="second", encrypted_content=None),
        pb.block_stop(0),
        *pb.ending("compaction"),
    ).expect(
        content=[{"type": "compaction", "content": "second", "encrypted_content": None}],
        stop_reason="compaction",
    )


# --- tools ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use", "mcp_tool_use"])
def test_tool_input_is_put_together_from_fragments(kind: str) -> None:
    pb.play(
        pb.message_start(),
        *pb.tool_block(0, "", '{"city": "Par', "is\\u0", '0e9"   ', "}", type=kind),
        *pb.ending("tool_use"),
    ).expect(content=[{"type": kind, "input": {"city": "Paris\u00e9"}}]).expect_tool(
        state="complete",
        value={"city": "Paris\u00e9"},
        raw='{"city": "Paris\\u00e9"   }',
        fragments=5,
    )


def test_tool_with_only_empty_deltas_keeps_the_input_it_began_with() -> None:
    pb.play(pb.message_start(), *pb.tool_block(0, "", ""), *pb.ending("tool_use")).expect(
        content=[{"input": {}}]
    ).expect_tool(state="empty", value={}, raw="", fragments=2)


def test_tool_that_began_with_a_full_input_keeps_it() -> None:
    pb.play(pb.message_start(), *pb.tool_block(0, input={"a": 1}), *pb.ending("tool_use")).expect(
        content=[{"input": {"a": 1}}]
    ).expect_tool(state="complete", value={"a": 1}, raw="", fragments=0)


def test_fragments_replace_the_input_that_the_tool_began_with() -> None:
    pb.play(pb.message_start(), *pb.tool_block(0, '{"b":2}', input={"a": 1}), *pb.ending()).expect(
        content=[{"input": {"b": 2}}]
    )


@pytest.mark.parametrize("raw", ['{"a": 1', '{"a": NaN}', "{'a': 1}", '{"a": 1}}', " ", "nul"])
def test_invalid_tool_json_keeps_the_starting_input_and_the_raw_text(raw: str) -> None:
    pb.play(
        pb.message_start(), *pb.tool_block(0, raw, input={"start": 1}), *pb.ending("max_tokens")
    ).expect(content=[{"input": {"start": 1}}], anomalies=["invalid_tool_json"]).expect_tool(
        state="invalid", raw=raw, fragments=1
    )


@pytest.mark.parametrize("raw", ["[1]", "5", '"x"', "null"])
def test_tool_input_that_is_no_object_is_noted(raw: str) -> None:
    value = json.loads(raw)
    pb.play(pb.message_start(), *pb.tool_block(0, raw), *pb.ending("tool_use")).expect(
        content=[{"input": value}], anomalies=["input_not_object"]
    ).expect_tool(state="complete", value=value, raw=raw, fragments=1)


def test_tool_that_never_stopped_is_partial() -> None:
    pb.play(
        pb.message_start(), pb.tool_start(0), pb.fragment(0, '{"a":1}'), pb.message_stop()
    ).expect(content=[{"input": {}}], anomalies=["block_not_stopped"]).expect_tool(
        state="partial", raw='{"a":1}', fragments=1
    )


def test_nesting_without_end_in_a_tool_input() -> None:
    for raw, state in (
        ('{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}", "complete"),
        ('{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "invalid"),
        ("[" * 9_000, "invalid"),
    ):
        session = pb.run([pb.wire(pb.message_start(), *pb.tool_block(0, raw), *pb.ending())])
        report = session.run.state.tool_reports()[0]
        assert (report.state, report.raw) == (state, raw)


def test_input_that_comes_after_the_stop_is_not_trusted() -> None:
    pb.play(
        pb.message_start(),
        *pb.tool_block(0, '{"a":1}'),
        pb.fragment(0, ""),
        *pb.tool_block(1),
        pb.fragment(1, '{"b"'),
        pb.fragment(0, "}"),
        *pb.ending("tool_use"),
    ).expect(
        content=[{"input": {}}, {"input": {}}], anomalies=["delta_after_stop"] * 3
    ).expect_tool(0, state="invalid", raw='{"a":1}}', fragments=3).expect_tool(
        1, state="invalid", raw='{"b"', fragments=1
    )


def test_a_second_stop_reads_the_input_again() -> None:
    pb.play(
        pb.message_start(),
        *pb.tool_block(0, '{"a":'),
        pb.fragment(0, "1}"),
        pb.block_stop(0),
        *pb.ending("tool_use"),
    ).expect(
        content=[{"input": {"a": 1}}],
        anomalies=["invalid_tool_json", "delta_after_stop", "double_stop"],
    ).expect_tool(state="complete", value={"a": 1}, raw='{"a":1}', fragments=2)


def test_any_block_may_get_tool_input() -> None:
    pb.play(
        pb.message_start(),
        pb.block_start(0, "web_fetch_tool_result"),
        pb.fragment(0, '{"a":1}'),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(content=[{"type": "web_fetch_tool_result", "input": {"a": 1}}]).expect_tool(
        state="complete", value={"a": 1}, raw='{"a":1}', fragments=1
    )


# --- order and indexes ----------------------------------------------------------------------------


def test_blocks_may_interleave_and_are_ordered_by_first_appearance() -> None:
    pb.play(
        pb.message_start(),
        pb.tool_start(4, "four"),
        pb.text_start(1),
        pb.fragment(4, '{"a":'),
        pb.text(1, "one "),
        pb.ping(),
        pb.fragment(4, "1}"),
        pb.text(1, "two"),
        pb.block_stop(1),
        pb.block_stop(4),
        *pb.ending(),
    ).expect(content=[{"name": "four", "input": {"a": 1}}, {"text": "one two"}])


def test_pings_are_welcome_anywhere() -> None:
    events = [pb.message_start(), *pb.text_block(0, "a", "b"), *pb.ending()]
    padded = [
        event for pair in zip(events, [pb.ping()] * len(events), strict=True) for event in pair
    ]
    played = pb.play(pb.ping(), pb.ping(), *padded, pb.ping()).expect(text="ab")
    assert played.state.counts["ping"] == len(events) + 3


def test_an_index_used_again_begins_another_block() -> None:
    pb.play(
        pb.message_start(), *pb.text_block(0, "one"), *pb.text_block(0, "two"), *pb.ending()
    ).expect(content=[{"text": "one"}, {"text": "two"}], anomalies=["index_reused"])


def test_an_index_used_again_while_its_block_is_open() -> None:
    pb.play(pb.message_start(), pb.text_start(0), *pb.text_block(0, "two"), *pb.ending()).expect(
        content=[{"text": ""}, {"text": "two"}], anomalies=["index_reused", "block_not_stopped"]
    )


@pytest.mark.parametrize(
    ("event", "block"),
    [
        (pb.text(7, "hi"), {"type": "text", "text": "hi"}),
        (pb.thinking(7, "hi"), {"type": "thinking", "thinking": "hi"}),
        (pb.fragment(7, "{}"), {"type": "tool_use", "input": {}}),
        (pb.delta(7, "new_delta", a=1), {"type": "untyped"}),
        (pb.delta(7, "compaction_delta", content="x"), {"type": "compaction", "content": "x"}),
    ],
)
def test_a_delta_for_an_index_never_started_makes_the_block(
    event: JsonObject, block: JsonObject
) -> None:
    played = pb.play(pb.message_start(), event, pb.block_stop(7), *pb.ending())
    known = event["delta"]["type"] in DELTAS
    played.expect(content=[block], anomalies=["unknown_index"] + ["unknown_delta"] * (not known))


def test_a_stop_for_an_index_never_started() -> None:
    pb.play(pb.message_start(), *pb.text_block(0, "hi"), pb.block_stop(3), *pb.ending()).expect(
        text="hi", anomalies=["unknown_index"]
    )


def test_a_block_without_an_index_gets_the_next_one() -> None:
    start = pb.text_start()
    del start["index"]
    stop = pb.block_stop()
    del stop["index"]
    played = pb.play(
        pb.message_start(), *pb.text_block(2, "a"), start, pb.text(3, "b"), stop, *pb.ending()
    )
    played.expect(
        content=[{"text": "a"}, {"text": "b"}],
        anomalies=["missing_index", "missing_index", "block_not_stopped"],
    )
    assert [block.index for block in played.state.blocks] == [2, 3]


def test_a_delta_without_an_index_goes_to_the_latest_block() -> None:
    event = pb.text(0, "b")
    del event["index"]
    pb.play(
        pb.message_start(), pb.text_start(0), pb.text(0, "a"), event, pb.block_stop(0), *pb.ending()
    ).expect(text="ab", anomalies=["missing_index"])
    pb.play(pb.message_start(), event, *pb.ending()).expect(
        text="b", anomalies=["missing_index", "block_not_stopped"]
    )


def test_a_delta_of_another_kind_than_its_block_is_kept() -> None:
    pb.play(
        pb.message_start(), pb.text_start(0), pb.thinking(0, "hm"), pb.block_stop(0), *pb.ending()
    ).expect(content=[{"type": "text", "text": "", "thinking": "hm"}], anomalies=["delta_mismatch"])


def test_text_after_the_stop_of_its_block_is_kept() -> None:
    pb.play(pb.message_start(), *pb.text_block(0, "a"), pb.text(0, "b"), *pb.ending()).expect(
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
    played = pb.play(
        pb.message_start(*content, stop_reason="end_turn", container=container), pb.message_stop()
    )
    played.expect(content=content, stop_reason="end_turn", container=container)
    played.expect_tool(state="complete", value={"a": 1}, raw="", fragments=0)
    assert played.content == content


def test_a_prepopulated_block_may_be_followed_by_new_ones() -> None:
    pb.play(
        pb.message_start({"type": "text", "text": "a"}), *pb.text_block(1, "b"), *pb.ending()
    ).expect(content=[{"text": "a"}, {"text": "b"}])


def test_a_delta_for_a_prepopulated_block_is_appended() -> None:
    pb.play(
        pb.message_start({"type": "text", "text": "a"}),
        pb.text(0, "b"),
        pb.text(0, "c"),
        *pb.ending(),
    ).expect(content=[{"text": "abc"}], anomalies=["delta_after_stop"] * 2)


def test_prepopulated_content_of_the_wrong_type() -> None:
    pb.play(pb.message_start(5, {"type": "text", "text": "a"}), pb.message_stop()).expect(
        content=[{"text": "a"}], anomalies=["bad_field"]
    )
    pb.play(pb.message_start(content="odd"), pb.message_stop()).expect(
        anomalies=["bad_field"], content=None
    )
    pb.play(pb.message_start(content=None), *pb.text_block(0, "a"), *pb.ending()).expect(text="a")


def test_usage_is_cumulative_and_null_leaves_what_was_there() -> None:
    start = {
        "input_tokens": 25,
        "output_tokens": 1,
        "cache_read_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 3},
        "service_tier": None,
    }
    pb.play(
        pb.message_start(usage=start),
        pb.message_delta(None, {"output_tokens": 5, "cache_read_input_tokens": None, "cost": 1}),
        pb.message_delta(
            "end_turn",
            {
                "input_tokens": 30,
                "output_tokens": 9,
                "cost": 2,
                "iterations": None,
                "server_tool_use": {"web_search_requests": 1},
            },
        ),
        pb.message_stop(),
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
    played = pb.play(
        pb.message_start(), pb.message_delta("end_turn", {"input_tokens": 99}), pb.message_stop()
    )
    assert played.state.usage_conflicts() == {"input_tokens": (25, 99)}
    assert played.state.usage_start == {"input_tokens": 25, "output_tokens": 1}


def test_several_message_deltas() -> None:
    pb.play(
        pb.message_start(),
        pb.message_delta(None, {"output_tokens": 3}),
        *pb.text_block(0, "a"),
        pb.message_delta("max_tokens", {"output_tokens": 8}),
        pb.message_delta(None, {"output_tokens": 9}),
        pb.message_stop(),
    ).expect(text="a", stop_reason="max_tokens", usage={"input_tokens": 25, "output_tokens": 9})


@pytest.mark.parametrize("usage", [None, 5, [], "x"])
def test_missing_usage_is_noted(usage: object) -> None:
    played = pb.play(
        pb.message_start(usage=usage), pb.message_delta("end_turn", usage), pb.message_stop()
    )
    played.expect(anomalies=["missing_usage", "missing_usage"], stop_reason="end_turn")
    assert "usage" not in played.message


def test_message_delta_fields_go_onto_the_message() -> None:
    event = pb.message_delta(
        "refusal", context_management={"applied_edits": []}, provider_metadata={"a": 1}
    )
    event["delta"]["stop_details"] = {"type": "refusal", "category": "cyber"}
    event["delta"]["container"] = {"id": "c"}
    pb.play(pb.message_start(), event, pb.message_stop()).expect(
        stop_reason="refusal",
        stop_details={"type": "refusal", "category": "cyber"},
        container={"id": "c"},
        context_management={"applied_edits": []},
        provider_metadata={"a": 1},
        type="message",
    )


def test_extras_on_message_start_and_message_stop_are_kept() -> None:
    extras: JsonObject = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 5}}
    pb.play(
        pb.message_start() | {"trace": "t"},
        pb.message_stop(**extras),
    ).expect(trace="t", **extras)


def test_a_fallback_block_names_the_model_that_goes_on() -> None:
    pb.play(
        pb.message_start(),
        pb.block_start(0, "fallback", to={"model": "claude-next"}),
        pb.block_stop(0),
        *pb.text_block(1, "hi"),
        *pb.ending(),
    ).expect(
        model="claude-next",
        content=[{"type": "fallback", "to": {"model": "claude-next"}}, {"text": "hi"}],
    )


@pytest.mark.parametrize("target", [None, "claude-next", {}, {"model": 5}])
def test_a_fallback_without_a_model_changes_nothing(target: object) -> None:
    pb.play(
        pb.message_start(), pb.block_start(0, "fallback", to=target), pb.block_stop(0), *pb.ending()
    ).expect(model="claude-sonnet-5-5")


@pytest.mark.parametrize(
    "reason",
    [
        *("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "compaction"),
        *("refusal", "model_context_window_exceeded", "a_new_one"),
    ],
)
def test_stop_reasons(reason: str) -> None:
    assert pb.play(pb.message_start(), *pb.ending(reason)).expect().state.stop_reason == reason


@pytest.mark.parametrize("done", [pb.DONE, pb.NAMED_DONE, b"data: [DONE]"])
def test_done_at_the_end_is_no_error(done: bytes) -> None:
    played = pb.play(pb.message_start(), *pb.text_block(0, "hi"), *pb.ending(), done).expect(
        text="hi"
    )
    assert played.state.counts["[DONE]"] == 1


# --- what does not exist yet ----------------------------------------------------------------------


def test_an_unknown_event_type_is_counted_and_noted() -> None:
    played = pb.play(
        pb.message_start(),
        {"type": "new_event", "index": 0, "a": 1},
        *pb.text_block(0, "a"),
        *pb.ending(),
    )
    played.expect(text="a", anomalies=["unknown_event"])
    assert played.state.counts["new_event"] == 1
    assert played.run.timeline.record(1).payload == {"type": "new_event", "index": 0, "a": 1}


def test_an_unknown_delta_type_is_kept_raw() -> None:
    first, second = pb.delta(0, "new_delta", a=1), pb.delta(0, "new_delta", a=2)
    pb.play(
        pb.message_start(),
        pb.text_start(0),
        first,
        pb.text(0, "a"),
        second,
        pb.block_stop(0),
        *pb.ending(),
    ).expect(
        content=[{"text": "a", "unknown_deltas": [first["delta"], second["delta"]]}],
        anomalies=["unknown_delta"] * 2,
    )


def test_an_unknown_block_type_is_kept() -> None:
    pb.play(
        pb.message_start(),
        pb.block_start(0, "hologram", shape={"kind": "cube"}, text="begins "),
        pb.text(0, "here"),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(
        content=[{"type": "hologram", "shape": {"kind": "cube"}, "text": "begins here"}],
        anomalies=["unknown_block", "delta_mismatch"],
    )


@pytest.mark.parametrize("kind", [*sorted(BLOCKS), "web_search_tool_result", "x_tool_result"])
def test_known_block_types_are_no_anomaly(kind: str) -> None:
    pb.play(pb.message_start(), pb.block_start(0, kind), pb.block_stop(0), *pb.ending()).expect(
        content=[{"type": kind}]
    )


def test_a_delta_type_that_cannot_be_looked_up() -> None:
    kinds: list[object] = [[], {}, 5, None]
    for kind in kinds:
        event = {"type": "content_block_delta", "index": 0, "delta": {"type": kind}}
        pb.play(
            pb.message_start(), event, pb.text_start(1), pb.text(1, "a"), pb.block_stop(1)
        ).expect(status="truncated", text="a", anomalies=["unknown_index", "unknown_delta"])


# --- illegal orders -------------------------------------------------------------------------------


def test_an_error_ends_the_message_and_keeps_what_there_is() -> None:
    played = pb.play(pb.message_start(), pb.text_start(0), pb.text(0, "par"), pb.error()).expect(
        status="error", text="par"
    )
    assert played.run.error == {"type": "overloaded_error", "message": "Overloaded"}


def test_an_error_as_the_first_event() -> None:
    played = pb.play(pb.error("api_error", "no")).expect(status="error")
    assert played.run.error == {"type": "api_error", "message": "no"}
    assert played.state.message_json() is None


def test_an_error_keeps_its_request_id() -> None:
    played = pb.play(pb.error() | {"request_id": "req_1"})
    assert played.run.error == pb.error()["error"] | {"request_id": "req_1"}


@pytest.mark.parametrize("detail", [None, "out of luck", 5, []])
def test_an_error_of_the_wrong_shape(detail: object) -> None:
    played = pb.play({"type": "error", "error": detail}).expect(
        status="error", anomalies=["bad_field"]
    )
    assert played.run.error == {"message": detail}


def test_the_first_error_counts() -> None:
    played = pb.play(pb.error("one"), pb.error("two"), pb.message_start())
    played.expect(status="error", runs=2)
    assert played.run.error == pb.error("one")["error"]


def test_events_after_an_error_are_applied_and_noted() -> None:
    played = pb.play(
        pb.message_start(),
        pb.text_start(0),
        pb.error(),
        pb.text(0, "late"),
        pb.ping(),
        pb.message_stop(),
    )
    played.expect(
        status="error",
        text="late",
        anomalies=["event_after_error", "event_after_error", "block_not_stopped"],
    )


def test_an_error_after_the_stop_does_not_undo_it() -> None:
    played = pb.play(pb.message_start(), *pb.ending(), pb.error())
    played.expect(anomalies=["event_after_stop"])
    assert played.run.error == pb.error()["error"]


def test_events_after_the_stop_are_applied_and_noted() -> None:
    pb.play(
        pb.message_start(), pb.message_stop(), *pb.text_block(0, "late"), pb.message_stop()
    ).expect(text="late", anomalies=["event_after_stop"] * 4)


def test_events_before_the_start_are_applied_and_noted() -> None:
    pb.play(
        *pb.text_block(0, "early"), pb.message_delta(), pb.message_start(), pb.message_stop()
    ).expect(
        text="early",
        anomalies=["event_before_start"],
        id="msg_1",
        usage={"input_tokens": 25, "output_tokens": 1},
    )


def test_a_stop_without_a_start() -> None:
    played = pb.play(pb.message_stop()).expect(anomalies=["event_before_start"])
    assert played.state.message_json() is None
    pb.play(pb.message_stop(extra=1)).expect(anomalies=["event_before_start"], extra=1)


def test_a_second_start_within_a_fold_is_merged() -> None:
    state = fold([pb.record(0, pb.message_start()), pb.record(1, pb.message_start(id="msg_2"))])
    assert [anomaly.code for anomaly in state.anomalies] == ["duplicate_message_start"]
    assert state.message is not None
    assert state.message["id"] == "msg_2"


def test_a_block_that_never_stopped() -> None:
    pb.play(pb.message_start(), pb.text_start(0), pb.text(0, "a"), *pb.ending()).expect(
        text="a", anomalies=["block_not_stopped"]
    )


def test_the_table_of_legal_events_has_a_row_for_each_phase() -> None:
    assert len(LEGAL) == len(Phase)
    known = set(HANDLERS) | {"[DONE]"}
    assert all(row <= known for row in LEGAL)


# --- frames that are no events --------------------------------------------------------------------


def test_comments_are_rows_but_no_events() -> None:
    played = pb.play(b": one\n\n", pb.message_start(), b": two\n\n", *pb.ending()).expect()
    assert (len(played.run.timeline), played.state.events) == (5, 3)


def test_data_that_is_no_json_is_noted_and_the_rest_goes_on() -> None:
    played = pb.play(
        pb.message_start(),
        pb.sse("{oops", "content_block_delta"),
        *pb.text_block(0, "a"),
        *pb.ending(),
    )
    played.expect(text="a", anomalies=["bad_json"])
    assert played.state.counts["content_block_delta"] == 2


def test_an_event_without_data_of_its_own() -> None:
    state = RunState()
    apply(state, EventRecord(0, 0, FrameKind.EVENT, "ping", -1, None, 0, 1))
    assert [anomaly.code for anomaly in state.anomalies] == ["bad_field"]


def test_invalid_utf8_is_replaced() -> None:
    event = pb.sse(pb.text(0, "a?b")).replace(b"?", b"\xff")
    pb.play(pb.message_start(), pb.text_start(0), event, pb.block_stop(0), *pb.ending()).expect(
        text="a\ufffdb", anomalies=["invalid_utf8"]
    )


@pytest.mark.parametrize("value", [None, 5, [], {}])
def test_deltas_of_the_wrong_type_are_noted_and_the_rest_goes_on(value: object) -> None:
    events = [
        pb.delta(0, "text_delta", text=value),
        pb.delta(0, "thinking_delta", thinking=value),
        pb.delta(0, "signature_delta", signature=value),
        pb.delta(0, "input_json_delta", partial_json=value),
        pb.delta(0, "text_delta") | {"delta": value},
    ]
    for event in events:
        played = pb.play(
            pb.message_start(),
            pb.text_start(0),
            event,
            pb.text(0, "a"),
            pb.block_stop(0),
            *pb.ending(),
        )
        assert played.state.anomalies
        assert {"bad_field", "unknown_delta"} & {found.code for found in played.state.anomalies}
        assert played.content[0]["text"] == "a"


def test_lone_surrogates_are_kept_and_meet_again() -> None:
    halves = [pb.text(0, "\ud83c"), pb.text(0, "\udf0d"), pb.text(0, "\udead")]
    played = pb.play(pb.message_start(), pb.text_start(0), *halves, pb.block_stop(0), *pb.ending())
    played.expect(text="\ud83c\udf0d\udead")


def test_long_details_are_clipped() -> None:
    played = pb.play(pb.message_start(), {"type": "x" * 5_000})
    assert len(played.state.anomalies[0].detail) == 200
