"""The times that the fold takes from its records: content, gaps, stalls, the pulse."""

from __future__ import annotations

from tests import playbook as pb
from tui.core.records import JsonObject
from tui.core.reducer import fold
from tui.core.state import PULSE_NS, STALL_NS, RunState


def timed(*events: tuple[float, JsonObject]) -> RunState:
    """Fold events that came at the given seconds."""
    return fold([pb.record(seq, event, round(at * 1e9)) for seq, (at, event) in enumerate(events)])


def test_content_times() -> None:
    state = timed(
        (0.1, pb.message_start()),
        (0.2, pb.thinking_start(0)),
        (0.3, pb.thinking(0, "")),
        (0.5, pb.thinking(0, "hm")),
        (0.6, pb.ping()),
        (0.7, pb.signature(0, "s")),
        (0.8, pb.thinking(0, "m")),
        (1.0, pb.fragment(1, "")),
        (1.1, pb.text(0, "hi")),
        (1.5, pb.fragment(1, "{}")),
    )
    assert state.first_content_ns == 500_000_000
    assert state.second_content_ns == 800_000_000
    assert state.first_output_ns == 1_100_000_000
    assert state.last_content_ns == 1_500_000_000
    assert list(state.gaps_ns) == [300_000_000, 300_000_000, 400_000_000]
    assert state.stalls == []


def test_a_stall_is_a_longer_gap_than_two_seconds_and_pings_do_not_end_it() -> None:
    assert STALL_NS == 2_000_000_000
    state = timed(
        (1.0, pb.text(0, "a")), (3.0, pb.text(0, "b")), (4.0, pb.ping()), (5.5, pb.text(0, "c"))
    )
    assert state.stalls == [(3, 2_500_000_000)]


def test_the_pulse_counts_characters_in_buckets() -> None:
    assert PULSE_NS == 250_000_000
    state = timed(
        (0.0, pb.text(0, "a")),
        (0.2, pb.text(0, "bc")),
        (0.25, pb.text(0, "d")),
        (1.3, pb.text(0, "ef")),
        (1.2, pb.text(0, "back")),
    )
    assert list(state.pulse) == [0, 3, 1, 1, 5, 6]
