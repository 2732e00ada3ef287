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
from tests.captures.files_to_import import (
    BODIES,
    BODY,
    CASSETTE,
    ERROR,
    MESSAGE,
    REQUEST,
    TWO_RUNS,
    URL,
    body_of,
    capture,
    interaction,
    replay,
    write,
)
from tests.streams import json_values
from tests.sweeps import few
from tui.captures.importers import (
    Format,
    ImportFailure,
    Loaded,
    NoStreams,
    load,
    mentions_streams,
    sniff,
    sniff_format,
)
from tui.captures.recording import as_status, headers_of

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
    assert first.at_ns is not None and round(first.at_ns, -6) == 1_763_640_000_123 * 10**6
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
    assert not first.timed and first.at_ns == 1_795_176_000_000_000_000


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
