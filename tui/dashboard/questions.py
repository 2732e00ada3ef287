"""Questions about tool calls: asked one at a time, about the run that is shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.dashboard.ui import UI
from tui.dashboard.watched import Watchlist

if TYPE_CHECKING:
    from tui.conversation.exchange import Asked, Exchange
    from tui.messages.turns import Decision

_DEAF_S: Final = 0.4
"""After a question has come up, keys are no answer yet."""


class _Question(NamedTuple):
    exchange: Exchange
    asked: Asked
    answer: asyncio.Future[Decision | None]


class ToolQuestions:
    """The calls that wait for the reader's decision."""

    def __init__(self, ui: UI, watchlist: Watchlist, *, deaf: bool) -> None:
        """`deaf`: whether a question hears no keys in its first moment."""
        self._ui = ui
        self._watchlist = watchlist
        self._deaf_s = _DEAF_S if deaf else 0.0
        self._waiting: list[_Question] = []
        self._offered: _Question | None = None

    async def ask(self, exchange: Exchange, asked: Asked) -> Decision | None:
        """Wait for the decision about a call; None leaves it open."""
        answer: asyncio.Future[Decision | None] = asyncio.get_running_loop().create_future()
        question = _Question(exchange, asked, answer)
        self._waiting.append(question)
        try:
            return await answer
        finally:
            self._waiting.remove(question)
            if self._offered is question:
                self._offered = None
                if not answer.done() or answer.cancelled():
                    self._withdraw()

    def offer(self) -> None:
        """Ask about a call of the run that is shown, unless the reader is at something else."""
        if not self._waiting or self._offered is not None or self._ui.modal:
            return
        if self._ui.dashboard.typing:
            return  # A letter that is being typed must not decide.
        question = next((one for one in self._waiting if one.exchange is self._shown()), None)
        if question is not None:
            self._offered = question
            self._open(question)

    def decide(self) -> None:
        """Ask about a call that waits: of the shown run, else of the one that waits longest."""
        if not self._waiting:
            self._ui.say("No tool call is waiting")
            return
        if self._shown() not in [question.exchange for question in self._waiting]:
            self._watchlist.show(self._waiting[0].exchange.feed.session.run)
        self._ui.dashboard.return_focus()
        self.offer()
        self._ui.redraw()

    def _shown(self) -> Exchange | None:
        shown = self._watchlist.shown
        return None if shown is None else shown.watched.exchange

    def _open(self, question: _Question) -> None:
        from tui.screens.tool_ask import ToolAsk

        exchange, asked, answer = question

        def decided(decision: Decision | None) -> None:
            if not answer.done():
                answer.set_result(decision)

        call, tool = asked.call, asked.tool
        description = (tool.definition.get("description") if tool is not None else "") or ""
        self._ui.open(
            ToolAsk(
                call.name,
                call.input or {},
                number=(asked.number, asked.calls),
                description=str(description),
                runnable=exchange.can_run(asked),
                deaf_s=self._deaf_s,
            ),
            decided,
        )

    def _withdraw(self) -> None:
        from tui.screens.tool_ask import ToolAsk

        if self._ui.is_open(ToolAsk):
            self._ui.close()
