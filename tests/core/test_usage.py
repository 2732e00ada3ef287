"""Token counts: what is no count is not known."""

from __future__ import annotations

from typing import Any

import pytest

from tui.core.usage import TokenCounts, token_counts

FULL = {
    "input_tokens": 1,
    "cache_read_input_tokens": 2,
    "cache_creation_input_tokens": 3,
    "output_tokens": 4,
    "output_tokens_details": {"thinking_tokens": 5},
}


def test_all_counts_are_read() -> None:
    assert token_counts(FULL) == TokenCounts(1, 2, 3, 4, 5)
    assert token_counts(FULL).all_input == 6


@pytest.mark.parametrize("value", [None, "7", -1, 1.5, True, [], {}])
@pytest.mark.parametrize("name", FULL)
def test_what_is_no_count_is_not_known(name: str, value: object) -> None:
    place = list(FULL).index(name)
    expected: list[Any] = [1, 2, 3, 4, 5]
    expected[place] = None
    counts = token_counts(FULL | {name: value})
    assert list(counts) == expected
    assert counts.all_input == sum(count for count in expected[:3] if count is not None)


def test_nothing_known_is_not_zero() -> None:
    assert token_counts({}).all_input is None
    assert token_counts({"output_tokens_details": {"thinking_tokens": "many"}}).thinking is None
