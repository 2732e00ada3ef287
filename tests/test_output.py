"""The file that text is written to as it arrives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.output import OutputFile


def test_text_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.md"
    path.write_text("what was there before")
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


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        OutputFile(tmp_path / "missing" / "out.md")
