"""Servers in the event loop of a test: the mock, and how much is going on at one."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from tui.mock.mock import Mock, MockSettings, Received
from tui.mock.pages import site
from tui.scenarios import Scenario
from tui.serving.server import LoopbackServer


class MockServer(LoopbackServer):
    """The mock while its `async with` block runs; `url` is the base URL.

    Takes what `MockSettings` and `Mock` take. `received` keeps the newest 256 requests to
    `/v1/messages`.
    """

    # A parameter a setting: what starts one writes only those it wants.
    def __init__(
        self,
        *,
        port: int = 0,
        speed: float = 1.0,
        extra: Mapping[str, Scenario] | None = None,
        jitter: float = 0.0,
        seed: int | None = None,
        faults: Sequence[str] = (),
        fault_rate: float = 1.0,
    ) -> None:
        self.received: deque[Received] = deque(maxlen=256)
        settings = MockSettings(speed, jitter, seed, tuple(faults), fault_rate)
        mock = Mock(settings, extra=extra, received=self.received)
        super().__init__(mock, port=port, pages=site())

    async def __aenter__(self) -> MockServer:
        await super().__aenter__()
        return self


def open_requests(server: LoopbackServer) -> int:
    """How many requests are being answered."""
    return len(server._tasks)
