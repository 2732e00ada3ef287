"""The demo streams for an endpoint whose API is a real one: they need no key and spend nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from tui.core.records import JsonObject
from tui.scenarios import Scenario, UnknownScenario, load
from tui.serving.guard import Refusal, error_body
from tui.serving.own_server import ApiAnswer, ApiFailed, MessagesApi

DEMO_PREFIX: Final = "scenario:"
"""What the model of a demo begins with, as the mock has it."""

_STREAM: Final = {"content-type": "text/event-stream; charset=utf-8"}
_REFUSED: Final = {"content-type": "application/json"}


class WithDemos:
    """Asks `api`, but for demos: those are played here, with their times."""

    def __init__(self, api: MessagesApi, speed: float = 1.0) -> None:
        self.api = api
        self.speed = speed

    async def open(self, url: str) -> None:
        """Get ready, now that the server listens on `url`."""
        await self.api.open(url)

    async def aclose(self) -> None:
        """End what is open."""
        await self.api.aclose()

    def ask(self, body: JsonObject) -> AbstractAsyncContextManager[ApiAnswer]:
        """Send a request. Raises ApiFailed."""
        model = body.get("model")
        if isinstance(model, str) and model.startswith(DEMO_PREFIX):
            return self._demo(model.removeprefix(DEMO_PREFIX))
        return self.api.ask(body)

    @asynccontextmanager
    async def _demo(self, name: str) -> AsyncIterator[ApiAnswer]:
        try:
            scenario = load(name)
        except UnknownScenario as error:
            body = error_body(Refusal(404, "not_found_error", f"model: {error}"))
            yield ApiAnswer(404, _REFUSED, _whole(body))
            return
        yield ApiAnswer(200, _STREAM, self._played(scenario))

    async def _played(self, scenario: Scenario) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for chunk in scenario.chunks:
            await asyncio.sleep(begin + chunk.t_ns / 1e9 / self.speed - loop.time())
            yield chunk.data
        await asyncio.sleep(begin + scenario.duration_ns / 1e9 / self.speed - loop.time())
        if scenario.how == "reset":
            raise ApiFailed("The connection to the API broke in the middle")


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body
