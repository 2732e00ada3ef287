"""What is looked for, however it is spelled on the wire."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.playbook import message_start, run, sse, text, text_block
from tui.core.timeline import Timeline
from tui.find.expression import SEEN
from tui.find.needle import (
    MAX_LENGTH,
    Needle,
    NeedleError,
    PlainNeedle,
    Regex,
    parse_needle,
    step_end,
)


def log(*frames: bytes) -> Timeline:
    return run(list(frames)).run.timeline


def found(needle: Needle, *frames: bytes) -> list[int]:
    timeline = log(*frames)
    return needle.events(timeline, 0, len(timeline))


def holds(needle: str, data: bytes) -> bool:
    """Whether one event whose data line is `data` is found."""
    return found(parse_needle(needle), b"data: " + data + b"\n\n") == [0]


# --- plain text -----------------------------------------------------------------------------------

LETTERS = 'aAbB\u00e9\u00c9\u00df\u65e5\U0001f30d\u01c5"\\/<\n\t\x7f\x01 .^]-'


def spelled(char: str, fold: bool) -> set[bytes]:
    """The ways to write one character, ASCII in lower case where case is ignored."""
    chars = {char}
    if fold:
        both = {char.lower(), char.upper()}
        chars |= {other for other in both if len(other) == 1 and other.isascii() == char.isascii()}
    ways = set()
    for other in chars:
        code = json.dumps(other)[1:-1]
        ways |= {
            other.encode(),
            code.encode(),
            json.dumps(other, ensure_ascii=False)[1:-1].encode(),
        }
        if other == "/":
            ways.add(b"\\/")
        if other in '<"\\/\n\t\x7f\x01':
            ways.add(b"\\u%04x" % ord(other))
        if code.startswith("\\u") or other == "\x7f":
            ways.add(("\\u" + code[2:6].upper() + code[6:8] + code[8:].upper()).encode())
    return {way.lower() for way in ways} if fold else ways


def stands_at(raw: bytes, at: int, needle: str, fold: bool) -> bool:
    if not needle:
        return True
    return any(
        raw.startswith(way, at) and stands_at(raw, at + len(way), needle[1:], fold)
        for way in spelled(needle[0], fold)
    )


def naively(raw: bytes, needle: str) -> bool:
    fold = not any(char.isupper() for char in needle)
    raw = raw.lower() if fold else raw
    return any(stands_at(raw, at, needle, fold) for at in range(len(raw)))


@given(
    st.text(LETTERS, min_size=1, max_size=3),
    st.lists(st.tuples(st.text(LETTERS, max_size=6), st.booleans()), min_size=1, max_size=6),
)
def test_events_are_those_of_a_naive_scan(needle: str, texts: list[tuple[str, bool]]) -> None:
    frames = [
        sse(json.dumps({"type": "x", "y": value}, ensure_ascii=escape)) for value, escape in texts
    ]
    timeline = log(*frames)
    wanted = [seq for seq in range(len(frames)) if naively(timeline.raw_event(seq), needle)]
    assert PlainNeedle(needle).events(timeline, 0, len(timeline)) == wanted
    for first in range(len(frames)):
        inside = [seq for seq in wanted if first <= seq < first + 2]
        last = min(first + 2, len(frames))
        assert PlainNeedle(needle).events(timeline, first, last) == inside


@pytest.mark.parametrize(
    ("needle", "data"),
    [
        ("paris", b'{"x":"Paris"}'),
        ('say "hi"', rb'{"x":"say \"hi\""}'),
        ('"x":', b'{"x":1}'),
        ("caf\u00e9", rb'{"x":"caf\u00e9"}'),
        ("Caf\u00e9", rb'{"x":"Caf\u00E9"}'),
        ("caf\u00e9", rb'{"x":"CAF\u00C9"}'),
        ("caf\u00e9", "CAF\u00c9".encode()),
        ("\U0001f30d", rb'{"x":"\ud83c\udf0d"}'),
        ("A\U0001f30d", rb'{"x":"A\uD83C\uDF0D"}'),
        ("\ud83c", rb'{"x":"\ud83c"}'),
        ("a\nb", rb'{"x":"a\nb"}'),
        ("a\nb", rb'{"x":"a\u000ab"}'),
        ("a/b", rb'{"x":"a\/b"}'),
        ("<b>", rb'{"x":"\u003cb\u003e"}'),
        ("a\\b", rb'{"x":"a\\b"}'),
        (r"a\nb", rb'{"x":"a\nb"}'),
    ],
)
def test_spellings(needle: str, data: bytes) -> None:
    assert holds(needle, data)


@pytest.mark.parametrize(
    ("needle", "data"),
    [
        ("Paris", b'{"x":"paris"}'),
        ("\u00c9t\u00e9", "\u00e9t\u00e9".encode()),
        ("stra\u00dfe", b"STRASSE"),
        ("k", "\u212a".encode()),
        ("a.b", b"axb"),
    ],
)
def test_what_is_no_spelling(needle: str, data: bytes) -> None:
    assert not holds(needle, data)


def test_a_match_lies_within_one_event() -> None:
    frames = [b"data: xab\n\n", b"data: cab\n\n", b"data: c\n\n"]
    assert found(PlainNeedle("b\n\ndata: c"), *frames) == []
    assert found(PlainNeedle("abc"), *frames) == []
    assert found(PlainNeedle("c"), b": x\n\n\n\n\n", *frames) == [2, 3]


def test_line_ends_between_events_belong_to_none() -> None:
    frames = [b"data: x\r\r"] * 9 + [b"data: x\r\r\n", b"data: x\n\r", b"\n", b"data: x\r\r"]
    assert found(PlainNeedle("\n"), *frames) == [10]


def test_frequent_and_rare_matches() -> None:
    frames = [b"data: %d\n\n" % number for number in range(400)]
    for needle in ("data", "7", "77", "377", "\n\nd", "x"):
        wanted = [seq for seq, raw in enumerate(frames) if needle.encode() in raw]
        assert found(PlainNeedle(needle), *frames) == wanted


# --- regular expressions --------------------------------------------------------------------------


def test_an_expression_sees_one_event_at_a_time() -> None:
    items = [message_start(), *text_block(0, "Paris", "par\u00e9s", "paros")]
    events = [sse(item) for item in items]
    assert found(Regex("[pP]ar.s"), *events) == [2, 4]
    assert found(Regex(r"(?i)PARIS"), *events) == [2]
    assert found(Regex(r"par\\u00e9s"), *events) == [3]
    assert found(Regex(r"^event: message_start$"), *events) == [0]
    assert found(Regex(r"\}$"), *events) == [0, 1, 2, 3, 4, 5]
    assert found(Regex("(?s)stop.*start"), *events) == []
    assert Regex("start").events(log(*events), 1, 3) == [1]


def test_an_expression_sees_the_decoded_text() -> None:
    assert holds("re:[\u00e9\u00e8]$", "caf\u00e9".encode())
    assert holds("re:^data: \ufffd$", b"\xff")


def test_an_expression_sees_the_first_bytes_only() -> None:
    inside = b"data: " + b"x" * (SEEN - 7) + b"y"
    assert found(Regex("y"), inside + b"\n\n") == [0]
    assert found(Regex("y"), inside[:-1] + b"xy\n\n") == []


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "*", "a{2,1}", "a{1001}", "(?L)a", "(" * 900, "(?P<\x1b>a)", "\\"]
)
def test_an_invalid_expression_is_one_clear_line(pattern: str) -> None:
    with pytest.raises(NeedleError, match="^regular expression: ") as caught:
        parse_needle("re:" + pattern)
    assert str(caught.value).isprintable()


def test_an_expression_that_warns_is_one_like_others() -> None:
    assert holds("re:[[a]", b"[")


# --- both -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", ["", "re:"])
def test_nothing_to_look_for(empty: str) -> None:
    with pytest.raises(NeedleError, match="nothing to look for"):
        parse_needle(empty)


@pytest.mark.parametrize("prefix", ["", "re:"])
def test_a_needle_has_a_length(prefix: str) -> None:
    parse_needle(prefix + "a" * MAX_LENGTH)
    with pytest.raises(NeedleError, match=str(MAX_LENGTH)):
        parse_needle(prefix + "a" * (MAX_LENGTH + 1))


@given(st.text(LETTERS + "()[]{}*+?|^$re:", max_size=12))
def test_any_text_is_a_needle_or_an_error(value: str) -> None:
    for candidate in (value, "re:" + value):
        try:
            needle = parse_needle(candidate)
        except NeedleError as error:
            assert "\n" not in str(error)
        else:
            assert needle.window > 0


def test_a_step_has_at_least_one_event_and_few_bytes() -> None:
    timeline = log(*[sse(text(0, "x" * size)) for size in (10, 10, 1000, 10, 10)])
    size = timeline.lengths[0]
    assert step_end(timeline, 0, 1) == 1
    assert step_end(timeline, 0, 2 * size) == 2
    assert step_end(timeline, 1, 2 * size) == 3
    assert step_end(timeline, 2, 1) == 3
    assert step_end(timeline, 0, 10**6) == 5
