"""The JSON values in a file: one a line, in an array, or one after another on many lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from jiter import from_json

from tui.captures.in_memory_file import Readable
from tui.core.records import JsonObject, strict_loads

BOM: Final = b"\xef\xbb\xbf"
_BLANKS: Final = b" \t\r\n"
_HEAD: Final = 4096
_MOST_BROKEN: Final = 20
"""A file whose values lie on many lines is given up after so many that are no JSON: where the next
one begins is a guess, and each takes a look at all that follows."""
_NEXT: Final = re.compile(r"\n(?=[{\[])")


class FoundValue(NamedTuple):
    """One value. `value` is None where there is something else, or JSON's null."""

    place: str
    """Where it is, in words, such as `line 3`."""
    value: Any
    raw: bytes | None = None
    """The bytes it was read from, where they are its own."""

    @property
    def on_a_line(self) -> bool:
        """Whether just its line was read for it; otherwise it was the whole file."""
        return self.place.startswith("line ")


def values_of(file: Readable) -> Iterator[FoundValue]:
    """Yield the values of a file. Raises OSError.

    Lines are read as they are asked for; an array and values of several lines are read whole.
    """
    with file.open("rb") as opened:
        first = _first(opened.read(_HEAD))
    if first == b"[":
        whole = file.read_bytes()
        items = _value(whole)
        if isinstance(items, list):
            yield from _items(items)
            return
        rest = _whole_items(whole)
        if rest:
            yield from _items(rest)
            yield FoundValue(f"item {len(rest) + 1}", None)
            return
    if first == b"{" and not _begins_with_a_line(file):
        yield from _one_after_another(file.read_bytes())
        return
    with file.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            if line.removeprefix(BOM).strip(_BLANKS):
                yield FoundValue(f"line {number}", _value(line), line)


def parse(data: bytes) -> object:
    """Parse one JSON value. Raises ValueError."""
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError:
        return strict_loads(data.removeprefix(BOM).decode("utf-8"))


def parse_object(line: bytes) -> JsonObject | None:
    """Return a line's JSON object, None where it holds none."""
    value = _value(line)
    return value if isinstance(value, dict) else None


def _value(data: bytes) -> object:
    try:
        return parse(data)
    except ValueError:
        return None


def _first(head: bytes) -> bytes:
    return head.removeprefix(BOM).lstrip(_BLANKS)[:1]


def _items(items: list[Any]) -> Iterator[FoundValue]:
    for number, item in enumerate(items, 1):
        yield FoundValue(f"item {number}", item)


def _whole_items(data: bytes) -> list[Any]:
    """Return the items of an array that breaks off, but for the one in which it does."""
    try:
        items = from_json(data.removeprefix(BOM), allow_inf_nan=False, partial_mode="on")
    except ValueError:
        return []
    return items[:-1] if isinstance(items, list) else []


def _begins_with_a_line(file: Readable) -> bool:
    """Whether the first line that is not blank is a value of its own."""
    with file.open("rb") as opened:
        for line in opened:
            if line.strip(_BLANKS):
                return _value(line) is not None
    return True


def _one_after_another(data: bytes) -> Iterator[FoundValue]:
    text = data.decode("utf-8-sig", "replace")
    at = number = broken = 0
    while True:
        at = _skip_blanks(text, at)
        if at == len(text):
            return
        number += 1
        end = _end_of_value(text, at)
        value = None if end is None else _strict(text[at:end])
        raw = None if end is None else text[at:end].encode("utf-8", "replace")
        yield FoundValue(f"value {number}", value, raw)
        if end is not None:
            at = end
            continue
        following = _NEXT.search(text, at + 1)
        broken += 1
        if following is None or broken == _MOST_BROKEN:
            return
        at = following.end()


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


_TOKEN: Final = re.compile(r'[{}\[\]]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def _end_of_value(text: str, at: int) -> int | None:
    """Return where the brackets that open at `at` are closed, None where they are not."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        sign = token[0]
        if sign in ("{", "["):
            depth += 1
        elif sign in ("}", "]"):
            depth -= 1
            if depth <= 0:
                return token.end()
        elif not depth:
            return None
    return None


def _strict(text: str) -> object:
    try:
        return strict_loads(text)
    except ValueError:
        return None
