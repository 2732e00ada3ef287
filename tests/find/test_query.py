"""The filter language, its conditions, and a matcher that keeps up with a growing run."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import broken_events, cuts, legal_bytes
from tui.core.records import EventRecord, JsonObject
from tui.core.session import Run, Session
from tui.find import query
from tui.find.needle import MAX_LENGTH, PlainNeedle, Regex
from tui.find.query import WORDS, FilterError, Matcher, parse_filter

MS = 1_000_000


def log(*events: JsonObject | bytes, step_ms: int = 100) -> Run:
    """A run whose events come one after the other."""
    session = Session()
    for number, event in enumerate(events):
        session.feed(number * step_ms * MS, pb.wire(event))
    session.finish(len(events) * step_ms * MS)
    return session.run


def matches(run: Run, text: str, marks: Set[int] = frozenset()) -> list[int]:
    matcher = Matcher(parse_filter(text), run, marks)
    assert matcher.advance()
    return list(matcher.matches)


EVENTS: tuple[JsonObject | bytes, ...] = (
    pb.message_start(),
    pb.ping(),
    pb.thinking_start(0),
    pb.thinking(0, "Paris or Rome?"),
    pb.signature(0, "x"),
    pb.block_stop(0),
    pb.text_start(1),
    pb.text(1, 'I say "Rome"'),
    pb.citation(1, {"cited_text": "rome"}),
    pb.block_stop(1),
    pb.tool_start(2),
    pb.fragment(2, '{"city": "Paris"}'),
    pb.block_stop(2),
    *pb.ending(),
    pb.DONE,
    b": note\n\n",
    {"type": "vendor_event", "delta": {"type": "odd one"}},
    pb.error(),
    b'data: {"type": "x',
)
LOG = log(*EVENTS)
NUMBERS = range(len(EVENTS))


# --- the language ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", NUMBERS),
        ("  ", NUMBERS),
        ("ping", [1]),
        ("start", [2, 6, 10]),
        ("stop", [5, 9, 12]),
        ("delta", [3, 4, 7, 8, 11]),
        ("message", [0, 13, 14]),
        ("thinking", [3]),
        ("signature", [4]),
        ("text", [7]),
        ("citation", [8]),
        ("json", [11]),
        ("tool", [11]),
        ("error", [18]),
        ("done", [15]),
        ("comment", [16]),
        ("cut-off", [19]),
        ("message_delta", [13]),
        ("input_json_delta", [11]),
        ("content_block_stop", [5, 9, 12]),
        ("type:vendor_event", [17]),
        ('type:"odd one"', [17]),
        ("type:[DONE]", [15]),
        ("index:0", [2, 3, 4, 5]),
        ("index = 0", [2, 3, 4, 5]),
        ("#0", [2, 3, 4, 5]),
        ("index<1", [2, 3, 4, 5]),
        ("index<=1 !index:0", [6, 7, 8, 9]),
        ("index>1", [10, 11, 12]),
        ("seq>17", [18, 19]),
        ("seq<=1", [0, 1]),
        ("time>=1.8s", [18, 19]),
        ("time:0", [0]),
        ("time>1700ms time<1900000us", [18]),
        ("time<100000001ns", [0, 1]),
        ("time>0.03m", [19]),
        ("gap=100ms", NUMBERS[1:]),
        ("gap<1ns", [0]),
        ("gap>0", NUMBERS[1:]),
        ("size<20", [15, 16, 19]),
        ("size<0.02kB", [15, 16, 19]),
        ("size > 1 MB", []),
        ("size>0.02 kB comment | time > 1.8 s", [19]),
        ("(gap>99 MS) seq>18", [19]),
        ('seq>18 "ms"', []),
        ("paris", [3, 11]),
        ("Paris", [3, 11]),
        ("rome", [3, 7, 8]),
        ("Rome", [3, 7]),
        ('"or Rome"', [3]),
        (r'"say \"Rome\""', [7]),
        (r'"say \\\"rome"', [7]),
        ('"ping"', [1]),
        ("re:par(is|ma)", []),
        ("re:Par(is|ma)", [3, 11]),
        ("(re:Par(is|ma))", [3, 11]),
        (r"(re:R\(?ome\b)", [3, 7]),
        (r're:"or R|say .\"R"', [3, 7]),
        ("re:note$", [16]),
        ("delta paris", [3, 11]),
        ("delta and paris", [3, 11]),
        ("delta AND NOT paris", [4, 7, 8]),
        ("delta !paris !#1", [4]),
        ("ping | error", [1, 18]),
        ("ping or error", [1, 18]),
        ("ping OR error #0", [1]),
        ("(ping|error)", [1, 18]),
        ("(ping | delta) (#1 | ! #0)", [1, 7, 8, 11]),
        ("!(ping | delta | seq>5)", [0, 2, 5]),
        ("!!ping", [1]),
        ("not not not seq>0", [0]),
        ("anomaly", [17, 18, 19]),
        ("mark", [2, 7]),
        ("delta mark", [7]),
        ("order", []),
        ("notes", []),
        ("[DONE]", [15]),
        ("#x", []),
        ("a!b", []),
    ],
)
def test_filters(text: str, wanted: list[int]) -> None:
    assert matches(LOG, text, {2, 7, 99}) == list(wanted)


def test_a_filter_without_a_condition_is_empty() -> None:
    assert parse_filter(" ").is_empty
    assert not parse_filter("ping").is_empty


def test_a_filter_remembers_its_text() -> None:
    parsed = parse_filter(' ping | "a b" re:c mark ')
    assert parsed.text == 'ping | "a b" re:c mark'
    assert [type(needle) for needle in parsed.needles] == [PlainNeedle, Regex]
    assert (parsed.terms, parsed.uses_marks) == (4, True)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("ping |", 6, "condition is missing"),
        ("| ping", 0, "condition is missing"),
        ("ping or", 7, "condition is missing"),
        ("and ping", 0, "condition is missing"),
        ("ping and and ping", 9, "condition is missing"),
        ("!", 1, "condition is missing"),
        ("()", 1, "condition is missing"),
        ("ping (delta", 5, "not closed"),
        ("ping) delta", 4, "closes nothing"),
        ("(" * 41, 40, "too many parentheses"),
        ('ping "Paris', 5, "quote is not closed"),
        ('""', 0, "nothing to look for"),
        ("ping re:", 5, "nothing to look for"),
        ("re:(", 0, "missing )"),
        ("re:(?=a)", 0, "RE2 has no look-around"),
        ("gap", 0, "gap>500ms"),
        ("index", 0, "index:2"),
        ("gap>fast", 4, "needs a number"),
        ("gap>", 4, "needs a number"),
        ("gap>-5ms", 4, "needs a number"),
        ("gap>1.5.5s", 4, "needs a number"),
        ("gap>500", 4, "a unit is missing: use ns us ms s m"),
        ("gap>5h", 4, "no unit 'h'"),
        ("size>5ms", 5, "use B kB MB GB"),
        ("seq>5s", 4, "use none"),
        ("gap>5 x", 4, "a unit is missing"),
        ("time>0.5 ns", 5, "0.5 ns is not a whole number"),
        ("seq>1.5", 4, "not a whole number"),
        ("time>0.5ns", 5, "not a whole number"),
        ("type:", 5, "name of a type is missing"),
        ('type:""', 5, "name of a type is missing"),
        ('type:"x', 5, "quote is not closed"),
        ("x" * (MAX_LENGTH + 1), MAX_LENGTH, "longer than"),
        ("gap>5\x1b", 4, "no unit"),
    ],
)
def test_errors_say_what_and_where(text: str, position: int, message: str) -> None:
    with pytest.raises(FilterError, match=re.escape(message)) as caught:
        parse_filter(text)
    assert caught.value.position == position
    assert str(caught.value).endswith(f"(at character {position + 1})")
    assert str(caught.value).isprintable()


PIECES = [
    *WORDS,
    *("(", ")", "|", "!", '"', "\\", "or", "and", "not", " ", "\t", "#", "#2", "re:", "type:"),
    *("gap", "time", "size", "seq", "index", ">", "<", "=", ":", ">=", "<=", "anomaly", "mark"),
    *(
        "5",
        "1.5",
        ".",
        "ms",
        " ms",
        "s",
        "kB",
        "\u00b5s",
        "\u0664",
        "[a",
        "(?i)",
        "*",
        "\n",
        "\u00e9",
    ),
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14).map("".join))
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    try:
        parsed = parse_filter(text)
    except FilterError as error:
        assert "\n" not in str(error)
        assert 0 <= error.position <= len(text)
    else:
        matcher = Matcher(parsed, LOG)
        assert matcher.advance()


@given(st.sampled_from(["(", "!(", "not ", "! ", "(a|", "a and ("]), st.integers(0, 400))
def test_depth_is_bounded(opening: str, depth: int) -> None:
    text = opening * depth + "ping" + ")" * depth * opening.count("(")
    try:
        parse_filter(text)
    except FilterError as error:
        assert depth > 30 or "closes" in str(error)


# --- matching -------------------------------------------------------------------------------------

Facts = tuple[Run, list[EventRecord], list[bytes]]
Holds = Callable[[Facts, int], bool]
Condition = tuple[str, Holds]

MARKS = frozenset({0, 3, 4, 8, 200})
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": int.__lt__,
    "<=": int.__le__,
    "=": int.__eq__,
    ":": int.__eq__,
    ">=": int.__ge__,
    ">": int.__gt__,
}


def named(word: str) -> Condition:
    def holds(facts: Facts, seq: int) -> bool:
        record = facts[1][seq]
        delta = (record.payload or {}).get("delta")
        delta_type = delta.get("type") if isinstance(delta, dict) else delta
        return record.type in WORDS[word] or delta_type in WORDS[word]

    return word, holds


def value_of(facts: Facts, seq: int, column: str) -> int:
    record = facts[1][seq]
    before = facts[1][max(seq - 1, 0)]
    return {
        "gap": (record.t_ns - before.t_ns),
        "time": record.t_ns,
        "size": record.length,
        "seq": seq,
        "index": record.block_index,
    }[column]


def compared(column: str, comparison: str, value: int) -> Condition:
    def holds(facts: Facts, seq: int) -> bool:
        found = value_of(facts, seq, column)
        return COMPARISONS[comparison](found, value) and (column != "index" or found >= 0)

    unit = "ns" if column in ("gap", "time") else ""
    return f"{column}{comparison}{value}{unit}", holds


def contains(needle: str) -> Condition:
    def holds(facts: Facts, seq: int) -> bool:
        raw = facts[2][seq]
        return needle.encode() in (raw if needle != needle.lower() else raw.lower())

    return f'"{needle}"', holds


def expression(pattern: str) -> Condition:
    def holds(facts: Facts, seq: int) -> bool:
        return re.search(pattern, facts[2][seq].decode("utf-8", "replace")) is not None

    return f"re:{pattern}", holds


def is_anomaly(facts: Facts, seq: int) -> bool:
    return any(anomaly.seq == seq for anomaly in facts[0].state.anomalies)


def negated(condition: Condition, sign: str) -> Condition:
    return f"{sign}({condition[0]})", lambda facts, seq: not condition[1](facts, seq)


def joined(parts: list[Condition], sign: str) -> Condition:
    every = sign.strip() in ("", "and")

    def holds(facts: Facts, seq: int) -> bool:
        found = [condition(facts, seq) for _, condition in parts]
        return all(found) if every else any(found)

    return sign.join(f"({text})" for text, _ in parts), holds


SIMPLE = st.one_of(
    st.sampled_from(sorted(WORDS)).map(named),
    st.builds(
        compared,
        st.sampled_from(["gap", "time", "size", "seq", "index"]),
        st.sampled_from(sorted(COMPARISONS)),
        st.one_of(st.integers(0, 6), st.sampled_from([100, 120, 150, MS, 2 * MS, 10 * MS])),
    ),
    st.sampled_from(["type", "a", "delta_1", "ping", "Z", "weather", "index: 1", "usage"]).map(
        contains
    ),
    st.sampled_from(["index.{3}[12]", "(ping|stop)", "[a-f]{3}", r"\bping\b"]).map(expression),
    st.just(("anomaly", is_anomaly)),
    st.just(("mark", lambda facts, seq: seq in MARKS)),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(negated, inner, st.sampled_from(["!", "not ", "! "])),
        st.builds(
            joined,
            st.lists(inner, min_size=1, max_size=3),
            st.sampled_from([" ", " and ", " | ", " or ", "|"]),
        ),
    ),
    max_leaves=6,
)


@st.composite
def chunked(draw: st.DrawFn) -> list[bytes]:
    """A stream, legal or not, cut anywhere."""
    data = draw(legal_bytes() | broken_events().map(lambda events: pb.wire(*events)))
    return draw(cuts(data))


@given(chunked(), CONDITIONS, st.integers(1, 9), st.integers(1, 400))
def test_matches_are_those_of_a_naive_evaluation(
    chunks: list[bytes], condition: Condition, step: int, window: int
) -> None:
    text, holds = condition
    parsed = parse_filter(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "_STEP", step)
        patch.setattr(PlainNeedle, "window", window)
        patch.setattr(Regex, "window", window)
        session = Session()
        growing: list[Matcher] = []
        for number, chunk in enumerate(chunks):
            session.feed(number * number * MS, chunk)
            growing += [Matcher(parsed, run, MARKS) for run in session.runs[len(growing) :]]
            for matcher in growing:
                before = list(matcher.matches)
                matcher.advance(lambda: True)
                assert list(matcher.matches)[: len(before)] == before
        session.finish(10**12)
        growing += [Matcher(parsed, run, MARKS) for run in session.runs[len(growing) :]]
        for run, matcher in zip(session.runs, growing, strict=True):
            records = list(run.timeline.records())
            raws = [run.timeline.raw_event(seq) for seq in range(len(records))]
            wanted = [r.seq for r in records if holds((run, records, raws), r.seq)]
            assert matcher.advance()
            assert list(matcher.matches) == wanted
            assert matches(run, text, MARKS) == wanted


def test_a_step_is_bounded() -> None:
    run = log(*[pb.ping()] * 50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "_STEP", 20)
        matcher = Matcher(parse_filter("ping seq>=0"), run)
        assert matcher.progress == 0.0
        assert not matcher.advance(lambda: True)
        assert (len(matcher.matches), matcher.progress) == (10, 0.2)
        assert matcher.advance(lambda: False)
        assert (len(matcher.matches), matcher.progress) == (50, 1.0)


def test_many_conditions_still_take_a_step() -> None:
    text = " ".join(["a"] * 499)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "_STEP", 100)
        patch.setattr(PlainNeedle, "window", 100)
        assert matches(LOG, text) == [s for s in NUMBERS if b"a" in LOG.timeline.raw_event(s)]


def test_an_empty_run_is_done() -> None:
    matcher = Matcher(parse_filter("ping"), Session().run)
    assert matcher.advance(lambda: True)
    assert (list(matcher.matches), matcher.progress) == ([], 1.0)


def test_matches_follow_the_marks() -> None:
    marks = {1}
    marked = Matcher(parse_filter("mark"), LOG, marks)
    other = Matcher(parse_filter("ping"), LOG, marks)
    assert marked.advance() and other.advance()
    first, kept = marked.matches, other.matches
    marks ^= {1, 3, 5}
    assert marked.advance() and other.advance()
    assert (list(first), list(marked.matches)) == ([1], [3, 5])
    assert other.matches is kept


def test_an_anomaly_found_at_the_end_counts() -> None:
    session = Session()
    session.feed(0, b"<html>\n\n<p>x</p>\n\n")
    matcher = Matcher(parse_filter("anomaly"), session.run)
    assert matcher.advance()
    assert list(matcher.matches) == []
    session.finish(1)
    assert session.run.verdict is not None
    assert matcher.advance()
    assert list(matcher.matches) == [0]


def test_recorded_streams_are_filtered(corpus: list[Path]) -> None:
    for path in corpus[::40]:
        run = pb.run([path.read_bytes()]).run
        texts = [seq for seq in range(len(run.timeline)) if run.timeline.label(seq).delta]
        delta = matches(run, "delta")
        assert set(texts) >= set(delta)
        assert sorted(delta + matches(run, "!delta")) == list(range(len(run.timeline)))
