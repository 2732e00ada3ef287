"""Requests in groups: conversations, and the branches of each.

A request belongs to the conversation of the one that it goes on from, else to that whose tool call
asks what it asks, else to that of the same session, else to one that begins with the same turn.
Within it, it goes on with a branch or begins one: where another request has gone on from there
already, or another system prompt speaks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.core.text import common_length
from tui.messages.following import USES, blocks_of_answer
from tui.messages.linking import Link, Linker
from tui.messages.request import blocks_of, messages_of, text_of

BranchKind = Literal["main", "branch", "sub-agent", "side call"]

_SESSION: Final = re.compile(r"session[_-]?([0-9a-f][0-9a-f-]{7,})", re.IGNORECASE)
_HEADERS: Final = ("session-id", "conversation-id", "thread-id")
"""How the names of headers end that tell sessions apart."""
_VOICE: Final = 2_000
"""Characters of a system prompt that tell whose it is."""
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
        self._sessions: list[str] = []
        self._by_session: dict[str, int] = {}
        self._by_first: dict[int, int] = {}
        self._by_words: dict[int, int] = {}
        """Texts are known by their hashes: some are long."""
        self._voices: dict[str, str] = {}

    def ask(
        self,
        request: JsonObject | None,
        headers: Mapping[str, str] | None = None,
        *,
        counts: bool = False,
    ) -> Placed:
        """Take the next request, with its headers. One that `counts` tokens leads to nothing."""
        number = len(self.places)
        link = self._linker.ask(None if counts else request)
        known = request or {}
        session, first = session_of(known, headers or {}), _first(known)
        voice = _system(known)[:_VOICE]
        self._systems.append(self._voices.setdefault(voice, voice))
        self._sessions.append(session)
        if counts:
            place = self._aside(link, session, first)
        else:
            place = self._place(link, session, first, number)
        talk = self.talks[place.conversation]
        talk.requests.append(number)
        branch = talk.branches[place.branch]
        branch.requests.append(number)
        branch.tip = number
        self.places.append(place)
        if session and not counts:
            self._by_session.setdefault(session, number)
        if first is not None and not counts:
            self._by_first[first] = number
        return place

    def goes_on(self, number: int) -> Placed:
        """Take a later message of the body that answered a request: nobody asked for it."""
        here = self.places[number]
        place = Placed(self._linker.ask(None), here.conversation, here.branch)
        self._systems.append(self._systems[number])
        self._sessions.append(self._sessions[number])
        self.talks[here.conversation].requests.append(len(self.places))
        self.talks[here.conversation].branches[here.branch].requests.append(len(self.places))
        self.places.append(place)
        return place

    def answered(self, number: int, answer: JsonObject | None) -> None:
        """Take the answer to a request, before the one that goes on from it."""
        self._linker.answered(number, answer)
        for block in blocks_of_answer(answer):
            if block.get("type") in USES:
                for words in _strings(block.get("input")):
                    self._by_words[hash(words)] = number

    def _place(self, link: Link, session: str, first: int | None, number: int) -> Placed:
        before = link.before
        if before is not None:
            return self._going_on(link, before, number)
        if link.same is not None and self._sessions[link.same] == session:
            return self._again(link, link.same)
        caller = None if first is None else self._by_words.get(first)
        if caller is not None:
            return self._branch(link, caller, "sub-agent")
        near = link.shares
        if near is None:
            near = self._by_session.get(session)
        if near is None:
            near = self._alike(session, first, number)
        if near is None:
            return self._alone(link)
        alike = _same_voice(self._systems[near], self._systems[number])
        return self._branch(link, near, "branch" if alike else "side call")

    def _aside(self, link: Link, session: str, first: int | None) -> Placed:
        """Return where a request belongs that only counts: beside those that begin as it does."""
        near = self._by_session.get(session) if session else self._by_first.get(first or 0)
        return self._alone(link) if near is None else self._branch(link, near, "side call")

    def _alone(self, link: Link) -> Placed:
        self.talks.append(Talk(branches=[Branch("main")]))
        return Placed(link, len(self.talks) - 1, 0)

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

    def _alike(self, session: str, first: int | None, number: int) -> int | None:
        """Return a request of the same beginning, where nothing says that it is another session."""
        found = None if first is None or session else self._by_first.get(first)
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
    metadata = request.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    named = as_text(known.get("session_id")) or as_text(known.get("conversation_id"))
    user = as_text(known.get("user_id")) or ""
    if not named and user.startswith("{"):
        named = _named_in(user)
    if not named:
        found = _SESSION.search(user)
        named = found[1] if found else None
    if not named:
        named = next((text for name, text in headers.items() if _names_session(name)), None)
    return named or user


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
