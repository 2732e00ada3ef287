"""Shares the event loop among all that is read, so that the screen and the keys never wait long."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

SLICE_NS: Final = 3_000_000
"""How long all feeds together work before the loop does something else."""
_MOST_WOKEN: Final = 64
_OTHERS_EVERY: Final = 4
"""Where only one can work in a slice, each fourth is another's than the first one's."""


class Scheduler:
    """One slice of time in each round of the event loop, for as many feeds as ask for it.

    Who finds no time left waits, and goes on in a later round: first who is looked at, then the
    others in the order in which they came. All else that is ready has its turn between two slices.
    """

    def __init__(self, now: Callable[[], int] = time.thread_time_ns) -> None:
        """`now` is a clock in ns that only rises.

        Of processor time: what other programs take of a busy machine is not taken off a slice,
        else a stream would fall behind the further the busier they are.
        """
        self.first: Callable[[], object] = lambda: None
        """Tells who comes first."""
        self._now = now
        self._until = 0
        self._open = False
        self._waiting: deque[tuple[object, asyncio.Future[None]]] = deque()
        self._woken = 1
        """How many go on in a slice: as many as it held lately."""
        self._slices = 0

    def has_time(self) -> bool:
        """Whether something may still be done in this round of the loop."""
        if not self._open:
            self._begin()
        return self._now() < self._until

    async def wait(self, who: object) -> None:
        """Wait for a later round. Who has waited may do one piece of work without asking."""
        self.has_time()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((who, turn))
        await turn

    def _begin(self) -> None:
        self._open = True
        self._until = self._now() + SLICE_NS
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        over_ns = self._now() - self._until
        if over_ns > SLICE_NS:
            self._woken = max(self._woken // 2, 1)
        elif over_ns < 0 and self._waiting:
            self._woken = min(self._woken * 2, _MOST_WOKEN)
        self._open = False
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        """Begin a slice, and let those go on who are next."""
        self._slices += 1
        first = self.first()
        if self._woken > 1 or self._slices % _OTHERS_EVERY:
            for entry in self._waiting:
                if entry[0] == first:
                    self._waiting.remove(entry)
                    self._waiting.appendleft(entry)
                    break
        woken = 0
        while self._waiting and woken < self._woken:
            _, turn = self._waiting.popleft()
            if not turn.done():  # Its feed may have been cancelled meanwhile.
                turn.set_result(None)
                woken += 1
        # They run in the next round, in which this comes behind them.
        self._begin()
