"""Sessions of Claude Code: an answer for each message, with the turns before it."""

from __future__ import annotations

import pytest

from tests.recorded import EVENTS, MESSAGE, SESSION, json_lines, turn
from tui.captures import session_log
from tui.captures.importers import NoStreams, load, sniff
from tui.captures.in_memory_file import InMemoryFile
from tui.captures.recording import Loaded, Recording
from tui.core.records import JsonObject
from tui.core.session import Run, Session


def opened(*lines: JsonObject) -> Loaded:
    loaded = load(InMemoryFile(json_lines(*lines), "s.jsonl"))
    assert loaded.format == "Claude Code session"
    return loaded


def replay(recording: Recording) -> Run:
    session = Session(timed=recording.timed)
    for t_ns, data in recording.chunks():
        session.feed(t_ns, data)
    session.finish(0, recording.how, recording.error)
    return session.run


def texts(recording: Recording) -> list[tuple[str, list[str]]]:
    """The turns of a request: role, and what each block says or is."""
    messages = (recording.request or {})["messages"]
    return [
        (turn["role"], [block.get("text", block["type"]) for block in turn["content"]])
        for turn in messages
    ]


def answer(text: str, **fields: object) -> JsonObject:
    return turn("assistant", [{"type": "text", "text": text}], **fields)


def test_a_session() -> None:
    loaded = opened(*SESSION)
    assert loaded.warnings == []
    first, second = loaded.recordings
    assert (first.title, second.title) == (
        "s.jsonl r1 (did not stream)",
        "s.jsonl r2 (did not stream)",
    )
    assert not first.timed and not first.streamed
    run = replay(first)
    assert (run.status, run.state.anomalies) == ("complete", [])
    message = run.state.message_json() or {}
    assert [block["type"] for block in message["content"]] == ["text", "tool_use"]
    assert message["content"][1] == MESSAGE["content"][2]
    assert (message["id"], message["stop_reason"]) == ("msg_1", "tool_use")
    assert first.model == "claude-sonnet-5-5"
    assert texts(first) == [("user", ["What is it?"])]
    assert texts(second) == [
        ("user", ["What is it?"]),
        ("assistant", ["h\u00e9 two", "tool_use"]),
        ("user", ["tool_result"]),
    ]
    assert (replay(second).state.message_json() or {})["content"][0]["text"] == "Done."


def test_results_that_come_between_the_lines_of_an_answer() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    call = {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    loaded = opened(
        turn("user", "go"),
        turn("assistant", [call], id="m1", uuid="1"),
        turn("user", [result], uuid="2"),
        turn("assistant", [{**call, "id": "b"}], id="m1", uuid="3"),
        turn("assistant", [{**call, "id": "b"}], id="m1", uuid="3"),  # the same line again
        turn("user", [{**result, "tool_use_id": "b"}], uuid="4"),
        answer("ok", id="m2"),
    )
    first, second = loaded.recordings
    content = (replay(first).state.message_json() or {})["content"]
    assert [block["id"] for block in content] == ["a", "b"]
    assert texts(second) == [
        ("user", ["go"]),
        ("assistant", ["tool_use"] * 2),
        ("user", ["tool_result"] * 2),
    ]


def test_helpers_have_conversations_of_their_own() -> None:
    side = {"isSidechain": True}
    loaded = opened(
        turn("user", "main", uuid="1"),
        turn("user", "side", uuid="2", parentUuid=None, **side),
        answer("a", id="m1", uuid="3", parentUuid="2", **side),
        turn("user", "more", uuid="4", parentUuid="3", **side),
        answer("b", id="m2", uuid="5", parentUuid="4", **side),
        turn("user", "other", agentId="x", **side),
        answer("c", id="m3", agentId="x", **side),
        turn("user", "third", parent_tool_use_id="toolu_1"),
        answer("d", id="m4", parent_tool_use_id="toolu_1"),
        answer("e", id="m5", uuid="6", parentUuid="1"),
    )
    assert [texts(found)[0][1] for found in loaded.recordings] == [
        ["side"],
        ["side"],
        ["other"],
        ["third"],
        ["main"],
    ]
    assert len(texts(loaded.recordings[1])) == 3


def test_what_is_summed_up_is_sent_no_more() -> None:
    loaded = opened(
        turn("user", "old"),
        answer("a", id="m1"),
        {"type": "system", "subtype": "compact_boundary"},
        turn("user", "summary"),
        answer("b", id="m2"),
    )
    assert texts(loaded.recordings[1]) == [("user", ["summary"])]


def test_errors_and_what_the_program_said_itself() -> None:
    loaded = opened(
        turn("user", "go"),
        {
            "type": "assistant",
            "isApiErrorMessage": True,
            "message": {
                "model": "<synthetic>",
                "content": [{"type": "text", "text": "API Error: 529"}],
            },
        },
        {"type": "assistant", "message": {"model": "<synthetic>", "content": "No response"}},
        {"type": "assistant", "isApiErrorMessage": True, "message": {"content": []}},
        answer("fine"),
    )
    runs = [replay(found) for found in loaded.recordings]
    assert [run.status for run in runs] == ["error", "error", "complete"]
    assert runs[0].error == {"type": "api_error", "message": "API Error: 529"}
    assert "model" not in (loaded.recordings[0].request or {})
    assert texts(loaded.recordings[2]) == [("user", ["go"])]


def test_lines_with_little_in_them() -> None:
    loaded = opened(
        turn("user", None),
        {"type": "assistant", "message": {"role": "assistant", "content": "bare"}},
    )
    (found,) = loaded.recordings
    assert replay(found).status == "complete"
    assert (found.request or {})["messages"] == []


def test_broken_lines_are_told() -> None:
    data = json_lines(*SESSION) + b'{"type":"assist'
    loaded = load(InMemoryFile(data, "s.jsonl"))
    assert loaded.warnings == ["left out, line 7: not a JSON object"]
    assert len(loaded.recordings) == 2


def test_a_session_without_an_answer() -> None:
    with pytest.raises(
        NoStreams, match="no answer of the Messages API in this Claude Code session"
    ):
        load(InMemoryFile(json_lines(SESSION[1]), "s.jsonl"))


def test_the_events_themselves_are_better() -> None:
    lines = [{"type": "stream_event", "event": event} for event in EVENTS]
    loaded = load(InMemoryFile(json_lines(SESSION[1], *lines, SESSION[2]), "s"))
    assert loaded.format == "JSON events"


def test_very_many_answers_share_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_log, "_MANY", 2)
    lines = []
    for number in range(4):
        lines += [turn("user", f"q{number}"), answer("a", id=f"m{number}")]
    found = opened(*lines).recordings
    assert [len(texts(item)) for item in found] == [1, 3, 1, 1]
    assert texts(found[3]) == [("user", ["q3"])]


def test_it_is_told_by_a_line_with_a_message() -> None:
    other = [{"type": "mode"}, {"type": "file-history-snapshot"}] * 5
    assert sniff(InMemoryFile(json_lines(*other, SESSION[1]), "x")) == "session"
    assert sniff(InMemoryFile(json_lines(*other), "x")) == "events"
    assert sniff(InMemoryFile(json_lines({"type": {}, "message": {}}), "x")) == "body"
