"""What the time of a run was spent with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.findings_play import timed
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.core.time_spans import TEXT, THINKING, TOOL_INPUT, WAITING, SpanScan, TimeSpan

S = 1_000_000_000
START = (0.5, pb.message_start())


def cut(run: Run) -> list[tuple[int, float, float]]:
    """The spans, in seconds."""
    spans = SpanScan(run).advance()
    return [(kind, start / S, end / S) for kind, start, end in spans]


def test_a_run_of_everything() -> None:
    run = timed(
        START,
        (1.0, pb.thinking_start(0), pb.thinking(0, "hm")),
        (1.5, pb.ping()),
        (2.0, pb.thinking(0, "so"), pb.signature(0, "c2ln"), pb.block_stop(0)),
        (2.5, pb.text_start(1), pb.text(1, "On it.")),
        (3.0, pb.text(1, " Now."), pb.block_stop(1)),
        (4.0, pb.tool_start(2), pb.fragment(2, "{")),
        (4.5, pb.fragment(2, "}"), pb.block_stop(2)),
        (4.6, *pb.ending("tool_use")),
    )
    assert cut(run) == [
        (WAITING, 0.0, 1.0),
        (THINKING, 1.0, 2.0),
        (TEXT, 2.0, 3.0),
        (TOOL_INPUT, 3.0, 4.5),
    ]


def test_a_stall_is_waited_for_but_not_a_value_that_comes_when_it_is_whole() -> None:
    run = timed(
        START,
        (1.0, pb.text_start(0), pb.text(0, "a")),
        (1.5, pb.text(0, "b")),
        (9.5, pb.text(0, "c"), pb.block_stop(0)),
        (10.0, pb.tool_start(1), pb.fragment(1, "{")),
        (20.0, pb.fragment(1, "}"), pb.block_stop(1)),
        (24.0, pb.text_start(2), pb.text(2, "d"), pb.block_stop(2)),
    )
    assert cut(run) == [
        (WAITING, 0.0, 1.0),
        (TEXT, 1.0, 1.5),
        (WAITING, 1.5, 9.5),
        (TOOL_INPUT, 9.5, 20.0),
        (WAITING, 20.0, 24.0),
        (TEXT, 24.0, 24.0),
    ]


def test_nothing_yet() -> None:
    run = timed(START)
    assert cut(run) == []


DELTAS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["text", "thinking", "json", "ping"])), max_size=30
)


def event(kind: str) -> JsonObject:
    made = {"text": pb.text, "thinking": pb.thinking, "json": pb.fragment}
    return made[kind](0, "x") if kind in made else pb.ping()


@given(DELTAS, st.integers(1, 5))
def test_looking_again_and_again_is_looking_once(deltas: list[tuple[int, str]], every: int) -> None:
    session = Session()
    session.feed(0, pb.wire(pb.message_start(), pb.text_start(0)))
    growing = SpanScan(session.run)
    now_ns = 0
    for number, (pause, kind) in enumerate(deltas):
        now_ns += pause * S
        session.feed(now_ns, pb.wire(event(kind)))
        if number % every == 0:
            growing.advance()
    spans = SpanScan(session.run).advance()
    assert growing.advance() == spans
    contents = [kind for _, kind in deltas if kind != "ping"]
    assert bool(spans) == bool(contents)
    if not spans:
        return
    assert spans[0].start_ns == 0
    assert spans[-1].end_ns == session.run.state.last_content_ns
    for one, other in zip(spans, spans[1:], strict=False):
        assert one.end_ns == other.start_ns and one.kind != other.kind
    assert all(span.end_ns > span.start_ns for span in spans[1:-1])


def test_many_events_are_cut_without_being_read() -> None:
    session = Session()
    session.feed(0, pb.wire(pb.message_start(), pb.text_start(0)))
    for at in range(1, 101):
        session.feed(at * 1_000_000, pb.wire(*[pb.text(0, "word")] * 1_000))
    assert len(session.run.timeline) == 100_002
    assert SpanScan(session.run).advance() == [
        TimeSpan(WAITING, 0, 1_000_000),
        TimeSpan(TEXT, 1_000_000, 100_000_000),
    ]
