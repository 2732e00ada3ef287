"""Tool input: whether the pieces of it make JSON, and what its value is.

JSON is what RFC 8259 says it is: no NaN, no Infinity. Of two members with one name the last one
counts. Where the standard leaves the limits open they are those of Python: integers of at most
4,300 digits, no number that a float cannot hold; and brackets as deep as jiter takes them.

What stands between brackets is passed by with one look where it is all there, so that this takes
about a tenth of the time of laying the text out. It holds the brackets that are open and the token
that is not finished, never more.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from typing import Final, NamedTuple

from tui.core import buffer
from tui.core.json_grammar import (
    AFTER_ITEM,
    AFTER_KEY,
    AFTER_MEMBER,
    BLANKS,
    DIGITS,
    END,
    FIRST_ITEM,
    FIRST_KEY,
    MAX_DEPTH,
    MAX_DIGITS,
    MEMBER,
    NEXT_ITEM,
    NEXT_KEY,
    STRING_BODY,
    TOP,
    WHOLE_NUMBER,
    WORDS,
    Place,
    skip,
)

JsonFlaw = tuple[int, str]
"""Where, in code points, and why a text is no JSON."""

W: Final = r"[ \t\n\r]*+"
STRING: Final = f'"{STRING_BODY.pattern}"'
# Surely in the range of a float; the others are looked at one by one. What may follow is part of
# it, as a number may go on where the text ends.
_NUMBER: Final = (
    r"-?(?:0|[1-9][0-9]{0,199}+)(?:\.[0-9]{1,200}+)?+(?:[eE][+-]?[0-9]{1,2}+)?+(?=[,\]} \n\t\r])"
)
SCALAR: Final = f"(?:{STRING}|{_NUMBER}|true|false|null)"
_MEMBER: Final = f"{STRING}{W}:{W}{SCALAR}{W}"
_FLAT_OBJECT: Final = rf"\{{{W}(?:{_MEMBER}(?:,{W}{_MEMBER})*+)?+\}}"
_FLAT_ARRAY: Final = rf"\[{W}(?:{SCALAR}{W}(?:,{W}{SCALAR}{W})*+)?+\]"
FLAT: Final = f"(?:{SCALAR}|{_FLAT_OBJECT}|{_FLAT_ARRAY})"
ITEMS: Final = f"(?:{W},{W}{FLAT})*+"
"""More elements of an array that have at most one bracket around them; it may be none."""
MEMBERS: Final = f"(?:{W},{W}{STRING}{W}:{W}{FLAT})*+"
"""The same for an object."""
ONE_ITEM: Final = f"{W}{FLAT}"
ONE_MEMBER: Final = f"{W}{STRING}{W}:{W}{FLAT}"
"""The one that needs no comma."""
compiled: Final = cache(re.compile)
"""Large patterns, which the first frame does not wait for."""
_CUT_ESCAPE: Final = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3}+)?+")

_OBJECT: Final = ord("{")


class JsonCheck:
    """Reads a text piece by piece; the outcome does not depend on the pieces."""

    __slots__ = (
        "_digits",
        "_error",
        "_in_key",
        "_in_string",
        "_place",
        "_rest",
        "_stack",
        "kind",
        "size",
    )

    def __init__(self) -> None:
        self.size = 0
        """Code points that were read."""
        self.kind = ""
        """The first character of the value, which tells its type; empty as long as none came."""
        self._error: JsonFlaw | None = None
        self._place = TOP
        self._stack = bytearray()
        self._in_string = self._in_key = False
        self._rest = ""  # The beginning of a token that the next piece goes on with.
        self._digits = 0, "start"  # How much of that is a number, and the state it leads to.

    def copy(self) -> JsonCheck:
        """Return one that has read the same and reads on by itself."""
        twin = JsonCheck()
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        twin._stack = self._stack.copy()
        return twin

    def feed(self, piece: str) -> None:
        """Read on. Takes any text; from the first error on it is only counted."""
        base = self.size - len(self._rest)
        self.size += len(piece)
        if self._error is None:
            text = self._rest + piece if self._rest else piece
            self._rest = ""
            end = self._read(text)
            if self._error is not None:
                self._error = base + self._error[0], self._error[1]
            else:
                self._rest = text[end:]

    def flaw(self) -> JsonFlaw | None:
        """Return what is wrong if the text ends here, None where it is one whole value."""
        if self._error is not None:
            return self._error
        if not self.size:
            return 0, "no text"
        if self._in_string:
            return self.size, f"ends inside a {'key' if self._in_key else 'string'}"
        if self._rest:
            if self._rest[0] in WORDS:
                return self.size, "ends inside a literal"
            if self._digits[1] not in WHOLE_NUMBER:
                return self.size, "ends inside a number"
            if _out_of_range(self._rest):
                return self.size - len(self._rest), "number out of range"
        elif self._place.cut:
            return self.size, self._place.cut
        count = len(self._stack)
        if not count:
            return None
        return self.size, "1 bracket is open" if count == 1 else f"{count} brackets are open"

    def _fail(self, pos: int, reason: str) -> int:
        self._error = pos, reason
        return pos

    def _read(self, text: str) -> int:
        """Read from the start of `text`; return where a token begins that may go on, or its end."""
        pos, size = 0, len(text)
        if self._in_string:
            pos = self._read_string(text, 0)
        while pos < size and self._error is None and not self._in_string:
            place = self._place
            if len(self._stack) < MAX_DEPTH:
                if place is AFTER_ITEM:
                    pos = skip(compiled(ITEMS), text, pos)
                elif place is AFTER_MEMBER:
                    pos = skip(compiled(MEMBERS), text, pos)
                elif place is FIRST_KEY:
                    found = compiled(ONE_MEMBER).match(text, pos)
                    if found:
                        self._place = place = AFTER_MEMBER
                        pos = skip(compiled(MEMBERS), text, found.end())
                if pos == size:
                    break
            char = text[pos]
            if char not in place.accepts:
                if char not in " \t\n\r":
                    return self._fail(pos, place.expected)
                pos = skip(BLANKS, text, pos)
            elif char == '"':
                self._in_string, self._in_key = True, place is FIRST_KEY or place is NEXT_KEY
                self.kind = self.kind or char
                pos = self._read_string(text, pos + 1)
            elif char in ",:{}[]":
                pos = self._read_mark(char, text, pos)
            else:
                self.kind = self.kind or char
                end = self._read_word(text, pos) if char in WORDS else self._read_number(text, pos)
                if end < 0:
                    return pos
                pos = end
        return pos

    def _leave(self) -> Place:
        """Return the place in the grammar after a value."""
        if not self._stack:
            return END
        return AFTER_MEMBER if self._stack[-1] == _OBJECT else AFTER_ITEM

    def _read_mark(self, char: str, text: str, pos: int) -> int:
        stack = self._stack
        if char == ",":
            self._place = NEXT_KEY if self._place is AFTER_MEMBER else NEXT_ITEM
        elif char == ":":
            self._place = MEMBER
        elif char in "]}":
            # As many of them at once as there are: what is deep has them in a row.
            opener, end = stack.pop(), pos + 1
            while stack and stack[-1] == opener and text.startswith(char, end):
                stack.pop()
                end += 1
            self._place = self._leave()
            return end
        else:
            if len(stack) == MAX_DEPTH:
                return self._fail(pos, "nested too deeply")
            self.kind = self.kind or char
            stack.append(ord(char))
            self._place = FIRST_KEY if char == "{" else FIRST_ITEM
        return pos + 1

    def _read_string(self, text: str, pos: int) -> int:
        """Read on in a string; return where it ends, or where a cut escape begins."""
        pos = skip(STRING_BODY, text, pos)
        if pos == len(text):
            return pos
        char = text[pos]
        if char == '"':
            self._in_string = False
            self._place = AFTER_KEY if self._in_key else self._leave()
            return pos + 1
        if char != "\\":
            return self._fail(pos, "control character in a string")
        end = skip(_CUT_ESCAPE, text, pos)
        if end == len(text):
            return pos
        return self._fail(end, "not an escape" if end == pos + 1 else "expected a hex digit")

    def _read_word(self, text: str, pos: int) -> int:
        """Return where a literal ends, -1 where more of it may follow."""
        word = WORDS[text[pos]]
        found = text[pos : pos + len(word)]
        if found == word:
            self._place = self._leave()
            return pos + len(word)
        if pos + len(found) == len(text) and word.startswith(found):
            return -1
        while not word.startswith(found):
            found = found[:-1]
        return self._fail(pos + len(found), f"expected '{word}'")

    def _read_number(self, text: str, pos: int) -> int:
        """Return where a number ends, -1 where more of it may follow."""
        end, state = _run_of_digits(text, pos, *self._digits)
        self._digits = 0, "start"
        if _too_long(text[pos:end]):
            return self._fail(pos, "number out of range")
        if end == len(text):
            self._digits = end - pos, state
            return -1
        if state not in WHOLE_NUMBER:
            return self._fail(end, "expected a digit")
        if _out_of_range(text[pos:end]):
            return self._fail(pos, "number out of range")
        self._place = self._leave()
        return end


def _run_of_digits(text: str, pos: int, known: int, state: str) -> tuple[int, str]:
    """Return where the number ends that begins at `pos`, and its state there.

    Its first `known` characters were read before, and led to `state`.
    """
    # Of a number that is too long no more is read than shows it.
    for at in range(pos + known, min(len(text), pos + MAX_DIGITS + 2)):
        following = DIGITS[state].get(text[at])
        if following is None:
            return at, state
        state = following
    return min(len(text), pos + MAX_DIGITS + 2), state


def _too_long(number: str) -> bool:
    """Whether a number, or as much of it as there is, has more characters than are read."""
    return len(number) - number.startswith("-") > MAX_DIGITS


def _out_of_range(number: str) -> bool:
    """Whether a number is larger than a float can be."""
    return not number.lstrip("-").isdecimal() and math.isinf(float(number))


class ParsedInput(NamedTuple):
    """A whole value; or, with None for the value, the offset and the reason why there is none."""

    value: object
    error: JsonFlaw | None


def parse_final(raw: str) -> ParsedInput:
    """Parse a whole text. Whatever is wrong with it comes back as the error."""
    check = JsonCheck()
    for at in range(0, len(raw), buffer.PIECE):
        check.feed(raw[at : at + buffer.PIECE])
    flaw = check.flaw()
    return ParsedInput(value_of(raw), None) if flaw is None else ParsedInput(None, flaw)


def value_of(raw: str) -> object:
    """Return the value of a text in which `JsonCheck` found no flaw.

    None where Python itself gives up: its own limits can be set lower.
    """
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
