"""What the prompt cache did for the requests of a conversation, a page of them at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from tui.core.session import Run
from tui.dashboard.grouped_runs import SentRun
from tui.dashboard.sessions import WatchedSessions
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Shown
from tui.messages.prompt_cache import Difference, cache_use, first_difference
from tui.screens.cache import CachePage, CacheRow
from tui.viewmodel.usage_words import usage_words
from tui.viewmodel.verdict import verdict_on_cache

PAGE: Final = 40
"""So many requests are compared and drawn at a time: a conversation may have thousands."""
_ALONE: Final = "This is the only request of its conversation: there is none to compare it with"
_UNKNOWN: Final = "This file has no request: what was read and written is all that is known"

_Pair = tuple[Run, Run]


class CachePages:
    """The requests of the conversation of the shown run. More may come while they are looked at."""

    def __init__(self, sessions: WatchedSessions, verdicts: Verdicts, shown: Shown) -> None:
        self._sessions = sessions
        self._grouped = sessions.grouped
        self._verdicts = verdicts
        self._shown = shown
        self._first: int | None = None
        """The number of the first request of the page, None until the reader has turned it."""
        self._differences: dict[_Pair, Difference | None] = {}
        """Where a request departs from the one before it. Short texts, a few for each page."""

    def page(self) -> CachePage:
        """Return what is known now of the requests of the page."""
        line, start = self._look()
        here = [sent.run for sent in line].index(self._shown.run) if line else 0
        rows = [self._row(line, number) for number in range(start, min(start + PAGE, len(line)))]
        return CachePage(
            rows,
            here=here - start,
            first=start,
            total=len(line),
            note=self._note(line),
            verdict=verdict_on_cache(self._verdicts.of(*self._shown)),
            pending=any(self._uncompared(line, start)),
            reading=self._grouped.progress < 1,
        )

    def step(self, direction: int) -> bool:
        """Turn to the page after or before this one; False where there is none."""
        line, start = self._look()
        turned = min(max(start + direction * PAGE, 0), max(len(line) - 1, 0))
        if turned == start or turned + PAGE <= 0 or (direction > 0 and start + PAGE >= len(line)):
            return False
        self._first = turned
        return True

    async def compare(self) -> bool:
        """Compare two requests of the page that were not; False where all were."""
        before, sent = next(self._uncompared(*self._look()), (None, None))
        if before is None or sent is None:
            return False
        # Histories of many megabytes are compared: not on the loop that draws.
        found = await asyncio.to_thread(_difference, before, sent)
        self._differences[before.run, sent.run] = found
        return True

    def _uncompared(self, line: Sequence[SentRun], start: int) -> Iterator[tuple[SentRun, SentRun]]:
        for before, sent in pairwise(line[max(start - 1, 0) : start + PAGE]):
            if (before.run, sent.run) not in self._differences:
                yield before, sent

    def _look(self) -> tuple[Sequence[SentRun], int]:
        """Return the requests there are to show, and the number of the first of the page."""
        self._grouped.update()
        run = self._shown.run
        if run in self._grouped.numbers:
            self._sessions.judge([run])
        line = [sent for sent in self._grouped.line_of(run) if sent.run is run or _tells(sent)]
        if self._first is not None or not line:
            return line, self._first or 0
        here = [sent.run for sent in line].index(run)
        # What comes after the run is of less interest than what led to it.
        return line, max(min(here - PAGE * 3 // 4, len(line) - PAGE), 0)

    def _note(self, line: Sequence[SentRun]) -> str:
        if self._grouped.progress < 1:
            return f"reading the requests: {100 * self._grouped.progress:.0f} %"
        info = self._shown.feed.info
        if info.request is None:
            return _UNKNOWN
        return _ALONE if len(line) == 1 and info.kind != "live" else ""

    def _row(self, line: Sequence[SentRun], number: int) -> CacheRow:
        watched, run = line[number]
        use = cache_use(run.state.usage)
        broke = self._differences.get((line[number - 1].run, run)) if number else None
        return CacheRow(
            number=number + 1,
            when=_clock(watched.feed.at_ns),
            model=run.state.model or watched.model or "",
            input=use.input,
            read=use.read,
            write=use.write,
            hit_rate=use.hit_rate,
            broke_at="" if broke is None else broke.path,
            before=None if broke is None else broke.before,
            after=None if broke is None else broke.after,
            notes=tuple(usage_words(run.state.usage)),
        )


def _tells(sent: SentRun) -> bool:
    """Whether a request was sent and not refused: what was never answered has read nothing."""
    return sent.was_sent and (not sent.is_over or bool(sent.run.state.usage))


def _difference(before: SentRun, sent: SentRun) -> Difference | None:
    previous, current = before.feed.info.request, sent.feed.info.request
    if previous is None or current is None or previous is current:
        return None
    return first_difference(previous, current)


def _clock(at_ns: int | None) -> str:
    return "" if at_ns is None else time.strftime("%H:%M:%S", time.localtime(at_ns // 10**9))
