"""Search in the bytes of events, and in the text that they add up to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.spans import Span, spans_of, texts_of
from tests.streams import broken_events, cuts
from tui.core import history
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.find import expression, search, writers
from tui.find.needle import PlainNeedle, Regex, parse_needle
from tui.find.search import Searcher, SearchError


def log(*events: JsonObject | bytes, ended: bool = True) -> Run:
    session = Session()
    for number, event in enumerate(events):
        session.feed(number, pb.wire(event))
    if ended:
        session.finish(len(events))
    return session.run


def hits_of(searcher: Searcher) -> list[int]:
    found = []
    seq = searcher.next_after(-1)
    while seq is not None:
        assert searcher.is_hit(seq)
        found.append(seq)
        seq = searcher.next_after(seq)
    assert len(found) == searcher.count
    return found


def hits(run: Run, needle: str) -> list[int]:
    searcher = Searcher(needle, run)
    assert searcher.advance()
    return hits_of(searcher)


def texts(*pieces: str) -> list[JsonObject]:
    return [pb.message_start(), *pb.text_block(0, *pieces), *pb.ending()]


# --- what is found --------------------------------------------------------------------------------


def test_a_word_is_found_in_its_event() -> None:
    run = log(*texts("to Paris", " and ", "to Rome or paris"))
    assert hits(run, "paris") == [2, 4]
    assert hits(run, "Paris") == [2]
    assert hits(run, "message_stop") == [7]
    assert hits(run, "nowhere") == []


def test_a_word_in_pieces_belongs_to_the_event_of_its_first_letter() -> None:
    run = log(*texts("to P", "ar", "is, Pa", "", "ris and Rom", "e"))
    assert hits(run, "paris") == [2, 4]
    assert hits(run, "Rome") == [6]
    assert hits(run, "o P") == [2]
    assert hits(run, "re:[pP]ar.s") == [2, 4]
    assert hits(run, "re:^to.*Rome$") == [2]


def test_each_block_has_its_own_text() -> None:
    run = log(
        pb.message_start(),
        pb.thinking_start(0),
        pb.tool_start(1),
        pb.text_start(2),
        pb.thinking(0, "Pa"),
        pb.fragment(1, '{"a": "Pa'),
        pb.text(2, "Pa"),
        pb.fragment(1, 'ris"}'),
        pb.thinking(0, "lermo"),
        pb.text(2, "via"),
    )
    assert hits(run, "paris") == [5]
    assert hits(run, "Palermo") == [4]
    assert hits(run, "pavia") == [6]
    assert hits(run, 're:"Paris"') == [5]


def test_text_that_came_with_the_start() -> None:
    run = log(
        pb.message_start({"type": "text", "text": "Par"}),
        pb.block_start(0, "text", text="Vien"),
        pb.text(0, "na"),
        pb.block_start(1, "tool_use", json="Ro", input={}),
        pb.fragment(1, "me"),
    )
    assert hits(run, "vienna") == [1]
    assert hits(run, "Rome") == []


def test_every_event_in_which_an_occurrence_begins_is_a_hit() -> None:
    run = log(*texts("ab", "ab", "a", "b", "aba"))
    assert hits(run, "abab") == [2, 3, 4]
    assert hits(run, "re:abab") == [2, 4]


def test_an_expression_sees_whole_lines() -> None:
    run = log(*texts("one\ntw", "o\nthr", "ee"), ended=False)
    searcher = Searcher("re:^t.+[oe]$", run)
    assert searcher.advance()
    assert hits_of(searcher) == [2]
    ended = log(*texts("one\ntw", "o\nthr", "ee"))
    assert hits(ended, "re:^t.+[oe]$") == [2, 3]
    assert hits(ended, "re:one.two") == []


def test_an_expression_sees_a_long_line_in_pieces() -> None:
    run = log(*texts("aa", "ab", "ba", "aa", "\naa"), ended=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expression, "SEEN", 4)
        assert hits(run, "re:^b") == [4]
        assert hits(run, "re:^aaab") == [2]
        assert hits(run, "re:abb") == []


def test_an_expression_that_matches_nothing_at_all() -> None:
    run = log(*texts("ab\n\ncd"), *texts("x"))
    assert hits(run, "re:z*") == list(range(len(run.timeline)))
    assert hits(run, "re:c{0}d|$") == list(range(len(run.timeline)))


@pytest.mark.parametrize("needle", ["", "re:", "re:(", "x" * 2_000])
def test_nothing_to_search_for(needle: str) -> None:
    with pytest.raises(SearchError) as caught:
        Searcher(needle, log(pb.ping()))
    assert "\n" not in str(caught.value)


# --- going from hit to hit ------------------------------------------------------------------------


def test_from_hit_to_hit() -> None:
    run = log(*texts("a", "Paris", "b", "Paris"))
    searcher = Searcher("paris", run)
    assert (searcher.count, hits_of(searcher), searcher.progress) == (0, [], 0.0)
    assert searcher.advance()
    assert (searcher.count, hits_of(searcher), searcher.progress) == (2, [3, 5], 1.0)
    assert [searcher.next_after(seq) for seq in (-5, -1, 2, 3, 5, 99)] == [3, 3, 3, 5, None, None]
    assert [searcher.previous_before(seq) for seq in (99, 5, 4, 3, 0, -5)] == [5, 3, 3, *[None] * 3]
    assert [searcher.rank(seq) for seq in (-5, 2, 3, 4, 5, 99)] == [0, 0, 1, 1, 2, 2]
    assert [searcher.is_hit(seq) for seq in (-1, 3, 4, 99)] == [False, True, False, False]


def test_an_empty_run_is_done() -> None:
    searcher = Searcher("a", Session().run)
    assert searcher.advance(lambda: True)
    assert (searcher.count, searcher.progress) == (0, 1.0)
    assert searcher.next_after(-1) is None
    assert searcher.previous_before(9) is None


# --- laws -----------------------------------------------------------------------------------------

LETTERS = 'aAb\u00e9\u65e5\U0001f30d"\\\n {'
NEEDLES = st.text(LETTERS, min_size=1, max_size=4)
EXPRESSIONS = st.sampled_from(
    [
        "re:a",
        "re:[ab]{2,3}",
        "re:^a",
        "re:b$",
        "re:a.?b",
        "re:\u00e9+|\\\\",
        "re:x*",
        r"re:\B",
        "re:aa",
    ]
)


@st.composite
def written(draw: st.DrawFn) -> list[JsonObject]:
    """A legal message with three blocks whose deltas come mixed, and with things between."""
    events = [pb.message_start(), pb.text_start(0), pb.tool_start(1), pb.thinking_start(2)]
    for kind, piece in draw(
        st.lists(st.tuples(st.sampled_from("ttttjxp"), st.text(LETTERS, max_size=4)), max_size=25)
    ):
        extras = {"estimated_tokens": 2} if draw(st.integers(0, 9)) == 0 else {}
        events.append(
            {
                "t": pb.text(0, piece, **extras),
                "j": pb.fragment(1, piece, **extras),
                "x": pb.thinking(2, piece, **extras),
                "p": pb.ping(),
            }[kind]
        )
    return events


@st.composite
def frames(draw: st.DrawFn, events: list[JsonObject]) -> list[bytes]:
    """Events as different senders write them, with random blanks before the last brace."""
    escape = draw(st.booleans())
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    result = []
    for event in events:
        document = json.dumps(event, ensure_ascii=escape, separators=separators)
        document = document[:-1] + " " * draw(st.sampled_from([0, 0, 1, 5])) + "}"
        result.append(pb.sse(document, str(event["type"]), end))
    return result


def same(char: str, other: str, fold: bool) -> bool:
    if not fold or not (char.isalpha() and other.isalpha()):
        return char == other
    return other in (char, char.lower(), char.upper())


def occurrences(text: str, needle: str) -> Iterator[int]:
    """Where `needle` begins in `text`, overlaps included."""
    fold = not any(char.isupper() for char in needle)
    for at in range(len(text) - len(needle) + 1):
        if all(same(needle[i], text[at + i], fold) for i in range(len(needle))):
            yield at


def naive_text(text: str, needle: str, spans: list[Span]) -> set[int]:
    owner = {at: span.seq for span in spans for at in range(span.start, span.end)}
    return {owner[at] for at in occurrences(text, needle)}


def naive_lines(text: str, pattern: str, spans: list[Span]) -> set[int]:
    """The expression in each line; a match goes on to the end of the event it began in."""
    found = set()
    ends = {at: span for span in spans for at in range(span.start, span.end)}
    start = 0
    for line in text.split("\n"):
        at = 0
        while at < len(line):
            match = re.compile(pattern, re.MULTILINE).search(line, at)
            if match is None or match.start() == len(line):
                break
            span = ends[start + match.start()]
            found.add(span.seq)
            at = max(match.end(), span.end - start)
        start += len(line) + 1
    return found


def naively(run: Run, needle: str) -> list[int]:
    timeline = run.timeline
    in_bytes = set(parse_needle(needle).events(timeline, 0, len(timeline)))
    found = set(in_bytes)
    spans = spans_of(run)
    for key, text in texts_of(run).items():
        if needle.startswith("re:"):
            found |= naive_lines(text, needle[3:], spans[key])
        else:
            found |= naive_text(text, needle, spans[key])
    return sorted(found)


def small(patch: pytest.MonkeyPatch, size: int) -> None:
    """Make everything that works in steps work in small ones."""
    patch.setattr(search, "_CHARS", size)
    patch.setattr(search, "_BLOCKS", 2)
    patch.setattr(writers, "_WINDOW", size * 30)
    patch.setattr(writers, "_NEAR", size)
    patch.setattr(history, "EVERY", size)
    patch.setattr(PlainNeedle, "window", size * 30)
    patch.setattr(Regex, "window", size * 30)


@given(written().flatmap(frames), NEEDLES | EXPRESSIONS, st.integers(1, 9), st.booleans())
def test_hits_are_those_of_a_naive_scan(
    events: list[bytes], needle: str, size: int, together: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        small(patch, size)
        session = Session()
        growing = Searcher(needle, session.run)
        for number, chunk in enumerate([b"".join(events)] if together else events):
            session.feed(number, chunk)
            growing.advance(lambda: True)
        session.finish(99)
        wanted = naively(session.run, needle)
        while not growing.advance(lambda: True):
            pass
        assert hits_of(growing) == wanted
        assert growing.count == len(wanted)
        assert hits(session.run, needle) == wanted
    assert hits(session.run, needle) == wanted


@given(broken_events().flatmap(lambda events: cuts(pb.wire(*events))), NEEDLES | EXPRESSIONS)
def test_broken_streams_are_searched_as_well(chunks: list[bytes], needle: str) -> None:
    session = Session()
    searcher = Searcher(needle, session.run)
    known: set[int] = set()
    for chunk in chunks:
        session.feed(0, chunk)
        searcher.advance(lambda: True)
        assert known <= set(hits_of(searcher))
        known = set(hits_of(searcher))
    session.finish(0)
    run = session.runs[0]
    assert searcher.advance()
    count = len(run.timeline)
    assert set(parse_needle(needle).events(run.timeline, 0, count) if count else []) <= set(
        hits_of(searcher)
    )
    assert all(0 <= seq < count for seq in hits_of(searcher))


def test_a_call_does_one_step_at_least() -> None:
    run = log(*texts(*["Par", "is "] * 30))
    with pytest.MonkeyPatch.context() as patch:
        small(patch, 4)
        searcher = Searcher("paris", run)
        calls = 1
        while not searcher.advance(lambda: True):
            calls += 1
        assert calls > 20
    assert hits_of(searcher) == list(range(2, 62, 2))


def test_many_blocks_are_passed_over_in_steps() -> None:
    blocks = [event for index in range(9) for event in pb.text_block(index, "Par", "is")]
    run = log(pb.message_start(), *blocks, *pb.ending())
    with pytest.MonkeyPatch.context() as patch:
        small(patch, 2)
        assert hits(run, "paris") == [2 + 4 * index for index in range(9)]


def test_recorded_streams_are_searched(corpus: list[Path]) -> None:
    for path in corpus[::40]:
        for run in pb.run([path.read_bytes()]).runs:
            for (_, _), text in texts_of(run).items():
                middle = text[len(text) // 2 :][:9]
                if middle.strip():
                    assert hits(run, middle)


# --- while it is looked for -----------------------------------------------------------------------


@pytest.mark.parametrize("needle", ["paris", "re:Par.s", "is is"])
def test_a_first_match_is_found_soon_wherever_it_is(needle: str) -> None:
    run = log(*texts(*["Par", "is is\n"] * 300))
    with pytest.MonkeyPatch.context() as patch:
        small(patch, 8)
        searcher = Searcher(needle, run)
        steps = 1
        while not searcher.advance(lambda: True) and not searcher.count:
            steps += 1
        assert searcher.count
        assert steps < 20, "a step through the events and one through the text take turns"
        assert min(hits_of(searcher)) < 20


@pytest.mark.parametrize("needle", ["paris", "re:Par.s", "nowhere"])
def test_progress_only_grows_and_is_whole_at_the_end(needle: str) -> None:
    run = log(*texts(*["Par", "is\n"] * 200))
    with pytest.MonkeyPatch.context() as patch:
        small(patch, 8)
        searcher = Searcher(needle, run)
        known = [searcher.progress]
        while not searcher.advance(lambda: True):
            known.append(searcher.progress)
            assert known[-1] < 1.0 or searcher.advance(lambda: True)
        assert known == sorted(known)
        assert len(set(known)) > 20
        assert searcher.progress == 1.0


def test_what_comes_while_text_is_looked_at_is_found_too() -> None:
    session = Session()
    session.feed(0, pb.wire(pb.message_start(), pb.text_start(), *[pb.text(0, "Pa")] * 30))
    run = session.run
    with pytest.MonkeyPatch.context() as patch:
        small(patch, 4)
        searcher = Searcher("ris", run)
        for _ in range(40):
            searcher.advance(lambda: True)
        session.feed(1, pb.wire(pb.text(0, "r"), pb.text(0, "is"), pb.text(0, "ris")))
        session.finish(2)
        while not searcher.advance(lambda: True):
            pass
        assert hits_of(searcher) == [32, 34]
