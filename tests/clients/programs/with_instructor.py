"""instructor: answers as types, whole, in parts and several, through tools."""

from __future__ import annotations

import anthropic
import instructor
import pydantic

from checking import MODEL, URL, check, finish


class City(pydantic.BaseModel):
    """A city."""

    name: str
    people: int | None = None


ASK = {
    "model": MODEL,
    "max_tokens": 999,
    "messages": [{"role": "user", "content": "A city such as Oslo"}],
}
bare = anthropic.Anthropic(api_key="k", base_url=URL, max_retries=0)
client = instructor.from_anthropic(bare, mode=instructor.Mode.TOOLS)
found = client.messages.create(response_model=City, max_retries=0, **ASK)
check("a type", isinstance(found, City) and found.name, found)
parts = list(client.messages.create_partial(response_model=City, max_retries=0, **ASK))
check("in parts", parts and parts[-1].name == found.name, parts)
many = list(client.messages.create_iterable(response_model=City, max_retries=0, **ASK))
check("several", many and many[0].name, many)
finish()
