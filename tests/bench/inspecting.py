"""Thousands of small files in one call, start-up included."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

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
_ROOT = Path(__file__).resolve().parents[2]


def inspect(rounds: int) -> list[Row]:
    """`streamscope inspect --json` on a folder against a json.loads of every data line."""
    bodies = [b"".join(chunk.data for chunk in load(name).chunks) for name in _NAMES]
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder, environment() as env:
        for number, body in enumerate(islice(cycle(bodies), _FILES)):
            (Path(folder) / f"{number:04}.sse").write_bytes(body)

        def run(code: str, *arguments: str) -> float:
            """Return the processor time that a program took from its start to its end."""
            command = [sys.executable, "-c", code, *arguments]
            before = os.times()
            out = subprocess.run(command, cwd=_ROOT, env=env, capture_output=True, check=True)
            after = os.times()
            if arguments[0] == "inspect" and out.stdout.count(b'"status":"complete"') != _FILES:
                raise AssertionError("reports are missing")
            return sum(after[2:4]) - sum(before[2:4])

        mine, theirs = in_turn(
            rounds, lambda: run(_INSPECT, "inspect", "--json", folder), lambda: run(_BARE, folder)
        )
    size = sum(map(len, bodies)) / len(bodies) / 1000
    work = f"inspect --json of {_FILES} files of {size:.0f} kB, with start-up"
    return [slower(work, mine, "json.loads of each line", theirs, at_most(3, 5))]
