"""Requests that mean no good to the mock, deep, long, packed and slow: it answers, and soon."""

from __future__ import annotations

import asyncio
import copy
import gzip
import json
import math
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.limits import HANG_S
from tests.loopback import KEY, exchange, request_bytes, said
from tests.servers import MockServer, open_requests
from tests.sweeps import few
from tui.core.json_grammar import MAX_DEPTH
from tui.mock.api import ApiError, parsed
from tui.mock.fitting import AnswerTemplate, Order
from tui.mock.mock import Mock, MockSettings
from tui.mock.scenario_choice import ScenarioChoice
from tui.mock.usage import PromptCache
from tui.mock.validation import check, check_model
from tui.serving.bodies import Bodies
from tui.serving.server import LoopbackServer

ASK: dict[str, Any] = {
    "model": "claude-haiku-5-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hello"}],
}
TOOL: dict[str, Any] = {
    "name": "weather",
    "description": "Weather of a place",
    "input_schema": {
        "type": "object",
        "properties": {
            "place": {"type": "string", "enum": ["Paris"], "default": "Paris"},
            "days": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9},
            "list": {"type": "array", "minItems": 2, "items": {"type": "number"}},
        },
        "required": ["place", "days", "list"],
    },
}
FULL: dict[str, Any] = {
    "model": "claude-haiku-5-5",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "What is the weather in Rome?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"place": "Rome"}}
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "sun"}],
                    "is_error": False,
                }
            ],
        },
    ],
    "tools": [TOOL],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "stop_sequences": ["END"],
    "metadata": {"user_id": "u"},
    "temperature": 1,
    "top_k": 3,
    "stream": True,
}
CALLING = {**FULL, "messages": FULL["messages"][:1]}


CHOICE = ScenarioChoice({})


def shortly(value: str) -> str:
    return f"{value[:20]} {value[-30:]} {len(value)}"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MockServer]:
    async with MockServer(speed=math.inf) as running:
        yield running


async def post(server: MockServer, content: bytes, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False, verify=False) as client:
        return await client.post("/v1/messages", content=content, headers=KEY | headers)


def nested(depth: int) -> str:
    return '{"a":[' * (depth // 2) + "1" + "]}" * (depth // 2)


def digits(count: int) -> str:
    return "9" * count


async def refused(server: MockServer, content: bytes, **headers: str) -> str:
    response = await post(server, content, **headers)
    assert response.status_code == 400
    shape = response.json()
    assert shape["type"] == "error" and shape["request_id"] == response.headers["request-id"]
    assert shape["error"]["type"] == "invalid_request_error"
    assert len(response.content) < 1000
    return str(shape["error"]["message"])


# Deep and long


@pytest.mark.parametrize(
    "body",
    [
        "[" * 3_000_000,
        '{"a":' * 1_000_000,
        "[" * 500_000 + "]" * 500_000,
        nested(100_000),
        nested(400),
        json.dumps(ASK)[:-1] + f', "metadata": {nested(100_000)}}}',
        json.dumps(ASK)[:-1] + f', "max_tokens": {digits(5_000)}}}',
        json.dumps(ASK)[:-1] + f', "max_tokens": {digits(5_000_000)}}}',
        json.dumps(ASK)[:-1] + f', "x": -{digits(100_000)}}}',
    ],
    ids=shortly,
)
async def test_what_cannot_be_parsed_is_a_bad_request(server: MockServer, body: str) -> None:
    assert "not valid JSON" in await refused(server, body.encode())


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (f'"max_tokens": {digits(4_000)}', "max_tokens"),
        (f'"max_tokens": -{digits(4_000)}', "max_tokens"),
        (f'"temperature": {digits(4_000)}', "temperature"),
        (f'"temperature": {digits(300)}.5', "temperature"),
        ('"temperature": 1e999', "temperature"),
        (f'"top_p": -{digits(4_000)}', "top_p"),
        (f'"thinking": {{"type": "enabled", "budget_tokens": {digits(4_000)}}}', "max_tokens"),
        (f'"model": "{"m" * 100_000}"', "model"),
        (f'"{"f" * 100_000}": 1', ""),
        (f'"tool_choice": {{"type": "{"t" * 100_000}"}}', "tool_choice"),
        (f'"tools": [{{"type": "{"t" * 100_000}"}}]', "tools.0"),
        (f'"messages": [{{"role": "{"r" * 100_000}", "content": "x"}}]', "messages.0"),
    ],
    ids=shortly,
)
async def test_long_values_are_refused_in_few_words(
    server: MockServer, more: str, field: str
) -> None:
    content = f"{json.dumps(ASK)[:-1]}, {more}}}".encode()
    response = await post(server, content)
    assert response.status_code in (400, 404)
    assert field in response.json()["error"]["message"]
    assert len(response.content) < 2_000


async def test_as_deep_as_may_be_is_answered(server: MockServer) -> None:
    deep: Any = "x"
    for _ in range((MAX_DEPTH - 6) // 2):
        deep = {"a": [deep]}
    schema = {"type": "object", "properties": {"p": deep}, "required": ["p"]}
    tool = {"name": "t", "input_schema": schema, "cache_control": {"type": "ephemeral"}}
    body = {**ASK, "tools": [tool], "tool_choice": {"type": "any"}, "metadata": deep}
    assert (await post(server, json.dumps(body).encode())).status_code == 200


@pytest.mark.parametrize("key", ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"])
@pytest.mark.parametrize(
    "number", [digits(4_299), digits(4_300), "-" + digits(4_300), "1e999"], ids=shortly
)
async def test_a_schema_may_ask_for_any_number(server: MockServer, key: str, number: str) -> None:
    schema = f'{{"type":"object","properties":{{"n":{{"type":"integer","{key}":{number}}}}}'
    schema += ',"required":["n"]}'
    tools = f'[{{"name":"t","input_schema":{schema}}}]'
    body = f'{json.dumps(ASK)[:-1]},"tools":{tools},"tool_choice":{{"type":"any"}}}}'
    assert (await post(server, body.encode())).status_code == 200


async def test_a_long_tool_result_makes_no_endless_answer(server: MockServer) -> None:
    body = copy.deepcopy(FULL)
    body["messages"][2]["content"][0]["content"] = "sunny and mild. " * 500_000
    del body["thinking"]
    response = await post(server, json.dumps(body).encode())
    assert response.status_code == 200
    assert len(response.content) < 1_000_000


# Packed, broken and slow


async def test_what_is_packed_is_a_bad_request(server: MockServer) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    for encoding in ("gzip", "x-gzip", "deflate", "br", "zstd"):
        said = await refused(server, bomb, **{"content-encoding": encoding})
        assert "Content-Encoding" in said
    assert not server.received


async def test_512_slow_bodies_are_given_up_and_others_served_meanwhile() -> None:
    mock = Mock(MockSettings(speed=math.inf), bodies=Bodies(timeout_s=0.5))
    async with LoopbackServer(mock) as server:
        head = request_bytes(
            server.port, "POST /v1/messages HTTP/1.1", headers={**KEY, "content-length": "900"}
        )
        slow = [asyncio.create_task(said(server.port, head + b'{"model":')) for _ in range(512)]
        while open_requests(server) < 300:
            await asyncio.sleep(0)
        for _ in range(10):
            answer = await asyncio.wait_for(
                exchange(
                    server.port, "POST /v1/messages HTTP/1.1", body=json.dumps(ASK), close=True
                ),
                HANG_S,
            )
            assert answer.startswith(b"HTTP/1.1 200 ")
        given_up = 0
        for heard in await asyncio.gather(*slow, return_exceptions=True):
            if isinstance(heard, bytes) and heard:
                assert heard.startswith(b"HTTP/1.1 408 ")
                shape = json.loads(heard.partition(b"\r\n\r\n")[2])
                assert shape["error"]["type"] == "timeout_error" and shape["request_id"]
                given_up += 1
        assert given_up > 256
        assert not open_requests(server)


# Anything anywhere


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Every place in a value, as the keys that lead there."""
    found = [at] if at else []
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(item, (*at, key))
    return found


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers().map(lambda n: n * 10**4_000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["auto", "any", "none", "tool", "text", "tool_use", "tool_result", "document"]),
    st.sampled_from(
        ["weather", "toolu_1", "enabled", "adaptive", "user", "assistant", "ephemeral"]
    ),
    st.recursive(
        st.none() | st.text(max_size=3),
        lambda item: (
            st.lists(item, max_size=2)
            | st.dictionaries(st.sampled_from(["type", "text", "id", "$ref"]), item, max_size=2)
        ),
        max_leaves=4,
    ),
)


@given(st.data())
@settings(max_examples=few(20), suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_anything_anywhere_is_answered_or_told(data: st.DataObject) -> None:
    body = copy.deepcopy(data.draw(st.sampled_from([ASK, FULL, CALLING])))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(places(body)))
        inside = body
        for key in path:
            inside = inside[key]
        if data.draw(st.booleans()) or isinstance(inside, list):
            inside[last] = data.draw(ODD)
        else:
            del inside[last]
        if not body:
            return
    raw = json.dumps(body).encode()
    try:
        asked = parsed(raw)
        check(asked, beta=data.draw(st.booleans()))
        CHOICE.check_known(asked["model"])
        check_model(asked)
    except ApiError as error:
        assert 400 <= error.status < 500
        return
    order = Order(
        model=asked["model"],
        counted=PromptCache().count(asked),
        max_tokens=asked["max_tokens"],
        stop_sequences=tuple(asked.get("stop_sequences", ())),
        request_id="req_01" + "a" * 22,
        rng=random.Random(1),
    )
    assert AnswerTemplate(CHOICE.of(asked)).fit(order).chunks
