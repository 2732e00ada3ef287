"""The folder of captures without a name: private, and the oldest make room."""

from __future__ import annotations

import fcntl
import os
import stat
from datetime import datetime
from pathlib import Path

from tui.relay.shelf import OUTPUT_SUFFIX, make_room, new_path


def test_the_folder_is_private_and_names_are_new(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "relay"
    now = datetime(2026, 11, 20, 12, 0, 1)
    first = new_path(folder, now=now)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert first.parent == folder and first.name == f"relay-2026-11-20-120001-{os.getpid()}.jsonl"
    first.touch()
    assert new_path(folder, now=now).name.endswith("-2.jsonl")


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "relay"
    folder.mkdir(mode=0o755)
    new_path(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def captures(folder: Path, count: int) -> list[Path]:
    """Captures of 100 bytes, the oldest first."""
    paths = []
    for number in range(count):
        path = folder / f"relay-{number}.jsonl"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1_000 + number, 1_000 + number))
        paths.append(path)
    return paths


def test_the_oldest_go_first_with_what_belongs_to_them(tmp_path: Path) -> None:
    paths = captures(tmp_path, 5)
    output = paths[0].with_suffix(OUTPUT_SUFFIX)
    output.touch()
    (tmp_path / "other.txt").write_bytes(b"x" * 900)
    assert make_room(tmp_path, 250, paths[4]) == 200
    assert [path.exists() for path in paths] == [False, False, False, True, True]
    assert not output.exists() and (tmp_path / "other.txt").exists()


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    paths = captures(tmp_path, 3)
    with paths[0].open("ab") as written:
        fcntl.flock(written, fcntl.LOCK_EX)
        assert make_room(tmp_path, 0, paths[1]) == 200
    assert [path.exists() for path in paths] == [True, True, False]


def test_a_pipe_among_the_captures_is_not_waited_for(tmp_path: Path) -> None:
    paths = captures(tmp_path, 2)
    os.mkfifo(tmp_path / "0.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    assert make_room(tmp_path, 0, paths[1]) == 100
    assert not paths[0].exists() and (tmp_path / "0.jsonl").exists()


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert make_room(tmp_path / "no", 10, tmp_path / "own") == 0
