"""Checkpoints: the past folded from nearby is the past."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.playbook import wire
from tui.core import history
from tui.core.records import JsonObject
from tui.core.reducer import fold
from tui.core.session import Run, Session

TEXTS = st.text('ab\n{}":1,', max_size=4)
DELTAS = st.one_of(
    st.builds(lambda t: {"type": "text_delta", "text": t}, TEXTS),
    st.builds(lambda t: {"type": "thinking_delta", "thinking": t, "estimated_tokens": 1}, TEXTS),
    st.builds(lambda t: {"type": "input_json_delta", "partial_json": t}, TEXTS),
    st.builds(lambda t: {"type": "signature_delta", "signature": t}, TEXTS),
    st.builds(lambda t: {"type": "citations_delta", "citation": {"title": t}}, TEXTS),
    st.builds(lambda t: {"type": "new_delta", "x": t}, TEXTS),
)
INDEXES = st.integers(0, 2)
EVENTS = st.one_of(
    st.builds(
        lambda i, k: {"type": "content_block_start", "index": i, "content_block": {"type": k}},
        INDEXES,
        st.sampled_from(["text", "thinking", "tool_use"]),
    ),
    st.builds(
        lambda i, d: {"type": "content_block_delta", "index": i, "delta": d}, INDEXES, DELTAS
    ),
    st.builds(lambda i: {"type": "content_block_stop", "index": i}, INDEXES),
    st.just({"type": "ping"}),
    st.builds(
        lambda n: {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": n},
        },
        st.integers(0, 9),
    ),
    st.just({"type": "error", "error": {"type": "overloaded_error"}}),
)
START: JsonObject = {"type": "message_start", "message": {"usage": {"output_tokens": 1}}}


def recorded(events: list[JsonObject], step_ns: int = 1_500_000_000) -> Run:
    session = Session()
    for number, event in enumerate([START, *events]):
        session.feed(number * step_ns, wire(event))
    session.finish(0)
    return session.run


@given(st.lists(EVENTS, max_size=40), st.data())
def test_any_past_is_the_fold_of_its_events(events: list[JsonObject], data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "EVERY", 3)
        run = recorded(events)
        records = list(run.timeline.records())
        for _ in range(4):
            count = data.draw(st.integers(0, len(records)))
            assert run.timeline.at(count) == fold(records[:count])
        assert run.timeline.at(0) == fold([])


@given(st.lists(EVENTS, max_size=40), st.integers(1, 5))
def test_going_back_step_by_step_is_the_fold_of_ever_fewer_events(
    events: list[JsonObject], fine: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "EVERY", 12)
        patch.setattr(history, "FINE", fine)
        run = recorded(events)
        records = list(run.timeline.records())
        for count in [*range(len(records), -1, -1), len(records), len(records) // 2]:
            assert run.timeline.at(count) == fold(records[:count])


def test_a_step_back_folds_few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "EVERY", 100)
    monkeypatch.setattr(history, "FINE", 10)
    run = recorded([{"type": "ping"}] * 399)
    run.timeline.at(399)
    run.timeline.at(395)
    kept = run.timeline.history
    assert kept is not None
    assert [kept.nearest(count) for count in (395, 389, 301, 299)] == [390, 380, 300, 200]
    run.timeline.at(250)
    assert [kept.nearest(count) for count in (395, 249)] == [300, 240]


def test_what_was_restored_is_independent_of_the_live_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "EVERY", 2)
    text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    run = recorded([start, text, text, text])
    before = run.state.message_json()
    past = run.timeline.at(3)
    past.blocks[0].text.append("changed")
    past.counts["ping"] = 99
    assert run.state.message_json() == before
    assert "ping" not in run.state.counts


def test_a_checkpoint_is_taken_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "EVERY", 3)
    run = recorded([{"type": "ping"}] * 8)
    kept = run.timeline.history
    assert kept is not None
    assert [kept.nearest(count) for count in range(10)] == [0, 0, 0, 3, 3, 3, 6, 6, 6, 9]
    assert kept.restore(2).records == 0
    assert kept.restore(7).records == 6
    assert kept.reached(0, "text", 0) == (9, 0)


def test_a_second_stop_at_the_same_time_changes_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first stop came too early: what it said of the input is taken back, then said anew."""
    monkeypatch.setattr(history, "EVERY", 1)
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}}
    stop = {"type": "content_block_stop", "index": 0}
    first, second = (
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": text},
        }
        for text in ('{"a"', ": 1}")
    )
    run = recorded([start, first, stop, second, stop], step_ns=0)
    records = list(run.timeline.records())
    for count in (6, 5, 4, 3, 6):
        past, folded = run.timeline.at(count), fold(records[:count])
        assert past == folded
        assert past.blocks[0].input == folded.blocks[0].input
        assert past.blocks[0].input_error == folded.blocks[0].input_error
    assert run.timeline.at(6).blocks[0].input == {"a": 1}
