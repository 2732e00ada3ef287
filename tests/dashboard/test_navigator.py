"""Ways through the events: a match that is found later than it was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from types import SimpleNamespace

import pytest
from textual.widgets import Input

from tests import playbook as pb
from tests.app_harness import LATER_S, Stage, drawn, on_stage
from tests.limits import HANG_S
from tui.core.records import Chunk

TEXTS = 30_000
WANTED = TEXTS + 1
"""The event of the last text, behind the start of the message and of the block."""


@asynccontextmanager
async def searching(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A search for the last of many texts, which takes many ticks; enter was pressed."""
    texts = [pb.text(0, f"word {number} ") for number in range(TEXTS)]
    wire = pb.wire(pb.message_start(), pb.text_start(), *texts, pb.block_stop(0), *pb.ending())
    steps = count()
    clock = SimpleNamespace(perf_counter=lambda: next(steps) * HANG_S / 6)
    async with on_stage([Chunk(0, wire)], size=(80, 24)) as stage:
        await stage.at(LATER_S)
        monkeypatch.setattr("tui.find.finder.time", clock)
        await stage.press("slash")
        stage.dashboard.query_one(Input).value = f"word {TEXTS - 1} "
        await drawn(stage.app)
        stage.app.simulate_key("enter")
        await drawn(stage.app)
        assert stage.app.watchlist.cursor is None
        assert "Still searching" in stage.text
        yield stage


async def searched(stage: Stage) -> None:
    for _ in range(TEXTS):
        if stage.app.finder.progress >= 1:
            break
        stage.app.tick()
    assert stage.app.finder.progress >= 1
    stage.app.tick()


async def test_a_match_that_is_found_later_is_gone_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async with searching(monkeypatch) as stage:
        await searched(stage)
        assert stage.app.watchlist.cursor == WANTED + 1


async def test_a_match_that_is_found_later_leaves_a_reader_who_went_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with searching(monkeypatch) as stage:
        stage.app.navigator.go_to(7)
        await searched(stage)
        assert stage.app.watchlist.cursor == 8
