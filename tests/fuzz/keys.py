"""Whatever is pressed, clicked and resized, over whatever stream, the dashboard goes on."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Sequence
from typing import Final, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.pilot import OutOfBounds

from tests.app_harness import Stage, on_stage
from tests.streams import timed_reads
from tui.core.records import Chunk
from tui.dashboard.commands import KEYS

Action: TypeAlias = tuple[str, str] | tuple[str, float] | tuple[str, tuple[int, int]]

SIZES: Final = [(80, 24), (120, 40), (200, 50), (60, 20), (40, 12), (20, 5), (3, 3), (1, 1)]
_NOT_PRESSED: Final = {"q", "ctrl+q", "ctrl+c"}
_PRESSED: Final = [
    *(key for entry in KEYS for key in entry.keys.split(",") if key not in _NOT_PRESSED),
    *"ghjklpuwyx0259",
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
    *("enter", "escape", "tab", "shift+tab", "ctrl+p", "question_mark"),
]
_TYPED: Final = ["re:a+", "re:(", "type:ping", "index:1", "gap>1s", "text", "{", "[b]", "\u6f22"]
_FEWER: Final = 20
"""An example is a whole session on the screen."""


def actions() -> st.SearchStrategy[Action]:
    """What a reader can do."""
    return st.one_of(
        st.tuples(st.just("press"), st.sampled_from(_PRESSED)),
        st.tuples(st.just("press"), st.sampled_from(_PRESSED)),
        st.tuples(st.just("type"), st.sampled_from(_TYPED)),
        st.tuples(st.just("wait"), st.sampled_from([0.05, 0.5, 20.0])),
        st.tuples(st.just("click"), st.tuples(st.integers(0, 199), st.integers(0, 49))),
        st.tuples(st.just("resize"), st.sampled_from(SIZES)),
    )


@settings(max_examples=max(settings().max_examples // _FEWER, 1))
@given(
    st.lists(timed_reads(), min_size=1, max_size=3),
    st.sampled_from(SIZES[:5]),
    st.lists(actions(), min_size=20, max_size=60),
)
def the_dashboard_goes_on(
    streams: list[list[tuple[int, bytes]]], size: tuple[int, int], done: list[Action]
) -> None:
    """Nothing is raised, and each row of the screen is as wide as the terminal."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        asyncio.run(play(streams, size, done))


async def play(
    streams: Sequence[Sequence[tuple[int, bytes]]], size: tuple[int, int], done: Sequence[Action]
) -> None:
    """Do all of it."""
    played = [[Chunk(t_ns, data) for t_ns, data in reads] for reads in streams]
    async with on_stage(*played, size=size, editor="true") as stage:
        for action in done:
            await _do(stage, action)
            if stage.app._exit:
                return
            width = stage.app.size.width
            assert {cell_len(line) for line in stage.lines} <= {width}


async def _do(stage: Stage, action: Action) -> None:
    match action:
        case "press", str(key):
            await stage.press(key)
        case "type", str(text):
            await stage.type(text)
        case "wait", float(seconds):
            await stage.advance(seconds)
        case "resize", (int(width), int(height)):
            await stage.resize(width, height)
        case "click", (int(x), int(y)):
            with contextlib.suppress(OutOfBounds):
                await stage.pilot.click(offset=(x, y))
            await stage.settle()


LAWS = [the_dashboard_goes_on]
