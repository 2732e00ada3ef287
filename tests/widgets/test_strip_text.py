"""Strips cut by code points, and found by cells: nothing is lost, no cluster is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size, split_graphemes
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.hostile import hostile_text
from tui.core.text import one_line
from tui.widgets.strip_text import apart, cluster_at, cut, highlight, whole, word_at

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1eb\U0001f1f7"
BOLD = Style(bold=True)
TEXT = hostile_text().map(one_line) | st.text(f"ab \u6f22\u0301e\u2764\ufe0f{FAMILY}{FLAG}")


def strip_of(text: str, *cuts: int) -> Strip:
    """A strip whose segments meet at `cuts`."""
    places = [0, *sorted(min(place, len(text)) for place in cuts), len(text)]
    pairs = zip(places, places[1:], strict=False)
    return Strip([Segment(text[start:end]) for start, end in pairs])


@given(TEXT, st.lists(st.integers(0, 40), max_size=4), st.integers(0, 40), st.integers(0, 40))
def test_the_parts_are_the_strip(text: str, cuts: list[int], one: int, other: int) -> None:
    start, end = sorted((one, other))
    parts = cut(strip_of(text, *cuts), start, end)
    assert [part.text for part in parts] == [text[:start], text[start:end], text[end:]]


@given(TEXT, st.integers(0, 40), st.integers(0, 40))
def test_only_the_range_is_lit(text: str, one: int, other: int) -> None:
    start, end = sorted((one, other))
    strip = highlight(strip_of(text, 3), start, end, BOLD)
    assert strip.text == text
    assert "".join(part for part, style, _ in strip if style and style.bold) == text[start:end]


@given(TEXT, st.integers(0, 40), st.integers(0, 40))
def test_a_range_is_widened_to_whole_clusters(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    low, high = whole(text, start, end)
    edges = {0, len(text), *(first for first, _, _ in split_graphemes(text)[0])}
    if start < end:
        assert low <= start and end <= high
        assert {low, high} <= edges
        assert not edges & set(range(low + 1, start + 1))
        assert not edges & set(range(end, high))
    else:
        assert (low, high) == (start, end)


@given(TEXT)
def test_every_cell_belongs_to_the_cluster_that_is_drawn_there(text: str) -> None:
    column = 0
    for start, end, cells in split_graphemes(text)[0]:
        for cell in range(column, column + cells):
            assert cluster_at(text, cell) == (start, end)
        column += cells
    assert cluster_at(text, column) is None


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("one two", 1, "one"),
        ("one two", 3, " "),
        ("one two", 6, "two"),
        ("a_b9-c", 1, "a_b9"),
        ('{"a": 1}', 0, '{"'),
        ("cafe\u0301s now", 1, "cafe\u0301s"),
        (f"go {FAMILY}!", 4, f"{FAMILY}!"),
        ("\u6f22\u5b57 x", 0, "\u6f22\u5b57"),
    ],
)
def test_words(text: str, place: int, word: str) -> None:
    start, end = word_at(text, place)
    assert text[start:end] == word


def textual_offset(strip: Strip, column: int) -> int:
    """The code point that Textual takes for the one at a cell."""
    at = cell = 0
    for text, _, _ in strip:
        width = cell_len(text)
        if column < cell + width:
            used = found = 0
            for char in text:
                if used >= column - cell:
                    break
                used += get_character_cell_size(char)
                found += 1
            return at + found
        at += len(text)
        cell += width
    return at


@pytest.mark.parametrize("odd", [FAMILY, FLAG, "e\u0301", "\u2764\ufe0f", "\U0001f44d\U0001f3fd"])
@pytest.mark.parametrize("behind", ["abc", "\u6f22\u5b57", "\u00e9\u00e9"])
def test_what_stands_behind_a_cluster_is_found_by_textual_too(odd: str, behind: str) -> None:
    text = f"a{odd}{odd}{behind}"
    strip = apart(Strip([Segment(text, BOLD)]))
    assert strip.text == text
    assert strip.cell_length == cell_len(text)
    column = 0
    for start, end, cells in split_graphemes(text)[0]:
        assert textual_offset(strip, column) == start
        assert start <= textual_offset(strip, column + cells - 1) <= end
        column += cells
    assert all(style is BOLD for _, style, _ in strip)


@given(TEXT, st.lists(st.integers(0, 40), max_size=3))
def test_setting_clusters_apart_changes_no_text(text: str, cuts: list[int]) -> None:
    strip = strip_of(text, *cuts)
    assert apart(strip).text == text
    assert apart(strip).cell_length == strip.cell_length


def test_plain_text_stays_in_its_segments() -> None:
    strip = Strip([Segment("plain "), Segment("text")])
    assert apart(strip) is strip
