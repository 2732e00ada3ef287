"""Large recordings are read one after another, and what is looked at first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tests import playbook as pb
from tests.app_harness import on_stage
from tui.core.records import Chunk
from tui.sources import SourceInfo

BODY = pb.wire(pb.message_start(), *pb.text_block(0, "one"), *pb.ending())


class Large:
    """A recording that is loaded, once its gate is open."""

    def __init__(self, begun: list[int], number: int) -> None:
        self.info = SourceInfo(
            f"run {number}", None, None, "file", timed=False, paced=False, size=len(BODY)
        )
        self.sent_ns: int | None = None
        self.open = False
        self._begun = begun
        self._number = number

    async def chunks(self) -> AsyncIterator[Chunk]:
        self._begun.append(self._number)
        yield Chunk(0, BODY[:100])
        while not self.open:
            await asyncio.sleep(0)
        yield Chunk(0, BODY[100:])

    async def aclose(self) -> None:
        pass


async def test_one_is_read_at_a_time_and_what_is_shown_beside_it() -> None:
    begun: list[int] = []
    sources = [Large(begun, number) for number in range(5)]
    async with on_stage(*sources) as stage:
        await stage.until(lambda: begun == [0])
        watchlist = stage.app.watchlist
        assert [one.feed.progress for one in watchlist.all][1:] == [0.0] * 4
        watchlist.show(watchlist.all[3].feed.runs[0])
        await stage.until(lambda: begun == [0, 3])
        sources[3].open = True
        await stage.until(lambda: watchlist.all[3].feed.done)
        assert begun == [0, 3]
        sources[0].open = True
        await stage.until(lambda: begun == [0, 3, 1])
        for source in sources:
            source.open = True
        await stage.until(lambda: all(feed.done for feed in watchlist.feeds))
        assert begun == [0, 3, 1, 2, 4]
        assert all(feed.runs[0].status == "complete" for feed in watchlist.feeds)


async def test_one_that_waits_can_be_left_and_one_that_is_read_too() -> None:
    begun: list[int] = []
    sources = [Large(begun, number) for number in range(4)]
    async with on_stage(*sources) as stage:
        await stage.until(lambda: begun == [0])
        desk, watchlist = stage.app.desk, stage.app.watchlist
        watchlist.show(watchlist.all[2].feed.runs[0])
        desk.cancel()
        assert watchlist.all[2].feed.runs[0].status == "cancelled"
        watchlist.show(watchlist.all[0].feed.runs[0])
        desk.cancel()
        await stage.until(lambda: begun == [0, 1])
        assert watchlist.all[0].feed.runs[0].status == "cancelled"
        for source in sources:
            source.open = True
        await stage.until(lambda: all(feed.done for feed in watchlist.feeds))
        assert begun == [0, 1, 3]


async def test_many_are_listed_while_the_first_is_drawn() -> None:
    begun: list[int] = []
    sources = [Large(begun, number) for number in range(450)]
    for source in sources:
        source.open = True
    async with on_stage(*sources) as stage:
        watchlist = stage.app.watchlist
        await stage.until(
            lambda: len(watchlist.all) == 450 and all(f.done for f in watchlist.feeds)
        )
        assert begun == list(range(450))
        shown = watchlist.shown
        assert shown is not None and shown.watched is watchlist.all[0]
