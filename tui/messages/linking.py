"""Which request goes on from which answer, found among requests in the order they were sent.

A request goes on from an answer that it names (`thread.previous_message_id`), else from the one
whose turns it begins with, else from the one whose blocks it sends back. Where earlier turns were
changed on the way, it is a later one of those that go on from there whose call it sends back.

An agent sends all of its history with each request, so only what is new in it is looked up: from
its end backwards, until an earlier request ends there. The rest of the two is then compared as it
is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.messages.following import (
    USES,
    TurnBlock,
    blocks_of_answer,
    common,
    is_of,
    items_of,
    same,
    thread_of,
)
from tui.messages.request import blocks_of, ids_of, messages_of, parameters_of, role_of

_UNSAID: Final = frozenset({"stream", "cache_control", "diagnostics", "metadata"})
"""Fields of a request that say nothing about what is asked."""
_TAIL: Final = 2
"""Requests are looked up by their first block and so many at their end."""
_FURTHEST: Final = 4_096
"""A request that goes on from another adds fewer blocks: so many are looked up at its end."""
_TELLING: Final = ("type", "text", "id", "tool_use_id", "signature")
_MOST: Final = 64
"""Different requests that end alike are compared, at most; the newest are."""


class RequestAndAnswer(NamedTuple):
    """A request and its answer, as the message without streaming. None where it is not known."""

    request: JsonObject | None
    answer: JsonObject | None


class Link(NamedTuple):
    """Where an exchange belongs. Numbers are those of earlier exchanges."""

    before: int | None
    """The exchange that its request goes on from."""
    same: int | None = None
    """The last one before it with the same request."""
    times: int = 0
    """How many of those there are."""
    shares: int | None = None
    """Where it goes on from none, or answers differ: the one whose turns it begins with."""


class _Asked:
    """Requests with the same turns."""

    __slots__ = ("alike", "messages", "numbers")

    def __init__(self, messages: list[Any]) -> None:
        self.messages = messages
        self.numbers: list[int] = []
        self.alike: list[tuple[JsonObject, list[int]]] = []
        """Those with the same parameters, too."""


class Linker:
    """Takes requests and answers as they come, and tells where each request belongs."""

    def __init__(self) -> None:
        self._answers: dict[int, JsonObject | None] = {}
        self._by_id: dict[str, int] = {}
        self._by_call: dict[str, int] = {}
        self._by_end: dict[int, list[_Asked]] = {}
        self._before: list[int | None] = []
        """What each request goes on from."""

    def ask(self, request: JsonObject | None) -> Link:
        """Take the next request."""
        number = len(self._before)
        if request is None:
            self._before.append(None)
            return Link(None)
        turns = _Turns(request)
        before, shares = self._named(request), None
        if before is None:
            before, shares = self._extended(turns)
            before = self._further(before, request)
        asked = self._find(turns, 0)
        if asked is None:
            asked = _Asked(turns.messages)
            self._by_end.setdefault(turns.end(0), []).append(asked)
        asked.numbers.append(number)
        alike = _alike(asked, request)
        self._before.append(before)
        found = Link(before, alike[-1] if alike else None, len(alike), shares)
        alike.append(number)
        return found

    def answered(self, number: int, answer: JsonObject | None) -> None:
        """Take the answer to a request, None where there is none.

        Before the request that goes on from it, or what it says is not known there.
        """
        self._answers[number] = answer
        if answer is None:
            return
        id = as_text(answer.get("id"))
        if id:
            self._by_id[id] = number
        for call in ids_of(blocks_of_answer(answer), "id", USES):
            self._by_call[call] = number

    def _named(self, request: JsonObject) -> int | None:
        name = thread_of(request)
        return None if name is None else self._by_id.get(name)

    def _extended(self, turns: _Turns) -> tuple[int | None, int | None]:
        """Return the request with the most turns that this one begins with.

        Of several, the one whose answer comes next in it; else the last. Where another answer
        stands there it is a branch: the second is the one whose beginning they have in common.
        """
        left = 1
        while left <= _FURTHEST and turns.has(left):
            found = self._find(turns, left)
            if found is not None:
                back = turns.assistant_after(left)
                return self._answering(found.numbers, back)
            left += 1
        return None, None

    def _answering(
        self, numbers: list[int], back: list[JsonObject]
    ) -> tuple[int | None, int | None]:
        """Return which of these requests was answered with these blocks; see `_extended`."""
        newest = numbers[-_MOST:]
        for number in reversed(newest):
            if is_of(self._answers.get(number), back):
                return number, None
        unknown = [number for number in newest if number not in self._answers]
        if unknown:
            return unknown[-1], None
        return (None, numbers[-1]) if back else (numbers[-1], None)

    def _find(self, turns: _Turns, left: int) -> _Asked | None:
        """Return the requests whose turns are these, but for the `left` last blocks."""
        for asked in reversed(self._by_end.get(turns.end(left), [])[-_MOST:]):
            if turns.begin_with(asked.messages, left):
                return asked
        return None

    def _further(self, before: int | None, request: JsonObject) -> int | None:
        """Return the exchange whose call a request sends back, if it goes on from `before`."""
        called = self._sent_back(request)
        at = called
        while before is not None and at is not None and at > before:
            at = self._before[at]
        return called if at == before or before is None else before

    def _sent_back(self, request: JsonObject) -> int | None:
        """Return the exchange whose call is the last that this request sends back."""
        if not self._by_call:
            return None
        for turn in reversed(messages_of(request)):
            if role_of(turn) == "assistant":
                for block in reversed(blocks_of(turn)):
                    id = as_text(block.get("id")) if isinstance(block, dict) else None
                    if id in self._by_call:
                        return self._by_call[id]
        return None


def link(exchanges: Sequence[RequestAndAnswer]) -> list[Link]:
    """Return where each exchange belongs, in the order in which they were sent."""
    linker = Linker()
    links = []
    for number, (request, answer) in enumerate(exchanges):
        links.append(linker.ask(request))
        linker.answered(number, answer)
    return links


# --- the turns of a request -----------------------------------------------------------------------


class _Turns:
    """The blocks of a request, read from the end backwards and no further than is asked."""

    def __init__(self, request: JsonObject) -> None:
        self.messages = messages_of(request)
        self._read = _backwards(self.messages)
        self._items: list[tuple[int, TurnBlock]] = []
        """The number of the turn and the block in it, the very last first."""
        self._marks: list[int] = []
        # A turn may have no blocks.
        turns = (items_of({"messages": [turn]}) for turn in self.messages)
        first = next(chain.from_iterable(turns), None)
        self._first = 0 if first is None else _mark(first)

    def has(self, left: int) -> bool:
        """Whether there is a block before the `left` last ones."""
        while len(self._items) <= left:
            item = next(self._read, None)
            if item is None:
                return False
            self._items.append(item)
            self._marks.append(_mark(item[1]))
        return True

    def end(self, left: int) -> int:
        """Return a number for the first block and the last ones before the `left` last."""
        self.has(left + _TAIL - 1)
        return hash((self._first, *self._marks[left : left + _TAIL]))

    def begin_with(self, start: list[Any], left: int) -> bool:
        """Whether these turns, but for the `left` last blocks, are those of `start`."""
        if not begins_with(self.messages, start):
            return False
        if left and self._items[left][0] < len(start) <= self._items[left - 1][0]:
            return True  # A turn ends there.
        # What is the same need not be counted: a long history is, nearly all of it.
        place = common(start, self.messages)
        return _count(start[place:]) + left == _count(self.messages[place:])

    def assistant_after(self, left: int) -> list[JsonObject]:
        """Return the first of the `left` last blocks, as long as they are the assistant's."""
        back = []
        for _, (role, block) in reversed(self._items[:left]):
            if role != "assistant":
                break
            back.append(block)
        return back


def _count(messages: list[Any]) -> int:
    return sum(len(items_of({"messages": [turn]})) for turn in messages)


def _backwards(messages: list[Any]) -> Iterator[tuple[int, TurnBlock]]:
    for number in range(len(messages) - 1, -1, -1):
        for item in reversed(items_of({"messages": messages[number : number + 1]})):
            yield number, item


def _mark(item: TurnBlock) -> int:
    """Return a number for what tells blocks apart mostly: those that say the same have the same."""
    block = item.block
    return hash((item.role, *(as_text(block.get(name)) for name in _TELLING)))


def begins_with(messages: list[Any], start: list[Any]) -> bool:
    """Whether the blocks of `start` are the first ones of `messages`."""
    place = common(start, messages)
    if place == len(start):
        return True
    # From here they differ, perhaps in nothing that counts.
    rest, whole = (items_of({"messages": turns[place:]}) for turns in (start, messages))
    return len(rest) <= len(whole) and all(
        one.role == other.role and (one.block == other.block or same(one.block, other.block))
        for one, other in zip(rest, whole, strict=False)
    )


def _alike(asked: _Asked, request: JsonObject) -> list[int]:
    """Return the numbers of the requests with the same turns and the same parameters."""
    said = {name: item for name, item in parameters_of(request).items() if name not in _UNSAID}
    for parameters, numbers in reversed(asked.alike[-_MOST:]):
        if parameters == said or same(parameters, said):
            return numbers
    asked.alike.append((said, []))
    return asked.alike[-1][1]
