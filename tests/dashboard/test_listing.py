"""What the list of runs is told of every run."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.live_desk import finished, line, until
from tui.dashboard.listing import attempt_of, run_entries
from tui.dashboard.watched import Watched

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
