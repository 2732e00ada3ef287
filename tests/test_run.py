"""The clock and the pump."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from tests import playbook as pb
from tests.manual_clock import ManualClock, settle
from tests.script_source import ScriptSource, one_each
from tui.core.records import Batch, Chunk, JsonObject
from tui.core.state import End
from tui.run import INSTANT, MAX_SPEED, MIN_SPEED, Clock, Feed, describe_end
from tui.scheduler import SLICE_NS
from tui.sources import Answer, SourceEnded
from tui.sources.replay import Batched

MS = 1_000_000
S = 1_000_000_000


EVENTS = [pb.message_start(), *pb.text_block(0, "one", "two"), *pb.ending()]


def timed(*times_ns: int) -> list[Chunk]:
    """The events at these times, all that are left at the last of them."""
    return one_each(EVENTS, *times_ns)


# --- Clock ----------------------------------------------------------------------------------------


async def test_play_time_runs_at_its_speed() -> None:
    manual = ManualClock(5 * S)
    clock = manual.clock()
    assert (clock.time_ns(), clock.speed, clock.paused) == (0, 1.0, False)
    manual.now_ns += 100
    assert clock.time_ns() == 100
    clock.set_speed(4.0)
    assert clock.time_ns() == 100
    manual.now_ns += 100
    assert clock.time_ns() == 500
    clock.start()
    assert clock.time_ns() == 0


async def test_a_pause_holds_the_play_time() -> None:
    manual = ManualClock()
    clock = manual.clock()
    manual.now_ns = 70
    clock.pause()
    clock.pause()
    manual.now_ns = 900
    assert (clock.time_ns(), clock.paused) == (70, True)
    clock.set_speed(2.0)
    assert clock.time_ns() == 70
    clock.play()
    manual.now_ns = 905
    assert (clock.time_ns(), clock.paused) == (80, False)


async def test_to_play_what_plays_changes_nothing() -> None:
    manual = ManualClock()
    clock = manual.clock(2.0)
    manual.now_ns = 50
    clock.play()
    assert clock.time_ns() == 100


@pytest.mark.parametrize(
    ("asked", "taken"), [(0.001, MIN_SPEED), (3.0, 3.0), (1e9, MAX_SPEED), (INSTANT, INSTANT)]
)
async def test_speeds_have_bounds(asked: float, taken: float) -> None:
    clock = ManualClock().clock()
    clock.set_speed(asked)
    assert clock.speed == taken


async def test_a_time_that_has_come_is_not_waited_for() -> None:
    manual = ManualClock()
    clock = manual.clock()
    manual.now_ns = 10
    await asyncio.wait_for(clock.reach(10), 5)
    await asyncio.wait_for(clock.reach(-1), 5)


async def test_a_sleeper_wakes_when_its_time_has_come() -> None:
    manual = ManualClock()
    clock = manual.clock(10.0)
    sleeper = asyncio.create_task(clock.reach(100 * S))
    await manual.advance(9 * S)
    assert not sleeper.done()
    await manual.advance(1 * S)
    assert sleeper.done()


async def test_time_that_passes_by_itself_is_noticed() -> None:
    # Nobody calls `wake` here: a real clock does not either.
    await asyncio.wait_for(Clock().reach(2 * MS), 5)


async def test_a_pause_stops_a_sleeper_and_play_lets_it_go_on() -> None:
    manual = ManualClock()
    clock = manual.clock()
    sleeper = asyncio.create_task(clock.reach(10 * S))
    await manual.advance(4 * S)
    clock.pause()
    await manual.advance(60 * S)
    assert not sleeper.done()
    clock.play()
    await manual.advance(6 * S - 1)
    assert not sleeper.done()
    await manual.advance(1)
    assert sleeper.done()


async def test_a_new_speed_counts_for_a_sleeper_at_once() -> None:
    manual = ManualClock()
    clock = manual.clock()
    sleeper = asyncio.create_task(clock.reach(100 * S))
    await manual.advance(1 * S)
    clock.set_speed(MAX_SPEED)
    await manual.advance(1 * S)
    assert sleeper.done()


async def test_instant_waits_for_nothing_and_counts_what_it_skipped() -> None:
    manual = ManualClock()
    clock = manual.clock(INSTANT)
    await asyncio.wait_for(clock.reach(30 * S), 5)
    manual.now_ns = 99 * S
    assert clock.time_ns() == 30 * S
    await asyncio.wait_for(clock.reach(20 * S), 5)
    assert clock.time_ns() == 30 * S
    clock.set_speed(1.0)
    manual.now_ns += 5
    assert clock.time_ns() == 30 * S + 5


async def test_instant_is_held_by_a_pause() -> None:
    manual = ManualClock()
    clock = manual.clock(INSTANT)
    clock.pause()
    sleeper = asyncio.create_task(clock.reach(1 * S))
    await manual.advance(5 * S)
    assert not sleeper.done()
    clock.play()
    await settle()
    assert sleeper.done()


async def test_a_step_jumps_to_what_is_waited_for() -> None:
    manual = ManualClock()
    clock = manual.clock()
    assert not clock.step()
    clock.pause()
    sleeper = asyncio.create_task(clock.reach(7 * S))
    await settle()
    assert clock.step()
    await settle()
    assert sleeper.done()
    assert (clock.time_ns(), clock.paused) == (7 * S, True)
    assert not clock.step()


async def test_a_sleeper_that_is_cancelled_leaves_no_goal() -> None:
    clock = ManualClock().clock()
    sleeper = asyncio.create_task(clock.reach(7 * S))
    await settle()
    sleeper.cancel()
    await settle()
    assert not clock.step()


# --- Feed -----------------------------------------------------------------------------------------


async def test_chunks_pass_at_their_times() -> None:
    manual = ManualClock(1_000 * S)
    source = ScriptSource(timed(0, 1 * S, 2 * S))
    feed = Feed(source, clock=manual.clock(), now=manual)
    assert (feed.done, feed.elapsed_ns(), len(feed.runs)) == (False, 0, 1)
    reading = asyncio.create_task(feed.run())
    for passed, events in ((0, 1), (S - 1, 1), (1, 2), (S, len(EVENTS))):
        await manual.advance(passed)
        assert feed.runs[0].state.events == events
    await reading
    assert (feed.done, feed.runs[0].status, feed.elapsed_ns()) == (True, "complete", 2 * S)
    assert list(feed.runs[0].timeline.times)[:3] == [0, 1 * S, 2 * S]
    assert source.closed == 1


async def test_a_feed_makes_its_own_clock() -> None:
    manual = ManualClock()
    feed = Feed(ScriptSource(timed(0)), now=manual)
    await asyncio.wait_for(feed.run(), 5)
    manual.now_ns = 3
    assert feed.clock.time_ns() == 3


async def test_unpaced_chunks_pass_as_they_come() -> None:
    manual = ManualClock()
    source = ScriptSource(timed(5 * S, 50 * S), paced=False)
    feed = Feed(source, now=manual)
    assert feed.elapsed_ns() == 0
    await asyncio.wait_for(feed.run(), 5)
    assert feed.runs[0].status == "complete"
    assert feed.runs[0].last_byte_ns == 50 * S


async def test_time_of_an_unpaced_feed_counts_from_its_request() -> None:
    manual = ManualClock(100)
    source = ScriptSource(timed(0), paced=False)
    feed = Feed(source, now=manual)
    source.sent_ns = 40
    assert feed.elapsed_ns() == 60


async def test_a_long_silence_is_shortened_for_the_viewer_alone() -> None:
    manual = ManualClock()
    feed = Feed(
        ScriptSource(timed(0, 60 * S, 61 * S, 90 * S)),
        clock=manual.clock(),
        idle_cap_ns=2 * S,
        now=manual,
    )
    reading = asyncio.create_task(feed.run())
    for passed, events in ((0, 1), (2 * S - 1, 1), (1, 2), (1 * S, 3), (2 * S - 1, 3), (1, 7)):
        await manual.advance(passed)
        assert feed.runs[0].state.events == events
    await reading
    assert list(feed.runs[0].timeline.times)[:4] == [0, 60 * S, 61 * S, 90 * S]


async def test_the_pump_lets_others_work() -> None:
    # Each look at this clock costs more than a slice, so the pump has to yield after each chunk.
    class Slow(ManualClock):
        def __call__(self) -> int:
            self.now_ns += SLICE_NS + 1
            return self.now_ns

    source = ScriptSource(timed(0), paced=False)
    feed = Feed(source, now=Slow())
    reading = asyncio.create_task(feed.run())
    seen = set()
    while not reading.done():
        seen.add(feed.runs[0].state.events)
        await asyncio.sleep(0)
    assert seen >= set(range(len(EVENTS)))


class BatchedSource(ScriptSource):
    """A script that is handed over three chunks at a time."""

    async def batches(self) -> AsyncIterator[Batch]:
        held: list[Chunk] = []
        async for chunk in self.chunks():
            held.append(chunk)
            if len(held) == 3:
                yield as_batch(held)
                held = []
        yield as_batch(held)


def as_batch(chunks: list[Chunk]) -> Batch:
    return Batch([chunk.t_ns for chunk in chunks], [chunk.data for chunk in chunks])


async def test_many_chunks_may_come_at_once() -> None:
    class Watched(BatchedSource):
        async def batches(self) -> AsyncIterator[Batch]:
            async for batch in super().batches():
                events.append(feed.runs[0].state.events)
                yield batch

    events: list[int] = []
    times = range(0, 7 * S, S)
    source = Watched(timed(*times), paced=False)
    assert isinstance(source, Batched)
    feed = Feed(source, now=ManualClock())
    await feed.run()
    assert (events, feed.runs[0].status) == ([0, 3, 6], "complete")
    assert list(feed.runs[0].timeline.times) == list(times)
    assert source.closed == 1


async def test_chunks_that_are_waited_for_or_recorded_come_singly() -> None:
    class Refusing(ScriptSource):
        def batches(self) -> AsyncIterator[Batch]:
            raise AssertionError("many at once")

    paced = Feed(Refusing(timed(0, 1)), clock=Clock(ManualClock(), INSTANT))
    recorded = Feed(Refusing(timed(0, 1), paced=False), recorder=Notes())
    for feed in (paced, recorded):
        await feed.run()
        assert (feed.runs[0].status, feed.failure) == ("complete", None)


async def test_the_pump_lets_others_work_between_batches() -> None:
    class Slow(ManualClock):
        def __call__(self) -> int:
            self.now_ns += SLICE_NS + 1
            return self.now_ns

    feed = Feed(BatchedSource(timed(0), paced=False), now=Slow())
    reading = asyncio.create_task(feed.run())
    seen = set()
    while not reading.done():
        seen.add(feed.runs[0].state.events)
        await asyncio.sleep(0)
    assert seen >= {0, 3, 6, 7}


async def test_an_abnormal_end_keeps_what_arrived() -> None:
    lost = SourceEnded("reset", "Connection lost", "gone", status=200, retryable=True)
    feed = Feed(ScriptSource(timed(0)[:3], end=lost))
    await feed.run()
    run = feed.runs[0]
    assert (run.status, run.state.events, feed.end, feed.failure) == ("error", 3, lost, None)
    assert run.error == {
        "type": "connection_lost",
        "message": "Connection lost: gone",
        "status": 200,
        "retryable": True,
    }


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (
            SourceEnded("http_error", "HTTP 429", "slow down", status=429, request_id="req_1"),
            {
                "type": "http_error",
                "message": "HTTP 429: slow down",
                "status": 429,
                "request_id": "req_1",
            },
        ),
        (
            SourceEnded("timeout", "Timed out", "", retryable=False),
            {"type": "timeout", "message": "Timed out", "retryable": False},
        ),
    ],
)
async def test_an_end_is_told_with_what_is_known(
    end: SourceEnded, error: dict[str, object]
) -> None:
    assert describe_end(end) == error


async def test_a_cancelled_feed_keeps_what_arrived_and_closes() -> None:
    manual = ManualClock()
    source = ScriptSource(timed(0, 1 * S))
    feed = Feed(source, clock=manual.clock(), now=manual)
    reading = asyncio.create_task(feed.run())
    await manual.advance()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (feed.runs[0].status, feed.runs[0].state.events) == ("cancelled", 1)
    assert (feed.done, source.closed, source.given) == (True, 1, 2)


async def test_a_fault_of_the_program_ends_this_run_and_is_seen() -> None:
    source = ScriptSource(timed(0)[:2], end=RuntimeError("a bug"))
    feed = Feed(source)
    await feed.run()
    assert feed.failure == "RuntimeError: a bug"
    assert feed.runs[0].status == "cancelled"
    assert feed.runs[0].error == {"type": "internal_error", "message": "RuntimeError: a bug"}
    assert source.closed == 1


async def test_a_fault_while_closing_is_seen_too() -> None:
    feed = Feed(ScriptSource(timed(0), close=RuntimeError("stuck")))
    await feed.run()
    assert (feed.failure, feed.runs[0].status) == ("RuntimeError: stuck", "complete")


async def test_the_first_fault_is_the_one_that_is_told() -> None:
    feed = Feed(ScriptSource([], end=RuntimeError("first"), close=RuntimeError("second")))
    await feed.run()
    assert feed.failure == "RuntimeError: first"


async def test_a_fault_while_closing_does_not_hide_a_cancellation() -> None:
    manual = ManualClock()
    source = ScriptSource(timed(1 * S), close=RuntimeError("stuck"))
    feed = Feed(source, clock=manual.clock(), now=manual)
    reading = asyncio.create_task(feed.run())
    await manual.advance()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert feed.failure == "RuntimeError: stuck"


async def test_a_paused_feed_steps_chunk_by_chunk() -> None:
    manual = ManualClock()
    feed = Feed(ScriptSource(timed(*range(0, 7 * S, S))), clock=manual.clock(), now=manual)
    reading = asyncio.create_task(feed.run())
    await manual.advance()
    feed.clock.pause()
    for events in range(2, len(EVENTS) + 1):
        await manual.advance(60 * S)
        assert feed.clock.step()
        await manual.advance()
        assert feed.runs[0].state.events == events
    await reading
    assert feed.runs[0].status == "complete"


async def test_several_messages_in_a_body_are_several_runs() -> None:
    first, second = timed(0), timed(0)
    feed = Feed(ScriptSource([*first, *second]))
    await feed.run()
    assert [run.status for run in feed.runs] == ["complete", "complete"]


# --- the recorder ---------------------------------------------------------------------------------


class Notes:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.failure: str | None = None
        self.told: list[tuple[object, ...]] = []
        self.at_ns: int | None = None

    def request(
        self,
        body: JsonObject | None,
        *,
        url: str | None = None,
        headers: Mapping[str, str] | None = None,
        timed: bool = True,
        at_ns: int | None = None,
    ) -> None:
        self.at_ns = at_ns
        self.told.append(("request", body, url, dict(headers or {}), timed))

    def response(self, t_ns: int, status: int, headers: Mapping[str, str]) -> None:
        self.told.append(("response", t_ns, status, dict(headers)))

    def chunk(self, t_ns: int, data: bytes) -> None:
        self.told.append(("chunk", t_ns, data))

    def end(self, t_ns: int, how: End, error: JsonObject | None) -> None:
        self.told.append(("end", t_ns, how, error))


class AnsweredSource(ScriptSource):
    """A script with the head of a response."""

    answer: Answer | None = Answer(5, 200, {"request-id": "req_1"}, {"host": "x"})


async def test_a_recorder_is_told_everything_in_its_order() -> None:
    notes = Notes()
    chunks = timed(0, 1 * S)
    source = AnsweredSource(chunks, request={"model": "m"})
    feed = Feed(source, clock=Clock(ManualClock(), INSTANT), recorder=notes)
    await feed.run()
    assert notes.told == [
        ("request", {"model": "m"}, None, {"host": "x"}, True),
        ("response", 5, 200, {"request-id": "req_1"}),
        *(("chunk", t_ns, data) for t_ns, data in chunks),
        ("end", 1 * S, "eof", None),
    ]


async def test_the_time_of_day_is_that_of_the_request() -> None:
    manual, notes = ManualClock(100), Notes()
    source = ScriptSource(timed(0), paced=False, kind="live")
    source.sent_ns = 40
    feed = Feed(source, now=manual, recorder=notes, wall=lambda: 1_000_000)
    assert feed.at_ns is None
    await feed.run()
    assert feed.at_ns == notes.at_ns == 1_000_000 - 60


async def test_a_recorder_is_told_of_a_response_without_a_body() -> None:
    notes = Notes()
    end = SourceEnded("http_error", "HTTP 429", "", status=429)
    await Feed(AnsweredSource([], end=end, timed=False), now=ManualClock(), recorder=notes).run()
    assert notes.told == [
        ("request", None, None, {"host": "x"}, False),
        ("response", 5, 200, {"request-id": "req_1"}),
        ("end", 0, "http_error", {"type": "http_error", "message": "HTTP 429", "status": 429}),
    ]


@pytest.mark.parametrize("source", [AnsweredSource, ScriptSource])
async def test_a_request_without_a_response(
    monkeypatch: pytest.MonkeyPatch, source: type[ScriptSource]
) -> None:
    monkeypatch.setattr(AnsweredSource, "answer", None)
    notes = Notes()
    end = SourceEnded("refused", "Cannot connect", "")
    await Feed(source([], end=end), recorder=notes).run()
    assert [told[0] for told in notes.told] == ["request", "end"]


@pytest.mark.parametrize("how", ["cancelled", "interrupted"])
async def test_a_recorder_is_told_how_it_was_stopped(how: End) -> None:
    manual, notes = ManualClock(), Notes()
    feed = Feed(ScriptSource(timed(0, 9 * S)), clock=manual.clock(), now=manual, recorder=notes)
    reading = asyncio.create_task(feed.run())
    await settle()
    await manual.advance(1 * S)
    feed.stopped_as = how
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert notes.told[-1] == ("end", 1 * S, how, None)
    assert (feed.runs[0].state.end, feed.runs[0].status) == (how, "cancelled")


async def test_a_fault_of_the_program_is_recorded_as_an_interruption() -> None:
    notes = Notes()
    await Feed(ScriptSource([], end=RuntimeError("a bug")), recorder=notes).run()
    error = {"type": "internal_error", "message": "RuntimeError: a bug"}
    assert notes.told[-1][2:] == ("interrupted", error)
