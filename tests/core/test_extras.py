"""Undeclared fields: their parts make what would have come whole."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.extras import Extras, joined
from tui.core.records import JsonObject

VALUES = st.recursive(
    st.sampled_from([None, 1, "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=5,
)
PARTS = st.lists(st.dictionaries(st.sampled_from("pq"), VALUES, min_size=1), max_size=6)


def merged(earlier: object, later: object) -> object:
    """One part on top of another."""
    if isinstance(earlier, dict) and isinstance(later, dict):
        both = {**earlier, **later}
        for name in earlier.keys() & later.keys():
            both[name] = merged(earlier[name], later[name])
        return both
    if isinstance(earlier, list) and isinstance(later, list):
        return [*earlier, *later]
    return earlier if later is None else later


@given(PARTS, st.dictionaries(st.sampled_from("pq"), VALUES))
def test_all_at_once_is_one_part_on_top_of_another(
    parts: list[JsonObject], base: JsonObject
) -> None:
    before = copy.deepcopy((parts, base))
    extras = Extras()
    expected: object = base
    marks = []
    for part in parts:
        marks.append((extras.mark(), extras.onto(base)))
        extras.add(part)
        expected = merged(expected, part)
    assert extras.onto(base) == expected
    assert (parts, base) == before
    for mark, then in marks:
        assert extras.upto(mark).onto(base) == then
        assert extras.upto(mark).mark() == mark


def test_parts_of_one_field() -> None:
    assert joined([1, {"a": 1}, "x", {"b": [1]}, {"b": [2], "c": None}]) == {"b": [1, 2], "c": None}
    assert joined([None, None]) is None
    assert joined(["old", "new", None]) == "new"


def test_a_count_with_every_event_takes_one_place() -> None:
    extras = Extras()
    for number in range(1_000):
        extras.add({"count": number})
    assert extras.mark() == (1, {"count": 999})
    assert extras and extras != Extras() and repr(extras) == "Extras([{'count': 999}])"


def test_undeclared_fields_of_events_are_those_of_the_message() -> None:
    """As the official SDK has it for a field that it does not know."""
    pb.play(
        pb.message_start(private={"nested": {"values": [1, 2]}}),
        pb.text_start(0) | {"private": {"at": "start"}},
        pb.text(0, "Hello") | {"private": {"nested": {"values": [3], "chunk": "one"}}},
        *[pb.text(0, "!")] * 10,
        pb.text(0, "?") | {"private": {"nested": {"values": [4, 5], "chunk": "two"}}},
        pb.block_stop(0) | {"trace": "b"},
        pb.message_delta(private={"nested": {"values": [6]}}),
        pb.message_stop(trace=None),
    ).expect(
        text="Hello!!!!!!!!!!?",
        private={"nested": {"values": [1, 2, 3, 4, 5, 6], "chunk": "two"}, "at": "start"},
        trace="b",
    )


def test_declared_fields_hold_their_latest_value() -> None:
    pb.play(
        pb.message_start(context_management={"applied_edits": [1]}, container={"id": "a"}),
        pb.text_start(0) | {"id": "other", "model": "other", "stop_reason": "other"},
        pb.block_stop(0),
        pb.message_delta(context_management={"applied_edits": [2]}, input_transformations=[3]),
        pb.message_delta(input_transformations=[4], context_management=None),
        pb.message_stop(),
    ).expect(
        content=[{"type": "text"}],
        id="msg_1",
        model="claude-sonnet-5-5",
        context_management={"applied_edits": [2]},
        input_transformations=[4],
        container={"id": "a"},
    )


def test_undeclared_fields_of_deltas_are_those_of_the_block() -> None:
    played = pb.play(
        pb.message_start(),
        pb.block_start(0, "thinking", thinking="", signature="", seen=[0], level=1),
        pb.thinking(0, "a", seen=[1], estimated_tokens=5, level=9),
        pb.thinking(0, "b", seen=[2], estimated_tokens=7, text="no"),
        pb.block_stop(0),
        *pb.ending(),
    )
    assert played.content == [
        {
            "type": "thinking",
            "thinking": "ab",
            "signature": "",
            "seen": [0, 1, 2],
            "level": 1,
            "estimated_tokens": 7,
        }
    ]


def test_an_event_without_an_index_keeps_its_fields_too() -> None:
    lost = pb.delta(0, "text_delta", text="a") | {"private": [1]}
    del lost["index"]
    pb.play(pb.message_start(), pb.text_start(0), lost, pb.block_stop(0), *pb.ending()).expect(
        anomalies=["missing_index"], private=[1]
    )


def test_a_message_that_has_nothing_else() -> None:
    pb.play(pb.thinking_start(0) | {"private": 1}, pb.block_stop(0), pb.message_stop()).expect(
        anomalies=["event_before_start"], private=1
    )
