"""The mock Messages API, spoken to by the real SDK, and by a plain client."""

from __future__ import annotations

import asyncio
import json
import math
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest
import pytest_asyncio
from aiohttp import web
from anthropic import AsyncAnthropic

from tests.limits import HANG_S
from tests.loopback import KEY, exchange, request_bytes
from tests.servers import MockServer
from tui.core.records import Chunk
from tui.core.session import Session
from tui.mock.byte_faults import GARBAGE
from tui.mock.mock import Mock, MockSettings, serve
from tui.mock.splice import read as read_events
from tui.mock.usage import estimate_tokens
from tui.scenarios import Scenario, load, names
from tui.serving.server import LoopbackServer

pytestmark = pytest.mark.asyncio

ASK: dict[str, Any] = {"max_tokens": 4096, "messages": [{"role": "user", "content": "Hello"}]}
S = 1_000_000_000
ID = re.compile(rb"(msg|toolu|srvtoolu|req)_01[0-9A-Za-z]{22}")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MockServer]:
    async with MockServer(speed=math.inf) as running:
        yield running


@pytest_asyncio.fixture
async def client(server: MockServer) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as sdk:
        yield sdk


@pytest_asyncio.fixture
async def http(server: MockServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=server.url, headers=KEY, trust_env=False) as plain:
        yield plain


def wire(scenario: Scenario) -> bytes:
    return b"".join(chunk.data for chunk in scenario.chunks)


def events(data: bytes) -> list[tuple[str, object]]:
    """What a stream says, but for what every answer has of its own: ids, model and usage."""
    said: list[tuple[str, object]] = []
    for record in read_events([Chunk(0, ID.sub(b"id", data))]):
        payload = dict(record.payload or {})
        payload.pop("usage", None)
        if record.type == "message_start":
            payload["message"] = {**payload["message"], "model": "", "usage": ""}
        said.append((record.type, payload))
    return said


def message_of(scenario: Scenario) -> dict[str, Any]:
    session = Session()
    session.feed(0, ID.sub(b"id", wire(scenario)))
    session.finish(0)
    message = session.run.state.message_json()
    assert message is not None
    return message


async def read(client: AsyncAnthropic, name: str, **headers: str) -> bytes:
    data = bytearray()
    async with client.messages.with_streaming_response.create(
        model=f"scenario:{name}", stream=True, extra_headers=headers, **ASK
    ) as response:
        async for part in response.iter_bytes():
            data += part
    return bytes(data)


# Streams


@pytest.mark.parametrize("name", [name for name in names() if name != "connection-lost"])
async def test_the_client_reads_the_events_of_the_scenario(
    client: AsyncAnthropic, name: str
) -> None:
    assert events(await read(client, name)) == events(wire(load(name)))


@pytest.mark.parametrize("name", ["fallback", "compaction", "unknown", "hostile"])
async def test_what_is_odd_on_purpose_is_sent_to_the_byte(
    client: AsyncAnthropic, name: str
) -> None:
    assert await read(client, name) == wire(load(name))


async def test_every_chunk_is_one_chunk_of_the_response(server: MockServer) -> None:
    scenario = load("one-tool")
    body = json.dumps({**ASK, "model": "scenario:one-tool", "stream": True})
    raw = await exchange(server.port, "POST /v1/messages HTTP/1.1", body=body, close=True)
    rest = raw.partition(b"\r\n\r\n")[2]
    chunks = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    expected = [*(chunk.data for chunk in scenario.chunks), b""]
    assert [events(data) for data in chunks] == [events(data) for data in expected]


async def test_the_sdk_assembles_the_same_message(client: AsyncAnthropic) -> None:
    for name in ("tour", "thinking-tool", "web-search", "max-tokens", "fallback"):
        async with client.beta.messages.stream(model=f"scenario:{name}", **ASK) as stream:
            message = await stream.get_final_message()
        expected = message_of(load(name))
        assert message.stop_reason == expected["stop_reason"]
        assert message.usage.output_tokens == expected["usage"]["output_tokens"]
        assert [block.type for block in message.content] == [
            block["type"] for block in expected["content"]
        ]


async def test_a_reset_breaks_the_connection_after_the_last_byte(client: AsyncAnthropic) -> None:
    data = bytearray()
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        async with client.messages.with_streaming_response.create(
            model="scenario:connection-lost", stream=True, **ASK
        ) as response:
            async for part in response.iter_bytes():
                data += part
    assert events(bytes(data)) == events(wire(load("connection-lost")))


async def test_an_error_in_mid_stream_reaches_the_client(client: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        async with client.messages.stream(model="scenario:overloaded", **ASK) as stream:
            await stream.get_final_message()
    assert caught.value.status_code == 200
    assert "Overloaded" in str(caught.value)


async def test_headers_are_the_api_s(client: AsyncAnthropic) -> None:
    async with client.messages.with_streaming_response.create(
        model="scenario:refusal", stream=True, **ASK
    ) as response:
        await response.read()
    headers = response.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.request_id is not None and response.request_id.startswith("req_01")
    assert int(headers["anthropic-ratelimit-requests-remaining"]) > 0
    assert headers["anthropic-ratelimit-input-tokens-reset"].endswith("Z")
    assert headers.get_list("date") == [headers["date"]]


async def test_time_is_kept_and_divided_by_the_speed() -> None:
    scenario, clock = load("refusal"), asyncio.get_running_loop().time
    body = json.dumps({**ASK, "model": "scenario:refusal", "stream": True})
    async with MockServer(speed=50) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        begin = clock()
        writer.write(request_bytes(server.port, "POST /v1/messages HTTP/1.1", body, KEY))
        await reader.readuntil(b"\r\n\r\n")
        for chunk in scenario.chunks:
            size = int(await reader.readuntil(b"\r\n"), 16)
            await reader.readexactly(size + 2)
            # Never early; how late depends on the machine.
            assert clock() - begin >= chunk.t_ns / 50 / S - 0.002
        assert await reader.readexactly(5) == b"0\r\n\r\n"
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_leaves_ends_the_response() -> None:
    mock, ended = Mock(MockSettings(speed=math.inf)), asyncio.Event()

    async def watched(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await mock(request)
        finally:
            ended.set()

    async with LoopbackServer(watched) as server:
        body = json.dumps({**ASK, "model": "scenario:plain", "stream": True})
        headers = KEY | fault("stall:60")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes(server.port, "POST /v1/messages HTTP/1.1", body, headers))
        await reader.readuntil(b"message_start")
        assert not ended.is_set()
        writer.close()
        await asyncio.wait_for(ended.wait(), HANG_S)
        await writer.wait_closed()


async def test_stopping_does_not_wait_for_open_streams() -> None:
    async with MockServer(speed=0.001) as slow:
        body = json.dumps({**ASK, "model": "scenario:tour", "stream": True})
        reader, writer = await asyncio.open_connection("127.0.0.1", slow.port)
        writer.write(request_bytes(slow.port, "POST /v1/messages HTTP/1.1", body, KEY))
        while not slow.received:
            await asyncio.sleep(0)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    await slow.aclose()


async def test_the_port_is_free_again_and_a_taken_one_is_an_error() -> None:
    async with MockServer(speed=math.inf) as first:
        port = first.port
        with pytest.raises(OSError):
            async with MockServer(port=port):
                pass
    async with MockServer(port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}"


# Whole messages


@pytest.mark.parametrize("name", ["plain", "tour", "max-tokens", "refusal", "unknown", "hostile"])
async def test_without_streaming_the_message_is_whole(http: httpx2.AsyncClient, name: str) -> None:
    response = await http.post("/v1/messages", json={**ASK, "model": f"scenario:{name}"})
    assert response.status_code == 200
    said = json.loads(ID.sub(b"id", response.content))
    expected = message_of(load(name))
    for message in (said, expected):
        del message["model"], message["usage"]
    assert said == expected


async def test_without_streaming_the_sdk_gets_a_message(client: AsyncAnthropic) -> None:
    message = await client.messages.create(model="scenario:two-tools", **ASK)
    assert [block.type for block in message.content] == ["text", "tool_use", "tool_use"]
    assert message.stop_reason == "tool_use"


async def test_without_streaming_an_error_event_is_a_status(client: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(model="scenario:overloaded", **ASK)
    assert caught.value.status_code == 529


async def test_without_streaming_a_reset_has_no_response(client: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIConnectionError):
        await client.messages.create(model="scenario:connection-lost", **ASK)


# Which scenario


FORECAST = [
    {"role": "user", "content": "How strong will the wind be?"},
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t", "name": "marine_forecast", "input": {}}],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "t", "content": "34 knots"}],
    },
]


@pytest.mark.parametrize(
    ("model", "content", "expected"),
    [
        ("claude-sonnet-5-5", "Hello", "plain"),
        ("claude-sonnet-5-5", "Tell me about the tides at the island", "tour"),
        ("claude-sonnet-5-5", [{"type": "text", "text": "MARKDOWN, please"}], "markdown"),
        ("claude-sonnet-5-5", load("one-tool").prompt, "one-tool"),
        ("scenario:one-tool", FORECAST, "after-tool"),
        ("scenario:stall", "markdown", "stall"),
    ],
)
async def test_chosen_by_model_then_by_words(
    http: httpx2.AsyncClient, model: str, content: object, expected: str
) -> None:
    messages = content if content is FORECAST else [{"role": "user", "content": content}]
    body = {"model": model, "max_tokens": 4096, "messages": messages, "stream": True}
    response = await http.post("/v1/messages", json=body)
    assert events(response.content) == events(wire(load(expected)))


async def test_requests_need_not_be_kept() -> None:
    async with (
        LoopbackServer(Mock(MockSettings(speed=math.inf))) as server,
        AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as client,
    ):
        for _ in range(2):
            message = await client.messages.create(model="claude-haiku-5-5", **ASK)
            assert message.stop_reason == "end_turn"


async def test_own_scenarios_can_be_added() -> None:
    plain = load("plain")
    own = Scenario("own", "Own", "Mine.", "?", {}, (Chunk(0, b"data: x\n\n"),), "eof", 0)
    # To the byte: neither ids nor usage nor limits of the request are put in.
    async with (
        MockServer(speed=math.inf, extra={"own": own, "tour": plain}) as server,
        AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as client,
    ):
        assert await read(client, "own") == b"data: x\n\n"
        assert await read(client, "tour") == wire(plain)
        models = await client.models.list()
        assert [model.id for model in models.data][:2] == ["scenario:own", "scenario:tour"]
        assert (await client.models.retrieve("scenario:own")).display_name == "Own"
        assert json.loads(server.received[0].body)["model"] == "scenario:own"
        assert "anthropic-version" in server.received[0].headers


# Errors


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in {**ASK, "model": "m"}.items() if key != name}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "The request body is not valid JSON"),
        ("[" * 100_000, "The request body is not valid JSON"),
        ("[]", "The request body has to be a JSON object"),
        (json.dumps(without("model")), "model: Field required"),
        (json.dumps(without("max_tokens")), "max_tokens: Field required"),
        (json.dumps(without("messages")), "messages: Field required"),
        (json.dumps({**without(""), "messages": []}), "messages: at least one message"),
        (json.dumps({**without(""), "messages": ["hi"]}), "messages.0: Input should be an object"),
        (json.dumps({**without(""), "max_tokens": -1}), "max_tokens: Input should be greater"),
        (json.dumps({**without(""), "max_tokens": True}), "max_tokens: Input should be a whole"),
        (json.dumps({**without(""), "stream": "yes"}), "stream: Input should be true or false"),
        (json.dumps({**without(""), "model": 5}), "model: Input should be a string"),
    ],
)
async def test_a_bad_request_is_a_400_in_the_api_s_shape(
    http: httpx2.AsyncClient, body: str, message: str
) -> None:
    response = await http.post("/v1/messages", content=body)
    assert response.status_code == 400
    shape = response.json()
    assert shape["type"] == "error"
    assert shape["error"]["type"] == "invalid_request_error"
    assert shape["error"]["message"].startswith(message)
    assert shape["request_id"] == response.headers["request-id"]


async def test_a_key_is_needed_and_any_key_will_do(server: MockServer) -> None:
    body = {**ASK, "model": "scenario:refusal"}
    for headers, status, kind in (
        ({"anthropic-version": "1"}, 401, "authentication_error"),
        ({"anthropic-version": "1", "authorization": "Bearer"}, 401, "authentication_error"),
        ({"x-api-key": "k"}, 400, "invalid_request_error"),
        ({"anthropic-version": "1", "authorization": "Bearer t"}, 200, ""),
        (KEY, 200, ""),
    ):
        async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as plain:
            response = await plain.post("/v1/messages", json=body, headers=headers)
        assert response.status_code == status
        assert response.json().get("error", {}).get("type", "") == kind


async def test_an_unknown_scenario_offers_close_ones(client: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="did you mean markdown"):
        await client.messages.create(model="scenario:markdwon", **ASK)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/v1/messages", 405)]
)
async def test_other_paths_and_methods(
    http: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    response = await http.request(method, path)
    assert response.status_code == status
    assert response.json()["type"] == "error"


async def test_a_body_that_is_too_large(
    http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.mock.mock.MAX_BODY_BYTES", 1000)
    response = await http.post("/v1/messages", content=b" " * 1001)
    assert response.status_code == 413
    assert response.json()["error"]["type"] == "request_too_large"


async def test_a_fault_of_the_mock_hides_its_details(
    http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> Scenario:
        raise RuntimeError("secret")

    monkeypatch.setattr("tui.scenarios.load", broken)
    response = await http.post("/v1/messages", json={**ASK, "model": "scenario:tour"})
    assert response.status_code == 500
    assert response.json()["error"] == {"type": "api_error", "message": "Internal server error"}


# The other endpoints


@pytest.mark.parametrize("version", ["", "/v1", "/v1/v1"])
async def test_the_version_in_a_path_may_be_missing_or_come_twice(
    http: httpx2.AsyncClient, version: str
) -> None:
    body = {**ASK, "model": "claude-haiku-5-5"}
    assert (await http.post(f"{version}/messages", json=body)).json()["type"] == "message"
    del body["max_tokens"]
    counted = await http.post(f"{version}/messages/count_tokens", json=body)
    assert counted.json()["input_tokens"] > 0
    assert (await http.get(f"{version}/models")).json()["data"]
    assert (await http.get(f"{version}/models/scenario:tour")).json()["id"] == "scenario:tour"
    for missing in ("/nothing", "/v1", f"{version}/v2/messages", "/v1/v1/v1/messages"):
        assert (await http.post(missing, json=body)).status_code == 404


async def test_models_are_the_scenarios_and_those_of_the_api(client: AsyncAnthropic) -> None:
    ids = [model.id async for model in client.models.list(limit=5)]
    scenarios = [f"scenario:{name}" for name in names()]
    assert ids[: len(scenarios)] == scenarios
    assert "claude-sonnet-5-5" in ids[len(scenarios) :]
    for model in ids:
        assert (await client.models.retrieve(model)).id == model
    first = await client.models.retrieve("scenario:tour")
    assert (first.display_name, first.type) == ("The tour", "model")
    page = await client.models.list(before_id=ids[2])
    assert [model.id for model in page.data] == ids[:2]
    assert first.max_tokens == 128_000
    claude = await client.models.retrieve("claude-sonnet-4-5")
    assert (claude.display_name, claude.max_tokens) == ("Claude Sonnet 4 5", 64_000)
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("gpt-0")
    with pytest.raises(anthropic.BadRequestError):
        await client.models.list(limit=0)
    with pytest.raises(anthropic.BadRequestError):
        await client.models.list(extra_query={"limit": "many"})


async def test_tokens_are_counted(client: AsyncAnthropic) -> None:
    few = await client.messages.count_tokens(
        model="claude-haiku-5-5", messages=[{"role": "user", "content": "Hi"}]
    )
    many = await client.messages.count_tokens(
        model="claude-haiku-5-5",
        system="x" * 400,
        messages=[{"role": "user", "content": [{"type": "text", "text": "y" * 400}]}],
    )
    assert 0 < few.input_tokens < 20
    assert 200 <= many.input_tokens - few.input_tokens < 220
    assert estimate_tokens({"messages": [{"role": "user", "content": 5}]}) > 0


# Faults


def fault(value: str) -> dict[str, str]:
    return {"x-streamscope-fault": value}


async def test_a_status_on_request(client: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.RateLimitError) as caught:
        await read(client, "plain", **fault("status:429; retry-after:2"))
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.body["error"]["type"] == "rate_limit_error"  # type: ignore[index]
    with pytest.raises(anthropic.InternalServerError):
        await read(client, "plain", **fault("status:503"))


async def test_a_cut_loses_the_connection_after_so_many_bytes(client: AsyncAnthropic) -> None:
    data = bytearray()
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        async with client.messages.with_streaming_response.create(
            model="scenario:plain", stream=True, extra_headers=fault("cut:1000"), **ASK
        ) as response:
            async for part in response.iter_bytes():
                data += part
    assert len(data) == 1000
    assert events(bytes(data))[:-1] == events(wire(load("plain")))[: len(events(bytes(data))) - 1]


async def test_a_cut_loses_nothing_before_it_on_a_connection_used_before(
    http: httpx2.AsyncClient,
) -> None:
    body = {**ASK, "model": "scenario:plain", "stream": True}
    for _ in range(2):
        assert (await http.get("/v1/models")).status_code == 200
        data = b""
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            async with http.stream(
                "POST", "/v1/messages", json=body, headers=fault("cut:900")
            ) as r:
                async for part in r.aiter_raw():
                    data += part
        assert len(data) == 900


async def test_an_early_end_is_clean(client: AsyncAnthropic) -> None:
    assert await read(client, "hostile", **fault("eof:1000")) == wire(load("hostile"))[:1000]


async def test_other_chunks_are_the_same_bytes(client: AsyncAnthropic) -> None:
    assert await read(client, "hostile", **fault("chunk:7")) == wire(load("hostile"))


async def test_garbage_is_put_in(client: AsyncAnthropic) -> None:
    data = await read(client, "hostile", **fault("garbage"))
    assert GARBAGE in data and data.replace(GARBAGE, b"") == wire(load("hostile"))


async def test_pauses_are_waited_for(client: AsyncAnthropic) -> None:
    data = await read(client, "refusal", **fault("slow-start:0.01;stall:0.01"))
    assert events(data) == events(wire(load("refusal")))


@pytest.mark.parametrize(
    "header",
    [
        "explode",
        "cut:-1",
        "cut:x",
        "chunk:0",
        "stall:inf",
        "stall:nan",
        "status:200",
        "garbage:1",
        "retry-after:",
    ],
)
async def test_a_fault_that_is_none_is_told(http: httpx2.AsyncClient, header: str) -> None:
    body = {**ASK, "model": "scenario:plain", "stream": True}
    response = await http.post("/v1/messages", json=body, headers=fault(header))
    assert response.status_code == 400
    assert "no such fault" in response.json()["error"]["message"]


async def test_a_plan_without_chunks_still_answers(client: AsyncAnthropic) -> None:
    assert await read(client, "plain", **fault("eof:0")) == b""


async def test_a_speed_has_to_be_more_than_nothing() -> None:
    for speed in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="speed"):
            MockSettings(speed=speed)


# The command


async def test_serve_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    monkeypatch.setattr(
        "tui.mock.mock.asyncio.run", lambda main: tasks.append(loop.create_task(main))
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    serve(port, speed=math.inf)
    while not (out := capsys.readouterr().out):
        await asyncio.sleep(0)
    assert out.count("\n") == 1
    assert f"ANTHROPIC_BASE_URL=http://127.0.0.1:{port} " in out
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
