"""The list of runs, refreshed and scrolled while its runs change, without a terminal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from statistics import median
from typing import Final

from tests.bench import data
from tests.bench.measure import Row, at_most, duration
from tui.core.records import Chunk
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.dashboard.watched import Watched
from tui.run import Feed
from tui.sources import SourceInfo

_REFRESHES: Final = 30
_DELTAS: Final = 200
_BEGUN: Final = 60
"""Events of a run that goes on."""


class _Silent:
    """A live source of which nothing comes by itself."""

    def __init__(self) -> None:
        request = {"model": "claude-sonnet-5-5"}
        self.info = SourceInfo("a question", None, request, "live", timed=True, paced=False)
        self.sent_ns: int | None = time.monotonic_ns()

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield nothing."""
        none: tuple[Chunk, ...] = ()
        for chunk in none:
            yield chunk

    async def aclose(self) -> None:
        """There is nothing to let go of."""


def list_refresh(rounds: int) -> list[Row]:
    """600 live runs that all change, and 10,000 of which 100 do; against a list of 10."""
    sizes = {
        "10 live runs": (10, 0),
        "600 live runs": (600, 0),
        "10,000 runs, 100 live": (10_000, 9_900),
    }
    rows = []
    few = 0.0
    for name, (count, over) in sizes.items():
        found = [asyncio.run(_refreshed(count, over)) for _ in range(rounds)]
        refresh, scroll = (median(times) for times in zip(*found, strict=True))
        few = few or scroll
        rows += [
            Row(f"refresh of the list, {name}", duration(refresh), value=refresh * 1000,
                limit=at_most(5, " ms")),
            Row("    scrolled by a row", duration(scroll), f"10 runs {duration(few)}",
                f"{scroll / few:.2f}x", scroll / few, at_most(1.5)),
        ]  # fmt: skip
    return rows


async def _refreshed(count: int, over: int) -> tuple[float, float]:
    """Return the processor time of a refresh and of a step down, in seconds, drawing included."""
    app = StreamscopeApp([], AppSettings(ticking=False))
    app.animation_level = "none"
    events = [event + b"\n\n" for event in data.text_stream(_DELTAS).split(b"\n\n")[:-1]]
    async with app.run_test(size=(120, 40)) as pilot:
        for number in range(count):
            feed = Feed(_Silent())
            app.watchlist.add(Watched(feed), show=not number)
            feed.session.feed_many(range(_BEGUN), events[:_BEGUN])
            if number < over:
                feed.session.finish(_BEGUN)
        while True:
            app.redraw()
            await pilot.pause()
            if not app.run_list.pending:
                break
        runs = app.dashboard.runs
        assert runs is not None and len(app.watchlist.feeds) == count
        refreshes, steps = [], []
        for number in range(_REFRESHES):
            for watched in app.watchlist.all[over:]:
                watched.feed.session.feed(_BEGUN + number, events[_BEGUN + number])
            start = time.thread_time()
            app.run_list.show()
            _draw(runs)
            refreshes.append(time.thread_time() - start)
            await pilot.pause()
            start = time.thread_time()
            runs.action_move(1)
            _draw(runs)
            steps.append(time.thread_time() - start)
            await pilot.pause()
        return median(refreshes), median(steps)


def _draw(runs: object) -> None:
    from textual.widget import Widget

    assert isinstance(runs, Widget)
    for y in range(runs.size.height):
        runs.render_line(y)
