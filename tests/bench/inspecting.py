"""Thousands of small files in one call, and a large capture, start-up included."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from tests.bench import data
from tests.bench.measure import Row, at_most, in_turn, slower
from tests.bench.terminal import environment
from tui.scenarios import load

_FILES = 4_000
_NAMES = ("one-tool", "two-tools", "refusal")
"""2 to 6 kB each."""
_INSPECT = "from tui.cli.main import main; main()"
_BARE = """
import json, sys
from pathlib import Path
for path in sorted(Path(sys.argv[1]).glob("*.sse")):
    for line in path.read_bytes().split(b"\\n"):
        if line.startswith(b"data: "):
            json.loads(line[6:])
"""
_BARE_CAPTURE = """
import json, sys
with open(sys.argv[1], "rb") as file:
    for line in file:
        event = json.loads(line).get("data")
        if event is not None:
            json.loads(event[event.index("\\ndata: ") + 7 :])
"""
_ROOT = Path(__file__).resolve().parents[2]


def inspect(rounds: int) -> list[Row]:
    """`streamscope inspect --json` on a folder against a json.loads of every data line."""
    bodies = [b"".join(chunk.data for chunk in load(name).chunks) for name in _NAMES]
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        for number, body in enumerate(islice(cycle(bodies), _FILES)):
            (Path(folder) / f"{number:04}.sse").write_bytes(body)
        mine, theirs = in_turn(
            rounds, lambda: _inspected(folder, _FILES), lambda: _program(_BARE, folder)[0]
        )
    size = sum(map(len, bodies)) / len(bodies) / 1000
    work = f"inspect --json of {_FILES} files of {size:.0f} kB, with start-up"
    return [slower(work, mine, "json.loads of each line", theirs, at_most(3))]


def inspect_capture(rounds: int) -> list[Row]:
    """`streamscope inspect --json` on a capture of 1M reads with an event each."""
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        path = Path(folder) / "large.jsonl"
        with path.open("wb") as file:
            file.writelines(data.capture_lines())
        mine, theirs = in_turn(
            rounds, lambda: _inspected(str(path), 1), lambda: _program(_BARE_CAPTURE, str(path))[0]
        )
    work = "inspect --json of a capture of 1M events, with start-up"
    return [slower(work, mine, "json.loads of lines and events", theirs, at_most(1))]


def _inspected(target: str, count: int) -> float:
    """Return the processor time of an inspection that has to report `count` complete runs."""
    taken, out = _program(_INSPECT, "inspect", "--json", target)
    if out.count(b'"status":"complete"') != count:
        raise AssertionError("reports are missing")
    return taken


def _program(code: str, *arguments: str) -> tuple[float, bytes]:
    """Return the processor time that a program took from its start to its end, and its output."""
    before = os.times()
    with environment() as env:
        command = [sys.executable, "-c", code, *arguments]
        out = subprocess.run(command, cwd=_ROOT, env=env, capture_output=True, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4]), out.stdout
