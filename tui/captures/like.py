"""Requests that go on from an earlier one of the same capture, written once: `like`.

    {"k":"request","run":"r7","like":{"run":"r6","system":true,"tools":true,"messages":12},"body":…}

The body holds what differs; `system`, `tools` and the first messages are those of the earlier
request, itself restored. What is restored equals what was sent to the order of its fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, Final, NamedTuple

from tui.captures.codec import CaptureError, Like
from tui.core.records import JsonObject
from tui.core.report import dumps

MOST_LINKS: Final = 64
"""How many requests may have to be restored before one: the next one is written whole."""
MOST_MESSAGES: Final = 100_000
"""Of a request that is compared with others: the API takes no more."""
MOST_KEYS: Final = 1 << 19
"""Beginnings that are kept to compare with; the oldest go first."""
MOST_SHARED: Final = 1 << 24
"""Messages that the requests of a capture may have by reference, all together."""
_SHARED: Final = ("system", "tools")


class _Written(NamedTuple):
    """A request in the file, and how many others it rests on."""

    run: str
    links: int
    fields: tuple[str, ...]
    """The order of its fields."""


_Key = tuple[bytes, bytes, bytes]
"""The messages that a request begins with, its system prompt and its tools; empty for any."""


class Shortener:
    """Finds, for each request of a capture, the earlier one that it shares most with.

    Takes requests as they are written, secrets masked, and keeps a few bytes for each message.
    """

    def __init__(self) -> None:
        self._written: dict[_Key, _Written] = {}

    def shorten(self, run: str, body: object) -> tuple[Like | None, Any]:
        """Return what the body of a run's request shares with an earlier one, and what is left."""
        if not isinstance(body, dict) or _is_endless(body):
            return None, body
        prefixes = list(_prefixes(body))
        parts = [_digest(dumps(body[name])) if name in body else b"" for name in _SHARED]
        found = self._longest(prefixes, parts[0], parts[1])
        like, rest = None, body
        if found is not None and found[0].links < MOST_LINKS:
            like, rest = _without(body, *found)
        links = 0 if like is None or found is None else found[0].links + 1
        written = _Written(run, links, tuple(body))
        # The first request with a beginning is the one with the fewest others below it.
        keep = self._written.__setitem__ if like is None else self._written.setdefault
        for prefix in prefixes:
            for key in _keys(prefix, parts[0], parts[1]):
                keep(key, written)
        for key in list(islice(self._written, max(0, len(self._written) - MOST_KEYS))):
            del self._written[key]
        return like, rest

    def _longest(
        self, prefixes: list[bytes], system: bytes, tools: bytes
    ) -> tuple[_Written, int, list[str]] | None:
        """Return the request with the longest beginning, how many messages, and what else."""
        for count in range(len(prefixes) - 1, -1, -1):
            for key in _keys(prefixes[count], system, tools):
                written = self._written.get(key)
                shared = [name for name, part in zip(_SHARED, key[1:], strict=True) if part]
                if written is not None and (count or shared):
                    return written, count, shared
        return None


def _is_endless(body: JsonObject) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and len(messages) > MOST_MESSAGES


def _keys(prefix: bytes, system: bytes, tools: bytes) -> list[_Key]:
    """Return what may be shared with such a beginning, the most first."""
    return list(
        dict.fromkeys(
            [
                (prefix, system, tools),
                (prefix, b"", tools),
                (prefix, system, b""),
                (prefix, b"", b""),
            ]
        )
    )


def _prefixes(body: JsonObject) -> Iterator[bytes]:
    """Yield a digest of no message, of the first one, of the first two, …"""
    digest = b"-"
    yield digest
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        digest = _digest(dumps(message), digest)
        yield digest


def _digest(text: str, before: bytes = b"") -> bytes:
    return blake2b(before + text.encode(), digest_size=16).digest()


def _without(
    body: JsonObject, written: _Written, count: int, shared: list[str]
) -> tuple[Like | None, JsonObject]:
    """Return a body without what it shares; a field that would come back elsewhere stays."""
    for names in dict.fromkeys([tuple(shared), *((name,) for name in shared), ()]):
        rest = {name: value for name, value in body.items() if name not in names}
        if _in_order(list(rest), names, written.fields) != list(body):
            continue
        if count:
            rest["messages"] = body["messages"][count:]
        if count or names:
            return Like(written.run, "system" in names, "tools" in names, count), rest
    return None, body


def _in_order(fields: Sequence[str], taken: Sequence[str], before: Sequence[str]) -> list[str]:
    """Return fields with those taken from another body, each behind what stands before it there."""
    order = list(fields)
    for place, name in enumerate(before):
        if name in taken and name not in order:
            known = next((one for one in reversed(before[:place]) if one in order), None)
            order.insert(0 if known is None else order.index(known) + 1, name)
    return order


class Restorer:
    """Restores the requests of one capture, in the order of their lines.

    A few bytes can refer to millions of messages, again and again: what all of them take is
    bounded.
    """

    def __init__(self) -> None:
        self._room = MOST_SHARED

    def restore(self, body: object, like: Like, earlier: object) -> JsonObject:
        """Return a body with what it shares with an earlier one, itself restored.

        Raises CaptureError where that one has not got it, or the capture too many of them.
        """
        messages = earlier.get("messages") if isinstance(earlier, dict) else None
        if isinstance(messages, list) and self._room < like.messages <= len(messages):
            raise CaptureError(f"its capture has more than {MOST_SHARED:,} messages by reference")
        whole = restored(body, like, earlier)
        self._room -= like.messages
        return whole


def restored(body: object, like: Like, earlier: object) -> JsonObject:
    """Return a body with what it shares with the body of an earlier request, itself restored.

    Raises CaptureError where that one has not got it.
    """
    if not isinstance(earlier, dict) or not isinstance(body, dict):
        raise CaptureError(f"it goes on from {like.run}, whose request is not known")
    taken = {name: earlier[name] for name in _SHARED if getattr(like, name) and name in earlier}
    if like.messages:
        first, rest = earlier.get("messages"), body.get("messages", [])
        if not isinstance(first, list) or not isinstance(rest, list) or len(first) < like.messages:
            raise CaptureError(
                f"it begins with {like.messages} messages of {like.run}, which has fewer"
            )
        taken["messages"] = first[: like.messages] + rest
    values = {**body, "messages": taken["messages"]} if like.messages else body
    values = taken | values
    return {name: values[name] for name in _in_order(list(body), list(taken), tuple(earlier))}
