"""Whether a failed call is made again, and after how long.

Only calls that brought no output are: what was shown is never thrown away without being asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from tui.core.failures import can_help, is_hopeless
from tui.core.session import Run
from tui.sources import SourceEnded

RETRIES: Final = 2


class Wait(NamedTuple):
    """How long to wait before the next attempt, in seconds; None: until somebody says so."""

    seconds: float | None
    asked_s: float | None = None
    """What the API asked for, where it did."""


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter, and Retry-After obeyed up to `obeyed_s`."""

    retries: int = RETRIES
    base_s: float = 1.0
    longest_s: float = 30.0
    obeyed_s: float = 60.0
    asks: bool = True
    """Whether somebody is there to be asked when the API wants a longer wait."""
    random: Callable[[], float] = random.random

    def wait(self, attempt: int, run: Run, end: SourceEnded | None) -> Wait | None:
        """Return how long to wait after attempt number `attempt` (from 1), None to give up."""
        if attempt > self.retries or not can_retry(run, end) or _has_output(run):
            return None
        asked = end.retry_after_s if end is not None else None
        if asked is None:
            longest = min(self.base_s * 2 ** (attempt - 1), self.longest_s)
            # Half of it is chance: many runs that failed together must not come back together.
            return Wait(longest * (0.5 + 0.5 * self.random()))
        if asked > self.obeyed_s:
            return Wait(None, asked) if self.asks else None
        return Wait(asked * (1 + 0.1 * self.random()), asked)


def can_retry(run: Run, end: SourceEnded | None) -> bool:
    """Whether sending the same request again can help."""
    if run.state.error is not None:
        return can_help(run.state.error) is True
    if end is not None:
        return end.retryable is True and not is_hopeless(end.error)
    return run.status in ("truncated", "empty")


def _has_output(run: Run) -> bool:
    """Whether there is anything of an answer. A block that has only begun is nothing yet."""
    return any(
        block.type not in ("text", "thinking") or len(block.text) or len(block.thinking)
        for block in run.state.blocks
    )
