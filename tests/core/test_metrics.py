"""Latencies and rates, one definition each."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.metrics import (
    NO_PERCENTILES,
    UNKNOWN,
    GapRanks,
    Metrics,
    Percentiles,
    measure,
    percentiles,
    to_json,
)
from tui.core.records import JsonObject
from tui.core.session import Session
from tui.core.state import RunState

MS = 1_000_000


def timed(*reads: tuple[int, JsonObject], timed: bool = True) -> Metrics:
    """Metrics of events that came at the given milliseconds."""
    session = Session(timed=timed)
    for at, event in reads:
        session.feed(at * MS, pb.sse(event))
    session.finish(99_999 * MS)
    return session.run.metrics()


def test_each_metric_by_its_definition() -> None:
    metrics = timed(
        (100, pb.message_start()),
        (150, pb.ping()),
        (200, pb.thinking_start(0)),
        (250, pb.thinking(0, "")),
        (300, pb.thinking(0, "hm")),
        (400, pb.thinking(0, "so")),
        (450, pb.fragment(1, "")),
        (700, pb.text(2, "hi")),
        (1_000, pb.fragment(1, "{}")),
        (1_100, pb.ping()),
        (1_200, pb.message_delta("end_turn", {"output_tokens": 10})),
        (1_300, {"type": "message_stop"}),
    )
    assert metrics == Metrics(
        ttfb=100 * MS,
        ttft=300 * MS,
        ttfo=700 * MS,
        ttst=100 * MS,
        e2e=1_300 * MS,
        decode=1_000 * MS,
        itl=1_000 * MS / 9,
        icl=percentiles([100 * MS, 300 * MS, 300 * MS]),
        tokens_per_s=10.0,
        stalls=0,
    )


def test_the_output_tokens_are_those_of_the_last_message_delta() -> None:
    metrics = timed(
        (0, pb.message_start()),
        (0, pb.text(0, "a")),
        (500, pb.message_delta(None, {"output_tokens": 2})),
        (1_000, pb.message_delta("end_turn", {"output_tokens": 4})),
    )
    assert metrics.tokens_per_s == 4


def test_nothing_is_known_of_a_run_without_times() -> None:
    assert timed((0, pb.message_start()), (5, pb.text(0, "a")), timed=False) == UNKNOWN
    assert {*UNKNOWN[:7], *UNKNOWN.icl, *UNKNOWN[8:]} == {None}


def test_nothing_is_known_before_the_first_byte() -> None:
    metrics = measure(RunState(), None, None)
    assert metrics == UNKNOWN._replace(stalls=0)


def test_without_content_only_the_bytes_have_times() -> None:
    metrics = timed((10, pb.message_start()), (20, pb.text_start(0)), (30, pb.ping()))
    assert metrics == UNKNOWN._replace(ttfb=10 * MS, e2e=30 * MS, stalls=0)


def test_a_single_content_chunk_has_no_gaps() -> None:
    metrics = timed((10, pb.message_start()), (20, pb.text(0, "a")), (50, pb.ping()))
    assert (metrics.ttft, metrics.ttst, metrics.decode) == (20 * MS, None, 30 * MS)
    assert metrics.icl == NO_PERCENTILES


def test_events_out_of_one_read_share_its_time() -> None:
    session = Session()
    session.feed(
        5 * MS, pb.sse(pb.message_start()) + pb.sse(pb.text(0, "a")) + pb.sse(pb.text(0, "b"))
    )
    metrics = session.run.metrics()
    assert (metrics.ttst, metrics.icl.max, metrics.decode) == (0, 0, 0)
    assert metrics.tokens_per_s is None


@pytest.mark.parametrize(
    ("tokens", "itl", "rate"),
    [
        (None, None, None),
        (0, None, None),
        (1, None, 1.0),
        (2, 1_000 * MS, 2.0),
        ("many", None, None),
        (-5, None, None),
        (True, None, None),
        (10**400, None, None),
        (2**63 - 1, 1_000 * MS / (2**63 - 2), float(2**63 - 1)),
    ],
)
def test_tokens(tokens: object, itl: float | None, rate: float | None) -> None:
    metrics = timed(
        (0, pb.message_start(usage={})),
        (1_000, pb.text(0, "a")),
        (2_000, pb.message_delta("end_turn", {"output_tokens": tokens})),
    )
    assert (metrics.itl, metrics.tokens_per_s) == (itl, rate)


def test_a_stall_is_counted_and_pings_do_not_end_it() -> None:
    metrics = timed(
        (0, pb.text(0, "a")), (1_500, pb.ping()), (2_500, pb.text(0, "b")), (4_500, pb.text(0, "c"))
    )
    assert metrics.stalls == 1
    assert metrics.icl.max == 2_500 * MS


def test_the_end_of_the_response_is_no_byte() -> None:
    assert timed((0, pb.message_start()), (7, pb.ping())).e2e == 7 * MS


def test_percentiles_by_nearest_rank() -> None:
    assert percentiles([]) == NO_PERCENTILES
    assert percentiles([5]) == (5, 5, 5, 5)
    assert percentiles([20, 10]) == (10, 20, 20, 20)
    assert percentiles(array("q", range(100, 0, -1))) == (50, 95, 99, 100)
    assert percentiles(range(1, 201)) == (100, 190, 198, 200)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=300))
def test_a_percentile_is_one_of_the_gaps_with_enough_below_it(gaps: list[int]) -> None:
    found = [value for value in percentiles(gaps) if value is not None]
    assert found == sorted(found)
    for value, percent in zip(found, (50, 95, 99, 100), strict=True):
        assert value in gaps
        assert sum(gap <= value for gap in gaps) * 100 >= percent * len(gaps)
        assert sum(gap < value for gap in gaps) * 100 < percent * len(gaps)


def caught_up(ranks: GapRanks, gaps: array[int]) -> Percentiles:
    """Follow until everything is taken in."""
    for _ in range(len(gaps) + 1):
        found = ranks.follow(gaps)
        if found is not None:
            return found
    raise AssertionError("never caught up")


@given(st.lists(st.tuples(st.integers(0, 2_100), st.integers(-9, 10**12)), max_size=8))
def test_followed_gaps_have_the_same_percentiles(growth: list[tuple[int, int]]) -> None:
    ranks, gaps = GapRanks(), array("q")
    for times, step in growth:
        gaps.extend(step * number % 1_009 for number in range(times))
        assert caught_up(ranks, gaps) == percentiles(gaps)


def test_many_gaps_are_taken_in_over_several_calls() -> None:
    ranks, gaps = GapRanks(), array("q", range(100_000, 0, -1))
    assert ranks.follow(gaps) is None
    assert caught_up(ranks, gaps) == percentiles(gaps) == (50_000, 95_000, 99_000, 100_000)


def test_as_json_in_milliseconds() -> None:
    metrics = timed(
        (100, pb.message_start()),
        (300, pb.text(0, "a")),
        (400, pb.text(0, "b")),
        *((1_000, event) for event in pb.ending()),
    )
    assert to_json(metrics) == {
        "ttfb_ms": 100.0,
        "ttft_ms": 300.0,
        "ttfo_ms": 300.0,
        "ttst_ms": 100.0,
        "e2e_ms": 1000.0,
        "decode_ms": 700.0,
        "itl_ms": 50.0,
        "icl_ms": {"p50": 100.0, "p95": 100.0, "p99": 100.0, "max": 100.0},
        "tokens_per_s": 21.429,
        "stalls": 0,
    }


def test_as_json_what_is_unknown_is_null() -> None:
    values = to_json(UNKNOWN)
    assert values.pop("icl_ms") == dict.fromkeys(("p50", "p95", "p99", "max"))
    assert set(values.values()) == {None}
