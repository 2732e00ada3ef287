"""Places worth jumping to, and the strip of a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import broken_events, cuts, legal_bytes
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.find.markers import Marker, StripColumn, column_of, density, next_marker, seq_at

S = 1_000_000_000


def timed(*moments: tuple[float, JsonObject | bytes], timed: bool = True) -> Run:
    """A run whose events come at the given seconds."""
    session = Session(timed=timed)
    for seconds, event in moments:
        session.feed(round(seconds * S), pb.wire(event))
    session.finish(round(moments[-1][0] * S) if moments else 0)
    return session.run


def log(*events: JsonObject | bytes) -> Run:
    return timed(*((number / 10, event) for number, event in enumerate(events)))


def walk(run: Run, direction: int, marks: set[int] | None = None) -> list[Marker]:
    """Jump from one end to the other."""
    seq = -1 if direction > 0 else len(run.timeline)
    found = []
    while (marker := next_marker(run, seq, direction, marks or ())) is not None:
        found.append(marker)
        seq = marker.seq
    return found


# --- markers --------------------------------------------------------------------------------------


def test_markers_and_what_they_say() -> None:
    run = timed(
        (0.1, pb.message_start()),
        (0.2, pb.text_start(0)),
        (0.3, pb.text(0, "a")),
        (3.3, pb.text(0, "b")),
        (3.4, pb.block_stop(0)),
        (3.5, pb.tool_start(1, "get_weather")),
        (3.6, pb.ping()),
        (3.7, pb.delta(1, "new_delta")),
        (3.8, pb.block_stop(1)),
        (3.9, pb.message_delta("tool_use")),
        (4.0, pb.error("overloaded_error")),
    )
    found = walk(run, 1, {6, 8, 400})
    assert found == [
        Marker(1, "start", "block 0 starts, text"),
        Marker(3, "stall", "stall of 3.00s"),
        Marker(4, "stop", "block 0 stops"),
        Marker(5, "tool", "call of get_weather"),
        Marker(6, "mark", "mark"),
        Marker(7, "anomaly", "unknown delta"),
        Marker(8, "stop", "block 1 stops \u00b7 mark"),
        Marker(10, "error", "error overloaded_error"),
    ]
    assert walk(run, -1, {6, 8, 400}) == found[::-1]
    assert next_marker(run, 400, -1) == found[-1]
    assert next_marker(run, 400, 1) is None
    assert next_marker(run, -400, -1) is None


def test_the_most_telling_kind_comes_first() -> None:
    run = timed(
        (0, pb.message_start()),
        (1, pb.text_start(0)),
        (2, pb.text(0, "a")),
        (9, pb.text(7, "b")),
        (9, pb.message_stop()),
        (9, pb.error()),
    )
    assert walk(run, 1, {3})[1:] == [
        Marker(3, "anomaly", "unknown index \u00b7 stall of 7.00s \u00b7 mark"),
        Marker(4, "anomaly", "block not stopped"),
        Marker(5, "error", "error overloaded_error \u00b7 event after stop"),
    ]


def test_markers_of_broken_events() -> None:
    run = log(
        pb.message_start(*[5] * 50),
        {"type": "content_block_start"},
        b"event: content_block_start\ndata: {\n\n",
        {"type": "content_block_stop"},
        pb.tool_start(4, name="\x1b[31m\n" + "x" * 100),
        pb.block_start(5, "server_tool_use"),
        {"type": "error"},
        {"type": "error", "error": {"type": 5}},
        b"event: error\ndata: {\n\n",
    )
    labels = [marker.label.split(" \u00b7 ") for marker in walk(run, 1)]
    assert [label[-1] for label in labels] == [
        "bad field",
        "block 0 starts, untyped",
        "a block starts",
        "a block stops",
        "call of \u241b[31m\u23ce" + "x" * 45 + "\u2026",
        "call of server_tool_use",
        "bad field",
        "error",
        "bad json",
    ]
    assert [label[0] for label in labels[6:]] == ["error"] * 3


def test_an_anomaly_after_the_last_event_is_no_marker() -> None:
    session = Session()
    session.feed(0, pb.wire(pb.message_start(), pb.ping(), pb.message_start()))
    run = session.runs[0]
    assert run.state.anomalies[-1].seq == len(run.timeline)
    assert walk(run, 1) == walk(run, -1) == []
    assert next_marker(run, 9, -1) is None


def test_without_times_there_are_no_stalls() -> None:
    moments = [(0, pb.message_start()), (1, pb.text(0, "a")), (9, pb.text(0, "b"))]
    assert [marker.kind for marker in walk(timed(*moments), 1)] == ["anomaly", "stall"]
    assert [marker.kind for marker in walk(timed(*moments, timed=False), 1)] == ["anomaly"]


def test_an_empty_run_has_no_markers() -> None:
    assert walk(Session().run, 1) == walk(Session().run, -1) == []


@given(broken_events(), st.sets(st.integers(0, 30), max_size=4))
def test_markers_are_those_of_a_naive_look(events: list[JsonObject], marks: set[int]) -> None:
    run = pb.run([pb.wire(*events)]).runs[0]
    wanted = {anomaly.seq for anomaly in run.state.anomalies} | marks
    for record in run.timeline.records():
        if record.type in ("content_block_start", "content_block_stop", "error"):
            wanted.add(record.seq)
    ahead = walk(run, 1, marks)
    assert [marker.seq for marker in ahead] == sorted(
        seq for seq in wanted if seq < len(run.timeline)
    )
    assert walk(run, -1, marks) == ahead[::-1]


# --- the strip ------------------------------------------------------------------------------------

EMPTY = StripColumn(0, "", False, False, False, False)


def counts(run: Run, width: int, upto: int | None = None) -> list[int]:
    return [cell.events for cell in density(run, width, upto)]


def test_a_strip_by_time() -> None:
    run = timed(
        (1.0, pb.message_start()),
        (1.1, pb.text_start(0)),
        (1.2, pb.text(0, "a")),
        (1.3, pb.text(0, "b")),
        (2.0, pb.text(0, "c")),
        (9.0, pb.text(0, "d")),
        (9.5, pb.delta(0, "odd")),
        (9.99, pb.error()),
    )
    assert density(run, 10) == [
        EMPTY,
        StripColumn(4, "text", False, False, False, True),
        StripColumn(1, "text", True, False, False, False),
        *[EMPTY._replace(stall=True)] * 6,
        StripColumn(3, "text", True, True, True, False),
    ]
    assert [column_of(run, seq, 10) for seq in range(8)] == [1, 1, 1, 1, 2, 9, 9, 9]
    assert [seq_at(run, column, 10) for column in range(10)] == [0, 0, *[4] * 7, 5]


def test_part_of_a_strip() -> None:
    run = timed(
        (0, pb.message_start()),
        (1, pb.text(0, "a")),
        (9, pb.text(0, "b")),
        (9, pb.text(0, "c")),
    )
    assert counts(run, 3) == [2, 0, 2]
    assert [cell.stall for cell in density(run, 3)] == [True, True, True]
    assert counts(run, 3, 2) == [1, 0, 1]
    assert [cell.stall for cell in density(run, 3, 2)] == [False] * 3
    assert column_of(run, 1, 3) == 0
    assert column_of(run, 1, 3, 2) == column_of(run, 3, 3, 2) == 2
    assert seq_at(run, 2, 3, 2) == 1
    assert counts(run, 3, 99) == counts(run, 3)


@pytest.mark.parametrize("timed_run", [True, False])
def test_a_strip_by_number(timed_run: bool) -> None:
    moments = [(0 if timed_run else n * 9, pb.text(0, "abc"[n % 3])) for n in range(10)]
    run = timed(*moments, timed=timed_run)
    assert counts(run, 5) == [2] * 5
    assert counts(run, 3) == [4, 3, 3]
    assert counts(run, 20) == [1, 0] * 10
    assert not any(cell.stall for cell in density(run, 5))
    assert [column_of(run, seq, 5) for seq in range(10)] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [seq_at(run, column, 20) for column in (0, 1, 2, 3, 19)] == [0, 0, 1, 1, 9]


def test_the_kind_of_a_cell() -> None:
    def kind(*events: JsonObject | bytes) -> str:
        return density(log(*events), 1)[0].kind

    assert kind(pb.text(0, "a"), pb.thinking(1, "b"), pb.signature(1, "c"), pb.ping()) == "thinking"
    assert kind(pb.fragment(0, "a"), *[pb.ping()] * 3) == "json"
    assert kind(pb.ping(), pb.message_start()) == "other"
    assert kind(*[pb.text(0, "a")] * 60, *[pb.fragment(1, "a")] * 40) == "text"
    assert kind(*[pb.text(0, "a")] * 40, *[pb.fragment(1, "a")] * 60) == "json"


def test_the_strip_of_a_later_message_begins_with_it() -> None:
    session = Session()
    session.feed(0, pb.wire(pb.message_start(), pb.message_stop()))
    session.feed(50 * S, pb.wire(pb.message_start()))
    session.feed(51 * S, pb.wire(pb.text_start(0)))
    session.feed(52 * S, pb.wire(pb.text(0, "a")))
    assert counts(session.run, 4) == [1, 1, 0, 1]


def test_a_strip_of_nothing() -> None:
    empty = Session().run
    assert density(empty, 3) == [EMPTY] * 3
    assert density(log(pb.ping()), 0) == []
    assert density(log(pb.ping()), 2, 0) == [EMPTY] * 2
    for run, width in ((empty, 3), (log(pb.ping()), 0)):
        assert column_of(run, 0, width) is None
        assert seq_at(run, 0, width) is None


def test_places_off_the_strip() -> None:
    run = log(*[pb.ping()] * 4)
    assert (column_of(run, -3, 4), column_of(run, 99, 4)) == (0, 3)
    assert (seq_at(run, -3, 4), seq_at(run, 99, 4)) == (0, 3)


@given(
    legal_bytes().flatmap(cuts),
    st.lists(st.integers(0, 3 * S), min_size=1, max_size=8),
    st.integers(1, 40),
    st.integers(0, 60) | st.none(),
    st.booleans(),
)
def test_a_strip_shows_every_event_once(
    chunks: list[bytes], steps: list[int], width: int, upto: int | None, real: bool
) -> None:
    session = Session(timed=real)
    now = 0
    for number, chunk in enumerate(chunks):
        now += steps[number % len(steps)]
        session.feed(now, chunk)
    session.finish(now)
    run = session.run
    count = len(run.timeline) if upto is None else min(upto, len(run.timeline))
    cells = density(run, width, upto)
    assert sum(cell.events for cell in cells) == count
    stalls = {seq for seq, _ in run.state.stalls if seq < count} if real else set()
    flagged = {anomaly.seq for anomaly in run.state.anomalies}
    columns: list[list[int]] = [[] for _ in range(width)]
    for seq in range(count):
        column = column_of(run, seq, width, upto)
        assert column is not None
        columns[column].append(seq)
        if seq in stalls and now:
            assert cells[column].stall
    for column, (cell, seqs) in enumerate(zip(cells, columns, strict=True)):
        assert cell.events == len(seqs)
        assert cell.anomaly == any(seq in flagged for seq in seqs)
        types = {run.timeline.label(seq).type for seq in seqs}
        assert cell.block == bool(types & {"content_block_start", "content_block_stop"})
        assert cell.error == ("error" in types)
        assert (cell.kind == "") == (not seqs)
        if seqs:
            assert seq_at(run, column, width, upto) == seqs[0]
        elif count:
            before = [seq for earlier in columns[:column] for seq in earlier]
            assert seq_at(run, column, width, upto) == max(before, default=0)


@given(
    st.lists(st.integers(-3 * S, 9 * S), min_size=1, max_size=20),
    st.integers(1, 30),
    st.integers(-2, 22) | st.none(),
)
def test_times_in_any_order_are_drawn(times: list[int], width: int, upto: int | None) -> None:
    session = Session()
    for number, t_ns in enumerate(times):
        session.feed(t_ns, pb.wire(pb.text(0, "a") if number else pb.message_start()))
    run = session.run
    count = len(times) if upto is None else max(0, min(upto, len(times)))
    cells = density(run, width, upto)
    assert sum(cell.events for cell in cells) == count
    assert all(cell.events >= 0 for cell in cells)
    for seq in range(count):
        column = column_of(run, seq, width, upto)
        assert column is not None and 0 <= column < width
    for column in range(width):
        found = seq_at(run, column, width, upto)
        assert found is None if not count else found is not None and 0 <= found < count
