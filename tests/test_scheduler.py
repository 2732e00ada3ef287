"""One slice of the event loop for all feeds: nobody waits for ever, and the loop never does."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.manual_clock import ManualClock, settle
from tests.sweeps import few
from tui.scheduler import SLICE_NS, Scheduler


class Work:
    """Pieces of work that take time on a clock, done by several at once."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.scheduler = Scheduler(self.clock)
        self.done: list[str] = []
        self.rounds: list[int] = []
        """How long each round of the loop was."""

    async def worker(self, name: str, pieces: int, cost_ns: int) -> None:
        for _ in range(pieces):
            if not self.scheduler.has_time():
                await self.scheduler.wait(name)
            self.clock.now_ns += cost_ns
            self.done.append(name)

    async def watch(self) -> None:
        while True:
            before = self.clock.now_ns
            await asyncio.sleep(0)
            self.rounds.append(self.clock.now_ns - before)

    async def run(self, *workers: tuple[str, int, int]) -> None:
        watching = asyncio.create_task(self.watch())
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(self.worker(*worker))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


COSTS = st.sampled_from([1_000, 100_000, SLICE_NS // 2, SLICE_NS + 1])


@settings(max_examples=few(60))
@given(st.lists(st.tuples(st.integers(1, 30), COSTS), min_size=1, max_size=12))
def test_all_work_is_done_and_no_round_is_long(workers: list[tuple[int, int]]) -> None:
    work = Work()
    named = [(str(number), *one) for number, one in enumerate(workers)]
    asyncio.run(work.run(*named))
    for name, pieces, _ in named:
        assert work.done.count(name) == pieces
    # A piece that has begun is ended; and each of those that were woken has one of its own, of
    # which there are as many as a slice held: with pieces of other sizes, it is longer once.
    longest = max(cost for _, cost in workers)
    assert max(work.rounds) <= 2 * SLICE_NS + len(workers) * longest


def test_pieces_of_one_size_never_take_more_than_two_slices() -> None:
    for cost_ns in (1_000, 20_000, 300_000, SLICE_NS):
        work = Work()
        asyncio.run(work.run(*[(str(number), 40, cost_ns) for number in range(100)]))
        late = work.rounds
        assert max(late) <= 2 * SLICE_NS + 2 * cost_ns
        assert len(work.done) == 4_000


def test_the_slices_are_shared_fairly() -> None:
    work = Work()
    asyncio.run(work.run(*[(str(number), 50, SLICE_NS) for number in range(5)]))
    for end in range(50, 250, 50):
        counts = [work.done[:end].count(str(number)) for number in range(5)]
        assert max(counts) - min(counts) <= 2


def test_the_first_one_has_most_and_the_others_go_on() -> None:
    work = Work()
    work.scheduler.first = lambda: "3"
    asyncio.run(work.run(*[(str(number), 60, SLICE_NS) for number in range(5)]))
    early = work.done[10:60]
    assert 30 <= early.count("3") <= 45
    assert all(early.count(str(number)) > 1 for number in range(5))


async def test_who_is_cancelled_while_waiting_holds_nobody_up() -> None:
    work = Work()
    work.scheduler.has_time()
    work.clock.now_ns += 2 * SLICE_NS
    waiting = [asyncio.create_task(work.scheduler.wait(name)) for name in ("a", "b")]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await settle()
    assert waiting[0].cancelled() and waiting[1].done()


@pytest.mark.parametrize("pieces", [1, 3])
async def test_with_time_left_nobody_waits(pieces: int) -> None:
    work = Work()
    await work.worker("a", pieces, SLICE_NS // 4)
    assert work.done == ["a"] * pieces
