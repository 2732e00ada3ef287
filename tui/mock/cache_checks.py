"""What the Messages API asks of the marks that have a prefix of the request cached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tui.core.records import JsonObject
from tui.mock.api import ApiError
from tui.mock.field_checks import expect, refuse
from tui.mock.usage import DEFAULT_TTL, LIFETIMES_NS

_MOST_MARKS: Final = 4


def check_marks(body: JsonObject) -> None:
    """Raise ApiError with what the API would say against the marks of a request."""
    marks = list(_marks(body))
    if len(marks) > _MOST_MARKS:
        raise ApiError(
            400,
            f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. "
            f"Found {len(marks)}.",
        )
    shorter = False
    for path, mark in marks:
        expect(path, mark, "an object")
        if mark.get("type", "ephemeral") != "ephemeral":
            raise refuse(f"{path}.type", "Input should be 'ephemeral'")
        ttl = mark.get("ttl") or DEFAULT_TTL
        if not isinstance(ttl, str) or ttl not in LIFETIMES_NS:
            raise refuse(f"{path}.ttl", "Input should be '5m' or '1h'")
        if ttl == "1h" and shorter:
            raise refuse(
                f"{path}.ttl",
                "a block with a ttl of '1h' must not come after one with a ttl of '5m'; blocks "
                "count in the order `tools`, `system`, `messages`",
            )
        shorter = shorter or ttl == DEFAULT_TTL


def _marks(body: JsonObject) -> Iterator[tuple[str, Any]]:
    """The blocks that ask to be cached, with their paths, the whole request last."""
    contents: list[tuple[str, Any]] = [(name, body.get(name)) for name in ("tools", "system")]
    contents += (
        (f"messages.{at}.content", message["content"])
        for at, message in enumerate(body["messages"])
    )
    for path, content in contents:
        for at, block in enumerate(content if isinstance(content, list) else ()):
            if block.get("cache_control") is not None:
                yield f"{path}.{at}.cache_control", block["cache_control"]
    if body.get("cache_control") is not None:
        yield "cache_control", body["cache_control"]
