"""What the runs of the list add up to, kept as rows come, change and go."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any, Final, NamedTuple

from tui.core.metrics import Percentiles, percentiles
from tui.findings.finding import LEVELS
from tui.viewmodel.counters import OutputTokens
from tui.viewmodel.run_rows import GOING, RunKind, RunRow
from tui.viewmodel.verdict import glyph_of


class Totals(NamedTuple):
    """What the runs add up to, without the attempts that were replaced. Times in ns."""

    runs: int
    counts: dict[RunKind, int]
    """How many there are of each kind; those without any are left out."""
    done: int
    """How many are over."""
    ttft: Percentiles
    """Over all runs that sent content."""
    e2e: Percentiles
    """Over the complete ones: a request that was turned down at once is not fast."""
    itl: Percentiles
    """Over those that are over and counted their tokens."""
    tokens_per_s: float | None
    """The median over the same runs, by nearest rank."""
    input_tokens: int | None
    output: OutputTokens
    """An estimate, where that of any of them is one."""
    cache_read: int | None
    cache_write: int | None
    anomalies: int
    stalls: int | None
    retries: int
    """Attempts after the first."""


_Ranked = tuple[int | None, int | None, int | None, float | None]
"""What percentiles are made of: TTFT, time, time per token, rate."""


Code = tuple[int, str, str]
"""A finding: the rank of its level, its code, its glyph."""


class Share(NamedTuple):
    """What a row adds to the totals."""

    kind: RunKind
    ranked: _Ranked
    summed: tuple[int | None, ...]
    codes: tuple[Code, ...]


_SUMS: Final = 8


def share_of(row: RunRow) -> Share | None:
    """Return what a row adds, None for an attempt that was replaced."""
    if row.replaced:
        return None
    over = row.kind not in GOING
    return Share(
        row.kind,
        (
            row.ttft_ns,
            row.duration_ns if row.kind == "complete" else None,
            round(row.itl_ns) if over and row.itl_ns is not None else None,
            row.tokens_per_s if over and not row.estimated else None,
        ),
        (
            row.input_tokens,
            row.output.tokens,
            row.cache_read,
            row.cache_write,
            row.anomalies,
            row.stalls,
            row.attempt - 1,
            int(not row.output.counted),
        ),
        _codes(row) if row.findings else (),
    )


def _codes(row: RunRow) -> tuple[Code, ...]:
    """Return the findings of a row above `info`."""
    found = {one.code: one for one in row.findings if one.level != "info"}
    return tuple((LEVELS.index(one.level), code, glyph_of(one)) for code, one in found.items())


class Tally:
    """Adds rows up, and takes them off again."""

    def __init__(self) -> None:
        self._counts: dict[RunKind, int] = {}
        self._ranked: tuple[list[Any], ...] = ([], [], [], [])
        """The values of each rank, in order."""
        self._sums = [0] * _SUMS
        self._known = [0] * _SUMS
        """How many rows know each of the numbers that are summed."""
        self._codes: dict[Code, int] = {}

    def add(self, share: Share) -> None:
        """Take a row for one more."""
        self._counts[share.kind] = self._counts.get(share.kind, 0) + 1
        for values, value in zip(self._ranked, share.ranked, strict=True):
            if value is not None:
                insort(values, value)
        self._sum(share, 1)

    def remove(self, share: Share) -> None:
        """Take one off that was added."""
        self._counts[share.kind] -= 1
        for values, value in zip(self._ranked, share.ranked, strict=True):
            if value is not None:
                del values[bisect_left(values, value)]
        self._sum(share, -1)

    def _sum(self, share: Share, sign: int) -> None:
        for code in share.codes:
            self._codes[code] = self._codes.get(code, 0) + sign
        for place, value in enumerate(share.summed):
            if value is not None:
                self._sums[place] += sign * value
                self._known[place] += sign

    def codes(self) -> dict[Code, int]:
        """Return how many rows have each finding above `info`."""
        return {code: count for code, count in self._codes.items() if count}

    def totals(self, waiting: int = 0) -> Totals:
        """Return the totals, a number that no run knows as None.

        `waiting` more runs are known of, and nothing has come for them.
        """
        counts = {kind: count for kind, count in self._counts.items() if count}
        if waiting:
            counts["waiting"] = counts.get("waiting", 0) + waiting
        ttft, e2e, itl, rates = self._ranked
        sums = [
            total if known else None for total, known in zip(self._sums, self._known, strict=True)
        ]
        return Totals(
            runs=sum(counts.values()),
            counts=counts,
            done=sum(count for kind, count in counts.items() if kind not in GOING),
            ttft=percentiles(ttft),
            e2e=percentiles(e2e),
            itl=percentiles(itl),
            tokens_per_s=rates[(len(rates) - 1) // 2] if rates else None,
            input_tokens=sums[0],
            output=OutputTokens(sums[1], counted=not sums[7]),
            cache_read=sums[2],
            cache_write=sums[3],
            anomalies=sums[4] or 0,
            stalls=sums[5],
            retries=sums[6] or 0,
        )
