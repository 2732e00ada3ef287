"""Live calls: the real SDK client against the real mock server, and against worse ones."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
import pytest_asyncio

from tests import playbook as pb
from tests.limits import HANG_S, until
from tests.script_source import one_each
from tests.servers import MockServer, open_requests
from tui.core.records import Chunk
from tui.core.session import Session
from tui.messages.request import DEFAULT_MAX_TOKENS, DEFAULT_MODEL, build_request
from tui.run import Feed
from tui.scenarios import Scenario, load, names
from tui.sources import Source, SourceEnded
from tui.sources.live import (
    Api,
    LiveSource,
    _retry_after,
    explain,
    has_credentials,
    known_models,
)

pytestmark = pytest.mark.usefixtures("api_key")

MS = 1_000_000
HOUR = 3_600_000_000_000
EVENTS = [pb.message_start(), *pb.text_block(0, "one", "two"), *pb.ending()]
SLOW = one_each(EVENTS, *(20 * MS * number for number in range(len(EVENTS))))


def scenario(name: str, chunks: list[Chunk], duration_ns: int) -> Scenario:
    return Scenario(name, name, "", "", {}, tuple(chunks), "eof", duration_ns)


EXTRA = {
    "slow": scenario("slow", SLOW, SLOW[-1].t_ns),
    "hanging": scenario("hanging", SLOW[:1], HOUR),
    "silent": scenario("silent", [Chunk(HOUR, b"late")], HOUR),
}


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have the mock go wrong, as anybody can without touching the program."""

    def ask(faults: str) -> None:
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"x-streamscope-fault: {faults}")

    return ask


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MockServer]:
    # As scenarios of its own, the mock plays the built-in ones to the byte.
    async with MockServer(speed=math.inf, extra={name: load(name) for name in names()}) as running:
        yield running


@pytest_asyncio.fixture
async def slow() -> AsyncIterator[MockServer]:
    async with MockServer(extra=EXTRA) as running:
        yield running


def call(url: str, name: str = "plain", timeout_s: float | None = None) -> LiveSource:
    body = build_request("Hello", model=f"scenario:{name}")
    return LiveSource(body, base_url=url, timeout_s=timeout_s)


async def drain(source: Source) -> list[Chunk]:
    async with asyncio.timeout(HANG_S):
        return [chunk async for chunk in source.chunks()]


async def ended(source: Source) -> tuple[bytes, SourceEnded]:
    """What came before the call went wrong, and how it did."""
    data = bytearray()
    with pytest.raises(SourceEnded) as caught:
        async with asyncio.timeout(HANG_S):
            async for chunk in source.chunks():
                data += chunk.data
    await source.aclose()
    assert "\n" not in str(caught.value)
    return bytes(data), caught.value


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that reads a request, says this, and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


# --- what arrives ---------------------------------------------------------------------------------


async def test_the_bytes_are_those_of_the_server(server: MockServer) -> None:
    source: Source = call(server.url, "two-tools")
    data = b"".join(chunk.data for chunk in await drain(source))
    assert data == b"".join(chunk.data for chunk in load("two-tools").chunks)
    await source.aclose()


async def test_each_read_has_the_time_at_which_it_came(slow: MockServer) -> None:
    source = call(slow.url, "slow")
    assert source.sent_ns is None
    chunks = await drain(source)
    await source.aclose()
    times = [chunk.t_ns for chunk in chunks]
    assert times == sorted(times) and len(set(times)) > 1
    # No byte is here before the server sent it. How much later depends on the machine.
    planned = list(itertools.accumulate(len(chunk.data) for chunk in SLOW))
    arrived = list(itertools.accumulate(len(chunk.data) for chunk in chunks))
    for chunk, end in zip(SLOW, planned, strict=True):
        t_ns = next(t for t, size in zip(times, arrived, strict=True) if size >= end)
        assert t_ns >= chunk.t_ns - 2 * MS
    assert source.sent_ns is not None


async def test_latencies_are_measured_from_the_request(slow: MockServer) -> None:
    source = call(slow.url, "slow")
    feed = Feed(source)
    await asyncio.wait_for(feed.run(), 20)
    run = feed.runs[0]
    assert run.status == "complete"
    metrics = run.metrics()
    assert metrics.ttfb is not None and metrics.ttft is not None and metrics.e2e is not None
    assert metrics.ttft >= 38 * MS
    assert metrics.ttfb < metrics.ttft < metrics.e2e <= feed.elapsed_ns()


async def test_the_clock_can_be_handed_in(server: MockServer) -> None:
    ticks = itertools.count(1_000)
    source = LiveSource(
        build_request("Hello"), base_url=server.url, now=lambda: next(ticks) * 1_000
    )
    chunks = await drain(source)
    await source.aclose()
    assert source.sent_ns == 1_000_000
    assert source.answer is not None
    assert (source.answer.t_ns, source.answer.status) == (1_000, 200)
    assert [chunk.t_ns for chunk in chunks] == [1_000 * n for n in range(2, len(chunks) + 2)]


async def test_it_says_what_it_is() -> None:
    request = build_request("Why is\n  the sky blue?")
    info = LiveSource(request).info
    assert (info.title, info.prompt) == ("Why is the sky blue?", "Why is\n  the sky blue?")
    assert (info.kind, info.timed, info.paced, info.request) == ("live", True, False, request)
    assert LiveSource(build_request("x" * 61)).info.title == "x" * 59 + "\u2026"
    assert LiveSource({}).info.title == "request"


async def test_the_request_id_is_kept(server: MockServer) -> None:
    source = call(server.url)
    await drain(source)
    assert source.request_id is not None and source.request_id.startswith("req_")
    await source.aclose()


async def test_a_source_that_was_not_used_closes() -> None:
    source = call("http://127.0.0.1:1")
    await source.aclose()
    await source.aclose()


async def test_the_address_comes_from_the_environment_too(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    source = LiveSource(build_request("Hello"))
    assert await drain(source)
    await source.aclose()


# --- what is sent ---------------------------------------------------------------------------------


def sent(server: MockServer) -> dict[str, Any]:
    (received,) = server.received
    body = json.loads(received.body)
    assert isinstance(body, dict)
    return body


async def test_only_what_was_set_is_sent(server: MockServer) -> None:
    source = LiveSource(build_request("Hello"), base_url=server.url)
    await drain(source)
    await source.aclose()
    assert sent(server) == {
        "model": DEFAULT_MODEL,
        "max_tokens": DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
    }


async def test_parameters_that_nobody_knows_are_sent(server: MockServer) -> None:
    tools = [{"name": "t", "input_schema": {"type": "object"}, "eager_input_streaming": True}]
    body = build_request(
        "Hello",
        base={"system": "old", "metadata": {"user_id": "u"}, "stream": False},
        model="scenario:plain",
        system="Be brief.",
        max_tokens=7,
        thinking=1024,
        tools=tools,
        extra={"temperature": 0.5, "not_invented_yet": {"deep": [1, None]}},
    )
    _, end = await ended(LiveSource(body, base_url=server.url))
    assert (end.status, "not_invented_yet" in str(end)) == (400, True)
    assert sent(server) == {
        "model": "scenario:plain",
        "max_tokens": 7,
        "messages": [{"role": "user", "content": "Hello"}],
        "system": "Be brief.",
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": tools,
        "metadata": {"user_id": "u"},
        "temperature": 0.5,
        "not_invented_yet": {"deep": [1, None]},
        "stream": True,
    }


async def test_a_failed_call_is_not_repeated(
    server: MockServer, fault: Callable[[str], None]
) -> None:
    fault("status:529; retry-after:1")
    await ended(call(server.url))
    assert len(server.received) == 1


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "invalid_request_error", False),
        (401, "authentication_error", False),
        (403, "permission_error", False),
        (404, "not_found_error", False),
        (408, "invalid_request_error", True),
        (413, "request_too_large", False),
        (429, "rate_limit_error", True),
        (500, "api_error", True),
        (529, "overloaded_error", True),
    ],
)
async def test_a_refused_request_is_told_with_the_words_of_the_api(
    server: MockServer, fault: Callable[[str], None], status: int, kind: str, retryable: bool
) -> None:
    fault(f"status:{status}")
    data, end = await ended(call(server.url))
    assert (data, end.how, end.status, end.retryable) == (b"", "http_error", status, retryable)
    assert str(end).startswith(f"HTTP {status}: {kind}: Asked for by")
    assert end.request_id is not None and end.request_id.startswith("req_")


async def test_a_refused_request_is_a_run_that_failed(
    server: MockServer, fault: Callable[[str], None]
) -> None:
    fault("status:429")
    feed = Feed(call(server.url))
    await asyncio.wait_for(feed.run(), 20)
    error = feed.runs[0].error
    assert (feed.runs[0].status, feed.failure) == ("error", None)
    assert error is not None
    assert (error["type"], error["status"], error["retryable"]) == ("http_error", 429, True)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 12\r\n\r\n<h1>\nBad</h1", "Bad"),
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "503"),
        (
            b"HTTP/1.1 500 x\r\ncontent-type: application/json\r\n"
            b'content-length: 13\r\n\r\n{"error":"x"}',
            "x",
        ),
    ],
)
async def test_an_error_that_is_not_the_api_s(answer: bytes, detail: str) -> None:
    async with answering(answer) as url:
        _, end = await ended(call(url))
    assert (end.how, end.retryable, end.request_id) == ("http_error", True, None)
    assert detail in end.detail


async def test_a_page_instead_of_a_stream_is_passed_on() -> None:
    page = b"<!doctype html><title>Sign in</title>"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(page)
    async with answering(head + page) as url:
        feed = Feed(call(url))
        await asyncio.wait_for(feed.run(), 20)
    assert feed.runs[0].status == "not_sse"


async def test_a_reset_in_mid_stream_keeps_what_arrived(
    server: MockServer, fault: Callable[[str], None]
) -> None:
    fault("cut:1000")
    data, end = await ended(call(server.url))
    assert data == b"".join(chunk.data for chunk in load("plain").chunks)[:1000]
    assert (end.how, end.label, end.retryable) == ("reset", "Connection lost", True)
    assert end.detail


async def test_a_reset_before_the_answer(server: MockServer, fault: Callable[[str], None]) -> None:
    fault("cut:0")
    data, end = await ended(call(server.url))
    assert (data, end.how) == (b"", "reset")


async def test_a_body_that_is_shorter_than_announced() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
    async with answering(head + b"data: {") as url:
        data, end = await ended(call(url))
    assert (data, end.how, end.label) == (b"data: {", "reset", "Connection lost")


async def test_something_else_than_http() -> None:
    async with answering(b"220 mail.example ESMTP\r\n") as url:
        _, end = await ended(call(url))
    assert (end.how, end.label) == ("reset", "Connection lost")


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    data, end = await ended(call(f"http://127.0.0.1:{port}"))
    assert (data, end.how, end.label, end.retryable) == (b"", "refused", "Cannot connect", True)


async def test_a_name_that_nobody_has() -> None:
    _, end = await ended(call("http://host.invalid"))
    assert (end.how, end.label) == ("refused", "Cannot connect")


async def test_tls_where_there_is_none(server: MockServer) -> None:
    _, end = await ended(call(f"https://127.0.0.1:{server.port}"))
    assert (end.how, end.label) == ("refused", "Cannot connect")


@pytest.mark.parametrize("name", ["silent", "hanging"])
async def test_the_time_limit_is_for_the_whole_call(
    slow: MockServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    feed = Feed(call(slow.url, name, timeout_s=400))
    reading = asyncio.create_task(feed.run())
    await until(lambda: slow.received)
    if name == "hanging":
        await until(lambda: feed.runs[0].state.events)
    loop = asyncio.get_running_loop()
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + 450)
    await reading
    end = feed.end
    assert end is not None
    assert (end.how, str(end), end.retryable) == (
        "timeout",
        "Timed out: the whole call took longer than 400 s",
        None,
    )
    assert (feed.runs[0].status, feed.failure) == ("error", None)


async def test_without_a_key_nothing_is_sent(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    _, end = await ended(call(server.url))
    assert (end.how, end.label, end.retryable) == ("refused", "Request not sent", False)
    assert not server.received


@pytest.mark.parametrize(
    "body",
    [
        {"extra": {"temperature": math.nan}},
        {"extra": {"stop": "\udc80"}},
        {"system": "\ud800"},
        {"extra": {"model": {}}},
    ],
)
async def test_what_cannot_be_said_in_json_is_not_sent(
    server: MockServer, body: dict[str, Any]
) -> None:
    _, end = await ended(LiveSource(build_request("Hello", **body), base_url=server.url))
    assert (end.how, end.label, end.retryable) == ("refused", "Request not sent", False)
    assert not server.received


async def test_an_address_that_is_none() -> None:
    for address in ("127.0.0.1:9", "ftp://127.0.0.1", "http://[::1"):
        _, end = await ended(call(address))
        assert (end.how, end.label, end.retryable) == ("refused", "Request not sent", False)


async def test_a_key_with_a_line_end_is_told_and_not_shown(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-canary\n")
    _, end = await ended(call(server.url))
    assert (end.how, end.label, end.retryable) == ("refused", "Request not sent", False)
    assert "line end in the API key" in end.detail
    assert "canary" not in str(end)
    assert not server.received


async def test_a_body_that_cannot_be_unpacked() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\n"
    async with answering(head + b"data: ") as url:
        data, end = await ended(call(url))
    assert (data, end.how, end.label) == (b"", "reset", "Response not readable")


# --- leaving early --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hanging", "silent"])
async def test_to_cancel_closes_the_connection_at_once(slow: MockServer, name: str) -> None:
    feed = Feed(call(slow.url, name))
    reading = asyncio.create_task(feed.run())
    await until(lambda: slow.received and open_requests(slow))
    if name == "hanging":
        await until(lambda: feed.runs[0].state.events)
    assert open_requests(slow) == 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    # The server has an hour to go: it ends now, or this runs into the limit.
    await until(lambda: not open_requests(slow))
    await until(lambda: not slow.connections)
    assert feed.runs[0].status == "cancelled"
    assert feed.runs[0].state.events == (1 if name == "hanging" else 0)


async def test_to_close_ends_a_call_that_nobody_reads(slow: MockServer) -> None:
    source = call(slow.url, "hanging")
    chunks = source.chunks()
    await asyncio.wait_for(anext(chunks), 20)
    await source.aclose()
    await until(lambda: not slow.connections)
    with pytest.raises((SourceEnded, StopAsyncIteration)):
        await asyncio.wait_for(anext(chunks), 20)
    await source.aclose()


async def test_to_drop_the_chunks_closes_the_connection(slow: MockServer) -> None:
    source = call(slow.url, "hanging")
    async for _ in source.chunks():
        break
    await until(lambda: not slow.connections)
    await source.aclose()


async def test_to_cancel_between_two_reads_closes_too(slow: MockServer) -> None:
    # The pump gives way after every chunk with this clock, and is cancelled there.
    times = itertools.count(0, HOUR)
    feed = Feed(call(slow.url, "hanging"), now=lambda: next(times))
    reading = asyncio.create_task(feed.run())
    await until(lambda: feed.runs[0].state.events)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until(lambda: not slow.connections)
    assert (feed.runs[0].status, feed.failure) == ("cancelled", None)


# --- explain --------------------------------------------------------------------------------------

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/messages")


def wrapped(cause: Exception) -> anthropic.APIConnectionError:
    try:
        raise anthropic.APIConnectionError(request=REQUEST) from cause
    except anthropic.APIConnectionError as error:
        return error


@pytest.mark.parametrize(
    ("error", "how", "label", "detail"),
    [
        (httpx2.ConnectTimeout("slow"), "timeout", "Connect timed out", "slow"),
        (httpx2.ReadTimeout(""), "timeout", "No data for too long", "ReadTimeout"),
        (httpx2.PoolTimeout(""), "timeout", "No data for too long", "PoolTimeout"),
        (httpx2.ConnectError("no route"), "refused", "Cannot connect", "no route"),
        (httpx2.ReadError(""), "reset", "Connection lost", "ReadError"),
        (httpx2.RemoteProtocolError("eof"), "reset", "Connection lost", "eof"),
        (httpx2.TooManyRedirects("round and round"), "reset", "Connection lost", "round and round"),
    ],
)
def test_transport_failures_are_named(error: Exception, how: str, label: str, detail: str) -> None:
    for seen in (error, wrapped(error), wrapped(wrapped(error))):
        end = explain(seen)
        assert (end.how, end.label, end.detail, end.retryable) == (how, label, detail, True)


def test_failures_of_the_sdk_are_named() -> None:
    end = explain(anthropic.APITimeoutError(request=REQUEST))
    assert (end.how, end.label) == ("timeout", "No data for too long")
    end = explain(anthropic.APIConnectionError(request=REQUEST))
    assert (end.how, end.detail) == ("reset", "Connection error.")
    end = explain(anthropic.AnthropicError("bad profile"))
    assert (end.how, end.label, end.detail) == ("refused", "Request not sent", "bad profile")


def test_an_error_event_of_the_sdk_keeps_its_type() -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
    response = httpx2.Response(200, request=REQUEST)
    end = explain(anthropic.APIStatusError("x", response=response, body=body))
    assert (end.status, end.detail, end.retryable) == (200, "overloaded_error: Busy", False)


def test_a_fault_of_the_program_is_not_explained_away() -> None:
    fault = KeyError("x")
    with pytest.raises(KeyError):
        explain(fault)


# --- has_credentials ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, False),
        ({"ANTHROPIC_API_KEY": ""}, False),
        ({"ANTHROPIC_API_KEY": "k"}, True),
        ({"ANTHROPIC_AUTH_TOKEN": "t"}, True),
        ({"ANTHROPIC_CUSTOM_HEADERS": "X-Api-Key: k"}, True),
        ({"ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer t"}, True),
        ({"ANTHROPIC_CUSTOM_HEADERS": "x-other: 1"}, False),
        ({"ANTHROPIC_PROFILE": "absent"}, False),
        ({"ANTHROPIC_BASE_URL": "http://[::1"}, False),
    ],
)
def test_credentials_are_looked_for_where_the_sdk_looks(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], found: bool
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert has_credentials() is found


@pytest.mark.parametrize("content", ["{", "[]", '"x"', "{}", '{"authentication": 5}', "\udcff"])
def test_a_broken_profile_is_no_credential(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "mine.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "mine")
    assert has_credentials() is False


# --- the whole way --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["thinking-tool", "overloaded", "hostile", "connection-lost"])
async def test_a_call_becomes_the_run_that_the_bytes_are(server: MockServer, name: str) -> None:
    feed = Feed(call(server.url, name))
    await asyncio.wait_for(feed.run(), 20)
    expected = Session()
    for chunk in load(name).chunks:
        expected.feed(chunk.t_ns, chunk.data)
    expected.finish(0, "reset" if load(name).how == "reset" else "eof")
    assert feed.runs[0].status == expected.run.status
    assert feed.runs[0].state.message_json() == expected.run.state.message_json()
    assert feed.failure is None


async def test_betas_become_a_header(server: MockServer) -> None:
    body = build_request("Hello", extra={"betas": ["one-2026-01-01", "two"]})
    source = LiveSource(body, base_url=server.url)
    assert await drain(source)
    await source.aclose()
    received = server.received[-1]
    assert received.headers["anthropic-beta"] == "one-2026-01-01,two"
    assert "betas" not in json.loads(received.body)


async def test_a_shared_client_outlives_its_calls(server: MockServer) -> None:
    api = Api(server.url)
    for _ in range(2):
        source = LiveSource(build_request("Hello"), api=api)
        assert await drain(source)
        await source.aclose()
    assert "scenario:plain" in await api.models()
    await api.aclose()
    await api.aclose()


def test_models_are_known_without_a_network() -> None:
    assert DEFAULT_MODEL in known_models()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_how_long_the_api_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert _retry_after(headers) == seconds
