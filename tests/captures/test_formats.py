"""Every format on the command line: `open` and `inspect` say the same, of a file and of a pipe."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import playbook as pb
from tests.command_line import Call, Result, run_command
from tests.recorded import BATCH, BODY, ERROR, EVENTS, MESSAGE, SESSION, bedrock, json_lines
from tests.recorded import whole_files as make_files

FILES = make_files()
SAID = {"message.json": "h\u00e9 two\n", "batch.jsonl": "h\u00e9 two\n"}
FAULTY: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["empty"]),
    "text.txt": (b"hello\n", ["not_sse"]),
    "page.html": (b"<!doctype html><p>", ["not_sse"]),
    "error.json": (json.dumps(ERROR).encode(), ["not_sse"]),
    "broken.har": (b'{"log":{"entries":[', ["not_sse"]),
    "none.har": (b'{"log":{"entries":[]}}', ["not_sse"]),
    "session.jsonl": (json_lines(SESSION[1]), ["not_sse"]),
    "other.json": (b'{"status":200,"body":"hello"}', ["not_sse"]),
    "flows": (b"40:9:websocket;0:~", ["not_sse"]),
    "new.jsonl": (b'{"streamscope":9}\n', ["not_sse"]),
    "cut.jsonl": (json_lines(*EVENTS[:-1]), ["truncated"]),
    "cut.bin": (bedrock()[:-200], ["truncated"]),
    "lost.jsonl": (json_lines(*EVENTS) + b"noise\n", ["complete"]),
    "failed.jsonl": (json_lines(*BATCH), ["complete", "error", "error", "cancelled"]),
    "error.jsonl": (json_lines(EVENTS[0], pb.error()), ["error"]),
}


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    return lambda *arguments, **given: run_command(monkeypatch, *arguments, **given)


@contextmanager
def piped(data: bytes, tmp_path: Path) -> Iterator[None]:
    """Descriptor 0 is a file with these bytes; a reader sees a pipe that never blocks."""
    path = tmp_path / "standard-input"
    path.write_bytes(data)
    kept, given = os.dup(0), os.open(path, os.O_RDONLY)
    os.dup2(given, 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(given)


def all_ways(
    call: Callable[..., Result], path: Path, tmp_path: Path
) -> tuple[list[Result], list[Result]]:
    """The file opened and inspected, by its name and through a pipe."""
    data = path.read_bytes()
    options = ("--plain", "--speed", "instant")
    with piped(data, tmp_path):
        opened = [call("open", path, *options), call("open", "-", *options)]
    inspected = [
        call("inspect", "--json", path),
        call("inspect", "--json", "-", stdin=data),
    ]
    return opened, inspected


def statuses(report: Result) -> list[str]:
    (found,) = [json.loads(line) for line in report.out.splitlines()]
    assert found["schema"] == "streamscope.inspect/1"
    return [run["status"] for run in found["runs"]]


@pytest.mark.parametrize("name", FILES)
def test_every_format(call: Call, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    opened, inspected = all_ways(call, path, tmp_path)
    for result in [*opened, *inspected]:
        assert result.status == 0, result
    assert opened[0].out == opened[1].out
    assert opened[0].out.startswith("h\u00e9 two\n\u2192 ")
    for report in inspected:
        assert set(statuses(report)) == {"complete"}
        assert report.err == ""
    first, second = [json.loads(report.out)["runs"] for report in inspected]
    assert first == second
    message = first[0]["message"]
    assert message["content"][-1]["type"] == "tool_use"


@pytest.mark.parametrize("name", FAULTY)
def test_what_is_wrong_is_told_alike(call: Call, tmp_path: Path, name: str) -> None:
    data, runs = FAULTY[name]
    path = tmp_path / name
    path.write_bytes(data)
    opened, inspected = all_ways(call, path, tmp_path)
    assert [result.status for result in [*opened, *inspected]] == [1] * 4
    if name != "error.jsonl" or runs != ["error"]:
        assert [statuses(report) for report in inspected] == [runs] * 2
    for result in [*opened, *inspected]:
        assert result.err or runs != ["not_sse"]
        if runs == ["not_sse"] and result in inspected:
            assert result.err.count("\n") == 1
    if runs == ["not_sse"]:
        assert inspected[0].err.startswith(f"streamscope: {path}: ")
        assert inspected[1].err.startswith("streamscope: -: ")
        error = json.loads(inspected[0].out)["runs"][0]["error"]
        assert error["message"]


def test_what_cannot_be_opened(call: Call, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    for command in (["open", "--plain"], ["inspect"]):
        result = call(*command, absent)
        assert result.status == 2
        assert result.one_line() == f"{absent}: no such file"
    assert call("open", "--plain", tmp_path).status == 2
    assert call("inspect", tmp_path).status == 2


def test_one_of_several_files_cannot_be_read(call: Call, tmp_path: Path) -> None:
    good, bad = tmp_path / "a.sse", tmp_path / "b.har"
    good.write_bytes(BODY)
    bad.write_bytes(b"{")
    result = call("open", "--plain", "--speed", "instant", bad, good)
    assert (result.status, result.out.startswith("h\u00e9 two\n")) == (1, True)
    assert f"streamscope: {bad}: not a HAR file" in result.err
    assert call("inspect", bad, good).status == 1


def test_a_folder_of_formats(call: Call, tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "settings.json").write_text('{"type": "module", "id": "msg_"}')
    result = call("inspect", "--json", tmp_path)
    assert (result.status, result.err) == (0, "")
    names = {Path(json.loads(line)["file"]).name for line in result.out.splitlines()}
    assert names == {
        name for name in FILES if Path(name).suffix in {".sse", ".jsonl", ".json", ".har"}
    }


def test_one_that_did_not_stream_says_so(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "message.json"
    path.write_text(json.dumps(MESSAGE))
    assert "did not stream" in call("inspect", path).out
    assert "did not stream" not in call("inspect", "--json", path).out
