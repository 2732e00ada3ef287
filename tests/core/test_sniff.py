"""What a body is when it is no event stream."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.playbook import BOM, message_start, sse
from tui.core.sniff import classify, looks_like_events

API_ERROR = {"type": "authentication_error", "message": "invalid x-api-key"}


@pytest.mark.parametrize(
    "head",
    [
        b"event: message_start",
        b"data: {",
        b"data:{",
        b"id: 1",
        b"retry: 5",
        b": keep-alive",
        b":",
        BOM + b"event: x",
        BOM + b": x",
        b"\r\n\r\n: x",
        b"\n\ndata: x",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: x",
        b"foo\revent: x",
        b"",
        b"\n",
        BOM,
        b"e",
        b"eve",
        b"event",
        BOM + b"da",
    ],
)
def test_event_streams(head: bytes) -> None:
    assert looks_like_events(head)


@pytest.mark.parametrize(
    "head",
    [
        b"<html>",
        b"{}",
        b"hello",
        b"events: 5",
        b" data: x",
        b"my data: x",
        b"<style>\n:root { color: red }\n</style>",
        b"body\n: hi",
        b"eventual",
    ],
)
def test_other_bodies(head: bytes) -> None:
    assert not looks_like_events(head)


def test_only_the_head_is_searched() -> None:
    assert looks_like_events(b"x" * 60_000 + b"\ndata: x")
    assert not looks_like_events(b"x" * 70_000 + b"\ndata: x")


@pytest.mark.parametrize("event", [sse(message_start()), b": hi\n\n" + sse(message_start())])
def test_a_stream_that_was_cut_anywhere_is_one(event: bytes) -> None:
    assert all(looks_like_events(event[:length]) for length in range(len(event)))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<!doctype html><title>x</title>", "html"),
        (b"\n\n  <!DOCTYPE HTML>\n", "html"),
        (BOM + b"<html>", "html"),
        (b"<head>", "html"),
        (b"<BODY>", "html"),
        (b"<!-- hi --><html>", "html"),
        (b"oops <html>", "html"),
        (b'<?xml version="1.0"?><Error/>', "text"),
        (b"upstream connect error", "text"),
        (b"", "text"),
        ("\u00fcberlastet".encode(), "text"),
        (b"tab\there\r\n", "text"),
        (b"\x1f\x8b\x08\x00\x00", "binary"),
        (b"\x01\x02\x03\x04", "binary"),
        (b"\x89PNG\r\n\x1a\n", "binary"),
        (b"{}", "json_body"),
        (b"[1, 2]", "json_body"),
        (b'{"error": "no"}', "json_body"),
        (b'{"type": "message", "content": []}', "json_body"),
        (BOM + b"{}", "json_body"),
        (b'{"error": {"type": "x"', "text"),
        (b"{not json}", "text"),
        (b"[" * 100_000, "text"),
        (b'{"error": {}}', "json_error"),
        (b'\n {"type": "error", "error": {"type": "x", "message": "y"}}\n', "json_error"),
    ],
)
def test_classify(body: bytes, code: str) -> None:
    verdict = classify(body)
    assert verdict.code == code
    assert "not an event stream" in verdict.detail
    assert isinstance(verdict.error, dict)


def test_the_error_of_the_api_is_kept() -> None:
    body = {"type": "error", "error": API_ERROR, "request_id": "req_1"}
    verdict = classify(json.dumps(body).encode())
    assert verdict.error == API_ERROR | {"request_id": "req_1"}
    assert "authentication_error: invalid x-api-key" in verdict.detail
    assert classify(json.dumps({"error": API_ERROR, "request_id": 5}).encode()).error == API_ERROR


def test_a_whole_message_is_named() -> None:
    assert "a whole Message" in classify(b'{"type": "message"}').detail


def test_what_has_no_error_of_its_own_says_what_it_is() -> None:
    verdict = classify(b"<html>")
    assert verdict.error == {"type": "not_sse", "message": verdict.detail}


def test_a_long_message_is_clipped() -> None:
    body = {"error": {"type": "x", "message": "y" * 5_000}}
    verdict = classify(json.dumps(body).encode())
    assert len(verdict.detail) < 250
    assert verdict.error == body["error"]


@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_body_gets_a_verdict(body: bytes) -> None:
    assert classify(body).code in {"html", "json_error", "json_body", "binary", "text"}
    assert looks_like_events(body) in {True, False}
