"""Timing in turn, and the rows of the table."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Final, NamedTuple

_TIMES: Final = frozenset({" ms", " s", "k/s", " MB/s"})
_SLACK: Final = 1.2
"""A busy machine costs both sides about the same, but not exactly."""


class Limit(NamedTuple):
    """What a figure is held to, and what we claim."""

    budget: float
    unit: str = "x"
    at_least: bool = True

    @property
    def decides(self) -> bool:
        """Whether missing it is a failure: a time in itself says more about the machine."""
        return self.unit not in _TIMES

    def allows(self, value: float, slack: float = 1.0) -> bool:
        """Whether `value` is on the right side of the budget, or misses it by `slack` at most."""
        if self.at_least:
            return value * slack >= self.budget
        return value <= self.budget * slack

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.budget:g}{self.unit}"


def at_most(budget: float, unit: str = "x") -> Limit:
    """A limit from above."""
    return Limit(budget, unit, at_least=False)


class Row(NamedTuple):
    """One line of the table. `value` is what the limit is about; without one nothing is judged."""

    work: str
    ours: str
    yardstick: str = ""
    ratio: str = ""
    value: float = 0.0
    limit: Limit | None = None

    @property
    def verdict(self) -> str:
        """`ok`; `miss` for a missed budget, `MISS` where that is a failure; empty: not judged."""
        if self.limit is None:
            return ""
        if self.limit.allows(self.value):
            return "ok"
        return "MISS" if self.failed else "miss"

    @property
    def failed(self) -> bool:
        """Whether a budget that decides is missed by more than a fifth."""
        limit = self.limit
        return limit is not None and limit.decides and not limit.allows(self.value, _SLACK)


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time that `work` takes in this process.

    Not the time on the clock: that one would also count what else the machine is busy with. What
    was made before, by imports above all, is kept from the garbage collector.
    """
    gc.collect()
    gc.freeze()
    start = time.process_time()
    work()
    taken = time.process_time() - start
    gc.unfreeze()
    return taken


def in_turn(rounds: int, *works: Callable[[], float]) -> list[float]:
    """Call each of `works` once a round, in turn; return the median figure of each."""
    figures: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for taken, work in zip(figures, works, strict=True):
            taken.append(work())
    return [median(taken) for taken in figures]


def duration(value: float) -> str:
    """Format seconds."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"


def times(value: float) -> str:
    """Format a ratio."""
    return f"{value:.3g}x"


def faster(work: str, ours: float, name: str, yardstick: float, limit: Limit | None) -> Row:
    """Return the row for two durations in seconds; the ratio says how often ours goes into it."""
    ratio = yardstick / ours
    return Row(work, duration(ours), f"{name} {duration(yardstick)}", times(ratio), ratio, limit)


def slower(work: str, ours: float, name: str, yardstick: float, limit: Limit | None) -> Row:
    """Return the row for two durations in seconds; the ratio says how much longer ours takes."""
    ratio = ours / yardstick
    return Row(work, duration(ours), f"{name} {duration(yardstick)}", times(ratio), ratio, limit)
