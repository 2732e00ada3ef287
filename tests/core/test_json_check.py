"""Whether text in pieces is JSON: the verdict of a strict `json.loads` of the whole."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from itertools import count
from typing import Final, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.streams import json_values
from tui.core.json_check import JsonCheck, parse_final
from tui.core.json_grammar import MAX_DEPTH, MAX_DIGITS
from tui.core.json_tokens import TokenReader

LONGEST: Final = "1" * MAX_DIGITS


def strict(text: str) -> object:
    """The whole text by `json.loads`, with the limits that are ours. Raises ValueError."""

    def integer(digits: str) -> int:
        if len(digits.lstrip("-")) > MAX_DIGITS:
            raise ValueError("too long")
        return int(digits)

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value) or len(digits.lstrip("-")) > MAX_DIGITS:
            raise ValueError("out of range")
        return value

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        value = json.loads(text, parse_int=integer, parse_float=number, parse_constant=refuse)
    except RecursionError:
        raise ValueError("too deep") from None
    # Brackets in strings and keys are none, and a value that a later member replaces counts too.
    depth = deepest = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text, re.DOTALL):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise ValueError("too deep")
    return value


def check(pieces: Iterable[str]) -> JsonCheck:
    found = JsonCheck()
    for piece in pieces:
        found.feed(piece)
    return found


def cut(text: str, lengths: list[int]) -> list[str]:
    """A text in pieces of these lengths, again and again."""
    pieces, at, turn = [], 0, 0
    while at < len(text):
        pieces.append(text[at : at + lengths[turn % len(lengths)]])
        at += lengths[turn % len(lengths)]
        turn += 1
    return pieces


PARTS: Final = st.sampled_from(
    [
        *(
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            " ",
            "\n",
            "\t",
            "\r",
            '"',
            '"a"',
            '"":',
            '"a":1',
            "1,",
            "\\",
        ),
        *("0", "-", "-0", "01", "1", "12", ".5", "1.", "1.5", "e", "E+", "1e5", "1e99", "1e100"),
        *("1e308", "1e309", "-1e999", "1e-999", "0.0e999", "NaN", "Infinity", "-Infinity"),
        *("true", "false", "null", "t", "tru", "nul", "truex", "True", "None", "[]", "{}", "[1]"),
        *(
            '{"a":[]}',
            '[{"a":1},{"a":2}]',
            "[[1,2],[3]]",
            '"\\u00e9"',
            '"\\ud83d"',
            '"\\ud83d\\ude00',
        ),
        *('"\\u12', '"\\x"', '"\\', '"\x1f"', "\x0b", "\x0c", "\xa0", "\ufeff", "\u2028", "\ud800"),
        *('"\ud800"', "\u0661", "\U0001d7d9", "/", "//", "'", "\x7f", '"\x7f"', "_1", "1_0", "+1"),
        *("[" * MAX_DEPTH, "[" * (MAX_DEPTH + 1), "]" * MAX_DEPTH, '{"a":' * 200, "}" * 200),
        *(LONGEST, LONGEST + "1", "-" + LONGEST, "0." + "1" * 400, "1" * 310, "1" * 310 + ".0"),
        *("1" * 200 + "e99", "1" * 201 + "e108", "1" * 201 + "e107", "0." + "1" * MAX_DIGITS),
    ]
)
NEAR_JSON: Final = st.one_of(
    st.lists(PARTS, max_size=12).map("".join),
    st.text('[]{}",:0123456789.-+eE truefalsn\\u\n', max_size=30),
    json_values(st.text(max_size=5)).map(json.dumps),
    json_values(st.text(max_size=5)).map(
        lambda value: json.dumps(value, ensure_ascii=False, indent=1)
    ),
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """JSON, and text that is nearly JSON: a part of it taken out, put in or doubled."""
    text = draw(NEAR_JSON)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        end = draw(st.integers(at, min(at + 3, len(text))))
        text = text[:at] + draw(PARTS | st.just("")) + text[end:]
    depth = draw(st.sampled_from([0, 0, 0, 1, MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH]))
    return "[" * depth + text + "]" * depth


LENGTHS: Final = st.lists(st.sampled_from([1, 2, 3, 7, 50, 5_000]), min_size=1, max_size=3)


@given(texts(), LENGTHS)
@example("-" + "1" * (MAX_DIGITS - 1) + "e", [1])
@example("-" + "1" * (MAX_DIGITS - 1) + "e5", [1])
@example("-" + "1" * MAX_DIGITS, [1])
def test_the_verdict_is_that_of_a_strict_parse(text: str, lengths: list[int]) -> None:
    whole, parts = check([text]), check(cut(text, lengths))
    assert whole.flaw() == parts.flaw()
    assert whole.kind == parts.kind
    try:
        value = strict(text)
    except ValueError:
        assert whole.flaw() is not None
        assert parse_final(text).error == whole.flaw()
    else:
        assert whole.flaw() is None
        assert whole.kind == text.strip()[0]
        assert repr(parse_final(text).value) == repr(value)


@given(texts())
def test_the_reason_is_the_one_that_the_layout_gives(text: str) -> None:
    flaw = check([text]).flaw()
    reader = TokenReader()
    reader.feed(text)
    reader.finish()
    if flaw is not None and flaw[1] not in ("number out of range", "nested too deeply", "no text"):
        assert flaw == reader.error
    if reader.error is not None:
        assert flaw is not None and flaw[0] <= reader.error[0]


@given(texts(), LENGTHS, st.data())
def test_a_copy_reads_on_by_itself(text: str, lengths: list[int], data: st.DataObject) -> None:
    pieces = cut(text, lengths)
    place = data.draw(st.integers(0, len(pieces)))
    first = check(pieces[:place])
    twin, before = first.copy(), first.flaw()
    for piece in pieces[place:]:
        twin.feed(piece)
    assert first.flaw() == before
    assert twin.flaw() == check([text]).flaw()
    assert twin.size == len(text)


@given(texts(), LENGTHS)
def test_an_error_is_final_and_what_is_cut_is_not(text: str, lengths: list[int]) -> None:
    found = JsonCheck()
    for piece in cut(text, lengths):
        before, size = found.flaw(), found.size
        found.feed(piece)
        if before is not None and before[0] < size and "ends inside" not in before[1]:
            assert found.flaw() == before or before[1] == "number out of range"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", (0, "no text")),
        (" ", (1, "ends before a value")),
        ("[1, 1e999]", (4, "number out of range")),
        ("[1, -1e999", (4, "number out of range")),
        ("[" + "1" * 5_000 + "]", (1, "number out of range")),
        ("[" + "1" * 5_000 + "x", (1, "number out of range")),
        ("[" * 100_000 + "]" * 100_000, (MAX_DEPTH, "nested too deeply")),
        ("[" * 100_000, (MAX_DEPTH, "nested too deeply")),
        ("[" * 20, (20, "20 brackets are open")),
        ('{"a": [1', (8, "2 brackets are open")),
        ('{"a": "b"', (9, "1 bracket is open")),
        ('{"a": [[]], "b": "c"', (20, "1 bracket is open")),
        ('{"a": tru', (9, "ends inside a literal")),
        ('{"a', (3, "ends inside a key")),
        ('["a\\', (4, "ends inside a string")),
        ("[-", (2, "ends inside a number")),
        ("[-]", (2, "expected a digit")),
        ("[trux]", (4, "expected 'true'")),
        ('["\\x"]', (3, "not an escape")),
        ('["\\u12G4"]', (6, "expected a hex digit")),
        ('["\t"]', (2, "control character in a string")),
        ('["\U0001f600", NaN]', (6, "expected a value")),
        ("[1] 2", (4, "expected nothing more")),
    ],
    ids=count(),
)
def test_what_is_wrong_and_where(text: str, flaw: tuple[int, str]) -> None:
    assert check([text]).flaw() == check(text).flaw() == flaw
    assert parse_final(text) == (None, flaw)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":[2]}', ' "\\ud800" ', "-0.0", LONGEST, "[1e308]", "1e-999"],
    ids=count(),
)
def test_what_is_json_all_the_same(text: str) -> None:
    assert parse_final(text).error is None
    assert repr(parse_final(text).value) == repr(strict(text))


def test_null_is_a_value() -> None:
    assert parse_final(" null ") == (None, None)


def test_where_python_gives_up_there_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert parse_final("1" * 641) == (None, None)
    finally:
        sys.set_int_max_str_digits(before)


def test_nothing_is_held_but_what_is_open() -> None:
    found = JsonCheck()
    for piece in ["[", *['{"a": ["x", 1.5e300, true]}, '] * 10_000, '"' + "y" * 100_000]:
        found.feed(piece)
        assert len(found._rest) < 100
        assert len(found._stack) <= 1
    assert found.flaw() == (found.size, "ends inside a string")
