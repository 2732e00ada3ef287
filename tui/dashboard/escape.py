"""What esc does: leave the past, else cancel; just after something was closed, nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tui.dashboard.desk import ScreenDesk
from tui.dashboard.watched import Watchlist

AFTER_CLOSING_NS: Final = 400_000_000
"""For so long after something was closed, nothing is cancelled."""


class Escape:
    """Knows when something was closed last."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._closed_ns = now() - AFTER_CLOSING_NS

    def closed(self) -> None:
        """A modal, a line to type into or the past was left."""
        self._closed_ns = self._now()

    def press(self, watchlist: Watchlist, desk: ScreenDesk) -> None:
        """Return to the live end; from there, cancel."""
        if watchlist.cursor is not None:
            watchlist.follow()
            self.closed()
        elif self._now() - self._closed_ns >= AFTER_CLOSING_NS:
            desk.cancel()
