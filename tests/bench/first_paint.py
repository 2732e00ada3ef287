"""From the command to the first frame, in a pseudo-terminal."""

from __future__ import annotations

from pathlib import Path

from tests.bench.measure import Row, at_most, in_turn, slower
from tests.bench.terminal import until

_MARKER = b"Transcript"
_BARE = str(Path(__file__).with_name("bare.py"))
_COMMAND = "from tui.cli.main import main; main()"
_FEWEST = 7


def first_paint(rounds: int) -> list[Row]:
    """`streamscope demo` against a bare Textual app."""

    def ours() -> float:
        return until(_MARKER, "-c", _COMMAND, "demo")

    def bare() -> float:
        return until(_MARKER, _BARE)

    in_turn(1, ours, bare)  # The first run of all writes the byte code.
    mine, theirs = in_turn(max(rounds, _FEWEST), ours, bare)
    return [slower("first frame of the demo, 120x40", mine, "bare Textual", theirs, at_most(1.25))]
