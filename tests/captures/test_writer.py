"""Captures as they are written: private, append-only, whole after any cut, never in the way."""

from __future__ import annotations

import errno
import os
import re
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests import playbook as pb
from tests.limits import HANG_S
from tui.captures import writer as writing
from tui.captures.capture_file import load_capture
from tui.captures.codec import (
    CaptureHead,
    CaptureLine,
    CaptureReader,
    EndLine,
    RequestLine,
    encode_line,
)
from tui.captures.files import FileRefused, save
from tui.captures.writer import CaptureWriter, utc_now

DATA: Final = [pb.sse(pb.message_start()), b"\xff not UTF-8 \xe2\x80", pb.sse(pb.message_stop())]


def lines(path: Path) -> list[CaptureLine]:
    reader = CaptureReader()
    found = [*reader.feed(path.read_bytes()), *reader.close()]
    assert reader.problems == []
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def record(writer: CaptureWriter, *data: bytes) -> None:
    run = writer.begin()
    run.request({"model": "m"}, url="https://host/v1/messages", headers={"a": "b"})
    run.response(5, 200, {"c": "d"})
    for number, piece in enumerate(data):
        run.chunk(10 + number, piece)
    run.end(100, "eof", None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture.jsonl"


# --- the file -------------------------------------------------------------------------------------


def test_a_recording_is_read_back(path: Path) -> None:
    writer = CaptureWriter(path, tool="streamscope 9", created="2026-11-20T12:00:00Z")
    record(writer, *DATA)
    record(writer, DATA[0])
    writer.close()
    writer.close()
    assert writer.failure is None
    assert lines(path)[0] == CaptureHead(1, "2026-11-20T12:00:00Z", "streamscope 9")
    first, second = load_capture(path).recordings
    assert [chunk.data for chunk in first.chunks()] == DATA
    assert [chunk.t_ns for chunk in first.chunks()] == [10, 11, 12]
    assert (first.run, first.how, first.error, first.end_ns) == ("r1", "eof", None, 100)
    assert (first.request, first.url, first.headers) == (
        {"model": "m"},
        "https://host/v1/messages",
        {"a": "b"},
    )
    assert (first.status, first.response_headers, first.timed) == (200, {"c": "d"}, True)
    assert [chunk.data for chunk in second.chunks()] == [DATA[0]]


def test_it_is_for_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    before = os.umask(0)
    try:
        for name in ("capture.jsonl", "empty.jsonl"):
            CaptureWriter(tmp_path / name).close()
            assert mode(tmp_path / name) == 0o600
    finally:
        os.umask(before)


def test_no_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="there is no folder .*/new: make it first"):
        CaptureWriter(tmp_path / "new" / "capture.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_each_record_is_in_the_file_at_once(path: Path) -> None:
    writer = CaptureWriter(path)
    assert len(lines(path)) == 1
    run = writer.begin()
    run.request(None)
    assert len(lines(path)) == 2
    run.chunk(1, b"x")
    assert len(lines(path)) == 3
    writer.close()


def test_runs_may_be_interleaved(path: Path) -> None:
    writer = CaptureWriter(path)
    one, two = writer.begin(), writer.begin()
    one.request({"n": 1})
    two.request({"n": 2})
    one.chunk(1, b"a")
    two.chunk(1, b"b")
    one.chunk(2, b"c")
    two.end(3, "reset", {"message": "x"})
    one.chunk(4, b"d")
    one.end(5, "eof", None)
    writer.close()
    found = load_capture(path).recordings
    assert [b"".join(data for _, data in item.chunks()) for item in found] == [b"acd", b"b"]
    assert [item.how for item in found] == ["eof", "reset"]


def test_a_run_that_was_not_ended_is_interrupted(path: Path) -> None:
    writer = CaptureWriter(path)
    run = writer.begin()
    run.chunk(7, b"x")
    writer.close()
    run.chunk(8, b"late")
    assert lines(path)[-1] == EndLine("r1", 7, "interrupted", None)


def test_after_its_end_nothing_is_recorded_and_time_never_goes_back(path: Path) -> None:
    writer = CaptureWriter(path)
    run = writer.begin()
    run.chunk(9, b"x")
    run.chunk(5, b"y")
    run.chunk(5, b"")
    run.end(3, "eof", None)
    run.end(4, "eof", None)
    run.chunk(10, b"z")
    writer.close()
    assert [line[1] for line in lines(path)[1:]] == [9, 9, 9]


def test_made_up_times_are_told(path: Path) -> None:
    writer = CaptureWriter(path)
    writer.begin().request({"model": "m"}, timed=False)
    writer.close()
    request = lines(path)[1]
    assert isinstance(request, RequestLine)
    assert not request.timed
    assert not load_capture(path).recordings[0].timed


def test_the_time_of_day() -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", utc_now())


# --- adding to one --------------------------------------------------------------------------------


def test_a_capture_is_added_to_with_new_names(path: Path) -> None:
    for _ in range(3):
        writer = CaptureWriter(path)
        record(writer, DATA[0])
        writer.close()
    assert [item.run for item in load_capture(path).recordings] == ["r1", "r2", "r3"]
    assert sum(isinstance(line, CaptureHead) for line in lines(path)) == 1


def test_names_are_found_across_the_blocks_of_a_large_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = CaptureWriter(path)
    for _ in range(12):
        record(writer, DATA[0])
    writer.close()
    for size in (1, 7, 50, 101):
        monkeypatch.setattr(writing, "_BLOCK", size)
        writer = CaptureWriter(path)
        assert writer.begin().run == "r13"
        writer._open.clear()
        writer.close()


def test_cut_at_every_byte_it_is_repaired_and_added_to(path: Path) -> None:
    whole = [encode_line(CaptureHead()), encode_line(EndLine("r1", 1, "eof", None))]
    data = b"".join(whole)
    for length in range(len(whole[0]) - 1, len(data) + 1):
        path.write_bytes(data[:length])
        writer = CaptureWriter(path)
        run = writer.begin()
        run.end(5, "reset", None)
        writer.close()
        found = lines(path)
        assert found[0] == CaptureHead()
        assert found[-1] == EndLine(run.run, 5, "reset", None)
        # A line that lacks only its LF is kept, any other part of one is cut back.
        kept = length >= len(data) - 1
        assert len(found) == 2 + kept
        assert run.run == ("r2" if kept else "r1")


def test_a_long_torn_tail(path: Path) -> None:
    whole = encode_line(CaptureHead()) + encode_line(EndLine("r1", 1, "eof", None))
    path.write_bytes(whole + b'{"k":"chunk","data":"' + b"x" * 600_000)
    CaptureWriter(path).close()
    assert path.read_bytes() == whole


def test_an_empty_file_becomes_a_capture(path: Path) -> None:
    path.touch()
    record(CaptureWriter(path), DATA[0])
    assert len(load_capture(path).recordings) == 1


@pytest.mark.parametrize("content", [b"\n", b"my notes\nand more", b"{}", b'{"k":"chunk"}\n'])
def test_somebody_elses_file_is_not_touched_unless_asked(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o644)
    with pytest.raises(FileRefused, match="not a capture that can be added to") as caught:
        CaptureWriter(path)
    assert caught.value.replaceable
    assert path.read_bytes() == content
    record(CaptureWriter(path, replace=True), DATA[0])
    assert (len(load_capture(path).recordings), mode(path)) == (1, 0o600)


def test_a_capture_is_never_replaced(path: Path) -> None:
    for _ in range(2):
        writer = CaptureWriter(path, replace=True)
        record(writer, DATA[0])
        writer.close()
    assert len(load_capture(path).recordings) == 2
    newer = b'{"streamscope":2}\n'
    path.write_bytes(newer)
    with pytest.raises(FileRefused, match="this program reads format 1") as caught:
        CaptureWriter(path, replace=True)
    assert not caught.value.replaceable
    assert path.read_bytes() == newer


def test_two_writers_of_one_file(path: Path) -> None:
    first = CaptureWriter(path)
    with pytest.raises(FileRefused, match="being written by another program"):
        CaptureWriter(path)
    first.close()
    CaptureWriter(path).close()


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    kinds = {"": "a folder", "pipe": "a named pipe", "link": "a symbolic link"}
    for name, kind in kinds.items():
        with pytest.raises(FileRefused, match=f"is {kind}: name a file"):
            CaptureWriter(tmp_path / name, replace=True)
    with pytest.raises(FileRefused, match="is a device: name a file"):
        CaptureWriter(Path("/dev/null"), replace=True)
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        CaptureWriter(tmp_path / "file" / "capture.jsonl")


# --- when it cannot be written --------------------------------------------------------------------


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 2,000 bytes: what a full disk is to the writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_ends_the_recording_and_nothing_else(path: Path, small_disk: None) -> None:
    writer = CaptureWriter(path)
    run = writer.begin()
    run.request({"model": "m"})
    for t_ns in range(100):
        run.chunk(t_ns, b"x" * 100)
    run.end(101, "eof", None)
    writer.close()
    assert writer.failure == "recording to capture.jsonl stopped: File too large"
    assert run.failure == writer.failure
    # What is in the file is whole lines, and the run in it is known to be cut.
    assert path.read_bytes().endswith(b"\n")
    (found,) = load_capture(path).recordings
    assert found.how == "interrupted"
    count = len(list(found.chunks()))
    assert 5 < count < 30
    assert [chunk.t_ns for chunk in found.chunks()] == list(range(count))


def test_a_disk_that_is_full_from_the_start(tmp_path: Path, small_disk: None) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with pytest.raises(OSError):
        CaptureWriter(tmp_path / "capture.jsonl")
    with pytest.raises(OSError):
        save(tmp_path / "export.md", b"x" * 100)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_takes_a_part_is_gone_on_with(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    writer = CaptureWriter(path)
    record(writer, *DATA)
    writer.close()
    monkeypatch.undo()
    assert writer.failure is None
    assert [chunk.data for chunk in load_capture(path).recordings[0].chunks()] == DATA


def test_a_part_that_got_written_is_cut_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = CaptureWriter(path)
    run = writer.begin()
    run.chunk(1, b"whole")
    size = path.stat().st_size
    write, calls = os.write, iter((True, False))

    def failing(fd: int, data: bytes) -> int:
        if next(calls):
            return write(fd, data[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", failing)
    run.chunk(2, b"torn")
    assert path.stat().st_size == size
    assert writer.failure == "recording to capture.jsonl stopped: No space left on device"
    run.chunk(3, b"more")
    writer.close()
    assert path.stat().st_size == size


def test_what_is_written_together_is_appended_at_once(path: Path) -> None:
    writer = CaptureWriter(path)
    run = writer.begin()
    size = path.stat().st_size
    with writer.together():
        run.chunk(1, b"one")
        run.chunk(2, b"two")
        assert path.stat().st_size == size
    assert [line[2] for line in lines(path)[1:]] == [b"one", b"two"]
    run.chunk(3, b"three")
    assert len(lines(path)) == 4
    writer.close()


def test_of_what_was_written_together_whole_lines_stay(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = CaptureWriter(path)
    run = writer.begin()
    write = os.write

    def failing(fd: int, data: bytes) -> int:
        # The first line, and half of the second.
        monkeypatch.setattr(os, "write", refuse)
        return write(fd, bytes(data)[: bytes(data).index(b"\n") + 20])

    monkeypatch.setattr(os, "write", failing)
    with writer.together():
        run.chunk(1, b"one")
        run.chunk(2, b"two")
    monkeypatch.undo()
    assert writer.failure == "recording to capture.jsonl stopped: no"
    with writer.together():
        run.chunk(3, b"three")
    writer.close()
    assert [line[2] for line in lines(path)[1:]] == [b"one"]


def refuse(fd: int, size: object) -> None:
    raise OSError(errno.EIO, "no")


def test_a_device_that_takes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = CaptureWriter(path)
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    monkeypatch.setattr(os, "ftruncate", refuse)
    writer.begin().chunk(1, b"x")
    assert writer.failure is not None
    assert "nothing more could be written" in writer.failure


def test_a_request_that_is_no_json_is_recorded_as_text(path: Path) -> None:
    writer = CaptureWriter(path)
    run = writer.begin()
    run.request({"model": object})
    run.chunk(1, b"x")
    writer.close()
    assert writer.failure is None
    assert len(load_capture(path).recordings) == 1


def test_a_record_that_cannot_be_encoded_ends_the_recording(path: Path) -> None:
    writer = CaptureWriter(path)
    writer.write(RequestLine("r1", 0, None, None, {}, object()))
    assert writer.failure is not None
    writer.close()
    assert lines(path) == [line for line in lines(path) if isinstance(line, CaptureHead)]


def test_a_descriptor_that_is_gone(path: Path) -> None:
    writer = CaptureWriter(path)
    os.close(writer._fd)
    run = writer.begin()
    run.chunk(1, b"x")
    assert writer.failure is not None
    assert "Bad file descriptor" in writer.failure
    writer.close()


def test_a_control_code_in_the_name_is_shown_safely(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a\x1b[31m.jsonl")
    os.close(writer._fd)
    writer.begin().chunk(1, b"x")
    assert writer.failure is not None
    assert "\x1b" not in writer.failure
    writer.close()


def test_killed_at_any_time_what_was_recorded_is_there(path: Path) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from tui.captures.writer import CaptureWriter\n"
        "run = CaptureWriter(pathlib.Path(sys.argv[1])).begin()\n"
        "run.request({'model': 'm'})\n"
        "for t in range(50): run.chunk(t, b'x')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=HANG_S)
    (found,) = load_capture(path).recordings
    assert len(list(found.chunks())) == 50
    assert (found.how, found.end_ns) == ("interrupted", None)
