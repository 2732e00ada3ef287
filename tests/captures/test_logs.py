"""Captures and foreign logs through the command line: recorded, opened, followed, inspected."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests import playbook as pb
from tests.command_line import Call, mock_in_a_thread, run_command
from tests.limits import HANG_S
from tests.servers import MockServer
from tui.captures.codec import (
    CaptureHead,
    CaptureLine,
    ChunkLine,
    EndLine,
    RequestLine,
    encode_line,
)
from tui.captures.importers import load
from tui.cli.inspect import Inspector

COMMAND: Final = [sys.executable, "-c", "from tui.cli.main import main; main()"]
URL: Final = "https://api.anthropic.com/v1/messages"
BODY: Final = pb.wire(pb.message_start(), *pb.text_block(0, "one ", "two"), *pb.ending())
REQUEST: Final = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
LINES: Final[list[CaptureLine]] = [
    CaptureHead(),
    RequestLine("r1", 0, "POST", URL, {}, REQUEST),
    ChunkLine("r1", 5_000_000, BODY[:300]),
    RequestLine("r2", 0, "POST", URL, {}, REQUEST),
    ChunkLine("r1", 9_000_000, BODY[300:]),
    ChunkLine("r2", 1_000_000, BODY[:300]),
    EndLine("r1", 9_000_000, "eof", None),
    EndLine("r2", 2_000_000, "reset", {"type": "connection_lost", "message": "Connection lost"}),
]
CAPTURE: Final = b"".join(map(encode_line, LINES))
HAR: Final = json.dumps(
    {
        "log": {
            "entries": [
                {
                    "request": {"method": "POST", "url": URL},
                    "response": {"status": 200, "content": {"text": BODY.decode()}},
                }
            ]
        }
    }
).encode()
EVENTS: Final = "\n".join(
    json.dumps(event) for event in (pb.message_start(), *pb.text_block(0, "x"), *pb.ending())
).encode()
TRACE: Final = json.dumps(
    {
        "request": {"timestamp": 1, "url": URL, "body": REQUEST},
        "response": {"status_code": 200, "body_raw": BODY.decode()},
    }
).encode()


class Report(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def inspect(*targets: Path, as_json: bool = True) -> Report:
    out, err = io.StringIO(), io.StringIO()
    inspector = Inspector(out, err, as_json=as_json)
    for target in targets:
        inspector.inspect(str(target), None)
    return Report(inspector.status, out.getvalue(), err.getvalue())


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def start(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=env,
    )


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command line in this process."""
    return partial(run_command, monkeypatch)


# --- inspect --------------------------------------------------------------------------------------


def test_a_capture_is_inspected_with_its_times(tmp_path: Path) -> None:
    path = write(tmp_path, "c.jsonl", CAPTURE)
    report = inspect(path)
    assert (report.status, report.err) == (1, "")
    (found,) = report.objects
    assert found["file"] == str(path)
    first, second = found["runs"]
    assert (first["status"], first["bytes"]) == ("complete", len(BODY))
    assert (first["metrics"]["ttfb_ms"], first["metrics"]["e2e_ms"]) == (5.0, 9.0)
    assert (second["status"], second["error"]["type"]) == ("error", "connection_lost")
    assert inspect(path, as_json=False).out.count("c.jsonl") == 2


@pytest.mark.parametrize(
    ("name", "content"), [("a.har", HAR), ("b.jsonl", EVENTS), ("c.jsonl", TRACE), ("d", HAR)]
)
def test_logs_are_inspected_without_times(tmp_path: Path, name: str, content: bytes) -> None:
    report = inspect(write(tmp_path, name, content))
    assert (report.status, report.err) == (0, "")
    (found,) = report.objects[0]["runs"]
    assert found["status"] == "complete"
    assert found["metrics"]["e2e_ms"] is None


def test_what_is_left_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = CAPTURE.split(b"\n")
    lines[2:2] = [b'{"k":"chunk","run":"r1","t":-1,"data":""}', b"{"]
    path = write(tmp_path, "c.jsonl", b"\n".join(lines))
    told = inspect(path).err
    assert told.count("left out") == 2
    assert f"streamscope: {path}: line 3 left out: t should be" in told
    monkeypatch.setattr("tui.captures.capture_file.CHECKED_SIZE", 0)
    assert set(inspect(path).err.splitlines()) == set(told.splitlines())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.har", b"{", "not a HAR file: not JSON"),
        ("a.jsonl", b'{"streamscope":2}', "capture format 2"),
        ("a.jsonl", b'{"type":"user"}', "no stream events in this file"),
        ("a.yaml", b"interactions: [[", "not YAML"),
        ("a.json", b'{"log":{"entries":[]}}', "no answer of the Messages API"),
    ],
)
def test_a_broken_log_is_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = write(tmp_path, name, content)
    report = inspect(path)
    (found,) = report.objects[0]["runs"]
    assert (report.status, found["status"], found["message"]) == (1, "not_sse", None)
    assert found["error"]["type"] == "not_sse" and message in found["error"]["message"]
    assert report.err.startswith(f"streamscope: {path}: ") and report.err.count("\n") == 1
    assert message in report.err


def test_a_folder_is_looked_through(tmp_path: Path) -> None:
    for name, content in {
        "a.sse": BODY,
        "b/c.jsonl": CAPTURE,
        "b/d.har": HAR,
        "e.json": b'{"name": "package", "scripts": {}}',
        "f.json": b'{"docs": "POST /v1/messages"}',
        "g.jsonl": b'{"type":"user","text":"message_start"}\n',
        "h.yaml": b"on: [push]\n",
        "i.txt": CAPTURE,
        "j.yml": b"interactions:\n- uri: /v1/messages\n",
    }.items():
        write(tmp_path, name, content)
    report = inspect(tmp_path)
    names = [Path(found["file"]).name for found in report.objects]
    assert names == ["a.sse", "c.jsonl", "d.har", "j.yml"]
    # One that should hold an answer and cannot be read is told.
    assert report.err.count("\n") == 1
    assert "j.yml: no response can be read" in report.err


def test_a_folder_of_logs_without_streams(tmp_path: Path) -> None:
    write(tmp_path, "e.json", b"{}")
    report = inspect(tmp_path)
    assert (report.status, report.out) == (2, "")
    assert "no streams in this folder" in report.err


# --- open -----------------------------------------------------------------------------------------


def test_open_plays_every_run_of_a_log(call: Call, tmp_path: Path) -> None:
    path = write(tmp_path, "c.jsonl", CAPTURE + b'{"torn')
    report = call("open", path, "--plain", "--speed", "instant")
    assert report.status == 1
    assert report.out == "one two\n"
    assert "the last line breaks off" in report.err
    assert "Connection lost" in report.err and "TTFT" in report.err
    assert "Traceback" not in report.err


def test_open_tells_what_it_cannot_read(call: Call, tmp_path: Path) -> None:
    report = call("open", write(tmp_path, "x.har", b"{"), "--plain")
    assert (report.status, report.out) == (1, "")
    assert report.err.count("\n") == 1 and "not a HAR file" in report.err


def test_open_follows_a_capture(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    half = pb.wire(pb.message_start(), pb.text_start(), pb.text(0, "one "))
    lines: list[CaptureLine] = [
        *LINES[:2],
        ChunkLine("r1", 5, half),
        ChunkLine("r1", 9, BODY[len(half) :]),
        EndLine("r1", 9, "eof", None),
    ]
    path.write_bytes(b"".join(map(encode_line, lines[:3])))
    process = start("open", "--follow", "--plain", path)
    try:
        assert process.stdout is not None
        first = process.stdout.read(3)
        with path.open("ab") as file:
            file.write(b"".join(map(encode_line, lines[3:])))
        out, err = process.communicate(timeout=HANG_S)
    finally:
        process.kill()
    assert (process.returncode, first + out.rstrip()) == (0, b"one two"), err
    assert call("open", "--follow", tmp_path / "none.jsonl").status == 2


# --- run --record ---------------------------------------------------------------------------------


def environment(server: MockServer) -> dict[str, str]:
    return {"ANTHROPIC_API_KEY": "sk-ant-CANARY", "ANTHROPIC_BASE_URL": server.url}


def test_a_call_is_recorded(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.jsonl"
    with mock_in_a_thread() as server:
        for name, value in environment(server).items():
            monkeypatch.setenv(name, value)
        for expected in (1, 2):
            report = call("run", "Hello", "--plain", "--record", path)
            assert report.status == 0, report.err
            loaded = load(path)
            assert (len(loaded.recordings), loaded.warnings) == (expected, [])
    found = loaded.recordings[-1]
    assert found.url == f"{server.url}/v1/messages"
    assert found.request is not None and found.request["messages"][0]["content"] == "Hello"
    assert (found.status, found.how, found.timed) == (200, "eof", True)
    assert found.headers["anthropic-version"]
    assert b"CANARY" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    again = call("open", path, "--plain", "--speed", "instant")
    assert again.out.endswith(report.out) and again.status == 0


@pytest.mark.parametrize("name", ["notes.txt", "."])
@pytest.mark.usefixtures("api_key")
def test_a_file_that_is_no_capture_is_not_recorded_into(
    call: Call, tmp_path: Path, name: str
) -> None:
    write(tmp_path, "notes.txt", b"mine")
    report = call("run", "Hello", "--record", tmp_path / name)
    assert (report.status, report.out) == (2, "")
    assert report.err.startswith("streamscope: --record: ") and report.err.count("\n") == 1
    assert (tmp_path / "notes.txt").read_bytes() == b"mine"


async def test_a_recording_that_is_stopped_ends_as_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    async with MockServer(speed=0.1) as server:
        env = {**os.environ, **environment(server)}
        process = start("run", "Hello", "--plain", "--record", path, env=env)
        try:
            assert process.stdout is not None
            # What is shown has been recorded.
            await asyncio.to_thread(process.stdout.read, 1)
            process.send_signal(signal.SIGTERM)
            _, err = await asyncio.to_thread(process.communicate, timeout=HANG_S)
        finally:
            process.kill()
    assert process.returncode == 128 + signal.SIGTERM
    assert b"Traceback" not in err
    (found,) = load(path).recordings
    assert (found.how, found.status) == ("interrupted", 200)
    assert found.end_ns is not None
    assert list(found.chunks())
