"""Without a screen: the answer to standard output as it arrives, the numbers to standard error.

Not one escape sequence is written, and the text is sanitised as it is for the screen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TextIO

from tui.captures.telling import told, told_report
from tui.cli.standard_streams import OutputFailed
from tui.conversation.diagnosis import findings_of_feed, request_id_of
from tui.core.citations import source_line
from tui.core.report import dumps, file_report
from tui.core.session import Run
from tui.core.state import Buffer
from tui.core.text import format_ns, one_line, sanitize
from tui.core.transcript_text import TranscriptText, call_line
from tui.findings import Finding
from tui.run import Feed
from tui.sources import Damaged
from tui.viewmodel.counters import output_tokens
from tui.viewmodel.pacer import Pacer
from tui.viewmodel.smooth import Reveal
from tui.viewmodel.transcript import describe_error

EVERY_S = 0.05
"""How often what has arrived is written."""


class PlainWriter:
    """Writes what is new of a run's transcript. Blocks come one after another, as they began."""

    def __init__(self, out: TextIO, smooth: Reveal | None = None) -> None:
        self._out = out
        self._pacer = None if smooth is None else Pacer(smooth)
        self._run: Run | None = None
        self._text = TranscriptText()
        self._named = 0
        """How many sources were named."""
        self._at_line_start = True
        self._paced: dict[int, Buffer] = {}

    def update(self, run: Run, *, whole: bool = False) -> None:
        """Write what has arrived since the last call; `whole`: also what was held back."""
        if run is not self._run:
            self._end_answer()
            self._run, self._text, self._named = run, TranscriptText(), 0
            if self._pacer is not None:
                self._pacer = Pacer(self._pacer.kind)
        if self._pacer is not None:
            paced = self._pacer.update(run.state, time.monotonic_ns())
            self._paced = {} if whole else paced
        for block, text, over, begins in self._text.take(run.state, self._paced):
            if begins:
                self._fresh_line()
            if block.type == "text":
                self._write(text)
            elif over and block.is_tool:
                # One line a call, and only when its input is whole: fragments cannot be read.
                note = "" if block.input_error is None else "  (not valid JSON)"
                self._line(call_line(block, note))
            elif over and not block.type.endswith("thinking"):
                self._line(f"[{one_line(block.type)}]")
        self._out.flush()

    def finish(self) -> None:
        """End the last line, and name the sources."""
        self._end_answer()
        self._out.flush()

    def _end_answer(self) -> None:
        self._fresh_line()
        sources = self._text.sources.listed[self._named :]
        if sources and not self._named:
            self._line("")
        for source in sources:
            self._line(one_line(source_line(source)))
        self._named += len(sources)

    def _write(self, text: str) -> None:
        if text:
            self._out.write(sanitize(text))
            self._at_line_start = text.endswith("\n")

    def _fresh_line(self) -> None:
        if not self._at_line_start:
            self._out.write("\n")
            self._at_line_start = True

    def _line(self, text: str) -> None:
        self._fresh_line()
        self._out.write(text + "\n")


def summary(run: Run) -> str:
    """Return the numbers of a run on one line."""
    state, metrics = run.state, run.metrics()
    usage = state.usage
    parts: list[str] = [run.status]
    if state.stop_reason:
        parts.append(one_line(state.stop_reason))
    if run.timed:
        parts += [f"TTFT {format_ns(metrics.ttft)}", f"total {format_ns(metrics.e2e)}"]
        if metrics.tokens_per_s is not None:
            parts.append(f"{metrics.tokens_per_s:.0f} tok/s")
    parts.append(f"in {usage.get('input_tokens', chr(0x2013))}")
    parts.append(f"out {output_tokens(state).exact}")
    parts.append(f"{state.events} events")
    if state.anomalies:
        count = len(state.anomalies)
        parts.append(f"{count} anomal{'y' if count == 1 else 'ies'}")
    return one_line(" \u00b7 ".join(parts))


def verdict_line(finding: Finding) -> str:
    """Return a verdict on one line."""
    return told(f"{finding.level}: {finding.text}")


class FeedTeller:
    """Writes the runs of a feed: transcript to `out`, numbers and failures to `err`."""

    def __init__(
        self,
        feed: Feed,
        out: TextIO,
        err: TextIO,
        smooth: Reveal | None = None,
        earlier: Sequence[Feed] = (),
    ) -> None:
        """Take a feed, and those before it in its conversation."""
        self.feed = feed
        self._earlier = earlier
        self._writer = PlainWriter(out, smooth)
        self._err = err
        self._done = 0

    def update(self) -> None:
        """Write what has arrived since the last call."""
        runs = self.feed.runs
        while self._done < len(runs) - 1:
            self._report(self._done)
            self._done += 1
        self._writer.update(runs[-1])

    def finish(self) -> None:
        """Write the rest, and how it ended."""
        self.update()
        self._report(len(self.feed.runs) - 1)
        damage = damage_of(self.feed)
        if damage is not None:
            lost = told("; ".join([damage[0], *damage[1].split("\n")]))
            self._err.write(f"streamscope: {lost}\n")
        if self.feed.failure:
            failure = told(f"failed while reading: {self.feed.failure}")
            self._err.write(f"streamscope: {failure}\n")

    def _report(self, number: int) -> None:
        run = self.feed.runs[number]
        self._writer.update(run, whole=True)
        self._writer.finish()
        if run.status != "complete":
            detail = describe_error(run.error)
            if run.verdict is not None:
                detail = run.verdict.detail
            self._err.write(f"streamscope: {told(self._said_of(run.status, detail))}\n")
        self._err.write(summary(run) + "\n")
        found = findings_of_feed(self.feed, self._earlier)[number]
        if found:
            self._err.write(verdict_line(found[0]) + "\n")
        self._err.flush()

    def _said_of(self, status: str, detail: str | None) -> str:
        """Return what became of a run, with the name of its file."""
        info = self.feed.info
        name = "" if info.kind in ("live", "demo") else info.title
        if name and status in ("empty", "not_sse"):
            # What is there instead says more than the word for it.
            status, detail = "", detail or "it is empty: nothing to show"
        return ": ".join(filter(None, [name, status, detail]))


def succeeded(feed: Feed) -> bool:
    """Whether every run of a feed is complete, and all of it could be read."""
    whole = feed.failure is None and damage_of(feed) is None
    return whole and all(run.status == "complete" for run in feed.runs)


def damage_of(feed: Feed) -> tuple[str, str] | None:
    """Return what of a feed's file could not be read, None where nothing is missing."""
    return feed.source.damage if isinstance(feed.source, Damaged) else None


@asynccontextmanager
async def told_to_the_end(
    work: asyncio.Future[Any], finish: Callable[[], None]
) -> AsyncIterator[None]:
    """End `work` and have `finish` write what arrived, also when interrupted.

    Where standard output takes nothing more there is nothing to say about the stream.
    """
    writable = True
    try:
        yield
    except OutputFailed:
        writable = False
        raise
    finally:
        work.cancel()
        await asyncio.wait([work])
        if writable:
            finish()


async def read_plainly(feed: Feed, out: TextIO, err: TextIO, smooth: Reveal | None = None) -> bool:
    """Read a feed to its end and write its transcript; return whether every run is complete."""
    teller = FeedTeller(feed, out, err, smooth)
    reading = asyncio.ensure_future(feed.run())
    async with told_to_the_end(reading, teller.finish):
        while not reading.done():
            await asyncio.wait([reading], timeout=EVERY_S)
            teller.update()
    await reading
    return succeeded(feed)


async def read_as_json(feed: Feed, out: TextIO) -> bool:
    """Read a feed to its end and write one report; return whether every run is complete."""
    try:
        await feed.run()
    finally:
        # Also when interrupted: then the report says `cancelled`.
        write_report(feed, out)
    return all(run.status == "complete" for run in feed.runs)


def write_report(feed: Feed, out: TextIO, findings: list[list[Finding]] | None = None) -> None:
    """Write the report on a feed, one line; with `findings` where others were looked at as well."""
    found = findings_of_feed(feed) if findings is None else findings
    listed = [[one.to_json() for one in of_run] for of_run in found]
    ids = [request_id_of(feed, run) for run in feed.runs]
    out.write(dumps(told_report(file_report(None, feed.runs, listed, ids))) + "\n")
    out.flush()
