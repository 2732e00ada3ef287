"""Which events wrote a text, asked for in ascending order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tests.spans import spans_of, texts_of
from tests.streams import cuts, legal_bytes
from tests.sweeps import few
from tui.core import history
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.core.steps import finish
from tui.find import writers
from tui.find.writers import Writers, Written


def log(*events: JsonObject | bytes) -> Run:
    session = Session()
    for number, event in enumerate(events):
        session.feed(number, pb.wire(event))
    session.finish(len(events))
    return session.run


def written(run: Run, place: int = 0) -> list[tuple[int, int]]:
    """Ask for each event in turn; return it with the characters it wrote."""
    found = Writers(run, place, "text")
    result = []
    at = 0
    while at < len(run.state.blocks[place].text):
        seq, end = finish(found.find(at))
        result.append((seq, end - at))
        at = end
    return result


@settings(max_examples=few(15))
@given(legal_bytes().flatmap(cuts), st.integers(1, 200), st.integers(1, 9), st.data())
def test_each_character_leads_to_its_event(
    chunks: list[bytes], window: int, every: int, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writers, "_WINDOW", window)
        patch.setattr(writers, "_NEAR", every)
        patch.setattr(history, "EVERY", every)
        run = pb.run(chunks).run
        spans = spans_of(run)
        for key, text in texts_of(run).items():
            found = Writers(run, *key)
            at = 0
            while at < len(text):
                owner = next(span for span in spans[key] if span.start <= at < span.end)
                assert finish(found.find(at)) == Written(owner.seq, owner.end)
                at = data.draw(st.integers(owner.end, owner.end + 4))


def shaped(pieces: list[str], *, escape: bool) -> list[bytes]:
    events = [pb.message_start(), pb.text_start(), *(pb.text(0, piece) for piece in pieces)]
    return [pb.sse(json.dumps(event, ensure_ascii=escape), str(event["type"])) for event in events]


PIECES = [
    *("plain", "", "a", "two words", 'a "quoted" word', "back\\slash", "line\nend", "\t", "a\x7f"),
    *("caf\u00e9", "\U0001f30d", "\u65e5\u672c", "{}", '"}}', "a", "\\\\n", "\x01", "a/b"),
]


@pytest.mark.parametrize("escape", [True, False])
@pytest.mark.parametrize("first", range(len(PIECES)))
def test_lengths_are_those_of_parsing(escape: bool, first: int) -> None:
    pieces = PIECES[first:] + PIECES[:first]
    wanted = [(seq, len(piece)) for seq, piece in enumerate(pieces, 2) if piece]
    assert written(log(*shaped(pieces, escape=escape))) == wanted


def test_most_events_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = log(*shaped(["abc", 'a "b"', "c\\d\n", "\u00e9", " "] * 20, escape=False))
    parsed: list[bytes] = []
    parse = Writers._text_of

    def counted(self: Writers, raw: bytes) -> str:
        parsed.append(raw)
        return parse(self, raw)

    monkeypatch.setattr(Writers, "_text_of", counted)
    assert written(run) == list(enumerate([3, 5, 4, 1, 1] * 20, 2))
    assert len(parsed) == 2


def raw_delta(inside: str, index: int = 0) -> bytes:
    data = f'{{"type":"content_block_delta","index":{index},{inside}}}'
    return f"event: content_block_delta\ndata: {data}\n\n".encode()


PLAIN = '"delta":{"type":"text_delta","text":"%s"}'
TRAPS = [
    '"delta":{"type":"text_delta","text":"%s","x":"%s"}',
    '"delta":{"type":"text_delta","x":"%s","text":"%s"}',
    '"delta":{"text":"%s","type":"text_delta"}',
    '"delta":{"type":"text_delta","text":"%s"},"x":{"text":"%s"}',
    '"x":{"text":"%s"},"delta":{"type":"text_delta","text":"%s"}',
    '"delta":{"type":"text_delta","text":"x"},"delta":{"type":"text_delta","text":"%s"}',
    '"delta":{"type":"text_delta","text":"x","text":"%s"}',
    '"delta":{"type":"text_delta","x":{"text":"%s"},"text":"ab"}',
    '"delta":{"type":"text_delta","text":"%s"  }  ',
    '"delta":{"type":"text_delta","text":5,"x":"%s"}',
]


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("first", [True, False])
def test_what_looks_like_a_delta_is_measured_right(trap: str, first: bool) -> None:
    shapes = [trap, PLAIN, trap, PLAIN, trap] if first else [PLAIN, trap, trap, PLAIN]
    events = []
    for number, shape in enumerate(shapes):
        piece = "ab" * (number + 1)
        events.append(raw_delta(shape.replace("%s", piece)))
    run = log(pb.message_start(), pb.text_start(), *events)
    assert written(run) == [(span.seq, span.end - span.start) for span in spans_of(run)[0, "text"]]


def test_bytes_that_are_not_utf8() -> None:
    good, bad = raw_delta(PLAIN % "abc"), raw_delta(PLAIN % "a?c")
    run = log(
        pb.message_start(),
        pb.text_start(),
        good,
        bad.replace(b"?", b"\xff"),
        bad.replace(b"?", b"\xe2\x82"),
        bad.replace(b"?", b"\x01"),
        bad.replace(b"?", b"\\x"),
        good,
    )
    spans = spans_of(run)[0, "text"]
    assert written(run) == [(span.seq, span.end - span.start) for span in spans]


def test_a_block_begun_by_its_first_delta() -> None:
    run = log(pb.message_start(), pb.text(3, "ab"), pb.ping(), pb.text(3, "c"))
    assert written(run) == [(1, 2), (3, 1)]


def test_text_that_came_with_the_start() -> None:
    run = log(pb.message_start(), pb.block_start(0, "text", text="abc"), pb.text(0, "d"))
    assert written(run) == [(1, 3), (2, 1)]


def test_characters_without_a_known_writer_are_those_of_the_block() -> None:
    lost = pb.text(0, "lost")
    del lost["index"]
    run = log(pb.message_start(), pb.ping(), pb.text_start(), lost)
    assert run.state.blocks[0].text.text() == "lost"
    assert finish(Writers(run, 0, "text").find(1)) == Written(2, 2)


def test_a_timeline_without_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    run = log(pb.message_start(), *pb.text_block(0, *["ab"] * 400))
    monkeypatch.setattr(run.timeline, "history", None)
    assert finish(Writers(run, 0, "text").find(700)) == Written(352, 702)
