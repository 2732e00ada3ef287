"""A prompt and all that follows from it: attempts, tool rounds and pauses, until an answer stands.

Every request is a feed of its own, so that each attempt and each round can be looked at.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from tui.conversation.conversation import Conversation, Printed
from tui.conversation.retry import RetryPolicy, Wait
from tui.conversation.toolbox import TIMEOUT_S, Outcome, Printout, Tool
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.messages.turns import Call, Decision, after_pause, after_tools, calls, tool_result
from tui.run import Clock, Feed, fault

REFUSED: Final = "The user declined to run this tool."
ROUNDS: Final = 20
_NS: Final = 1_000_000_000
_FOR_EVER_NS: Final = 10**18

StageKind = Literal["queued", "sending", "waiting", "held", "asking", "tools", "done"]


class Stage(NamedTuple):
    """What an exchange is doing. `held` waits for the reader's word, `waiting` for the time."""

    kind: StageKind
    note: str = ""
    """What is worth saying about it, one line."""
    attempt: int = 1
    attempts: int = 1


class Asked(NamedTuple):
    """A call that waits for a decision."""

    call: Call
    tool: Tool | None
    number: int
    """Its number among the calls of the answer, from one."""
    calls: int
    """How many these are."""


class Desk(Protocol):
    """Where exchanges happen: the screen, or the plain output."""

    def open(self, exchange: Exchange, request: JsonObject) -> Feed:
        """Make the feed of a request and show it. It is read by the exchange."""
        ...

    async def decide(self, exchange: Exchange, asked: Asked) -> Decision | None:
        """Have somebody decide about a call; None leaves it open and ends the exchange."""
        ...


@dataclass(frozen=True)
class Limits:
    """What an exchange may take."""

    policy: RetryPolicy = RetryPolicy()
    rounds: int = ROUNDS
    """Requests in a row that follow from tool results and pauses."""
    tool_timeout_s: float = TIMEOUT_S
    now: Callable[[], int] = time.monotonic_ns


class Exchange:
    """Sends a request of a conversation and what follows from it. `run` is a worker's coroutine."""

    def __init__(
        self,
        conversation: Conversation,
        request: JsonObject,
        desk: Desk,
        *,
        limits: Limits | None = None,
        slots: asyncio.Semaphore | None = None,
        resumed: Feed | None = None,
    ) -> None:
        """Take a request with its prompt in it. `slots` bounds how many run at a time.

        With `resumed`, the feed of an answer whose calls were left open, it begins with these.
        """
        self.conversation = conversation
        self.request = request
        self.feeds: list[Feed] = []
        self.replaced: set[Feed] = set()
        """The feeds in whose place another attempt came."""
        self.stage = Stage("queued")
        self._desk = desk
        self._limits = limits or Limits()
        self._slots = slots
        self._clock = Clock(self._limits.now)
        self._due_ns: int | None = None
        self._resumed = None if resumed is None else resumed.session.run
        if resumed is None:
            self._open()
        else:
            self.feeds.append(resumed)

    # --- what can be seen and done from outside -------------------------------------------------

    @property
    def feed(self) -> Feed:
        """The newest one."""
        return self.feeds[-1]

    @property
    def done(self) -> bool:
        return self.stage.kind == "done"

    @property
    def clock(self) -> Clock:
        """What a wait is measured by."""
        return self._clock

    def wait_left_s(self) -> float | None:
        """Return the seconds until the next attempt, None while nothing is waited for."""
        if self.stage.kind != "waiting" or self._due_ns is None:
            return None
        return max(self._due_ns - self._clock.time_ns(), 0) / _NS

    def retry_now(self) -> bool:
        """End a wait; False when nothing is waited for."""
        if self.stage.kind not in ("waiting", "held"):
            return False
        self._clock.jump(_FOR_EVER_NS)
        return True

    def can_run(self, asked: Asked) -> bool:
        """Whether a call can be answered by its tool, and not only by hand."""
        by_hand = self.conversation.tool_mode == "hand"
        return not by_hand and asked.tool is not None and asked.tool.runnable

    # --- the work -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Go on until an answer stands, or nothing more can be done. Only cancellation raises."""
        note = ""
        try:
            if self._slots is None:
                note = await self._go()
            else:
                async with self._slots:
                    note = await self._go()
        except asyncio.CancelledError:
            self._give_up()
            raise
        except Exception as error:
            # A fault of this program: it ends this exchange only, and is shown in its run's pane.
            self.feed.failure = self.feed.failure or fault(error)
        finally:
            self.stage = Stage("done", note)

    def _give_up(self) -> None:
        feed = self.feed
        if not feed.done:
            # It never began: queued, or made for an attempt that was not waited for.
            feed.stop()
        elif feed.session.run.status == "cancelled":
            self.conversation.broke_off(self.request, feed.session.run)

    async def _go(self) -> str:
        conversation = self.conversation
        # A resumed exchange begins with the answer that is there.
        run = self._resumed
        for number in range(self._limits.rounds):
            if run is None:
                if number:
                    self._open()
                run = await self._send()
            message = run.state.message_json()
            if run.status != "complete" or message is None:
                conversation.broke_off(self.request, run)
                return ""
            conversation.note_sent(self.request, run)
            reason = run.state.stop_reason
            asked = calls(run.state, run.status)
            if asked:
                results = await self._answer(asked)
                if results is None:
                    conversation.broke_off(self.request, run)
                    return f"{_calls(len(asked))} without a result"
                self.request = after_tools(self.request, message, results)
            elif reason == "pause_turn":
                self.request = after_pause(self.request, message)
            elif reason == "refusal":
                # What was refused must not be sent again: the API would refuse all that follows.
                return "the refused turn is left out of the conversation"
            else:
                conversation.answered(self.request, run)
                return ""
            run = None
        conversation.stopped_before(self.request)
        return f"stopped after {self._limits.rounds} requests in a row"

    def _open(self) -> None:
        self.feeds.append(self._desk.open(self, self.request))

    async def _send(self) -> Run:
        """Send the request, as often as it takes and is allowed; return the last run."""
        attempts = self._limits.policy.retries + 1
        attempt = 1
        while True:
            self.stage = Stage("sending", "", attempt, attempts)
            feed = self.feed
            await feed.run()
            run = feed.session.run
            wait = None
            if run.status != "complete":
                wait = self._limits.policy.wait(attempt, run, feed.end)
            if wait is None:
                return run
            await self._wait(wait, attempt, attempts)
            attempt += 1
            self.replaced.add(feed)
            self._open()

    async def _wait(self, wait: Wait, attempt: int, attempts: int) -> None:
        self._clock.start()
        if wait.seconds is None:
            self._due_ns = None
            note = f"the API asks to wait {wait.asked_s:.0f} s"
            self.stage = Stage("held", note, attempt, attempts)
            await self._clock.reach(_FOR_EVER_NS)
            return
        self._due_ns = int(wait.seconds * _NS)
        note = "as the API asked" if wait.asked_s is not None else ""
        self.stage = Stage("waiting", note, attempt, attempts)
        await self._clock.reach(self._due_ns)

    # --- tools ----------------------------------------------------------------------------------

    async def _answer(self, asked: list[Call]) -> list[JsonObject] | None:
        """Return a result for each call, in their order; None when one was left open."""
        toolbox = self.conversation.toolbox
        if toolbox is None and not self.request.get("tools") and self._resumed is None:
            return None  # No tools were offered: whoever wants to answer all the same says so.
        decided: list[tuple[Call, Decision]] = []
        for number, call in enumerate(asked, 1):
            decision = await self._decide(call, number, len(asked))
            if decision is None:
                return None
            decided.append((call, decision))
        self.stage = Stage("tools", _calls(len(asked)))
        outcomes = await asyncio.gather(*(self._outcome(*one) for one in decided))
        return [
            tool_result(call.id, outcome.content, is_error=outcome.is_error)
            for call, outcome in zip(asked, outcomes, strict=True)
        ]

    async def _decide(self, call: Call, number: int, count: int) -> Decision | None:
        if call.problem:
            return Decision("refuse", f"Not run: {call.problem}")
        toolbox = self.conversation.toolbox
        tool = None if toolbox is None else toolbox.get(call.name)
        if self.conversation.tool_mode == "always" and toolbox is not None:
            # Where there is no such tool, the model is told so, and which there are.
            if tool is None or tool.runnable:
                return Decision("run")
        self.stage = Stage("asking", call.name)
        decision = await self._desk.decide(self, Asked(call, tool, number, count))
        if decision is not None and decision.kind == "always":
            self.conversation.tool_mode = "always"
        return decision

    async def _outcome(self, call: Call, decision: Decision) -> Outcome:
        if decision.kind == "hand":
            return Outcome(decision.text, decision.is_error)
        if decision.kind == "refuse":
            return Outcome(decision.text or REFUSED, True)
        toolbox = self.conversation.toolbox
        if toolbox is None or call.input is None:
            return Outcome(f"There is no tool {call.name} here.", True)
        printout = Printout()
        limit_s = self._limits.tool_timeout_s
        try:
            return await toolbox.run(call.name, call.input, timeout_s=limit_s, printout=printout)
        finally:
            # Also where it was cancelled: it may say why it took so long.
            if printout.size:
                self.conversation.printed[call.id] = Printed(call.name, printout.text())


def _calls(count: int) -> str:
    return "a tool call" if count == 1 else f"{count} tool calls"
