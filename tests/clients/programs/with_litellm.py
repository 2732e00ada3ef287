"""litellm: its OpenAI-like calls, sent to the Messages API."""

from __future__ import annotations

import asyncio
import json

import litellm

from checking import MODEL, URL, WEATHER, check, finish

NAME = f"anthropic/{MODEL}"
KNOWN = {"api_key": "k", "api_base": URL, "max_tokens": 999, "num_retries": 0}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
    "additionalProperties": False,
}


def user(content: str) -> dict[str, str]:
    """A turn of the user."""
    return {"role": "user", "content": content}


whole = litellm.completion(NAME, [user("Count to 9")], **KNOWN)
text = whole.choices[0].message.content
check("completion", text.startswith("1, 2") and whole.usage.completion_tokens, whole)
said = ""
for chunk in litellm.completion(NAME, [user("Count to 9")], stream=True, **KNOWN):
    said += chunk.choices[0].delta.content or ""
check("stream", said == text, said)
called = litellm.completion(NAME, [user(WEATHER)], tools=[TOOL], **KNOWN).choices[0].message
call = called.tool_calls[0]
check("a call", json.loads(call.function.arguments) == {"location": "Oslo"}, called)
result = {"role": "tool", "tool_call_id": call.id, "content": "rain in Oslo"}
final = litellm.completion(NAME, [user(WEATHER), called, result], tools=[TOOL], **KNOWN)
check("tools", "rain in Oslo" in final.choices[0].message.content, final)
form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
typed = litellm.completion(NAME, [user("A city such as Oslo")], response_format=form, **KNOWN)
content = typed.choices[0].message.content
check("structured output", set(json.loads(content)) == {"name", "people"}, content)
raw = asyncio.run(
    litellm.anthropic.messages.acreate(
        model=NAME, messages=[user("Count to 9")], max_tokens=999, api_key="k", api_base=URL
    )
)
check("its Messages API", raw["content"][0]["text"] == text, raw)
finish()
