"""A built-in scenario as a source."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tui.core.records import Chunk
from tui.scenarios import Scenario, load
from tui.sources import SourceEnded, SourceInfo


class ScenarioSource:
    """Plays a scenario: every chunk at once, with its time, for the reader's clock to pace."""

    def __init__(self, scenario: Scenario | str) -> None:
        """Take a scenario or the name of one. Raises UnknownScenario for a name nobody has."""
        self.scenario = load(scenario) if isinstance(scenario, str) else scenario
        self.info = SourceInfo(
            title=self.scenario.title,
            prompt=self.scenario.prompt,
            request=self.scenario.request,
            kind="demo",
            timed=True,
            paced=True,
            at_ns=self.scenario.at_ns,
        )
        self.sent_ns: int | None = None
        self._closed = False

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the scenario's reads without waiting. Raises SourceEnded where it breaks off."""
        for chunk in self.scenario.chunks:
            if self._closed:
                return
            yield chunk
        if self.scenario.how == "reset" and not self._closed:
            raise SourceEnded(
                "reset",
                "Connection lost",
                "the server closed the connection before the message was complete",
                status=200,
                retryable=True,
            )

    async def aclose(self) -> None:
        """Stop before the next chunk."""
        self._closed = True
