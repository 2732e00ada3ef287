"""The recording: its own process, what is in the capture, what ends it, and never the traffic."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.limits import HANG_S
from tests.recorded import bedrock
from tests.relay.recorded import ASK, body_of, payload, recording, runs_of
from tests.relay.stage import answering, raw_upstream, until
from tests.servers import MockServer
from tui.core.session import Session
from tui.relay import tape_queue
from tui.relay.tape_queue import RecordingRefused, TapeQueue, TapeSettings
from tui.scenarios import load

pytestmark = pytest.mark.asyncio


async def test_a_capture_holds_request_and_response(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            answers = [await relay.post(ASK) for _ in range(3)]
        url = mock.url
    found = runs_of(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and not relay.notes
    assert [run.request for run in found] == [ASK] * 3
    assert [body_of(run) for run in found] == [payload(answer) for answer, _ in answers]
    for run in found:
        assert (run.how, run.error, run.status, run.timed) == ("eof", None, 200, True)
        assert run.url == f"{url}/v1/messages"
        assert run.at_ns is not None and 0 <= run.response_ns <= (run.end_ns or 0)
        assert run.response_headers["content-type"].startswith("text/event-stream")


async def test_no_key_is_written_and_every_key_passes(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    canaries = {
        "x-api-key": "canary-zero-4711",
        "authorization": "Bearer canary-one-4712",
        "cookie": "session=canary-two-4713",
        "x-gateway-token": "canary-three-4714",
        "anthropic-version": "2023-06-01",
    }
    body = {
        **ASK,
        "metadata": {"api_key": "canary-four-4715"},
        "system": "Use sk-ant-canary-five-4716, and canary-zero-4711, and canary-one-4712.",
    }
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            await relay.post(body, "/v1/messages?api_key=canary-six-4717", **canaries)
            # As the upstream got it.
            sent = mock.received[0]
        assert [sent.headers[name] for name in canaries] == list(canaries.values())
        assert b"sk-ant-canary-five-4716" in sent.body
    text = path.read_text()
    assert "canary" not in text and "4711" not in text and text.count("[redacted]") >= 7
    assert "Why is the sky dark" in text


@pytest.mark.parametrize(
    ("fault", "how"),
    [("cut:900", "reset"), ("status:429", "http_error"), ("overloaded:2", "eof"), ("", "eof")],
)
async def test_the_end_is_recorded_as_it_was(fault: str, how: str, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            await relay.post(ASK, **{"x-streamscope-fault": fault})
    (run,) = runs_of(path)
    assert run.how == how
    if how == "http_error":
        assert run.error is not None and run.error["status"] == 429
        assert run.error["message"].startswith("HTTP 429: rate_limit_error: ")
    if how == "reset":
        assert run.error is not None and run.error["type"] == "connection_lost"
        assert len(body_of(run)) == 900


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("honest", [True, False])
async def test_an_answer_that_is_packed_is_unpacked_for_the_capture_alone(
    coding: str, honest: bool, tmp_path: Path
) -> None:
    path = tmp_path / "kept.jsonl"
    plain = b"event: ping\ndata: {}\n\n"
    body = gzip.compress(plain) if coding == "gzip" and honest else plain
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-type: text/event-stream\r\n"
    answer = head % coding.encode() + b"content-length: %d\r\n\r\n" % len(body) + body
    async with raw_upstream(answering(answer)) as upstream:
        async with recording(upstream.url, TapeSettings(str(path))) as relay:
            got, _ = await relay.post(ASK)
    assert payload(got) == body and b"content-encoding: " + coding.encode() in got
    (run,) = runs_of(path)
    assert body_of(run) == plain
    assert ("content-encoding" in run.response_headers) is not (coding == "gzip" and honest)


async def test_a_body_that_is_too_large_to_keep_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tape_queue, "MOST_BODY", 100_000)
    path = tmp_path / "kept.jsonl"
    body = {**ASK, "system": "x" * 300_000}
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            assert b"message_stop" in (await relay.post(body))[0]
            await relay.post(ASK)
        assert json.loads(mock.received[0].body) == body
    assert [run.request for run in runs_of(path)] == [None, ASK]
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize(
    "path",
    [
        "/model/us.anthropic.claude-sonnet-5-5-v1%3A0/invoke-with-response-stream",
        "/v1/projects/p/locations/l/publishers/anthropic/models/claude:streamRawPredict",
    ],
)
async def test_other_platforms_are_recorded_and_decoded(path: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    on_bedrock = path.startswith("/model/")
    body = bedrock() if on_bedrock else b"".join(chunk.data for chunk in load("plain").chunks)
    kind = b"application/vnd.amazon.eventstream" if on_bedrock else b"text/event-stream"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
    async with raw_upstream(answering(head % (kind, len(body)) + body)) as upstream:
        async with recording(upstream.url, TapeSettings(str(kept))) as relay:
            asked = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": []}
            got, _ = await relay.post(asked, path)
    assert payload(got) == body
    (run,) = runs_of(kept)
    assert run.request == asked and (run.url or "").endswith(path)
    session = Session()
    session.feed(0, body_of(run))
    session.finish(0)
    assert session.run.status == "complete"


async def test_a_packed_request_is_read(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    async with raw_upstream(answering(answer)) as upstream:
        async with recording(upstream.url, TapeSettings(str(path))) as relay:
            packed = gzip.compress(json.dumps(ASK).encode())
            await relay.post(packed, **{"content-encoding": "gzip"})
            await relay.post(b"no JSON")
    assert [run.request for run in runs_of(path)] == [ASK, None]


async def test_requests_that_go_on_from_each_other_are_written_once(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    turns: list[dict[str, Any]] = []
    bodies = []
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            for number in range(12):
                turns = [*turns, {"role": "user", "content": f"{number} " + "long " * 2000}]
                bodies.append({**ASK, "messages": turns})
                await relay.post(bodies[-1])
                turns = [*turns, {"role": "assistant", "content": "yes"}]
    assert [run.request for run in runs_of(path)] == bodies
    assert path.stat().st_size < 2 * 12 * 10_000 + 12 * 20_000


async def test_requests_are_in_the_capture_before_they_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.jsonl"
    # Requests and ends wait for nothing else to happen.
    monkeypatch.setattr(tape_queue, "_TOGETHER_S", 10 * HANG_S)
    async with MockServer() as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            asking = asyncio.create_task(
                relay.post(ASK, **{"x-streamscope-fault": "slow-start:600"})
            )
            await until(lambda: '"k":"request"' in path.read_text().replace(" ", ""))
            asking.cancel()
            await until(lambda: '"cancelled"' in path.read_text())
    (run,) = runs_of(path)
    assert (run.how, run.status) == ("cancelled", None)


# --- what ends the recording ----------------------------------------------------------------------


async def test_a_full_disk_ends_the_recording_and_not_the_traffic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.jsonl"
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            assert relay.tape.pid is not None
            await relay.post(ASK)
            await until(lambda: b'"k":"end"' in path.read_bytes())
            full = path.stat().st_size + 100
            resource.prlimit(relay.tape.pid, resource.RLIMIT_FSIZE, (full, full))
            whole = payload((await relay.post(ASK))[0])
            await until(lambda: bool(relay.notes))
            assert payload((await relay.post(ASK))[0]).count(b"message_stop") == 2
            assert whole.count(b"message_stop") == 2
    (note,) = relay.notes
    assert note.startswith("recording to kept.jsonl stopped: ") and "still forwarded" in note
    assert runs_of(path)[0].how == "eof"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_recording_that_dies_is_said_and_the_traffic_goes_on(
    number: int, tmp_path: Path
) -> None:
    path = tmp_path / "kept.jsonl"
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            assert relay.tape.pid is not None
            os.kill(relay.tape.pid, number)
            await until(lambda: bool(relay.notes))
            assert b"message_stop" in (await relay.post(ASK))[0]
    assert "the process that writes it has ended" in relay.notes[0] and len(relay.notes) == 1


async def test_a_disk_that_does_not_keep_up_ends_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path)), most=3 << 20) as relay:
            assert relay.tape.pid is not None
            os.kill(relay.tape.pid, signal.SIGSTOP)
            body = {**ASK, "system": "x" * 1_000_000}
            answers = [await relay.post(body) for _ in range(8)]
            os.kill(relay.tape.pid, signal.SIGCONT)
    assert all(b"message_stop" in answer for answer, _ in answers)
    assert len(relay.notes) == 1 and "the disk does not keep up: 3.1 MB were" in relay.notes[0]
    # What was waiting is there in the end, and what was cut off is told as that.
    found = runs_of(path)
    assert 1 <= len(found) < 8 and found[0].request == body


async def test_a_largest_size_ends_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path), max_size=1 << 20)) as relay:
            for number in range(4):
                await relay.post({**ASK, "system": f"{number}" * 6_000_000})
            await until(lambda: bool(relay.notes))
    assert "more than --max-size" in relay.notes[0]


async def test_a_file_that_cannot_be_recorded_into_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "mine.txt"
    other.write_text("mine\n")
    for path, why in ((other, "is not a capture"), (tmp_path / "no" / "x", "there is no folder")):
        tape = TapeQueue(TapeSettings(str(path)), print)
        with pytest.raises(RecordingRefused, match=why):
            await tape.open()
        await tape.aclose()
    assert other.read_text() == "mine\n"


async def test_without_content_nothing_that_was_said_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    tool = {"name": "get_weather", "description": "Secretly", "input_schema": {"type": "object"}}
    body = {**ASK, "model": "scenario:two-tools", "tools": [tool], "system": "Be Brief qz"}
    async with MockServer(speed=float("inf")) as mock:
        async with recording(mock.url, TapeSettings(str(path), content=False)) as relay:
            streamed = payload((await relay.post(body))[0])
            await relay.post({**body, "stream": False})
            fault = {"x-streamscope-fault": "status:400"}
            await relay.post(body, "/v1/messages?prompt=Whispered", **fault, **{"x-page": "Hidden"})
    text = path.read_text()
    for said in ("sky", "Secretly", "Brief", "qz", "Rome", "Asked for", "Whispered", "Hidden"):
        assert said not in text
    assert "get_weather" in text and "xx xxxxx xx" in text
    first, second, third = runs_of(path)
    assert first.request is not None and first.request["messages"][0]["role"] == "user"
    assert body_of(first).count(b"event: ") == streamed.count(b"event: ")
    assert len(body_of(second)) > 100 and third.how == "http_error"
