"""JSON text to tokens, in pieces of any size, each character read once.

Tokens live in columns (code, start, end; 9 bytes a token), so there is no object for each token.
Those that are not needed any more can be forgotten. Offsets are code points in the whole text.
"""

from __future__ import annotations

import re
from array import array
from typing import Final, NamedTuple

from tui.core.buffer import Buffer
from tui.core.json_grammar import (
    AFTER_ITEM,
    AFTER_KEY,
    AFTER_MEMBER,
    BLANKS,
    DIGITS,
    END,
    FIRST_ITEM,
    FIRST_KEY,
    MEMBER,
    NEXT_ITEM,
    NEXT_KEY,
    STRING_BODY,
    TOP,
    WHOLE_NUMBER,
    WORDS,
    skip,
)

# A token's code: that of its character for punctuation, else one of these.
KEY: Final = 1
STRING: Final = 2
NUMBER: Final = 3
LITERAL: Final = 4
INVALID: Final = 5
COMMA: Final = ord(",")
OPENERS: Final = b"[{"
CLOSERS: Final = b"]}"
_ARRAY, _OBJECT = OPENERS
_NAMES: Final = {KEY: "key", STRING: "string", NUMBER: "number", LITERAL: "literal"}

_SMALL: Final = 2**32 - 1
"""Code points up to which an offset takes four bytes."""
_BREAKS: Final = re.compile("\n").finditer
_ANY_ESCAPE: Final = 5
"""Just after a backslash; below, the count of hex digits still to come."""
_NUMBER: Final = re.compile(
    # With what follows, as a number may go on where the text ends.
    r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?=[,\]} \n\t\r])"
).match


find_tokens: Final = re.compile(
    # The groups are numbered as the codes are. A name is a string with a colon behind it.
    r'("[^"\\]*+(?:\\.[^"\\]*+)*+")(?=[ \t\n\r]*:)|("[^"\\]*+(?:\\.[^"\\]*+)*+")'
    r"|([-0-9][-+.0-9eE]*+)|(true|false|null)|[\]\[{},:]"
).finditer
"""Finds the tokens of valid JSON, whole ones."""


_find_words: Final = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\]\[{},:]|[^\]\[{},:" \t\n\r]++'
).findall


def line_width(text: str) -> int:
    """Return the columns of valid JSON on one line: a blank behind each separator, but the last."""
    words: list[str] = _find_words(text)
    width = sum(map(len, words)) + words.count(",") + words.count(":")
    return width - bool(words and words[-1] in ",:")


class Tokens(NamedTuple):
    """Some tokens, in columns; where each begins and ends."""

    codes: bytearray
    starts: array[int]
    ends: array[int]


def tokens_of(text: str, base: int) -> Tokens:
    """Return the tokens of a part of valid JSON, whole ones, that begins at the offset `base`."""
    found = list(find_tokens(text))
    codes = bytearray([each.lastindex or ord(each[0]) for each in found])
    typecode = "I" if base + len(text) <= _SMALL else "Q"
    starts = array(typecode, [base + each.start() for each in found])
    return Tokens(codes, starts, array(typecode, [base + each.end() for each in found]))


class TokenReader:
    """Text to token columns; the last token may be open, and grow.

    `codes`, `starts` and `ends` have an entry a token that is not forgotten. After an error one
    INVALID token, empty in the columns, stands for everything from there on.
    """

    def __init__(self) -> None:
        self.text = Buffer()
        self.size = 0
        self.codes = bytearray()
        self.starts = array("I")
        self.ends = array("I")
        self.stack = bytearray()
        """The brackets that are open, by their opening characters."""
        self.error: tuple[int, str] | None = None
        self.breaks = array("Q")
        """In text that is no JSON: where its second line begins, the third, and so on."""
        self._base = 0
        self._place = TOP
        self._after = END
        self._open = 0
        self._escape = 0
        self._word = ""
        self._seen = 0
        self._digits = ""

    def feed(self, text: str) -> None:
        """Read on. Takes any text; from the first error on it is only kept."""
        self._append(text)
        if self.error is None:
            pos = self._resume(text, 0) if self._open else 0
            if self.error is None:
                self._scan(text, pos)
        if self.error is not None:
            start = max(self.error[0] - self._base, 0)
            if not self.codes or self.codes[-1] != INVALID:
                self.codes.append(INVALID)
                self.starts.append(self._base + start)
                self.ends.append(self._base + start)
            self.breaks.extend(self._base + found.end() for found in _BREAKS(text, start))

    def _append(self, text: str) -> None:
        self._base = self.size
        self.size += len(text)
        if self.size > _SMALL and self.starts.typecode == "I":
            self.starts, self.ends = array("Q", self.starts), array("Q", self.ends)
        self.text.append(text)

    @property
    def wants_comma(self) -> bool | None:
        """Whether a comma comes before the next member, None where no member can come next."""
        if self._open or self.error is not None:
            return None
        if self._place is AFTER_MEMBER or self._place is AFTER_ITEM:
            return True
        return False if self._place is NEXT_KEY or self._place is NEXT_ITEM else None

    def pass_by(self, text: str, first: int) -> None:
        """Take text that was read elsewhere, up to the end of a value, and `stack` kept with it.

        The tokens before its index `first` are forgotten, with all that came earlier.
        """
        self._append(text)
        self.codes, self.starts, self.ends = tokens_of(text[first:], self._base + first)
        self._after = END
        if self.stack:
            self._after = AFTER_MEMBER if self.stack[-1] == _OBJECT else AFTER_ITEM
        self._place = self._after

    def kept(self, text: str, pos: int) -> Tokens:
        """Return the tokens that are not forgotten, with a comma if `text` goes on with one."""
        tokens = Tokens(self.codes[:], self.starts[:], self.ends[:])
        comma = skip(BLANKS, text, pos)
        if text.startswith(",", comma):
            tokens.codes.append(COMMA)
            tokens.starts.append(self.size + comma - pos)
            tokens.ends.append(tokens.starts[-1] + 1)
        return tokens

    def forget(self, count: int) -> None:
        """Forget the first tokens, and never the last one."""
        del self.codes[:count], self.starts[:count], self.ends[:count]

    def finish(self) -> None:
        """No more text will come: a value that is not complete becomes an error at the end."""
        if self.error is None and self.size and not self.complete:
            self.error = (self.size, self._cut())

    @property
    def complete(self) -> bool:
        """One whole value was read, and nothing after it but white space."""
        if self.error is not None or self._place is not END:
            return False
        return not self._open or self._is_whole_number()

    @property
    def owed(self) -> str:
        """What closes the open token. In a cut escape, zeros or a backslash complete it."""
        if self._open == LITERAL:
            return self._word[self._seen :]
        if self._open in (KEY, STRING):
            return ("\\" if self._escape == _ANY_ESCAPE else "0" * self._escape) + '"'
        return ""

    def _is_whole_number(self) -> bool:
        return self._open == NUMBER and self._digits in WHOLE_NUMBER

    def _cut(self) -> str:
        if self._open and not self._is_whole_number():
            return f"ends inside a {_NAMES[self._open]}"
        if self._place.cut:
            return self._place.cut
        count = len(self.stack)
        return "1 bracket is open" if count == 1 else f"{count} brackets are open"

    def _fail(self, pos: int, reason: str) -> int:
        self.error = (self._base + pos, reason)
        return pos

    def _scan(self, text: str, pos: int) -> None:
        """Read tokens from `pos` to the end of the text, or to the first error."""
        base, size = self._base, len(text)
        codes, starts, ends, stack = self.codes, self.starts, self.ends, self.stack
        place, after = self._place, self._after
        while pos < size:
            char = text[pos]
            if char not in place.accepts:
                if char not in " \n\t\r":
                    self._fail(pos, place.expected)
                    break
                pos += 1
                if pos < size and text[pos] == " ":
                    pos = skip(BLANKS, text, pos)
                continue
            starts.append(base + pos)
            if char == '"':
                if place is FIRST_KEY or place is NEXT_KEY:
                    code = KEY
                    place = AFTER_KEY
                else:
                    code = STRING
                    place = after
                codes.append(code)
                pos = skip(STRING_BODY, text, pos + 1)
                if pos < size and text[pos] == '"':
                    pos += 1
                    ends.append(base + pos)
                    continue
                self._escape = 0
            elif char in ",:{}[]":
                codes.append(ord(char))
                pos += 1
                ends.append(base + pos)
                if char == ",":
                    place = NEXT_KEY if place is AFTER_MEMBER else NEXT_ITEM
                elif char == ":":
                    place = MEMBER
                elif char == "{":
                    stack.append(_OBJECT)
                    place, after = FIRST_KEY, AFTER_MEMBER
                elif char == "[":
                    stack.append(_ARRAY)
                    place, after = FIRST_ITEM, AFTER_ITEM
                else:
                    del stack[-1]
                    if stack:
                        after = AFTER_MEMBER if stack[-1] == _OBJECT else AFTER_ITEM
                    else:
                        after = END
                    place = after
                continue
            else:
                place = after
                if char in WORDS:
                    code = LITERAL
                    self._word = WORDS[char]
                    self._seen = 0
                    codes.append(LITERAL)
                else:
                    codes.append(NUMBER)
                    number = _NUMBER(text, pos)
                    if number:
                        pos = number.end()
                        ends.append(base + pos)
                        continue
                    code = NUMBER
                    self._digits = "start"
            self._open = code
            ends.append(base + pos)
            pos = self._resume(text, pos)
            if self.error is not None:
                break
        self._place, self._after = place, after

    def _resume(self, text: str, pos: int) -> int:
        """Read on in the open token; return where it ends, the text ends, or an error is."""
        if self._open == NUMBER:
            pos = self._resume_number(text, pos)
        elif self._open == LITERAL:
            pos = self._resume_word(text, pos)
        else:
            pos = self._resume_string(text, pos)
        self.ends[-1] = self._base + pos
        return pos

    def _resume_string(self, text: str, pos: int) -> int:
        size = len(text)
        while pos < size:
            char = text[pos]
            if self._escape == _ANY_ESCAPE:
                if char not in '"\\/bfnrtu':
                    return self._fail(pos, "not an escape")
                self._escape = 4 if char == "u" else 0
            elif self._escape:
                if char not in "0123456789abcdefABCDEF":
                    return self._fail(pos, "expected a hex digit")
                self._escape -= 1
            elif char == "\\":
                self._escape = _ANY_ESCAPE
            elif char == '"':
                self._open = 0
                return pos + 1
            elif char < " ":
                return self._fail(pos, "control character in a string")
            else:
                pos = skip(STRING_BODY, text, pos)
                continue
            pos += 1
        return pos

    def _resume_word(self, text: str, pos: int) -> int:
        for wanted, char in zip(self._word[self._seen :], text[pos : pos + 5], strict=False):
            if char != wanted:
                return self._fail(pos, f"expected '{self._word}'")
            self._seen += 1
            pos += 1
        if self._seen == len(self._word):
            self._open = 0
        return pos

    def _resume_number(self, text: str, pos: int) -> int:
        state = self._digits
        size = len(text)
        while pos < size:
            following = DIGITS[state].get(text[pos])
            if following is None:
                if state not in WHOLE_NUMBER:
                    return self._fail(pos, "expected a digit")
                self._open = 0
                break
            state = following
            pos += 1
        self._digits = state
        return pos
