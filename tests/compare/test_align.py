"""Alignment of sequences: what is found is there, in order, and the effort is bounded."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.compare import align
from tui.compare.align import EFFORT, Effort, Match, matches
from tui.core.steps import finish

SYMBOLS = st.lists(st.sampled_from("abcd"), max_size=30)


def found(
    left: Sequence[Hashable], right: Sequence[Hashable], effort: int = EFFORT
) -> list[tuple[int, int, int]]:
    result = finish(matches(list(left), list(right), Effort(effort)))
    return [(match.left, match.right, match.size) for match in result]


def check(left: Sequence[Hashable], right: Sequence[Hashable], effort: int = EFFORT) -> None:
    """Every match is one, they ascend on both sides, and neighbours are merged."""
    end = other_end = -1
    for place, other, size in found(left, right, effort):
        assert size > 0
        assert place >= max(end, 0)
        assert other >= max(other_end, 0)
        assert (place, other) != (end, other_end)
        assert list(left[place : place + size]) == list(right[other : other + size])
        end, other_end = place + size, other + size


@given(SYMBOLS, SYMBOLS)
def test_matches_are_true_and_in_order(left: list[str], right: list[str]) -> None:
    check(left, right)


@given(SYMBOLS, SYMBOLS)
def test_so_they_are_by_anchors(left: list[str], right: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(align, "_SMALL", 3)
        patch.setattr(align, "_TURN", 2)
        check(left, right)
        check(range(len(left)), [*range(0, len(left), 2), *right])


@given(SYMBOLS, SYMBOLS, st.integers(0, 200))
def test_little_effort_finds_less_but_nothing_wrong(
    left: list[str], right: list[str], effort: int
) -> None:
    check(left, right, effort)
    assert found(left, left, effort) == ([(0, 0, len(left))] if left else [])


def test_the_same_is_one_match() -> None:
    assert found("abc", "abc") == [(0, 0, 3)]
    assert found("", "") == []
    assert found("abc", "") == []
    assert found("abc", "xyz") == []


def test_an_insertion_leaves_the_rest_aligned() -> None:
    assert found("abcd", "abXcd") == [(0, 0, 2), (2, 3, 2)]
    assert found("abc", "Xabc") == [(0, 1, 3)]


def test_the_longest_match_comes_first() -> None:
    assert found("xabcyab", "zabzabc") == [(1, 4, 3)]


def test_a_long_sequence_is_aligned_by_its_unique_elements() -> None:
    left = [f"line {number}" for number in range(1_000)]
    right = [*left[:100], "new", *left[200:600], "newer", *left[601:]]
    assert found(left, right) == [(0, 0, 100), (200, 101, 400), (601, 502, 399)]


def test_the_longest_rise_is_taken_of_anchors_that_cross() -> None:
    left = [*range(1_000), "x"]
    right = ["y", *range(500, 1_000), *range(500)]
    assert found(left, right) in ([(0, 501, 500)], [(500, 1, 500)])


def test_long_sequences_with_nothing_unique_in_common_differ() -> None:
    assert found("xx" + "ab" * 300, "ba" * 300 + "yy") == []


def test_effort_that_is_used_up_leaves_the_rest_unmatched() -> None:
    effort = Effort(10)
    assert effort.spend(10)
    assert not effort.spend(1)
    assert finish(matches("xay", "zaw", effort)) == []
    assert finish(matches(list(range(999)), [-1, *range(5, 900)], effort)) == []
    assert finish(matches("xay", "zaw", Effort())) == [Match(1, 1, 1)]
