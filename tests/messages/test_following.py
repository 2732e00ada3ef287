"""Which request goes on from which answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import json_values
from tui.core.records import JsonObject
from tui.messages.following import plain, same, sent_back
from tui.messages.linking import Link, RequestAndAnswer, link


def asked(*turns: object, **fields: object) -> JsonObject:
    """A request whose turns are the user's and the assistant's by turns."""
    roles = ("user", "assistant") * len(turns)
    messages = [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)]
    return {"model": "m", "messages": messages, **fields}


def answered(*blocks: JsonObject | str, id: str = "msg_1") -> JsonObject:
    content = [{"type": "text", "text": one} if isinstance(one, str) else one for one in blocks]
    return {"id": id, "role": "assistant", "content": content}


def call(id: str) -> JsonObject:
    return {"type": "tool_use", "id": id, "name": "look", "input": {}}


def result(id: str) -> list[JsonObject]:
    return [{"type": "tool_result", "tool_use_id": id, "content": "seen"}]


def befores(*exchanges: tuple[JsonObject | None, JsonObject | None]) -> list[int | None]:
    return [found.before for found in link([RequestAndAnswer(*one) for one in exchanges])]


def test_a_conversation() -> None:
    assert befores(
        (asked("Hi."), answered("Hello there.")),
        (asked("Hi.", "Hello there.", "And?"), answered("Well.")),
        (asked("Hi.", "Hello there.", "And?", "Well.", "So?"), None),
    ) == [None, 0, 1]


def test_two_conversations_in_one_file() -> None:
    assert befores(
        (asked("One."), answered("First answer.")),
        (asked("Two."), answered("Second answer.")),
        (asked("Two.", "Second answer.", "More."), None),
        (asked("One.", "First answer.", "More."), None),
    ) == [None, None, 1, 0]


def test_of_attempts_the_one_whose_answer_was_sent_back() -> None:
    assert befores(
        (asked("Hi."), None),
        (asked("Hi."), answered("Hello there.")),
        (asked("Hi."), answered("Good morning to you.")),
        (asked("Hi.", "Hello there.", "And?"), None),
    ) == [None, None, None, 1]


def test_a_branch_has_its_beginning_in_common_only() -> None:
    assert befores(
        (asked("Hi."), answered("Hello there.")),
        (asked("Hi.", "Something else altogether.", "And?"), None),
    ) == [None, None]


def test_tools_and_turns_that_run_into_each_other() -> None:
    first = asked("Look.")
    second = asked("Look.", [call("t1")], result("t1"))
    third = asked("Look.", [call("t1")], [*result("t1"), {"type": "text", "text": "Well?"}])
    assert befores(
        (first, answered(call("t1"))), (second, answered("Seen.")), (third, answered("Yes."))
    ) == [None, 0, 1]


def test_an_earlier_turn_that_was_changed() -> None:
    assert befores(
        (asked("Look, it is 12:01."), answered(call("t1"))),
        (asked("Look, it is 12:02.", [call("t1")], result("t1")), None),
    ) == [None, 0]


def test_the_named_message_comes_first() -> None:
    thread = {"type": "continue", "previous_message_id": "msg_2"}
    assert befores(
        (asked("Hi."), answered("Hello there.")),
        (asked("Else."), answered("Other.", id="msg_2")),
        ({"messages": [{"role": "user", "content": "And?"}], "thread": thread}, None),
        ({"messages": [], "thread": {"previous_message_id": "msg_9"}}, None),
    ) == [None, None, 1, None]


def test_the_same_request() -> None:
    exchanges = [
        RequestAndAnswer(asked("Hi.", stream=True), None),
        RequestAndAnswer(asked("Hi."), None),
        RequestAndAnswer(asked("Hi.", temperature=0.5), None),
        RequestAndAnswer(None, None),
        RequestAndAnswer(None, None),
        RequestAndAnswer(asked([{"type": "text", "text": "Hi."}]), None),
        RequestAndAnswer(asked("Hi."), None),
    ]
    nothing = None, 0
    assert [(found.same, found.times) for found in link(exchanges)] == [
        *[nothing, (0, 1), nothing, nothing, nothing, (1, 2), (5, 3)]
    ]


def test_what_came_back() -> None:
    request = asked("Look.")
    answer = answered("On it.", call("t1"))
    back = sent_back(request, answer, asked("Look.", answer["content"], result("t1")))
    assert back is not None
    assert (back.blocks, back.rest) == (answer["content"], result("t1"))
    lost = sent_back(request, answer, {"messages": [*request["messages"], *request["messages"]]})
    assert lost is not None and lost.blocks == []
    assert sent_back(request, answer, asked("Other.")) is None
    moved = asked("Changed.", "Yes.", "Look.", answer["content"], result("t1"))
    found = sent_back(request, answer, moved)
    assert found is not None and found.blocks == answer["content"]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": 1, "b": None}, {"a": 1.0}, True),
        ({"a": {"cache_control": {}, "x": [1]}}, {"a": {"x": [1]}}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"content": "x"}, {"content": [{"type": "text", "text": "x"}]}, True),
        ([1, 2], [2, 1], False),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1.5}, {"a": 1}, False),
    ],
)
def test_what_says_the_same(one: Any, other: Any, equal: bool) -> None:  # noqa: ANN401
    assert same(one, other) == equal


@given(json_values())
def test_plain_changes_nothing_twice(value: Any) -> None:  # noqa: ANN401
    assert plain(plain(value)) == plain(value)


@given(st.lists(json_values(), max_size=4))
def test_any_requests_can_be_linked(values: list[Any]) -> None:
    exchanges = []
    for value in values:
        message = value if isinstance(value, dict) else {"messages": value, "content": value}
        exchanges.append(RequestAndAnswer(message, message))
        exchanges.append(
            RequestAndAnswer({"messages": [{"role": "user", "content": value}]}, message)
        )
    links = link(exchanges)
    assert len(links) == len(exchanges)
    for number, found in enumerate(links):
        assert isinstance(found, Link)
        assert all(place < number for place in (found.before, found.same) if place is not None)
        if found.before is not None:
            before = exchanges[found.before]
            assert before.request is not None
            sent_back(before.request, before.answer, exchanges[number].request or {})
