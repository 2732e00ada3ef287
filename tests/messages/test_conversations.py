"""Requests are grouped into conversations as they come."""

from __future__ import annotations

from typing import Any

from tui.messages.conversations import Conversations, TurnPlace

JsonDict = dict[str, Any]


def request(*texts: str, system: str = "", user: str = "", **fields: object) -> JsonDict:
    """A request whose turns are these texts, the user's and the assistant's in turn."""
    turns = [
        {"role": "assistant" if number % 2 else "user", "content": text}
        for number, text in enumerate(texts)
    ]
    metadata = {"metadata": {"user_id": user}} if user else {}
    return {"system": system, "messages": turns, **metadata, **fields}


def test_a_request_that_extends_another_goes_on_from_it() -> None:
    talks = Conversations()
    assert talks.place(request("a")) == TurnPlace(1, 1)
    assert talks.place(request("b")) == TurnPlace(2, 1)
    assert talks.place(request("a", "x", "more")) == TurnPlace(1, 2)
    assert talks.place(request("b", "y", "more")) == TurnPlace(2, 2)
    assert talks.place(request("a", "x", "more", "z", "again")) == TurnPlace(1, 3)


def test_another_system_prompt_is_a_branch_of_its_own() -> None:
    talks = Conversations()
    assert talks.place(request("a", system="Be kind")) == TurnPlace(1, 1)
    assert talks.place(request("a", system="Name this")) == TurnPlace(2, 1)
    assert talks.place(request("a", "x", "b", system="Be kind")) == TurnPlace(1, 2)


def test_the_same_first_question_again_begins_again() -> None:
    talks = Conversations()
    assert [talks.place(request("a")) for _ in range(2)] == [TurnPlace(1, 1), TurnPlace(2, 1)]


def test_marks_of_the_cache_make_no_difference() -> None:
    talks = Conversations()
    marked: JsonDict = request("a", "x", "b")
    marked["messages"][0]["cache_control"] = {"type": "ephemeral"}
    talks.place(request("a"))
    assert talks.place(marked) == TurnPlace(1, 2)


def test_a_history_that_was_rewritten_is_told_by_its_id() -> None:
    talks = Conversations()
    assert talks.place(request("a", user="u_session_1")) == TurnPlace(1, 1)
    assert talks.place(request("c", user="u_session_2")) == TurnPlace(2, 1)
    assert talks.place(request("summary", "ok", "go on", user="u_session_1")) == TurnPlace(1, 2)


def test_a_request_may_name_the_answer_it_goes_on_from() -> None:
    talks = Conversations()
    first = talks.place(request("a"))
    talks.answered(first, "msg_1")
    named = request("b", thread={"previous_message_id": "msg_1"})
    assert talks.place(named) == TurnPlace(1, 2)


def test_what_is_no_request_is_a_conversation_of_its_own() -> None:
    talks = Conversations()
    odd: JsonDict = {"messages": [1, None], "metadata": 3, "thread": "x"}
    assert [talks.place(one) for one in (None, odd, {})] == [
        TurnPlace(1, 1),
        TurnPlace(2, 1),
        TurnPlace(3, 1),
    ]
