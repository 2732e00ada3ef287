"""Regular expressions of users: linear time, bounded size, and Python's places."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.playbook import message_start, run, sse, text, text_block
from tests.processor_time import within
from tui.find.expression import ANYWHERE, NO_SPAN, SEEN, Expression, ExpressionError, Scan
from tui.find.needle import NeedleError, PlainNeedle, Regex, parse_needle
from tui.find.search import Searcher

BACKTRACKERS = ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}$", "(?i)(a*)*b$", r"(\w+\s?)+:$"]


@pytest.mark.parametrize("pattern", BACKTRACKERS)
def test_no_expression_takes_exponential_time(pattern: str) -> None:
    frames = [sse(message_start()), *map(sse, text_block(0, "a" * 40 + "!", "a" * 60_000 + "!"))]
    log = run(frames).run
    with within(5):
        Regex(pattern).events(log.timeline, 0, len(log.timeline))
        searcher = Searcher("re:" + pattern, log)
        while not searcher.advance():
            pass


@pytest.mark.parametrize(
    "pattern",
    [
        "((a{1000}){1000}){10}",
        "((a{100}){100}){10}",
        r"\pL{1000}",
        r"(.{0,90}){11}",
        "(x{0,1000}){2}",
    ],
)
def test_a_huge_expression_is_refused_at_once(pattern: str) -> None:
    with within(2), pytest.raises(ExpressionError, match="^too large: repeat less$"):
        Expression(pattern)


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?P<x>a)(?P=x)"]
)
def test_what_linear_time_cannot_do_is_said(pattern: str) -> None:
    with pytest.raises(NeedleError) as caught:
        parse_needle("re:" + pattern)
    said = "regular expression: RE2 has no look-around, no \\1"
    assert str(caught.value) == said


def test_an_error_is_one_line_and_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    for pattern in ("(", "a**", "[z-a]", "\x1b[", "\ud800", "(?P<\n>a)", "x" * 300 + "("):
        with pytest.raises(ExpressionError) as caught:
            Expression(pattern)
        assert str(caught.value).isprintable()
        assert "(?m)" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_large_expression_sees_less_of_a_text() -> None:
    assert Expression("a.b").seen == SEEN
    few = Expression("(a|b)*a(a|b){900}c").seen
    assert 1_000 < few < SEEN
    needle = Regex("(a|b)*a(a|b){900}c")
    assert needle.window == few
    inside = sse(text(0, "b" * few))
    log = run([inside]).run
    with within(5):
        assert needle.events(log.timeline, 0, 1) == []


def test_plain_text_in_a_long_event_takes_linear_time() -> None:
    needle = PlainNeedle("a" * 999 + "\u00e9")
    log = run([sse(text(0, "a" * 1_000_000))]).run
    with within(5):
        assert needle.events(log.timeline, 0, 1) == []
        assert PlainNeedle("a" * 99 + "\u00e9").events(log.timeline, 0, 1) == []
    long = run([sse(text(0, "a" * 100_000 + "\u00c9"))]).run
    assert needle.events(long.timeline, 0, 1) == [0]


def test_plain_text_among_its_like_is_searched_in_small_steps() -> None:
    log = run([sse(message_start()), *map(sse, text_block(0, "a" * 200_000))]).run
    searcher = Searcher("a" * 999 + "b", log)
    with within(20):
        while not searcher.advance():
            pass
    assert searcher.count == 0


# --- places ---------------------------------------------------------------------------------------

PIECES = ["a", "b", "ab", "\u00e9", "\u65e5", "\U0001f30d", "\ud83c", " ", "\n", "\n\n", "\r"]
PATTERNS = [
    *("a", "b+", "^a", "b$", "a.?b", "a|ab", "[^a]", "(?s)a.*b", r"\Aa", r"a\z", "(?-m:^a)", "x*"),
    *("\u00e9+", "(?i)\u00c9", "[\u65e5\u00e9]", ".$", "^$", r"a\s*b", "\ufffd", r"(?s)..", "$"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sampled_from(PATTERNS))
def test_a_scan_finds_what_python_finds_line_by_line(value: str, pattern: str) -> None:
    in_python = re.compile(pattern.replace(r"\z", r"\Z"), re.MULTILINE | re.ASCII)
    if "(?-m:" in pattern:
        in_python = re.compile("^a")
    wanted = []
    base = 0
    for line in re.sub("[\ud800-\udfff]", "\ufffd", value).split("\n"):
        at = 0
        while at < len(line) and (match := in_python.search(line, at)):
            if match.start() == len(line):
                break
            wanted.append((base + match.start(), base + match.end()))
            at = max(match.end(), match.start() + 1)
        base += len(line) + 1
    scan, found, at = Scan(Expression(pattern), value), [], 0
    while (span := scan.find(at)) is not None:
        found.append(span)
        at = max(span[1], span[0] + 1)
    assert found == wanted


def test_a_byte_within_a_character_is_that_character() -> None:
    scan = Scan(Expression(r"\C"), "a\u00e9\U0001f30db")
    assert [scan.find(at) for at in range(4)] == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_a_byte_at_the_end_of_a_character_is_that_character() -> None:
    assert Scan(Expression(r"\C$"), "a\u00e9").find(0) == (1, 2)


def test_a_line_is_looked_at_more_than_once() -> None:
    scan = Scan(Expression(r"\Ab|b"), "bb\nb")
    assert [scan.find(at) for at in (0, 1, 2)] == [(0, 1), (1, 2), (3, 4)]


def test_the_lines_between_events_are_no_part_of_them() -> None:
    log = run([sse(message_start()), *map(sse, text_block(0, "hi"))]).run.timeline
    assert Regex("^$").events(log, 0, len(log)) == []


def test_the_case_of_letters_beyond_ascii_can_be_ignored() -> None:
    assert Scan(Expression("(?i)caf\u00e9 \u0160"), "x CAF\u00c9 \u0161").find(0) == (2, 8)


@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), min_size=1, max_size=5),
    st.sampled_from([*PATTERNS, r"\}$", "^event", r"\z", r"(?s)t.*x", r"\s", r"data: \{"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_events_searched_together_are_as_those_searched_alone(
    values: list[str], pattern: str, line_end: str
) -> None:
    frames = [
        sse(text(0, value)).replace(b"\n", line_end.encode())
        for value in values
        if "\ud83c" not in value
    ]
    log = run(frames).run.timeline
    needle = Regex(pattern)
    alone = [seq for seq in range(len(log)) if needle.events(log, seq, seq + 1)]
    expression = Expression(pattern)
    direct = []
    for seq in range(len(log)):
        seen = log.raw_event(seq).decode("utf-8", "replace").rstrip("\r\n").encode()
        span = expression.match(ANYWHERE, seen, 0, len(seen))[0]
        if span != NO_SPAN:
            direct.append(seq)
    assert alone == direct
    if len(log):
        assert needle.events(log, 0, len(log)) == direct
