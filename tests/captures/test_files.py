"""Files that are made: never over what is there, never through a link, never half."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tui.captures.files import FileRefused, check_kind, open_existing, save


def test_a_name_that_is_taken_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "export.md"
    save(path, b"one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        save(path, b"two")
    assert path.read_bytes() == b"one"
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "elsewhere.md")
    with pytest.raises(FileExistsError):
        save(link, b"two")
    assert not (tmp_path / "elsewhere.md").exists()


def test_no_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="there is no folder .*/new: make it first"):
        save(tmp_path / "new" / "export.md", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", ["link", "pipe"])
def test_what_came_in_the_place_of_a_file_since_it_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    target = tmp_path / "target"
    target.write_bytes(b"y")
    look = os.lstat

    def swapped(name: Path) -> os.stat_result:
        found = look(name)
        path.unlink()
        path.symlink_to(target) if other == "link" else os.mkfifo(path)
        return found

    monkeypatch.setattr(os, "lstat", swapped)
    with pytest.raises(FileRefused, match="is a (symbolic link|named pipe)"):
        open_existing(path)
    assert target.read_bytes() == b"y"


def test_the_kind_of_what_is_not_there_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    check_kind(tmp_path / "absent")
    (tmp_path / "file").touch()
    check_kind(tmp_path / "file")
