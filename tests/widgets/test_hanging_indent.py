"""Long lines of code and JSON."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.widgets.hanging_indent import hang_of, hung
from tui.widgets.paint import StyledText

TEXTS = st.text(st.sampled_from("ab ,。日e\u0301👩🇫"), max_size=60)


def rows_of(text: str, width: int) -> list[str]:
    hang = hang_of(text, width)
    return ["".join(part for part, _ in row) for row in hung([(text, None)], width, width - hang)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [""]),
        ("    x = 1", ["    x = 1"]),
        ("    return first + other", ["    return first ", "+ other"]),
        ("    return first other.", ["    return first ", "other."]),
        ("abcdefghijklmnopqrstuvwxyz", ["abcdefghijklmnopq", "rstuvwxyz"]),
        ("k = abcdefghijklmnopqrstuv", ["k = abcdefghijklm", "nopqrstuv"]),
        ("日本語 日本語の日本語", ["日本語 ", "日本語の日本語"]),
        ("# 日本語の日本語日本語", ["# 日本語の日本語", "日本語"]),
    ],
)
def test_words_stay_whole_where_a_row_is_filled_all_the_same(text: str, rows: list[str]) -> None:
    assert rows_of(text, 17) == rows


def test_what_goes_on_stands_deeper_than_the_line_but_has_room() -> None:
    assert hang_of("  a", 40) == 4
    assert hang_of(" " * 60 + "a", 40) == 20


@given(st.lists(TEXTS, max_size=4), st.integers(4, 24), st.integers(0, 12))
def test_nothing_is_lost_and_nothing_too_wide(parts: list[str], first: int, less: int) -> None:
    runs: list[StyledText] = [(part, None) for part in parts]
    others = max(first - less, 2)
    rows = hung(runs, first, others)
    for number, row in enumerate(rows):
        text = "".join(part for part, _ in row)
        room = others if number else first
        # The blank that a row ends with may stand over the edge.
        assert sum(cell_len(part) for part, _ in row) - text.endswith(" ") <= room
        assert text or len(rows) == 1
    shown = "".join(part for row in rows for part, _ in row)
    assert re.sub("[\u200d\ufe0f]", "", shown) == re.sub("[\u200d\ufe0f]", "", "".join(parts))
