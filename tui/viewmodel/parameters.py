"""The parameters of a request as texts to be edited, and back; and how large a request is."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final, NamedTuple

from tui.core.json_check import parse_final
from tui.core.records import JsonObject
from tui.core.text import sanitize

_FIELDS: Final = ("model", "system", "max_tokens", "thinking")
_APART: Final = ("messages", "stream", "tools")
"""What a request has besides its parameters."""
_DIAGNOSTICS: Final = "diagnostics"
_PREVIOUS: Final = "previous_message_id"
_MOST_DIGITS: Final = 9
_SHORT: Final = 56
"""Characters of JSON that are not broken into lines."""


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return `value` as JSON that can be drawn: what a terminal acts on is escaped in it."""
    return drawable(json.dumps(value, ensure_ascii=False, indent=indent))


def wire_text(value: object) -> str:
    """Return `value` as JSON without blanks, as it is sent."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def drawable(text: str) -> str:
    """Return JSON that means the same, with what a terminal acts on escaped."""
    if sanitize(text) == text:
        return text
    # Only strings hold such characters, and there an escape means the same.
    hostile = [char for char in set(text) if sanitize(char) != char]
    return text.translate({ord(char): json.dumps(char)[1:-1] for char in hostile})


class Weight(NamedTuple):
    """How large a request is."""

    size: int
    """Bytes of its JSON, without blanks."""
    tokens: int
    """About how many input tokens its text is: one for four bytes."""
    files: int
    """Images and documents in it, which are not in `tokens`."""


def weigh(request: JsonObject, wire: str) -> Weight:
    """Return how large a request is; `wire` is its text as it is sent."""
    written = files = 0
    waiting: list[object] = [request.get(name) for name in ("system", "messages", "tools")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            written += len(value.encode("utf-8", "replace"))
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            is_file = value.get("type") in ("image", "document")
            files += is_file
            for name, item in value.items():
                if name == "input_schema":
                    written += len(json.dumps(item))
                elif name != "type" and not (is_file and name == "source"):
                    waiting.append(item)
    return Weight(len(wire.encode("utf-8", "replace")), (written + 3) // 4, files)


# --- fields --------------------------------------------------------------------------------------


class Fields(NamedTuple):
    """The parameters as texts. An empty one is not sent."""

    model: str = ""
    system: str = ""
    max_tokens: str = ""
    thinking: str = ""
    other: str = ""
    asks_why: bool = False
    """Whether the API is asked why the cache missed."""


class Parsed(NamedTuple):
    """What fields say, and what is wrong with them: a sentence for the name of a field."""

    parameters: JsonObject
    mistakes: dict[str, str]


def fields_of(parameters: JsonObject) -> Fields:
    """Return parameters as texts. What cannot be shown in its field is among the others."""
    shown = {name: text for name in _FIELDS if (text := _shown(name, parameters.get(name)))}
    diagnostics = parameters.get(_DIAGNOSTICS)
    asks_why = isinstance(diagnostics, dict) and diagnostics.keys() == {_PREVIOUS}
    others = {
        name: value
        for name, value in parameters.items()
        if name not in shown and name not in _APART and not (asks_why and name == _DIAGNOSTICS)
    }
    text = json_text(others) if others else ""
    other = text if len(text) <= _SHORT else json_text(others, indent=2)
    return Fields(**shown, other=other, asks_why=asks_why)


def _shown(name: str, value: object) -> str:
    if name in ("model", "system"):
        return value if isinstance(value, str) else ""
    if name == "max_tokens":
        return str(value) if type(value) is int and 0 < value < 10**_MOST_DIGITS else ""
    if value == {"type": "disabled"}:
        return "off"
    if value == {"type": "adaptive"}:
        return "adaptive"
    budget = value.get("budget_tokens") if isinstance(value, dict) else None
    if value == {"type": "enabled", "budget_tokens": budget}:
        return _shown("max_tokens", budget)
    return ""


def parse(fields: Fields) -> Parsed:
    """Return the parameters that fields say. Those in which there is a mistake are missing."""
    found: JsonObject = {}
    mistakes: dict[str, str] = {}
    if fields.model.strip():
        found["model"] = fields.model.strip()
    if fields.system.strip():
        found["system"] = fields.system
    if fields.max_tokens.strip():
        number = _whole(fields.max_tokens)
        if number is None:
            mistakes["max_tokens"] = "has to be a whole number, 1 or more"
        else:
            found["max_tokens"] = number
    thinking = fields.thinking.strip().lower()
    if thinking in ("off", "adaptive"):
        found["thinking"] = {"type": "disabled" if thinking == "off" else thinking}
    elif thinking:
        number = _whole(thinking)
        if number is None:
            mistakes["thinking"] = "has to be off, adaptive, or a whole number"
        else:
            found["thinking"] = {"type": "enabled", "budget_tokens": number}
    if fields.asks_why:
        # Null for the first; whoever sends it fills in the id of the message before.
        found[_DIAGNOSTICS] = {_PREVIOUS: None}
    if fields.other.strip():
        others, mistake = _others(fields.other, found.keys() | mistakes.keys())
        found.update(others)
        if mistake:
            mistakes["other"] = mistake
    return Parsed(found, mistakes)


def _whole(text: str) -> int | None:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return None
    return int(text) or None


def _others(text: str, taken: Collection[str]) -> tuple[JsonObject, str]:
    """Return the parameters in a JSON text, or none and what is wrong with it."""
    value, error = parse_final(text)
    if error is not None:
        before = text[: error[0]]
        line, column = before.count("\n") + 1, error[0] - before.rfind("\n")
        return {}, f"line {line}, column {column}: {error[1]}"
    if not isinstance(value, dict):
        return {}, 'has to be an object, as {"temperature": 0.5}'
    if "messages" in value:
        return {}, "messages are what is said here: they cannot be set"
    if "stream" in value:
        return {}, "stream is always on here: it cannot be set"
    if "tools" in value:
        return {}, "tools are chosen above"
    once = (*_FIELDS, _DIAGNOSTICS)
    twice = next((name for name in once if name in value and name in taken), None)
    if twice is not None:
        return {}, f"{twice} is in its field above already"
    return value, ""
