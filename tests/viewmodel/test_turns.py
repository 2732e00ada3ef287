"""The turns of a request as the transcript shows them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.core.records import JsonObject
from tui.viewmodel.turns import turn_items


def request(*turns: tuple[str, object]) -> JsonObject:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def test_a_dialogue() -> None:
    items = turn_items(request(("user", "Hi"), ("assistant", [{"type": "text", "text": "Yes"}])))
    assert [(item.kind, item.label, item.body) for item in items] == [
        ("prompt", "you", "Hi"),
        ("text", "", "Yes"),
    ]
    assert not any(item.open for item in items)


def test_calls_and_their_results() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"at": "Rome"}}
    thinking = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    results = [
        {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"},
        {"type": "tool_result", "tool_use_id": "t2", "is_error": True, "content": None},
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "a"}, 5]},
    ]
    items = turn_items(request(("assistant", [thinking, call]), ("user", results)))
    assert [(item.kind, item.label, item.body) for item in items] == [
        ("block", "thinking  2 chars, sent back", ""),
        ("tool", 'get_weather  {at: "Rome"}', ""),
        ("result", "get_weather result", "sunny"),
        ("result", "tool failed", ""),
        ("result", "get_weather result", "a\n5"),
    ]


def test_what_a_tool_printed_stands_before_its_result() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"}
    turns = request(("assistant", [call]), ("user", [result]))
    items = turn_items(turns, {"t1": "x" * 1_000_000, "t2": "of another"})
    assert [(item.kind, item.label) for item in items[1:]] == [
        ("result", "get_weather printed"),
        ("result", "get_weather result"),
    ]
    assert len(items[1].body) < 30_000


def test_only_the_last_turns_are_shown() -> None:
    items = turn_items(request(*(("user", f"turn {number}") for number in range(100))))
    assert items[0].label == "84 earlier turns in the request"
    assert [item.body for item in items[1:]] == [f"turn {number}" for number in range(84, 100)]
    assert len({item.key for item in items}) == len(items)


def test_a_huge_turn_is_cut() -> None:
    (item,) = turn_items(request(("user", "x" * 1_000_000)))
    assert len(item.body) < 30_000


_ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "role", "name", "id", "input"]),
            inner | st.sampled_from(["text", "tool_use", "tool_result", "user"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(_ANY)
def test_whatever_a_request_holds_it_is_shown_or_left_out(messages: object) -> None:
    for item in turn_items({"messages": messages}):
        assert isinstance(item.label, str) and isinstance(item.body, str)


def test_a_request_without_turns() -> None:
    assert turn_items(None) == turn_items({}) == turn_items({"messages": 5}) == ()
