"""Columns that widen when a large number comes."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.core.columns import extended


@given(st.lists(st.lists(st.one_of(st.integers(0, 9), st.integers(-(2**63), 2**63 - 1)))))
def test_a_column_holds_what_was_added_to_it(parts: list[list[int]]) -> None:
    column = array("I")
    for part in parts:
        column = extended(column, part, "q")
    values = [value for part in parts for value in part]
    assert list(column) == values
    assert (column.typecode == "I") == all(0 <= value < 2**32 for value in values)


def test_a_number_too_large_for_the_wide_one_is_not_taken_in_part() -> None:
    column = array("q", [1])
    with pytest.raises(OverflowError):
        extended(column, [2, 2**63], "q")
    assert list(column) == [1]
