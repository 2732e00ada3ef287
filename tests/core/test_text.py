"""Text made safe for a terminal, and units."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.core.text import (
    clip,
    common_length,
    format_bytes,
    format_count,
    format_ns,
    one_line,
    sanitize,
)

# What a terminal acts on, or what hides or reorders text. Written out, so that a slip in the
# tables of the module shows.
HOSTILE = [
    *(code for code in range(0x20) if code not in (0x09, 0x0A)),
    *range(0x7F, 0xA0),
    *(0x061C, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E),
    *(0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF),
    *range(0xE0000, 0xE0080),
    *range(0xD800, 0xE000),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("caf\u00e9 \u4e16\u754c", "caf\u00e9 \u4e16\u754c"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2J", "\u241b[2J"),
        ("a\rb", "a\u240db"),
        ("\x00\x07", "\u2400\u2407"),
        ("\x7f", "\u2421"),
        ("\x9b31m", "<U+009B>31m"),
        ("a\u202eb", "a<U+202E>b"),
        ("\U000e0041", "<U+E0041>"),
        ("\ud800", "<U+D800>"),
        ("\U0001f469\u200d\U0001f680 \u2764\ufe0f", "\U0001f469\u200d\U0001f680 \u2764\ufe0f"),
    ],
)
def test_sanitize(text: str, expected: str) -> None:
    assert sanitize(text) == expected


def test_no_hostile_code_point_comes_through() -> None:
    for char in map(chr, HOSTILE):
        for text in (char, f"a{char}b", f"{char}{char}\u00e9"):
            assert char not in sanitize(text)
            assert char not in one_line(text)


def test_clean_text_is_returned_as_it_is() -> None:
    for text in ("plain", "caf\u00e9", "a\nb"):
        assert sanitize(text) is text
    assert one_line("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\nb", "a\u23ceb"), ("a\tb", "a b"), ("a\r\nb", "a\u240d\u23ceb"), ("plain", "plain")],
)
def test_one_line(text: str, expected: str) -> None:
    assert one_line(text) == expected


@given(st.text())
def test_what_is_left_can_be_printed_and_encoded(text: str) -> None:
    safe = sanitize(text)
    safe.encode()
    assert {char for char in safe if unicodedata.category(char) == "Cc"} <= {"\n", "\t"}
    assert sanitize(safe) == safe
    assert not {"\n", "\t"} & set(one_line(text))


@given(st.text(max_size=8), st.text(max_size=8))
def test_pieces_are_as_safe_as_the_whole(left: str, right: str) -> None:
    assert sanitize(left) + sanitize(right) == sanitize(left + right)


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("abc", 5, "abc"),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab\u2026"),
        ("abc", 1, "\u2026"),
        ("abc", 0, ""),
        ("", 0, ""),
    ],
)
def test_clip(text: str, length: int, expected: str) -> None:
    assert clip(text, length) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (9_999, "9999"),
        (10_000, "10.0k"),
        (999_949, "999.9k"),
        (999_950, "1.0M"),
        (4_500_000, "4.5M"),
    ],
)
def test_format_count(value: int, expected: str) -> None:
    assert format_count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (6_120, "6.1 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (2_400_000, "2.4 MB"),
    ],
)
def test_format_bytes(value: int, expected: str) -> None:
    assert format_bytes(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "\u2013"),
        (0, "0ms"),
        (412_000_000, "412ms"),
        (999_400_000, "999ms"),
        (999_600_000, "1.00s"),
        (1_204_000_000, "1.20s"),
        (12_400_000_000, "12.4s"),
        (99_949_000_000, "99.9s"),
        (99_950_000_000, "1m40s"),
        (185_000_000_000, "3m05s"),
    ],
)
def test_format_ns(value: int | None, expected: str) -> None:
    assert format_ns(value) == expected


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_the_common_beginning_of_two_texts(one: str, other: str) -> None:
    size = common_length(one, other)
    assert one[:size] == other[:size]
    assert size == min(len(one), len(other)) or one[size] != other[size]
