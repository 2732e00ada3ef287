"""The file that text is written to as it arrives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.captures.files import FileRefused
from tui.cli.output import OutputFile


def test_text_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.md"
    file = OutputFile(path)
    file.write("caf\u00e9 ")
    assert path.read_text(encoding="utf-8") == "caf\u00e9 "
    file.write("\ud83d")
    file.close()
    assert path.read_text(encoding="utf-8") == "caf\u00e9 ?"
    assert file.failure is None


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.md"
    OutputFile(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_takes_no_more_is_told_once_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = OutputFile(tmp_path / "out.md")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda *_: 0)
        file.write("text")
    assert file.failure is not None and "not all of the text is there" in file.failure
    file.write("more")
    file.close()
    assert (tmp_path / "out.md").read_text() == ""


def test_what_is_there_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.md"
    path.write_text("what was there before")
    path.chmod(0o644)
    with pytest.raises(FileRefused, match="out.md exists already") as caught:
        OutputFile(path)
    assert caught.value.replaceable
    assert path.read_text() == "what was there before"
    file = OutputFile(path, replace=True)
    file.write("new")
    file.close()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


@pytest.mark.parametrize("replace", [False, True])
def test_a_place_that_cannot_be_written(tmp_path: Path, replace: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    refused = {
        "missing/out.md": "there is no folder",
        "pipe": "is a named pipe",
        "link": "is a symbolic link",
        "": "is a folder",
        "/dev/null": "is a device",
    }
    for name, message in refused.items():
        with pytest.raises(FileRefused, match=message) as caught:
            OutputFile(tmp_path / name, replace=replace)
        assert not caught.value.replaceable
    assert not (tmp_path / "elsewhere").exists()
