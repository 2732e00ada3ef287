"""What esc does: leave the past, else cancel; nothing just after something opened or closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tui.dashboard.desk import ScreenDesk
from tui.dashboard.watched import Watchlist

CALM_NS: Final = 400_000_000
"""For so long after something was opened or closed, nothing is cancelled: esc was meant for it."""


class Escape:
    """Knows when something was opened or closed last."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._changed_ns = now() - CALM_NS

    def changed(self) -> None:
        """A modal or a line to type into was opened or closed, or the past was left."""
        self._changed_ns = self._now()

    def press(self, watchlist: Watchlist, desk: ScreenDesk) -> None:
        """Return to the live end; from there, cancel."""
        if watchlist.cursor is not None:
            watchlist.follow()
            self.changed()
        elif self._now() - self._changed_ns >= CALM_NS:
            desk.cancel()
