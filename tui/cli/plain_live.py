"""Live calls without a screen: answers to standard output, how they ended to standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice, takewhile
from typing import TextIO

from tui.captures.telling import told
from tui.cli.plain import EVERY_S, FeedTeller, succeeded, told_to_the_end, write_report
from tui.cli.standard_streams import OutputFailed
from tui.conversation.conversation import Printed
from tui.conversation.exchange import Asked, Exchange
from tui.conversation.plan import LivePlan
from tui.core.records import JsonObject
from tui.core.text import one_line, sanitize
from tui.dashboard.listing import run_entries
from tui.dashboard.watched import Watched
from tui.messages.turns import Decision
from tui.run import Feed, Recorder
from tui.viewmodel.runs import table
from tui.viewmodel.smooth import Reveal
from tui.viewmodel.turns import turn_items


class PlainDesk:
    """Makes and lists the streams of exchanges. Nobody is there to be asked about tools."""

    def __init__(self, plan: LivePlan, record: Callable[[], Recorder] | None) -> None:
        self._plan = plan
        self._record = record
        self.streams: list[Watched] = []

    def open(self, exchange: Exchange, request: JsonObject) -> Feed:
        """Make the feed of a request."""
        feed = self._plan.feed(request, None if self._record is None else self._record())
        self.streams.append(Watched(feed, exchange=exchange))
        return feed

    async def decide(self, exchange: Exchange, asked: Asked) -> Decision | None:
        """Leave the call open."""
        return None


class ExchangeTeller:
    """Writes an exchange: its answers one after another, its retries and its open ends."""

    def __init__(
        self, exchange: Exchange, out: TextIO, err: TextIO, smooth: Reveal | None = None
    ) -> None:
        self._smooth: Reveal | None = smooth
        self.exchange = exchange
        self._out = out
        self._err = err
        self._tellers: list[FeedTeller] = []
        self._finished = 0
        self._announced = 0
        self._printed = 0

    def update(self) -> None:
        """Write what has happened since the last call."""
        feeds = self.exchange.feeds
        while self._finished < len(feeds):
            if self._finished == len(self._tellers):
                self._begin(feeds[self._finished])
            teller = self._tellers[self._finished]
            if not teller.feed.done:
                teller.update()
                return
            teller.finish()
            self._finished += 1
        self._tell_printed()
        self._announce()

    def _tell_printed(self) -> None:
        printed = self.exchange.conversation.printed
        write_printed(islice(printed.values(), self._printed, None), self._err)
        self._printed = len(printed)

    def _begin(self, feed: Feed) -> None:
        exchange = self.exchange
        if self._finished and exchange.feeds[self._finished - 1] not in exchange.replaced:
            self._out.writelines(_last_results(feed))
        earlier = self.exchange.feeds[: self._finished]
        self._tellers.append(FeedTeller(feed, self._out, self._err, self._smooth, earlier))

    def _announce(self) -> None:
        exchange = self.exchange
        left = exchange.wait_left_s()
        if left is not None and self._announced < self._finished:
            self._announced = self._finished
            _, note, attempt, attempts = exchange.stage
            why = f", {note}" if note else ""
            line = f"trying again in {left:.1f} s{why} ({attempt} of {attempts - 1})"
            self._err.write(f"streamscope: {line}\n")
            self._err.flush()

    def finish(self) -> None:
        """Write the rest."""
        self.update()
        note = self.exchange.stage.note
        if note:
            left_open = self.exchange.conversation.open_calls() is not None
            hint = "; --run-tools always has them run" if left_open else ""
            self._err.write(f"streamscope: {told(note)}{hint}\n")
        self._err.flush()


def write_printed(printed: Iterable[Printed], err: TextIO) -> None:
    """Write what tools printed, each line under the tool's name."""
    for tool, text in printed:
        err.write(f"streamscope: {one_line(tool)} printed:\n")
        err.writelines(f"  {sanitize(line)}\n" for line in text.split("\n"))
    err.flush()


def _last_results(feed: Feed) -> list[str]:
    items = turn_items(feed.info.request)
    results = list(takewhile(lambda item: item.kind == "result", reversed(items)))
    return [
        f"\u2190 {one_line(item.label)}: {one_line(str(item.body))}\n" for item in reversed(results)
    ]


async def run_plainly(
    plan: LivePlan,
    out: TextIO,
    err: TextIO,
    *,
    desk: PlainDesk,
    as_json: bool = False,
    smooth: Reveal | None = None,
) -> bool:
    """Send everything that is planned and write what comes; return whether all of it succeeded.

    Exchanges run at the same time and are written one after another, in the order of the plan.
    """
    exchanges = list(plan.exchanges(desk))
    tasks = [asyncio.ensure_future(exchange.run()) for exchange in exchanges]
    written = 0
    writable = True
    try:
        for exchange, task in zip(exchanges, tasks, strict=True):
            if as_json:
                await asyncio.wait([task])
            else:
                teller = ExchangeTeller(exchange, out, err, smooth)
                await _write(teller, task, out if len(exchanges) > 1 else None)
            written += 1
            if as_json:
                _write_reports(exchange, out)
                write_printed(exchange.conversation.printed.values(), err)
    except OutputFailed:
        writable = False
        raise
    finally:
        # Also when interrupted: what arrived is written before this ends.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await plan.api.aclose()
        if as_json and writable:
            for exchange in exchanges[written:]:
                _write_reports(exchange, out)
        if len(exchanges) > 1 and writable:
            err.write("\n".join(["", *table(run_entries(desk.streams)), ""]))
            err.flush()
    return all(succeeded(exchange.feed) for exchange in exchanges)


def _write_reports(exchange: Exchange, out: TextIO) -> None:
    for feed in exchange.feeds:
        if feed not in exchange.replaced:
            write_report(feed, out)


async def _write(
    teller: ExchangeTeller, task: asyncio.Future[None], heading: TextIO | None
) -> None:
    if heading is not None:
        exchange = teller.exchange
        title = one_line(exchange.feed.info.title)
        heading.write(f"\u2500\u2500 {one_line(exchange.conversation.model)}  {title}\n")
    async with told_to_the_end(task, teller.finish):
        while not task.done():
            await asyncio.wait([task], timeout=EVERY_S)
            teller.update()
    if heading is not None:
        heading.write("\n")
