"""The project's own captures, read whole when small and piece by piece when large."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.captures.files_to_import import (
    TWO_RUNS,
    body_of,
    capture,
    write,
)
from tests.sweeps import sampled
from tui.captures import capture_body, capture_file
from tui.captures.capture_file import load_capture
from tui.captures.codec import (
    CaptureHead,
    ChunkLine,
    EndLine,
)
from tui.captures.importers import (
    ImportFailure,
    load,
)

# --- captures -------------------------------------------------------------------------------------


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
        (b'{"streamscope":1}\n', "nothing is recorded in this capture"),
        (
            b'{"streamscope":1}\nx\n',
            "nothing is recorded in this capture: line 2 left out: not JSON",
        ),
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
    first.body._decoded.clear()
    assert first.body.read_at(3, 5) == b"     "
    with pytest.raises(OSError):
        body_of(first)


def test_much_that_is_read_at_once_is_not_kept(tmp_path: Path) -> None:
    lines = [ChunkLine("r1", n, b"%07d." % n * 1000) for n in range(200)]
    (found,) = load(write(tmp_path, "c.jsonl", capture(CaptureHead(), *lines))).recordings
    body = body_of(found)
    assert found.body is not None
    assert found.body.read_at(0, len(body)) == body
    assert sum(map(len, found.body._decoded.values())) <= 1 << 20
    for at in (0, 1_000_000, 8_000, 1_599_990):
        assert found.body.read_at(at, 10) == body[at : at + 10]
    assert 0 < sum(map(len, found.body._decoded.values())) <= 1 << 20
