"""How long a test waits for what is sure to happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

HANG_S: Final = 240
"""Seconds that only a hang takes, however busy the machine is."""


async def until(condition: Callable[[], object]) -> None:
    """Let everything go on until `condition` holds."""
    async with asyncio.timeout(HANG_S):
        while not condition():
            await asyncio.sleep(0)
