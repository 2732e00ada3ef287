"""The mock Messages API, spoken to by the real SDK, by a plain client and by raw sockets."""

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
from anthropic import AsyncAnthropic
from starlette.types import Message, Scope

from tui.core.records import Chunk
from tui.core.session import Session
from tui.mock.faults import GARBAGE
from tui.serving.guard import refusal
from tui.mock.mock import MockServer, create_app, serve
from tui.mock.playback import Plan, Playback
from tui.serving.server import LoopbackServer
from tui.mock.splice import read as read_events
from tui.mock.usage import estimate_tokens
from tui.scenarios import Scenario, load, names

pytestmark = pytest.mark.asyncio

ASK: dict[str, Any] = {"max_tokens": 4096, "messages": [{"role": "user", "content": "Hello"}]}
KEY = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
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
    raw = await exchange(server, "POST /v1/messages HTTP/1.1", body=body, close=True)
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
    waits: list[float] = []

    async def note(message: Message) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            waits.append(asyncio.get_running_loop().time())

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    scenario = load("refusal")
    plan = Plan.at_speed(scenario.chunks, "eof", scenario.duration_ns, 50)
    begin = asyncio.get_running_loop().time()
    await Playback(plan, 200, [])({"type": "http"}, receive, note)
    assert len(waits) == len(scenario.chunks)
    for at, chunk in zip(waits, scenario.chunks, strict=True):
        # Never early; how late depends on the machine.
        assert at - begin >= chunk.t_ns / 50 / S - 0.002


async def test_under_another_server_a_reset_leaves_the_response_unfinished() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    plan = Plan((Chunk(0, b"a"), Chunk(0, b"b")), "reset", 0)
    await Playback(plan, 200, [])({"type": "http"}, receive, send)
    assert [message.get("body") for message in sent] == [None, b"a", b"b"]
    assert sent[-1]["more_body"]


async def test_a_client_that_leaves_ends_the_response(server: MockServer) -> None:
    server_tasks = server._state.tasks
    body = json.dumps({**ASK, "model": "scenario:plain", "stream": True})
    request = request_bytes(server, "POST /v1/messages HTTP/1.1", body, KEY | fault("stall:60"))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    await reader.readuntil(b"message_start")
    assert len(server_tasks) == 1
    task = next(iter(server_tasks))
    writer.close()
    await asyncio.wait_for(asyncio.wait([task]), 5)
    await writer.wait_closed()


async def test_stopping_does_not_wait_for_open_streams() -> None:
    async with MockServer(speed=0.001) as slow:
        body = json.dumps({**ASK, "model": "scenario:tour", "stream": True})
        reader, writer = await asyncio.open_connection("127.0.0.1", slow.port)
        writer.write(request_bytes(slow, "POST /v1/messages HTTP/1.1", body, KEY))
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
        LoopbackServer(create_app(speed=math.inf)) as server,
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
        (json.dumps({**without(""), "max_tokens": 0}), "max_tokens: Input should be greater"),
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
    ("method", "path", "status"), [("GET", "/", 404), ("PUT", "/v1/messages", 405)]
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
    monkeypatch.setattr("tui.mock.api.MAX_BODY_BYTES", 1000)
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


async def test_models_are_the_scenarios(client: AsyncAnthropic) -> None:
    ids = [model.id async for model in client.models.list(limit=5)]
    assert ids == [f"scenario:{name}" for name in names()]
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
            create_app(speed=speed)


# Who may ask


def request_bytes(
    server: MockServer, line: str, body: str = "", headers: dict[str, str] | None = None
) -> bytes:
    fields = {"host": f"127.0.0.1:{server.port}", "content-length": str(len(body))}
    fields |= headers or KEY
    lines = [line, *(f"{name}: {value}" for name, value in fields.items()), "", body]
    return "\r\n".join(lines).encode()


async def exchange(
    server: MockServer,
    line: str,
    *,
    body: str = "",
    headers: dict[str, str] | None = None,
    close: bool = False,
) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    extra = {"connection": "close"} if close else {}
    writer.write(request_bytes(server, line, body, {**KEY, **(headers or {}), **extra}))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET /v1/models HTTP/1.1", {"host": "evil.example"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1:1"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": ""}, b"421"),
        ("GET /v1/models HTTP/1.0", {"host": "", "connection": "close"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "evil.example:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "localhost.evil.example:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1.evil.example:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "user@127.0.0.1:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1:{port}:80"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1:0{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "localhost.:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.1:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "2130706433:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "0.0.0.0:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "::1:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "[::ffff:127.0.0.1]:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"origin": "http://127.0.0.1:{port}"}, b"403"),
        ("OPTIONS /v1/messages HTTP/1.1", {"origin": "http://evil.example"}, b"403"),
        ("POST /v1/messages HTTP/1.1", {"origin": "http://evil.example"}, b"403"),
        ("GET /v1/models HTTP/1.1", {"origin": "http://evil.example"}, b"403"),
        ("GET /v1/models HTTP/1.1", {"origin": "null"}, b"403"),
        ("GET /v1/models HTTP/1.1", {"connection": "upgrade", "upgrade": "websocket"}, b"400"),
        ("GET /v1/models HTTP/1.1", {"connection": "upgrade", "upgrade": "h2c"}, b"400"),
        ("GET /v1/models HTTP/1.1", {"upgrade": "websocket"}, b"400"),
        ("GET http://evil.example/v1/models HTTP/1.1", {}, b"400"),
        ("GET http://127.0.0.1:{port}/v1/models HTTP/1.1", {}, b"400"),
        ("CONNECT evil.example:443 HTTP/1.1", {}, b"400"),
        ("CONNECT 127.0.0.1:{port} HTTP/1.1", {}, b"400"),
        ("OPTIONS * HTTP/1.1", {}, b"400"),
        ("POST /v1/messages HTTP/1.1", {"transfer-encoding": "chunked"}, b"400"),
        ("GET /v1/models HTTP/1.1", {"x-large": "x" * 65_536}, b"431"),
    ],
)
async def test_strangers_are_refused(
    server: MockServer, line: str, headers: dict[str, str], status: bytes
) -> None:
    filled = {name: value.replace("{port}", str(server.port)) for name, value in headers.items()}
    answer = await exchange(server, line.replace("{port}", str(server.port)), headers=filled)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == status
    assert json.loads(body)["type"] == "error"
    assert b"access-control" not in head.lower()
    assert not server.received


@pytest.mark.parametrize(
    "fields",
    [
        "host: 127.0.0.1:{port}\r\nhost: evil.example",
        "host: 127.0.0.1:{port}\r\ncontent-length: 2\r\ncontent-length: 3",
        "host: 127.0.0.1:{port}\r\ntransfer-encoding: gzip, chunked",
        "x: no host at all",
        "host 127.0.0.1",
    ],
)
async def test_what_is_no_proper_request_is_not_answered(server: MockServer, fields: str) -> None:
    head = f"POST /v1/messages HTTP/1.1\r\n{fields}\r\n\r\n".replace("{port}", str(server.port))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head.encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()
    assert not server.received


async def test_a_client_that_says_nothing_is_let_go() -> None:
    async with LoopbackServer(create_app(), head_timeout_s=0.01) as server:
        for said in (b"", b"GET /v1/models HT"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(said)
            assert await asyncio.wait_for(reader.read(), 20) == b""
            writer.close()
            await writer.wait_closed()


async def test_a_client_that_has_asked_may_wait_for_longer() -> None:
    app = create_app(speed=math.inf)
    async with LoopbackServer(app, head_timeout_s=0.01) as server:
        body = json.dumps({**ASK, "model": "scenario:refusal"})
        fields = {"host": f"127.0.0.1:{server.port}", **KEY, **fault("slow-start:0.05")}
        async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as plain:
            response = await plain.post("/v1/messages", content=body, headers=fields)
        assert response.status_code == 200


async def test_there_are_only_so_many_connections() -> None:
    async with LoopbackServer(create_app(), most_connections=2) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        while len(server._state.connections) < 2:
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await asyncio.wait_for(reader.read(), 20) == b""
        for _, one in (*held, (reader, writer)):
            one.close()
            await one.wait_closed()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_local_names_are_let_in(server: MockServer, name: str) -> None:
    host = {"host": f"{name}:{server.port}"}
    answer = await exchange(server, "GET /v1/models HTTP/1.1", headers=host, close=True)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_the_default_port_may_be_left_out() -> None:
    scope: Scope = {"path": "/", "headers": [(b"host", b"[::1]")], "server": ("127.0.0.1", 80)}
    assert refusal(scope) is None
    scope["server"] = None
    scope["headers"] = [(b"host", b"localhost:9")]
    assert refusal(scope) is None


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
