"""What is said at the end of a demo: what it showed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.dashboard.ui import UI
from tui.dashboard.watched import Watchlist

_SECONDS: Final = 12.0
_EDGES: Final = 8
"""Columns of a border that a note leaves alone."""


class Closing:
    """Says something once, when the first stream has ended: the first of `wordings` that fits."""

    def __init__(self, ui: UI, watchlist: Watchlist, wordings: Sequence[str]) -> None:
        self._ui = ui
        self._watchlist = watchlist
        self._wordings = wordings

    def offer(self) -> None:
        """Say it if it is time."""
        if not self._wordings or not any(feed.done for feed in self._watchlist.feeds):
            return
        room = self._ui.dashboard.note_box.size.width - _EDGES
        fitting = (text for text in self._wordings if len(text) <= room)
        self._ui.note(next(fitting, self._wordings[-1]), seconds=_SECONDS)
        self._wordings = ()
