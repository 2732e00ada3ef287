"""A tool's input in small fragments, laid out for the screen while it arrives."""

from __future__ import annotations

import json
import time

from tests.bench import data, sdk
from tests.bench.measure import (
    Limit,
    Row,
    at_most,
    duration,
    faster,
    in_turn,
    seconds,
    slower,
    times,
)
from tui.core.partial_json import PartialJson
from tui.core.session import Session

_FRAGMENT = 10
_A_FRAME = 100
"""Fragments between two frames: 3000 a second at 30 frames a second."""
_ROWS = 20
"""Rows of the tool pane in a terminal of 120x40."""
_WIDTH = 58


class _Pane:
    """What the tool pane asks of the core: the text that is new, and the rows in view."""

    def __init__(self) -> None:
        self.session = Session()
        self.json = PartialJson(_WIDTH)
        self.steps: list[float] = []
        """Processor time of each frame, in seconds."""

    def play(self, frames: list[bytes]) -> None:
        fed = 0
        before = time.process_time()
        for number, read in enumerate(frames):
            self.session.feed(number, read)
            for block in self.session.run.state.blocks:
                self.json.feed(block.json.slice(fed))
                fed = len(block.json)
                count = self.json.line_count()
                for line in range(max(count - _ROWS, 0), count):
                    self.json.line(line, 0, _WIDTH)
            now = time.process_time()
            self.steps.append(now - before)
            before = now
        self.session.finish(len(frames))
        state = self.session.run.state
        if not state.blocks or state.blocks[0].tool_state != "complete" or not self.json.complete:
            raise AssertionError("the input is not complete")


def tool_input(rounds: int) -> list[Row]:
    """Inputs of 100 kB and 1 MB."""
    small, large = _frames(100_000), _frames(1_000_000)
    steps: list[list[float]] = []

    def play(frames: list[bytes]) -> float:
        pane = _Pane()
        taken = seconds(lambda: pane.play(frames))
        if frames is large:
            steps.append(pane.steps)
        return taken

    reads = data.reads(data.tool_stream(100_000, _FRAGMENT))
    mine, theirs, ten = in_turn(
        rounds,
        lambda: play(small),
        lambda: seconds(lambda: sdk.consume([reads])),
        lambda: play(large),
    )
    # A frame is as long as in its best round: what only one round shows is the machine's doing.
    *open_steps, last = (min(each) * 1000 for each in zip(*steps, strict=True))
    longest = max(open_steps)
    growth = ten / mine
    parse = in_turn(rounds, lambda: seconds(lambda: json.loads(data.tool_input(1_000_000))))[0]
    return [
        faster("100 kB tool input in 10-byte fragments, 30 fps", mine, "SDK", theirs,
               Limit(100)),
        Row("1 MB of it against 100 kB", duration(ten), f"100 kB {duration(mine)}", times(growth),
            growth, at_most(10)),
        Row("longest frame while 1 MB streams", duration(longest / 1000), "", "",
            longest, at_most(5, " ms")),
        slower("its last frame, against a parse of the 1 MB", last / 1000, "json.loads", parse,
               at_most(1.3)),
    ]  # fmt: skip


def _frames(size: int) -> list[bytes]:
    """Return the stream, cut where a frame is drawn."""
    events = data.tool_stream(size, _FRAGMENT).split(b"\n\n")[:-1]
    return [
        b"".join(event + b"\n\n" for event in events[at : at + _A_FRAME])
        for at in range(0, len(events), _A_FRAME)
    ]
