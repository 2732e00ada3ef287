"""Values that fit a JSON schema, taken from the words of a prompt where they can be."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_DEEPEST: Final = 8
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


def fitting(schema: Mapping[str, Any], prompt: str, place: str = "") -> Any:  # noqa: ANN401
    """A value that fits `schema`: the required properties, filled from the prompt.

    `place` is what is written where a location is asked for. A schema that cannot be met, or is
    none, gets a value of its type all the same.
    """
    return _Filler(schema, prompt, place).value(schema, "", 0)


class _Filler:
    def __init__(self, root: Mapping[str, Any], prompt: str, place: str) -> None:
        self.root = root
        self.prompt = prompt[:_READ]
        self.place = place
        self.left = _MOST_VALUES

    def value(self, schema: object, name: str, depth: int) -> Any:  # noqa: ANN401
        self.left -= 1
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(options := schema.get("enum"), list) and options:
            return self._mentioned(options)
        if "default" in schema:
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

    def _resolved(self, schema: object) -> Mapping[str, Any]:
        for _ in range(_DEEPEST):
            if not isinstance(schema, Mapping):
                return {}
            if isinstance(pointer := schema.get("$ref"), str):
                schema = self._at(pointer)
                continue
            for key in ("anyOf", "oneOf", "allOf"):
                if isinstance(options := schema.get(key), list) and options:
                    schema = next((one for one in options if not _is_null(one)), {})
                    break
            else:
                return schema
        return {}

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
        required, properties = schema.get("required"), schema.get("properties")
        if depth >= _DEEPEST or self.left < 0 or not isinstance(required, list):
            return {}
        known = properties if isinstance(properties, Mapping) else {}
        return {
            name: self.value(known.get(name), name, depth + 1)
            for name in required
            if isinstance(name, str)
        }

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        if depth >= _DEEPEST or self.left < 0:
            return []
        least = schema.get("minItems")
        count = least if type(least) is int and 0 <= least <= 100 else 1
        return [self.value(schema.get("items"), name, depth + 1) for _ in range(count)]

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> int | float:
        said = _NUMBER.search(self.prompt)
        value = float(said[0]) if said else 1.0
        for key, pick, step in (
            ("minimum", max, 0),
            ("exclusiveMinimum", max, 1),
            ("maximum", min, 0),
            ("exclusiveMaximum", min, -1),
        ):
            limit = schema.get(key)
            if isinstance(limit, bool) or not isinstance(limit, int | float):
                continue
            if abs(limit) < _ENDLESS:
                value = pick(value, limit + step)
        return math.ceil(value) if whole or value == int(value) else value

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


def _is_null(schema: object) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"
