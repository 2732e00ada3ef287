"""Requests in groups: conversations, and the branches of each.

A request belongs to the conversation of the one that it goes on from, else to that whose tool call
asks what it asks, else to that of the same session, else to one that begins with the same turn;
what another agent is asked for a user, to the last conversation of that user.
Within it, it goes on with a branch or begins one: where another request has gone on from there
already, or another system prompt speaks.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.core.text import common_length
from tui.messages.following import USES, blocks_of_answer, thread_of
from tui.messages.linking import Link, Linker
from tui.messages.request import blocks_of, messages_of, text_of

BranchKind = Literal["main", "branch", "sub-agent", "side call"]

_SESSION: Final = re.compile(r"session[_-]?([0-9a-f][0-9a-f-]{7,})", re.IGNORECASE)
_HEADERS: Final = ("session-id", "conversation-id", "thread-id")
"""How the names of headers end that tell sessions apart."""
_VOICE: Final = 2_000
"""Characters of a system prompt that tell whose it is."""
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
"""Of the branches of a conversation; the main one has none."""
_LEAST: Final = 20
"""Characters of a tool's input from which on it can be what another agent is asked."""


class Placed(NamedTuple):
    """Where a request belongs."""

    link: Link
    conversation: int
    branch: int
    """Within the conversation; 0 is the first."""


@dataclass(eq=False)
class Branch:
    """Requests that go on from each other. `start` is the request it leaves, None for the first.

    `tip` is the last one: later messages of a body stand behind it.
    """

    kind: BranchKind
    start: int | None = None
    tip: int = -1
    requests: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Talk:
    """A conversation: all of its requests in the order sent, and its branches."""

    requests: list[int] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)


class Conversations:
    """Takes requests and answers as they come, and keeps the conversations that they make."""

    def __init__(self) -> None:
        self.talks: list[Talk] = []
        self.places: list[Placed] = []
        """Of each request, in the order sent."""
        self._linker = Linker()
        self._systems: list[str] = []
        self._armed: list[bool] = []
        """Whether each request offers tools."""
        self._gone_on: set[int] = set()
        """Requests that another one goes on from."""
        self._missed: set[str | None] = set()
        """Answers that a request says it goes on from, and that were not known then."""
        self._owners: list[str] = []
        """The session of each request, else its user."""
        self._by_session: dict[str, int] = {}
        self._by_user: dict[str, int] = {}
        """The first request of each user's last conversation."""
        self._by_first: dict[int, int] = {}
        self._by_words: dict[int, int] = {}
        """Texts are known by their hashes: some are long."""
        self._voices: dict[str, str] = {}

    def ask(self, request: JsonObject | None, headers: Mapping[str, str] | None = None) -> Placed:
        """Take the next request, with its headers."""
        number = len(self.places)
        link = self._linker.ask(request)
        known = request or {}
        session, user = session_of(known, headers or {}), user_of(known)
        first = _first(known)
        voice = _system(known)[:_VOICE]
        named = thread_of(known)
        if named is not None and link.before is not None:
            voice = self._systems[link.before]  # The server holds it: it is not said again.
        elif named is not None:
            self._missed.add(named)
        self._systems.append(self._voices.setdefault(voice, voice))
        self._owners.append(session or user)
        self._armed.append(bool(known.get("tools")))
        place = self._place(link, session, first, number)
        if place is None and user and not session:
            place = self._for_user(link, user, number)
        if place is None:
            self.talks.append(Talk(branches=[Branch("main")]))
            place = Placed(link, len(self.talks) - 1, 0)
            self._by_user[user] = number
        talk = self.talks[place.conversation]
        talk.requests.append(number)
        branch = talk.branches[place.branch]
        branch.requests.append(number)
        branch.tip = number
        self.places.append(place)
        if link.before is not None:
            self._gone_on.add(link.before)
        if session:
            self._by_session.setdefault(session, number)
        if first is not None:
            self._by_first[first] = number
        return place

    def goes_on(self, number: int) -> Placed:
        """Take a later message of the body that answered a request: nobody asked for it."""
        here = self.places[number]
        place = Placed(self._linker.ask(None), here.conversation, here.branch)
        self._systems.append(self._systems[number])
        self._owners.append(self._owners[number])
        self._armed.append(self._armed[number])
        self.talks[here.conversation].requests.append(len(self.places))
        self.talks[here.conversation].branches[here.branch].requests.append(len(self.places))
        self.places.append(place)
        return place

    def label(self, number: int) -> str:
        """Return what a request is called by its place: `2.3`, or `2b.1 sub-agent:`."""
        place = self.places[number]
        branch = self.talks[place.conversation].branches[place.branch]
        letter = "" if branch.kind == "main" else _LETTERS[place.branch % len(_LETTERS)]
        kind = "" if branch.kind in ("main", "branch") else f" {branch.kind}:"
        turn = bisect_left(branch.requests, number) + 1
        return f"{place.conversation + 1}{letter}.{turn}{kind}"

    def answered(self, number: int, answer: JsonObject | None) -> bool:
        """Take the answer to a request, before the one that goes on from it.

        Returns whether it came too late for one: all are better grouped anew then.
        """
        self._linker.answered(number, answer)
        late = number in self._gone_on or as_text((answer or {}).get("id")) in self._missed
        for block in blocks_of_answer(answer):
            if block.get("type") in USES:
                for words in _strings(block.get("input")):
                    self._by_words[hash(words)] = number
                    late = late or self._by_first.get(hash(words), number) > number
        return late

    def _place(self, link: Link, session: str, first: int | None, number: int) -> Placed | None:
        before = link.before
        if before is not None:
            return self._going_on(link, before, number)
        if link.same is not None and self._owners[link.same] == self._owners[number]:
            return self._again(link, link.same)
        caller = None if first is None else self._by_words.get(first)
        if caller is not None:
            return self._branch(link, caller, "sub-agent")
        near = link.shares
        if near is None:
            near = self._by_session.get(session)
        if near is None:
            near = self._alike(first, number)
        if near is None:
            return None
        alike = _same_voice(self._systems[near], self._systems[number])
        if not alike and self._armed[number] and self._is_minor(near):
            if session:
                self._by_session[session] = number
            return self._as_main(link, near)
        return self._branch(link, near, "branch" if alike else "side call")

    def _is_minor(self, near: int) -> bool:
        """Whether all that there is of a conversation are calls at its side, without tools."""
        talk = self.talks[self.places[near].conversation]
        return not any(self._armed[number] for number in talk.requests)

    def _as_main(self, link: Link, near: int) -> Placed:
        """Return where the main branch begins of a conversation that began with a side call."""
        place = self._branch(link, near, "main")
        for branch in self.talks[place.conversation].branches[:-1]:
            branch.kind = "side call"
        return place

    def _for_user(self, link: Link, user: str, number: int) -> Placed | None:
        """Return where another agent's request for a user belongs; None where it begins anew."""
        last = self._by_user.get(user)
        if last is None or _same_voice(self._systems[last], self._systems[number]):
            return None
        return self._branch(link, last, "side call")

    def _going_on(self, link: Link, before: int, number: int) -> Placed:
        _, conversation, branch = self.places[before]
        tip = self.talks[conversation].branches[branch].tip
        if not _same_voice(self._systems[before], self._systems[number]):
            return self._branch(link, before, "side call")
        while tip > before and (earlier := self.places[tip].link.same) is not None:
            tip = earlier  # An attempt at the same request.
        if before == tip:
            return Placed(link, conversation, branch)
        return self._branch(link, before, "branch")

    def _again(self, link: Link, earlier: int) -> Placed:
        """Return where a request belongs that was sent before: an attempt, as long as no more."""
        _, conversation, branch = self.places[earlier]
        if self.talks[conversation].branches[branch].tip == earlier:
            return Placed(link, conversation, branch)
        return self._branch(link, earlier, "branch")

    def _alike(self, first: int | None, number: int) -> int | None:
        """Return a request of the same beginning, where nothing says that it is another session."""
        found = None if first is None or self._owners[number] else self._by_first.get(first)
        if found is None:
            return None
        alike = _same_voice(self._systems[found], self._systems[number])
        return found if alike else None

    def _branch(self, link: Link, start: int, kind: BranchKind) -> Placed:
        conversation = self.places[start].conversation
        branches = self.talks[conversation].branches
        branches.append(Branch(kind, start))
        return Placed(link, conversation, len(branches) - 1)


# --- what tells conversations apart ---------------------------------------------------------------


def session_of(request: JsonObject, headers: Mapping[str, str]) -> str:
    """Return the session that a request names in `metadata` or a header, empty where none."""
    known = _metadata(request)
    named = as_text(known.get("session_id")) or as_text(known.get("conversation_id"))
    user = as_text(known.get("user_id")) or ""
    if not named and user.startswith("{"):
        named = _named_in(user)
    if not named:
        found = _SESSION.search(user)
        named = found[1] if found else None
    if not named:
        named = next((text for name, text in headers.items() if _names_session(name)), None)
    return named or ""


def user_of(request: JsonObject) -> str:
    """Return the user that a request names in `metadata`, empty where none."""
    return as_text(_metadata(request).get("user_id")) or ""


def _metadata(request: JsonObject) -> JsonObject:
    metadata = request.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _named_in(text: str) -> str | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return as_text(found.get("session_id")) if isinstance(found, dict) else None


def _names_session(name: str) -> bool:
    return name.lower().replace("_", "-").endswith(_HEADERS)


def _first(request: JsonObject) -> int | None:
    """Return the hash of the text of the first turn, None where it has none."""
    turns = messages_of(request)
    texts = (
        [text_of(block) for block in blocks_of(turns[0]) if isinstance(block, dict)]
        if turns
        else []
    )
    text = "\n".join(texts).strip()
    return hash(text) if text else None


def _system(request: JsonObject) -> str:
    system = request.get("system")
    if isinstance(system, str):
        return system
    blocks = system if isinstance(system, list) else []
    return "\n".join(text_of(block) for block in blocks if isinstance(block, dict))


def _same_voice(one: str, other: str) -> bool:
    """Whether two system prompts are the same one, perhaps with another date in it."""
    if one == other:
        return True
    shorter, longer = sorted((len(one), len(other)))
    head = common_length(one, other)
    tail = min(common_length(one[::-1], other[::-1]), shorter - head)
    return (head + tail) * 2 > longer


def _strings(value: object) -> Iterator[str]:
    """Yield the longer texts at the top of a tool's input."""
    if isinstance(value, dict):
        for item in value.values():
            if isinstance(item, str) and len(item) >= _LEAST:
                yield item.strip()
