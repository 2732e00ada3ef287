"""Live calls in the dashboard: exchanges as workers, and decisions about tools."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from textual.screen import ModalScreen
from textual.worker import Worker

from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.text import one_line
from tui.engine import Settings, SourceFactory
from tui.keeping import Keeping
from tui.run import Feed

# What only live calls need is imported late: the demo draws its first frame without it.
if TYPE_CHECKING:
    from tui.conversation.conversation import Conversation
    from tui.conversation.exchange import Asked, Exchange
    from tui.conversation.plan import LivePlan
    from tui.core.turns import Decision
    from tui.viewmodel.runs import KeptRows, RunEntry

DEAF_S: Final = 0.4
"""After a question has come up, keys are no answer yet."""
RUNS_EVERY: Final = 6
"""The list of runs changes five times a second."""


class Talk(Keeping):
    """Sends requests and what follows from them, each exchange in a worker of its own."""

    def __init__(
        self,
        factories: list[SourceFactory],
        settings: Settings | None = None,
        *,
        live: LivePlan | None = None,
    ) -> None:
        super().__init__(factories, settings)
        self.live = live
        self._bar = (False, live is not None)
        self.exchanges: list[Exchange] = []
        self._by_feed: dict[int, Exchange] = {}
        self._calls: dict[int, Worker[None]] = {}
        self._asks: list[tuple[Exchange, Asked, asyncio.Future[Decision | None]]] = []
        self._offered: tuple[Exchange, Asked, asyncio.Future[Decision | None]] | None = None
        self._kept_rows: KeptRows = {}
        self._showing = True

    def _begin(self) -> None:
        super()._begin()
        if self.live is None:
            return
        for exchange in self.live.exchanges(self):
            self._launch(exchange)
            # The first one is in the panes, the others are in the list.
            self._showing = False
        self._showing = True
        if not self.exchanges and not self.deck.feeds:
            conversation = self.conversation
            if conversation is not None:
                self._dashboard.header.show_ready(conversation.model)
            self.call_later(self.run_action, "compose")

    async def on_unmount(self) -> None:
        if self.live is not None:
            await self.live.api.aclose()

    # --- exchanges ------------------------------------------------------------------------------

    def open(self, exchange: Exchange, request: JsonObject) -> Feed:
        """Make the feed of a request, and show it where its exchange is what is shown."""
        assert self.live is not None
        feed = self.live.feed(request, self._recorder())
        shown = self.deck.shown
        if exchange.feeds:
            follows = shown is not None and shown.feed is exchange.feed
            # Whoever looks at the past of the last answer is not taken away from it.
            show = follows and self.deck.cursor is None
        else:
            show = self._showing or shown is None
        self.deck.add(feed, show=show)
        self._by_feed[id(feed)] = exchange
        return feed

    def _launch(self, exchange: Exchange) -> None:
        self._set_off()
        self.exchanges.append(exchange)
        worker = self.run_worker(exchange.run(), name="exchange", exit_on_error=False)
        self._calls[id(exchange)] = worker

    def _send(self, conversation: Conversation, request: JsonObject) -> None:
        from tui.conversation.exchange import Exchange

        assert self.live is not None
        self._launch(Exchange(conversation, request, self, limits=self.live.limits))
        self._redraw()

    @property
    def exchange(self) -> Exchange | None:
        """The exchange of the shown run, None where it is no live call."""
        shown = self.deck.shown
        return None if shown is None else self._by_feed.get(id(shown.feed))

    @property
    def conversation(self) -> Conversation | None:
        """The conversation that the next prompt belongs to, None where nothing can be asked."""
        if self.exchange is not None:
            return self.exchange.conversation
        if self.live is None or not self.live.jobs:
            return None
        return self.live.jobs[0].conversation

    def _busy(self, conversation: Conversation) -> bool:
        return any(one.conversation is conversation and not one.done for one in self.exchanges)

    def running(self) -> bool:
        """Whether there is something to cancel in what is shown."""
        shown = self.deck.shown
        exchange = self.exchange
        if exchange is not None:
            return not exchange.done
        return shown is not None and not shown.feed.done

    def action_cancel(self) -> None:
        """Close the connection of the shown stream, or stop waiting; what arrived stays."""
        exchange = self.exchange
        if exchange is not None:
            if not exchange.done:
                self._calls[id(exchange)].cancel()
            return
        shown = self.deck.shown
        if shown is not None and not shown.feed.done:
            self._readers[id(shown.feed)].cancel()

    def action_again(self) -> None:
        """Send the request, or play the stream, once more; end a wait before another attempt."""
        shown, exchange = self.deck.shown, self.exchange
        if shown is None:
            return
        if exchange is None:
            self.start(self._made[id(shown.feed)])
        elif exchange.retry_now():
            pass
        elif self._busy(exchange.conversation):
            self._say("The answer is still arriving: esc cancels it")
        elif shown.feed.info.request is not None:
            self._send(exchange.conversation, shown.feed.info.request)
        self._redraw()

    def action_continue(self) -> None:
        """Go on with an answer that broke off, or with calls that were left open."""
        conversation = self.conversation
        if conversation is None or self._busy(conversation):
            self._say("There is nothing to continue" if conversation is None else "Still arriving")
            return
        from tui.conversation.exchange import Exchange

        assert self.live is not None
        left = conversation.open_calls()
        feed = None if left is None else self._feed_of(left.run)
        if left is not None and feed is not None:
            limits = self.live.limits
            exchange = Exchange(conversation, left.request, self, limits=limits, resumed=feed)
            self._by_feed[id(feed)] = exchange
            self._launch(exchange)
            return
        request = conversation.continuing()
        if request is None:
            self._say("There is nothing to continue: the answer is complete")
        else:
            self._send(conversation, request)

    def _feed_of(self, run: Run) -> Feed | None:
        return next((feed for feed in self.deck.feeds if run in feed.runs), None)

    # --- what is drawn --------------------------------------------------------------------------

    def tick(self) -> None:
        """Draw what changed, and ask what waits for the reader's word."""
        self._offer()
        super().tick()
        if self._ticks % RUNS_EVERY == 0 and self._dashboard.is_attached:
            self._show_runs()

    def _show_runs(self) -> None:
        count = self.deck.position[1]
        batch = len(self._factories) > 1 or (self.live is not None and len(self.live.jobs) > 1)
        if not self._dashboard.wants_runs(count, batch=batch):
            return
        from tui.viewmodel.runs import run_rows, totals

        entries = self.run_entries()
        rows = run_rows(entries, self._kept_rows)
        shown = self.deck.shown
        key = None if shown is None else id(shown.run)
        found = totals(entries, self._kept_rows)
        self._dashboard.show_runs(rows, found, key, self.settings.now())

    def table(self) -> list[str]:
        """Return what is left to read when the screen has closed: a row a run, where there were
        several live ones."""
        from tui.viewmodel.runs import table

        return table(self.run_entries()) if len(self._by_feed) > 1 else []

    def _queued(self, feed: Feed) -> bool:
        exchange = self._by_feed.get(id(feed))
        return exchange is not None and exchange.stage.kind == "queued"

    def _stage(self, feed: Feed, run: Run) -> tuple[str, str] | None:
        exchange = self._by_feed.get(id(feed))
        if exchange is None or exchange.feed is not feed:
            return super()._stage(feed, run)
        kind, note, attempt, attempts = exchange.stage
        if kind == "waiting":
            left = exchange.wait_left_s() or 0.0
            head = f"Retrying in {left:.0f} s  ({attempt} of {attempts - 1})"
            return head, "; ".join(filter(None, [note, "r sends it now, esc gives up"]))
        if kind == "held":
            return "Retry when you say so", f"{note}; r sends it now, esc gives up"
        if kind == "asking":
            return f"{one_line(note)} waits for your word", "a decides, esc leaves it open"
        if kind == "tools":
            return "Running tools", f"{note}; esc stops waiting"
        if kind == "done" and note:
            if exchange.conversation.continuing() is not None:
                note += "; c goes on"
            return "Not finished", note
        if kind == "done" and exchange.conversation.failure:
            return "Conversation not kept", exchange.conversation.failure
        return super()._stage(feed, run)

    def _printed(self, feed: Feed) -> dict[str, str]:
        exchange = self._by_feed.get(id(feed))
        if exchange is None:
            return {}
        return {id: said.text for id, said in exchange.conversation.printed.items()}

    def run_entries(self) -> list[RunEntry]:
        """Return every run for the list of runs."""
        from tui.conversation.listing import run_entries

        return run_entries(self.deck.feeds, self._by_feed)

    # --- tools ----------------------------------------------------------------------------------

    async def decide(self, exchange: Exchange, asked: Asked) -> Decision | None:
        """Have the reader decide about a call, when nothing is being typed."""
        answer: asyncio.Future[Decision | None] = asyncio.get_running_loop().create_future()
        entry = (exchange, asked, answer)
        self._asks.append(entry)
        try:
            return await answer
        finally:
            self._asks.remove(entry)
            if self._offered is entry:
                self._offered = None
                if not answer.done() or answer.cancelled():
                    self._withdraw()

    def _withdraw(self) -> None:
        from tui.screens.tool_ask import ToolAsk

        if isinstance(self.screen, ToolAsk):
            self.pop_screen()

    def _offer(self) -> None:
        """Ask about a call of the run that is shown, unless the reader is at something else."""
        if not self._asks or self._offered is not None or isinstance(self.screen, ModalScreen):
            return
        if self._dashboard.typing:
            return  # A letter that is being typed must not decide.
        entry = next((ask for ask in self._asks if ask[0] is self.exchange), None)
        if entry is None:
            return
        from tui.screens.tool_ask import ToolAsk

        exchange, asked, answer = self._offered = entry

        def decided(decision: Decision | None) -> None:
            if not answer.done():
                answer.set_result(decision)

        call, tool = asked.call, asked.tool
        description = (tool.definition.get("description") if tool is not None else "") or ""
        self.push_screen(
            ToolAsk(
                call.name,
                call.input or {},
                place=asked.place,
                count=asked.calls,
                description=str(description),
                runnable=exchange.can_run(asked),
                deaf_s=DEAF_S if self.settings.ticking else 0.0,
            ),
            decided,
        )

    def action_decide(self) -> None:
        """Decide about a call that waits: of the shown run, else of the one that waits longest."""
        if not self._asks:
            self._say("No call waits for your word")
            return
        if self.exchange not in [exchange for exchange, _, _ in self._asks]:
            self.deck.show(self._asks[0][0].feed.session.run)
        self._dashboard.log_pane.focus()
        self._offer()
        self._redraw()
