"""Conversations: what is asked next, what is kept, what a file may hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tui.conversation.conversation import (
    Conversation,
    ConversationError,
    checked_request,
    read_conversation,
    read_request,
    write_conversation,
)
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.messages.request import build_request, with_prompt

ASKED = with_prompt(build_request(None, model="m"), "Hi")


def run_of(*events: JsonObject | bytes) -> Run:
    return pb.run([pb.wire(*events)]).run


WHOLE = run_of(pb.message_start(), *pb.text_block(0, "Hello"), *pb.ending())
LIMIT = run_of(pb.message_start(), *pb.text_block(0, "Hello"), *pb.ending("max_tokens"))
CUT = run_of(pb.message_start(), pb.text_start(), pb.text(0, "Hel"))
CALL = run_of(
    pb.message_start(), *pb.tool_block(0, "{}", name="f", id="t1"), *pb.ending("tool_use")
)


def roles(request: JsonObject) -> list[str]:
    return [turn["role"] for turn in request["messages"]]


def test_only_what_is_needed_is_sent() -> None:
    talk = Conversation()
    assert sorted(talk.asking("Hi")) == ["max_tokens", "messages", "model"]
    assert (talk.turns, talk.continuing(), talk.open_calls()) == (0, None, None)


def test_an_answer_is_followed_by_the_next_prompt() -> None:
    talk = Conversation()
    talk.answered(ASKED, WHOLE)
    assert roles(talk.asking("And?")) == ["user", "assistant", "user"]
    assert talk.turns == 2 and talk.continuing() is None


def test_an_answer_at_its_limit_can_go_on_or_be_left() -> None:
    talk = Conversation()
    talk.note_sent(ASKED, LIMIT)
    talk.answered(ASKED, LIMIT)
    assert roles(talk.asking("And?")) == ["user", "assistant", "user"]
    request = talk.continuing()
    assert request is not None and "length limit" in str(request["messages"][-1])


def test_a_broken_answer_is_spoken_of_or_continued() -> None:
    talk = Conversation()
    talk.broke_off(ASKED, CUT)
    asked = talk.asking("And?")
    assert roles(asked) == ["user", "assistant", "user"]
    assert asked["messages"][1]["content"] == [{"type": "text", "text": "Hel"}]
    assert "broke off" not in str(asked["messages"][2])
    request = talk.continuing()
    assert request is not None and "broke off" in str(request["messages"][-1])
    # With the next whole answer that is over.
    talk.note_sent(asked, WHOLE)
    talk.answered(asked, WHOLE)
    assert talk.continuing() is None and talk.turns == 4


def test_an_answer_of_which_nothing_came_leaves_no_trace() -> None:
    talk = Conversation()
    talk.broke_off(ASKED, run_of(pb.message_start()))
    assert roles(talk.asking("Again")) == ["user"] and talk.continuing() is None


def test_open_calls_are_answered_with_errors_by_the_next_prompt() -> None:
    talk = Conversation()
    talk.broke_off(ASKED, CALL)
    assert talk.open_calls() is not None
    asked = talk.asking("Never mind")
    assert roles(asked) == ["user", "assistant", "user"]
    result, prompt = asked["messages"][-1]["content"]
    assert (result["tool_use_id"], result["is_error"]) == ("t1", True)
    assert prompt["text"] == "Never mind"


def test_a_request_that_was_not_sent_is_next() -> None:
    talk = Conversation()
    talk.stopped_before(ASKED)
    assert talk.continuing() == ASKED
    assert roles(talk.asking("More")) == ["user"]
    assert "More" in str(talk.asking("More"))


def test_other_parameters_keep_the_turns() -> None:
    talk = Conversation()
    talk.answered(ASKED, WHOLE)
    talk.set_parameters({"model": "n", "max_tokens": 5, "temperature": 1})
    assert talk.model == "n" and talk.turns == 2
    assert talk.request["temperature"] == 1


def test_asked_later_why_the_cache_missed_it_is_compared_with_the_last_answer() -> None:
    talk = Conversation()
    talk.set_parameters({"diagnostics": {"previous_message_id": None}})
    assert talk.request["diagnostics"] == {"previous_message_id": None}
    talk.note_sent(ASKED, WHOLE)
    talk.answered(ASKED, WHOLE)
    talk.set_parameters({"diagnostics": {"previous_message_id": None}})
    id = (WHOLE.state.message or {})["id"]
    assert talk.asking("More")["diagnostics"] == {"previous_message_id": id}


# --- the file -------------------------------------------------------------------------------------


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    talk = Conversation(path=path)
    talk.answered(ASKED, WHOLE)
    assert read_conversation(path) == talk.request
    assert [entry.name for entry in tmp_path.iterdir()] == ["talk.json"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_keys_in_what_is_kept_are_masked(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    secret = "sk-ant-api03-canary-0123456789abcdef"
    write_conversation(path, with_prompt(ASKED, f"My key is {secret}"))
    assert secret not in path.read_text()
    assert read_conversation(path)["messages"][0]["content"]


def test_a_file_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    write_conversation(path, ASKED)
    talk = Conversation(path=tmp_path / "missing" / "talk.json")
    talk.answered(ASKED, WHOLE)
    assert talk.failure is not None and "No such file" in talk.failure
    assert talk.turns == 2
    talk.path = path
    talk.answered(ASKED, WHOLE)
    assert talk.failure is None and read_conversation(path) == talk.request


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.json"
    write_conversation(path, ASKED)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        write_conversation(path, {**ASKED, "model": "other"})
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("[]", "a request is a JSON object"),
        ('{"messages": {}}', "messages: has to be a list"),
        ('{"messages": [5]}', "messages[0]: a turn needs"),
        ('{"messages": [{"content": "x"}]}', "messages[0]: a turn needs"),
    ],
)
def test_a_file_that_is_no_conversation(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "talk.json"
    path.write_text(text)
    with pytest.raises(ConversationError) as caught:
        read_conversation(path)
    assert problem in str(caught.value) and "\n" not in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(value=_JSON | st.fixed_dictionaries({"messages": _JSON}))
def test_any_json_is_a_request_or_a_line_of_complaint(value: object) -> None:
    try:
        request = checked_request(value)
    except ConversationError as error:
        assert str(error)
    else:
        assert Conversation(request).asking("Hi")["messages"]


@given(data=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_complained_about(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "request.json"
    path.write_bytes(data)
    try:
        assert isinstance(read_request(path), dict)
    except ConversationError as error:
        assert "\n" not in str(error)


def test_what_is_written_is_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    write_conversation(path, with_prompt(ASKED, "caf\u00e9 \ud83d"))
    assert json.loads(path.read_bytes().decode("ascii"))["model"] == "m"
