"""The tick: what goes on between two of them."""

from __future__ import annotations

import asyncio

import pytest

from tests import playbook as pb
from tests.app_harness import BytesSource
from tests.limits import HANG_S
from tui.core.records import Chunk
from tui.core.session import Run
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.ticker import Ticker
from tui.find import finder


async def test_a_search_does_not_wait_for_the_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "_SLICE_S", 0.0)
    texts = [pb.text(0, f"word {number} ") for number in range(20_000)]
    wire = pb.wire(pb.message_start(), pb.text_start(), *texts, pb.block_stop(0), *pb.ending())
    app = StreamscopeApp([lambda: BytesSource([Chunk(0, wire)])])
    looks = {"in a tick": 0, "between two": 0}
    ticking = False
    real_advance, real_tick = finder.Finder.advance, Ticker.tick

    def advance(self: finder.Finder, run: Run) -> bool:
        if self.searcher is not None and self.progress < 1:
            looks["in a tick" if ticking else "between two"] += 1
        return real_advance(self, run)

    def tick(self: Ticker) -> None:
        nonlocal ticking
        ticking = True
        real_tick(self)
        ticking = False

    monkeypatch.setattr(finder.Finder, "advance", advance)
    monkeypatch.setattr(Ticker, "tick", tick)
    async with app.run_test() as pilot, asyncio.timeout(HANG_S):
        while not (app.watchlist.feeds and app.watchlist.feeds[0].done):
            await pilot.pause()
        run = app.watchlist.feeds[0].runs[0]
        app.finder.set_search("word 19999", run)
        while app.finder.progress < 1:
            await pilot.pause()
        assert app.finder.searcher is not None and app.finder.searcher.count == 1
    # The tick that sees there is something to look for begins with it.
    assert looks["in a tick"] == 1 and looks["between two"] > 5
