"""What is not to be cut: no gap, no loss, and as many cells as are drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.hostile import hostile_text
from tui.core.text import one_line
from tui.widgets.clusters import clusters

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


def found(text: str) -> list[tuple[str, int]]:
    return [(text[start:end], cells) for start, end, cells in clusters(text, one_line)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("ab", [("a", 1), ("b", 1)]),
        ("\u6f22a", [("\u6f22", 2), ("a", 1)]),
        ("e\u0301x", [("e\u0301", 1), ("x", 1)]),
        ("\u2764\ufe0f!", [("\u2764\ufe0f", 2), ("!", 1)]),
        (FAMILY, [(FAMILY, 2)]),
        ("a\tb", [("a", 1), ("\t", 1), ("b", 1)]),
        ("a\x1bb", [("a", 1), ("\x1b", 1), ("b", 1)]),
        ("\u2764\ufe0f\x85", [("\u2764\ufe0f", 2), ("\x85", 8)]),
        ("a\u202e\u0301", [("a", 1), ("\u202e", 8), ("\u0301", 0)]),
        ("\u0301a", [("\u0301", 0), ("a", 1)]),
    ],
)
def test_clusters(text: str, expected: list[tuple[str, int]]) -> None:
    assert found(text) == expected


@given(hostile_text(), st.integers(1, 30))
def test_nothing_is_lost_and_the_cells_are_those_that_are_drawn(text: str, width: int) -> None:
    parts = found(text)
    assert "".join(part for part, _ in parts) == text
    used, row = 0, ""
    for part, cells in parts:
        if used and used + cells > width:
            used, row = 0, ""
        used += cells
        row += one_line(part)
        # Nothing is wider than was counted, so a row that was filled by counting fits.
        assert cell_len(row) <= used or used <= cells
