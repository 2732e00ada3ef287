"""Regular expressions that somebody typed, in time that is linear in the text.

Python's engine takes exponential time for a careless expression, and cannot be interrupted. RE2
goes through a text once. In return it knows no look-around and no backreferences, and its `\\w`,
`\\d` and `\\b` are those of ASCII (`\\pL` is any letter).

It works on bytes; places in text are counted in code points here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import re2

from tui.core.text import clip, one_line

SEEN: Final = 65_536
"""Code points, or bytes of an event, that an expression is applied to at once, at most."""

# The programs that RE2 makes of expressions are bounded: an expression whose states are too many
# to be remembered costs a step for each instruction and byte, and 16 million take 0.1 seconds.
_MEMORY: Final = 2 << 20
_MEMORY_OF_OURS: Final = 16 << 20
_MOST_INSTRUCTIONS: Final = 8_192
_MOST_STEPS: Final = 1 << 24
_MULTI_LINE: Final = "(?m)"
# What can tell the ends of the text from those of its lines: \A, \z, and ^ $ in (?-m).
_KNOWS_THE_ENDS: Final = re.compile(rb"\\[Az]|\(\?[a-zA-Z]*-")
_NOT_LINEAR: Final = re.compile(r"invalid perl operator: \(\?([=!>(<]|P$)|escape sequence: \\[1-9]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_LATER_BYTES: Final = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that begin no character."""

Bounds = tuple[int, int]
MatchCall = Callable[[Any, bytes, int, int], list[Bounds]]
# The binding itself: the module around it takes three times as long for a match.
ANYWHERE: Final[Any] = re2._re2.RE2.Anchor.UNANCHORED
NO_SPAN: Final[Bounds] = (-1, -1)
_TOO_LARGE: Final = "too large: repeat less"


class ExpressionError(ValueError):
    """No expression that can be searched with. The text is one line that says why."""


class Expression:
    """A compiled expression. `^` and `$` are the ends of lines."""

    def __init__(self, pattern: str | bytes) -> None:
        """Take what somebody typed as text, or bytes for an expression over bytes.

        Raises ExpressionError.
        """
        options: Any = re2.Options()
        options.log_errors = False  # It would write on the screen.
        options.never_capture = True
        options.max_mem = _MEMORY
        typed = isinstance(pattern, str)
        if isinstance(pattern, str):
            try:
                data = (_MULTI_LINE + pattern).encode()
            except UnicodeEncodeError:
                raise ExpressionError("it has half of a character in it") from None
        else:
            data = pattern
            options.max_mem = _MEMORY_OF_OURS
            options.encoding = re2.Options.Encoding.LATIN1
        compiled: Any = re2._re2.RE2(data, options)
        if not compiled.ok():
            raise ExpressionError(_why(compiled.error()))
        size: int = compiled.ProgramSize()
        if typed and size > _MOST_INSTRUCTIONS:
            raise ExpressionError(_TOO_LARGE)
        self.seen = min(SEEN, _MOST_STEPS // max(size, 1))
        """Of how much it is applied to at once: less than `SEEN` for a large expression."""
        self.is_local = _KNOWS_THE_ENDS.search(data, len(_MULTI_LINE)) is None
        """Whether a match within a line is one wherever the line stands."""
        self.match: MatchCall = compiled.Match
        """Called with `ANYWHERE`, bytes, where to begin and where to end; the first span is that of
        the first match, `NO_SPAN` for none."""


class Scan:
    """Finds the matches in one text from left to right. None goes on past the end of a line."""

    def __init__(self, expression: Expression, text: str) -> None:
        self._match = expression.match
        self._is_local = expression.is_local
        try:
            self._data = text.encode()
        except UnicodeEncodeError:
            text = _SURROGATES.sub("\ufffd", text)
            self._data = text.encode()
        self._text = text
        self._is_ascii = len(self._data) == len(text)
        # A place that is known in code points and in bytes.
        self._char = self._byte = 0
        self._begin = self._end = -1
        self._line = b""

    def find(self, at: int) -> Bounds | None:
        """Return the first match from code point `at` on within a line, its end left out.

        `at` never goes back.
        """
        data = self._data
        start = self._to_byte(at)
        while start < len(data):
            span: Bounds | None = None
            if self._is_local:
                span = self._search(data, start)
                if span is None:
                    return None
                start = span[0]
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            if span is None or start < end < span[1]:
                # It goes on past the line, and others of this text will.
                self._is_local = False
                span = self._search_line(start, end)
            if span is not None and span[0] < end:
                return self._chars(span)
            start = end + 1
        return None

    def _search_line(self, start: int, end: int) -> Bounds | None:
        """Return the first match from `start` on in the line that ends at `end`, and is all."""
        if self._end != end:
            self._begin, self._end = self._data.rfind(b"\n", 0, start) + 1, end
            self._line = self._data[self._begin : end]
        begin = self._begin
        span = self._search(self._line, start - begin)
        return None if span is None else (begin + span[0], begin + span[1])

    def _search(self, data: bytes, start: int) -> Bounds | None:
        span = self._match(ANYWHERE, data, start, len(data))[0]
        return None if span == NO_SPAN else span

    def _to_byte(self, at: int) -> int:
        if self._is_ascii:
            return at
        self._byte += len(self._text[self._char : at].encode())
        self._char = at
        return self._byte

    def _chars(self, span: Bounds) -> Bounds:
        """Return the code points of which a match has at least a byte."""
        if self._is_ascii:
            return span
        start, end = span
        # \C matches a byte, and so within a character.
        while start < end and self._data[start] & 0xC0 == 0x80:
            start -= 1
        before = self._char + _count(self._data[self._byte : start])
        return before, before + _count(self._data[start:end])


def _count(data: bytes) -> int:
    """Return how many characters begin in UTF-8."""
    return len(data) if data.isascii() else len(data.translate(None, _LATER_BYTES))


def _why(error: bytes | str) -> str:
    said = error.decode("utf-8", "replace") if isinstance(error, bytes) else error
    if "too large" in said or "repetition size" in said:
        return _TOO_LARGE
    if _NOT_LINEAR.search(said):
        return "RE2 has no look-around, no \\1"
    return one_line(clip(said.replace(_MULTI_LINE, "", 1), 200))
