"""Streams on the screen: they are begun, read by workers, sent again, continued and cancelled."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from tui.core.records import JsonObject
from tui.core.text import one_line
from tui.dashboard.app_settings import AppSettings
from tui.dashboard.loads import Loads
from tui.dashboard.questions import ToolQuestions
from tui.dashboard.start import leave_alone
from tui.dashboard.ui import UI
from tui.dashboard.watched import Cancellable, Watched, Watchlist
from tui.run import INSTANT, Clock, Feed
from tui.scheduler import Scheduler
from tui.sources import Opened, Opening, SourceFactory, Unopened

# What only live calls need is imported late: the demo draws its first frame without it.
if TYPE_CHECKING:
    from tui.conversation.conversation import Conversation
    from tui.conversation.exchange import Asked, Exchange
    from tui.conversation.plan import LivePlan
    from tui.messages.turns import Decision

_FILE_IDLE_CAP_NS: Final = 2_000_000_000
_AT_ONCE: Final = 200
"""Sources that are begun before the first frame with them is drawn."""
_LOOKED_INTO: Final = 16
"""Files that are looked into before what is in them is listed."""
_LOOP_NS: Final = 4_000_000_000
"""How long a stream that is played in a loop is shown when it has ended."""
STILL_ARRIVING: Final = "The answer is still arriving: esc cancels it"
FOLLOWED: Final = "Another program sent this request: it can only be watched"


class ScreenDesk:
    """Where streams and live exchanges happen on the screen."""

    def __init__(
        self, ui: UI, watchlist: Watchlist, settings: AppSettings, live: LivePlan | None
    ) -> None:
        self.live = live
        self.exchanges: list[Exchange] = []
        self.questions = ToolQuestions(ui, watchlist, deaf=settings.ticking)
        self.interrupted = False
        """Ctrl+C was pressed for what is running; the next one leaves."""
        self._ui = ui
        self._watchlist = watchlist
        self._settings = settings
        self._workers: dict[Exchange, Cancellable] = {}
        self._scheduler = Scheduler() if live is None else live.scheduler
        self._scheduler.first = lambda: watchlist.shown and watchlist.shown.feed
        self._loads = Loads(ui, watchlist)
        self._ended_ns: int | None = None
        """Since when what is played in a loop is over, as far as it was seen."""
        self._showing = True
        """Whether an exchange that begins is shown, not only listed."""

    # --- beginning ------------------------------------------------------------------------------

    def begin(self, factories: list[SourceFactory], opening: Opening | None = None) -> None:
        """Read every source and send every request that is planned; the first one is shown."""
        self._start_all(factories)
        if opening is not None:
            self._ui.work(self._open_later(opening))
        if self.live is not None:
            for exchange in self.live.exchanges(self):
                self._launch(exchange)
                self._showing = False
            self._showing = True

    def _start_all(self, factories: list[SourceFactory]) -> None:
        for number, factory in enumerate(factories[:_AT_ONCE]):
            self.start(factory, show=not number)
        if len(factories) > _AT_ONCE:
            self._ui.work(self._start_later(factories[_AT_ONCE:]), name="opening")

    async def _start_later(self, factories: list[SourceFactory]) -> None:
        """List what is behind the first ones, while these are drawn already."""
        for factory in factories:
            if not self._scheduler.has_time():
                if self._settings.ticking:  # Else the process is not the app's own.
                    leave_alone()
                await self._scheduler.wait(self)
            self.start(factory, show=False)

    async def _open_later(self, opening: Opening) -> None:
        """List what is in files, or in a pipe, as they are looked into; bad ones are runs too."""
        from tui.sources.piped import waited_for

        log = self._ui.dashboard.log_pane
        log.placeholder = "Waiting for the first bytes"  # Maybe long: a pipe may be silent.
        log.refresh()
        while some := await waited_for(lambda: list(islice(opening, _LOOKED_INTO))):
            for opened in some:
                await self._list_opened(opened)

    async def _list_opened(self, opened: Opened) -> None:
        here = self._watchlist.shown
        # What cannot be read gives way to the first that can.
        show = here is None or (opened.problem is None and isinstance(here.feed.source, Unopened))
        for stream in opened.streams:
            if not self._scheduler.has_time():
                await self._scheduler.wait(self)
            self.start(stream.source, show=show, again=stream.again)
            show = False
        if opened.warnings:
            words = one_line("; ".join(opened.warnings))
            self._ui.complain(f"Left out of {one_line(opened.name)}: {words}")

    def start(
        self,
        factory: SourceFactory,
        *,
        show: bool = True,
        again: SourceFactory | None = None,
        followed: bool = False,
    ) -> None:
        """Read a new source in a worker of its own, and show it.

        `again` makes what is played when it is wanted once more, where that is something else.
        What is `followed` belongs to somebody else: it is neither cancelled nor begun again.
        """
        try:
            source = factory()
        except Exception as error:
            # A file that has gone since it was opened, for one: the other runs go on.
            problem = one_line(str(error)) or type(error).__name__
            self._ui.complain(f"Cannot start: {problem}")
            return
        self.interrupted = False
        now = self._settings.now
        feed = Feed(
            source,
            clock=Clock(now, INSTANT if followed else self._settings.speed),
            idle_cap_ns=_FILE_IDLE_CAP_NS if source.info.kind == "file" else None,
            now=now,
            recorder=self._settings.recorder() if source.info.kind == "live" else None,
            scheduler=self._scheduler,
        )
        watched = Watched(feed, again=None if followed else again or factory)
        self._watchlist.add(watched, show=show)
        if feed.progress is not None:
            self._loads.add(watched)
            return
        # The feed keeps what goes wrong, and shows it in its own pane.
        worker = self._ui.work(feed.run(), name=source.info.title)
        watched.worker = None if followed else worker

    def open(self, exchange: Exchange, request: JsonObject) -> Feed:
        """Make the feed of a request, and show it where its exchange is what is shown."""
        assert self.live is not None
        feed = self.live.feed(request, self._settings.recorder())
        shown = self._watchlist.shown
        if exchange.feeds:
            follows = shown is not None and shown.feed is exchange.feed
            # Whoever looks at the past of the last answer is not taken away from it.
            show = follows and self._watchlist.cursor is None
        else:
            show = self._showing or shown is None
        self._watchlist.add(Watched(feed, exchange=exchange), show=show)
        return feed

    async def decide(self, exchange: Exchange, asked: Asked) -> Decision | None:
        """Have the reader decide about a call."""
        return await self.questions.ask(exchange, asked)

    def send(self, conversation: Conversation, request: JsonObject) -> None:
        """Send a request of a conversation."""
        from tui.conversation.exchange import Exchange

        assert self.live is not None
        self._launch(Exchange(conversation, request, self, limits=self.live.limits))
        self._ui.redraw()

    def _launch(self, exchange: Exchange) -> None:
        self.interrupted = False
        self.exchanges.append(exchange)
        self._workers[exchange] = self._ui.work(exchange.run(), name="exchange")

    def tick(self) -> None:
        """Have what is shown loaded first, and what is played in a loop begin anew."""
        self._loads.go_on()
        shown = self._watchlist.shown
        idle = self._watchlist.cursor is None and not self._ui.modal
        if self._settings.loop and shown is not None and idle:
            self._loop(shown.watched)

    def _loop(self, watched: Watched) -> None:
        """Begin anew, in its place, what has ended a while ago."""
        feed = watched.feed
        if watched.again is None or not feed.done or not feed.info.paced:
            self._ended_ns = None
        elif self._ended_ns is None:
            self._ended_ns = self._settings.now()
        elif self._settings.now() - self._ended_ns >= _LOOP_NS:
            self._ended_ns = None
            self._watchlist.drop(watched)
            self.start(watched.again)

    # --- what is shown --------------------------------------------------------------------------

    @property
    def exchange(self) -> Exchange | None:
        """The exchange of the shown run, None where it is no live call."""
        shown = self._watchlist.shown
        return None if shown is None else shown.watched.exchange

    @property
    def conversation(self) -> Conversation | None:
        """The conversation that the next prompt belongs to, None where nothing can be asked."""
        if self.exchange is not None:
            return self.exchange.conversation
        if self.live is None or not self.live.jobs:
            return None
        return self.live.jobs[0].conversation

    def is_busy(self, conversation: Conversation) -> bool:
        """Whether an answer of a conversation is still arriving."""
        return any(one.conversation is conversation and not one.done for one in self.exchanges)

    def is_running(self) -> bool:
        """Whether there is something to cancel in what is shown."""
        shown, exchange = self._watchlist.shown, self.exchange
        if exchange is not None:
            return not exchange.done
        return shown is not None and not shown.feed.done and not _is_followed(shown.watched)

    # --- what the reader does with it -----------------------------------------------------------

    def cancel(self) -> None:
        """Close the connection of the shown stream, or stop waiting; what arrived stays."""
        shown = self._watchlist.shown
        if shown is not None and _is_followed(shown.watched):
            self._ui.say(FOLLOWED)
        if shown is None or self._loads.drop(shown.watched) or not self.is_running():
            return
        exchange = shown.watched.exchange
        worker = shown.watched.worker if exchange is None else self._workers[exchange]
        if worker is not None:
            worker.cancel()

    def interrupt(self) -> bool:
        """Cancel what runs, and say so. Return False where there is none, or it was done before."""
        if not self.is_running() or self.interrupted:
            return False
        self.interrupted = True
        self.cancel()
        self._ui.say("Cancelled. Press ctrl+c again to quit")
        return True

    def again(self) -> None:
        """Send the request, or play the stream, once more; end a wait before another attempt."""
        shown = self._watchlist.shown
        if shown is None:
            return
        exchange = shown.watched.exchange
        if exchange is None:
            if _is_followed(shown.watched):
                self._ui.say(FOLLOWED)
            if shown.watched.again is not None:
                self.start(shown.watched.again)
        elif exchange.retry_now():
            pass
        elif self.is_busy(exchange.conversation):
            self._ui.say(STILL_ARRIVING)
        elif shown.feed.info.request is not None:
            self.send(exchange.conversation, shown.feed.info.request)
        self._ui.redraw()

    def resume(self) -> None:
        """Go on with an answer that broke off, or with calls that were left open."""
        conversation = self.conversation
        shown = self._watchlist.shown
        if conversation is None and shown is not None and _is_followed(shown.watched):
            self._ui.say(FOLLOWED)
            return
        if conversation is None or self.is_busy(conversation):
            nothing = "There is nothing to continue"
            self._ui.say(nothing if conversation is None else STILL_ARRIVING)
            return
        from tui.conversation.exchange import Exchange

        assert self.live is not None
        left = conversation.open_calls()
        watched = None if left is None else self._watchlist.watching(left.run)
        if left is not None and watched is not None:
            watched.exchange = Exchange(
                conversation,
                left.request,
                self,
                limits=self.live.limits,
                resumed=watched.feed,
            )
            self._launch(watched.exchange)
            return
        request = conversation.continuing()
        if request is None:
            self._ui.say("There is nothing to continue: the answer is complete")
        else:
            self.send(conversation, request)

    # --- the end --------------------------------------------------------------------------------

    def leave(self, status: int) -> None:
        """End the program; what is still being read ends as interrupted."""
        for feed in self._watchlist.feeds:
            feed.stopped_as = "interrupted"
        self._ui.exit(status)

    async def aclose(self) -> None:
        """Close the connections of the live calls."""
        if self.live is not None:
            await self.live.api.aclose()


def _is_followed(watched: Watched) -> bool:
    """Whether a stream is somebody else's, which is only watched."""
    return watched.exchange is None and watched.again is None
