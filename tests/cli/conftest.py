"""The command line called in this process, and a file for it to open."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.cli.process import BODY
from tests.command_line import Call, run_command


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command line in this process."""
    return partial(run_command, monkeypatch)


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "answer.sse"
    path.write_bytes(BODY)
    return path
