"""Captures that are watched while others write them, and the relay that writes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tui.core.text import one_line
from tui.dashboard.desk import ScreenDesk
from tui.dashboard.ui import UI
from tui.dashboard.watched import Watched, Watchlist

# Most screens follow nothing: the demo draws its first frame without it.
if TYPE_CHECKING:
    from tui.dashboard.relaying import Relaying, RelayLink
    from tui.dashboard.sessions import WatchedSessions
    from tui.sources.followed import CaptureFollower


class FollowedCaptures:
    """Shows every run of `captures` from when it begins. With a `relay`, that is its capture."""

    def __init__(
        self,
        ui: UI,
        watchlist: Watchlist,
        desk: ScreenDesk,
        sessions: Callable[[], WatchedSessions],
        captures: Sequence[CaptureFollower] = (),
    ) -> None:
        self.captures = captures
        self.relaying: Relaying | None = None
        self._ui = ui
        self._watchlist = watchlist
        self._desk = desk
        self._sessions = sessions
        self._shown_last: Watched | None = None
        """The stream that was shown because it had begun."""

    def attach(self, relay: RelayLink, now: Callable[[], int]) -> None:
        """Watch the relay too, and show what it waits for until the first request comes."""
        from tui.dashboard.relaying import Relaying

        self.relaying = Relaying(self._ui, relay, now)
        self._watchlist.awaited = self.relaying.awaited

    def begin(self) -> None:
        """Start the workers."""
        if self.relaying is not None:
            self._ui.work(self.relaying.listen(), name="relay")
        for capture in self.captures:
            self._ui.work(self._follow(capture), name="following")

    async def _follow(self, capture: CaptureFollower) -> None:
        try:
            async for factory in capture.runs():
                show = not capture.caught_up or self._may_show()
                self._desk.start(factory, show=show, followed=True)
                if show:
                    self._shown_last = self._watchlist.all[-1]
                if capture.caught_up:
                    self.group()  # Before it is drawn for the first time.
        except (OSError, ValueError) as error:
            self._ui.complain(f"Cannot follow: {one_line(str(error))}")

    def _may_show(self) -> bool:
        """Whether what has begun is shown: whoever looks at something is not taken away from it."""
        streams, shown = self._watchlist.all, self._watchlist.shown
        if not streams or shown is None:
            return True
        # What somebody went back to is looked at, also when it is over.
        chosen = shown.watched not in (self._shown_last, streams[-1])
        return shown.feed.done and not chosen and self._watchlist.cursor is None

    def group(self) -> None:
        """Give each request its place in a conversation, by what is known of the answers now."""
        if self.captures:
            self._sessions().update()

    def show(self) -> None:
        """Show all that is known of the relay, and what its command printed."""
        if self.relaying is None:
            self._ui.say("There is no relay: streamscope proxy starts one")
        else:
            self.relaying.show()

    def leave(self, status: int) -> None:
        """Leave the screen; where the relay's command runs, ask what becomes of it."""
        if self.relaying is None:
            self._ui.exit(status)
        else:
            self.relaying.leave(status)
