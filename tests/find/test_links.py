"""Which event wrote which character, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core import history
from tui.core.delta_text import Field, buffer_of
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.find.links import Contribution, contribution
from tui.find.writers import writer_of


def recorded(*events: JsonObject) -> Run:
    session = Session()
    for number, event in enumerate(events):
        session.feed(number, pb.wire(event))
    session.finish(0)
    return session.run


def added(run: Run, seq: int) -> Contribution | None:
    return contribution(run.timeline.at(seq + 1), run.timeline.record(seq))


PIECES = st.lists(st.tuples(st.sampled_from("tjx"), st.text("abc\u00e9", max_size=3)), max_size=40)


@given(PIECES)
def test_each_character_leads_to_its_event_and_back(pieces: list[tuple[str, str]]) -> None:
    events: list[JsonObject] = [
        pb.message_start(),
        pb.text_start(0),
        pb.tool_start(1),
        pb.thinking_start(2),
    ]
    for kind, piece in pieces:
        events.append(
            {"t": pb.text(0, piece), "j": pb.fragment(1, piece), "x": pb.thinking(2, piece)}[kind]
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "EVERY", 4)
        run = recorded(*events)
        fields: dict[str, tuple[int, Field]] = {
            "t": (0, "text"),
            "j": (1, "json"),
            "x": (2, "thinking"),
        }
        for seq, (kind, piece) in enumerate(pieces, 4):
            found = added(run, seq)
            if not piece:
                assert found is None
                continue
            assert found is not None
            assert (found.position, found.field) == fields[kind]
            buffer = buffer_of(run.state.blocks[found.position], found.field)
            assert buffer.slice(found.start, found.end) == piece
            for offset in range(found.start, found.end):
                assert writer_of(run, found.position, found.field, offset) == seq


def test_text_that_came_with_the_start_leads_to_the_start() -> None:
    run = recorded(pb.message_start(), pb.block_start(0, "text", text="Hi "), pb.text(0, "you"))
    assert [writer_of(run, 0, "text", offset) for offset in (0, 2, 3, 5)] == [1, 1, 2, 2]


def test_what_nothing_wrote_leads_to_the_start_of_the_block() -> None:
    run = recorded(pb.message_start(), pb.text_start(0), pb.ping(), pb.text(0, "a"))
    assert writer_of(run, 0, "text", 7) == 1
    assert writer_of(run, 0, "json", 0) == 1


def test_a_block_that_was_never_started_is_found_by_its_first_delta() -> None:
    run = recorded(pb.message_start(), pb.text(5, "ab"), pb.text(5, "c"))
    assert [writer_of(run, 0, "text", offset) for offset in range(3)] == [1, 1, 2]


@pytest.mark.parametrize(
    "event",
    [
        pb.ping(),
        pb.signature(0, "s"),
        pb.delta(0, "new_delta", text="x"),
        {"type": "content_block_delta", "index": 0, "delta": 5},
        {"type": "content_block_delta", "index": 0, "delta": {"type": ["text_delta"]}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 5}},
    ],
)
def test_events_that_add_no_text(event: JsonObject) -> None:
    run = recorded(pb.message_start(), pb.thinking_start(0), event)
    assert added(run, 2) is None
