"""A clock that a test moves by hand, so that nothing has to be waited for."""

from __future__ import annotations

import asyncio

from tui.run import Clock

_TURNS = 30


class ManualClock:
    """A monotonic clock in ns: called, it tells the time; it stands still until it is advanced.

    `Clock(manual)` takes it as its `now`. A `Clock` that somebody may be waiting at has to be
    registered, or be made by `clock`: its sleepers are told when the time has moved.
    """

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns
        self._clocks: list[Clock] = []

    def __call__(self) -> int:
        return self.now_ns

    def clock(self, speed: float = 1.0) -> Clock:
        """Return a play clock on this one, registered."""
        clock = Clock(self, speed)
        self.register(clock)
        return clock

    def register(self, *clocks: Clock) -> None:
        """Wake these whenever the time has moved."""
        self._clocks.extend(clocks)

    async def advance(self, ns: int = 0) -> None:
        """Let `ns` nanoseconds pass, and whoever waited for them do what they waited for."""
        self.now_ns += ns
        for clock in self._clocks:
            clock.wake()
        await settle()


async def settle() -> None:
    """Give the tasks that can run their turns."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
