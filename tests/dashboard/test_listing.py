"""What the list of runs is told of every run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from tests import playbook as pb
from tests.app_harness import BytesSource
from tests.limits import until
from tests.live_desk import finished, line
from tests.manual_clock import ManualClock
from tests.script_source import ScriptSource
from tui.core.records import JsonObject
from tui.dashboard.listing import RunListing, attempt_of, run_entries
from tui.dashboard.watched import Watched, Watchlist
from tui.run import Feed
from tui.sources import SourceKind, Unopened
from tui.viewmodel.runs import run_rows, totals

pytestmark = pytest.mark.usefixtures("api_key")


async def test_attempts_are_numbered_and_what_they_wait_for_is_said() -> None:
    async with line() as wire:
        exchange = wire.exchange("scenario:plain!fail:1", "Why?")
        streams = [Watched(exchange.feed, exchange=exchange)]
        (entry,) = run_entries(streams)
        assert (entry.note, entry.attempt, entry.replaced) == ("waiting", 1, False)
        assert (entry.title, entry.model) == ("Why?", "scenario:plain!fail:1")
        running = asyncio.create_task(exchange.run())
        await until(lambda: exchange.stage.kind == "waiting")
        (entry,) = run_entries(streams)
        assert entry.note == "retry in 1 s"
        exchange.retry_now()
        await running
        streams.append(Watched(exchange.feed, exchange=exchange))
        first, second = run_entries(streams)
        assert (first.replaced, second.replaced) == (True, False)
        assert (first.attempt, second.attempt) == (1, 2)
        assert (first.note, second.note) == ("", "")
        assert (first.number, second.number) == (1, 2)


async def test_every_request_of_a_tool_loop_is_a_first_attempt() -> None:
    async with line() as wire:
        exchange = wire.exchange("scenario:plain")
        await finished(exchange)
        exchange.feeds.append(exchange.feed)
        assert [attempt_of(exchange, feed) for feed in exchange.feeds] == [1, 1]


async def test_a_long_wait_is_held() -> None:
    async with line() as wire:
        exchange = wire.exchange("scenario:plain!status:429;retry-after:300")
        running = asyncio.create_task(exchange.run())
        await until(lambda: exchange.stage.kind == "held")
        (entry,) = run_entries([Watched(exchange.feed, exchange=exchange)])
        assert entry.note == "held"
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def test_runs_without_an_exchange_are_listed_too() -> None:
    assert run_entries([]) == []


class SlowClock:
    """A clock on which each look at it takes a millisecond."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns


def watched(*events: JsonObject, over: bool = False) -> Watched:
    feed = Feed(ScriptSource([]), now=ManualClock())
    for event in events:
        feed.session.feed(1, pb.wire(event))
    if over:
        feed.session.finish(2)
    return Watched(feed)


def test_a_refresh_looks_at_what_is_in_view_and_goes_round_the_rest() -> None:
    watchlist = Watchlist()
    for _ in range(40):
        watchlist.add(watched())
    runs = [one.feed.runs[0] for one in watchlist.all]
    listing = RunListing(watchlist, SlowClock())
    listing.refresh([])
    few = 40 - listing.table.unseen
    assert 0 < few < 10
    for one in watchlist.all:
        one.feed.session.feed(1, pb.wire(pb.message_start()))
    listing.refresh([runs[20]])
    assert listing.table.row(runs[20]).kind == "streaming"
    refreshes = 0
    while listing.pending:
        listing.refresh([])
        refreshes += 1
    assert refreshes <= 40
    for _ in range(40):
        listing.refresh([])
    assert listing.table.totals().counts == {"streaming": 40}


def test_with_time_enough_all_is_looked_at_at_once() -> None:
    watchlist = Watchlist()
    start, end = pb.message_start(), {"type": "message_stop"}
    for streams in ([watched(start)], [watched(start, end, start), watched(over=True)]):
        for one in streams:
            watchlist.add(one)
        listing = RunListing(watchlist, ManualClock())
        listing.refresh([])
        assert listing.table.totals() == totals(run_entries(watchlist.all))
        rows = [listing.table.row(key) for key in listing.table.keys]
        assert rows == run_rows(run_entries(watchlist.all))


def test_a_run_that_begins_in_the_middle_moves_the_numbers_behind_it() -> None:
    watchlist = Watchlist()
    start, end = pb.message_start(), {"type": "message_stop"}
    for _ in range(3):
        watchlist.add(watched(start, end))
    listing = RunListing(watchlist, ManualClock())
    listing.refresh([])
    watchlist.all[0].feed.session.feed(2, pb.wire(start))
    listing.refresh([])
    assert [listing.table.row(key).number for key in listing.table.keys] == [1, 2, 3, 4]


def test_what_is_over_is_looked_at_again() -> None:
    watchlist = Watchlist()
    one = watched(pb.message_start(), over=True)
    watchlist.add(one)
    listing = RunListing(watchlist, ManualClock())
    listing.refresh([])
    one.feed.info = replace(one.feed.info, title="another")
    listing.refresh([])
    assert listing.table.row(one.feed.runs[0]).title == "another"


def source(title: str, prompt: str | None, kind: SourceKind = "file") -> BytesSource:
    return BytesSource([], title=title, prompt=prompt, kind=kind)


@pytest.mark.parametrize(
    ("made", "about"),
    [
        (source("talk.jsonl r1", " Why is\nthe sky dark? "), "Why is the sky dark?"),
        (source("talk.jsonl r1", None), ""),
        (source("Why is the sky dark?", "Why is the sky dark?", "live"), ""),
        (source("1.1 Why is the sky dark?", "Why is the sky dark?"), ""),
    ],
)
def test_a_run_is_about_its_prompt_where_its_title_does_not_say_it(
    made: BytesSource, about: str
) -> None:
    (entry,) = run_entries([Watched(Feed(made))])
    assert entry.about == about


async def test_a_file_that_cannot_be_read_says_why() -> None:
    feed = Feed(Unopened("a.sse", "no such file"))
    await feed.run()
    (entry,) = run_entries([Watched(feed)])
    (row,) = run_rows([entry])
    assert (row.state, row.kind, row.about) == ("unreadable", "error", "no such file")
