"""Bytes in, runs out: ends, several messages in one body, bodies that are no stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import STARTS, broken_events, cuts, legal_bytes, sse_bytes, timed_reads
from tests.sweeps import few, sampled
from tui.core import records
from tui.core import session as session_module
from tui.core.metrics import UNKNOWN
from tui.core.records import EventRecord, JsonObject
from tui.core.session import Session
from tui.core.sse import Frame
from tui.core.state import End
from tui.core.timeline import BorrowedStore

WHOLE: Final = [pb.message_start(), *pb.text_block(0, "hi"), *pb.ending()]
RESET: Final = {"type": "connection_reset", "message": "reset by peer"}


# --- ends -----------------------------------------------------------------------------------------


def test_complete_is_message_stop_seen() -> None:
    pb.play(*WHOLE).expect(text="hi", runs=1)


def test_a_run_that_goes_on_is_streaming() -> None:
    session = Session()
    seen = [session.run.status]
    for event in WHOLE:
        session.feed(0, pb.sse(event))
        seen.append(session.run.status)
    assert seen == ["streaming"] * len(WHOLE) + ["complete"]


def test_an_empty_body() -> None:
    played = pb.play().expect(status="empty")
    assert played.state.message_json() is None
    assert played.run.error is None


def test_a_clean_end_without_message_stop_is_truncated() -> None:
    pb.play(*WHOLE[:3]).expect(status="truncated", text="hi")


def test_truncated_after_message_delta() -> None:
    pb.play(*WHOLE[:-1]).expect(status="truncated", text="hi", stop_reason="end_turn")


def test_truncated_in_the_middle_of_an_event() -> None:
    event = pb.sse(pb.text(0, "lost"))
    for length in (1, 7, 30, len(event) - 6):
        played = pb.play(pb.message_start(), pb.text_start(0), pb.text(0, "par"), event[:length])
        played.expect(status="truncated", text="par", anomalies=["cut_off"])
        assert played.state.counts["content_block_delta"] == 1


def test_message_stop_that_lacks_only_its_blank_line() -> None:
    for end in (b"", b"\n", b"\r", b"\r\n"):
        stop = b'event: message_stop\ndata: {"type":"message_stop"}' + end
        pb.play(*WHOLE[:-1], stop).expect(text="hi", anomalies=["unterminated_event"])


def test_comments_only() -> None:
    played = pb.play(b": one\n\n: two\n\n").expect(status="truncated")
    assert (len(played.run.timeline), played.state.events) == (2, 0)


def test_line_ends_only() -> None:
    pb.play(b"\n\n").expect(status="truncated")
    pb.play(pb.BOM).expect(status="truncated")


def test_done_without_a_message() -> None:
    pb.play(pb.DONE).expect(status="truncated")


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("eof", "truncated"),
        ("reset", "error"),
        ("timeout", "error"),
        ("refused", "error"),
        ("http_error", "error"),
        ("cancelled", "cancelled"),
        ("interrupted", "cancelled"),
    ],
)
def test_the_way_it_ended(how: End, status: str) -> None:
    played = pb.play(*WHOLE[:3], how=how, detail=RESET).expect(status=status, text="hi")
    assert played.run.error == RESET
    assert played.state.end == how


def test_an_end_after_message_stop_changes_nothing() -> None:
    pb.play(*WHOLE, how="reset", detail=RESET).expect(text="hi")


def test_nothing_came_and_the_connection_broke() -> None:
    played = pb.play(how="reset", detail=RESET).expect(status="error")
    assert played.run.error == RESET


def test_the_error_of_the_stream_comes_before_that_of_the_connection() -> None:
    played = pb.play(pb.message_start(), pb.error(), how="reset", detail=RESET).expect(
        status="error"
    )
    assert played.run.error == pb.error()["error"]


def test_a_session_ends_once() -> None:
    session = pb.run([pb.wire(*WHOLE[:3])])
    session.finish(5, "reset", RESET)
    assert session.ended
    assert (session.run.status, session.run.error) == ("truncated", None)


def test_feed_says_how_many_records_there_are() -> None:
    session = Session()
    event = pb.sse(pb.message_start())
    assert session.feed(0, b"") == 0
    assert session.raw.size == 0
    assert session.feed(1, event[:9]) == 0
    assert session.feed(2, event[9:] + b": hi\n\n") == 2
    assert (session.run.first_byte_ns, session.run.last_byte_ns) == (1, 2)
    assert list(session.run.timeline.times) == [2, 2]


def test_a_run_without_times_has_no_metrics() -> None:
    session = Session(timed=False)
    session.feed(5, pb.wire(*WHOLE))
    assert session.run.metrics() == UNKNOWN


def test_an_unfinished_event_has_the_time_of_the_last_bytes() -> None:
    session = Session()
    session.feed(5, pb.sse(pb.message_start()))
    session.feed(7, b"event: mess")
    session.finish(1_000)
    assert list(session.run.timeline.times) == [5, 7]


# --- the wire -------------------------------------------------------------------------------------


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(line_end: bytes) -> None:
    pb.play(pb.BOM, *(pb.sse(event, line_end=line_end) for event in WHOLE)).expect(text="hi")


def test_without_event_lines_the_type_in_the_data_is_used() -> None:
    pb.play(*(pb.sse(event, "") for event in WHOLE)).expect(text="hi")


def test_where_event_and_type_differ_the_data_wins() -> None:
    pb.play(*(pb.sse(event, "ping") for event in WHOLE)).expect(
        text="hi", anomalies=["type_mismatch"] * len(WHOLE)
    )


def test_data_over_several_lines() -> None:
    pb.play(*(pb.sse(json.dumps(event, indent=1), str(event["type"])) for event in WHOLE)).expect(
        text="hi"
    )


def test_other_line_separators_stay_in_the_text() -> None:
    odd = "a\u2028b\u2029c\u0085d"
    event = pb.sse(json.dumps(pb.text(0, odd), ensure_ascii=False), "content_block_delta")
    assert "\u2028".encode() in event
    pb.play(pb.message_start(), pb.text_start(0), event, pb.block_stop(0), *pb.ending()).expect(
        text=odd
    )


def test_fields_of_the_grammar_that_the_protocol_does_not_use() -> None:
    pb.play(b"retry: 100\nid: 1\n\n", *WHOLE, b"id: 2\n\n").expect(text="hi")


# --- two messages ---------------------------------------------------------------------------------


def test_a_message_after_the_stop_is_the_next_run() -> None:
    second = [pb.message_start(id="msg_2"), *pb.text_block(0, "again"), *pb.ending()]
    played = pb.play(*WHOLE, b": between\n\n", *second).expect(text="hi", runs=2)
    other = played.second().expect(text="again", id="msg_2")
    assert [record.type for record in other.run.timeline.records()][0] == "message_start"
    assert other.run.first_offset == played.run.size
    assert other.run.metrics().ttfb is not None


def test_a_message_before_the_stop_ends_the_earlier_one_as_truncated() -> None:
    played = pb.play(*WHOLE[:3], *WHOLE)
    played.expect(status="truncated", text="hi", anomalies=["duplicate_message_start"], runs=2)
    played.second().expect(text="hi")


def test_a_message_after_an_error_is_the_next_run() -> None:
    played = pb.play(pb.message_start(), pb.error(), *WHOLE).expect(status="error", runs=2)
    played.second().expect(text="hi")


def test_many_messages_out_of_one_read() -> None:
    played = pb.play(pb.ping(), *WHOLE * 3, pb.message_start(), pb.ping(), pb.ping()).expect(
        text="hi", runs=4
    )
    assert [part.status for part in played.session.runs] == ["complete"] * 3 + ["truncated"]
    assert [len(part.timeline) for part in played.session.runs] == [7, 6, 6, 3]


def test_a_message_start_that_cannot_be_read_begins_a_run_as_well() -> None:
    played = pb.play(*WHOLE, pb.sse("{oops", "message_start"), *pb.text_block(0, "b")).expect(
        runs=2
    )
    played.second().expect(
        status="truncated", text="b", anomalies=["bad_json", "event_before_start"]
    )


def test_the_end_belongs_to_the_last_run() -> None:
    played = pb.play(*WHOLE, pb.message_start(), how="reset", detail=RESET).expect(runs=2)
    assert played.run.error is None
    assert played.second().expect(status="error").run.error == RESET


def test_a_second_message_without_its_blank_line() -> None:
    start = pb.sse(pb.message_start()).rstrip()
    pb.play(*WHOLE, start).expect(runs=2).second().expect(
        status="truncated", anomalies=["unterminated_event"]
    )


# --- no stream ------------------------------------------------------------------------------------


def test_an_html_page() -> None:
    page = b"<!DOCTYPE html>\n<style>\n:root {}\n</style>\n<h1>502 Bad Gateway</h1>\n\n<p>x"
    played = pb.play(page).expect(status="not_sse", anomalies=["html"])
    assert played.run.error == {
        "type": "not_sse",
        "message": "an HTML page, not an event stream",
    }
    assert played.session.raw.read(0, 99_999) == page


def test_a_json_error_body() -> None:
    api_error = {"type": "rate_limit_error", "message": "slow down"}
    body = {"type": "error", "error": api_error, "request_id": "req_1"}
    for indent in (None, 2):
        played = pb.play(json.dumps(body, indent=indent).encode())
        played.expect(status="not_sse", anomalies=["json_error"])
        assert played.run.error == api_error | {"request_id": "req_1"}


def test_an_error_response_that_was_no_stream() -> None:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
    played = pb.play(json.dumps(body).encode(), how="http_error", detail={"status": 400})
    played.expect(status="error", anomalies=["json_error"])
    assert played.run.error == body["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type": "message", "content": []}', "json_body"),
        (b"no healthy upstream", "text"),
        (b"\x1f\x8b\x08\0\0\0", "binary"),
    ],
)
def test_other_bodies(body: bytes, code: str) -> None:
    pb.play(body).expect(status="not_sse", anomalies=[code])


def test_a_body_with_one_event_is_a_stream() -> None:
    pb.play(b"<html>\n\n", pb.ping()).expect(status="truncated")


@pytest.mark.parametrize("events", [WHOLE, [pb.error()], [pb.ping(), *WHOLE]])
def test_cut_at_every_byte(events: list[JsonObject]) -> None:
    data = pb.wire(*events)
    for length in sampled(range(1, len(data)), "bytes", 300):
        session = pb.run([data[:length]])
        status = session.run.status
        seen = session.run.state.counts
        if "message_stop" in seen:
            assert status == "complete"
        else:
            assert status == ("error" if "error" in seen else "truncated")


def test_a_tool_cut_at_every_byte_is_never_called_complete() -> None:
    fragments = [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }
        for piece in ('{"a"', ": [1, ", "2]}")
    ]
    data = pb.wire(
        pb.message_start(), pb.tool_start(0), *fragments, pb.block_stop(0), pb.message_delta()
    )
    stop = data.index(b"event: content_block_stop") + len(pb.sse(pb.block_stop(0))) - 2
    for length in range(len(data)):
        for tool in pb.run([data[:length]]).run.state.tool_reports():
            assert tool.state == ("complete" if length >= stop else "partial")


# --- anything at all ------------------------------------------------------------------------------


@given(legal_bytes().flatmap(cuts))
def test_any_chunks_give_the_same_runs(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    whole, parts = pb.run([data]), pb.run(chunks)
    pb.assert_same_runs(whole, parts)
    pb.check_laws(parts, data)
    pb.Played(whole).expect(runs=1)


@settings(max_examples=few(25))
@given(broken_events(), broken_events(), st.data())
def test_any_chunks_of_broken_streams(
    one: list[JsonObject], other: list[JsonObject], data: st.DataObject
) -> None:
    wired = pb.wire(*one, *other)
    parts = pb.run(data.draw(cuts(wired)))
    pb.assert_same_runs(pb.run([wired]), parts)
    pb.check_laws(parts, wired)


@given(
    (sse_bytes() | st.binary(max_size=80)).flatmap(cuts),
    st.sampled_from(["eof", "reset", "cancelled", "http_error"]),
)
def test_any_bytes_never_raise(chunks: list[bytes], how: End) -> None:
    data = b"".join(chunks)
    session = pb.run(chunks, how)
    pb.check_laws(session, data)
    assert session.run.status != "streaming"
    pb.assert_same_runs(session, pb.run([data], how))


@given(legal_bytes(), st.data())
def test_runs_follow_each_other(data: bytes, draw: st.DataObject) -> None:
    wired = data + data.removeprefix(pb.BOM)
    session = pb.run(draw.draw(cuts(wired)))
    pb.check_laws(session, wired)
    assert [part.status for part in session.runs] == ["complete", "complete"]
    assert session.runs[0].state.message_json() == session.runs[1].state.message_json()


def test_message_stop_first() -> None:
    pb.play(pb.message_stop(), *WHOLE).expect(anomalies=["event_before_start"], runs=2)


# --- many at once ---------------------------------------------------------------------------------


@contextmanager
def eager(window: int) -> Iterator[None]:
    """Have bursts looked for in any few bytes, `window` of them at once."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"_LONG": 1, "_STEP": 1, "_FEW": 2, "_WINDOW": window}.items():
            patch.setattr(session_module, name, value)
        yield


@settings(max_examples=few(20))
@given(timed_reads(), st.data(), st.sampled_from([60, 500, 100_000]), st.booleans())
def test_many_reads_at_once_are_the_same_as_one_by_one(
    chunks: list[tuple[int, bytes]], data: st.DataObject, window: int, borrowed: bool
) -> None:
    body = b"".join(chunk for _, chunk in chunks)
    one = Session()
    singly = [one.feed(t_ns, chunk) for t_ns, chunk in chunks]
    one.finish(10**12)
    raw = BorrowedStore(lambda offset, length: body[offset : offset + length])
    many = Session(raw=raw if borrowed else None)
    count = at = 0
    with eager(window):
        while at < len(chunks):
            size = data.draw(st.integers(1, 40))
            group = chunks[at : at + size]
            count += many.feed_many([t_ns for t_ns, _ in group], [chunk for _, chunk in group])
            at += size
    many.finish(10**12)
    assert count == sum(singly)
    pb.assert_same_to_the_last_detail(many, one)
    pb.check_laws(many, body)


@given(timed_reads(), st.sampled_from([60, 500, 100_000]))
def test_bursts_are_the_same_as_events_one_by_one(
    chunks: list[tuple[int, bytes]], window: int
) -> None:
    one, other = Session(), Session()
    for t_ns, chunk in chunks:
        singly = one.feed(t_ns, chunk)
        with eager(window):
            assert other.feed(t_ns, chunk) == singly
    one.finish(0)
    other.finish(0)
    pb.assert_same_to_the_last_detail(other, one)


def test_nothing_read_is_nothing() -> None:
    session = Session()
    assert session.feed_many([], []) == session.feed_many([3, 4], [b"", b""]) == 0
    assert (session.raw.size, list(session.raw.chunk_times)) == (0, [])
    assert session.run.first_byte_ns is None


def test_a_long_answer_is_taken_in_bursts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("an event was read by itself")

    events = [pb.sse(pb.text(0, f"word {number} ")) for number in range(2_000)]
    session = Session()
    session.feed(0, pb.wire(pb.message_start(), pb.text_start(0)))
    session.feed(1, b"".join(events[:100]))
    session.feed(2, b"".join(events[100:200]))
    with monkeypatch.context() as patch:
        patch.setattr(session_module, "from_frame", refuse)
        assert session.feed(3, b"".join(events[200:-1])) == 1_799
    session.feed_many([4, 5], [events[-1], pb.wire(pb.block_stop(0), *pb.ending())])
    pb.Played(session).expect(text="".join(f"word {number} " for number in range(2_000)))
    assert len(session.run.timeline) == 2_005
    assert list(session.run.timeline.times)[-4:] == [4, 5, 5, 5]
    assert list(session.run.state.gaps_ns) == [0] * 99 + [1] + [0] * 99 + [1] + [0] * 1_798 + [1]


@pytest.mark.parametrize("mark", [b"", pb.BOM])
def test_bursts_are_found_in_the_first_read(mark: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    singly = []

    def from_frame(frame: Frame, seq: int, t_ns: int) -> EventRecord:
        singly.append(seq)
        return records.from_frame(frame, seq, t_ns)

    monkeypatch.setattr(session_module, "from_frame", from_frame)
    events = [pb.text(0, f"word {number} ") for number in range(500)]
    session = Session()
    opening = pb.wire(pb.message_start(), pb.text_start(0), *events)
    assert session.feed(1, mark + opening) == 502
    assert len(singly) < 25
    session.feed(2, pb.wire(pb.block_stop(0), *pb.ending()))
    pb.Played(session).expect(text="".join(f"word {number} " for number in range(500)))


def test_very_many_line_ends_among_the_events() -> None:
    session = Session()
    session.feed(0, pb.wire(*STARTS))
    for _ in range(2):
        session.feed(1, b"\n" * 5_000 + pb.wire(*[pb.text(0, "a")] * 50) + b"\n" * 5_000)
    assert session.run.state.blocks[0].text.text() == "a" * 100
    assert len(session.run.timeline) == len(STARTS) + 100


def test_a_third_line_end_where_a_step_ends_is_taken_once() -> None:
    """Of three LFs the decoder keeps the last one, as it may belong to what comes next."""
    opening, delta = pb.wire(*STARTS), pb.sse(pb.text(0, "abc"))
    for before in range(1_015, 1_030):
        body = b":" + b"x" * before + b"\n\n\n" + delta * 30
        session = Session()
        session.feed(0, opening)
        session.feed(1, body)
        session.finish(2)
        pb.check_laws(session, opening + body)


def test_blocks_that_alternate_are_read_all_the_same() -> None:
    events = [[pb.text(0, "a"), pb.fragment(2, "1")][number % 2] for number in range(500)]
    session = Session()
    session.feed(0, pb.wire(*STARTS))
    session.feed(1, pb.wire(*events))
    session.feed(2, pb.wire(*events))
    assert session.run.state.blocks[0].text.text() == "a" * 500
    assert session.run.state.blocks[2].json.text() == "1" * 500
    assert not session.run.state.anomalies


def test_a_checkpoint_is_never_far() -> None:
    session = Session()
    session.feed(0, pb.wire(*STARTS, *[pb.text(0, "x")] * 20_000))
    history = session.run.history
    near = [history.nearest(count) for count in range(0, 20_000, 100)]
    assert max(count - found for count, found in zip(range(0, 20_000, 100), near, strict=True)) < (
        4_000
    )
