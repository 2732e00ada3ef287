"""Wrapping by terminal cells."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size
from rich.style import Style

from tui.widgets import cell_wrap
from tui.widgets.cell_wrap import chop, is_narrow, split_lines, width_of, wrap
from tui.widgets.paint import StyledText

JOINERS = "\u200d\ufe0f"
PLAIN = Style.null()
BOLD = Style(bold=True)


def wrapped(text: str, width: int) -> list[str]:
    return ["".join(part for part, _ in line) for line in wrap([(text, PLAIN)], width)]


def text_of(lines: list[list[StyledText]]) -> list[str]:
    return ["".join(part for part, _ in line) for line in lines]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one", "two"]),
        ("one  two ", 5, ["one", "two"]),
        ("onetwo", 3, ["one", "two"]),
        ("a onetwo", 4, ["a", "onet", "wo"]),
        ("  indent", 4, ["  in", "dent"]),
        ("one\n\ntwo", 5, ["one", "", "two"]),
        ("日本語日本語", 5, ["日本", "語日", "本語"]),
        ("ab 日本語", 5, ["ab 日", "本語"]),
        ("日本。日本", 4, ["日", "本。", "日本"]),
        ("é́ é́ é́", 3, ["é́ é́", "é́"]),
        ("👩\u200d💻👩\u200d💻👩\u200d💻", 4, ["👩\u200d💻👩\u200d💻", "👩\u200d💻"]),
        ("日x", 1, ["□", "x"]),
        ("words “quoted” — and dashed", 14, ["words “quoted”", "— and dashed"]),
    ],
)
def test_wrap(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


def test_a_word_in_several_styles_stays_whole() -> None:
    lines = wrap([("one tw", PLAIN), ("ot", BOLD), ("hree four", PLAIN)], 10)
    assert lines == [
        [("one", PLAIN)],
        [("tw", PLAIN), ("ot", BOLD), ("hree", PLAIN)],
        [("four", PLAIN)],
    ]


def test_the_tail_of_a_text_that_goes_on_keeps_its_blanks() -> None:
    assert wrap([("one two ", PLAIN)], 5, keep_tail=True)[-1] == [("two ", PLAIN)]
    assert wrap([("日本 語 ", PLAIN)], 5, keep_tail=True)[-1] == [("語 ", PLAIN)]


@given(st.text(st.sampled_from("ab  日。"), max_size=40), st.integers(2, 12))
def test_blanks_that_are_kept_stand_over_the_edge(text: str, width: int) -> None:
    kept = text_of(wrap([(text, PLAIN)], width, keep_blanks=True))
    assert [row.rstrip() for row in kept] == text_of(wrap([(text, PLAIN)], width))
    assert "".join(kept) == text.rstrip(" ")


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("", 3, [""]),
        ("ab cd", 3, ["ab ", "cd"]),
        ("日本語", 3, ["日", "本", "語"]),
        ("日", 1, ["□"]),
    ],
)
def test_chop(text: str, width: int, rows: list[str]) -> None:
    assert text_of(chop([(text, PLAIN)], width)) == rows


def test_width_is_that_of_the_widest_line() -> None:
    assert width_of([("a\nbc", PLAIN), ("日", BOLD), ("\nd", PLAIN)]) == 4
    assert width_of([]) == 0


def test_split_lines_keeps_empty_lines() -> None:
    assert split_lines([("a\n", PLAIN), ("\nb", BOLD)]) == [[("a", PLAIN)], [], [("b", BOLD)]]


def test_narrow_code_points_are_one_cell_each() -> None:
    for code in range(0x20, 0x3000):
        character = chr(code)
        if cell_wrap._NARROW.fullmatch(character):
            assert get_character_cell_size(character) == 1, hex(code)
    assert not is_narrow("日") and not is_narrow("\u200d") and not is_narrow("e\u0301")


TEXTS = st.one_of(
    st.text(st.sampled_from("ab  。日本\u0301\u200d\ufe0f👩💻☺🇫\n"), max_size=40),
    st.text(max_size=30),
)
STYLES = st.sampled_from([PLAIN, BOLD])


@given(st.lists(st.tuples(TEXTS, STYLES), max_size=6), st.integers(2, 20), st.booleans())
def test_nothing_is_lost_and_nothing_too_wide(
    runs: list[StyledText], width: int, keep: bool
) -> None:
    source = "".join(text for text, _ in runs)
    lines = wrap(runs, width, keep_tail=keep)
    for line in lines:
        assert sum(cell_len(text) for text, _ in line) <= width or line is lines[-1] and keep
    # A joiner that has come to begin a line has nothing to join.
    shown = re.sub(f"[ {JOINERS}]", "", "".join(text_of(lines)))
    assert shown == re.sub(f"[\n {JOINERS}]", "", source)
    one_line = [(text.replace("\n", ""), style) for text, style in runs]
    rows = chop(one_line, width)
    shown = re.sub(f"[{JOINERS}]", "", "".join(text_of(rows)))
    assert shown == re.sub(f"[\n{JOINERS}]", "", source)
    assert all(sum(cell_len(text) for text, _ in row) <= width for row in rows)
