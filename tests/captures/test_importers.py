"""Every format that is opened: told apart by its contents, read, and never half read in silence."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import json_values
from tests.sweeps import few, sampled
from tui.captures import capture_body, capture_file
from tui.captures.capture_file import load_capture
from tui.captures.codec import (
    CaptureHead,
    CaptureLine,
    ChunkLine,
    EndLine,
    RequestLine,
    ResponseLine,
    encode_line,
)
from tui.captures.importers import (
    Format,
    ImportFailure,
    Loaded,
    NoStreams,
    Recording,
    load,
    mentions_streams,
    sniff,
    sniff_format,
)
from tui.captures.recording import RecordedExchange, as_status, headers_of, recording_of
from tui.captures.yaml_tree import YamlError, load_yaml
from tui.core.session import Run, Session

URL: Final = "https://api.anthropic.com/v1/messages"
REQUEST: Final = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "stream": True,
    "messages": [{"role": "user", "content": "h\u00e9llo"}],
}
BODY: Final = pb.wire(
    pb.message_start(),
    pb.ping(),
    *pb.text_block(0, "h\u00e9 ", "\u2028two\n"),
    *pb.tool_block(1, '{"a"', ": 1}"),
    *pb.ending("tool_use"),
)
MESSAGE: Final = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [{"type": "text", "text": "whole"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 4},
}
ERROR: Final = {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}


def body_of(recording: Recording) -> bytes:
    return b"".join(data for _, data in recording.chunks())


def replay(recording: Recording) -> Run:
    session = Session(timed=recording.timed)
    t_ns = 0
    for t_ns, data in recording.chunks():
        session.feed(t_ns, data)
    session.finish(t_ns, recording.how, recording.error)
    return session.run


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# --- which format ---------------------------------------------------------------------------------

HAR_HEAD: Final = b'{\n  "log": {\n    "version": "1.2",\n    "entries": ['
SNIFFED: Final[list[tuple[bytes, str, Format]]] = [
    (b'{"streamscope":1,"created":"x"}\n', "a.sse", "capture"),
    (b'\xef\xbb\xbf{"streamscope":1}\n', "a", "capture"),
    (b'{"k":"chunk","run":"r1","t":0,"data":"x"}\n', "a.jsonl", "capture"),
    (b'{"k":"chunk","run":"r1","t":0,"data":"\xc3', "a.jsonl", "capture"),
    (b'{"type":"message_start"}\n{"type":"ping"}\n', "a", "events"),
    (b'{"type":"system"}\n{"type":"stream_event"}\n', "a", "events"),
    (b'\n\n{"type":"ping"}\n', "a.jsonl", "events"),
    (b'{"request":{"timestamp":1.5,"method":"POST"},"response":{}}\n', "a.jsonl", "trace"),
    (b'{"request":{"timestamp":1.5,"body":{"messages":[{"content":"lo', "a", "trace"),
    (HAR_HEAD, "a", "har"),
    (HAR_HEAD.replace(b"\n", b"") + b'{"x":"' + b"y" * 999, "a.json", "har"),
    (b'{"version": 1, "interactions": [{', "a.json", "cassette"),
    (b'{"http_interactions": []}', "a.json", "cassette"),
    (b"interactions:\n- request:\n", "a", "cassette"),
    (b"---\r\nhttp_interactions:\r\n", "a.txt", "cassette"),
    (b"event: ping\ndata: {}\n\n", "a.jsonl", "body"),
    (b"data: {}\n\n", "a.yaml", "body"),
    (b": hi\n\n", "a.har", "body"),
    (b'{"type":"message","role":"assistant"}', "a.json", "body"),
    (b'{"type":"error","error":{}}', "a", "body"),
    (b"<!doctype html>", "a", "body"),
    (b"", "a.jsonl", "body"),
    (b"\x00\x01", "a.bin", "body"),
    (b"{broken", "a", "body"),
    (b"{broken", "a.jsonl", "events"),
    (b"broken", "a.HAR", "har"),
    (b"broken", "a.yml", "cassette"),
    (b'{"request":5,"log":5,"interactions":5,"type":5,"k":5}', "a", "body"),
]


@pytest.mark.parametrize(("head", "name", "found"), SNIFFED, ids=lambda value: repr(value)[:40])
def test_the_format(tmp_path: Path, head: bytes, name: str, found: Format) -> None:
    assert sniff_format(head, name) == found
    assert sniff(write(tmp_path, name, head)) == found


@given(st.binary(max_size=80), st.sampled_from(["a", "a.jsonl", "a.har", "a.yaml", "a.sse"]))
def test_any_bytes_have_a_format(head: bytes, name: str) -> None:
    sniff_format(head, name)
    sniff_format(b"{" + head, name)


def test_whether_a_file_mentions_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.captures.importers._SCANNED", 7)
    assert mentions_streams(write(tmp_path, "a", b"x" * 11 + b"message_start"))
    assert mentions_streams(write(tmp_path, "b", b'{"streamscope":1}'))
    assert not mentions_streams(write(tmp_path, "c", b"message-start /v1/complete" * 9))


# --- response bodies ------------------------------------------------------------------------------


def test_a_response_body(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, "answer.sse", BODY))
    (found,) = loaded.recordings
    assert (loaded.format, loaded.warnings) == ("body", [])
    assert (found.title, found.timed, found.how, found.size) == (
        "answer.sse",
        False,
        "eof",
        len(BODY),
    )
    assert body_of(found) == body_of(found) == BODY


# --- events as JSON lines -------------------------------------------------------------------------

EVENTS: Final = [
    pb.message_start(),
    *pb.text_block(0, "h\u00e9 ", "two"),
    *pb.ending(),
]


def test_events_as_json_lines(tmp_path: Path) -> None:
    text = "\n\n".join(json.dumps(event) for event in EVENTS)
    loaded = load(write(tmp_path, "events.jsonl", text))
    (found,) = loaded.recordings
    assert (loaded.format, loaded.warnings) == ("JSON events", [])
    assert not found.timed
    assert found.size == len(body_of(found))
    run = replay(found)
    assert (run.status, run.state.blocks[0].text.text()) == ("complete", "h\u00e9 two")
    assert run.state.anomalies == []


def test_events_among_the_lines_of_a_command(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [{"type": "system", "subtype": "init"}]
    for event in EVENTS:
        lines.append({"type": "stream_event", "event": event, "session_id": "s"})
    lines += [{"type": "assistant", "message": {}}, {"type": "result", "result": "x"}]
    loaded = load(write(tmp_path, "out.jsonl", "\r\n".join(map(json.dumps, lines))))
    assert loaded.warnings == []
    assert replay(loaded.recordings[0]).status == "complete"


def test_events_with_odd_types_and_odd_blanks(tmp_path: Path) -> None:
    odd = b'{"type":"message_start",\r"message":{"id":"a"}}\n{"type":"a\\nevent: b"}\n'
    (found,) = load(write(tmp_path, "e.jsonl", odd + b'{"type":"a","n":1e400}\n')).recordings
    run = replay(found)
    assert list(run.state.counts) == ["message_start", "a\nevent: b", "a"]
    assert [flaw.code for flaw in run.state.anomalies].count("type_mismatch") == 0


def test_broken_lines_among_events_are_told(tmp_path: Path) -> None:
    good = [json.dumps(event).encode() for event in EVENTS]
    bad = [b"{", b"[]", b'{"type":5}', b'{"type":"stream_event","event":5}', b"\xff"]
    loaded = load(write(tmp_path, "e.jsonl", b"\n".join([*good, *bad])))
    first = len(good) + 1
    assert loaded.warnings == [
        *(
            f"line {number} left out: not a JSON object with a type"
            for number in range(first, first + 3)
        ),
        "2 more left out",
    ]
    assert replay(loaded.recordings[0]).status == "complete"


def test_a_file_of_events_that_vanishes(tmp_path: Path) -> None:
    path = write(tmp_path, "e.jsonl", json.dumps(pb.message_start()))
    (found,) = load(path).recordings
    path.write_bytes(b"")
    assert list(found.chunks()) == []


def test_many_events_come_in_batches(tmp_path: Path) -> None:
    line = json.dumps(pb.text(0, "x" * 1000))
    lines = [json.dumps(pb.message_start()), *[line] * 200]
    (found,) = load(write(tmp_path, "e.jsonl", "\n".join(lines))).recordings
    assert len(list(found.chunks())) == 4


@pytest.mark.parametrize(
    "content", ["{broken", '{"type":"user"}\n{"type":"summary"}\n', '{"type":"ping"}', "[1]\n[2]"]
)
def test_lines_without_a_stream(tmp_path: Path, content: str) -> None:
    with pytest.raises(NoStreams, match="no stream events"):
        load(write(tmp_path, "e.jsonl", content))


# --- claude-trace ---------------------------------------------------------------------------------


def pair(**response: object) -> dict[str, Any]:
    """A line of claude-trace's log."""
    return {
        "request": {
            "timestamp": 1763640000.123,
            "method": "POST",
            "url": URL + "?beta=true",
            "headers": {"anthropic-version": "2023-06-01", "authorization": "Bearer sk...abcd"},
            "body": REQUEST,
        },
        "response": {
            "timestamp": 1763640001.456,
            "status_code": 200,
            "headers": {"content-type": "text/event-stream; charset=utf-8"},
            **response,
        },
        "logged_at": "2025-11-20T12:00:02.000Z",
    }


def lines(*values: object) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def test_claude_trace(tmp_path: Path) -> None:
    other = pair(body={"input_tokens": 5})
    other["request"]["url"] = URL + "/count_tokens?beta=true"
    text = lines(pair(body_raw=BODY.decode()), other, pair(body=MESSAGE))
    loaded = load(write(tmp_path, "log.jsonl", text + "\n"))
    assert (loaded.format, loaded.warnings) == ("claude-trace", [])
    first, second = loaded.recordings
    assert (first.title, second.title) == ("log.jsonl r1", "log.jsonl r2 (did not stream)")
    assert (first.request, first.model) == (REQUEST, "claude-sonnet-5-5")
    assert (first.url, first.method, first.status) == (URL + "?beta=true", "POST", 200)
    assert first.headers["anthropic-version"] == "2023-06-01"
    assert body_of(first) == BODY
    assert not first.timed
    run = replay(second)
    assert (run.status, run.state.message_json()) == ("complete", MESSAGE)


def test_claude_trace_with_an_error(tmp_path: Path) -> None:
    text = lines(pair(status_code=404, body=ERROR))
    (found,) = load(write(tmp_path, "log.jsonl", text)).recordings
    assert (found.how, found.status) == ("http_error", 404)
    assert found.error is not None
    assert found.error["message"] == "HTTP 404: not_found_error: model: x"
    run = replay(found)
    assert run.status == "error"
    assert run.error == ERROR["error"]


def test_claude_trace_with_broken_entries(tmp_path: Path) -> None:
    orphan = {"request": pair()["request"], "response": None, "note": "ORPHANED_REQUEST"}
    text = lines(pair(body_raw=BODY.decode()), orphan, {"request": 5}, [1], pair())
    loaded = load(write(tmp_path, "log.jsonl", text + "{\n"))
    assert len(loaded.recordings) == 1
    assert loaded.warnings == [
        "left out, line 2: a request without its response",
        "left out, line 3: it has no request and response",
        "left out, line 4: not a JSON object",
        "left out, 2 more",
    ]


def test_claude_trace_without_an_answer(tmp_path: Path) -> None:
    with pytest.raises(ImportFailure, match=r"no response can be read: line 1: .*\(and 1 more\)"):
        load(write(tmp_path, "log.jsonl", lines(pair(), pair())))
    other = pair(body_raw="hello")
    other["request"]["url"] = "https://example.com/"
    with pytest.raises(NoStreams, match=r"in this claude-trace \(1 looked at\)"):
        load(write(tmp_path, "log.jsonl", lines(other)))


# --- HAR ------------------------------------------------------------------------------------------


def entry(body: bytes | None, url: str = URL, **response: object) -> dict[str, Any]:
    content: dict[str, Any] = {"size": len(body or b""), "mimeType": "text/event-stream"}
    if body is not None:
        try:
            content["text"] = body.decode()
        except UnicodeDecodeError:
            content["text"], content["encoding"] = b64encode(body).decode(), "base64"
    return {
        "startedDateTime": "2026-11-20T12:00:00.000Z",
        "time": 1234.5,
        "request": {
            "method": "POST",
            "url": url,
            "httpVersion": "h2",
            "headers": [
                {"name": "anthropic-version", "value": "2023-06-01"},
                {"name": "accept", "value": "a"},
                {"name": "accept", "value": "b"},
                {"name": 5},
                "odd",
            ],
            "postData": {"mimeType": "application/json", "text": json.dumps(REQUEST)},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "headers": [{"name": "request-id", "value": "req_1"}],
            "content": content,
            **response,
        },
        "cache": {},
        "timings": {"send": 1, "wait": 400, "receive": 833.5},
    }


def har(*entries: object) -> dict[str, Any]:
    return {"log": {"version": "1.2", "creator": {"name": "x"}, "entries": list(entries)}}


def test_har(tmp_path: Path) -> None:
    page = entry(b"<html>", "https://example.com/")
    chat = entry(BODY, "https://claude.ai/api/organizations/x/completion")
    other = entry(b'event: a\ndata: {"x": 1}\n\n', "https://example.com/events")
    packed = entry(gzip.compress(BODY))
    loaded = load(write(tmp_path, "x.har", har(page, entry(BODY), chat, other, packed)))
    assert (loaded.format, loaded.warnings) == ("HAR", [])
    assert [body_of(found) for found in loaded.recordings] == [BODY] * 3
    first = loaded.recordings[0]
    assert first.request == REQUEST
    assert first.headers == {"anthropic-version": "2023-06-01", "accept": "a, b"}
    assert (first.status, first.response_headers) == (200, {"request-id": "req_1"})
    assert not first.timed


def test_har_with_ends_of_other_kinds(tmp_path: Path) -> None:
    half = BODY[:200]
    gone = entry(half, status=0, _error="net::ERR_CONNECTION_RESET")
    silent = entry(half, status=0, statusText=None)
    over = entry(json.dumps(ERROR).encode(), status=529)
    plain = entry(b"busy", status=503)
    loaded = load(write(tmp_path, "x.har", har(gone, silent, over, plain)))
    found = [(item.how, (item.error or {}).get("message")) for item in loaded.recordings]
    assert found == [
        ("reset", "Connection lost: net::ERR_CONNECTION_RESET"),
        ("reset", "Connection lost: the log has no status for this response"),
        ("http_error", "HTTP 529: not_found_error: model: x"),
        ("http_error", "HTTP 503"),
    ]


def test_har_with_broken_entries(tmp_path: Path) -> None:
    bad = entry(BODY)
    bad["response"]["content"] |= {"encoding": "base64", "text": "%%"}
    entries = [5, {"request": {}}, bad, entry(None), entry(BODY)]
    loaded = load(write(tmp_path, "x.har", har(*entries)))
    assert [body_of(found) for found in loaded.recordings] == [BODY]
    assert loaded.warnings[0] == "left out, entry 1: it has no request and response"
    assert loaded.warnings[2].startswith("left out, entry 3: a body that is not base64")
    assert loaded.warnings[3] == "left out, 1 more"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff{}", "not UTF-8"),
        (b"[]", "no log.entries"),
        (b'{"log":{"entries":{}}}', "no log.entries"),
        (b"[" * 100_000, "not JSON"),
        (b'{"log":{"entries":[]}}', r"in this HAR \(0 looked at\)"),
        (b'{"log":{"entries":[5]}}', "no response can be read: entry 1"),
    ],
)
def test_har_that_is_none(tmp_path: Path, content: bytes, problem: str) -> None:
    from tui.captures.har import load_har

    with pytest.raises(ImportFailure, match=problem):
        load_har(write(tmp_path, "x.har", content))


# --- cassettes ------------------------------------------------------------------------------------

CASSETTE: Final = """\
interactions:
- request:
    body: '{"model": "claude-sonnet-5-5", "stream": true, "messages":
      [{"role": "user", "content": "hi"}]}'
    headers:
      anthropic-version: &id001
      - '2023-06-01'
      x-again: *id001
      x-none:
      x-binary: !!binary |
        aGk=
    method: post
    uri: https://api.anthropic.com/v1/messages
  response:
    body:
      string: 'event: message_start

        data: {"type":"message_start","message":{"id":"msg_1","type":"message",
        "role":"assistant","model":"m","content":[],"usage":{"input_tokens":1}}}


        event: content_block_start

        data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"yes"}}


        event: content_block_stop

        data: {"type":"content_block_stop","index":0}


        event: message_delta

        data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}


        event: message_stop

        data: {"type":"message_stop"}


        '
    headers:
      Content-Type:
      - text/event-stream; charset=utf-8
      Date: 2026-11-20
    status:
      code: 200
      message: OK
- request: {body: null, headers: {}, method: GET, uri: 'https://example.com/'}
  response: {body: {string: nothing}, headers: {}, status: {code: 200, message: OK}}
version: 1
"""


def test_a_cassette(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, "test_it.yaml", CASSETTE))
    assert (loaded.format, loaded.warnings) == ("VCR cassette", [])
    (found,) = loaded.recordings
    assert (found.title, found.timed, found.method, found.status) == (
        "test_it.yaml",
        False,
        "POST",
        200,
    )
    assert found.model == "claude-sonnet-5-5"
    assert found.headers == {
        "anthropic-version": "2023-06-01",
        "x-again": "2023-06-01",
        "x-none": "null",
        "x-binary": "hi",
    }
    assert found.response_headers["Date"] == "2026-11-20"
    run = replay(found)
    assert (run.status, run.state.blocks[0].text.text()) == ("complete", "yes")
    assert run.state.anomalies == []


def interaction(response: dict[str, Any], **request: object) -> dict[str, Any]:
    return {
        "request": {"method": "POST", "uri": URL, "headers": {}, **request},
        "response": response,
    }


def ok(**response: object) -> dict[str, Any]:
    return {"status": {"code": 200, "message": "OK"}, "headers": {}, **response}


BODIES: Final[dict[str, dict[str, Any]]] = {
    "string": ok(body={"string": BODY.decode()}),
    "base64": ok(body={"encoding": "ASCII-8BIT", "base64_string": b64encode(BODY).decode()}),
    "packed": ok(body={"base64_string": b64encode(gzip.compress(BODY)).decode()}),
    "httpx": {"status_code": 200, "headers": {}, "content": BODY.decode()},
}


@pytest.mark.parametrize("name", BODIES)
def test_the_ways_in_which_cassettes_keep_a_body(tmp_path: Path, name: str) -> None:
    content = {"version": 1, "interactions": [interaction(BODIES[name], body=json.dumps(REQUEST))]}
    (found,) = load(write(tmp_path, "a.json", content)).recordings
    assert body_of(found) == BODY
    assert (found.request, found.status) == (REQUEST, 200)


def test_a_cassette_with_binary_bodies(tmp_path: Path) -> None:
    packed = b64encode(gzip.compress(BODY)).decode()
    text = f"""\
interactions:
- request:
    body: !!binary |
      {b64encode(json.dumps(REQUEST).encode()).decode()}
    headers: {{}}
    method: POST
    uri: {URL}
  response:
    body:
      string: !!binary |
        {packed[:60]}
        {packed[60:]}
    headers: {{Content-Encoding: [gzip]}}
    status: {{code: 200, message: OK}}
version: 1
"""
    (found,) = load(write(tmp_path, "a.yaml", text)).recordings
    assert (body_of(found), found.request) == (BODY, REQUEST)


def test_a_cassette_with_parsed_bodies(tmp_path: Path) -> None:
    text = """\
interactions:
- request:
    headers: {}
    method: POST
    parsed_body: {model: m, stream: true, temperature: 0.5, max_tokens: 10, messages: []}
    uri: https://gateway.example/v1/messages
  response:
    headers: {}
    parsed_body:
      {id: msg_1, type: message, role: assistant, model: m, content: [{type: text, text: hi}],
       stop_reason: end_turn, usage: {input_tokens: 1, output_tokens: 2}}
    status: {code: 200, message: OK}
version: 1
"""
    (found,) = load(write(tmp_path, "a.yaml", text)).recordings
    sent = {"model": "m", "stream": True, "temperature": 0.5, "max_tokens": 10, "messages": []}
    assert found.request == sent
    run = replay(found)
    assert (run.status, run.state.blocks[0].text.text()) == ("complete", "hi")


def test_a_cassette_with_broken_entries(tmp_path: Path) -> None:
    entries = [
        5,
        interaction(ok(body={"base64_string": "%"})),
        interaction(ok(body={"base64_string": b64encode(b"\x1f\x8bxx").decode()})),
        interaction(ok(body={"base64_string": b64encode(b"\x8b\x02\x80\xff").decode()},
                       **{"headers": {"Content-Encoding": ["br"]}})),
        interaction(ok(body={})),
        interaction(ok(body={"string": BODY.decode()}), body={"string": "no JSON"}),
        interaction(ok(body={"base64_string": b64encode(b"\x1f\x8bxx").decode()}), uri="x"),
    ]  # fmt: skip
    loaded = load(write(tmp_path, "a.json", {"interactions": entries}))
    (found,) = loaded.recordings
    assert (body_of(found), found.request) == (BODY, None)
    assert loaded.warnings[1].startswith("left out, interaction 2: a body that is not base64")
    assert loaded.warnings[2].startswith("left out, interaction 3: a gzip body that cannot")
    assert loaded.warnings[3] == "left out, 2 more"


def test_what_a_body_cannot_be_unpacked_from() -> None:
    with pytest.raises(ImportFailure, match="packed with br"):
        headers = {"Content-Encoding": "br"}
        recording_of(
            RecordedExchange(b"\x8b\x02\x80\xff", url=URL, response_headers=headers), "r1", ""
        )
    with pytest.raises(ImportFailure, match="without its body"):
        recording_of(RecordedExchange(b"", url=URL, status=200), "r1", "")
    # A gzip body that broke off gives what was in it.
    half = gzip.compress(BODY)[:-20]
    found = recording_of(RecordedExchange(half, url=URL, status=200), "r1", "")
    assert found is not None
    assert BODY.startswith(body_of(found))
    assert recording_of(RecordedExchange(b"x", url="http://[bad"), "r1", "") is None
    assert recording_of(RecordedExchange(b"", url="http://host/"), "r1", "") is None
    assert recording_of(RecordedExchange(b"\x1f\x8bxx", url="http://host/"), "r1", "") is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("interactions: 5\n", "no interactions"),
        ("- interactions:\n", "no interactions"),
        ("interactions: []\n", r"in this VCR cassette \(0 looked at\)"),
        ("interactions: [5]\n", "no response can be read"),
        ("interactions: [a: b: c]\n", "not YAML: line 1: "),
        ('{"interactions": 5', "not a cassette: Expecting"),
        ("\ninteractions:\n- {a: *b}\n", "stands for nothing yet"),
        ("interactions: " + "[" * 100_000, "nested too deeply"),
        (b"interactions: \xff", "not YAML"),
    ],
)
def test_a_cassette_that_is_none(tmp_path: Path, content: str | bytes, problem: str) -> None:
    from tui.captures.cassette import load_cassette

    with pytest.raises(ImportFailure, match=problem) as raised:
        load_cassette(write(tmp_path, "a.yaml", content))
    assert "\n" not in str(raised.value)


# --- YAML -----------------------------------------------------------------------------------------


def test_plain_values() -> None:
    text = b"a: 1\nb: -2\nc: 0.5\nd: true\ne: ~\nf:\ng: '1'\nh: 1_0\ni: 2026-11-20\n2: x\n~: y\n"
    text += b"j: !!str 5\nk: [!!binary aGk=, |\n  two\n  lines\n  ]\n"
    found = load_yaml(text.split(b"k:")[0])
    assert found == {
        **{"a": 1, "b": -2, "c": 0.5, "d": True, "e": None, "f": None, "g": "1", "h": "1_0"},
        **{"i": "2026-11-20", "2": "x", "None": "y", "j": "5"},
    }
    assert load_yaml(b"[!!binary aGk=, !binary 'aGk=', \"x\"]") == [b"hi", b"hi", "x"]
    assert load_yaml(b"") is None
    assert load_yaml(b"--- a\n--- b\n") == "a"
    assert load_yaml(b"a: &x [1]\nb: *x\nc: &y z\nd: *y\n") == {
        "a": [1],
        "b": [1],
        "c": "z",
        "d": "z",
    }
    assert load_yaml(b"{a: {<<: {b: 1}}}") == {"a": {"<<": {"b": 1}}}


HOSTILE_YAML: Final = [
    b"[" * 1_000_000,
    b"- " * 300_000 + b"x",
    b"? " * 30_000 + b"x",
    b"\n".join(b" " * depth + b"a:" for depth in range(2_000)),
    b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(
        b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(12)
    ),
    b"&a [*a]",
    b"&a {b: *a}",
    b"a: \x00",
    b"a: !!binary '%'",
    b"\xfe\xff\xd8\x00",
    b"a: b: c",
    b'"\\UFFFFFFFF"',
]


@pytest.mark.parametrize("parser", ["C", "Python"])
@pytest.mark.parametrize("text", HOSTILE_YAML, ids=lambda text: repr(text[:20]))
def test_hostile_yaml(text: bytes, parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if parser == "Python":
        monkeypatch.delattr("yaml.CSafeLoader")
    with pytest.raises(YamlError) as raised:
        load_yaml(text)
    assert "\n" not in str(raised.value)


def test_tags_are_not_obeyed() -> None:
    assert load_yaml(b'!!python/object/apply:os.system ["x"]') == ["x"]
    assert load_yaml(b"!!python/unicode 'x'") == "x"


# --- captures -------------------------------------------------------------------------------------


def capture(*lines: CaptureLine) -> bytes:
    return b"".join(map(encode_line, lines))


TWO_RUNS: Final[list[CaptureLine]] = [
    CaptureHead(),
    RequestLine("r1", 0, "POST", URL, {}, REQUEST),
    ChunkLine("r1", 5, b"one "),
    RequestLine("b", 0, "POST", URL, {}, {"model": 5}, timed=False),
    ChunkLine("b", 1, b"other"),
    ResponseLine("b", 1, 200, {"a": "b"}),
    ChunkLine("r1", 7, b"two"),
    EndLine("b", 3, "timeout", {"message": "Timed out: x"}),
    ChunkLine("r1", 9, b"\xff"),
    EndLine("r1", 12, "eof", None),
]


@pytest.fixture(params=["checked", "large"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small captures are checked as a whole; large ones are indexed and read when it is time."""
    if request.param == "large":
        monkeypatch.setattr(capture_file, "CHECKED_SIZE", 0)
    return str(request.param)


def test_a_capture_of_two_runs(tmp_path: Path, size: str) -> None:
    loaded = load(write(tmp_path, "c.jsonl", capture(*TWO_RUNS)))
    assert (loaded.format, loaded.warnings) == ("capture", [])
    first, second = loaded.recordings
    assert (first.title, second.title) == ("c.jsonl r1", "c.jsonl b")
    assert list(first.chunks()) == [(5, b"one "), (7, b"two"), (9, b"\xff")]
    assert list(second.chunks()) == [(1, b"other")]
    assert (first.timed, second.timed) == (True, False)
    assert (first.how, first.error, first.end_ns) == ("eof", None, 12)
    assert (second.how, second.error, second.end_ns) == ("timeout", {"message": "Timed out: x"}, 3)
    assert (first.model, second.model, second.status) == ("claude-sonnet-5-5", None, 200)
    assert (first.size, second.size) == ((8, 5) if size == "checked" else (None, None))
    assert first.problems == []


@pytest.mark.parametrize("block", [1, 13, 64, 400])
def test_blocks_of_any_size(
    tmp_path: Path, size: str, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(capture_file, "_BLOCK", block)
    monkeypatch.setattr(capture_body, "BLOCK", block)
    test_a_capture_of_two_runs(tmp_path, size)
    first, second = load(tmp_path / "c.jsonl").recordings
    for recording, body in ((first, b"one two\xff"), (second, b"other")):
        assert body_of(recording) == body
        assert recording.body is not None
        for start in sampled(range(len(body)), "starts"):
            for length in range(len(body) - start + 1):
                assert recording.body.read_at(start, length) == body[start : start + length]


def test_bad_lines_are_told_with_their_number(tmp_path: Path, size: str) -> None:
    data = capture(*TWO_RUNS).split(b"\n")
    data[4:4] = [b'{"k":"chunk","run":"r1","t":-1,"data":"x"}', b"", b"{", b"[]", b'{"k":"end"}']
    loaded = load(write(tmp_path, "c.jsonl", b"\n".join(data)[:-1] + b'\n{"torn'))
    assert [body_of(found) for found in loaded.recordings] == [b"one two\xff", b"other"]
    if size == "checked":
        assert [line.split(" left")[0] for line in loaded.warnings] == [
            *("line 5", "line 7", "line 8", "1 more lines"),
            "the last line breaks off and is",
        ]
    else:
        # The chunk with a bad time is met only when the run is read.
        assert loaded.warnings[0].startswith("line 7 left out")
        first, second = loaded.recordings
        assert 5 in [problem.line for problem in first.problems]
        assert 5 not in [problem.line for problem in second.problems]


def test_very_many_bad_lines(tmp_path: Path, size: str) -> None:
    data = b"x\n" * 1000 + capture(*TWO_RUNS)
    loaded = load_capture(write(tmp_path, "c.jsonl", data))
    assert loaded.warnings[0].startswith("line 1 left out")
    assert loaded.warnings[3:] == ["997 more lines left out"]
    assert body_of(loaded.recordings[0]) == b"one two\xff"


def test_times_that_go_back(tmp_path: Path, size: str) -> None:
    chunks = [ChunkLine("r1", t_ns, b"x") for t_ns in (5, 3, 9, 4)]
    loaded = load(
        write(tmp_path, "c.jsonl", capture(CaptureHead(), *chunks, EndLine("r1", 1, "eof", None)))
    )
    (found,) = loaded.recordings
    assert [chunk.t_ns for chunk in found.chunks()] == [5, 5, 9, 9]
    if size == "checked":
        assert loaded.warnings == ["run r1: times that go back are taken as standing still"]
        assert found.end_ns == 9


def test_chunks_without_anything_around_them(tmp_path: Path, size: str) -> None:
    lines = [ChunkLine(run, t_ns, b"x") for t_ns, run in enumerate("aabbab")]
    data = capture(*lines)
    loaded = load(write(tmp_path, "c.jsonl", data))
    first, second = loaded.recordings
    assert [chunk.t_ns for chunk in first.chunks()] == [0, 1, 4]
    assert [chunk.t_ns for chunk in second.chunks()] == [2, 3, 5]
    assert (first.how, first.end_ns, first.timed) == ("interrupted", None, True)
    # The same, as another program might write it.
    other = b"".join(json.dumps(json.loads(line)).encode() + b"\n" for line in data.splitlines())
    assert [body_of(found) for found in load(write(tmp_path, "d.jsonl", other)).recordings] == [
        b"xxx",
        b"xxx",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"streamscope":1}\n', "a capture without a run"),
        (b'{"streamscope":1}\nx\n', "a capture without a run: line 2 left out: not JSON"),
        (b'{"streamscope":2}\n', "capture format 2"),
        (b'{"streamscope":2}', "capture format 2"),
    ],
)
def test_a_capture_that_is_none(tmp_path: Path, content: bytes, problem: str, size: str) -> None:
    with pytest.raises(ImportFailure, match=problem):
        load_capture(write(tmp_path, "c.jsonl", content))


def test_a_capture_that_shrinks_after_it_was_opened(tmp_path: Path, size: str) -> None:
    path = write(tmp_path, "c.jsonl", capture(*TWO_RUNS))
    (first, _) = load(path).recordings
    assert first.body is not None
    assert body_of(first) == b"one two\xff"
    path.write_bytes(capture(*TWO_RUNS[:4]))
    assert first.body.read_at(0, 8).startswith(b"one ")
    assert len(first.body.read_at(3, 5)) == 5
    path.unlink()
    first.body._cached = (0, b"")
    assert first.body.read_at(3, 5) == b"     "
    with pytest.raises(OSError):
        body_of(first)


def test_much_that_is_read_at_once_is_not_kept(tmp_path: Path) -> None:
    lines = [ChunkLine("r1", n, b"%07d." % n * 1000) for n in range(200)]
    (found,) = load(write(tmp_path, "c.jsonl", capture(CaptureHead(), *lines))).recordings
    body = body_of(found)
    assert found.body is not None
    assert found.body.read_at(0, len(body)) == body
    assert len(found.body._cached[1]) == 0
    for at in (0, 1_000_000, 8_000, 1_599_990):
        assert found.body.read_at(at, 10) == body[at : at + 10]
    assert 0 < len(found.body._cached[1]) < 300_000


# --- anything -------------------------------------------------------------------------------------


def settled(path: Path) -> Loaded | None:
    """Load and read everything: only ImportFailure is let through, with one line."""
    try:
        loaded = load(path)
    except ImportFailure as failure:
        assert "\n" not in str(failure) and 0 < len(str(failure)) < 500
        return None
    assert loaded.recordings
    for recording in loaded.recordings:
        replay(recording)
        assert recording.title
    return loaded


LOGS: Final = {
    "a.jsonl": capture(*TWO_RUNS),
    "b.jsonl": lines(pair(body_raw=BODY.decode()), pair(body=MESSAGE)).encode(),
    "c.jsonl": "\n".join(map(json.dumps, EVENTS)).encode(),
    "d.har": json.dumps(har(entry(BODY), entry(gzip.compress(BODY)))).encode(),
    "e.yaml": CASSETTE.encode(),
    "f.json": json.dumps({"interactions": [interaction(BODIES["string"])]}).encode(),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
@pytest.mark.parametrize("name", LOGS)
def test_damaged_files(tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(LOGS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        until = at + data.draw(st.integers(0, 30))
        content[at:until] = data.draw(
            st.binary(max_size=5) | st.sampled_from([b"null", b"[]", b"{}", b"-1", b'"', b"\n"])
        )
    settled(write(tmp_path, name, bytes(content)))


@settings(
    max_examples=few(20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
@pytest.mark.parametrize("name", ["b.jsonl", "d.har", "f.json"])
def test_files_with_wrong_values(tmp_path: Path, name: str, data: st.DataObject) -> None:
    values = [json.loads(line) for line in LOGS[name].splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        at: Any = values
        while True:
            key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
            if not isinstance(at[key], (dict, list)) or not at[key] or not data.draw(st.booleans()):
                break
            at = at[key]
        at[key] = data.draw(json_values())
    settled(write(tmp_path, name, "\n".join(map(json.dumps, values))))


@pytest.mark.parametrize("name", LOGS)
def test_files_that_break_off(tmp_path: Path, name: str) -> None:
    content = LOGS[name]
    for length in range(0, len(content), 97):
        settled(write(tmp_path, name, content[:length]))


def test_statuses() -> None:
    assert [as_status(value) for value in (200, "404", 0, None, "x", True, -1, 1000, "")] == [
        *(200, 404, 0),
        *[None] * 6,
    ]


def test_headers_of_any_shape() -> None:
    found = headers_of({"a": ["b", b"c", 5], "d": {"e": 1}, 5: "f"})
    assert found == {"a": "b, c, 5", "d": '{"e": 1}', "5": "f"}
    assert headers_of([1]) == {}
