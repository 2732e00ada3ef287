"""Whole messages as streams: folded again, they are the same messages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recorded import EVENTS, MESSAGE
from tests.streams import json_values
from tui.captures.message_events import events_of, is_message, message_wire, to_wire
from tui.core.records import JsonObject
from tui.core.session import Run, Session

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FIELDS = st.dictionaries(st.sampled_from(["a", "id", "name"]), json_values(), max_size=2)


def block(kind: str, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[JsonObject]:
    own = st.fixed_dictionaries({"type": st.just(kind)}, optional=fields)
    return st.builds(lambda extra, known: {**extra, **known}, FIELDS, own)


CITATIONS = st.none() | st.lists(st.fixed_dictionaries({"type": st.just("page"), "n": TEXT}))
INPUT = st.dictionaries(TEXT, json_values(), max_size=3)
BLOCKS = st.one_of(
    block("text", text=TEXT, citations=CITATIONS),
    block("thinking", thinking=TEXT, signature=TEXT),
    block("tool_use", input=INPUT),
    block("server_tool_use", input=INPUT),
    block("mcp_tool_use", input=INPUT | st.none()),
    block("redacted_thinking", data=TEXT),
    block("web_search_tool_result", content=json_values()),
    block("compaction", content=TEXT | st.none()),
)
MESSAGES = st.builds(
    lambda content, fields: {"type": "message", "role": "assistant", "content": content, **fields},
    st.lists(BLOCKS, max_size=4),
    st.fixed_dictionaries(
        {
            "usage": st.fixed_dictionaries(
                {"input_tokens": st.integers(0, 9), "output_tokens": st.integers(0, 9)},
                optional={"service_tier": TEXT | st.none(), "x": json_values()},
            )
        },
        optional={
            "id": TEXT,
            "model": TEXT,
            "stop_reason": st.none() | TEXT,
            "stop_sequence": st.none() | TEXT,
            "container": json_values(),
        },
    ),
)


def fold(message: JsonObject) -> Run:
    session = Session(timed=False)
    session.feed(0, message_wire(message))
    session.finish(0)
    return session.run


@given(MESSAGES)
def test_a_message_is_what_its_events_add_up_to(message: JsonObject) -> None:
    run = fold(message)
    assert (run.status, run.state.anomalies) == ("complete", [])
    assert run.state.message_json() == json.loads(json.dumps(message))


def test_every_pane_gets_something_to_draw() -> None:
    run = fold(MESSAGE)
    assert run.state.message_json() == MESSAGE
    thinking, text, tool = run.state.blocks
    assert (thinking.thinking.text(), text.text.text()) == ("Let me see.", "h\u00e9 two")
    assert (tool.tool_state, len(tool.fragments)) == ("complete", 1)
    assert [event["type"] for event in events_of(MESSAGE)] == [
        "message_start",
        *["content_block_start", *["content_block_delta"] * 2, "content_block_stop"],
        *["content_block_start", "content_block_delta", "content_block_stop"] * 2,
        *["message_delta", "message_stop"],
    ]
    start = next(events_of(MESSAGE))["message"]
    assert (start["content"], start["stop_reason"]) == ([], None)
    assert start["usage"] == {"input_tokens": 3, "output_tokens": 0}


@pytest.mark.parametrize(
    "content", ["text", [5], [{"type": "text", "text": "a"}, None], [{"type": 5, "text": "x"}], []]
)
def test_odd_content_is_kept(content: object) -> None:
    message = {**MESSAGE, "content": content}
    run = fold(message)
    assert run.status == "complete"
    if content == "text":
        assert (run.state.message_json() or {})["content"] == content


def test_an_input_that_json_cannot_say_stays_where_it_is() -> None:
    block = {"type": "tool_use", "input": {"a": float("inf")}}
    starts = [event for event in events_of({**MESSAGE, "content": [block]}) if "index" in event]
    assert starts[0]["content_block"] == block
    assert len(starts) == 2


def test_a_message_without_usage_is_told_once() -> None:
    message = {name: value for name, value in MESSAGE.items() if name != "usage"}
    run = fold(message)
    assert run.state.message_json() == message
    assert [anomaly.code for anomaly in run.state.anomalies] == ["missing_usage"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (MESSAGE, True),
        ({"id": "msg_1", "role": "assistant", "content": []}, True),
        ({"type": "message", "content": [], "role": "user"}, False),
        ({"type": "message", "content": "text"}, False),
        ({"id": "chatcmpl-1", "role": "assistant", "content": []}, False),
        (EVENTS[0], False),
        ([MESSAGE], False),
    ],
)
def test_what_a_message_is(value: object, found: bool) -> None:
    assert is_message(value) is found


def test_line_ends_stay_within_an_event() -> None:
    assert to_wire([{"type": "a\nb", "x": "\r\n"}]) == b'data: {"type":"a\\nb","x":"\\r\\n"}\n\n'
