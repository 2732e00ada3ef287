"""Every way a call can fail: its label, its code, its request id, and whether to send it again."""

from __future__ import annotations

import socket
from typing import Final

import pytest

from tests.app_harness import on_stage
from tests.dashboard.test_talk import talk
from tests.manual_clock import ManualClock
from tui.conversation.conversation import Conversation
from tui.conversation.exchange import Limits
from tui.conversation.plan import Job, LivePlan
from tui.conversation.retry import RetryPolicy
from tui.messages.request import build_request, with_prompt
from tui.sources.live import Api

pytestmark = pytest.mark.usefixtures("api_key")


PASSES: Final = "It may pass: r sends the request again"
STANDS: Final = "The same request will fail again: e shows it, to be changed"

STATUSES = {
    400: ("invalid_request_error", STANDS),
    401: ("authentication_error", STANDS),
    403: ("permission_error", STANDS),
    404: ("not_found_error", STANDS),
    413: ("request_too_large", STANDS),
    429: ("rate_limit_error", PASSES),
    500: ("api_error", PASSES),
    529: ("overloaded_error", PASSES),
}


@pytest.mark.parametrize("status", STATUSES)
async def test_a_status(status: int) -> None:
    kind, hint = STATUSES[status]
    async with talk("Hello", model=f"scenario:plain!status:{status}", retries=0) as line:
        await line.finished()
        said = line.stage.said
        assert f"HTTP {status}: {kind}" in said and hint in said
        assert "(req_" in said, "the id of the request"
        assert "ERROR" in line.stage.header


async def test_overloaded_in_the_middle_of_an_answer() -> None:
    async with talk("Hello", model="scenario:plain!overloaded:9", retries=0) as line:
        await line.finished()
        assert "overloaded_error" in line.stage.said and PASSES in line.stage.said


async def test_a_connection_that_breaks() -> None:
    async with talk("Hello", model="scenario:plain!cut:1500", retries=0) as line:
        await line.finished()
        assert "Connection lost" in line.stage.said and PASSES in line.stage.said


async def test_an_end_without_the_last_event() -> None:
    async with talk("Hello", model="scenario:plain!eof:1500", retries=0) as line:
        await line.finished()
        assert "TRUNCATED" in line.stage.header and "without message_stop" in line.stage.said


async def said_of(url: str) -> str:
    """What the dashboard says of a call to an address."""
    clock = ManualClock()
    request = with_prompt(build_request(None), "Hello")
    jobs = [Job(Conversation(), request)]
    plan = LivePlan(Api(url), jobs, Limits(RetryPolicy(0), now=clock))
    async with on_stage(clock=clock, live=plan) as stage:
        await stage.until(lambda: stage.app.desk.exchanges and stage.app.desk.exchanges[0].done)
        return stage.said


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    said = await said_of(f"http://127.0.0.1:{port}")
    assert "refused: Cannot connect" in said and PASSES in said


async def test_a_server_that_speaks_no_tls() -> None:
    async with talk("Hello") as line:
        said = await said_of(line.server.url.replace("http:", "https:"))
    assert "Cannot connect" in said and ("SSL" in said or "TLS" in said)
    assert STANDS in said and PASSES not in said


async def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # No test may ask a name server.
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    said = await said_of("http://no-such-host.invalid")
    assert "Cannot connect" in said and "Name or service not known" in said
    assert STANDS in said and PASSES not in said


async def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    said = await said_of("http://no-such-host.invalid")
    assert "Temporary failure in name resolution" in said
    assert STANDS not in said and PASSES not in said
