"""The requests that are watched, grouped into conversations, for the views of conversations."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import Final, NamedTuple

from tui.captures.answer_body import is_counting
from tui.core.session import Run
from tui.dashboard.watched import Watched, Watchlist
from tui.messages.conversations import Branch, Conversations
from tui.run import Feed
from tui.sources import Answered

_FEW: Final = 300
"""So many streams are taken at one look."""
_BUDGET_S: Final = 0.02
"""More are taken as long as this at each look."""


class SentRun(NamedTuple):
    """A run, and the stream that it came in."""

    watched: Watched
    run: Run

    @property
    def feed(self) -> Feed:
        return self.watched.feed

    @property
    def was_sent(self) -> bool:
        """Whether it does not wait for its turn: one that does may never be sent."""
        feed = self.feed
        return feed.info.kind != "live" or feed.source.sent_ns is not None or feed.done

    @property
    def is_over(self) -> bool:
        return self.run.state.end is not None or self.run.status != "streaming"


class GroupedRuns:
    """Takes the requests that are watched as they come, of many some at each look."""

    def __init__(self, watchlist: Watchlist, *, names: bool = False) -> None:
        """With `names`, streams are called by their place in a conversation."""
        self._watchlist = watchlist
        self._names = names
        self.known = Conversations()
        self.sent: list[SentRun] = []
        """By the number of the request."""
        self.numbers: dict[Run, int] = {}
        self.following: dict[int, int] = {}
        """The request that goes on from each answer."""
        self.going: deque[int] = deque()
        """Requests whose answers are not at their end, that which is looked at next first."""
        self.times_begun = 0
        """How often all were grouped from the beginning; then they have other numbers."""
        self._taken = 0
        """How many of the streams were taken."""
        self._dropped = watchlist.dropped
        self._late = False
        """Whether an answer came after a request that may go on from it."""

    @property
    def progress(self) -> float:
        """How much of what there is was taken, 0 to 1."""
        return self._taken / max(len(self._watchlist.all), 1)

    def update(self) -> None:
        """Take what has come since the last look; of many streams some at a time."""
        streams = self._watchlist.all
        late = self._late and (not self.going or len(streams) <= _FEW)
        if late or self._watchlist.dropped != self._dropped:
            self._begin_again()
        until = time.perf_counter() + _BUDGET_S
        while self._taken < len(streams):
            self._take(streams[self._taken])
            self._taken += 1
            if len(streams) > _FEW and time.perf_counter() > until:
                break
        for _ in range(len(self.going)):
            number = self.going.popleft()
            sent = self.sent[number]
            for more in sent.feed.runs:
                if more not in self.numbers:
                    self._add(sent.watched, more)
            if sent.is_over:
                answer = sent.run.state.message_json()
                self._late = self.known.answered(number, answer) or self._late
            else:
                self.going.append(number)
            if len(streams) > _FEW and time.perf_counter() > until + _BUDGET_S:
                break

    def line_of(self, run: Run) -> list[SentRun]:
        """Return the requests that lead to a run and all of its branch, in the order sent.

        Then those that go on from its end. Empty where the run was not taken yet.
        """
        number = self.numbers.get(run)
        if number is None:
            return []
        branch = self._branch_of(number)
        line = list(branch.requests)
        while self._goes_on(branch):
            start = branch.start
            assert start is not None
            branch = self._branch_of(start)
            line = [one for one in branch.requests if one <= start] + line
        while (after := self.following.get(line[-1])) is not None:
            line += [one for one in self._branch_of(after).requests if one >= after]
        return [self.sent[one] for one in line]

    def _branch_of(self, number: int) -> Branch:
        place = self.known.places[number]
        return self.known.talks[place.conversation].branches[place.branch]

    def _goes_on(self, branch: Branch) -> bool:
        """Whether a branch has its beginning in common with the one that it leaves."""
        if branch.start is None:
            return False
        before = self.known.places[branch.requests[0]].link.before
        return branch.kind == "branch" or before == branch.start

    def _take(self, watched: Watched) -> None:
        if is_counting(watched.feed.info.url):
            return  # It asks for a number, and nothing goes on from it.
        for run in list(watched.feed.runs):
            self._add(watched, run)

    def _add(self, watched: Watched, run: Run) -> None:
        first = watched.feed.runs[0]
        number = self.numbers[run] = len(self.sent)
        self.sent.append(SentRun(watched, run))
        self._ask(number, self.numbers[first])
        if self._names:
            watched.place = partial(self.known.label, self.numbers[first])
        if self.sent[number].is_over:
            self.known.answered(number, run.state.message_json())
        else:
            self.going.append(number)

    def _ask(self, number: int, first: int) -> None:
        """Place a request; one that is not the `first` of its body was never sent."""
        if number != first:
            self.known.goes_on(first)
            return
        feed = self.sent[number].feed
        source = feed.source
        answer = source.answer if isinstance(source, Answered) else None
        headers = None if answer is None else answer.sent_headers
        before = self.known.ask(feed.info.request, headers).link.before
        if before is not None:
            self.following.setdefault(before, number)

    def _begin_again(self) -> None:
        """Group all requests once more, now that answers are known that were not."""
        self.times_begun += 1
        self._late = False
        self._dropped = self._watchlist.dropped
        self.known = Conversations()
        self.sent, self.numbers, self.following, self.going = [], {}, {}, deque()
        self._taken = 0
