"""Values that fit a JSON schema, taken from the words of a prompt where they can be."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

_DEEPEST: Final = 8
_SHALLOW: Final = 4  # Down to here a value has all that it may have, further only what it must.
_MOST_ITEMS: Final = 100
_MOST_VALUES: Final = 2_000  # A schema that refers to itself could ask for any number.
_ENDLESS: Final = 1e300  # A limit beyond this is none: infinite, or of more digits than JSON takes.
_READ: Final = 4_000  # characters of a prompt
_PLACE: Final = re.compile(
    r"\b(?i:in|at|for|near|from|to|between|and|of)\s+((?:[A-Z][\w.'-]*)(?:,? [A-Z][\w.'-]*)*)"
)
_NAME: Final = re.compile(r"\b[A-Z][\w'-]*(?: [A-Z][\w'-]*)*")
_SMALL_PLACE: Final = re.compile(r"\bin (?!the\b|my\b|a\b|an\b|your\b)([a-z][\w-]+)")
_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_SUM: Final = re.compile(r"[\d(][\d\s.+*/^()%-]*[\d)]")
_PLACES: Final = frozenset("location place city town country region station address where".split())
_PROMPTS: Final = frozenset("query question text prompt content message search topic".split())
_SUMS: Final = frozenset("expression formula calculation equation sum".split())
_FORMATS: Final = {
    "date": "2026-11-20",
    "duration": "PT1H",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "date-time": "2026-11-20T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def places(prompt: str) -> list[str]:
    """The places that a prompt names, in its order: San Francisco, SF, Paris and Rome."""
    read = prompt[:_READ]
    found = _names(_PLACE, read) or _SMALL_PLACE.findall(read)
    return list(dict.fromkeys(found))


def _names(rule: re.Pattern[str], text: str) -> list[str]:
    found = (name.rstrip(".'") for name in rule.findall(text))
    return [name for name in found if not re.match(r"I\b", name)]


def fitting(schema: Mapping[str, Any], prompt: str, place: str = "", *, whole: bool = False) -> Any:  # noqa: ANN401
    """A value that fits `schema`: the required properties, filled from the prompt.

    With `whole` it has the optional ones as well. `place` is what is written where a location is
    asked for. A schema that cannot be met, or is none, gets a value of its type all the same.
    """
    return _Filler(schema, prompt, place, whole).value(schema, "", 0)


class _Filler:
    def __init__(self, root: Mapping[str, Any], prompt: str, place: str, whole: bool) -> None:
        self.root = root
        self.prompt = prompt[:_READ]
        self.place = place
        self.whole = whole
        self.left = _MOST_VALUES

    def value(self, schema: object, name: str, depth: int) -> Any:  # noqa: ANN401
        self.left -= 1
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if isinstance(options := schema.get("enum"), list) and options:
            return self._mentioned(options)
        if schema.get("default") is not None:
            return schema["default"]
        kind = schema.get("type") or ("object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        if kind == "boolean":
            return True
        return None if kind == "null" else self._string(schema, name)

    def _resolved(self, schema: object, depth: int) -> Mapping[str, Any]:
        """The schema without references and choices: one alternative, all parts in one."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, Mapping):
                return {}
            if isinstance(pointer := schema.get("$ref"), str):
                schema = _joined(_without(schema, "$ref"), [self._at(pointer)])
            elif isinstance(parts := schema.get("allOf"), list) and parts:
                schema = _joined(_without(schema, "allOf"), parts)
            elif key := next((key for key in ("anyOf", "oneOf") if _is_list(schema.get(key))), ""):
                rest = _without(schema, key, "default")
                schema = _joined(rest, [self._chosen(schema[key], depth)])
            else:
                return schema
        return {}

    def _chosen(self, options: Sequence[object], depth: int) -> object:
        """The first alternative that says something; far down the one that ends soonest."""
        if depth < _SHALLOW:
            return next((one for one in options if not _is_null(one)), options[0])
        return min(options, key=lambda one: self._height(one, frozenset()))

    def _height(self, schema: object, pending: frozenset[str]) -> float:
        """How deep a value of a schema goes at least; endless where it leads to itself."""
        self.left -= 1
        if self.left < 0 or not isinstance(schema, Mapping):
            return 0 if self.left >= 0 else math.inf
        if isinstance(pointer := schema.get("$ref"), str):
            if pointer in pending:
                return math.inf
            return self._height(self._at(pointer), pending | {pointer})
        for key in ("anyOf", "oneOf"):
            if _is_list(options := schema.get(key)):
                return min(self._height(one, pending) for one in options)
        inner = [schema.get("items")] if schema.get("minItems") else []
        properties, required = schema.get("properties"), schema.get("required")
        if isinstance(properties, Mapping) and isinstance(required, list):
            inner = [properties.get(name) for name in required if isinstance(name, str)]
        inner += part if isinstance(part := schema.get("allOf"), list) else []
        return 1 + max((self._height(one, pending) for one in inner), default=0)

    def _at(self, pointer: str) -> object:
        found: object = self.root
        for step in pointer.removeprefix("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            found = found.get(step) if isinstance(found, Mapping) else None
        return found

    def _mentioned(self, options: Sequence[object]) -> object:
        said = self.prompt.lower()
        return next(
            (one for one in options if isinstance(one, str) and one.lower() in said), options[0]
        )

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if depth >= _DEEPEST or self.left < 0:
            return {}
        required, properties = schema.get("required"), schema.get("properties")
        known = properties if isinstance(properties, Mapping) else {}
        needed = [one for one in required if isinstance(one, str)] if _is_list(required) else []
        every = self.whole and depth < _SHALLOW
        names = [name for name in known if every or name in needed]
        names += (name for name in needed if name not in known)
        return {name: self.value(known.get(name), name, depth + 1) for name in names}

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        if depth >= _DEEPEST or self.left < 0:
            return []
        if _is_list(places := schema.get("prefixItems")):
            return [self.value(one, name, depth + 1) for one in places[:_MOST_ITEMS]]
        least, most = schema.get("minItems"), schema.get("maxItems")
        count = least if type(least) is int and 0 <= least <= _MOST_ITEMS else 0
        if depth < _SHALLOW and most != 0:
            count = max(count, 1)
        return [self.value(schema.get("items"), name, depth + 1) for _ in range(count)]

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> int | float:
        said = _NUMBER.search(self.prompt)
        value = float(said[0]) if said else 1.0
        low, high = -math.inf, math.inf
        step = 1.0 if whole else 0.0
        for key, sign, beside in (
            ("minimum", 1, 0.0),
            ("exclusiveMinimum", 1, step),
            ("maximum", -1, 0.0),
            ("exclusiveMaximum", -1, step),
        ):
            limit = schema.get(key)
            if isinstance(limit, bool) or not isinstance(limit, int | float):
                continue
            if abs(limit) >= _ENDLESS:
                continue
            if sign > 0:
                low = max(low, limit + beside)
            else:
                high = min(high, limit - beside)
        value = min(max(value, low), high)
        if value in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")):
            # There is no number next to a limit: half-way to the other one, or a little off it.
            value = ((low if high == math.inf else high) + (high if low == -math.inf else low)) / 2
            value += (high == math.inf) - (low == -math.inf)
        factor = schema.get("multipleOf")
        if isinstance(factor, int | float) and 0 < factor < _ENDLESS:
            times = math.ceil(value / factor)
            value = times * factor if times * factor <= high else (times - 1) * factor
        if not whole and value != int(value):
            return value
        return math.ceil(value) if math.ceil(value) <= high else math.floor(value)

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        if isinstance(form := schema.get("format"), str) and form in _FORMATS:
            return _FORMATS[form]
        text = self._said(set(re.findall(r"[a-z]+", name.lower())), name)
        least, most = schema.get("minLength"), schema.get("maxLength")
        if type(least) is int and len(text) < least <= 10_000:
            text = text.ljust(least, ".")
        return text[:most] if type(most) is int and most >= 0 else text

    def _said(self, asked: set[str], name: str) -> str:
        if asked & _SUMS and (found := _SUM.search(self.prompt)):
            return found[0].strip()
        if asked & _PROMPTS:
            return self.prompt
        names = _names(_NAME, self.prompt)[1:]  # The first one begins the sentence.
        if asked & _PLACES:
            return self.place or next(iter(places(self.prompt) or names), "San Francisco")
        return next(iter(names), self.prompt[:80] or name)


def _joined(first: Mapping[str, Any], parts: Sequence[object]) -> Mapping[str, Any]:
    """All that several schemas say, in one; of two that say it differently the first one's."""
    joined = dict(first)
    for part in parts:
        for key, value in part.items() if isinstance(part, Mapping) else ():
            mine = joined.get(key)
            if key == "properties" and isinstance(mine, Mapping) and isinstance(value, Mapping):
                joined[key] = {**value, **mine}
            elif key == "required" and isinstance(mine, list) and isinstance(value, list):
                joined[key] = [*mine, *(name for name in value if name not in mine)]
            elif key not in joined:
                joined[key] = value
    return joined


def _without(schema: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in names}


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and bool(value)


def _is_null(schema: object) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"
