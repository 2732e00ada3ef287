"""Coloured spans of JSON: what is drawn of it."""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple

from tui.core import json_tokens
from tui.core.json_tokens import find_tokens


class SpanKind(enum.IntEnum):
    """What a span is, for its colour."""

    PUNCT = 0
    KEY = 1
    STRING = 2
    NUMBER = 3
    LITERAL = 4
    SPACE = 5
    INVALID = 6
    PENDING = 7


class Span(NamedTuple):
    """Text of one kind; `start` is its offset in the raw text, -1 where the layout put it in."""

    text: str
    kind: SpanKind
    start: int


KINDS: Final = [SpanKind.PUNCT] * 128
"""What a token of each code is."""
KINDS[json_tokens.KEY] = SpanKind.KEY
KINDS[json_tokens.STRING] = SpanKind.STRING
KINDS[json_tokens.NUMBER] = SpanKind.NUMBER
KINDS[json_tokens.LITERAL] = SpanKind.LITERAL
_KEY: Final = SpanKind.KEY
_PUNCT: Final = SpanKind.PUNCT
_SPACE: Final = Span(" ", SpanKind.SPACE, -1)
_BY_FIRST: Final = {
    '"': SpanKind.STRING,
    **dict.fromkeys("-0123456789", SpanKind.NUMBER),
    **dict.fromkeys("tfn", SpanKind.LITERAL),
}
"""What a value without brackets is, by its first character."""
_MEMBER: Final = re.compile(
    r'\s*("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*(:)\s*'
    r'("[^"\\]*+(?:\\.[^"\\]*+)*+"|[-+.0-9eE]++|true|false|null)\s*(,?)\s*'
).fullmatch
"""A name and a value that has no brackets."""


def spans_of(text: str, base: int, start: int, end: int) -> tuple[tuple[Span, ...], int]:
    """Return the spans of the whole tokens from `start` to `end` on one line, and their width.

    `text` is a part of valid JSON, and begins at the offset `base`.
    """
    new = tuple.__new__
    member = _MEMBER(text, start, end)
    if member:
        name, colon, value, comma = member.groups()
        at = member.start
        spans: tuple[Span, ...] = (
            new(Span, (name, _KEY, base + at(1))),
            new(Span, (colon, _PUNCT, base + at(2))),
            _SPACE,
            new(Span, (value, _BY_FIRST[value[0]], base + at(3))),
        )
        if comma:
            spans += (new(Span, (comma, _PUNCT, base + at(4))),)
        return spans, len(name) + len(": ") + len(value) + len(comma)
    found = []
    width, gap = 0, False
    for token in find_tokens(text, start, end):
        if gap:
            found.append(_SPACE)
            width += 1
        piece, code = token[0], token.lastindex
        found.append(new(Span, (piece, KINDS[code or 0], base + token.start())))
        width += len(piece)
        gap = not code and piece in ",:"
    return tuple(found), width
