"""Sweeps: laws that hold for every size, every prefix or every cut, tried for some or for all."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")


def exhaustive() -> bool:
    """Whether all there is to try is tried: in `make fuzz`."""
    return settings.get_current_profile_name() == "fuzz"


def sampled(values: Sequence[T], key: str, most: int = 40, edges: int = 3) -> list[T]:
    """Return `most` of the values, in order: the first and last ones and some between.

    The same ones each time for a `key`; every one of them in `make fuzz`.
    """
    if exhaustive() or len(values) <= most:
        return list(values)
    last = len(values) - edges
    between = random.Random(key).sample(range(edges, last), most - 2 * edges)
    return [values[at] for at in (*range(edges), *sorted(between), *range(last, len(values)))]


def few(most: int) -> int:
    """Examples that a slow law is held to: `most`, and in `make fuzz` as many as any other."""
    return settings().max_examples if exhaustive() else most
