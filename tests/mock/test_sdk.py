"""The real Python SDK against the mock, as its documentation has it used."""

from __future__ import annotations

import datetime
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Literal, Protocol

import anthropic
import pydantic
import pytest
import pytest_asyncio
from anthropic import Anthropic, AsyncAnthropic, beta_async_tool, beta_tool
from anthropic.types import MessageParam, TextBlockParam, ToolParam

from tests.command_line import mock_in_a_thread
from tests.servers import MockServer
from tui.mock.api import ApiError
from tui.mock.splice import read
from tui.mock.threads import Threads
from tui.scenarios import load

MODEL = "claude-sonnet-5-5"
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"location": {"type": "string"}},
    "required": ["location"],
}
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": SCHEMA,
}


class Spoken(Protocol):
    """A message, from either of the two APIs."""

    @property
    def content(self) -> Sequence[object]: ...


def text_of(message: Spoken) -> str:
    return "".join(getattr(block, "text", "") for block in message.content)


def asking(content: str) -> list[MessageParam]:
    return [{"role": "user", "content": content}]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MockServer]:
    async with MockServer(speed=math.inf) as running:
        yield running


@pytest_asyncio.fixture
async def client(server: MockServer) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def blocking() -> Iterator[Anthropic]:
    """The client that blocks: its mock has a thread of its own."""
    with (
        mock_in_a_thread() as running,
        Anthropic(api_key="k", base_url=running.url, max_retries=0) as sdk,
    ):
        yield sdk


def events_of(name: str) -> Counter[str]:
    return Counter(record.type for record in read(load(name).chunks) if record.type != "ping")


# The client that blocks


def test_a_message(blocking: Anthropic) -> None:
    message = blocking.messages.create(model=MODEL, max_tokens=99, messages=asking("Count to 5"))
    assert text_of(message) == "1, 2, 3, 4, 5"
    assert (message.model, message.stop_reason) == (MODEL, "end_turn")
    assert message._request_id is not None and message._request_id.startswith("req_")


def test_a_stream_of_events(blocking: Anthropic) -> None:
    stream = blocking.messages.create(
        model="scenario:one-tool", max_tokens=999, messages=asking("x"), stream=True
    )
    assert Counter(event.type for event in stream) == events_of("one-tool")


def test_a_stream_of_text(blocking: Anthropic) -> None:
    with blocking.messages.stream(
        model=MODEL, max_tokens=999, messages=asking("Write a haiku")
    ) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert text_of(message) == "".join(pieces)
    assert len(pieces) > 5


def test_counting_and_models(blocking: Anthropic) -> None:
    counted = blocking.messages.count_tokens(model=MODEL, messages=asking("Count to 5"))
    message = blocking.messages.create(model=MODEL, max_tokens=99, messages=asking("Count to 5"))
    assert counted.input_tokens == message.usage.input_tokens > 0
    ids = [model.id for model in blocking.models.list(limit=7)]
    assert "scenario:tour" in ids and len(ids) > 7
    assert blocking.models.retrieve(MODEL).max_input_tokens == 1_000_000


def test_the_tool_runner(blocking: Anthropic) -> None:
    asked: list[str] = []

    @beta_tool
    def get_weather(location: str) -> str:
        """The weather in a city.

        Args:
            location: The city.
        """
        asked.append(location)
        return f"15 degrees in {location}"

    for options in ({}, {"thread": False}):
        runner = blocking.beta.messages.tool_runner(
            model=MODEL,
            max_tokens=999,
            tools=[get_weather],
            messages=[{"role": "user", "content": "What's the weather in Paris and Rome?"}],
            **options,  # type: ignore[call-overload]
        )
        said = text_of(runner.until_done())
        assert "15 degrees in Paris" in said and "15 degrees in Rome" in said
    assert sorted(asked) == ["Paris", "Paris", "Rome", "Rome"]


# The asynchronous client


async def test_events_and_the_final_message(client: AsyncAnthropic) -> None:
    counts: Counter[str] = Counter()
    async with client.messages.stream(
        model="scenario:two-tools", max_tokens=999, messages=asking("x")
    ) as stream:
        async for event in stream:
            counts[event.type] += 1
        message = await stream.get_final_message()
    assert counts["content_block_stop"] == 3 and counts["input_json"] > 5
    assert [block.type for block in message.content] == ["text", "tool_use", "tool_use"]
    raw = await client.messages.create(
        model="scenario:two-tools", max_tokens=999, messages=asking("x"), stream=True
    )
    assert Counter([event.type async for event in raw]) == events_of("two-tools")


async def test_a_dialogue(client: AsyncAnthropic) -> None:
    messages: list[MessageParam] = []
    said: list[str] = []
    for line in ("Hi, I'm Alice", "Write a haiku", "What's my name?"):
        messages.append({"role": "user", "content": line})
        message = await client.messages.create(model=MODEL, max_tokens=999, messages=messages)
        messages.append({"role": "assistant", "content": message.content})
        said.append(text_of(message))
    assert said[0].startswith("Hello, Alice!") and said[2] == "Your name is Alice."


async def test_a_tool_loop_by_hand(client: AsyncAnthropic) -> None:
    messages = asking("What's the weather in SF?")
    for _ in range(2):  # The same question once more, in the same conversation.
        message = await client.messages.create(
            model=MODEL, max_tokens=999, tools=[WEATHER], messages=messages
        )
        assert message.stop_reason == "tool_use"
        call = message.content[-1]
        assert call.type == "tool_use" and call.input == {"location": "SF"}
        result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "15 degrees"}
        messages += [
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ]
        message = await client.messages.create(
            model=MODEL, max_tokens=999, tools=[WEATHER], messages=messages
        )
        assert "15 degrees" in text_of(message)
        messages += [
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": "And the weather in SF now?"},
        ]


async def test_thinking_comes_before_the_text(client: AsyncAnthropic) -> None:
    async with client.messages.stream(
        model="claude-haiku-5-5",
        max_tokens=4096,
        thinking={"type": "enabled", "budget_tokens": 1024},
        messages=asking("Hello"),
    ) as stream:
        kinds = [event.delta.type async for event in stream if event.type == "content_block_delta"]
        message = await stream.get_final_message()
    thought, text = message.content
    assert thought.type == "thinking" and thought.thinking and len(thought.signature) > 100
    assert text.type == "text" and text.text
    assert kinds.index("signature_delta") < kinds.index("text_delta")


@pytest.mark.parametrize(
    ("most", "stops", "reason"), [(40, [], "max_tokens"), (4000, ["Olbers"], "stop_sequence")]
)
async def test_limits_of_the_request_end_the_answer(
    client: AsyncAnthropic, most: int, stops: list[str], reason: str
) -> None:
    async with client.messages.stream(
        model="scenario:plain", max_tokens=most, stop_sequences=stops, messages=asking("x")
    ) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        message = await stream.get_final_message()
    assert message.stop_reason == reason
    assert message.usage.output_tokens <= most
    assert 0 < len(text) < 400 and "Olbers" not in text
    whole = await client.messages.create(
        model="scenario:plain", max_tokens=most, stop_sequences=stops, messages=asking("x")
    )
    assert text_of(whole) == text


async def test_the_cache_is_written_and_then_read(client: AsyncAnthropic) -> None:
    async def usage() -> anthropic.types.Usage:
        message = await client.messages.create(
            model=MODEL,
            max_tokens=9,
            system=[
                {
                    "type": "text",
                    "text": "word " * 2_000,
                    "cache_control": {"type": "ephemeral", "ttl": "1h"},
                }
            ],
            messages=asking("x"),
        )
        return message.usage

    first, second = await usage(), await usage()
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens
    assert (first.cache_creation_input_tokens or 0) > 2_000
    assert first.cache_read_input_tokens == second.cache_creation_input_tokens == 0
    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_1h_input_tokens == first.cache_creation_input_tokens
    assert first.input_tokens == second.input_tokens < 20


async def test_prefill(client: AsyncAnthropic) -> None:
    messages: list[MessageParam] = [*asking("Hello"), {"role": "assistant", "content": "{"}]
    message = await client.messages.create(
        model="claude-haiku-4-5", max_tokens=99, messages=messages
    )
    assert message.content
    with pytest.raises(anthropic.BadRequestError, match="does not support assistant message"):
        await client.messages.create(model=MODEL, max_tokens=99, messages=messages)


async def test_structured_output(client: AsyncAnthropic) -> None:
    message = await client.messages.create(
        model=MODEL,
        max_tokens=99,
        messages=asking("Plan a trip to Lisbon"),
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
    )
    assert json.loads(text_of(message)) == {"location": "Lisbon"}


class Wind(pydantic.BaseModel):
    """Nested in what is asked for."""

    speed: float = pydantic.Field(gt=0, lt=30)
    gusts: list[float] | None = None


class Forecast(pydantic.BaseModel):
    """Asked for by its type."""

    city: str
    sky: Literal["clear", "clouds", "rain"]
    day: datetime.date
    winds: list[Wind]
    note: str | None = None
    next: Forecast | None = None


async def test_structured_output_by_type(client: AsyncAnthropic) -> None:
    message = await client.messages.parse(
        model=MODEL, max_tokens=999, messages=asking("Oslo, with rain"), output_format=Forecast
    )
    found = message.parsed_output
    assert found is not None and found.sky == "rain"
    assert found.winds and found.winds[0].gusts and found.note and found.next
    older = await client.beta.messages.create(
        model=MODEL,
        max_tokens=999,
        messages=[{"role": "user", "content": "Oslo, with rain"}],
        betas=["structured-outputs-2025-11-13"],
        extra_body={"output_format": {"type": "json_schema", "schema": SCHEMA}},
    )
    block = older.content[0]
    assert block.type == "text" and json.loads(block.text)["location"]


async def test_a_cache_is_warmed_without_an_answer(client: AsyncAnthropic) -> None:
    system: list[TextBlockParam] = [
        {"type": "text", "text": "word " * 1_000, "cache_control": {"type": "ephemeral"}}
    ]
    usages = []
    for most in (0, 9):
        message = await client.messages.create(
            model=MODEL, max_tokens=most, system=system, messages=asking("Count to 99")
        )
        assert (message.stop_reason, bool(message.content)) == ("max_tokens", most > 0)
        assert message.usage.output_tokens == most
        usages.append(message.usage)
    assert usages[0].cache_creation_input_tokens == usages[1].cache_read_input_tokens
    assert usages[0].cache_creation_input_tokens


async def test_the_system_speaks_between_the_turns(client: AsyncAnthropic) -> None:
    messages: list[MessageParam] = [
        *asking("Count to 3"),
        {"role": "system", "content": "Be brief from now on."},
    ]
    message = await client.messages.create(model=MODEL, max_tokens=99, messages=messages)
    assert text_of(message) == "1, 2, 3"


# Tool runners


@beta_async_tool
async def get_weather(location: str, days: int) -> str:
    """The weather in a city.

    Args:
        location: The city.
        days: For how many days.
    """
    return f"{days} days of rain in {location}"


async def test_the_tool_runner_sends_only_what_is_new(
    client: AsyncAnthropic, server: MockServer
) -> None:
    runner = client.beta.messages.tool_runner(
        model=MODEL,
        max_tokens=999,
        system="Be brief.",
        tools=[get_weather],
        messages=[{"role": "user", "content": "What will the weather be in Oslo for 3 days?"}],
    )
    answers = [message async for message in runner]
    assert [message.stop_reason for message in answers] == ["tool_use", "end_turn"]
    assert "3 days of rain in Oslo" in text_of(answers[-1])
    first, second = (json.loads(received.body) for received in server.received)
    assert first["thread"] == {"type": "create"}
    assert second["thread"] == {"type": "continue", "previous_message_id": answers[0].id}
    assert len(second["messages"]) == 1 and "tools" not in second
    # The conversation before is counted all the same.
    assert answers[1].usage.input_tokens > answers[0].usage.input_tokens


async def test_the_streaming_tool_runner(client: AsyncAnthropic) -> None:
    runner = client.beta.messages.tool_runner(
        model=MODEL,
        max_tokens=999,
        tools=[get_weather],
        messages=[{"role": "user", "content": "What will the weather be in Oslo for 3 days?"}],
        stream=True,
    )
    reasons, text = [], ""
    async for stream in runner:
        async for event in stream:
            text += event.text if event.type == "text" else ""
        reasons.append((await stream.get_final_message()).stop_reason)
    assert reasons == ["tool_use", "end_turn"] and "3 days of rain in Oslo" in text


async def test_a_thread_that_is_lost_is_sent_again(
    client: AsyncAnthropic, server: MockServer
) -> None:
    async with MockServer(speed=math.inf) as other:
        thread = client.beta.messages.thread(model=MODEL, max_tokens=99)
        await thread.send({"role": "user", "content": "Hi, I'm Alice"})
        # Another server holds nothing: as after a restart.
        client.base_url = other.url
        answer = await thread.send({"role": "user", "content": "What's my name?"})
        bodies = [json.loads(received.body) for received in other.received]
    assert text_of(answer) == "Your name is Alice."
    assert [body["thread"]["type"] for body in bodies] == ["continue", "create"]
    assert [len(body["messages"]) for body in bodies] == [1, 3]


@pytest.mark.parametrize(
    ("thread", "more", "message"),
    [
        ({"type": "resume"}, {}, "thread.type: Input should be 'create' or 'continue'"),
        (5, {}, "thread.type: Input should be 'create' or 'continue'"),
        (
            {"type": "continue"},
            {},
            "thread.continue.previous_message_id: Input should be a string",
        ),
        (
            {"type": "continue", "previous_message_id": "m"},
            {"system": "x"},
            "system: cannot be set when a thread is continued",
        ),
    ],
)
async def test_threads_that_cannot_be_are_told(
    client: AsyncAnthropic, thread: object, more: dict[str, Any], message: str
) -> None:
    betas = {"anthropic-beta": "message-threads-2026-08-12"}
    with pytest.raises(anthropic.BadRequestError, match=message):
        await client.messages.create(
            model=MODEL,
            max_tokens=9,
            messages=asking("x"),
            extra_body={"thread": thread},
            extra_headers=betas,
            **more,
        )


def test_only_so_many_threads_are_held() -> None:
    threads = Threads(size=2)
    for number in range(3):
        body = {"thread": {"type": "create"}, "messages": asking(str(number)), "system": "s"}
        threads.hold(body, {"id": f"m{number}", "content": []})
    threads.hold({"messages": []}, {"id": "none", "content": []})

    def continuing(previous: str, messages: object) -> dict[str, Any]:
        thread = {"type": "continue", "previous_message_id": previous}
        return threads.whole({"thread": thread, "messages": messages})

    for lost in ("m0", "none"):
        with pytest.raises(ApiError, match="no thread ends with the message") as caught:
            continuing(lost, [])
        assert caught.value.details == {"error_code": "thread_not_found"}
    whole = continuing("m2", asking("more"))
    assert [message["content"] for message in whole["messages"]] == ["2", [], "more"]
    assert whole["system"] == "s"
    assert continuing("m1", "no list")["messages"] == "no list"


# Errors


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (409, anthropic.ConflictError),
        (413, anthropic.APIStatusError),
        (422, anthropic.UnprocessableEntityError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
    ],
)
async def test_each_status_is_an_error_of_its_own(
    client: AsyncAnthropic, status: int, error: type[anthropic.APIStatusError]
) -> None:
    for stream in (False, True):
        with pytest.raises(error) as caught:
            await client.messages.create(
                model=f"{MODEL}!status:{status}",
                max_tokens=9,
                messages=asking("x"),
                stream=stream,
            )
        assert caught.value.status_code == status
        assert caught.value.request_id == caught.value.response.headers["request-id"]


async def test_keys_that_stand_for_wrong_ones(server: MockServer) -> None:
    for key, error, message in (
        ("invalid", anthropic.AuthenticationError, "invalid x-api-key"),
        ("sk-invalid-1", anthropic.AuthenticationError, "invalid x-api-key"),
        ("forbidden", anthropic.PermissionDeniedError, "does not have permission"),
    ):
        for named in (
            AsyncAnthropic(base_url=server.url, max_retries=0, api_key=key),
            AsyncAnthropic(
                base_url=server.url,
                max_retries=0,
                api_key="k",
                default_headers={"X-Api-Key": key},
            ),
        ):
            async with named as client:
                with pytest.raises(error, match=message):
                    await client.messages.create(model=MODEL, max_tokens=9, messages=asking("x"))
                with pytest.raises(error, match=message):
                    await client.models.list()


async def test_a_model_that_is_none(client: AsyncAnthropic) -> None:
    for model in ("gpt-0", "Claude", "scenario:nobody", "", "claude-sonnet-5-5 "):
        with pytest.raises(anthropic.NotFoundError) as caught:
            await client.messages.create(model=model, max_tokens=9, messages=asking("x"))
        assert caught.value.body["error"]["message"].startswith(f"model: {model}")  # type: ignore[index]


async def test_new_fields_need_a_beta_header(client: AsyncAnthropic) -> None:
    how: dict[str, Any] = {"model": MODEL, "max_tokens": 9, "messages": asking("x")}
    with pytest.raises(anthropic.BadRequestError, match="brand_new: Extra inputs are not"):
        await client.messages.create(**how, extra_body={"brand_new": 1})
    message = await client.messages.create(
        **how, extra_body={"brand_new": 1}, extra_headers={"anthropic-beta": "new-2026-11-01"}
    )
    assert message.content


async def test_the_sdk_tries_again(server: MockServer) -> None:
    async with AsyncAnthropic(api_key="k", base_url=server.url, max_retries=2) as client:
        message = await client.messages.create(
            model=f"{MODEL}!fail:2;retry-after:0.01", max_tokens=99, messages=asking("Count to 2")
        )
        assert text_of(message) == "1, 2"
        assert len(server.received) == 3
        with pytest.raises(anthropic.InternalServerError):
            await client.messages.create(
                model=f"{MODEL}!fail:3;retry-after:0.01", max_tokens=99, messages=asking("x")
            )
    assert [received.headers["x-stainless-retry-count"] for received in server.received] == [
        "0",
        "1",
        "2",
        "0",
        "1",
        "2",
    ]


async def test_overloaded_in_mid_stream(client: AsyncAnthropic) -> None:
    text = ""
    with pytest.raises(anthropic.APIStatusError) as caught:
        async with client.messages.stream(
            model="scenario:plain!overloaded:5", max_tokens=999, messages=asking("x")
        ) as stream:
            async for piece in stream.text_stream:
                text += piece
    assert "overloaded_error" in str(caught.value) and 5 < len(text) < 200


async def test_a_stream_of_huge_fragments(client: AsyncAnthropic) -> None:
    async with client.messages.stream(
        model="scenario:plain!fragments:100000;chunk:11", max_tokens=999, messages=asking("x")
    ) as stream:
        pieces = [piece async for piece in stream.text_stream]
    assert len(pieces) == 1 and len(pieces[0]) > 900
