"""Latencies and rates of a run, one definition each.

t0 is when the request was sent. A content chunk is a delta with text, thinking or tool input in it.
Names and definitions follow AIPerf and vLLM; a metric that cannot be known is None, never 0.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil
from typing import Any, Final, NamedTuple

from tui.core.state import RunState

_NS_PER_S: Final = 1_000_000_000


class Percentiles(NamedTuple):
    """Nearest-rank percentiles, in ns."""

    p50: int | None
    p95: int | None
    p99: int | None
    max: int | None


class Metrics(NamedTuple):
    """All times in ns since t0 or as durations; `tokens_per_s` in tokens per second."""

    ttfb: int | None
    """To the first byte of the body."""
    ttft: int | None
    """To the first content chunk, thinking included."""
    ttfo: int | None
    """To the first text or tool chunk."""
    ttst: int | None
    """From the first to the second content chunk."""
    e2e: int | None
    """To the last byte."""
    decode: int | None
    """From the first content chunk to the last byte."""
    itl: float | None
    """Decode time per output token after the first."""
    icl: Percentiles
    """Gaps between consecutive content chunks."""
    tokens_per_s: float | None
    stalls: int | None


NO_PERCENTILES: Final = Percentiles(None, None, None, None)
UNKNOWN: Final = Metrics(None, None, None, None, None, None, None, NO_PERCENTILES, None, None)
"""The metrics of a run without times."""


def percentiles(gaps: Sequence[int] | array[int]) -> Percentiles:
    """Return p50, p95, p99 and the largest of `gaps`, by nearest rank."""
    if not gaps:
        return NO_PERCENTILES
    ordered = sorted(gaps)
    size = len(ordered)

    def rank(percent: int) -> int:
        return ordered[max(ceil(size * percent / 100), 1) - 1]

    return Percentiles(rank(50), rank(95), rank(99), ordered[-1])


class GapRanks:
    """Percentiles of gaps that keep coming, a bounded amount of work at a time.

    The gaps are kept in sorted pieces; a rank is found by bisecting the values over all of them.
    """

    _PIECE: Final = 16_384
    _TAIL: Final = 2_048

    def __init__(self) -> None:
        self._pieces: list[array[int]] = []
        self._taken = 0

    def follow(self, gaps: array[int]) -> Percentiles | None:
        """Return the percentiles of `gaps`, None where more calls are needed to catch up.

        `gaps` is the same list at every call, longer or not.
        """
        missing = len(gaps) - self._taken
        if missing > self._TAIL:
            piece = gaps[self._taken : self._taken + self._PIECE]
            self._pieces.append(array("q", sorted(piece)))
            self._taken += len(piece)
        if len(gaps) - self._taken > self._TAIL:
            return None
        tail = array("q", sorted(gaps[self._taken :]))
        pieces = [*self._pieces, tail] if tail else self._pieces
        size = len(gaps)
        if not size:
            return NO_PERCENTILES
        p50, p95, p99 = (_ranked(pieces, ceil(size * percent / 100)) for percent in (50, 95, 99))
        return Percentiles(p50, p95, p99, max(piece[-1] for piece in pieces))


def _ranked(pieces: list[array[int]], rank: int) -> int:
    """Return the value at a rank over all of the sorted pieces; the first rank is 1."""
    values = range(min(piece[0] for piece in pieces), max(piece[-1] for piece in pieces))

    def reached(value: int) -> int:
        return sum(bisect_right(piece, value) for piece in pieces)

    return values.start + bisect_left(values, rank, key=reached)


def measure(
    state: RunState,
    first_byte_ns: int | None,
    last_byte_ns: int | None,
    icl: Percentiles | None = None,
) -> Metrics:
    """Return the metrics of a run whose body began and ended at the given times.

    `icl` are the percentiles of its gaps, where somebody keeps them; else they are sorted here.
    """
    first = state.first_content_ns
    second = state.second_content_ns
    decode = itl = rate = None
    if first is not None and last_byte_ns is not None:
        decode = last_byte_ns - first
        tokens = state.counted_tokens
        if tokens is not None and tokens > 1:
            itl = decode / (tokens - 1)
        if tokens and decode > 0:
            rate = tokens * _NS_PER_S / decode
    return Metrics(
        ttfb=first_byte_ns,
        ttft=first,
        ttfo=state.first_output_ns,
        ttst=None if first is None or second is None else second - first,
        e2e=last_byte_ns,
        decode=decode,
        itl=itl,
        icl=percentiles(state.gaps_ns) if icl is None else icl,
        tokens_per_s=rate,
        stalls=len(state.stalls),
    )


def to_json(metrics: Metrics) -> dict[str, Any]:
    """Return the metrics as `inspect --json` reports them: times in ms, rounded to microseconds."""

    def ms(value: float | None) -> float | None:
        return None if value is None else round(value / 1_000_000, 3)

    rate = metrics.tokens_per_s
    return {
        "ttfb_ms": ms(metrics.ttfb),
        "ttft_ms": ms(metrics.ttft),
        "ttfo_ms": ms(metrics.ttfo),
        "ttst_ms": ms(metrics.ttst),
        "e2e_ms": ms(metrics.e2e),
        "decode_ms": ms(metrics.decode),
        "itl_ms": ms(metrics.itl),
        "icl_ms": {name: ms(value) for name, value in metrics.icl._asdict().items()},
        "tokens_per_s": None if rate is None else round(rate, 3),
        "stalls": metrics.stalls,
    }
