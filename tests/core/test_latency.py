"""Where the time of a run went."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.playbook import (
    fragment,
    message_start,
    ping,
    text,
    text_start,
    thinking,
    thinking_start,
    tool_start,
    wire,
)
from tui.core.latency import BOUNDS_NS, LatencyScan
from tui.core.records import JsonObject
from tui.core.session import Run, Session

MS = 1_000_000


def timed(*events: tuple[int, JsonObject]) -> Run:
    session = Session()
    for at_ms, event in events:
        session.feed(at_ms * MS, wire(event))
    session.finish(0)
    return session.run


def scanned(run: Run, step: int = 1_000) -> LatencyScan:
    scan = LatencyScan(run)
    while not scan.advance(step):
        assert 0 <= scan.progress < 1
    return scan


RUN = timed(
    (100, message_start()),
    (100, thinking_start(0)),
    (400, thinking(0, "hm")),
    (450, thinking(0, "")),
    (500, thinking(0, "so")),
    (500, text_start(1)),
    (700, text(1, "Hello")),
    (1_000, ping()),
    (3_500, text(1, "you")),
    (3_500, tool_start(2)),
    (3_504, fragment(2, "{}")),
)


def test_a_gap_counts_for_what_ended_it_and_a_stall_for_waiting() -> None:
    scan = scanned(RUN)
    assert [spent // MS for spent in scan.spent_ns] == [400 + 2_800, 100, 200, 4]
    assert sum(scan.spent_ns) == RUN.timeline.times[-1]


def test_the_longest_gaps_come_first_with_the_event_that_ended_them() -> None:
    assert [(gap.length_ns // MS, gap.seq) for gap in scanned(RUN).longest] == [
        (2_800, 8),
        (200, 6),
        (100, 4),
        (4, 10),
    ]


def test_only_the_five_longest_are_kept() -> None:
    events = [(number * number, text(0, "x")) for number in range(12)]
    scan = scanned(timed((0, message_start()), (0, text_start(0)), *events))
    assert [gap.length_ns // MS for gap in scan.longest] == [21, 19, 17, 15, 13]


def test_the_histogram_has_every_gap_in_its_bar() -> None:
    scan = scanned(RUN)
    assert sum(scan.histogram) == len(RUN.state.gaps_ns)
    assert scan.histogram[BOUNDS_NS.index(5 * MS)] == 1
    assert scan.histogram[BOUNDS_NS.index(200 * MS)] == 1
    assert scan.histogram[BOUNDS_NS.index(500 * MS)] == 1
    assert scan.histogram[BOUNDS_NS.index(5_000 * MS)] == 1


def test_reads_and_the_events_they_brought() -> None:
    session = Session()
    session.feed(1, wire(message_start(), text_start(0), text(0, "a")))
    session.feed(2, wire(text(0, "b"))[:10])
    session.feed(3, wire(text(0, "b"))[10:])
    session.finish(0)
    scan = scanned(session.run)
    assert (scan.reads, scan.largest_read) == (2, 3)


def test_growth_has_all_characters_in_as_many_columns_as_asked_for() -> None:
    scan = scanned(RUN)
    for width in (1, 2, 7, 80):
        growth = scan.growth(width)
        assert len(growth) == width
        assert sum(growth) == RUN.state.content_chars
    assert scan.growth(0) == []
    assert LatencyScan(timed((0, ping()))).growth(10) == []


def test_an_empty_run_is_done_at_once() -> None:
    scan = LatencyScan(Session().run)
    assert scan.progress == 1.0
    assert scan.advance()
    assert scan.longest == []


@given(st.lists(st.tuples(st.integers(0, 5_000), st.text("ab", max_size=2)), max_size=30))
def test_the_step_makes_no_difference(pieces: list[tuple[int, str]]) -> None:
    at = 0
    events: list[tuple[int, JsonObject]] = [(0, message_start()), (0, text_start(0))]
    for gap, piece in pieces:
        at += gap
        events.append((at, text(0, piece)))
    run = timed(*events)
    one, all_at_once = scanned(run, 1), scanned(run)
    assert one.spent_ns == all_at_once.spent_ns
    assert one.histogram == all_at_once.histogram
    assert one.longest == all_at_once.longest
    assert list(one.chars) == list(all_at_once.chars)
