"""The conditions that a filter is made of, answered for many events at a time.

A condition gives a byte for each event of a range, 1 where it holds. Combining these is arithmetic
on the whole range at once. Types, indexes, times and sizes come from the columns of the timeline;
only conditions on content look at bytes, and nothing is parsed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Set
from operator import attrgetter, sub
from typing import Final, Literal, Protocol

from tui.core.session import Run
from tui.core.timeline import Timeline
from tui.find.needle import Needle

Column = Literal["gap", "time", "size", "seq", "index"]
Comparator = Literal["<", "<=", "=", ">=", ">"]

_FLIP: Final = bytes([1, 0]).ljust(256, b"\0")
# From the other side: `x < 5` is asked as `5 > x`, a method of the one number.
_METHODS: Final[dict[Comparator, str]] = {
    "<": "__gt__",
    "<=": "__ge__",
    "=": "__eq__",
    ">=": "__le__",
    ">": "__lt__",
}
_BY_SEQ: Final = attrgetter("seq")


class View:
    """What conditions look at: a run, and the user's own marks in it."""

    def __init__(self, run: Run, marks: Set[int]) -> None:
        self.run = run
        self.marks = marks
        self.tables: dict[Term, bytes] = {}


class Term(Protocol):
    """One condition."""

    @property
    def cost(self) -> int:
        """0 for a look-up in a table, 1 for arithmetic, more for a look at the bytes."""

    def mask(self, view: View, first: int, last: int) -> bytes:
        """Return 1 or 0 for each event from `first` up to `last`."""


class Named:
    """The event's type, or the type of its delta, is one of `names`."""

    cost = 0

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)

    def mask(self, view: View, first: int, last: int) -> bytes:
        timeline = view.run.timeline
        table = view.tables.get(self, b"")
        if len(table) < len(timeline.labels):
            labels = timeline.labels[len(table) :]
            table += bytes(
                label.type in self.names or label.delta in self.names for label in labels
            )
            view.tables[self] = table
        return timeline.look_up(table, first, last)


class Compared:
    """A number of the event compared with `value`: times and gaps in ns, sizes in bytes."""

    cost = 1

    def __init__(self, column: Column, comparison: Comparator, value: int) -> None:
        self.column = column
        self.comparison = comparison
        self.value = value

    def mask(self, view: View, first: int, last: int) -> bytes:
        values = _values(view.run.timeline, self.column, first, last)
        return bytes(map(getattr(self.value, _METHODS[self.comparison]), values))


class Anomalous:
    """The event is one with an anomaly."""

    cost = 0

    def mask(self, view: View, first: int, last: int) -> bytes:
        mask = bytearray(last - first)
        anomalies = view.run.state.anomalies
        for place in range(bisect_left(anomalies, first, key=_BY_SEQ), len(anomalies)):
            seq = anomalies[place].seq
            if seq >= last:
                break
            mask[seq - first] = 1
        return bytes(mask)


class Marked:
    """The event has a mark of the user's own."""

    cost = 0

    def mask(self, view: View, first: int, last: int) -> bytes:
        mask = bytearray(last - first)
        for seq in view.marks:
            if first <= seq < last:
                mask[seq - first] = 1
        return bytes(mask)


class Contains:
    """The bytes of the event have `needle` in them."""

    cost = 2

    def __init__(self, needle: Needle) -> None:
        self.needle = needle

    def mask(self, view: View, first: int, last: int) -> bytes:
        mask = bytearray(last - first)
        for seq in self.needle.events(view.run.timeline, first, last):
            mask[seq - first] = 1
        return bytes(mask)


class AllOf:
    """Every one of `terms` holds; without any, this always does."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = sorted(terms, key=attrgetter("cost"))
        self.cost = max((term.cost for term in self.terms), default=0)

    def mask(self, view: View, first: int, last: int) -> bytes:
        low, high = first, last
        mask = b"\1" * (last - first)
        for term in self.terms:
            mask = _both(mask, term.mask(view, low, high))
            # The dearer conditions come later and look only where one can still hold.
            start = mask.find(1)
            if start < 0:
                return bytes(last - first)
            mask = mask[start : mask.rfind(1) + 1]
            low += start
            high = low + len(mask)
        return bytes(low - first) + mask + bytes(last - high)


class AnyOf:
    """At least one of `terms` holds."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = list(terms)
        self.cost = max(term.cost for term in self.terms)

    def mask(self, view: View, first: int, last: int) -> bytes:
        mask = bytes(last - first)
        for term in self.terms:
            mask = _either(mask, term.mask(view, first, last))
        return mask


class Not:
    """`term` does not hold."""

    def __init__(self, term: Term) -> None:
        self.term = term
        self.cost = term.cost

    def mask(self, view: View, first: int, last: int) -> bytes:
        return self.term.mask(view, first, last).translate(_FLIP)


def _values(timeline: Timeline, column: Column, first: int, last: int) -> Iterable[int]:
    if column == "seq":
        return range(first, last)
    if column == "index":
        return timeline.indexes[first:last]
    if column == "size":
        return timeline.lengths[first:last]
    times = timeline.times
    if column == "time":
        return times[first:last]
    # The first event has no gap before it: its row shows 0.
    before = times[first - 1 : last - 1] if first else times[:1] + times[: last - 1]
    return map(sub, times[first:last], before)


def _both(left: bytes, right: bytes) -> bytes:
    joined = int.from_bytes(left, "little") & int.from_bytes(right, "little")
    return joined.to_bytes(len(left), "little")


def _either(left: bytes, right: bytes) -> bytes:
    joined = int.from_bytes(left, "little") | int.from_bytes(right, "little")
    return joined.to_bytes(len(left), "little")
