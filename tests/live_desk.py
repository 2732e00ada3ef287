"""A desk for exchanges in tests: real calls to the loopback API, decisions from a list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from tests import playbook as pb
from tests.limits import HANG_S
from tests.manual_clock import ManualClock
from tests.script_source import one_each
from tests.servers import MockServer
from tui.conversation.conversation import Conversation
from tui.conversation.exchange import Asked, Exchange, Limits
from tui.conversation.plan import LivePlan
from tui.conversation.retry import RetryPolicy
from tui.core.records import JsonObject
from tui.messages.request import with_prompt
from tui.messages.turns import Decision
from tui.run import Feed
from tui.scenarios import Scenario
from tui.sources.live import Api


def scenario(*items: JsonObject | bytes, how: str = "eof") -> Scenario:
    """Return a scenario that sends these events, one read each, at once."""
    chunks = tuple(one_each(items, *(0 for _ in items)))
    assert how in ("eof", "reset")
    return Scenario("test", "test", "", "", {}, chunks, "eof" if how == "eof" else "reset", 0)


def says(text: str, stop_reason: str = "end_turn") -> Scenario:
    """Return a scenario that answers with a text."""
    return scenario(pb.message_start(), *pb.text_block(0, text), *pb.ending(stop_reason))


class Desk:
    """Opens feeds through the real client. `decisions` are given in turn, then None."""

    def __init__(self, plan: LivePlan, decisions: Iterable[Decision | None] = ()) -> None:
        self.plan = plan
        self.asked: list[Asked] = []
        self._decisions = list(decisions)

    def open(self, exchange: Exchange, request: JsonObject) -> Feed:
        return self.plan.feed(request, None)

    async def decide(self, exchange: Exchange, asked: Asked) -> Decision | None:
        self.asked.append(asked)
        return self._decisions.pop(0) if self._decisions else None


class Line:
    """The mock, a client, and exchanges between them; the clock of waits is moved by hand."""

    def __init__(self, server: MockServer) -> None:
        self.server = server
        self.clock = ManualClock()
        self.api = Api(server.url)

    def limits(self, *, retries: int = 2, rounds: int = 20) -> Limits:
        policy = RetryPolicy(retries, random=lambda: 1.0)
        return Limits(policy, rounds, now=self.clock)

    def exchange(
        self,
        model: str,
        prompt: str = "Hello",
        *,
        conversation: Conversation | None = None,
        decisions: Iterable[Decision | None] = (),
        limits: Limits | None = None,
    ) -> Exchange:
        """Return an exchange that asks `prompt`; its desk is found as `desk`."""
        limits = limits or self.limits()
        self.desk = Desk(LivePlan(self.api, limits=limits), decisions)
        talk = conversation or Conversation({"model": model})
        request = with_prompt({**talk.request, "model": model}, prompt)
        return Exchange(talk, request, self.desk, limits=limits)

    @property
    def sent(self) -> int:
        """How many requests the server got."""
        return len(self.server.received)


@asynccontextmanager
async def line(**extra: Scenario) -> AsyncIterator[Line]:
    """Run the mock with these scenarios, and without any waiting in it."""
    async with MockServer(speed=float("inf"), extra=extra) as server:
        found = Line(server)
        try:
            yield found
        finally:
            await found.api.aclose()


async def finished(exchange: Exchange) -> None:
    """Run an exchange to its end."""
    async with asyncio.timeout(HANG_S):
        await exchange.run()
