"""How findings write numbers, lists and what came from the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.core.text import clip, one_line

_NS_PER_S: Final = 1_000_000_000
_LONGEST: Final = 80


def in_seconds(ns: int) -> float:
    """Return a duration in seconds for the values of a finding, rounded to milliseconds."""
    return round(ns / _NS_PER_S, 3)


def seconds(ns: int) -> str:
    """Write a duration: `0.61 s`, `9.4 s`, `2 min 5 s`, `1 h 20 min`."""
    value = ns / _NS_PER_S
    if value < 0.995:
        return f"{value:.2f} s"
    if value < 99.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def percent(share: float) -> str:
    """Write a share of 0 to 1."""
    return f"{share:.0%}".replace("%", " %")


def many(count: int, noun: str) -> str:
    """Write a count with its noun: `1 token`, `1,234 tokens`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(items: Sequence[str], most: int = 4) -> str:
    """Write a list: `a, b and c`. Of more than `most`, the rest is counted."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"{len(items) - most} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def wire(value: object, length: int = _LONGEST) -> str:
    """Write what came from outside so that it can stand in a sentence: short, and on one line.

    It is cut between words where it can be: a part of a secret would not be known as one.
    """
    text = str(value)
    if len(text) > length and (words := text[:length].rpartition(" ")[0]):
        return one_line(words) + " \u2026"
    return one_line(clip(text, length))
