"""What is kept for the next time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.cli.state import keep_theme, kept_theme, state_file


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "not" / "there" / "yet"))


def test_nothing_is_kept_at_first() -> None:
    assert kept_theme() is None
    assert not state_file().exists()


def test_the_theme_that_was_chosen_last_is_kept() -> None:
    keep_theme("nord")
    keep_theme("dracula")
    assert kept_theme() == "dracula"
    assert [path.name for path in state_file().parent.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"theme": 7}', "\udcff"])
def test_a_file_that_was_broken_is_as_good_as_none_and_can_be_written(text: str) -> None:
    state_file().parent.mkdir(parents=True)
    state_file().write_text(text, encoding="utf-8", errors="surrogateescape")
    assert kept_theme() is None
    keep_theme("nord")
    assert kept_theme() == "nord"


def test_what_else_is_kept_stays() -> None:
    state_file().parent.mkdir(parents=True)
    state_file().write_text('{"seen": true}')
    keep_theme("nord")
    assert '"seen": true' in state_file().read_text()
