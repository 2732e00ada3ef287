"""How long a test waits for what is sure to happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

HANG_S: Final = 240
"""Seconds that only a hang takes, however busy the machine is."""


_TURNS: Final = 20
_PAUSE_S: Final = 0.001


async def until(condition: Callable[[], object]) -> None:
    """Let everything go on until `condition` holds."""
    async with asyncio.timeout(HANG_S):
        while not condition():
            await go_on()


async def go_on() -> None:
    """Let the tasks of this loop go on, and then other threads and processes.

    Only to give turns would keep the processor from the one that is waited for.
    """
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    await asyncio.sleep(_PAUSE_S)
