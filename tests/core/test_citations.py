"""What an answer cites: numbers, marks, and the text that citations split."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.buffer import Buffer
from tui.core.citations import (
    CitedSources,
    CitedText,
    cited_texts,
    host_of,
    joins,
    source_line,
    sources_of,
)
from tui.core.records import JsonObject
from tui.core.session import Session
from tui.core.state import Block, RunState
from tui.core.transcript_text import TranscriptText, answer_text


def web(place: str, title: str, text: str) -> JsonObject:
    """A citation of a search result."""
    return {
        "type": "web_search_result_location",
        "url": place,
        "title": title,
        "cited_text": text,
        "encrypted_index": "Eo8",
    }


TIDES = web("https://www.example.org/tides?day=6", "Tides", "Low water 13:10.")
ROADS = web("https://roads.example/a", "Roads", "The road floods.")
MORE_TIDES = web("https://www.example.org/tides?day=6", "Tides", "High water 19:22.")


def cited_block(index: int, text: str, *citations: object) -> list[JsonObject]:
    """A text block with citations, as the API sends it."""
    return [
        pb.block_start(index, "text", text="", citations=[]),
        *(pb.text(index, part) for part in (text[:3], text[3:])),
        *(pb.delta(index, "citations_delta", citation=one) for one in citations),
        pb.block_stop(index),
    ]


ANSWER = [
    pb.message_start(),
    *pb.text_block(0, "It is so: "),
    *cited_block(1, "the tide is low", TIDES, ROADS, TIDES),
    *pb.text_block(2, ". And"),
    *cited_block(3, " high later. ", MORE_TIDES),
    *pb.text_block(4, "(See there.)"),
    *pb.ending(),
]


def state_of(events: list[JsonObject]) -> RunState:
    return pb.run([pb.wire(*events)]).run.state


def test_text_that_citations_split_is_one_text_with_numbers_in_it() -> None:
    assert answer_text(state_of(ANSWER)) == (
        "It is so: the tide is low[1][2]. And high later.[1] (See there.)\n\n"
        "[1] Tides  example.org\n[2] Roads  roads.example"
    )


def test_blocks_without_citations_are_texts_of_their_own() -> None:
    state = state_of([pb.message_start(), *pb.text_block(0, "One"), *pb.text_block(1, "Two")])
    assert answer_text(state) == "One\n\nTwo"
    assert not joins(None, state.blocks[0])
    assert not joins(state.blocks[0], state.blocks[1])


def test_a_block_between_ends_the_text() -> None:
    state = state_of(
        [
            pb.message_start(),
            *cited_block(0, "Low", TIDES),
            *pb.tool_block(1, "{}"),
            *cited_block(2, "Flooded", ROADS),
        ]
    )
    assert answer_text(state).startswith("Low[1]\n\nFlooded[2]\n\n[1]")


@given(st.lists(st.integers(0, len(pb.wire(*ANSWER))), max_size=30))
def test_what_is_told_bit_by_bit_is_what_is_told_at_once(places: list[int]) -> None:
    session, told = Session(), TranscriptText()
    text = ""
    for number, data in enumerate(pb.cut(pb.wire(*ANSWER), places)):
        session.feed(number, data)
        text += "".join(gain.text for gain in told.take(session.run.state))
    session.finish(100)
    text += "".join(gain.text for gain in told.take(session.run.state))
    assert answer_text(session.run.state).startswith(text + "\n\n[1]")


def test_every_character_knows_its_block() -> None:
    state = state_of(ANSWER)
    cited = CitedText(CitedSources())
    whole = ""
    for block in state.blocks:
        whole += cited.take(block, block.text.upto(2), over=False)
        whole += cited.take(block, block.text, over=True)
    for block in state.blocks:
        text = block.text.text()
        for offset, character in enumerate(text):
            place = cited.place(block.position, offset)
            assert whole[place] == character
            assert cited.origin(place) == (block.position, offset)
    mark = whole.index("[1]")
    assert cited.origin(mark) == (1, len("the tide is low") - 1)
    assert cited.origin(len(whole) + 9) == (4, len("(See there.)") - 1)


def test_a_mark_opens_no_fence_again() -> None:
    state = state_of([pb.message_start(), *cited_block(0, "```\ncode\n```\n", TIDES)])
    assert answer_text(state).startswith("```\ncode\n```\n[1]\n")


def test_what_is_cited_of_a_source_is_listed_once() -> None:
    blocks = state_of(ANSWER).blocks
    assert cited_texts(blocks, 1) == ["Low water 13:10.", "High water 19:22."]
    assert cited_texts(blocks, 2) == ["The road floods."]
    assert cited_texts(blocks, 3) == []


def test_documents_search_results_and_unknown_citations_have_names() -> None:
    block = Block(0, "text", {}, 0, 0)
    block.citations = [
        {"type": "char_location", "document_index": 0, "document_title": None, "cited_text": "a"},
        {"type": "page_location", "document_index": 1, "document_title": "Report"},
        {"type": "char_location", "document_index": 0, "cited_text": "b"},
        {"type": "search_result_location", "source": "kb/42", "title": "Answers"},
        {"type": "moon_location", "crater": 7},
        "not even an object",
        {"type": "char_location", "cited_text": "word for word"},
    ]
    sources = sources_of([block])
    assert [source_line(source) for source in sources.listed] == [
        "[1] Document 1",
        "[2] Report",
        "[3] Answers  kb/42",
        '[4] {"crater": 7, "type": "moon_location"}',
        '[5] "not even an object"',
        "[6] word for word",
    ]


def test_hosts() -> None:
    assert host_of("https://www.example.org:8443/a?b") == "example.org"
    assert host_of("https://me:secret@Host.example?x") == "host.example"
    assert host_of("http://[::1]:80/") == "[::1]"
    assert host_of("kb/42") == "kb/42"
    assert host_of("http://[broken") == "http://[broken"


def test_empty() -> None:
    assert CitedText(CitedSources()).origin(3) == (0, 0)
    cited = CitedText(CitedSources())
    cited.take(Block(7, "text", {}, 0, 0, position=2), Buffer(), over=False)
    assert cited.origin(0) == (2, 0)
