"""The past of a run is the fold of its first events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.fuzz import _thresholds
from tests.fuzz.sessions import fed
from tests.streams import broken_events, timed_reads
from tui.core.reducer import apply
from tui.core.session import Run, Session
from tui.core.state import RunState


@st.composite
def broken_reads(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """A stream of events out of order, each a read, with or without times."""
    events = [event for _ in range(3) for event in draw(broken_events())]
    step_ns = draw(st.sampled_from([0, 1, 1_500_000_000]))
    line_end = draw(st.sampled_from([b"\n", b"\r\n"]))
    return [(seq * step_ns, pb.sse(event, line_end=line_end)) for seq, event in enumerate(events)]


def check_past(run: Run, counts: list[int]) -> None:
    """Look at the past at some numbers of events, in any order."""
    records = list(run.timeline.records())
    for count in counts:
        folded = RunState()
        for record in records[:count]:
            apply(folded, record)
        past = run.timeline.at(count)
        assert past == folded
        assert [block.input for block in past.blocks] == [block.input for block in folded.blocks]
        assert past.message_json() == folded.message_json()
        assert past.tool_reports() == folded.tool_reports()


@given(timed_reads() | broken_reads(), _thresholds.drawn(), st.data())
def the_past_is_the_fold(
    reads: list[tuple[int, bytes]], thresholds: dict[str, int], data: st.DataObject
) -> None:
    """From any checkpoint, forward and back."""
    with _thresholds.set_to(thresholds):
        session = fed(reads, "eof")
        for run in session.runs[:3]:
            length = len(run.timeline)
            check_past(run, data.draw(st.lists(st.integers(0, length), min_size=1, max_size=5)))


@given(timed_reads() | broken_reads(), _thresholds.drawn(), st.data())
def the_past_does_not_change_as_the_log_grows(
    reads: list[tuple[int, bytes]], thresholds: dict[str, int], data: st.DataObject
) -> None:
    """What was asked while the stream ran is what the end says of that point."""
    with _thresholds.set_to(thresholds):
        session = Session()
        stops = data.draw(st.sets(st.integers(0, max(len(reads) - 1, 0)), max_size=4))
        for number, (t_ns, read) in enumerate(reads):
            session.feed(t_ns, read)
            if number in stops:
                run = session.run
                check_past(run, [data.draw(st.integers(0, len(run.timeline)))])


LAWS = [the_past_is_the_fold, the_past_does_not_change_as_the_log_grows]
