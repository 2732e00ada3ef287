"""The input tokens of a request: how many there are, and how many a prompt cache holds already."""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

MINIMUM: Final = 1024
"""A shorter prefix is not cached, marked or not."""
LOOKBACK: Final = 20
"""At how many blocks, from a mark backwards, what an earlier request has written is looked for."""

LIFETIMES_NS: Final = {"5m": 300_000_000_000, "1h": 3_600_000_000_000}
"""How long a prefix is held after its last use, by the `ttl` of its mark."""
DEFAULT_TTL: Final = "5m"

_CHARACTERS_A_TOKEN: Final = 4
_FILE_CHARACTERS: Final = 6_000  # An image is counted by its size in pixels, not by its base64.


def estimate_tokens(body: Mapping[str, Any]) -> int:
    """About how many input tokens a request has: a quarter of its characters, and its frame."""
    messages = body.get("messages", [])
    parts = (body.get("system", ""), body.get("tools", []), messages)
    return max(1, sum(map(_characters, parts)) // _CHARACTERS_A_TOKEN + 3 * len(messages) + 4)


def _characters(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        if value.get("type") == "base64":
            return _FILE_CHARACTERS
        return sum(
            len(str(key)) + _characters(item)
            for key, item in value.items()
            if key != "cache_control"
        )
    if isinstance(value, list):
        return sum(map(_characters, value))
    return 4


class Counted(NamedTuple):
    """Input tokens as the API reports them: what is read from the cache is not input."""

    input: int
    read: int = 0
    written: Mapping[str, int] = {}
    """By how long the cache keeps it: 5m or 1h."""


class _Prefix(NamedTuple):
    digest: bytes
    tokens: int
    ttl: str
    """Empty where no mark ends the prefix."""


class _Entry(NamedTuple):
    """A prefix that is held: for how long after it was last used, and until when, in ns."""

    ttl: str
    until_ns: int


class PromptCache:
    """Remembers the prefixes that requests marked with `cache_control`, the `size` newest.

    Each is held for 5 minutes or an hour after it was last written or read, as its mark says.
    """

    def __init__(self, size: int = 1024, now: Callable[[], int] = time.monotonic_ns) -> None:
        self.size = size
        self.now = now
        self._held: OrderedDict[bytes, _Entry] = OrderedDict()

    def count(self, body: Mapping[str, Any]) -> Counted:
        """Count a request, and remember the prefixes it marks. Takes a request that is valid."""
        total = estimate_tokens(body)
        if not _is_marked(body):
            return Counted(total)
        prefixes = list(_prefixes(body))
        marked = [
            at for at, prefix in enumerate(prefixes) if prefix.ttl and prefix.tokens >= MINIMUM
        ]
        if not marked:
            return Counted(total)
        now = self.now()
        read = max((self._found(prefixes, at, now) for at in marked), default=0)
        written: dict[str, int] = {}
        counted = read
        for at in marked:
            prefix = prefixes[at]
            if not self._use(prefix.digest, now):
                self._hold(prefix.digest, prefix.ttl, now)
            if prefix.tokens > counted:
                # From the mark before to this one, for as long as this one says.
                written[prefix.ttl] = written.get(prefix.ttl, 0) + prefix.tokens - counted
                counted = prefix.tokens
        return Counted(total - prefixes[marked[-1]].tokens, read, written)

    def _found(self, prefixes: list[_Prefix], mark: int, now: int) -> int:
        for prefix in reversed(prefixes[max(0, mark + 1 - LOOKBACK) : mark + 1]):
            if self._use(prefix.digest, now):
                return prefix.tokens
        return 0

    def _use(self, digest: bytes, now: int) -> bool:
        """Whether a prefix is held; being used, it is held anew."""
        entry = self._held.get(digest)
        if entry is None or entry.until_ns <= now:
            return False
        self._hold(digest, entry.ttl, now)
        return True

    def _hold(self, digest: bytes, ttl: str, now: int) -> None:
        self._held[digest] = _Entry(ttl, now + LIFETIMES_NS[ttl])
        self._held.move_to_end(digest)
        while len(self._held) > self.size:
            self._held.popitem(last=False)


def _prefixes(body: Mapping[str, Any]) -> Iterator[_Prefix]:
    """Each block with all that comes before it, in the order of the cache: tools first."""
    blocks = list(_blocks(body))
    whole = body.get("cache_control")
    # The model is part of the key: a prefix that one model has read is new to another.
    digest, characters = str(body.get("model")).encode(), 0
    for at, (place, block) in enumerate(blocks):
        mark = block.get("cache_control")
        bare = {key: value for key, value in block.items() if key != "cache_control"}
        characters += _characters(bare)
        said = json.dumps([place, bare], sort_keys=True).encode()
        digest = hashlib.sha256(digest + said).digest()
        if mark is None and at == len(blocks) - 1:
            mark = whole
        ttl = (mark.get("ttl") or DEFAULT_TTL) if isinstance(mark, Mapping) else ""
        yield _Prefix(digest, characters // _CHARACTERS_A_TOKEN, ttl)


def _is_marked(body: Mapping[str, Any]) -> bool:
    asked = (block.get("cache_control") for _, block in _blocks(body))
    return body.get("cache_control") is not None or any(mark is not None for mark in asked)


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for tool in body.get("tools", []):
        yield "tool", tool
    yield from (("system", block) for block in as_blocks(body.get("system", [])))
    for message in body.get("messages", []):
        yield from ((message["role"], block) for block in as_blocks(message["content"]))


def as_blocks(content: str | list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Text alone is shorthand for one block of text, and the same to the cache."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
