"""What became of an answer in the request that goes on from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice, takewhile
from typing import Any, Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.core.text import common_length
from tui.messages.request import blocks_of, ids_of, messages_of, role_of, text_of

_encode: Final = json.JSONEncoder(sort_keys=True).encode
_STEP: Final = 32
USES: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


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


def common(one: list[Any], other: list[Any]) -> int:
    """Return how many values two lists begin with in common."""
    most = min(len(one), len(other))
    place = 0
    while place < most and one[place : place + _STEP] == other[place : place + _STEP]:
        place += _STEP
    while place < most and one[place] == other[place]:
        place += 1
    return min(place, most)


def items_of(request: JsonObject, start: int = 0) -> list[TurnBlock]:
    """Return the content blocks of all turns from one on, in order."""
    return [
        TurnBlock(role_of(turn), block)
        for turn in islice(messages_of(request), start, None)
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
    """Whether two JSON values say the same. One that cannot be written says what it alone says."""
    try:
        return _encode(plain(one)) == _encode(plain(other))
    except (TypeError, ValueError, RecursionError):
        return one is other


def thread_of(request: JsonObject) -> str | None:
    """Return the message that a request says it goes on from."""
    thread = request.get("thread")
    return as_text(thread.get("previous_message_id")) if isinstance(thread, dict) else None


# --- the answer in the next request ---------------------------------------------------------------


def sent_back(request: JsonObject, answer: JsonObject | None, following: JsonObject) -> Back | None:
    """Return what became of an answer in the request that goes on from it.

    None where another answer stands in its place, or where that cannot be told.
    """
    named = thread_of(following)
    if named is not None and named == as_text((answer or {}).get("id")):
        return Back(None, [item.block for item in items_of(following)])
    # What the two begin with in common is nearly all of a long history.
    place = common(messages_of(request), messages_of(following))
    old, new = (items_of(one, place) for one in (request, following))
    start: int | None = len(old)
    extends = len(new) >= len(old) and all(
        one.role == other.role and same(one.block, other.block)
        for one, other in zip(old, new, strict=False)
    )
    if not extends:
        new = items_of(following)
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
    ids = ids_of(blocks_of_answer(answer), "id", USES)
    if not ids:
        return None
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
    ids, sent_ids = ids_of(came, "id", USES), ids_of(back, "id", USES)
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
