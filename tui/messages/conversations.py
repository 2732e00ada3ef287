"""Which conversation a request belongs to, told as requests come, before they are answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.messages.following import plain
from tui.messages.request import messages_of


class TurnPlace(NamedTuple):
    """A request's place: which conversation, and the how-manieth request in it, from one."""

    conversation: int
    turn: int


class Conversations:
    """Groups requests: by the answer that one names, else by the turns it begins with.

    A request whose history was rewritten is told by the id in its metadata. Another system prompt
    or other tools are a conversation of their own: a side call, or a sub-agent.
    """

    def __init__(self) -> None:
        self._turns: list[int] = []
        self._by_beginning: dict[tuple[int, int], int] = {}
        self._by_user: dict[tuple[int, str], int] = {}
        self._by_answer: dict[str, int] = {}

    def place(self, request: JsonObject | None) -> TurnPlace:
        """Return the place of one more request."""
        request = request or {}
        frame = _mark(0, [request.get("system"), request.get("tools")])
        beginnings = list(_beginnings(request))
        user = _user(request)
        number = self._named(request)
        if number is None:
            number = self._begun(frame, beginnings)
        if number is None and user is not None and len(beginnings) > 1:
            number = self._by_user.get((frame, user))
        if number is None:
            self._turns.append(0)
            number = len(self._turns) - 1
        self._turns[number] += 1
        for beginning in beginnings:
            self._by_beginning[frame, beginning] = number
        if user is not None:
            self._by_user[frame, user] = number
        return TurnPlace(number + 1, self._turns[number])

    def answered(self, place: TurnPlace, message_id: str | None) -> None:
        """Take note of the id of an answer, by which the next request may name it."""
        if message_id:
            self._by_answer[message_id] = place.conversation - 1

    def _named(self, request: JsonObject) -> int | None:
        thread = request.get("thread")
        named = as_text(thread.get("previous_message_id")) if isinstance(thread, dict) else None
        return None if named is None else self._by_answer.get(named)

    def _begun(self, frame: int, beginnings: list[int]) -> int | None:
        # Not all of it: to ask the same again is to begin again.
        for beginning in reversed(beginnings[:-1]):
            if (number := self._by_beginning.get((frame, beginning))) is not None:
                return number
        return None


def _beginnings(request: JsonObject) -> Iterator[int]:
    """Yield a number for the first message, for the first two, …"""
    mark = 0
    for message in messages_of(request):
        mark = _mark(mark, message)
        yield mark


def _mark(before: int, value: object) -> int:
    try:
        text = json.dumps(plain(value), sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        text = str(type(value))
    return hash((before, text))


def _user(request: JsonObject) -> str | None:
    metadata = request.get("metadata")
    return as_text(metadata.get("user_id")) if isinstance(metadata, dict) else None
