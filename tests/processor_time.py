"""A limit in processor time, which does not depend on what else the machine does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail what uses more processor time: a generous limit that only a hang breaks."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise AssertionError(f"more than {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
