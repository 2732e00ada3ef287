"""Tables fitted to a width."""

from __future__ import annotations

import pytest
from rich.style import Style

from tui.widgets.markdown.grammar import split_row
from tui.widgets.markdown.table import TableColumns, table_lines
from tui.widgets.markdown.theme import MarkdownTheme

THEME = MarkdownTheme()


def draw(
    text: str, width: int, columns: TableColumns | None = None
) -> tuple[list[str], TableColumns]:
    lines, columns = table_lines(text, width, Style.null(), THEME, columns)
    return ["".join(part for part, _ in line).rstrip() for line in lines], columns


def test_columns_are_as_wide_as_their_cells() -> None:
    lines, _ = draw("| Name | n |\n|:--|--:|\n| alpha | 1 |\n| b | 日本 |", 40)
    assert lines == [
        "Name  │    n",
        "──────┼─────",
        "alpha │    1",
        "b     │ 日本",
    ]


def test_cells_are_wrapped_to_the_width_and_rows_parted() -> None:
    lines, _ = draw("a|b\n:-:|-\none|two words and more\nx|y", 16)
    assert lines == [
        " a  │ b",
        "────┼───────────",
        "one │ two words",
        "    │ and more",
        "────┼───────────",
        " x  │ y",
    ]


def test_further_rows_follow_the_first_part() -> None:
    _, columns = draw("a|b\n-|-\none|two", 40)
    assert draw("1|2", 40, columns)[0] == ["1   │ 2"]
    lines, columns = draw("1|a longer cell", 12, columns)
    assert lines == ["────┼───────", "1   │ a", "    │ longer", "    │ cell"]
    assert draw("1|2", 12, columns)[0] == ["────┼───────", "1   │ 2"]


def test_missing_and_surplus_cells() -> None:
    lines, _ = draw("a|b\n-|-\n1\n1|2|3", 40)
    assert lines[2:] == ["1 │", "1 │ 2 | 3"]


def test_without_room_rows_become_records() -> None:
    text = "a|b|c\n-|-|-\n1|22222222|3\n4|55555555|6"
    lines, columns = draw(text, 8)
    assert lines == ["a: 1", "b:", "22222222", "c: 3", "────────", "a: 4", "b:", "55555555", "c: 6"]
    assert draw("7|8|9", 8, columns)[0][0] == "────────"
    _, columns = draw("aaaaaaaaa|b|c\n-|-|-\n1|2|3", 9)
    assert draw("7|8|9", 9, columns)[0] == ["─────────", "aaaaaaaaa", ": 7", "b: 8", "c: 9"]
    assert draw("aaaaaaaa|b|c\n-|-|-", 8)[0] == ["aaaaaaaa", "b", "c"]


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("|a|b|", ["a", "b"]),
        ("a|b", ["a", "b"]),
        ("||", [""]),
        ("a\\|b|c", ["a|b", "c"]),
        ("|a\\||", ["a|"]),
    ],
)
def test_split_row(row: str, cells: list[str]) -> None:
    assert split_row(row) == cells
