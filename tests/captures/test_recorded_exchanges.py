"""Recordings of requests and responses in JSON, batch results and flows: what is read of each."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.recorded import (
    BATCH,
    BODY,
    ERROR,
    EVENTS,
    EXCHANGE,
    MESSAGE,
    REQUEST,
    URL,
    bedrock,
    flow,
    json_lines,
    netstring,
)
from tests.streams import json_values
from tui.captures.importers import ImportFailure, Loaded, NoStreams, load, sniff
from tui.captures.in_memory_file import InMemoryFile
from tui.captures.mitmproxy import load_flows
from tui.captures.recorded_exchanges import is_exchange
from tui.captures.recording import Recording
from tui.core.session import Run, Session

B64 = b64encode(BODY).decode()


def opened(value: object, name: str = "x.json") -> Loaded:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return load(InMemoryFile(data, name))


def body_of(recording: Recording) -> bytes:
    return b"".join(data for _, data in recording.chunks())


def replay(recording: Recording) -> Run:
    session = Session(timed=False)
    session.feed(0, body_of(recording))
    session.finish(0, recording.how, recording.error)
    return session.run


# --- recordings -----------------------------------------------------------------------------------


def pair(body: object, **response: object) -> dict[str, Any]:
    request = EXCHANGE["request"]
    return {"request": request, "response": {"status": 200, "body": body, **response}}


@pytest.mark.parametrize(
    "value",
    [
        EXCHANGE,
        [EXCHANGE],
        {"exchanges": [EXCHANGE]},
        {"version": 1, "notes": [], "records": [{"skip": 1}, EXCHANGE]},
        {"req": EXCHANGE["request"], "res": EXCHANGE["response"]},
        pair(B64, encoding="base64"),
        pair(B64, isBase64Encoded=True),
        pair("base64:" + B64),
        pair({"base64": B64}),
        pair({"encoding": "base64", "data": B64}),
        pair([BODY[:99].decode(), BODY[99:].decode()]),
        pair([{"t": 1, "data": BODY[:99].decode()}, {"t": 2, "data": BODY[99:].decode()}]),
        pair([{"b64": b64encode(BODY[:7]).decode()}, {"b64": b64encode(BODY[7:]).decode()}]),
        pair({"type": "Buffer", "data": list(BODY)}),
        pair([{"type": "Buffer", "data": list(BODY)}]),
        pair(None, chunks=[BODY.decode()]),
        pair({"string": BODY.decode()}),
    ],
    ids=str,
)
def test_the_ways_in_which_a_pair_is_written(value: object) -> None:
    loaded = opened(value)
    found = loaded.recordings[-1]
    assert body_of(found) == BODY
    assert (found.url, found.method, found.status) == (URL, "POST", 200)
    assert found.request == REQUEST
    assert found.headers == {"a": "b"}


@pytest.mark.parametrize(
    "body", [EVENTS, [{"event": event["type"], "data": event} for event in EVENTS]]
)
def test_a_body_of_events(body: object) -> None:
    (found,) = opened(pair(body)).recordings
    assert replay(found).status == "complete"


@pytest.mark.parametrize(
    "response",
    [
        {"status": 200, "headers": {}, "body": BODY.decode()},
        {"statusCode": 200, "body": B64, "isBase64Encoded": True},
        {"status_code": 200, "content": BODY.decode(), "headers": []},
        {"status": {"code": 200}, "base64": B64},
        {"code": "200", "text": BODY.decode()},
    ],
)
def test_a_response_alone(response: object) -> None:
    (found,) = opened(response).recordings
    assert (body_of(found), found.status, found.request) == (BODY, 200, None)


def test_a_whole_message_and_an_error() -> None:
    loaded = opened(json_lines(pair(MESSAGE), pair(ERROR, status=529), pair(json.dumps(MESSAGE))))
    whole, error, text = loaded.recordings
    assert replay(whole).state.message_json() == replay(text).state.message_json() == MESSAGE
    assert (whole.streamed, text.streamed) == (False, False)
    assert whole.title == "x.json r1 (did not stream)"
    assert (error.how, replay(error).status) == ("http_error", "error")
    assert "529" in (error.error or {})["message"]


def test_bedrock_in_a_recording() -> None:
    value = {
        "status": 200,
        "headers": {"content-type": "application/vnd.amazon.eventstream"},
        "body": b64encode(bedrock() + b"\0\0").decode(),
        "isBase64Encoded": True,
    }
    loaded = opened(value)
    assert replay(loaded.recordings[0]).status == "complete"
    assert loaded.warnings == [
        f"left out, line 1: left out at byte {len(bedrock())}: the last message breaks off"
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"A": "1", "b": ["2", "3"]},
        [["A", "1"], ["b", ["2", "3"]]],
        [{"name": "A", "value": "1"}, {"key": "b", "value": ["2", "3"]}, 5],
    ],
)
def test_headers(headers: object) -> None:
    (found,) = opened(pair(BODY.decode(), headers=headers)).recordings
    assert found.response_headers == {"A": "1", "b": "2, 3"}
    (found,) = opened(pair(BODY.decode(), headers=["A", "1", "b", "2"])).recordings
    assert found.response_headers == {"A": "1", "b": "2"}


@pytest.mark.parametrize(
    "request_value",
    [REQUEST, {"json": REQUEST}, {"body": {"string": json.dumps(REQUEST)}}, {"body": REQUEST}]
    + [{"body": b64encode(json.dumps(REQUEST).encode()).decode(), "encoding": "base64"}]
    + [{"body": "base64:" + b64encode(json.dumps(REQUEST).encode()).decode()}],
)
def test_requests(request_value: dict[str, Any]) -> None:
    value = {"request": request_value, "response": {"body": BODY.decode()}, "name": "the first"}
    loaded = opened([value, value])
    assert [found.request for found in loaded.recordings] == [REQUEST] * 2
    assert loaded.recordings[0].title == "x.json the first"


def test_what_is_broken_is_told() -> None:
    values = [pair(BODY.decode()), pair({"base64": "%"}), {"request": {}}, 5]
    loaded = opened({"exchanges": values})
    assert len(loaded.recordings) == 1
    assert loaded.warnings[0].startswith("left out, exchange 2: a body that is not base64")
    assert loaded.warnings[1:] == [
        "left out, exchange 3: it has no response",
        "left out, exchange 4: it has no response",
    ]
    with pytest.raises(NoStreams, match="no answer of the Messages API in this recording"):
        opened({"status": 200, "body": "hello"})
    with pytest.raises(ImportFailure, match="a response without its body"):
        opened(pair({}))


@given(st.recursive(json_values(), lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_any_body(body: object) -> None:
    value = pair(body)
    assert is_exchange(value)
    try:
        opened([value])
    except ImportFailure as failure:
        assert "\n" not in str(failure)


# --- batches --------------------------------------------------------------------------------------


def test_the_results_of_a_batch() -> None:
    loaded = opened(json_lines(*BATCH), "results.jsonl")
    assert (loaded.format, loaded.warnings) == ("file of batch results", [])
    runs = [replay(found) for found in loaded.recordings]
    assert [run.status for run in runs] == ["complete", "error", "error", "cancelled"]
    assert runs[0].state.message_json() == MESSAGE
    assert runs[1].error == {**ERROR["error"], "request_id": "r"}
    assert (runs[2].error or {})["message"].startswith("Expired: ")
    assert [found.title for found in loaded.recordings] == [
        f"results.jsonl {name} (did not stream)" for name in ("first", "second", "third", "fourth")
    ]
    assert [found.run for found in loaded.recordings] == ["r1", "r2", "r3", "r4"]


def test_a_name_of_several_lines_is_one_in_the_title() -> None:
    (found,) = opened(json_lines({**BATCH[0], "custom_id": "a\n\x1b[2Jb"})).recordings
    assert found.title.isprintable()


def test_broken_results_are_told() -> None:
    odd = {"custom_id": "a", "result": {"type": "errored", "error": "x"}}
    bare = {"custom_id": "b", "result": {"type": "errored", "error": ERROR["error"]}}
    loaded = opened(json_lines(BATCH[0], odd, 5, bare))
    assert replay(loaded.recordings[1]).error == ERROR["error"]
    assert loaded.warnings == [
        "left out, line 2: not a result of a batch",
        "left out, line 3: not a result of a batch",
    ]
    with pytest.raises(ImportFailure, match="not a result of a batch"):
        opened(json_lines(odd))


# --- messages -------------------------------------------------------------------------------------


def test_whole_messages() -> None:
    (found,) = opened(MESSAGE, "answer.json").recordings
    assert (found.title, found.timed, found.streamed) == (
        "answer.json (did not stream)",
        False,
        False,
    )
    run = replay(found)
    assert (run.status, run.state.message_json()) == ("complete", MESSAGE)
    loaded = opened(json_lines(MESSAGE, {"x": 1}, MESSAGE))
    assert len(loaded.recordings) == 2
    assert loaded.warnings == ["left out, line 2: not a whole message"]


# --- mitmproxy ------------------------------------------------------------------------------------


def test_flows() -> None:
    other = flow(b"hello", b"/")
    tcp = {"type": "tcp", "messages": [], "version": 21}
    data = b"".join(map(netstring, [other, flow(BODY), tcp, flow(gzip.compress(BODY))]))
    loaded = opened(data, "flows")
    assert (loaded.format, loaded.warnings) == ("mitmproxy file", [])
    first, second = loaded.recordings
    assert body_of(first) == body_of(second) == BODY
    assert (first.url, first.method, first.status) == (URL, "POST", 200)
    assert (first.request, first.timed) == (REQUEST, False)
    assert first.headers == {"x-api-key": "sk-ant-x"}
    assert first.response_headers["x"] == "1, 2"


def test_when_a_request_was_sent() -> None:
    sent = flow(BODY)
    sent["request"]["timestamp_start"] = 1_763_640_000.5
    (found,) = opened(netstring(sent), "flows").recordings
    assert found.at_ns == 1_763_640_000_500_000_000
    for when in ({"timestamp": 1_763_640_000}, {"startedAt": "2025-11-20T12:00:00Z"}):
        (found,) = opened({**EXCHANGE, **when}).recordings
        assert found.at_ns == 1_763_640_000_000_000_000
    (found,) = opened({**EXCHANGE, "time": 1.5}).recordings
    assert found.at_ns is None


def test_flows_that_failed() -> None:
    lost = {
        **flow(b""),
        "response": None,
        "error": {"msg": "server disconnected", "timestamp": 1.5},
    }
    open_ = {**flow(b""), "response": None}
    port = flow(BODY)
    port["request"] |= {"port": 8080, "scheme": b"http", "host": b"127.0.0.1"}
    odd = flow(BODY)
    odd["request"] |= {"host": None, "headers": [[1, 2], 5]}
    loaded = opened(b"".join(map(netstring, [lost, open_, port, odd])))
    failed, there, nowhere = loaded.recordings
    assert failed.how == "reset"
    assert "server disconnected" in (failed.error or {})["message"]
    assert there.url == "http://127.0.0.1:8080/v1/messages"
    assert (nowhere.url, nowhere.headers) == (None, {})
    assert loaded.warnings == ["left out, flow 2: a request without its response"]


def test_a_file_of_flows_that_breaks_off() -> None:
    whole = netstring(flow(BODY))
    loaded = opened(whole + whole[:-9])
    assert len(loaded.recordings) == 1
    assert loaded.warnings == [
        f"left out, flow 2: the file cannot be read from byte {len(whole)} on: it breaks off"
    ]
    with pytest.raises(ImportFailure, match=r"export it as HAR: mitmdump .*hardump"):
        opened(whole[:-9])


@pytest.mark.parametrize(
    "text",
    [b"x", b"9:", b"1:a?", b"3:1:a}", b"7:1:a;1:b}", b"1:x#", b"2:\xff\xff;", b"1:x^", b"4:1:a,]"]
    + [b"99999999999999:a,", b"1" * 100],
)
def test_broken_netstrings(text: bytes) -> None:
    with pytest.raises(ImportFailure):
        load_flows(InMemoryFile(text, "x"))


def test_netstrings_within_each_other() -> None:
    value = b"0:~"
    for _ in range(5000):
        value = str(len(value)).encode() + b":" + value + b"]"
    with pytest.raises(ImportFailure, match="nested too deeply"):
        load_flows(InMemoryFile(value, "x"))


def test_a_flow_is_told_by_its_first_key() -> None:
    assert sniff(InMemoryFile(netstring(flow(BODY)), "a.jsonl")) == "flows"
    assert sniff(InMemoryFile(b"12:34:56 it was\n", "a")) == "body"
    assert replay(opened(netstring(flow(pb.wire(*EVENTS)))).recordings[0]).status == "complete"
