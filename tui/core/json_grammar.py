"""The grammar of JSON, as what reads it piece by piece needs it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_DEPTH: Final = 201
"""How deep JSON may be nested. It is what jiter takes, so that all parsers agree, however much of
the interpreter's own stack is in use."""
MAX_DIGITS: Final = 4_300
"""How long a number may be, without its sign. Python reads no longer integer, as that takes a time
that grows with the square of the length."""


class Place(NamedTuple):
    """A place in the grammar between two tokens."""

    accepts: str
    expected: str
    cut: str = ""
    """What to say of a text that ends here; empty: its open brackets say it."""


_VALUE: Final = '"{[-0123456789tfn'
TOP: Final = Place(_VALUE, "expected a value", "ends before a value")
FIRST_ITEM: Final = Place(_VALUE + "]", "expected a value or ']'")
NEXT_ITEM: Final = Place(_VALUE, "expected a value", "ends after ','")
AFTER_ITEM: Final = Place(",]", "expected ',' or ']'")
FIRST_KEY: Final = Place('"}', "expected a key or '}'")
NEXT_KEY: Final = Place('"', "expected a key", "ends after ','")
AFTER_KEY: Final = Place(":", "expected ':'", "ends after a key")
MEMBER: Final = Place(_VALUE, "expected a value", "ends after ':'")
AFTER_MEMBER: Final = Place(",}", "expected ',' or '}'")
END: Final = Place("", "expected nothing more")

WORDS: Final = {"t": "true", "f": "false", "n": "null"}
_MARKS: Final = {"e": "mark", "E": "mark"}
_POWER: Final = dict.fromkeys("0123456789", "power")
_LEADING: Final = {"0": "zero"} | dict.fromkeys("123456789", "integer")
DIGITS: Final = {
    "start": {"-": "minus"} | _LEADING,
    "minus": _LEADING,
    "zero": {".": "point"} | _MARKS,
    "integer": {".": "point"} | _MARKS | dict.fromkeys("0123456789", "integer"),
    "point": dict.fromkeys("0123456789", "fraction"),
    "fraction": _MARKS | dict.fromkeys("0123456789", "fraction"),
    "mark": {"+": "sign", "-": "sign"} | _POWER,
    "sign": _POWER,
    "power": _POWER,
}
"""The states of a number: what a character leads to."""
WHOLE_NUMBER: Final = frozenset({"zero", "integer", "fraction", "power"})

# Possessive, so that a string without an end costs no more than one with.
STRING_BODY: Final = re.compile(
    r'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*+)*+'
)
BLANKS: Final = re.compile(r"[ \t\n\r]*")


def skip(run: re.Pattern[str], text: str, pos: int) -> int:
    """Where a run that may be empty ends."""
    found = run.match(text, pos)
    return found.end() if found else pos
