"""Live calls without a screen that a signal ends: their status, and what is left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.command_line import mock_in_a_thread
from tests.limits import HANG_S
from tests.servers import MockServer

COMMAND: Final = (sys.executable, "-c", "from tui.cli.main import main; main()")


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with mock_in_a_thread() as running:
        yield running


@pytest.mark.parametrize(
    ("manner", "number"),
    [("--plain", signal.SIGQUIT), ("--json", signal.SIGQUIT), ("--plain", signal.SIGTERM)],
)
def test_a_signal_ends_a_call_and_its_capture(
    manner: str, number: signal.Signals, server: MockServer, tmp_path: Path
) -> None:
    path = tmp_path / "kept.jsonl"
    model = "scenario:plain!stall:600"
    arguments = ["run", "Hello", manner, "--model", model, "--record", str(path)]
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.url},
    )
    try:
        while not path.exists() or "Olbers" not in path.read_text():
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=HANG_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 128 + number
    assert err.decode().endswith("streamscope: interrupted\n") and b"Traceback" not in err
    end = json.loads(path.read_text().splitlines()[-1])
    assert (end["k"], end["how"]) == ("end", "interrupted")
    if manner == "--json":
        assert json.loads(out)["runs"][0]["status"] == "cancelled"
    else:
        assert "Olbers" in out.decode()
