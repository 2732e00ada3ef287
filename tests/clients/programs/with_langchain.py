"""langchain-anthropic: invoke, stream, tools, structured output in its ways."""

from __future__ import annotations

import pydantic
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool

from checking import MODEL, URL, WEATHER, check, finish


class City(pydantic.BaseModel):
    """A city."""

    name: str
    people: int | None = None


@tool
def get_weather(location: str) -> str:
    """The weather in a city."""
    return f"rain in {location}"


chat = ChatAnthropic(model=MODEL, api_key="k", base_url=URL, max_tokens=999, max_retries=0)
whole = chat.invoke("Count to 9")
check("invoke", whole.text.startswith("1, 2") and whole.usage_metadata["output_tokens"], whole)
pieces = [piece.text for piece in chat.stream("Count to 9")]
check("stream", "".join(pieces) == whole.text and len(pieces) > 3, pieces)
able = chat.bind_tools([get_weather])
asked = HumanMessage(WEATHER)
called = able.invoke([asked])
check("a call", called.tool_calls[0]["args"] == {"location": "Oslo"}, called.tool_calls)
result = get_weather.invoke(called.tool_calls[0])
check("a result", isinstance(result, ToolMessage), result)
final = able.invoke([asked, called, result])
check("tools", "rain in Oslo" in final.text, final)
gathered = None
for chunk in able.stream([asked]):
    gathered = chunk if gathered is None else gathered + chunk
check(
    "a streamed call",
    gathered.tool_calls == [{**called.tool_calls[0], "id": gathered.tool_calls[0]["id"]}],
    gathered.tool_calls,
)
for method in ("function_calling", "json_schema"):
    typed = chat.with_structured_output(City, method=method).invoke("A city such as Oslo")
    check(f"structured output by {method}", isinstance(typed, City), typed)
finish()
