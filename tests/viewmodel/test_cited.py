"""Citations in the transcript: numbers in the text, one text of many blocks, a list of sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.core.test_citations import ANSWER, ROADS, TIDES, cited_block
from tui.core.buffer import Buffer
from tui.core.records import JsonObject
from tui.core.session import Session
from tui.find.links import contribution
from tui.viewmodel import Moment, TranscriptItem, TranscriptItems, TranscriptView, transcript
from tui.viewmodel.cited import source_lines

WHOLE = "It is so: the tide is low[1][2]. And high later.[1] (See there.)"


def session_of(*events: JsonObject, end: bool = True) -> Session:
    session = Session()
    session.feed(0, pb.wire(*events))
    if end:
        session.finish(1)
    return session


def view_of(session: Session, cursor: int | None = None) -> TranscriptView:
    run = session.run
    if cursor is None:
        return TranscriptView(Moment(run, run.state, len(run.timeline), False, 0), "demo")
    state = run.timeline.at(cursor)
    added = contribution(state, run.timeline.record(cursor - 1)) if cursor else None
    return TranscriptView(Moment(run, state, cursor, True, 0, added), "demo")


def body(item: TranscriptItem) -> str:
    return item.body.text() if isinstance(item.body, Buffer) else item.body


def test_one_text_and_one_list_of_sources() -> None:
    text, sources, stop = transcript(view_of(session_of(*ANSWER)))
    assert (text.kind, text.key, body(text)) == ("text", ("block", 0), WHOLE)
    assert (sources.kind, stop.kind) == ("sources", "stop")
    assert body(sources) == "[1] Tides  example.org\n[2] Roads  roads.example"
    assert [line.mark for line in sources.lines] == ["[1] ", "[2] "]


def test_the_list_comes_when_the_answer_is_there() -> None:
    before_stop = view_of(session_of(*ANSWER[:-1], end=False))
    assert [item.kind for item in transcript(before_stop)] == ["text", "stop"]
    cut = view_of(session_of(*ANSWER[:-2]))
    assert [item.kind for item in transcript(cut)][:2] == ["text", "sources"]


@given(st.lists(st.integers(0, len(pb.wire(*ANSWER))), max_size=30))
def test_it_grows_to_the_same_and_what_was_shown_stays(places: list[int]) -> None:
    session, items = Session(), TranscriptItems()
    shown: tuple[int, str] = 0, ""
    for data in pb.cut(pb.wire(*ANSWER), places):
        session.feed(0, data)
        texts = [item for item in items.of(view_of(session)) if item.kind == "text"]
        if texts:
            assert len(texts) == 1
            now = texts[0].version, body(texts[0])
            # Where the body is not the one before with more behind it, the version says so.
            assert now[0] != shown[0] or now[1].startswith(shown[1])
            shown = now
    session.finish(1)
    assert items.of(view_of(session)) and body(items.of(view_of(session))[0]) == WHOLE


def test_in_the_past_the_added_characters_are_those_of_the_whole_text() -> None:
    session = session_of(*ANSWER)
    added = ""
    for cursor in range(len(session.run.timeline) + 1):
        for item in transcript(view_of(session, cursor)):
            if item.kind == "text" and item.highlight is not None:
                start, end = item.highlight
                added += body(item)[start:end]
    assert added.split() == "It is so: the tide is low. And high later.(See there.)".split()


def test_interleaved_blocks_are_joined_once_the_first_has_ended() -> None:
    first, second = cited_block(0, "One", TIDES), cited_block(1, "Two", ROADS)
    mixed = [pb.message_start(), first[0], *second, *first[1:-1]]
    open_ones = transcript(view_of(session_of(*mixed, end=False)))
    assert [body(item) for item in open_ones] == ["One", "Two"]
    both = transcript(view_of(session_of(*mixed, first[-1], *pb.ending())))
    assert body(both[0]) == "One[1]Two[2]"


def test_a_late_delta_changes_the_version() -> None:
    session = Session()
    items = TranscriptItems()
    session.feed(0, pb.wire(pb.message_start(), *cited_block(0, "One", TIDES)))
    before = items.of(view_of(session))[0]
    session.feed(0, pb.wire(pb.text(0, " more")))
    after = items.of(view_of(session))[0]
    assert (body(before), body(after)) == ("One[1]", "One more[1]")
    assert before.version != after.version


def test_a_closer_look_at_a_source() -> None:
    blocks = session_of(*ANSWER).run.state.blocks
    text = ["".join(part for part, _ in line.pieces) for line in source_lines(blocks, 1)]
    assert text == [
        "Tides",
        "https://www.example.org/tides?day=6",
        "",
        "Low water 13:10.",
        "",
        "High water 19:22.",
    ]
    assert source_lines(blocks, 3) == []
    silent = session_of(pb.message_start(), *cited_block(0, "x", {"title": "T"})).run.state.blocks
    assert "No text" in source_lines(silent, 1)[-1].pieces[0][0]
