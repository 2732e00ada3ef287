"""Text as it came, in rows that know their code points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from tui.core.state import Buffer
from tui.widgets import source_lines
from tui.widgets.source_lines import SourceLines

PLAIN = Style()
LIT = Style(bold=True)
TEXT = st.text("ab \n\t\u3042\u00e9\x1b\u202e-", max_size=60)


def rows(lines: SourceLines) -> list[str]:
    return [lines.row(y, PLAIN, None, LIT).text for y in range(lines.height)]


def laid_out(text: str, width: int) -> SourceLines:
    lines = SourceLines()
    while not lines.update(Buffer(text), width):
        pass
    return lines


def test_wraps_at_blanks_and_keeps_line_feeds() -> None:
    lines = laid_out("one two three\n\nfour", 8)
    assert rows(lines) == ["one two ", "three", "", "four"]
    assert [lines.span(y) for y in range(lines.height)] == [(0, 8), (8, 14), (14, 15), (15, 19)]


def test_wide_characters_and_tokens_are_measured_in_cells() -> None:
    assert rows(laid_out("\u3042\u3044\u3046", 4)) == ["\u3042\u3044", "\u3046"]
    assert rows(laid_out("a\u202eb", 9)) == ["a<U+202E>", "b"]


@given(TEXT, st.integers(1, 20))
def test_the_rows_are_the_text_and_every_offset_is_found_again(text: str, width: int) -> None:
    lines = laid_out(text, width)
    spans = [lines.span(y) for y in range(lines.height)]
    assert "".join(text[start:end] for start, end in spans) == text
    for y, (start, end) in enumerate(spans):
        for offset in range(start, end):
            assert lines.row_of(offset) == y
        assert start <= lines.offset_at(y, 0) <= max(end - 1, start)
        shown = lines.row(y, PLAIN, None, LIT).text.rstrip(" ")
        assert cell_len(shown) <= max(width, 8)


@given(TEXT, st.lists(st.integers(0, 60), max_size=6), st.integers(1, 20))
def test_growing_and_shrinking_ends_as_all_at_once(
    text: str, lengths: list[int], width: int
) -> None:
    lines = SourceLines()
    for length in [*lengths, len(text)]:
        while not lines.update(Buffer(text[:length]), width):
            pass
    assert rows(lines) == rows(laid_out(text, width))


def test_another_width_lays_out_anew() -> None:
    lines = laid_out("one two three", 20)
    assert lines.height == 1
    lines.update(Buffer("one two three"), 5)
    assert rows(lines) == ["one ", "two ", "three"]


def test_a_large_text_takes_several_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_lines, "_STEP", 10)
    lines = SourceLines()
    text = Buffer("word " * 20)
    steps = 1
    while not lines.update(text, 12, budget_ns=0):
        steps += 1
    assert steps == 10
    assert rows(lines) == rows(laid_out("word " * 20, 12))


def test_the_lit_range_is_drawn_in_its_style() -> None:
    lines = laid_out("abcdef\nghi", 10)
    strip = lines.row(0, PLAIN, (2, 4), LIT)
    assert [(text, bool(style and style.bold)) for text, style, _ in strip] == [
        ("ab", False),
        ("cd", True),
        ("ef", False),
    ]
    assert lines.row(0, PLAIN, (5, 8), LIT).text == "abcdef\u23ce"
    assert lines.row(1, PLAIN, (0, 2), LIT).text == "ghi"


def test_a_column_is_a_character() -> None:
    lines = laid_out("a\tb\u3042c", 20)
    assert [lines.offset_at(0, column) for column in (0, 1, 4, 5, 6, 7, 8, 30)] == [
        *(0, 1, 1, 2, 3, 3, 4),
        4,
    ]


def test_an_empty_text_has_no_rows() -> None:
    assert laid_out("", 10).height == 0
