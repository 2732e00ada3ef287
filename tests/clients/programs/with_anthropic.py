"""The Python SDK: sync and async, streams, tool runners, structured output, errors."""

from __future__ import annotations

import asyncio

import anthropic
import pydantic

from checking import MODEL, URL, WEATHER, check, finish

ASK = {"model": MODEL, "max_tokens": 999, "messages": [{"role": "user", "content": "Count to 9"}]}
RUN = {**ASK, "messages": [{"role": "user", "content": WEATHER}]}


class City(pydantic.BaseModel):
    name: str
    people: int | None = None


@anthropic.beta_tool
def get_weather(location: str) -> str:
    """The weather in a city.

    Args:
        location: The city.
    """
    return f"rain in {location}"


@anthropic.beta_async_tool
async def get_forecast(location: str) -> str:
    """The weather in a city.

    Args:
        location: The city.
    """
    return f"rain in {location}"


def blocking() -> None:
    """Everything without asyncio."""
    client = anthropic.Anthropic(api_key="k", base_url=URL, max_retries=0)
    whole = client.messages.create(**ASK)
    check("sync: create", whole.content[0].text.startswith("1, 2"), whole)
    with client.messages.stream(**ASK) as stream:
        text = "".join(stream.text_stream)
        usage = stream.get_final_message().usage
    check("sync: stream", text == whole.content[0].text and usage.output_tokens, text)
    final = client.beta.messages.tool_runner(**RUN, tools=[get_weather]).until_done()
    check("sync: tool runner", "rain in Oslo" in final.content[0].text, final)
    said = ""
    for turn in client.beta.messages.tool_runner(**RUN, tools=[get_weather], stream=True):
        said = turn.get_final_message().content[0].text
    check("sync: tool runner, streaming", "rain in Oslo" in said, said)
    parsed = client.messages.parse(**ASK, output_format=City)
    check("sync: structured output", parsed.parsed_output.people is not None, parsed)
    check(
        "sync: count tokens",
        client.messages.count_tokens(model=MODEL, messages=ASK["messages"]).input_tokens,
    )
    check("sync: models", MODEL in [model.id for model in client.models.list(limit=99)])
    slow = client.with_options(max_retries=2)
    fault = {"x-streamscope-fault": "fail:1;retry-after:0"}
    check("sync: a retry", slow.messages.create(**ASK, extra_headers=fault).content)
    try:
        client.messages.create(**ASK, extra_headers={"x-streamscope-fault": "status:429"})
    except anthropic.RateLimitError as error:
        check("sync: an error", error.status_code == 429 and error.request_id)


async def waiting() -> None:
    """The same with asyncio."""
    client = anthropic.AsyncAnthropic(api_key="k", base_url=URL, max_retries=0)
    text = ""
    async with client.messages.stream(**ASK) as stream:
        async for piece in stream.text_stream:
            text += piece
    check("async: stream", text.startswith("1, 2"), text)
    final = await client.beta.messages.tool_runner(**RUN, tools=[get_forecast]).until_done()
    check("async: tool runner", "rain in Oslo" in final.content[0].text, final)
    said = ""
    async for turn in client.beta.messages.tool_runner(**RUN, tools=[get_forecast], stream=True):
        said = (await turn.get_final_message()).content[0].text
    check("async: tool runner, streaming", "rain in Oslo" in said, said)
    for fault in ("buffer", "bunch:9", "compress", "chunk:3", "hold-tools"):
        async with client.messages.stream(
            **ASK, extra_headers={"x-streamscope-fault": fault}
        ) as stream:
            heard = await stream.get_final_message()
        check(f"async: the fault {fault}", heard.content and heard.content[0].text == text, heard)


blocking()
asyncio.run(waiting())
finish()
