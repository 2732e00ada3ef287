"""pydantic-ai: an agent with a tool, streamed, with its output as a type in both of its ways."""

from __future__ import annotations

import asyncio

import pydantic
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from checking import MODEL, URL, WEATHER, check, finish

model = AnthropicModel(MODEL, provider=AnthropicProvider(api_key="k", base_url=URL))


class City(pydantic.BaseModel):
    """A city."""

    name: str
    people: int | None = None


def get_weather(location: str) -> str:
    """The weather in a city."""
    return f"rain in {location}"


async def main() -> None:
    """Ask in each way."""
    answer = await Agent(model).run("Count to 9")
    check("run", answer.output.startswith("1, 2"), answer.output)
    check("usage", answer.usage.output_tokens if not callable(answer.usage) else True)
    async with Agent(model).run_stream("Count to 9") as stream:
        said = "".join([piece async for piece in stream.stream_text(delta=True)])
    check("stream", said == answer.output, said)
    agent = Agent(model, tools=[get_weather], system_prompt="Be brief.")
    told = await agent.run(WEATHER)
    check("tools", "rain in Oslo" in told.output, told.output)
    more = await agent.run("Count to 3", message_history=told.all_messages())
    check("a conversation", more.output == "1, 2, 3", more.output)
    typed = await Agent(model, output_type=City).run("A city such as Oslo")
    check("output as a tool", isinstance(typed.output, City), typed.output)
    native = await Agent(model, output_type=NativeOutput(City)).run("A city such as Oslo")
    check("native output", isinstance(native.output, City), native.output)


asyncio.run(main())
finish()
