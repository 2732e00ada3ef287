"""Why the cache missed: what a request changed since the one that it names."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tui.core.records import JsonObject
from tui.mock.usage import Counted, as_blocks

_PARTS: Final = ("model", "system", "tools")
"""What comes before the messages: where several have changed, the first is told."""


class _ComparedRequest(NamedTuple):
    """What a request asked, without its marks."""

    parts: tuple[bytes, ...]
    turns: list[bytes]
    """Of each block of the messages."""
    cached: int
    """The tokens that were in the cache after it."""


class CacheDiagnostics:
    """The requests that asked for it, the newest `size`, by the id of their answer."""

    def __init__(self, size: int = 256) -> None:
        self.size = size
        self._held: OrderedDict[str, _ComparedRequest] = OrderedDict()

    def told(self, body: Mapping[str, Any]) -> JsonObject | None:
        """What the answer says about it: None where nothing has changed, or nothing is compared."""
        previous = body["diagnostics"].get("previous_message_id")
        if previous is None:
            return None
        if (held := self._held.get(previous)) is None:
            return {"cache_miss_reason": {"type": "previous_message_not_found"}}
        now = _asked(body)
        changed = [
            name
            for name, one, other in zip(_PARTS, held.parts, now.parts, strict=True)
            if one != other
        ]
        if now.turns[: len(held.turns)] != held.turns:
            changed.append("messages")
        if not changed:
            return None
        reason = {"type": f"{changed[0]}_changed", "cache_missed_input_tokens": held.cached}
        return {"cache_miss_reason": reason}

    def hold(self, body: Mapping[str, Any], counted: Counted, message_id: str) -> None:
        """Keep what a request asked, for one that names its answer."""
        self._held[message_id] = _asked(body, counted.read + sum(counted.written.values()))
        while len(self._held) > self.size:
            self._held.popitem(last=False)


def _asked(body: Mapping[str, Any], cached: int = 0) -> _ComparedRequest:
    system, tools = as_blocks(body.get("system", "")), body.get("tools", [])
    turns = [
        _digest([message["role"], _bare(block)])
        for message in body["messages"]
        for block in as_blocks(message["content"])
    ]
    parts = (body["model"], list(map(_bare, system)), list(map(_bare, tools)))
    return _ComparedRequest(tuple(map(_digest, parts)), turns, cached)


def _bare(block: Mapping[str, Any]) -> JsonObject:
    return {key: value for key, value in block.items() if key != "cache_control"}


def _digest(value: object) -> bytes:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
