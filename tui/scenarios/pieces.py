"""Cutting text and tool input into the pieces that a model sends, the same ones every time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

Rng = Callable[[], float]
"""Uniform in [0, 1), as `random.Random(seed).random`."""

# Leading space belongs to the word after it, as in the tokenizers; long words come in parts.
_TOKEN = re.compile(r"\n+|[ \t]*[^\W\d_]{1,8}|[ \t]*\d{1,3}|[ \t]*[^\w\s]{1,3}|[ \t]+|.", re.DOTALL)
_WORDS_IN_A_DELTA = (1, 1, 1, 2, 2, 3)


def words(text: str, rng: Rng) -> list[str]:
    """`text` in deltas of one to three tokens. Joined, the pieces are `text` again."""
    tokens = _TOKEN.findall(text)
    out: list[str] = []
    at = 0
    while at < len(tokens):
        count = _WORDS_IN_A_DELTA[int(rng() * len(_WORDS_IN_A_DELTA))]
        out.append("".join(tokens[at : at + count]))
        at += count
    return out


def sizes(text: str, low: int, high: int, rng: Rng) -> list[str]:
    """`text` in pieces of `low` to `high` code points, wherever that cuts."""
    out: list[str] = []
    at = 0
    while at < len(text):
        size = low + int(rng() * (high - low + 1))
        out.append(text[at : at + size])
        at += size
    return out


def members(text: str) -> list[str]:
    """A JSON object as ordinary tool streaming sends it: one whole key and value at a time.

    Text that is not a JSON object with members is one piece. Joined, the pieces are `text` again.
    """
    try:
        if not isinstance(json.loads(text), dict):
            return [text]
    except ValueError:
        return [text]
    out: list[str] = []
    begin = depth = at = 0
    quoted = False
    while at < len(text):
        char = text[at]
        if quoted:
            if char == "\\":
                at += 1
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
        if not quoted and ((depth == 1 and char == ",") or depth == 0) and text[begin:at].strip():
            out.append(text[begin:at])
            begin = at
        at += 1
    out.append(text[begin:])
    return out
