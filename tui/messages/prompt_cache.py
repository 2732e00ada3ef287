"""What the prompt cache can keep of a request, and what it kept.

It keeps prefixes: the tools, then the system prompt, then the turns. The first place that differs
from the request before is where reading from the cache ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import takewhile, zip_longest
from typing import Any, Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_count
from tui.core.text import common_length
from tui.core.usage import token_counts
from tui.messages.request import messages_of, role_of

LOOKBACK: Final = 20
"""How many blocks before a marker the API looks for what it has kept."""
_BEFORE: Final = 20
_AFTER: Final = 60
"""Characters shown on both sides of the first that differs."""
_MARKER: Final = "cache_control"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_FIRST: Final = ("type", "role", "name", "id")
"""Fields that say what an item is: where one of them differs, others do because of it."""

Path = tuple[str | int, ...]


class _Absent:
    """Stands for what is not there; null is."""


_ABSENT: Final = _Absent()


class Difference(NamedTuple):
    """The first place where a request departs from the one before it."""

    path: str
    """As in `tools[1].description`. It ends in `cache_control` where only the markers moved."""
    before: str | None
    """What stood there, shortened around the first character that differs; None for nothing. Of a
    marker, the place."""
    after: str | None


class CacheUse(NamedTuple):
    """Where the input tokens of a request came from. None is not known."""

    input: int | None
    """Neither read from the cache nor written to it."""
    read: int | None
    write: int | None
    total: int | None
    hit_rate: float | None
    """The part of the total that was read from the cache."""


class _Item(NamedTuple):
    """A tool or a content block: what a cached prefix can end with."""

    path: Path
    value: object
    role: str | None = None
    text: bool = False
    """A string that stands for a text block."""
    marked: bool = False


# --- the difference -------------------------------------------------------------------------------


def first_difference(previous: JsonObject, current: JsonObject) -> Difference | None:
    """Return where the prefix of `current` departs from that of `previous`, None where it is kept.

    Turns and blocks added at the end keep it. The model and its speed count before everything else;
    the settings of tool choice, thinking and output count before the turns.
    """
    found = _setting(previous, current, ("model", "speed"))
    if found is not None:
        return found
    old: list[_Item] = []
    new: list[_Item] = []
    for section in (_tools, _system, _turns):
        if section is _turns:
            names = ("tool_choice", "thinking", "output_config", "output_format")
            found = _setting(previous, current, names)
            if found is not None:
                return found
            # Requests of a capture share the turns that they have in common.
            shared = _count_shared(messages_of(previous), messages_of(current))
            same = list(_turns(current, 0, shared))
            old, new = old + same, new + same
            before, after = (list(_turns(one, shared)) for one in (previous, current))
        else:
            before, after = list(section(previous)), list(section(current))
        for one, other in zip_longest(before, after):
            if one is None and section is _turns:
                break
            text, twin = _item_text(one), _item_text(other)
            if text != twin:
                return _difference(one, other)
        old += before
        new += after
    return _moved(_marked(previous, old), _marked(current, new))


def _count_shared(one: list[Any], other: list[Any]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], zip(one, other, strict=False)))


def _setting(
    previous: JsonObject, current: JsonObject, names: tuple[str, ...]
) -> Difference | None:
    for name in names:
        before, after = (_explicit(request, name) for request in (previous, current))
        if _dump(before) != _dump(after):
            return _at((name,), before, after)
    return None


def _explicit(request: JsonObject, name: str) -> object:
    value = request.get(name)
    if value is None:
        return {"speed": "standard", "tool_choice": {"type": "auto"}}.get(name, _ABSENT)
    return value


def _difference(one: _Item | None, other: _Item | None) -> Difference:
    if one is None or other is None:
        item = one or other
        assert item is not None
        before, after = (
            _ABSENT if side is None else _unwrapped(side.value) for side in (one, other)
        )
        return _shown(item.path, before, after)
    if one.role != other.role and len(other.path) > 2:
        path = (*other.path[:2], "role")
        return _shown(path, one.role or _ABSENT, other.role or _ABSENT)
    if other.text:
        return _shown(other.path, _unwrapped(one.value), _unwrapped(other.value))
    return _at(other.path, one.value, other.value)


def _at(path: Path, one: object, other: object) -> Difference:
    """Return the first place inside two values that differ."""
    while True:
        if isinstance(one, dict) and isinstance(other, dict):
            step = _first_field(one, other)
        elif isinstance(one, list) and isinstance(other, list):
            pairs = enumerate(zip_longest(one, other, fillvalue=_ABSENT))
            step = next(((n, *pair) for n, pair in pairs if _dump(pair[0]) != _dump(pair[1])), None)
        else:
            step = None
        if step is None:
            return _shown(path, one, other)
        key, one, other = step
        path = (*path, key)


def _first_field(one: JsonObject, other: JsonObject) -> tuple[str | int, object, object] | None:
    """Return the first field that differs, with both values; None where only the order does.

    The order counts: what is cached is text.
    """
    for name, twin in zip_longest(one, other):
        if name != twin:
            if name is not None and name not in other:
                return name, one[name], _ABSENT
            if twin is not None and twin not in one:
                return twin, _ABSENT, other[twin]
            return None
        if _dump(one[name]) != _dump(other[name]):
            return name, one[name], other[name]
    return None


def _shown(path: Path, one: object, other: object) -> Difference:
    if isinstance(one, str) and isinstance(other, str):
        before, after = one, other
    elif _ABSENT in (one, other):
        before, after = (side if isinstance(side, str) else _dump(side) for side in (one, other))
    else:
        before, after = _dump(one), _dump(other)
    place = common_length(before, after)
    return Difference(
        _path_text(path),
        None if one is _ABSENT else _around(before, place),
        None if other is _ABSENT else _around(after, place),
    )


def _around(text: str, place: int) -> str:
    start, end = max(place - _BEFORE, 0), place + _AFTER
    head = "\u2026" if start else ""
    tail = "\u2026" if end < len(text) else ""
    return f"{head}{text[start:end]}{tail}"


def _path_text(path: Path) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _NAME.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{_dump(step)}]"
    return text


# --- markers --------------------------------------------------------------------------------------


def _moved(old: dict[int, Path], new: dict[int, Path]) -> Difference | None:
    """Return where the last marker was, if none of the new ones finds what it had kept."""
    if not old:
        return None
    place, path = max(old.items())
    if any(place <= other <= place + LOOKBACK for other in new):
        return None
    here = min(new, key=lambda other: abs(other - place), default=None)
    after = None if here is None else _path_text(new[here])
    return Difference(_path_text((*path, _MARKER)), _path_text(path), after)


def _marked(request: JsonObject, items: list[_Item]) -> dict[int, Path]:
    """Return which items have a marker, and their paths."""
    found = {place: item.path for place, item in enumerate(items) if item.marked}
    if request.get(_MARKER) is not None and items:
        # On the request itself it stands for one on the last block.
        found[len(items) - 1] = items[-1].path
    return found


# --- the parts of a request -----------------------------------------------------------------------


def _tools(request: JsonObject) -> Iterator[_Item]:
    for item in _items(("tools",), request.get("tools")):
        # A deferred tool is not in the prefix; it comes with the turn that finds it.
        if not (isinstance(item.value, dict) and item.value.get("defer_loading") is True):
            yield item


def _system(request: JsonObject) -> Iterator[_Item]:
    return _items(("system",), request.get("system"))


def _turns(request: JsonObject, start: int = 0, end: int | None = None) -> Iterator[_Item]:
    for number, turn in enumerate(messages_of(request)[start:end], start):
        path: Path = ("messages", number)
        if not isinstance(turn, dict):
            yield _Item(path, turn)
            continue
        for item in _items((*path, "content"), turn.get("content")):
            yield item._replace(role=role_of(turn))


def _items(path: Path, value: object) -> Iterator[_Item]:
    if isinstance(value, list):
        for number, block in enumerate(value):
            yield _Item((*path, number), _clean(block), marked=_has_marker(block))
    elif isinstance(value, str):
        if value:
            yield _Item(path, {"type": "text", "text": value}, text=True)
    elif value is not None:
        yield _Item(path, value)


def _clean(block: object, *, within: bool = False) -> object:
    """Return a block without its markers, and its fields in one order; deeper down that counts.

    The blocks of a tool's result are blocks too; there are none `within` these.
    """
    if not isinstance(block, dict):
        return block
    names = [name for name in _FIRST if name in block]
    names += sorted(name for name in block if name not in _FIRST and name != _MARKER)
    value = {name: block[name] for name in names}
    content = value.get("content")
    if isinstance(content, list) and not within:
        inner = [_clean(one, within=True) for one in content]
        text = _unwrapped(inner[0]) if len(inner) == 1 else None
        value["content"] = text if isinstance(text, str) else inner
    return value


def _unwrapped(value: object) -> object:
    """Return the text of a block that has nothing else, any other value as it is."""
    if isinstance(value, dict) and value.keys() == {"type", "text"} and value["type"] == "text":
        return value["text"]
    return value


def _has_marker(block: object) -> bool:
    if not isinstance(block, dict):
        return False
    content = block.get("content")
    inner = content if isinstance(content, list) else []
    return block.get(_MARKER) is not None or any(
        isinstance(one, dict) and one.get(_MARKER) is not None for one in inner
    )


def _item_text(item: _Item | None) -> str:
    if item is None:
        return ""
    return _dump(item.value) if item.role is None else f"{item.role}: {_dump(item.value)}"


def _dump(value: object) -> str:
    if value is _ABSENT:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__}>"


# --- what was used --------------------------------------------------------------------------------


def cache_use(usage: JsonObject) -> CacheUse:
    """Read a usage object. A count that is absent, null or no count is not known."""
    fresh, read, write, *_ = token_counts(usage)
    by_lifetime = usage.get("cache_creation")
    if write is None and isinstance(by_lifetime, dict):
        counts = [count for count in map(as_count, by_lifetime.values()) if count is not None]
        write = sum(counts) if counts else None
    total = None if fresh is None else fresh + (read or 0) + (write or 0)
    rate = read / total if read is not None and total else None
    return CacheUse(fresh, read, write, total, rate)


# --- what was asked for ---------------------------------------------------------------------------

_FIVE_MINUTES_S: Final = 300
_HOUR_S: Final = 3600


def lifetime_s(request: JsonObject) -> int | None:
    """Return for how long a request asks the cache to keep its prefix, None where it does not ask.

    Of several markers the longest counts.
    """
    asked = [_ttl_of(request.get(_MARKER))] if request.get(_MARKER) is not None else []
    for section in (_tools, _system, _turns):
        for item in section(request):
            if item.marked:
                asked += [_ttl_of(marker) for marker in _markers(request, item.path)]
    return max(asked, default=None)


def _markers(request: JsonObject, path: Path) -> Iterator[object]:
    """Yield the markers of a block, and of the blocks within it."""
    block: Any = request
    for step in path:
        block = block[step]
    content = block.get("content")
    for one in [block, *(content if isinstance(content, list) else [])]:
        if isinstance(one, dict) and one.get(_MARKER) is not None:
            yield one[_MARKER]


def _ttl_of(marker: object) -> int:
    long = isinstance(marker, dict) and marker.get("ttl") == "1h"
    return _HOUR_S if long else _FIVE_MINUTES_S


def written_for_s(usage: JsonObject) -> int | None:
    """Return for how long the API says it keeps what it wrote, None where it does not say."""
    written = usage.get("cache_creation")
    if not isinstance(written, dict):
        return None
    if as_count(written.get("ephemeral_1h_input_tokens")):
        return _HOUR_S
    return _FIVE_MINUTES_S if as_count(written.get("ephemeral_5m_input_tokens")) else None
