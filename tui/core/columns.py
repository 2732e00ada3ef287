"""Columns of numbers, as narrow as can be: most are small, and there are millions of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence


def extended(column: array[int], values: Sequence[int], wide: str) -> array[int]:
    """Return the column with the values added: the same one, or one of type `wide` for large ones.

    Raises OverflowError where they are too large for that too.
    """
    try:
        column.extend(array(column.typecode, values))
    except OverflowError:
        if column.typecode == wide:
            raise
        column = array(wide, column)
        column.extend(array(wide, values))
    return column
