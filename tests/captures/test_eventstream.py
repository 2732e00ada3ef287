"""Bedrock's binary event stream: unwrapped whatever the reads, and what is broken is told."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.recorded import (
    BODY,
    EVENTS,
    REQUEST,
    bedrock,
    chunk_frame,
    exception_frame,
    frame,
    json_lines,
)
from tui.captures.eventstream import Unwrapper, looks_like_eventstream, unwrap, unwrapped
from tui.captures.importers import Loaded, load, sniff_format
from tui.captures.recording import RecordedExchange, recording_of
from tui.core.records import Chunk
from tui.core.session import Run, Session

FRAMES = [chunk_frame(event) for event in EVENTS]


def replay(body: bytes) -> Run:
    session = Session(timed=False)
    session.feed(0, body)
    session.finish(0)
    return session.run


def test_the_events_are_those_of_the_messages_api() -> None:
    body, faults = unwrap(bedrock())
    assert faults == []
    run = replay(body)
    assert (run.status, run.state.anomalies) == ("complete", [])
    assert run.state.message_json() == replay(BODY).state.message_json()


@given(st.lists(st.integers(0, len(b"".join(FRAMES))), max_size=12))
def test_reads_of_any_size(places: list[int]) -> None:
    data = bedrock()
    chunks = [Chunk(at, piece) for at, piece in enumerate(pb.cut(data, places))]
    pieces = list(unwrapped(chunks))
    assert b"".join(piece for _, piece in pieces) == unwrap(data)[0]
    assert [t_ns for t_ns, _ in pieces] == sorted(t_ns for t_ns, _ in pieces)


@given(st.integers(0, len(FRAMES) - 1), st.data())
def test_a_message_that_was_damaged_is_left_out_and_told(number: int, data: st.DataObject) -> None:
    broken = bytearray(FRAMES[number])
    at = data.draw(st.integers(0, len(broken) - 1))
    broken[at] ^= data.draw(st.integers(1, 255))
    body = b"".join([*FRAMES[:number], bytes(broken), *FRAMES[number + 1 :]])
    events, faults = unwrap(body)
    assert [fault.offset for fault in faults] == [len(b"".join(FRAMES[:number]))]
    others = pb.wire(*(event for event in EVENTS if event is not EVENTS[number]))
    assert replay(events).state.events == replay(others).state.events
    note = events.split(b"\n\n")[number]
    assert note.startswith(b": left out at byte")


@given(st.integers(1, len(b"".join(FRAMES)) - 1))
def test_a_stream_that_breaks_off(length: int) -> None:
    events, faults = unwrap(bedrock()[:length])
    edges = {sum(map(len, FRAMES[:count])) for count in range(len(FRAMES))}
    assert [fault.detail for fault in faults] == (
        [] if length in edges else ["the last message breaks off"]
    )
    whole = sum(edge <= length for edge in edges) - 1
    assert replay(events).state.events == whole


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    unwrapper = Unwrapper()
    events = b"".join(unwrapper.feed(bytes([byte])) for byte in data) + unwrapper.close()
    assert (events, unwrapper.faults) == unwrap(data)
    assert len(unwrapper.faults) <= 1 + len(data) // 16
    looks_like_eventstream(data)


def test_an_exception_is_an_error_of_the_stream() -> None:
    body = b"".join([*FRAMES[:3], exception_frame("throttlingException", "Slow down")])
    run = replay(unwrap(body)[0])
    assert run.status == "error"
    assert run.error == {"type": "throttlingException", "message": "Slow down"}


def test_an_error_without_a_payload() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Oh"}
    run = replay(unwrap(frame(b"", headers))[0])
    assert run.error == {"type": "InternalFailure", "message": "Oh"}
    run = replay(unwrap(frame(b"no JSON", {":message-type": "exception"}))[0])
    assert run.error == {"type": "error", "message": "no JSON"}


def test_another_vocabulary_is_shown_as_it_is() -> None:
    headers = {":message-type": "event", ":event-type": "contentBlockDelta"}
    payload = json.dumps({"contentBlockIndex": 0, "delta": {"text": "hi"}}).encode()
    run = replay(unwrap(frame(payload, headers) + frame(b"", headers))[0])
    assert run.state.counts == {"contentBlockDelta": 1}
    assert run.timeline.record(0).payload == json.loads(payload)


def test_a_payload_that_cannot_be_read() -> None:
    events = unwrap(frame(b'{"bytes":"%"}', {":message-type": "event"}))[0]
    assert events == b": left out: a payload that is not base64\n\n"
    nothing = {"bytes": b64encode(b"no\nJSON").decode()}
    events = unwrap(frame(json.dumps(nothing).encode(), {}))[0]
    assert events == b"data: no\ndata: JSON\n\n"


def test_headers_of_every_type() -> None:
    values = b"".join(
        b"\x01" + name + value
        for name, value in [
            (b"a", b"\x00"),
            (b"b", b"\x01"),
            (b"c", b"\x02\x07"),
            (b"d", b"\x03" + bytes(2)),
            (b"e", b"\x04" + bytes(4)),
            (b"f", b"\x05" + bytes(8)),
            (b"g", b"\x06\x00\x03\xff\xff\xff"),
            (b"h", b"\x08" + bytes(8)),
            (b"i", b"\x09" + bytes(16)),
        ]
    )
    kind = b"\x0d:message-type\x07\x00\x05error"
    for headers, status in ((values + kind, "error"), (b"\x01z\x63" + kind, "truncated")):
        prelude = struct.pack(">II", 16 + len(headers) + 2, len(headers))
        prelude += struct.pack(">I", crc32(prelude))
        message = prelude + headers + b"{}"
        message += struct.pack(">I", crc32(message))
        assert replay(unwrap(message)[0]).status == status


def test_it_is_told_by_its_first_message() -> None:
    data = bedrock()
    assert looks_like_eventstream(data[:12])
    assert not looks_like_eventstream(data[:11])
    # The first prelude is damaged: the headers still say what it is.
    damaged = b"\xff" + data[1:]
    assert looks_like_eventstream(damaged)
    assert not looks_like_eventstream(BODY, "text/event-stream")
    assert looks_like_eventstream(b"\0" * 20, "application/vnd.amazon.eventstream")
    assert [sniff_format(head, "a.jsonl") for head in (data, damaged)] == ["eventstream"] * 2


# --- where it is found ----------------------------------------------------------------------------


def read(path: Path, data: bytes) -> Loaded:
    path.write_bytes(data)
    return load(path)


def body_of(loaded: Loaded) -> bytes:
    return b"".join(data for _, data in loaded.recordings[0].chunks())


def test_a_file(tmp_path: Path) -> None:
    loaded = read(tmp_path / "answer.bin", bedrock() + FRAMES[1][:-1])
    (found,) = loaded.recordings
    assert (loaded.format, found.title, found.timed) == (
        "Bedrock event stream",
        "answer.bin",
        False,
    )
    assert loaded.warnings == [
        f"left out at byte {len(bedrock())}: the last message breaks off",
    ]
    assert found.size == len(body_of(loaded))
    assert replay(body_of(loaded)).status == "complete"


def test_many_faults_are_counted(tmp_path: Path) -> None:
    bad = FRAMES[0][:-1] + b"\xff"
    loaded = read(tmp_path / "a", bad * 5 + bedrock())
    assert len(loaded.warnings) == 4
    assert loaded.warnings[-1] == "left out at 2 more places"


@pytest.mark.parametrize("bytes_again", [b"\1\0\0\0\0", b"\1\0\0\0", b"\0\0\1\0\0\0\0\0"])
def test_false_lengths_cost_a_checksum_each_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_again: bytes
) -> None:
    computed = 0

    def counted(data: bytes) -> int:
        nonlocal computed
        computed += 1
        return crc32(data)

    monkeypatch.setattr("tui.captures.eventstream.crc32", counted)
    false = bytes_again * (100_000 // len(bytes_again))
    loaded = read(tmp_path / "a", FRAMES[0] + false + bedrock())
    assert body_of(loaded).count(b"left out") == 1
    assert replay(body_of(loaded)).status == "complete"
    assert 1_000 < computed < len(false) + 100


def test_a_large_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.captures.bedrock._KEPT", 10)
    loaded = read(tmp_path / "a", bedrock())
    assert loaded.recordings[0].size == len(body_of(loaded))
    assert replay(body_of(loaded)).status == "complete"


@pytest.mark.parametrize("checked", [True, False])
def test_the_body_of_a_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    if not checked:
        monkeypatch.setattr("tui.captures.capture_file.CHECKED_SIZE", 0)
    kind = {"content-type": "application/vnd.amazon.eventstream"}
    chunks = [
        {"k": "chunk", "run": "r1", "t": at * 10, "b64": b64encode(data).decode()}
        for at, data in enumerate(pb.cut(bedrock(), [100, 101, 900]), 1)
    ]
    lines = json_lines(
        {"streamscope": 1},
        {
            "k": "request",
            "run": "r1",
            "t": 0,
            "method": "POST",
            "url": "https://x/",
            "body": REQUEST,
        },
        {"k": "response", "run": "r1", "t": 5, "status": 200, "headers": kind},
        *chunks,
        {"k": "end", "run": "r1", "t": 99, "how": "eof", "error": None},
    )
    (found,) = read(tmp_path / "a.jsonl", lines).recordings
    reads = list(found.chunks())
    assert [t_ns for t_ns, _ in reads] == [30, 40]
    assert found.timed and found.body is None
    assert found.size == (sum(len(data) for _, data in reads) if checked else None)
    assert replay(b"".join(data for _, data in reads)).status == "complete"


def test_the_body_of_an_exchange() -> None:
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude/invoke-with-response-stream"
    found = recording_of(RecordedExchange(bedrock() + b"\0", url=url, status=200), "r1", "t")
    assert found is not None and len(found.faults) == 1
    assert replay(b"".join(data for _, data in found.chunks())).status == "complete"
    # What is refused there is of interest too.
    refused = recording_of(RecordedExchange(b'{"message":"no"}', url=url, status=403), "r1", "t")
    assert refused is not None and refused.how == "http_error"
