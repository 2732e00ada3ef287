"""Large recordings, loaded one after another: the one that is shown first, the rest behind it."""

from __future__ import annotations

from tui.dashboard.ui import UI
from tui.dashboard.watched import Cancellable, Watched, Watchlist


class _Loader:
    """A worker that reads recordings one after another. Cancelled, it leaves the one it is at."""

    def __init__(self) -> None:
        self.worker: Cancellable | None = None

    def cancel(self) -> None:
        """End it."""
        if self.worker is not None:
            self.worker.cancel()


class Loads:
    """Recordings that wait to be read, and what reads them."""

    def __init__(self, ui: UI, watchlist: Watchlist) -> None:
        self._ui = ui
        self._watchlist = watchlist
        self._waiting: dict[Watched, None] = {}
        """In the order in which they came."""
        self._loaders: set[_Loader] = set()

    def add(self, watched: Watched) -> None:
        """Have a recording read when its turn comes."""
        self._waiting[watched] = None
        self.go_on()

    def go_on(self) -> None:
        """Begin with what is shown, beside what is being read already; else with the next one."""
        shown = self._watchlist.shown
        looked_at = [] if shown is None else [shown, *self._watchlist.beside]
        wanted = next((one.watched for one in looked_at if one.watched in self._waiting), None)
        if wanted is not None:
            self._begin(wanted)
        elif self._waiting and not self._loaders:
            self._begin(next(iter(self._waiting)))

    def drop(self, watched: Watched) -> bool:
        """Leave a recording unread; False where it is being read, or was."""
        if watched not in self._waiting:
            return False
        del self._waiting[watched]
        watched.feed.stop()
        return True

    def _begin(self, watched: Watched) -> None:
        loader = _Loader()
        self._loaders.add(loader)
        loader.worker = self._ui.work(self._read(watched, loader), name="loading")
        self._take(watched, loader)

    def _take(self, watched: Watched, loader: _Loader) -> None:
        del self._waiting[watched]
        watched.worker = loader

    async def _read(self, watched: Watched, loader: _Loader) -> None:
        try:
            while True:
                # The feed keeps what goes wrong, and shows it in its own pane.
                await watched.feed.run()
                if not self._waiting or len(self._loaders) > 1:
                    return
                watched = next(iter(self._waiting))
                self._take(watched, loader)
        finally:
            # Cancelled, the program may be ending: whether others are to be read, the tick sees.
            self._loaders.discard(loader)
