"""Fields that no version of the API declares: what they add up to over the events of a stream.

Without streaming such a field would come once and whole. So what the events have of it are its
parts: objects are merged, lists are joined, and of anything else the last one stands, where null
says nothing. That is how the official SDK treats a field of an event that it does not know. Fields
that are declared to hold the latest value (counts, stop reason, container, signature) are not
these.
"""

from __future__ import annotations

from typing import Any, Final

from tui.core.records import JsonObject

_CONTAINERS: Final = (dict, list)


class Extras:
    """The undeclared fields of a message or a block, as parts that are put together on demand."""

    __slots__ = ("_parts",)

    def __init__(self, parts: list[JsonObject] | None = None) -> None:
        self._parts: list[JsonObject] = [] if parts is None else parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Extras) and self._parts == other._parts

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Extras({self._parts!r})"

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, part: JsonObject) -> None:
        """Take the fields of one event. They are not changed."""
        parts = self._parts
        # A count with every event is not worth a place for each: the last one stands.
        if parts and parts[-1].keys() == part.keys() and _overwrites(part, parts[-1]):
            parts[-1] = part
        else:
            parts.append(part)

    def onto(self, base: JsonObject) -> JsonObject:
        """Return `base` with these fields added to what it has of them."""
        result = dict(base)
        parts: dict[str, list[Any]] = {}
        for part in self._parts:
            for name, value in part.items():
                parts.setdefault(name, []).append(value)
        for name, values in parts.items():
            result[name] = joined([result[name], *values] if name in result else values)
        return result

    def mark(self) -> tuple[int, JsonObject | None]:
        """Return what `upto` needs to give back the state of now."""
        return len(self._parts), self._parts[-1] if self._parts else None

    def upto(self, mark: tuple[int, JsonObject | None]) -> Extras:
        """Return what this was when `mark` was made. Only the last part may have changed since."""
        count, last = mark
        return Extras([] if last is None else [*self._parts[: count - 1], last])


def joined(values: list[Any]) -> Any:  # noqa: ANN401
    """Return what the parts of one field make, in their order. They are not changed."""
    said = [value for value in values if value is not None]
    if not said:
        return None
    last = said[-1]
    kind = type(last)
    if kind not in _CONTAINERS:
        return last
    first = len(said) - 1
    while first and type(said[first - 1]) is kind:
        first -= 1
    if first == len(said) - 1:
        return last
    if kind is list:
        return [item for part in said[first:] for item in part]
    fields: dict[str, list[Any]] = {}
    for part in said[first:]:
        for name, value in part.items():
            fields.setdefault(name, []).append(value)
    return {name: joined(parts) for name, parts in fields.items()}


def _overwrites(part: JsonObject, earlier: JsonObject) -> bool:
    """Whether `part` replaces every value of `earlier`, which has the same fields."""
    return not any(
        value is None or type(value) in _CONTAINERS or type(earlier[name]) in _CONTAINERS
        for name, value in part.items()
    )
