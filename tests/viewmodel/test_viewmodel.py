"""What the panes are given to draw."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import broken_events, json_values
from tui.core.records import JsonObject
from tui.core.session import Session
from tui.core.state import Buffer, End
from tui.find.links import Contribution, contribution
from tui.viewmodel import (
    Counters,
    EventRow,
    Moment,
    Ranks,
    ToolItem,
    TranscriptItem,
    TranscriptView,
    counters,
    describe_error,
    event_row,
    sparkline,
    tools,
    transcript,
)
from tui.viewmodel.compact import compact

MS = 1_000_000
S = 1_000_000_000
HOSTILE = "\x1b]0;x\x07[@click=app.quit]\u202e\ud800"


def session_of(
    *items: JsonObject | bytes,
    how: End | None = "eof",
    error: JsonObject | None = None,
    timed: bool = True,
    every_ns: int = 100 * MS,
) -> Session:
    """A session fed an item each `every_ns`; it goes on where `how` is None."""
    session = Session(timed=timed)
    for number, item in enumerate(items):
        session.feed(number * every_ns, pb.wire(item))
    if how is not None:
        session.finish(len(items) * every_ns, how, error)
    return session


def moment_of(
    session: Session,
    cursor: int | None = None,
    *,
    now_ns: int | None = None,
    highlight: Contribution | None = None,
) -> Moment:
    run = session.runs[-1]
    travelling = cursor is not None
    count = len(run.timeline) if cursor is None else cursor
    state = run.timeline.at(count) if travelling else run.state
    now_ns = (run.last_byte_ns or 0) if now_ns is None else now_ns
    return Moment(run, state, count, travelling, now_ns, highlight)


def view_of(
    session: Session,
    cursor: int | None = None,
    *,
    highlight: Contribution | None = None,
    **fields: Any,  # noqa: ANN401
) -> TranscriptView:
    return TranscriptView(
        moment_of(session, cursor, highlight=highlight), **{"kind": "demo", **fields}
    )


def seen(*items: JsonObject | bytes, **options: Any) -> list[TranscriptItem]:  # noqa: ANN401
    return transcript(view_of(session_of(*items, **options)))


def text_of(item: TranscriptItem) -> str:
    return item.body.text() if isinstance(item.body, Buffer) else item.body


def brief(items: Sequence[TranscriptItem]) -> list[tuple[str, str, str]]:
    return [(item.kind, item.label, text_of(item)) for item in items]


# --- moment ---------------------------------------------------------------------------------------


def test_a_moment_knows_the_log_of_its_run() -> None:
    session = session_of(pb.message_start(), *pb.ending())
    moment = moment_of(session, 1)
    assert moment.timeline is session.run.timeline
    assert (moment.count, moment.head) == (1, 3)


# --- transcript: blocks ---------------------------------------------------------------------------


def test_a_whole_answer() -> None:
    view = view_of(
        session_of(
            pb.message_start(),
            pb.thinking_start(0),
            pb.thinking(0, "Let me see."),
            pb.block_stop(0),
            *pb.text_block(1, "It is ", "warm."),
            *pb.tool_block(2, '{"a": 1}'),
            *pb.ending("tool_use"),
        ),
        prompt="Weather?",
    )
    items = transcript(view)
    assert brief(items) == [
        ("prompt", "you", "Weather?"),
        ("thinking", "thinking  11 chars", "Let me see."),
        ("text", "", "It is warm."),
        ("tool", "get_weather  #2", ""),
        ("stop", "tool_use  waiting for tool results", ""),
    ]
    assert [item.key for item in items] == [
        ("prompt", 0),
        ("block", 0),
        ("block", 1),
        ("block", 2),
        ("stop", 0),
    ]
    assert not any(item.open for item in items)


def test_a_block_is_open_until_it_stops_or_the_run_ends() -> None:
    half = (pb.message_start(), pb.text_start(), pb.text(0, "It"))
    assert [item.open for item in seen(*half, how=None)] == [True]
    assert [item.open for item in seen(*half, pb.block_stop(0), how=None)] == [False]
    assert seen(*half, how="eof")[0].open is False
    travelled = view_of(session_of(*half, pb.block_stop(0)), 3)
    assert transcript(travelled)[0].open is True


def test_a_growing_body_is_the_buffer_itself() -> None:
    session = session_of(pb.message_start(), pb.text_start(), how=None)
    (item,) = transcript(view_of(session))
    assert item.body is session.run.state.blocks[0].text


@pytest.mark.parametrize(
    ("events", "item"),
    [
        ([pb.thinking_start(0)], ("thinking", "thinking  (not shown by the API)", "")),
        (
            [pb.block_start(0, "redacted_thinking", data="x")],
            ("block", "thinking, redacted  1 B", ""),
        ),
        (
            [pb.block_start(0, "server_tool_use", name="web_search")],
            ("tool", "web_search  #0  server", ""),
        ),
        ([pb.block_start(3, "mcp_tool_use", name=5)], ("tool", "mcp_tool_use  #3  mcp", "")),
        (
            [pb.block_start(0, "fallback", to={"model": "next"}, **{"from": {"model": "old"}})],
            ("block", "another model goes on", "old \u2192 next"),
        ),
        (
            [pb.block_start(0, "fallback", to=5)],
            ("block", "another model goes on", "? \u2192 ?"),
        ),
        (
            [
                pb.block_start(0, "compaction", content=None),
                pb.delta(0, "compaction_delta", content="In short"),
            ],
            ("block", "conversation compacted  8 chars", "In short"),
        ),
        ([pb.block_start(0, "compaction")], ("block", "conversation compacted", "")),
        (
            [pb.block_start(0, "poem", lines=[1, 2]), pb.delta(0, "rhyme_delta", rhyme="x")],
            (
                "block",
                "poem block",
                '{lines: [1, 2], unknown_deltas: [{type: "rhyme_delta", rhyme: "x"}]}',
            ),
        ),
    ],
)
def test_blocks_of_other_kinds(events: list[JsonObject], item: tuple[str, str, str]) -> None:
    assert brief(seen(pb.message_start(), *events, how=None)) == [item]


def test_a_very_long_transcript_is_shown_as_it_came_from_there_on() -> None:
    long = "x" * 250_000
    items = seen(
        pb.message_start(), *(e for n in range(3) for e in pb.text_block(n, long)), *pb.ending()
    )
    assert [item.long for item in items] == [False, True, True, False]


def test_what_the_event_at_the_cursor_added_is_marked() -> None:
    session = session_of(
        pb.message_start(),
        *pb.text_block(0, "one", "two"),
        *pb.tool_block(1, "{}"),
        *pb.ending(),
    )

    def lit(count: int) -> list[tuple[int, int] | None]:
        state = session.run.timeline.at(count)
        added = contribution(state, session.run.timeline.record(count - 1))
        return [item.highlight for item in transcript(view_of(session, count, highlight=added))]

    assert lit(4) == [(3, 6)]
    assert lit(5) == [None]
    # Tool input is marked in its own pane.
    assert lit(7) == [None, None]
    elsewhere = Contribution(9, "text", 0, 1)
    assert transcript(view_of(session, 4, highlight=elsewhere))[0].highlight is None


# --- transcript: how it ended ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "tone"),
    [
        ("end_turn", "good"),
        ("max_tokens", "warning"),
        ("refusal", "warning"),
        ("compaction", "plain"),
        ("not_invented_yet", "plain"),
    ],
)
def test_stop_reasons_say_what_they_mean(reason: str, tone: str) -> None:
    (item,) = seen(pb.message_start(), *pb.ending(reason))
    assert (item.kind, item.tone) == ("stop", tone)
    assert item.label.startswith(f"{reason}  ")
    assert len(item.label) > len(reason) + 5


def test_stop_details_are_told() -> None:
    event = pb.message_delta("refusal")
    for details, body in (
        ({"type": "refusal", "category": "cyber"}, "category: cyber"),
        (
            {
                "type": "refusal",
                "category": None,
                "explanation": "No.",
                "claim": True,
                "n": {"a": 1},
            },
            "No.\nclaim: true  n: {a: 1}",
        ),
        ({"type": "other"}, "type: other"),
        ("no object", "no object"),
        (None, ""),
    ):
        event["delta"]["stop_details"] = details
        (item,) = seen(pb.message_start(), event, pb.message_stop())
        assert item.body == body


@pytest.mark.parametrize(
    ("items", "options", "label", "body", "tone"),
    [
        ([pb.message_start()], {}, "Truncated", "without message_stop", "warning"),
        ([pb.message_start()], {"how": "cancelled"}, "Cancelled", "is kept", "warning"),
        (
            [pb.message_start()],
            {"how": "interrupted", "error": {"type": "interrupted", "message": "disk"}},
            "Interrupted",
            "interrupted: disk",
            "bad",
        ),
        ([pb.message_start(), pb.error()], {}, "Error", "overloaded_error: Overloaded", "bad"),
        (
            [pb.message_start()],
            {"how": "reset", "error": {"type": "lost", "message": "Connection lost: gone"}},
            "Connection lost",
            "gone",
            "warning",
        ),
        (
            [],
            {"how": "reset", "error": {"type": "connection_lost", "message": "gone"}},
            "Stream failed",
            "connection_lost: gone",
            "bad",
        ),
        ([b"<html>"], {}, "Not an event stream", "HTML page", "bad"),
        ([], {}, "Empty", "no bytes", "bad"),
    ],
)
def test_other_endings_have_a_banner(
    items: list[JsonObject | bytes], options: dict[str, Any], label: str, body: str, tone: str
) -> None:
    banner = seen(*items, **options)[-1]
    assert (banner.kind, banner.label, banner.tone) == ("banner", label, tone)
    assert body in text_of(banner)


def test_a_complete_or_running_answer_has_no_banner() -> None:
    assert seen(pb.message_start(), how=None) == []
    assert [item.kind for item in seen(pb.message_start(), *pb.ending())] == ["stop"]


def test_a_fault_of_the_program_comes_first() -> None:
    view = view_of(session_of(pb.message_start(), pb.error()), failure="ValueError: x")
    banner = transcript(view)[-1]
    assert (banner.label, banner.tone) == ("Internal error", "bad")
    assert text_of(banner).endswith("ValueError: x")


def test_an_error_that_will_be_tried_again_is_no_red_one() -> None:
    view = view_of(session_of(pb.message_start(), pb.error()), stage=("Retrying in 1 s", "r: now"))
    assert [item.tone for item in transcript(view)] == ["warning", "warning"]


def test_the_past_does_not_know_how_it_ended() -> None:
    session = session_of(pb.message_start(), pb.text_start(), pb.text(0, "a"))
    assert [item.kind for item in transcript(view_of(session, 2))] == ["text"]
    assert [item.kind for item in transcript(view_of(session, 3))] == ["text", "banner"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, ""),
        ({"type": "t", "message": "m"}, "t: m"),
        ({"message": "m", "request_id": "req_1"}, "m  (req_1)"),
        ({"type": 5, "code": 7}, "{type: 5, code: 7}"),
        ({}, "{}"),
    ],
)
def test_errors_in_a_line(error: JsonObject | None, text: str) -> None:
    assert describe_error(error) == text


# --- tools ----------------------------------------------------------------------------------------


def calls(*events: JsonObject, **fields: Any) -> list[ToolItem]:  # noqa: ANN401
    how: End | None = fields.pop("how", "eof")
    return tools(moment_of(session_of(pb.message_start(), *events, how=how)))


def test_tool_calls_with_their_state() -> None:
    items = calls(
        *pb.text_block(0, "so"),
        *pb.tool_block(1, '{"a"', ": 1}"),
        *pb.tool_block(2, "{"),
        *pb.tool_block(3, "", name="ping"),
        pb.tool_start(4, id="x"),
        how=None,
    )
    assert [(item.key, item.name, item.status, item.tone, item.facts) for item in items] == [
        (1, "get_weather", "\u2713", "good", ("2 fragments", "8 B")),
        (2, "get_weather", "\u2717 not valid JSON", "bad", ("1 fragment", "1 B")),
        (3, "ping", "\u2713 no input", "muted", ("1 fragment",)),
        (4, "get_weather", "\u25cf", "plain", ("0 fragments",)),
    ]
    assert items[0].block.index == 1


def test_a_call_that_never_stopped_is_told_at_the_end_only() -> None:
    events = [pb.tool_start(0), pb.fragment(0, "{"), pb.fragment(0, '"a"')]
    assert calls(*events)[0].status == "\u25cb never finished"
    assert calls(*events, how=None)[0].status == "\u25cf"
    session = session_of(pb.message_start(), *events)
    assert tools(moment_of(session, 3))[0].status == "\u25cf"


def test_a_call_without_a_name_has_its_type() -> None:
    assert calls(pb.block_start(0, "mcp_tool_use", name=None))[0].name == "mcp_tool_use"
    # Any block that gets tool input counts as a call.
    assert calls(pb.block_start(0, "poem"), pb.fragment(0, "{}"))[0].name == "poem"


# --- the event log --------------------------------------------------------------------------------


def row(item: JsonObject | bytes, *before: JsonObject) -> EventRow:
    session = session_of(*before, item)
    return event_row(session.runs[-1].timeline, len(session.runs[-1].timeline) - 1)


def test_a_row_has_its_place_and_time() -> None:
    found = row(pb.text(3, "hi"), pb.message_start(), pb.text_start(3))
    assert (found.seq, found.t_ns, found.gap_ns, found.index) == (2, 200 * MS, 100 * MS, 3)
    assert (found.type, found.what, found.payload) == ("content_block_delta", "text", "hi")
    assert row(pb.ping()).gap_ns == 0
    assert row(pb.ping()).index == -1


@pytest.mark.parametrize(
    ("item", "style", "what", "payload"),
    [
        (pb.message_start(), "message", "", "claude-sonnet-5-5  in 25  msg_1"),
        ({"type": "message_start", "message": 5}, "message", "", "{message: 5}"),
        (pb.tool_start(0), "block", "tool_use", 'get_weather  {id: "toolu_0"}'),
        (pb.block_start(0, "x", name=5, data=0), "block", "x", "{data: 0}"),
        (
            {"type": "content_block_start", "content_block": {"type": {"a": 1}}},
            "block",
            "{a: 1}",
            "",
        ),
        ({"type": "content_block_start", "content_block": []}, "block", "", "{content_block: []}"),
        (pb.text(0, "a\x1b"), "text", "text", "a\x1b"),
        (pb.thinking(0, "hm"), "thinking", "thinking", "hm"),
        (pb.fragment(0, '{"'), "json", "input_json", '{"'),
        (pb.signature(0, "sig"), "thinking", "signature", '{signature: "sig"}'),
        (pb.citation(0, {"a": 1}), "citation", "citations", "{citation: {a: 1}}"),
        (
            pb.citation(0, {"url": "https://www.a.example/b", "cited_text": "So it is."}),
            *("citation", "citations", "a.example  So it is."),
        ),
        (pb.delta(0, "rhyme_delta", rhyme=1), "unknown", "rhyme", "{rhyme: 1}"),
        (pb.delta(0, "text_delta", text=5), "text", "text", "{text: 5}"),
        ({"type": "content_block_delta", "delta": 5}, "unknown", "", "5"),
        ({"type": "content_block_delta", "delta": {}}, "unknown", "null", ""),
        (pb.block_stop(4), "block", "", ""),
        (pb.message_delta("end_turn"), "message", "end_turn", "out 15"),
        (
            pb.message_delta("end_turn", {"input_tokens": 3, "output_tokens": 9, "x": 1}),
            *("message", "end_turn", "out 9  in 3"),
        ),
        (pb.message_delta("end_turn", {"x": 1}), "message", "end_turn", "{x: 1}"),
        ({"type": "message_delta", "delta": 5}, "message", "", ""),
        (pb.message_stop(), "message", "", ""),
        (pb.message_stop(extra=1), "message", "", "{extra: 1}"),
        (pb.ping(), "ping", "", ""),
        (pb.error(), "error", "", "overloaded_error: Overloaded"),
        ({"type": "error", "message": "bare"}, "error", "", "error: bare"),
        ({"type": "not_invented_yet", "a": [1]}, "unknown", "", "{a: [1]}"),
        (pb.DONE, "ping", "", "data: [DONE]"),
        (b": keep-alive\n\n", "ping", "", ": keep-alive"),
        (b"event: ping\ndata: {]\n\n", "ping", "", "event: ping data: {]"),
        (b"data: {", "error", "", "data: {"),
    ],
)
def test_rows_say_what_an_event_is(
    item: JsonObject | bytes, style: str, what: str, payload: str
) -> None:
    found = row(item)
    assert (found.style, found.what) == (style, what)
    assert found.payload.startswith(payload) if len(payload) > 40 else found.payload == payload
    assert found.glyph


def test_glyphs_tell_the_kinds_apart_without_colour() -> None:
    events = [pb.message_start(), pb.text_start(), pb.text(0, "x"), pb.block_stop(0), pb.ping()]
    assert len({row(event).glyph for event in [*events, pb.message_stop(), pb.error()]}) == 7
    assert row({"type": "new"}).glyph == "?"


def test_rows_are_short_whatever_the_sender_likes() -> None:
    long = "x" * 100_000
    for item in (
        pb.text(0, long),
        pb.delta(0, long),
        pb.block_start(0, long, name=long),
        pb.message_delta(long),
        pb.error(long, long),
        pb.message_start(id=long),
        {"type": long},
        {"type": "content_block_start", "content_block": {"type": [long] * 50}},
        b"event: " + long.encode() + b"\ndata: [\n\n",
        b": " + long.encode() + b"\n\n",
    ):
        found = row(item)
        assert max(len(found.type), len(found.what), len(found.payload)) <= 400


# --- counters -------------------------------------------------------------------------------------

ANSWER = (
    pb.message_start(usage={"input_tokens": 25, "output_tokens": 1, "cache_read_input_tokens": 3}),
    pb.text_start(),
    pb.text(0, "four" * 10),
    pb.text(0, "four" * 10),
)


def count(session: Session, cursor: int | None = None, **fields: Any) -> Counters:  # noqa: ANN401
    max_tokens = fields.pop("max_tokens", None)
    return counters(moment_of(session, cursor, **fields), Ranks(), max_tokens)


def test_counters_of_a_running_answer() -> None:
    found = count(session_of(*ANSWER, how=None), now_ns=1 * S)
    assert found.estimate == pytest.approx(20 / 0.1)
    assert (found.input_tokens, found.output, found.cache_read) == (25, (20, False), 3)
    assert (found.cache_write, found.thinking_tokens, found.conflict) == (None, None, False)
    assert (found.last_byte_ns, found.last_content_ns, found.stalled) == (700 * MS, 700 * MS, False)
    assert (found.metrics.ttft, found.metrics.icl.max) == (200 * MS, 100 * MS)


def test_counters_of_a_finished_answer() -> None:
    details = {"output_tokens": 40, "output_tokens_details": {"thinking_tokens": 9}}
    usage = details | {"input_tokens": 26, "cache_creation_input_tokens": 2}
    session = session_of(*ANSWER, pb.block_stop(0), pb.message_delta(usage=usage))
    found = count(session, now_ns=99 * S)
    assert (found.output, found.thinking_tokens, found.cache_write) == ((40, True), 9, 2)
    assert (found.estimate, found.conflict) == (None, True)
    assert (found.last_byte_ns, found.last_content_ns, found.stalled) == (None, None, False)
    assert found.metrics.e2e == 500 * MS


def test_message_stop_ends_the_waiting() -> None:
    found = count(session_of(*ANSWER, *pb.ending(), how=None), now_ns=99 * S)
    assert (found.estimate, found.last_byte_ns, found.stalled) == (None, None, False)


def test_silence_is_a_stall_after_two_seconds() -> None:
    session = session_of(*ANSWER, how=None)
    assert not count(session, now_ns=300 * MS + 2 * S).stalled
    assert count(session, now_ns=300 * MS + 2 * S + 1).stalled
    # Pings keep the connection alive, and are no content.
    session.feed(5 * S, pb.sse(pb.ping()))
    found = count(session, now_ns=5 * S)
    assert (found.last_byte_ns, found.stalled) == (0, True)


def test_counters_of_the_past() -> None:
    session = session_of(*ANSWER, pb.block_stop(0), *pb.ending())
    found = count(session, 3, now_ns=200 * MS)
    assert (found.metrics.e2e, found.last_byte_ns, found.estimate) == (200 * MS, None, None)
    assert count(session, 4).estimate == pytest.approx(20 / 0.1)
    nothing = count(session, 0, now_ns=0)
    assert (nothing.metrics.e2e, nothing.metrics.ttft, nothing.input_tokens) == (None, None, None)


def test_made_up_times_give_no_latencies() -> None:
    found = count(session_of(*ANSWER, how=None, timed=False))
    assert set(found.metrics[:7]) == {None}
    assert (found.estimate, found.metrics.stalls) == (None, None)


def test_nothing_yet() -> None:
    found = count(session_of(how=None))
    assert (found.last_byte_ns, found.last_content_ns, found.estimate) == (None, None, None)
    assert found.pulse == [0] * 10


def test_odd_usage_is_no_number() -> None:
    usage = {"input_tokens": "x", "output_tokens": -1, "output_tokens_details": 5}
    found = count(session_of(pb.message_start(usage=usage)))
    assert (found.input_tokens, found.output.tokens, found.thinking_tokens) == (None, None, None)


def test_the_pulse_moves_with_time_and_stands_at_the_end() -> None:
    session = session_of(*ANSWER, how=None, every_ns=250 * MS)
    assert count(session, now_ns=750 * MS).pulse == [0, 0, 0, 0, 0, 0, 0, 0, 40, 40]
    assert count(session, now_ns=1_000 * MS).pulse == [0, 0, 0, 0, 0, 0, 0, 40, 40, 0]
    assert count(session, now_ns=60 * S).pulse == [0] * 10
    # A clock that is behind the stream, as after a jump.
    assert count(session, now_ns=0).pulse == [0, 0, 0, 0, 0, 0, 0, 0, 40, 40]
    assert count(session, 3).pulse == [0, 0, 0, 0, 0, 0, 0, 0, 0, 40]


def test_percentiles_catch_up_and_begin_again_for_another_run() -> None:
    session = session_of(*ANSWER, how=None)
    ranks = Ranks()
    moment = moment_of(session)
    assert ranks.of(moment).max == 100 * MS
    assert ranks.settled
    session.feed(5 * S, pb.sse(pb.text(0, "late")))
    assert ranks.of(moment_of(session)).max == 4_700 * MS
    assert ranks.of(moment_of(session, 4)).max == 100 * MS
    assert ranks.of(moment_of(session_of(how=None))).max is None


def test_percentiles_of_many_gaps_are_found_a_little_at_a_time() -> None:
    session = session_of(*ANSWER, how=None)
    gaps = session.run.state.gaps_ns
    gaps.extend(array(gaps.typecode, [7]) * 1_000_000)
    ranks = Ranks()
    first = ranks.of(moment_of(session))
    assert not ranks.settled and first.max is None
    for _ in range(1_000):
        found = ranks.of(moment_of(session))
        if ranks.settled:
            break
    assert (found.p50, found.max) == (7, 100 * MS)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0, 0], "  "),
        ([5, 0, 5], "\u2588 \u2588"),
        ([1, 1_000_000], "\u2582\u2588"),
        ([3, 7], "\u2584\u2588"),
    ],
)
def test_sparklines(values: list[int], drawn: str) -> None:
    assert sparkline(values) == drawn


@given(values=st.lists(st.integers(0, 10**12), max_size=30))
def test_a_sparkline_has_a_bar_wherever_there_is_something(values: list[int]) -> None:
    drawn = sparkline(values)
    assert len(drawn) == len(values)
    assert [cell == " " for cell in drawn] == [value == 0 for value in values]
    order = sorted(zip(values, drawn, strict=True))
    assert [cell for _, cell in order] == sorted(drawn)


# --- compact --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (1.5, "1.5"),
        ("bare", "bare"),
        ("a\nb\tc", "a\u23ceb c"),
        (["x", 1, [], {}], '["x", 1, [], {}]'),
        ({"a": {"b": None}, "c\n": "d\n"}, '{a: {b: null}, c\u23ce: "d\u23ce"}'),
        (10**80, "1" + "0" * 58 + "\u2026"),
    ],
)
def test_values_in_a_line(value: object, text: str) -> None:
    assert compact(value) == text


def test_nothing_may_have_a_name_of_its_own() -> None:
    empty: list[object] = [None, "", [], {}, 0]
    for nothing in empty:
        assert compact(nothing, "\u2013") == "\u2013"
    assert compact([0], "\u2013") == "[0]"


def nested(depth: int, kind: str) -> object:
    value: object = "end"
    for _ in range(depth):
        value = [value] if kind == "list" else {"k": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        "x" * 1_000_000,
        ["x" * 1_000_000] * 5,
        {"x" * 1_000_000: "y" * 1_000_000},
        {f"key {number}": number for number in range(50_000)},
        list(range(100_000)),
        [[]] * 100_000,
        [{}] * 100_000,
        [None] * 100_000,
        ["\x1b\u202e" * 100_000],
        [["x"] * 50] * 50,
        {"a": ["x" * 3_000], "b": "y" * 3_000, "c": "z"},
        nested(200, "list"),
        nested(200, "dict"),
        10**4_000,
    ],
)
def test_a_line_is_bounded(value: object) -> None:
    assert len(compact(value)) < 40_000
    assert "\n" not in compact(value)


def test_what_is_nested_deeply_is_cut() -> None:
    text = compact(nested(200, "list"))
    assert text == "[" * 41 + "\u2026" + "]" * 41


@given(value=json_values(st.text(max_size=20)))
def test_any_value_is_one_line_without_control_codes(value: object) -> None:
    text = compact(value)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in text)
    if isinstance(value, (int, float)):
        assert json.loads(text) == value or len(text) == 60


# --- anything at all ------------------------------------------------------------------------------


@given(events=broken_events(), cursor=st.none() | st.integers(0, 30))
def test_whatever_comes_down_the_wire_can_be_drawn(
    events: list[JsonObject], cursor: int | None
) -> None:
    session = session_of(*events)
    run = session.runs[-1]
    place = None if cursor is None else min(cursor, len(run.timeline))
    view = view_of(session, place, prompt=HOSTILE)
    for item in transcript(view):
        assert isinstance(text_of(item), str)
    keys = [item.key for item in transcript(view)]
    assert len(keys) == len(set(keys))
    tools(view.moment)
    counters(view.moment, Ranks())
    for seq in range(len(run.timeline)):
        event_row(run.timeline, seq)
