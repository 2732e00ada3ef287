"""Which elements of one sequence stand in another, in order.

Unique elements that both sides have are the anchors of a long sequence (patience diff); between
them, and in short ones, every pair is looked at (difflib). The effort is bounded: what is not
reached counts as different, so a result is always right and only sometimes not the shortest.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from operator import itemgetter
from typing import Final, NamedTuple

from tui.core.steps import Steps

_SMALL: Final = 40_000
"""Up to so many pairs all of them are looked at. One look takes a few milliseconds at most."""
_TURN: Final = 2_048
"""Elements between two yields."""
EFFORT: Final = 30_000_000
"""Pairs and elements that one document is worth: about two seconds, where nothing fits."""

Area = tuple[int, int, int, int]


class Match(NamedTuple):
    """`size` elements from `left` on are those from `right` on."""

    left: int
    right: int
    size: int


class Effort:
    """What may still be spent, shared by all the parts of a document."""

    __slots__ = ("left",)

    def __init__(self, left: int = EFFORT) -> None:
        self.left = left

    def spend(self, amount: int) -> bool:
        """Whether there is enough for `amount`, which is then used up."""
        if amount > self.left:
            return False
        self.left -= amount
        return True


def matches(
    left: Sequence[Hashable], right: Sequence[Hashable], effort: Effort
) -> Steps[list[Match]]:
    """Return the matches in ascending order; neighbours are merged."""
    found: list[Match] = []
    todo: list[Area] = [(0, len(left), 0, len(right))]
    while todo:
        area = yield from _trim(left, right, todo.pop(), found)
        a, a_end, b, b_end = area
        if a == a_end or b == b_end:
            continue
        if (a_end - a) * (b_end - b) <= _SMALL:
            yield from _closely(left, right, area, effort, found)
        elif effort.spend(a_end - a + b_end - b):
            anchors = yield from _anchors(left, right, area)
            for number, (place, other) in enumerate(anchors):
                found.append(Match(place, other, 1))
                todo.append((a, place, b, other))
                a, b = place + 1, other + 1
                if not number % _TURN:
                    yield
            if anchors:
                todo.append((a, a_end, b, b_end))
        yield
    return (yield from _merged(found))


def _trim(
    left: Sequence[Hashable], right: Sequence[Hashable], area: Area, found: list[Match]
) -> Steps[Area]:
    """Take off what is the same at both ends of an area."""
    a, a_end, b, b_end = area
    start = a
    while a < a_end and b < b_end and left[a] == right[b]:
        a += 1
        b += 1
        if not a % _TURN:
            yield
    if a > start:
        found.append(Match(start, b - (a - start), a - start))
    end = a_end
    while a < a_end and b < b_end and left[a_end - 1] == right[b_end - 1]:
        a_end -= 1
        b_end -= 1
        if not a_end % _TURN:
            yield
    if end > a_end:
        found.append(Match(a_end, b_end, end - a_end))
    return a, a_end, b, b_end


def _closely(
    left: Sequence[Hashable],
    right: Sequence[Hashable],
    area: Area,
    effort: Effort,
    found: list[Match],
) -> Steps[None]:
    """Find the longest match of an area, then those before and after it, and so on."""
    a, a_end, b, b_end = area
    matcher = SequenceMatcher(None, left[a:a_end], right[b:b_end], autojunk=False)
    todo: list[Area] = [(0, a_end - a, 0, b_end - b)]
    while todo:
        low, high, other_low, other_high = todo.pop()
        if not effort.spend((high - low) * (other_high - other_low)):
            continue
        place, other, size = matcher.find_longest_match(low, high, other_low, other_high)
        if not size:
            continue
        found.append(Match(a + place, b + other, size))
        if place > low and other > other_low:
            todo.append((low, place, other_low, other))
        if place + size < high and other + size < other_high:
            todo.append((place + size, high, other + size, other_high))
        yield


def _anchors(
    left: Sequence[Hashable], right: Sequence[Hashable], area: Area
) -> Steps[list[tuple[int, int]]]:
    """Return places of elements that are unique on both sides, ascending on both sides."""
    a, a_end, b, b_end = area
    places = yield from _unique(left, a, a_end)
    others = yield from _unique(right, b, b_end)
    pairs: list[tuple[int, int]] = []
    for element, place in places.items():
        other = others.get(element, -1)
        if place >= 0 and other >= 0:
            pairs.append((place, other))
        if len(pairs) % _TURN == 1:
            yield
    return (yield from _longest_rise(pairs))


def _unique(elements: Sequence[Hashable], start: int, end: int) -> Steps[dict[Hashable, int]]:
    """Return the place of each element, -1 where it stands more than once."""
    places: dict[Hashable, int] = {}
    for place in range(start, end):
        element = elements[place]
        places[element] = -1 if element in places else place
        if not place % _TURN:
            yield
    return places


def _longest_rise(pairs: list[tuple[int, int]]) -> Steps[list[tuple[int, int]]]:
    """Return the longest part of `pairs`, ascending in the first, that also ascends in the second.

    `ends[n]` is the lowest second place at which a rise of n + 1 pairs can end.
    """
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, other) in enumerate(pairs):
        length = bisect_left(ends, other)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(other)
            last.append(number)
        else:
            ends[length] = other
            last[length] = number
        if not number % _TURN:
            yield
    rise = []
    number = last[-1] if last else -1
    while number >= 0:
        rise.append(pairs[number])
        number = before[number]
    rise.reverse()
    return rise


def _merged(found: list[Match]) -> Steps[list[Match]]:
    # No two begin at the same place, and comparing numbers is quicker than comparing matches.
    found.sort(key=itemgetter(0))
    merged: list[Match] = []
    for number, match in enumerate(found):
        last = merged[-1] if merged else Match(0, 0, 0)
        if last[:2] == (match.left - last.size, match.right - last.size):
            match = Match(last.left, last.right, last.size + match.size)
            if merged:
                merged.pop()
        merged.append(match)
        if not number % _TURN:
            yield
    return merged
