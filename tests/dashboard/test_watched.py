"""What is being watched, and the reader's place in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.manual_clock import ManualClock, settle
from tests.script_source import ScriptSource, one_each
from tui.core.records import Chunk
from tui.dashboard.watched import Watched, Watchlist
from tui.run import INSTANT, MAX_SPEED, MIN_SPEED, Feed

S = 1_000_000_000
EVENTS = [pb.message_start(), *pb.text_block(0, "one", "two"), *pb.ending()]
COUNT = len(EVENTS)
SECONDS = [second * S for second in range(COUNT)]
SECOND_MESSAGE = one_each(EVENTS, *(t + 20 * S for t in SECONDS))


class Table:
    """A watchlist with its feeds being read; leaving it ends them."""

    def __init__(self) -> None:
        self.manual = ManualClock()
        self.list = Watchlist()
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Table:
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def add(
        self, chunks: list[Chunk] | None = None, *, paced: bool = True, speed: float = 1.0
    ) -> Feed:
        source = ScriptSource(one_each(EVENTS, *SECONDS) if chunks is None else chunks, paced=paced)
        feed = Feed(source, clock=self.manual.clock(speed), now=self.manual)
        self.list.add(Watched(feed))
        self._readers.append(asyncio.create_task(feed.run()))
        await settle()
        return feed

    async def pass_(self, seconds: float) -> None:
        await self.manual.advance(int(seconds * S))
        self.list.tick()


def seen(watchlist: Watchlist) -> int:
    """How many events are in the state that is drawn; held against the count."""
    state = watchlist.state()
    assert state is not None
    assert state.records == watchlist.count()
    return state.records


# --- nothing yet ----------------------------------------------------------------------------------


def test_an_empty_watchlist_takes_every_action() -> None:
    watchlist = Watchlist()
    for act in (
        watchlist.toggle,
        watchlist.step,
        watchlist.back,
        watchlist.follow,
        watchlist.tick,
        watchlist.normal_speed,
    ):
        act()
    watchlist.faster()
    watchlist.slower()
    watchlist.go(3)
    watchlist.pick(1)
    watchlist.pick(-1)
    assert (watchlist.shown, watchlist.state(), watchlist.count(), watchlist.position) == (
        None,
        None,
        0,
        (0, 0),
    )
    assert (watchlist.paused, watchlist.cursor) == (False, None)


# --- the live end ---------------------------------------------------------------------------------


async def test_the_live_end_follows() -> None:
    async with Table() as table:
        await table.add()
        for passed, events in ((0, 1), (1, 2), (10, COUNT)):
            await table.pass_(passed)
            assert (seen(table.list), table.list.cursor) == (events, None)


async def test_pause_stops_a_played_stream_at_its_end() -> None:
    async with Table() as table:
        await table.add()
        table.list.toggle()
        assert table.list.paused
        await table.pass_(60)
        assert (seen(table.list), table.list.cursor) == (1, None)
        table.list.toggle()
        assert not table.list.paused
        await table.pass_(1)
        assert seen(table.list) == 2


async def test_pause_of_a_live_stream_holds_the_view_while_it_goes_on() -> None:
    async with Table() as table:
        manual = table.manual
        feed = await table.add([], paced=False)
        data = pb.wire(*EVENTS)
        feed.session.feed(0, data[:400])
        before = seen(table.list)
        table.list.toggle()
        assert (table.list.paused, table.list.cursor) == (True, before)
        feed.session.feed(manual(), data[400:])
        assert seen(table.list) == before < len(feed.runs[0].timeline)
        table.list.toggle()
        assert (table.list.paused, seen(table.list)) == (False, COUNT)


# --- steps ----------------------------------------------------------------------------------------


async def test_steps_and_back() -> None:
    async with Table() as table:
        watchlist = table.list
        await table.add()
        await table.pass_(3)
        for _ in range(6):
            watchlist.back()
            assert watchlist.paused
        assert seen(watchlist) == 0
        for wanted in (1, 2, 3, 4):
            watchlist.step()
            assert seen(watchlist) == wanted
        # The end of what has arrived: each step lets one chunk more through.
        for wanted in range(5, COUNT + 1):
            watchlist.step()
            await table.pass_(0)
            assert seen(watchlist) == wanted
        watchlist.step()
        assert (seen(watchlist), watchlist.cursor, watchlist.paused) == (COUNT, None, True)


async def test_a_step_at_the_end_of_a_live_stream_stays() -> None:
    async with Table() as table:
        await table.add(paced=False)
        table.list.step()
        assert (seen(table.list), table.list.cursor, table.list.paused) == (
            COUNT,
            COUNT,
            True,
        )


async def test_two_hasty_steps_do_not_lose_a_chunk() -> None:
    async with Table() as table:
        await table.add()
        table.list.step()
        table.list.step()
        await table.pass_(0)
        assert seen(table.list) == 2
        table.list.step()
        await table.pass_(0)
        assert seen(table.list) == 3


async def test_a_step_may_bring_bytes_and_no_event() -> None:
    wire = pb.wire(*EVENTS)
    chunks = [Chunk(0, wire[:30]), Chunk(1 * S, wire[30:60]), Chunk(2 * S, wire[60:])]
    async with Table() as table:
        await table.add(chunks)
        table.list.step()
        await table.pass_(0)
        assert seen(table.list) == 0
        table.list.step()
        await table.pass_(0)
        # Seven events in one chunk: the first of them, and then one after the other.
        assert seen(table.list) == 1
        table.list.step()
        assert seen(table.list) == 2


async def test_go_stays_inside() -> None:
    async with Table() as table:
        await table.add()
        await table.pass_(3)
        for asked, count in ((2, 2), (0, 0), (-5, 0), (99, 4)):
            table.list.go(asked)
            assert (seen(table.list), table.list.paused) == (count, True)


async def test_follow_returns_to_the_end_and_plays() -> None:
    async with Table() as table:
        await table.add()
        await table.pass_(3)
        table.list.go(1)
        table.list.follow()
        assert (seen(table.list), table.list.cursor, table.list.paused) == (
            4,
            None,
            False,
        )
        table.list.toggle()
        table.list.follow()
        assert table.list.paused


# --- playing the past -----------------------------------------------------------------------------


async def test_what_is_past_is_played_again_at_its_pace() -> None:
    async with Table() as table:
        watchlist = table.list
        await table.add()
        await table.pass_(4)
        watchlist.go(2)
        watchlist.toggle()
        assert not watchlist.paused
        await table.pass_(0)
        assert seen(watchlist) == 2
        await table.pass_(0.5)
        assert seen(watchlist) == 2
        await table.pass_(0.5)
        assert seen(watchlist) == 3
        watchlist.toggle()
        assert watchlist.paused
        await table.pass_(60)
        assert seen(watchlist) == 3
        watchlist.toggle()
        await table.pass_(2)
        assert (seen(watchlist), watchlist.cursor) == (COUNT - 2, None)
        await table.pass_(1)
        assert (seen(watchlist), watchlist.cursor) == (COUNT - 1, None)


async def test_from_the_very_beginning_too() -> None:
    async with Table() as table:
        await table.add()
        await table.pass_(4)
        table.list.go(0)
        table.list.toggle()
        await table.pass_(1)
        assert seen(table.list) == 2


async def test_at_the_end_of_the_past_play_goes_on_with_the_stream() -> None:
    async with Table() as table:
        feed = await table.add()
        await table.pass_(2)
        table.list.go(99)
        assert table.list.cursor == 3
        table.list.toggle()
        assert not table.list.paused
        assert seen(table.list) == len(feed.runs[0].timeline) == 3
        await table.pass_(1)
        assert seen(table.list) == 4


async def test_instant_is_at_the_end_at_once() -> None:
    async with Table() as table:
        feed = await table.add()
        await table.pass_(4)
        table.list.go(1)
        table.list.toggle()
        feed.clock.set_speed(INSTANT)
        await table.pass_(0)
        assert (seen(table.list), table.list.cursor) == (COUNT, None)


def leave_by_follow(watchlist: Watchlist) -> None:
    watchlist.follow()


def leave_by_pause_and_follow(watchlist: Watchlist) -> None:
    watchlist.toggle()
    watchlist.follow()


def leave_by_back_and_follow(watchlist: Watchlist) -> None:
    watchlist.back()
    watchlist.follow()


@pytest.mark.parametrize(
    "leave", [leave_by_follow, leave_by_pause_and_follow, leave_by_back_and_follow]
)
async def test_to_have_played_the_past_does_not_hold_the_stream_up(
    leave: Callable[[Watchlist], None],
) -> None:
    async with Table() as table:
        await table.add()
        await table.pass_(4)
        table.list.go(1)
        table.list.toggle()
        await table.pass_(1)
        assert seen(table.list) == 2
        leave(table.list)
        assert seen(table.list) == 5
        await table.pass_(1)
        assert seen(table.list) == 6


async def test_another_feed_does_not_hold_the_first_one_up() -> None:
    async with Table() as table:
        first = await table.add()
        await table.pass_(4)
        table.list.go(1)
        table.list.toggle()
        await table.add([])
        await table.pass_(1)
        assert len(first.runs[0].timeline) == 6


async def test_the_past_of_an_earlier_message_does_not_hold_the_later_one_up() -> None:
    async with Table() as table:
        feed = await table.add([*one_each(EVENTS, *SECONDS), *SECOND_MESSAGE])
        await table.pass_(22)
        assert len(feed.runs[1].timeline) == 3
        table.list.pick(-1)
        table.list.go(COUNT - 1)
        table.list.toggle()
        await table.pass_(1)
        assert table.list.cursor is None
        await table.pass_(1)
        assert len(feed.runs[1].timeline) == 4


# --- speed ----------------------------------------------------------------------------------------


async def test_speeds_go_up_and_down_in_steps() -> None:
    async with Table() as table:
        watchlist = table.list
        feed = await table.add()
        speeds = []
        for _ in range(8):
            watchlist.faster()
            speeds.append(feed.clock.speed)
        assert speeds == [2.0, 4.0, 8.0, 16.0, 32.0, 100.0, 100.0, 100.0]
        for _ in range(12):
            watchlist.slower()
        assert feed.clock.speed == MIN_SPEED
        watchlist.normal_speed()
        assert feed.clock.speed == 1.0
        feed.clock.set_speed(3.0)
        watchlist.slower()
        assert feed.clock.speed == 2.0


async def test_faster_than_instant_is_instant() -> None:
    async with Table() as table:
        feed = await table.add(speed=INSTANT)
        table.list.faster()
        assert feed.clock.speed == INSTANT
        table.list.slower()
        assert feed.clock.speed == MAX_SPEED


# --- which run ------------------------------------------------------------------------------------


async def test_runs_of_all_feeds_are_picked_in_order() -> None:
    async with Table() as table:
        watchlist = table.list
        first = await table.add([*one_each(EVENTS, 0), *one_each(EVENTS, 0)])
        second = await table.add(one_each(EVENTS, 0))
        everything = [*first.runs, *second.runs]
        assert watchlist.position == (3, 3)
        for step, number in ((0, 3), (-1, 2), (-1, 1), (-1, 1), (2, 3), (5, 3), (-9, 1)):
            watchlist.pick(step)
            shown = watchlist.shown
            assert shown is not None
            assert (watchlist.position, shown.run) == ((number, 3), everything[number - 1])
            assert shown.run in shown.feed.runs


async def test_the_newest_run_is_followed_until_another_is_picked() -> None:
    async with Table() as table:
        feed = await table.add([*one_each(EVENTS, *SECONDS), *SECOND_MESSAGE])
        assert table.list.position == (1, 1)
        await table.pass_(20)
        assert table.list.position == (2, 2)
        table.list.pick(-1)
        await table.add()
        assert table.list.position == (3, 3)
        table.list.pick(-2)
        await table.pass_(9)
        shown = table.list.shown
        assert shown is not None and shown.run is feed.runs[0]


async def test_another_run_is_shown_at_its_end() -> None:
    async with Table() as table:
        await table.add(one_each(EVENTS, 0))
        await table.add(one_each(EVENTS, 0))
        table.list.go(1)
        table.list.pick(-1)
        assert (table.list.cursor, seen(table.list)) == (None, COUNT)


# --- any order of actions -------------------------------------------------------------------------

ACTIONS = st.lists(
    st.sampled_from(
        "toggle step back follow faster slower normal_speed tick instant "
        "pick+1 pick-1 go0 go2 go99 add add-live pass0.3 pass2 pass40".split()
    ),
    max_size=25,
)


async def act(table: Table, action: str) -> None:
    watchlist = table.list
    if action.startswith("pick"):
        watchlist.pick(int(action[4:]))
    elif action.startswith("go"):
        watchlist.go(int(action[2:]))
    elif action.startswith("pass"):
        await table.pass_(float(action[4:]))
    elif action == "add":
        await table.add([*one_each(EVENTS, *SECONDS), *SECOND_MESSAGE])
    elif action == "add-live":
        await table.add(paced=False)
    elif action == "instant":
        if watchlist.shown is not None:
            watchlist.shown.feed.clock.set_speed(INSTANT)
    else:
        getattr(watchlist, action)()


def check(watchlist: Watchlist) -> None:
    shown = watchlist.shown
    number, count = watchlist.position
    assert count == sum(len(feed.runs) for feed in watchlist.feeds)
    assert (1 <= number <= count) if count else number == 0
    if shown is None:
        assert watchlist.state() is None
        return
    assert 0 <= seen(watchlist) <= len(shown.run.timeline)
    # One past the end at most: where a step waits for its event.
    assert watchlist.cursor is None or 0 <= watchlist.cursor <= len(shown.run.timeline) + 1
    for feed in watchlist.feeds:
        assert MIN_SPEED <= feed.clock.speed <= INSTANT
        travelled = watchlist.cursor is not None and feed is shown.feed
        times = feed.session.raw.chunk_times
        if times and feed.info.paced and not travelled:
            # What is played is never held up by a clock that was turned back.
            assert feed.clock.time_ns() >= times[-1]


@given(actions=ACTIONS)
def test_any_actions_keep_the_place_inside_and_the_streams_going(actions: list[str]) -> None:
    async def perform() -> None:
        async with Table() as table:
            watchlist = table.list
            for action in actions:
                await act(table, action)
                check(watchlist)
            watchlist.pick(watchlist.position[1])
            for _ in range(watchlist.position[1]):
                watchlist.follow()
                if watchlist.paused:
                    watchlist.toggle()
                watchlist.pick(-1)
                check(watchlist)
            await table.pass_(400)
            for feed in watchlist.feeds:
                assert feed.done
                assert [run.status for run in feed.runs] == ["complete"] * len(feed.runs)

    asyncio.run(perform())
