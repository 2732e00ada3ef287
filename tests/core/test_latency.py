"""Where the time of a run went."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.latency import BOUNDS_NS, KINDS, LatencyScan
from tui.core.records import JsonObject
from tui.core.session import Run, Session

MS = 1_000_000


def timed(*events: tuple[int, JsonObject]) -> Run:
    session = Session()
    for at_ms, event in events:
        session.feed(at_ms * MS, pb.wire(event))
    session.finish(0)
    return session.run


def scanned(run: Run, step: int = 1_000) -> LatencyScan:
    scan = LatencyScan(run)
    while not scan.advance(step):
        assert 0 <= scan.progress < 1
    return scan


RUN = timed(
    (100, pb.message_start()),
    (100, pb.thinking_start(0)),
    (400, pb.thinking(0, "hm")),
    (450, pb.thinking(0, "")),
    (500, pb.thinking(0, "so")),
    (500, pb.text_start(1)),
    (700, pb.text(1, "Hello")),
    (1_000, pb.ping()),
    (3_500, pb.text(1, "you")),
    (3_500, pb.tool_start(2)),
    (3_504, pb.fragment(2, "{}")),
)


def spent(run: Run) -> dict[str, int]:
    """Milliseconds by kind, where there are any."""
    pairs = zip(KINDS, scanned(run).spent_ns, strict=True)
    return {name: time // MS for name, time in pairs if time}


def test_a_silence_counts_for_what_ended_it_and_a_stall_for_itself() -> None:
    assert spent(RUN) == {
        "first byte": 100,
        "stalls": 2_800,
        "thinking": 400,
        "text": 200,
        "tool input": 4,
    }
    assert sum(scanned(RUN).spent_ns) == RUN.timeline.times[-1]


def test_what_a_tool_of_the_server_took_is_no_stall() -> None:
    run = timed(
        (300, pb.message_start()),
        (400, pb.block_start(0, "server_tool_use", id="srvtoolu_1", name="web_search", input={})),
        (500, pb.fragment(0, "{}")),
        (500, pb.block_stop(0)),
        (9_500, pb.block_start(1, "web_search_tool_result", tool_use_id="srvtoolu_1", content=[])),
        (9_500, pb.block_stop(1)),
        (9_600, pb.text_start(2)),
        (9_700, pb.text(2, "Found.")),
    )
    assert spent(run) == {"first byte": 300, "server tools": 9_000, "tool input": 200, "text": 200}


def test_what_comes_late_after_the_first_byte_is_a_stall() -> None:
    run = timed((300, pb.message_start()), (400, pb.text_start(0)), (4_300, pb.text(0, "Hi")))
    assert spent(run) == {"first byte": 300, "stalls": 4_000}


def test_the_longest_gaps_come_first_with_the_event_that_ended_them() -> None:
    assert [(gap.length_ns // MS, gap.seq) for gap in scanned(RUN).longest] == [
        (2_800, 8),
        (200, 6),
        (100, 4),
        (4, 10),
    ]


def test_only_the_five_longest_are_kept() -> None:
    events = [(number * number, pb.text(0, "x")) for number in range(12)]
    scan = scanned(timed((0, pb.message_start()), (0, pb.text_start(0)), *events))
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
    session.feed(1, pb.wire(pb.message_start(), pb.text_start(0), pb.text(0, "a")))
    session.feed(2, pb.wire(pb.text(0, "b"))[:10])
    session.feed(3, pb.wire(pb.text(0, "b"))[10:])
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
    assert LatencyScan(timed((0, pb.ping()))).growth(10) == []


def test_an_empty_run_is_done_at_once() -> None:
    scan = LatencyScan(Session().run)
    assert scan.progress == 1.0
    assert scan.advance()
    assert scan.longest == []


@given(st.lists(st.tuples(st.integers(0, 5_000), st.text("ab", max_size=2)), max_size=30))
def test_the_step_makes_no_difference(pieces: list[tuple[int, str]]) -> None:
    at = 0
    events: list[tuple[int, JsonObject]] = [(0, pb.message_start()), (0, pb.text_start(0))]
    for gap, piece in pieces:
        at += gap
        events.append((at, pb.text(0, piece)))
    run = timed(*events)
    one, all_at_once = scanned(run, 1), scanned(run)
    assert one.spent_ns == all_at_once.spent_ns
    assert one.histogram == all_at_once.histogram
    assert one.longest == all_at_once.longest
    assert list(one.chars) == list(all_at_once.chars)
