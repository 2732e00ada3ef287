"""A stream with everything that the inspector shows, and ways to read the screen."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from tests import playbook as pb
from tests.app_harness import (
    Stage,
    all_rows,
    strips_of,
)
from tui.core.records import Chunk, JsonObject
from tui.widgets.line_view import LineView

SIZES = [(80, 24), (120, 40)]
both_sizes = pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])

EVENTS: list[JsonObject | bytes] = [
    pb.message_start(),  # 0
    pb.thinking_start(0),
    pb.thinking(0, "Let me see. "),
    pb.block_stop(0),
    pb.text_start(1),
    pb.text(1, "# Weather\n\nParis is **very** "),  # 5
    pb.text(1, "sunny today."),
    pb.ping(),
    pb.block_stop(1),
    pb.tool_start(2),
    pb.fragment(2, '{"city": '),  # 10
    pb.fragment(2, '"Paris"}'),
    pb.block_stop(2),
    {"type": "mystery", "said": "boo"},
    *pb.ending("tool_use"),  # 14, 15
]
TIMES_MS = [100, 200, 300, 400, 500, 600, 3600, *range(3700, 4600, 100)]
STREAM = [
    Chunk(milliseconds * 1_000_000, pb.wire(event))
    for milliseconds, event in zip(TIMES_MS, EVENTS, strict=True)
]
LAST = len(EVENTS) - 1


async def typed(stage: Stage, words: str) -> None:
    """Type into the line at the bottom and confirm."""
    stage.dashboard.query_one(Input).value = words
    await stage.settle()
    await stage.press("enter")


def told(stage: Stage) -> str:
    """The newest note on the screen; it is taken away."""
    text = stage.app.notes.text
    stage.app.notes.clear()
    return text


def numbers(stage: Stage) -> list[int]:
    """The sequence numbers of the rows of the log that are in view."""
    return [int(row.split()[0]) for row in stage.log if row.strip() and row.split()[0].isdigit()]


def marked(stage: Stage) -> int:
    """The event in the row of the log that is drawn as the cursor."""
    log = stage.log_pane
    ground = log.style("event-log--cursor").bgcolor
    found = [
        int(strip.text.split()[0])
        for strip in strips_of(log)
        if any(style is not None and style.bgcolor == ground for _, style, _ in strip)
    ]
    assert len(found) == 1
    return found[0]


def lit(pane: LineView, name: str) -> str:
    """What is drawn as written by the event at the cursor, of the rows in view."""
    ground = pane.style(name).bgcolor
    return "".join(
        segment.text
        for strip in strips_of(pane)
        for segment in strip
        if segment.style is not None and segment.style.bgcolor == ground
    )


def everything(stage: Stage, view: type[LineView]) -> str:
    """All rows of a screen, also those that are scrolled out, as one line."""
    return " ".join(" ".join(all_rows(stage.app.screen.query_one(view))).split())
