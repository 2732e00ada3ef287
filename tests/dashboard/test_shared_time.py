"""One time for several streams: live, held, played again."""

from __future__ import annotations

import asyncio
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.manual_clock import ManualClock, settle
from tests.script_source import ScriptSource, one_each
from tui.dashboard.shared_time import SharedTime
from tui.dashboard.watched import Shown, Watched
from tui.run import Feed

S = 1_000_000_000
EVENTS = [pb.message_start(), *pb.text_block(0, "one", "two"), *pb.ending()]
COUNT = len(EVENTS)
SLOW = [number * S for number in range(COUNT)]
QUICK = [number * S // 2 for number in range(COUNT)]


class Streams:
    """Streams that are read, and their common time; leaving it ends them."""

    def __init__(self) -> None:
        self.manual = ManualClock()
        self.time = SharedTime(self.manual)
        self.shown: list[Shown] = []
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Streams:
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def add(self, times: list[int], *, paced: bool = True) -> Shown:
        chunks = one_each(EVENTS[: len(times)], *times) if times else []
        source = ScriptSource(chunks, paced=paced)
        feed = Feed(source, clock=self.manual.clock(), now=self.manual)
        self._readers.append(asyncio.create_task(feed.run()))
        await settle()
        one = Shown(Watched(feed), feed.runs[-1])
        self.shown.append(one)
        self.time.shown = self.shown
        return one

    async def pass_(self, seconds: float) -> None:
        await self.manual.advance(int(seconds * S))
        self.time.tick()
        await settle()

    @property
    def counts(self) -> list[int]:
        """How many events of each are shown."""
        found = [(self.time.count(one), len(one.run.timeline)) for one in self.shown]
        return [head if count is None else count for count, head in found]


async def recorded(streams: Streams, *times: list[int]) -> None:
    """Streams that came long ago."""
    for one in times:
        await streams.add(one, paced=False)


async def test_without_streams_nothing_happens() -> None:
    time = SharedTime(ManualClock())
    for act in (time.tick, time.toggle, time.step, time.back, time.faster, time.normal_speed):
        act()
    time.release(None)
    assert time.now_ns() == 0 and not time.held


async def test_what_is_over_is_played_again_together() -> None:
    async with Streams() as streams:
        await recorded(streams, SLOW, QUICK)
        assert streams.counts == [COUNT, COUNT] and streams.time.speed is None
        streams.time.toggle()
        await streams.pass_(2.2)
        assert streams.time.behind and not streams.time.paused
        assert streams.counts == [3, 5] and streams.time.now_ns() == int(2.2 * S)
        await streams.pass_(2)  # The quick one is over at 3 s: the slow one goes on.
        assert streams.counts == [5, COUNT]
        await streams.pass_(9)
        assert not streams.time.held and streams.counts == [COUNT, COUNT]


async def test_it_stands_and_goes_on_where_it_stood() -> None:
    async with Streams() as streams:
        await recorded(streams, SLOW, QUICK)
        streams.time.toggle()
        await streams.pass_(1.1)
        streams.time.toggle()
        assert streams.time.paused
        await streams.pass_(30)
        assert streams.counts == [2, 3]
        streams.time.toggle()
        await streams.pass_(1)
        assert streams.counts == [3, 5]


async def test_a_step_is_the_next_event_of_any_of_them() -> None:
    async with Streams() as streams:
        await recorded(streams, [0, 2 * S, 5 * S], [S, 3 * S, 4 * S])
        seen = []
        streams.time.hold(0)
        for _ in range(6):
            seen.append(tuple(streams.counts))
            streams.time.step()
        assert seen == [(1, 0), (1, 1), (2, 1), (2, 2), (2, 3), (3, 3)]
        assert not streams.time.behind and streams.time.paused
        for counts in reversed(seen[:-1]):
            streams.time.back()
            assert tuple(streams.counts) == counts
        streams.time.back()
        assert streams.time.now_ns() == 0


async def test_streams_that_are_played_stop_together_and_step_together() -> None:
    async with Streams() as streams:
        slow, quick = await streams.add(SLOW), await streams.add(QUICK)
        await streams.pass_(1.2)
        assert streams.counts == [2, 3] and streams.time.speed == 1.0
        streams.time.toggle()
        await streams.pass_(20)
        assert streams.counts == [2, 3] and streams.time.paused
        assert slow.feed.clock.paused and quick.feed.clock.paused
        streams.time.step()  # The next event was never there before.
        await streams.pass_(0)
        assert streams.counts == [2, 4] and streams.time.now_ns() == S * 3 // 2
        streams.time.step()
        await streams.pass_(0)
        assert streams.counts == [3, 5]
        streams.time.toggle()
        await streams.pass_(1)
        assert not streams.time.held and streams.counts == [4, COUNT]


async def test_what_runs_ahead_waits() -> None:
    async with Streams() as streams:
        quick = await streams.add(QUICK)
        await streams.pass_(2.2)
        slow = await streams.add(SLOW)  # Begun two seconds later.
        await streams.pass_(0)
        assert streams.counts == [1, 1]
        await streams.pass_(1)
        assert quick.feed.clock.time_ns() == slow.feed.clock.time_ns() == S
        assert streams.counts == [3, 2]
        await streams.pass_(9)
        assert streams.counts == [COUNT, COUNT]


async def test_what_was_stopped_goes_on_when_it_is_left_but_for_what_is_kept() -> None:
    async with Streams() as streams:
        slow, quick = await streams.add(SLOW), await streams.add(QUICK)
        await streams.pass_(1)
        streams.time.toggle()
        await streams.pass_(0)
        streams.time.release(slow.watched)
        assert slow.feed.clock.paused and not quick.feed.clock.paused


async def test_what_comes_into_view_while_the_others_stand_stands_too() -> None:
    async with Streams() as streams:
        await streams.add(SLOW)
        await streams.pass_(1)
        streams.time.toggle()
        other = await streams.add(QUICK)
        await streams.pass_(0)
        assert other.feed.clock.paused
        streams.time.shown = [streams.shown[0]]
        await streams.pass_(0)
        assert not other.feed.clock.paused


async def test_the_speed_is_one_for_all() -> None:
    async with Streams() as streams:
        slow, quick = await streams.add(SLOW), await streams.add(QUICK)
        streams.time.faster()
        assert slow.feed.clock.speed == quick.feed.clock.speed == streams.time.speed == 2.0
        await streams.pass_(1.1)
        assert streams.counts == [3, 5]
        streams.time.normal_speed()
        streams.time.slower()
        assert slow.feed.clock.speed == quick.feed.clock.speed == 0.5


@given(
    st.lists(
        st.lists(st.integers(0, 50), min_size=1, max_size=COUNT).map(sorted), min_size=1, max_size=4
    ),
    st.integers(0, 60),
)
def test_all_are_shown_as_of_one_time(times: list[list[int]], at: int) -> None:
    async def check() -> None:
        async with Streams() as streams:
            await recorded(streams, *times)
            streams.time.hold(at)
            assert streams.counts == [bisect_right(one, at) for one in times]
            before = streams.time.now_ns()
            streams.time.step()
            later = [t for one in times for t in one if t > before]
            assert streams.time.now_ns() == min(later, default=before)
            if later:
                streams.time.back()
                assert streams.counts == [bisect_right(one, at) for one in times]

    asyncio.run(check())


@pytest.mark.parametrize("paced", [True, False])
async def test_a_stream_without_events_is_shown_as_it_is(paced: bool) -> None:
    async with Streams() as streams:
        await streams.add([], paced=paced)
        streams.time.hold(S)
        await streams.pass_(0)
        assert streams.counts == [0]
