"""Which request goes on from which answer: conversations found among requests in any order of use.

A request goes on from an answer that it names (`thread.previous_message_id`), else from the one
whose turns it begins with, else from the one whose blocks it sends back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any, Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.core.text import common_length
from tui.messages.request import blocks_of, ids_of, messages_of, role_of, text_of

_USES: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_UNSAID: Final = frozenset({"stream", "cache_control", "diagnostics", "metadata"})
"""Fields of a request that say nothing about what is asked."""


class RequestAndAnswer(NamedTuple):
    """A request and its answer, as the message without streaming. None where it is not known."""

    request: JsonObject | None
    answer: JsonObject | None


class Link(NamedTuple):
    """Where an exchange belongs. Numbers are those of earlier exchanges."""

    before: int | None
    """The exchange that its request goes on from."""
    same: tuple[int, ...]
    """The exchanges with the same request."""


class Back(NamedTuple):
    """An answer in the request that goes on from it."""

    blocks: list[JsonObject] | None
    """The content blocks that were sent back, None where the server has kept them."""
    rest: list[JsonObject]
    """The content blocks of the turn after them. What comes later answers none of its calls."""


class TurnBlock(NamedTuple):
    """A content block of a request, and whose it is. Turns of one role run into each other."""

    role: str | None
    block: JsonObject


def items_of(request: JsonObject) -> list[TurnBlock]:
    """Return the content blocks of all turns, in order."""
    return [
        TurnBlock(role_of(turn), block)
        for turn in messages_of(request)
        for block in blocks_of(turn)
        if isinstance(block, dict)
    ]


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return JSON without what makes no difference: `cache_control`, nulls, `1.0` instead of `1`.

    The content of a tool's result is a string where it is one text alone.
    """
    if isinstance(value, dict):
        kept = {
            name: plain(item)
            for name, item in value.items()
            if item is not None and name != "cache_control"
        }
        content = kept.get("content")
        if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
            only = content[0]
            if only.keys() == {"type", "text"} and only["type"] == "text":
                kept["content"] = only["text"]
        return kept
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def same(one: object, other: object) -> bool:
    """Whether two JSON values say the same."""
    return _dump(one) == _dump(other)


def _dump(value: object) -> str:
    try:
        return json.dumps(plain(value), sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__} {id(value)}>"


# --- the answer in the next request ---------------------------------------------------------------


def sent_back(request: JsonObject, answer: JsonObject | None, following: JsonObject) -> Back | None:
    """Return what became of an answer in the request that goes on from it.

    None where another answer stands in its place, or where that cannot be told.
    """
    old, new = items_of(request), items_of(following)
    named = previous_message(following)
    if named is not None and named == as_text((answer or {}).get("id")):
        return Back(None, [item.block for item in new])
    start: int | None = len(old)
    extends = len(new) >= len(old) and all(
        one.role == other.role and same(one.block, other.block)
        for one, other in zip(old, new, strict=False)
    )
    if not extends:
        start = _place_of(answer, new)
    if start is None:
        return None
    end = start
    while end < len(new) and new[end].role == "assistant":
        end += 1
    back = [item.block for item in new[start:end]]
    if back and not is_of(answer, back):
        return None
    after = takewhile(lambda item: item.role != "assistant", new[end:])
    return Back(back, [item.block for item in after])


def _place_of(answer: JsonObject | None, items: list[TurnBlock]) -> int | None:
    """Return where the turn begins in which a tool's call of this answer is sent back."""
    ids = ids_of(blocks_of_answer(answer), "id", _USES)
    for place, (role, block) in enumerate(items):
        if role == "assistant" and as_text(block.get("id")) in ids:
            while place and items[place - 1].role == "assistant":
                place -= 1
            return place
    return None


def blocks_of_answer(answer: JsonObject | None) -> list[JsonObject]:
    """Return the content blocks of an answer."""
    return [block for block in blocks_of(answer) if isinstance(block, dict)]


def joined_text(blocks: Sequence[JsonObject]) -> str:
    """Return the text of all text blocks, without white space at its ends."""
    return "".join(map(text_of, blocks)).strip()


def is_of(answer: JsonObject | None, back: Sequence[JsonObject]) -> bool:
    """Whether blocks of an assistant turn come from this answer, changed or not."""
    came = blocks_of_answer(answer)
    if not came:
        return False
    ids, sent_ids = ids_of(came, "id", _USES), ids_of(back, "id", _USES)
    if ids & sent_ids:
        return True
    if ids and sent_ids:
        return False
    if ids_of(came, "signature") & ids_of(back, "signature"):
        return True
    text, sent = joined_text(came), joined_text(back)
    if not text or not sent:
        return not text and not sent and not sent_ids
    shorter = min(len(text), len(sent))
    head = common_length(text, sent)
    tail = min(common_length(text[::-1], sent[::-1]), shorter - head)
    return (head + tail) * 2 > shorter


# --- conversations --------------------------------------------------------------------------------


def link(exchanges: Sequence[RequestAndAnswer]) -> list[Link]:
    """Return where each exchange belongs, in the order in which they were sent."""
    by_id: dict[str, int] = {}
    by_call: dict[str, int] = {}
    by_turns: dict[int, list[int]] = {}
    by_request: dict[int, list[int]] = {}
    links = []
    for number, (request, answer) in enumerate(exchanges):
        before = None
        identical: list[int] = []
        if request is not None:
            prefixes = list(_prefixes(request))
            identical = by_request.setdefault(_whole(request), [])
            before = _named(request, by_id)
            if before is None:
                before = _extended(exchanges, request, prefixes, by_turns)
            if before is None:
                before = _answered(request, by_call)
            by_turns.setdefault(prefixes[-1], []).append(number)
        links.append(Link(before, tuple(identical)))
        identical.append(number)
        message = answer or {}
        id = as_text(message.get("id"))
        if id:
            by_id[id] = number
        for call in ids_of(blocks_of_answer(answer), "id", _USES):
            by_call[call] = number
    return links


def _prefixes(request: JsonObject) -> Iterator[int]:
    """Yield a number for what a request begins with: nothing, one block, two blocks, …"""
    mark = 0
    yield mark
    for role, block in items_of(request):
        mark = hash((mark, role, _dump(block)))
        yield mark


def _whole(request: JsonObject) -> int:
    said = {name: value for name, value in request.items() if name not in _UNSAID}
    return hash(_dump(said))


def previous_message(request: JsonObject) -> str | None:
    """Return the id of the message after which a request sends only what is new."""
    thread = request.get("thread")
    return as_text(thread.get("previous_message_id")) if isinstance(thread, dict) else None


def _named(request: JsonObject, by_id: dict[str, int]) -> int | None:
    name = previous_message(request)
    return None if name is None else by_id.get(name)


def _extended(
    exchanges: Sequence[RequestAndAnswer],
    request: JsonObject,
    prefixes: list[int],
    by_turns: dict[int, list[int]],
) -> int | None:
    """Return the exchange with the most turns that this request begins with.

    Of several, the one whose answer comes next in it; else the last.
    """
    for length in range(len(prefixes) - 2, 0, -1):
        found = by_turns.get(prefixes[length])
        if not found:
            continue
        items = items_of(request)[length:]
        back = []
        for role, block in items:
            if role != "assistant":
                break
            back.append(block)
        fitting = [number for number in found if is_of(exchanges[number].answer, back)]
        if fitting:
            return fitting[-1]
        # Another answer stands there: a branch, whose beginning the two have in common.
        return None if back else found[-1]
    return None


def _answered(request: JsonObject, by_call: dict[str, int]) -> int | None:
    """Return the exchange whose call is the last that this request sends back."""
    for role, block in reversed(items_of(request)):
        if role == "assistant":
            id = as_text(block.get("id"))
            if id in by_call:
                return by_call[id]
    return None
