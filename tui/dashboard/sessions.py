"""The conversations among the streams that are watched, as the waterfall looks at them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from tui.conversation.diagnosis import findings_of_linked, of_run
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.time_spans import SpanScan
from tui.dashboard.grouped_runs import GroupedRuns, SentRun
from tui.dashboard.one_clock import offset_of, start_of
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watchlist
from tui.findings import Evidence, Finding
from tui.messages.request import title_of
from tui.run import Feed
from tui.viewmodel.cache_ledger import Ledger, LedgerEntry, ledger_rows, lost_tokens
from tui.viewmodel.waterfall import WaterfallEntry, WaterfallView, waterfall_view

_MANY: Final = 2_000
_REST_S: Final = 1.0
"""What is much is not drawn anew more often than this."""


class WatchedSessions:
    """Groups the requests that are watched, and looks at one of the conversations."""

    def __init__(
        self, ui: UI, watchlist: Watchlist, verdicts: Verdicts, *, names: bool = False
    ) -> None:
        """With `names`, streams are called by their place in a conversation."""
        self._ui = ui
        self.grouped = GroupedRuns(watchlist, names=names)
        self._verdicts = verdicts
        self._wanted: Run | None = None
        """The run whose conversation is to be looked at, once it is taken."""
        self._keeps_whole = True
        """Whether all of its conversation is wanted, or only its branch."""
        self._first: Run | None = None
        """The first run of what is looked at."""
        self._times_begun = 0
        self._talk = 0
        self._branch: int | None = None
        """The branch that is looked at, None for all of the conversation."""
        self._scans: dict[Run, SpanScan] = {}
        self._view: WaterfallView | None = None
        self._drawn: tuple[object, ...] = ()
        self._drawn_at = 0.0
        self._found: dict[Hashable, Finding] = {}
        self._judged: dict[Run, tuple[object, ...]] = {}
        """With which neighbours a run was judged."""
        self._judging = False

    def update(self) -> None:
        """Take what has come since the last look; of many streams some at a time."""
        grouped = self.grouped
        grouped.update()
        if grouped.times_begun != self._times_begun:
            self._times_begun = grouped.times_begun
            if self._wanted is None:
                self._wanted, self._keeps_whole = self._first, self._branch is None
            self._talk, self._branch, self._drawn = 0, None, ()
        if self._wanted is not None and self._wanted in grouped.numbers:
            self._look_at(self._wanted)
            self._wanted = None
        numbers = self._looked_at()
        self._first = grouped.sent[numbers[0]].run if numbers else None

    @property
    def progress(self) -> float:
        """How much of what there is was taken, 0 to 1."""
        return self.grouped.progress

    # --- which one is looked at -----------------------------------------------------------------

    def show(self, run: Run) -> None:
        """Look at the conversation of a run."""
        self._wanted, self._keeps_whole = run, True
        self.update()

    def _look_at(self, run: Run) -> None:
        place = self.grouped.known.places[self.grouped.numbers[run]]
        self._talk = place.conversation
        self._branch = None if self._keeps_whole else place.branch

    def _looked_at(self) -> list[int]:
        """Return the requests that are looked at."""
        if not self.grouped.known.talks:
            return []
        talk = self.grouped.known.talks[self._talk]
        return talk.requests if self._branch is None else talk.branches[self._branch].requests

    def step(self, direction: int) -> bool:
        """Look at the next branch or conversation, or the one before; False where none is."""
        talks = self.grouped.known.talks
        branches = self._branches(self._talk)
        here = -1 if self._branch is None else self._branch
        there = here + direction
        if -1 <= there < branches:
            self._branch = None if there < 0 else there
            return True
        if not 0 <= self._talk + direction < len(talks):
            return False
        self._talk += direction
        last = self._branches(self._talk) - 1
        self._branch = last if direction < 0 and last >= 0 else None
        return True

    def _branches(self, talk: int) -> int:
        """Return how many branches can be looked at by themselves."""
        count = len(self.grouped.known.talks[talk].branches)
        return count if count > 1 else 0

    # --- the view -------------------------------------------------------------------------------

    def view(self) -> WaterfallView:
        """Return what is drawn of the conversation, the same object as long as it can."""
        self.update()
        numbers = self._looked_at()
        places = self.grouped.known.places
        going = [
            number for number in self.grouped.going if places[number].conversation == self._talk
        ]
        going += [number for number in self._tips() if self._pending(number)]
        elapsed = tuple(self.grouped.sent[number].feed.elapsed_ns() for number in going)
        drawn = (self._talk, self._branch, len(numbers), elapsed, len(self.grouped.sent))
        fresh = time.monotonic() - self._drawn_at < _REST_S and len(numbers) > _MANY
        if self._view is None or (drawn != self._drawn and not (fresh and self._drawn)):
            self._drawn, self._drawn_at = drawn, time.monotonic()
            view = waterfall_view(self._title(), self._entries(numbers))
            notes = [view.note] if view.note else []
            if any(self._stage(number) == "asking" for number in self._tips()):
                notes.insert(0, "a tool call is waiting: esc, then a")
            if self.progress < 1:
                notes.insert(0, f"reading the requests: {100 * self.progress:.0f} %")
            self._view = view._replace(note="; ".join(notes))
        return self._view

    def _tips(self) -> list[int]:
        """Return the last request of each branch of the conversation."""
        talks = self.grouped.known.talks
        return [branch.tip for branch in talks[self._talk].branches] if talks else []

    def _stage(self, number: int) -> str:
        """Return what the exchange of a request is doing, empty where another request follows."""
        watched = self.grouped.sent[number].watched
        exchange = watched.exchange
        if exchange is None or exchange.feed is not watched.feed:
            return ""
        return exchange.stage.kind

    def _pending(self, number: int) -> bool:
        return self._stage(number) in ("asking", "tools")

    def _title(self) -> str:
        talks = self.grouped.known.talks
        several = f" {self._talk + 1}/{len(talks)}" if len(talks) > 1 else ""
        title = f"Conversation{several}"
        if self._branch is not None:
            branches = talks[self._talk].branches
            kind = branches[self._branch].kind
            title += f" \u00b7 {kind} {self._branch + 1}/{len(branches)}"
        return title

    def _entries(self, numbers: Sequence[int]) -> list[WaterfallEntry]:
        last: dict[int, int] = {}
        entries: list[WaterfallEntry] = []
        offset_ns = self._offset_ns(numbers)
        for number in numbers:
            sent = self.grouped.sent[number]
            if not sent.was_sent:
                continue
            run, feed = sent.run, sent.feed
            place = self.grouped.known.places[number]
            branch = self.grouped.known.talks[self._talk].branches[place.branch]
            entries.append(
                WaterfallEntry(
                    key=run,
                    run=run,
                    scan=self._scans.setdefault(run, SpanScan(run)),
                    model=sent.watched.model or "",
                    branch=place.branch,
                    kind=branch.kind,
                    before=last.get(place.branch),
                    start_ns=start_of(feed, run, offset_ns),
                    now_ns=feed.elapsed_ns(),
                    pending=self._pending(number),
                )
            )
            last[place.branch] = len(entries) - 1
        return entries

    def title_of(self, key: Hashable) -> str:
        """Return what a request asks, in a few words."""
        number = self.grouped.numbers.get(key) if isinstance(key, Run) else None
        if number is None:
            return ""
        info = self.grouped.sent[number].feed.info
        return info.title if info.request is None else title_of(info.request)

    def _offset_ns(self, numbers: Sequence[int]) -> int | None:
        return offset_of([self.grouped.sent[number].feed for number in numbers])

    # --- verdicts -------------------------------------------------------------------------------

    def found(self) -> Mapping[Hashable, Finding]:
        """Return the verdicts so far, the same object as long as there are no more."""
        return self._found

    def judge(self, keys: Sequence[Hashable]) -> None:
        """Have these runs judged among their neighbours, where they are over."""
        if self._judging:
            return
        due = []
        for key in keys:
            number = self.grouped.numbers.get(key) if isinstance(key, Run) else None
            if number is None or self.grouped.sent[number].run.state.end is None:
                continue
            link = self.grouped.known.places[number].link
            neighbours = (link.before, self.grouped.following.get(number), link.times)
            if self._judged.get(self.grouped.sent[number].run) != neighbours:
                self._judged[self.grouped.sent[number].run] = neighbours
                due.append(self._evidence(number))
        if due:
            self._judging = True
            self._ui.work(self._judge(due), name="findings")

    async def _judge(self, due: Sequence[Evidence]) -> None:
        try:
            # Histories of many megabytes are compared: not on the loop that draws.
            found = await asyncio.to_thread(findings_of_linked, due)
        finally:
            self._judging = False
        worst = dict(self._found)  # Another object: what was drawn can tell that there are more.
        for evidence, findings in zip(due, found, strict=True):
            self._verdicts.keep(evidence, findings)
            if findings:
                worst[evidence.run] = findings[0]
        self._found = worst

    def _evidence(self, number: int) -> Evidence:
        sent, link = self.grouped.sent, self.grouped.known.places[number].link
        following = self.grouped.following.get(number)
        before = None if link.before is None else of_run(*_pair(sent[link.before]))
        last = None if link.same is None else of_run(*_pair(sent[link.same]))
        request = None if following is None else sent[following].feed.info.request
        return replace(
            of_run(*_pair(sent[number])),
            before=before,
            next_request=request,
            earlier=() if last is None else (last,) * link.times,
        )

    # --- the ledger -----------------------------------------------------------------------------

    async def ledger(self) -> Ledger:
        """Return what the prompt cache did for the requests that are looked at."""
        self.update()
        numbers = self._looked_at()
        entries = self._ledger_entries(numbers)
        rows = await asyncio.to_thread(ledger_rows, entries)
        in_all = sum(self._lost(number) for number in range(len(self.grouped.sent)))
        title = self._title()
        return Ledger(title, rows, sum(row.lost for row in rows), in_all, len(self.grouped.sent))

    def _ledger_entries(self, numbers: Sequence[int]) -> list[LedgerEntry]:
        places = {number: place for place, number in enumerate(numbers)}
        entries = []
        for number in numbers:
            watched, run = self.grouped.sent[number]
            before = self.grouped.known.places[number].link.before
            if before is not None and before not in places:
                # It stands in another branch, and is shown as no row.
                before = None
            missed = [one for one in self._verdicts.of(watched, run) if one.code == "cache_missed"]
            entries.append(
                LedgerEntry(
                    key=run,
                    number=places[number] + 1,
                    run=run,
                    request=partial(_request_of, watched.feed),
                    sent_ns=start_of(watched.feed, run, self._offset_ns(numbers)),
                    before=None if before is None else places[before],
                    missed=missed[0] if missed else None,
                )
            )
        return entries

    def _lost(self, number: int) -> int:
        sent, before = self.grouped.sent, self.grouped.known.places[number].link.before
        return lost_tokens(sent[number].run, None if before is None else sent[before].run)


def _request_of(feed: Feed) -> JsonObject | None:
    return feed.info.request


def _pair(sent: SentRun) -> tuple[Feed, Run]:
    return sent.feed, sent.run
