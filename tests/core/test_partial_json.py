"""JSON that arrives in pieces: what it looks like, where it breaks, what is still to come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.core import json_tokens, partial_json
from tui.core.json_check import parse_final
from tui.core.json_spans import Span, SpanKind
from tui.core.partial_json import PartialJson


def read(*fragments: str, width: int = 0) -> PartialJson:
    view = PartialJson(width)
    for fragment in fragments:
        view.feed(fragment)
    return view


def spans(view: PartialJson) -> list[tuple[Span, ...]]:
    return [view.line(number) for number in range(view.line_count())]


def texts(view: PartialJson) -> list[str]:
    return ["".join(span.text for span in line) for line in spans(view)]


def drawn(view: PartialJson) -> list[str]:
    """Lines as text: what is pending in angle quotes, what is invalid in exclamation marks."""
    marks = {SpanKind.PENDING: "«{}»", SpanKind.INVALID: "!{}!"}
    return [
        "".join(marks.get(span.kind, "{}").format(span.text) for span in line)
        for line in spans(view)
    ]


# ---------------------------------------------------------------- what it looks like


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        (" \n", []),
        ("{", ["{«}»"]),
        ('{"location": "Ro', ["{", '  "location": "Ro«"»', "«}»"]),
        ('{"location": "Rome"}', ["{", '  "location": "Rome"', "}"]),
        ('{"loc', ["{", '  "loc«"»', "«}»"]),
        ('{"a"', ["{", '  "a"', "«}»"]),
        ('{"a":', ["{", '  "a":', "«}»"]),
        ('{"a":1,', ["{", '  "a": 1,', "«}»"]),
        ('{"a":1,"b":[tr', ["{", '  "a": 1,', '  "b": [', "    tr«ue»", "  «]»", "«}»"]),
        ("[[],{},[[]", ["[", "  [],", "  {},", "  [", "    []", "  «]»", "«]»"]),
        (" \n[ 1 ,\t-2.5e+3 , null ]\r\n", ["[", "  1,", "  -2.5e+3,", "  null", "]"]),
        ('"caf\\u00', ['"caf\\u00«00"»']),
        ('"caf\\', ['"caf\\«\\"»']),
        ("12", ["12"]),
        ("-", ["-"]),
        ("fals", ["fals«e»"]),
    ],
)
def test_members_on_lines_of_their_own(text: str, lines: list[str]) -> None:
    assert drawn(read(text)) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"location": "Paris"}', ['{"location": "Paris"}']),
        ('{"location": "Ro', ['{"location": "Ro«"}»']),
        ('{ "a":1,\n"b" : [ ]', ['{"a": 1, "b": []«}»']),
        ('{"a": [{"b": tr', ['{"a": [{"b": tr«ue}]}»']),
        ('{"location": "Marseille', ['{"location": "Marseille«"}»']),
        ('{"location": "Marseilles', ["{", '  "location": "Marseilles«"»', "«}»"]),
        ('{"location": "Marseilles"}', ["{", '  "location": "Marseilles"', "}"]),
        # The outermost container breaks first; one within it when it is too long by itself.
        (
            '[{"name": "Paris"}, {"name": "Rome", "x":',
            ["[", '  {"name": "Paris"},', '  {"name": "Rome", "x":«}»', "«]»"],
        ),
        (
            '{"at": {"lat": 48.85, "lng": 2.35}}',
            ["{", '  "at": {', '    "lat": 48.85,', '    "lng": 2.35', "  }", "}"],
        ),
        ('{"a": {"b": 1}, "c": 22222', ["{", '  "a": {"b": 1},', '  "c": 22222', "«}»"]),
        ("[1, [[[[[[[[[[[", ["[", "  1,", "  [[[[[[[[[[[«]]]]]]]]]]]»", "«]»"]),
    ],
)
def test_short_containers_on_one_line_of_25_columns(text: str, lines: list[str]) -> None:
    assert drawn(read(text, width=25)) == lines


def test_each_span_has_its_kind_and_its_place_in_the_raw_text() -> None:
    view = read('{"a":[true,-1.5],\n "b" : "x\\ny', width=40)
    assert spans(view) == [
        (
            Span("{", SpanKind.PUNCT, 0),
            Span('"a"', SpanKind.KEY, 1),
            Span(":", SpanKind.PUNCT, 4),
            Span(" ", SpanKind.SPACE, -1),
            Span("[", SpanKind.PUNCT, 5),
            Span("true", SpanKind.LITERAL, 6),
            Span(",", SpanKind.PUNCT, 10),
            Span(" ", SpanKind.SPACE, -1),
            Span("-1.5", SpanKind.NUMBER, 11),
            Span("]", SpanKind.PUNCT, 15),
            Span(",", SpanKind.PUNCT, 16),
            Span(" ", SpanKind.SPACE, -1),
            Span('"b"', SpanKind.KEY, 19),
            Span(":", SpanKind.PUNCT, 23),
            Span(" ", SpanKind.SPACE, -1),
            Span('"x\\ny', SpanKind.STRING, 25),
            Span('"}', SpanKind.PENDING, -1),
        )
    ]
    view = read('{"a":[true,-1.5],\n "b" : "x\\ny')
    assert spans(view)[1] == (
        Span("  ", SpanKind.SPACE, -1),
        Span('"a"', SpanKind.KEY, 1),
        Span(":", SpanKind.PUNCT, 4),
        Span(" ", SpanKind.SPACE, -1),
        Span("[", SpanKind.PUNCT, 5),
    )
    assert spans(view)[-1] == (Span("}", SpanKind.PENDING, -1),)


def test_a_line_that_is_not_there() -> None:
    view = read('{"a": 1')
    assert view.line_count() == 3
    for number in (-1, 3):
        with pytest.raises(IndexError, match=f"line {number} of 3"):
            view.line(number)
        with pytest.raises(IndexError):
            view.line_width(number)


def test_a_huge_string_is_cut_out_where_it_is_looked_at() -> None:
    text = "".join(f"{number:07x}\\n" for number in range(20_000))
    view = read(*(f'["{text}"]'[at : at + 10_000] for at in range(0, len(text) + 4, 10_000)))
    assert view.line_width(1) == len(text) + 4
    assert "".join(span.text for span in view.line(1)) == f'  "{text}"'
    part = view.line(1, 90_003, 100_003)
    assert "".join(span.text for span in part) == text[90_000:100_000]
    assert part[0].start == 90_002
    assert {span.kind for span in part} == {SpanKind.STRING}
    assert view.line(1, len(text) + 4) == ()


def test_depth_is_bounded_by_memory_alone() -> None:
    view = read("[" * 100_000)
    assert view.line_count() == 199_999
    assert view.line_width(50_000) == 41
    view.feed("]" * 100_000)
    assert view.complete
    assert texts(view)[-1] == "]"


# ---------------------------------------------------------------- complete, empty, in error

TOO_MUCH = "expected nothing more"

ERRORS = [
    ("x", 0, "expected a value"),
    ("\ufeff1", 0, "expected a value"),
    ("NaN", 0, "expected a value"),
    ("-Infinity", 1, "expected a digit"),
    ("+1", 0, "expected a value"),
    (" ]", 1, "expected a value"),
    ("'a'", 0, "expected a value"),
    ("{} {}", 3, TOO_MUCH),
    ("1 2", 2, TOO_MUCH),
    ("01", 1, TOO_MUCH),
    ("1\u00a0", 1, TOO_MUCH),
    ('""x', 2, TOO_MUCH),
    ("[1 2]", 3, "expected ',' or ']'"),
    ("[-01]", 3, "expected ',' or ']'"),
    ("[1}", 2, "expected ',' or ']'"),
    ("[,", 1, "expected a value or ']'"),
    ("[1,]", 3, "expected a value"),
    ("{1", 1, "expected a key or '}'"),
    ("{]", 1, "expected a key or '}'"),
    ('{"a":1,}', 7, "expected a key"),
    ('{"a" 1}', 5, "expected ':'"),
    ('{"a":}', 5, "expected a value"),
    ('{"a":1 "b"', 7, "expected ',' or '}'"),
    ("[1.]", 3, "expected a digit"),
    ("1.e5", 2, "expected a digit"),
    ("1e+,", 3, "expected a digit"),
    ("1ee", 2, "expected a digit"),
    ("-a", 1, "expected a digit"),
    ("1.5.2", 3, TOO_MUCH),
    ("trux", 3, "expected 'true'"),
    ("fals ", 4, "expected 'false'"),
    ("nulL", 3, "expected 'null'"),
    ("truee", 4, TOO_MUCH),
    ('"a\nb"', 2, "control character in a string"),
    ('{"a\x1f', 3, "control character in a string"),
    ('"\\x41"', 2, "not an escape"),
    ('"\\u12g4"', 5, "expected a hex digit"),
]


@pytest.mark.parametrize(("text", "offset", "reason"), ERRORS)
def test_error_is_where_no_continuation_helps(text: str, offset: int, reason: str) -> None:
    assert read(text).error == (offset, reason)
    assert read(text[:offset]).error is None
    assert read(text[:offset], text[offset:]).error == (offset, reason)
    assert read(text + '"]}').error == (offset, reason)
    assert not read(text).complete
    assert parse_final(text).error == (offset, reason)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"a": 1} and more', ['{"a": 1} !and more!']),
        ('{"a": "x\ny", "b": 2', ['{"a": "x', '!y", "b": 2!']),
        ('{"a": "x\tyz', ['{"a": "x!\tyz!']),
        ("[1, 2, ]\n\nso\n", ["[1, 2, !]!", "", "!so!", ""]),
        ("[01]", ["[0!1]!"]),
        ('{"a" "b"', ['{"a" !"b"!']),
        ("[tru]", ["[tru!]!"]),
        # The room that was set aside for what was pending stays taken.
        ('{"a": "1234567890123\n', ["{", '  "a": "1234567890123', ""]),
        ("[1234567890, 1234567890,] no", ["[", "  1234567890,", "  1234567890,", "  !] no!"]),
    ],
)
def test_from_the_error_on_the_text_is_raw(text: str, lines: list[str]) -> None:
    view = read(text, width=21)
    assert drawn(view) == lines
    assert view.pending == ""
    view.feed("\nraw")
    assert drawn(view)[-1] == "!raw!"
    assert spans(view)[-1] == (Span("raw", SpanKind.INVALID, len(text) + 1),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" ", "ends before a value"),
        ('"a', "ends inside a string"),
        ('["a\\', "ends inside a string"),
        ('{"a', "ends inside a key"),
        ('{"a"', "ends after a key"),
        ('{"a":', "ends after ':'"),
        ('{"a":1,', "ends after ','"),
        ("[1,", "ends after ','"),
        ("[nul", "ends inside a literal"),
        ("[-", "ends inside a number"),
        ("1e", "ends inside a number"),
        ("[1", "1 bracket is open"),
        ('{"a": [', "2 brackets are open"),
        ("{", "1 bracket is open"),
    ],
)
def test_finish_says_how_it_was_cut(text: str, reason: str) -> None:
    view = read(text, width=20)
    assert (view.error, view.complete) == (None, False)
    arrived = [line.partition("«")[0] for line in drawn(view)]
    view.finish()
    assert view.error == (len(text), reason)
    assert view.pending == ""
    assert drawn(view) == arrived
    assert parse_final(text).error == (len(text), reason)
    view.feed("late")
    assert view.error == (len(text), reason)
    assert drawn(view)[-1].endswith("!late!")


@pytest.mark.parametrize("text", ["{}", " [1] ", "12", "-0.0e-7", "null", '"\\ud800"', '"\x7f"'])
def test_finish_leaves_a_complete_value_alone(text: str) -> None:
    view = read(text)
    before = spans(view)
    view.finish()
    assert view.complete
    assert view.error is None
    assert spans(view) == before


def test_an_error_stays_what_it_is_at_the_end() -> None:
    view = read("[1,]")
    view.finish()
    assert view.error == (3, "expected a value")


# ---------------------------------------------------------------- laws

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Valid JSON in one of the ways to write it."""
    value = draw(JSON)
    separators = draw(st.sampled_from([None, (",", ":"), (" ,\t", "\r\n: ")]))
    indent = draw(st.sampled_from([None, 0, 1, "\t"]))
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=draw(st.booleans()))


PIECES = [*'{}[],:" \n-+.eE09u\\tfnx/\x01é\U0001f600', "true", "null", '"a"', '"a":', "1.5"]
PIECES += ["\\u12"]
SOUP = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """JSON with a hole or something foreign in it, or cut off."""
    text = draw(documents())
    start = draw(st.integers(0, len(text)))
    stop = draw(st.integers(start, len(text)))
    return text[:start] + draw(SOUP) + draw(st.sampled_from([text[stop:], text[start:], ""]))


ANY_TEXT = documents() | damaged() | SOUP | st.text()
WIDTHS = st.sampled_from([0, 1, 8, 20, 60])


def strict_loads(text: str) -> Any:  # noqa: ANN401
    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def is_json(text: str) -> bool:
    try:
        strict_loads(text)
    except ValueError:
        return False
    return True


def seen(view: PartialJson) -> object:
    return spans(view), view.error, view.complete, view.pending


def cut(text: str, lengths: list[int]) -> Iterator[str]:
    start = 0
    for length in lengths:
        yield text[start : start + length]
        start += length
    yield text[start:]


@given(ANY_TEXT, st.lists(st.integers(0, 9), max_size=60), WIDTHS, st.booleans())
@example('{"a": "xxxxxxxx\n', [15], 20, True)
@example('["xxxxxxxxxxxxxxxxxx\n', [19, 1], 20, True)
def test_cutting_changes_nothing(text: str, lengths: list[int], width: int, look: bool) -> None:
    view = PartialJson(width)
    for fragment in cut(text, lengths):
        view.feed(fragment)
        if look:
            view.line_count()
    whole = read(text, width=width)
    assert seen(view) == seen(whole)
    view.finish()
    whole.finish()
    assert seen(view) == seen(whole)


@given(ANY_TEXT, st.lists(st.integers(0, 9), max_size=30), WIDTHS)
def test_settled_lines_stay(text: str, lengths: list[int], width: int) -> None:
    view = PartialJson(width)
    settled: list[tuple[Span, ...]] = []
    for fragment in cut(text, lengths):
        view.feed(fragment)
        lines = spans(view)
        assert lines[: len(settled)] == settled
        settled = lines[: view.settled_count()]


@given(ANY_TEXT, WIDTHS)
def test_spans_point_at_what_they_show(text: str, width: int) -> None:
    last = 0
    for line in spans(read(text, width=width)):
        for span in line:
            assert span.text
            assert "\n" not in span.text
            if span.start >= 0:
                assert span.start >= last
                last = span.start + len(span.text)
                assert text[span.start : last] == span.text
            else:
                assert span.kind in (SpanKind.SPACE, SpanKind.PENDING)


@given(ANY_TEXT, WIDTHS, st.integers(0, 30), st.integers(0, 30))
def test_a_part_of_a_line_is_cut_from_the_whole(
    text: str, width: int, start: int, length: int
) -> None:
    view = read(text, width=width)
    for number, line in enumerate(spans(view)):
        whole = "".join(span.text for span in line)
        assert view.line_width(number) == len(whole)
        part = view.line(number, start, start + length)
        assert "".join(span.text for span in part) == whole[start : start + length]
        assert [span for span in part if span.start >= 0] == [
            Span(text[low:high], span.kind, low)
            for span, low, high in clipped(line, start, start + length)
        ]


@given(ANY_TEXT, WIDTHS)
def test_a_short_line_is_read_at_once_as_it_would_be_in_parts(text: str, width: int) -> None:
    view = read(text, width=width)
    at_once = spans(view)
    with patch.object(partial_json, "_SHORT", -1):
        assert spans(view) == at_once


@given(ANY_TEXT, st.lists(st.integers(0, 9), max_size=30), WIDTHS)
def test_offsets_of_a_long_text_take_eight_bytes(text: str, lengths: list[int], width: int) -> None:
    usual = spans(read(*cut(text, lengths), width=width))
    with patch.object(json_tokens, "_SMALL", 12):
        assert spans(read(*cut(text, lengths), width=width)) == usual


def clipped(line: tuple[Span, ...], start: int, stop: int) -> Iterator[tuple[Span, int, int]]:
    column = 0
    for span in line:
        low, high = max(start, column), min(stop, column + len(span.text))
        if span.start >= 0 and low < high:
            yield span, span.start + low - column, span.start + high - column
        column += len(span.text)


@given(JSON, st.booleans(), st.sampled_from([None, 0, 3]), WIDTHS)
def test_only_insignificant_white_space_is_lost(
    value: object, ascii_only: bool, indent: int | None, width: int
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    bare = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    lines = spans(read(text, width=width))
    assert "".join(span.text for line in lines for span in line if span.start >= 0) == bare


@given(ANY_TEXT)
def test_complete_is_what_json_accepts(text: str) -> None:
    view = read(text)
    assert view.complete is is_json(text)
    assert (parse_final(text).error is None) is view.complete


ENDS = ["", "0", '"', '0"', '00"', '000"', '0000"', 'n"', '"":0', "e", "l", "se", "ue", "ll"]
ENDS += ["lse", "rue", "ull", "alse"]


def can_go_on(text: str) -> bool:
    """Whether some continuation makes this JSON, found by trying those that could."""
    for end in ENDS:
        for value in ("", ":0"):
            tried = text + end + value
            brackets = re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}]', "", tried, flags=re.DOTALL)
            while brackets != (brackets := brackets.replace("[]", "").replace("{}", "")):
                pass
            if is_json(tried + brackets[::-1].translate({91: 93, 123: 125})):
                return True
    return False


@given(damaged() | SOUP)
@example('{"a": 1, "b": [tru')
@example('{"a\\u12')
@example("[1e")
def test_error_is_the_first_place_of_no_return(text: str) -> None:
    error = read(text).error
    if error is None:
        assert can_go_on(text)
    else:
        assert can_go_on(text[: error[0]])
        assert not can_go_on(text[: error[0] + 1])


@given(documents(), st.data())
def test_pending_text_closes_a_prefix(text: str, data: st.DataObject) -> None:
    prefix = text[: data.draw(st.integers(1, len(text)))]
    width = data.draw(WIDTHS)
    view = read(prefix, width=width)
    assert view.error is None
    arrived = [span for line in spans(view) for span in line if span.start >= 0]
    if not arrived:
        return
    last = arrived[-1]
    whole = prefix + view.pending
    wanting = last.kind == SpanKind.KEY or last.text in (",", ":")
    if wanting or (last.kind == SpanKind.NUMBER and not last.text[-1].isdigit()):
        assert not is_json(whole)
    else:
        strict_loads(whole)
        assert texts(view) == texts(read(whole, width=width))


def reference(value: object, before: str, level: int, width: int) -> list[str]:
    """The rule of the layout, as it is written down, for a whole value."""
    text = json.dumps(value)
    if not isinstance(value, list | dict) or not value or len(before) + len(text) <= width:
        return [before + text]
    is_list = isinstance(value, list)
    members = [("", item) for item in value] if isinstance(value, list) else list(value.items())
    inner = "  " * (level + 1)
    lines = [before + ("[" if is_list else "{")]
    for name, item in members:
        lead = inner if is_list else f"{inner}{json.dumps(name)}: "
        lines += reference(item, lead, level + 1, width)
        lines[-1] += ","
    lines[-1] = lines[-1][:-1]
    return [*lines, "  " * level + ("]" if is_list else "}")]


@given(JSON, WIDTHS)
def test_layout_follows_its_rule(value: object, width: int) -> None:
    assert texts(read(json.dumps(value), width=width)) == reference(value, "", 0, width)


# ---------------------------------------------------------------- recorded streams


def test_recorded_tool_inputs(corpus: list[Path]) -> None:
    found = 0
    for path in corpus:
        blocks: dict[int, list[str]] = {}
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            if '"input_json_delta"' not in line or not line.startswith("data: "):
                continue
            event = json.loads(line[6:])
            blocks.setdefault(event["index"], []).append(event["delta"]["partial_json"])
        for fragments in blocks.values():
            view = read(*fragments, width=60)
            text = "".join(fragments)
            assert view.complete is is_json(text)
            found += view.complete
            assert texts(view) == texts(read(text, width=60))
    assert found
