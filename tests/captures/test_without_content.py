"""Recordings without words: nothing that was said is left, and all else is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.playbook import message_start, message_stop, text_block, wire
from tests.sweeps import few
from tui.captures.without_content import (
    JsonMask,
    StreamMask,
    masked_body,
    masked_headers,
    masked_json,
    masked_text,
    masked_url,
)
from tui.core.session import Session
from tui.scenarios import load, names

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def test_a_text_keeps_its_shape() -> None:
    assert masked_text("Is it 20 °C? Ja, schön!\n") == "xx xx xx xx? xx, xxxxx!\n"


def test_a_request_keeps_what_it_is_made_of() -> None:
    request = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 512,
        "stream": True,
        "system": [{"type": "text", "text": "Be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "Call me"},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "toolu_1", "name": "dial", "input": {"type": "Ann"}}
                ],
            },
        ],
        "metadata": {"user_id": "ann"},
    }
    masked = masked_json(request)
    assert masked["system"][0] == {
        "type": "text",
        "text": "xx xxxx",
        "cache_control": {"type": "ephemeral"},
    }
    assert masked["messages"][1]["content"][0] == {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "dial",
        "input": {"xxxx": "xxx"},
    }
    assert (masked["model"], masked["max_tokens"]) == ("claude-sonnet-5-5", 512)
    assert masked["metadata"] == {"xxxx_xx": "xxx"}


@pytest.mark.parametrize("text", ["é", "あり", "สวัสดี", "नमस्ते", "e\u0301", "🎉", "٣", "\ud800"])
def test_no_script_can_be_read(text: str) -> None:
    assert masked_text(text) == "x" * len(text)
    assert JsonMask().feed(f'"{text}"') == f'"{"x" * len(text)}"'


def test_no_name_of_a_field_hides_what_was_said() -> None:
    said = "Ann was here"
    request = {
        "usage": {"note": said, "output_tokens": 12, "service_tier": "standard"},
        "id": said,
        "role": said,
        "tools": [{"name": "dial", "input_examples": [{said: {"usage": said, "n": 20}}]}],
        "messages": [{"content": [{"type": said, "input": {said: [1.25, {"type": said}]}}]}],
    }
    text = json.dumps(masked_json(request))
    assert "Ann" not in text and "here" not in text
    assert '"output_tokens": 12, "service_tier": "standard"' in text
    assert '"x": 11' in text and '"xxx xxx xxxx": [1.11, ' in text and '"name": "dial"' in text


@given(st.dictionaries(st.text("ab Z_9é", max_size=4), st.integers() | st.text("xy1 é")))
def test_an_input_is_the_same_when_it_comes_and_when_it_is_sent_back(value: object) -> None:
    came = JsonMask().feed(json.dumps(value, ensure_ascii=False))
    assert json.loads(came) == masked_json({"input": value})["input"]


def test_of_a_url_and_headers_stays_what_says_how() -> None:
    assert masked_url("http://a.b/v1/messages?beta=true") == "http://a.b/v1/messages?xxxx=xxxx"
    assert masked_url("http://a.b/v1/messages") == "http://a.b/v1/messages"
    kept = {"Content-Type": "a/b", "anthropic-beta": "c", "Request-Id": "d", "user-agent": "e"}
    assert masked_headers({**kept, "x-prompt": "Hi Ann"}) == {**kept, "x-prompt": "xx xxx"}


def test_an_event_of_an_odd_name_says_nothing() -> None:
    masked = StreamMask().feed(b'event: Ann\nid: Ann\n: Ann\ndata: {"type":"Ann is here"}\n\n')
    assert b"Ann" not in masked and b'{"type":"xxx xx xxxx"}' in masked


@given(JSON, st.integers(1, 9), st.booleans())
def test_masked_json_is_valid_in_any_pieces(value: object, size: int, ascii: bool) -> None:
    text = json.dumps({"a": value}, ensure_ascii=ascii)
    mask = JsonMask()
    masked = "".join(mask.feed(text[at : at + size]) for at in range(0, len(text), size))
    assert len(masked) == len(text)
    found = json.loads(masked)
    letters = [letter for letter in json.dumps(found, ensure_ascii=False) if letter.isalpha()]
    assert set(letters) <= set("xtruefalsn\x10\u0001u") | {"e", "E"}


@settings(max_examples=few(12))
@given(st.sampled_from(names()), st.integers(50, 3000))
def test_a_masked_stream_is_the_same_stream(name: str, size: int) -> None:
    data = b"".join(chunk.data for chunk in load(name).chunks)
    mask = StreamMask()
    masked = b"".join(mask.feed(data[at : at + size]) for at in range(0, len(data), size))
    plain, kept = Session(), Session()
    plain.feed(0, data)
    kept.feed(0, masked)
    if name not in ("hostile", "unknown"):
        assert [record.type for record in kept.run.timeline.records()] == [
            record.type for record in plain.run.timeline.records()
        ]
        assert kept.run.state.usage == plain.run.state.usage


def test_the_words_of_a_stream_are_gone() -> None:
    data = b"".join(
        wire(item) for item in (message_start(), *text_block(0, "Hello", " Ann"), message_stop())
    )
    masked = StreamMask().feed(data)
    assert b"Hello" not in masked and b"Ann" not in masked and b'"text":"xxxxx"' in masked


@pytest.mark.parametrize("body", [b"<html>Ann</html>", b'{"text": "Ann"}', b"\xff\xfe"])
def test_a_body_that_is_no_stream_says_nothing(body: bytes) -> None:
    assert b"Ann" not in masked_body(body) and len(masked_body(body)) >= 2
