"""The tick: what goes on between two of them."""

from __future__ import annotations

import asyncio

import pytest

from tests import playbook as pb
from tests.app_harness import BytesSource
from tests.limits import HANG_S
from tui.core.records import Chunk
from tui.dashboard.app import StreamscopeApp
from tui.find import finder


async def test_a_search_does_not_wait_for_the_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "_SLICE_S", 0.0)
    texts = [pb.text(0, f"word {number} ") for number in range(20_000)]
    wire = pb.wire(pb.message_start(), pb.text_start(), *texts, pb.block_stop(0), *pb.ending())
    app = StreamscopeApp([lambda: BytesSource([Chunk(0, wire)])])
    looks = 0
    real = finder.Finder.advance

    def advance(self: finder.Finder, run: object) -> bool:
        nonlocal looks
        looks += 1
        return real(self, run)  # type: ignore[arg-type]

    monkeypatch.setattr(finder.Finder, "advance", advance)
    ticks = 0
    async with app.run_test() as pilot, asyncio.timeout(HANG_S):
        while not (app.watchlist.feeds and app.watchlist.feeds[0].done):
            await pilot.pause()
        run = app.watchlist.feeds[0].runs[0]
        app.finder.set_search("word 19999", run)
        looks, ticks = 0, app.ticker._ticks
        while app.finder.progress < 1:
            await pilot.pause()
        ticks = app.ticker._ticks - ticks
        assert app.finder.searcher is not None and app.finder.searcher.count == 1
    assert looks > 2 * ticks + 5
