"""What is looked for in the bytes of events: plain text, or a regular expression.

Plain text is found however it is spelled on the wire: each of its characters stands there as UTF-8
or as any escape that JSON has for it. It is compared without regard to case unless it has an
upper-case letter. A regular expression (`re:` in front) is taken as it is written; `(?i)` in it
ignores case.

Python cannot interrupt a regular expression, and a careless one takes exponential time. So one sees
little at a time: an event is cut to its first `SEEN` bytes, and assembled text comes in lines.
"""

from __future__ import annotations

import re
import warnings
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Final

from tui.core.text import clip, one_line
from tui.core.timeline import Timeline

SEEN: Final = 65_536
"""Bytes of an event, or characters of a line, that a regular expression sees at most."""
MAX_LENGTH: Final = 1_000
REGEX_PREFIX: Final = "re:"

_MOST_EVENTS: Final = 4_096
_SHORT_ESCAPES: Final = dict(zip('\b\f\n\r\t"\\/', 'bfnrt"\\/', strict=True))
# What encoders write as \u00XX although JSON does not ask for it: Go's, PHP's and .NET's for HTML.
_ESCAPED_BY_SOME: Final = frozenset("\"\\/<>&'+`\x7f")


class NeedleError(ValueError):
    """Nothing can be looked for. The text is one line that says why."""


class Plain:
    """Plain text to look for."""

    window: Final = 262_144
    """Bytes to look at in one step: about a millisecond."""

    def __init__(self, text: str) -> None:
        """Raises NeedleError for an empty text, and for a very long one."""
        _check_length(text)
        self.size = len(text)
        """Length in code points of every match in assembled text."""
        self._fold = not any(char.isupper() for char in text)
        variants = [_variants(char) if self._fold else [char] for char in text]
        self.pattern = re.compile(
            "".join(f"[{''.join(map(re.escape, chars))}]" for chars in variants)
        )
        """Finds it in assembled text."""
        spellings = [_spellings(chars, self._fold) for chars in variants]
        self._regex = re.compile(b"".join(map(_one_of, spellings)))
        self._anchors = _anchors(spellings)
        self._verify = any(len(found) > 1 for found in spellings)

    def events(self, timeline: Timeline, first: int, last: int) -> list[int]:
        """Return the events from `first` up to `last` whose bytes have it in them."""
        offsets, lengths = timeline.offsets[first:last], timeline.lengths[first:last]
        base = offsets[0]
        window = timeline.raw.read(base, offsets[-1] + lengths[-1] - base)
        if self._fold:
            window = window.lower()
        numbers = _where(window, self._anchors[0], base, offsets, lengths)
        for other in self._anchors[1:]:
            numbers = sorted({*numbers, *_where(window, other, base, offsets, lengths)})
        if self._verify:
            search = self._regex.search
            starts = [offset - base for offset in offsets]
            numbers = [
                number
                for number in numbers
                if search(window, starts[number], starts[number] + lengths[number]) is not None
            ]
        return [first + number for number in numbers]


class Regex:
    """A regular expression to look for."""

    window: Final = 32_768
    """Bytes to look at in one step: about a millisecond, for a simple expression."""
    size: Final = 0
    """Unknown: a match may have any length."""

    def __init__(self, pattern: str) -> None:
        """Raises NeedleError for what is no regular expression."""
        _check_length(pattern)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.pattern = re.compile(pattern, re.MULTILINE)
        except re.error as error:
            raise NeedleError(one_line(clip(f"regular expression: {error.msg}", 200))) from None
        except (ValueError, OverflowError, RecursionError):
            raise NeedleError("regular expression: too large, or with odd flags") from None

    def events(self, timeline: Timeline, first: int, last: int) -> list[int]:
        """Return the events from `first` up to `last` that it matches in their first bytes."""
        offsets, lengths = timeline.offsets[first:last], timeline.lengths[first:last]
        base = offsets[0]
        window = timeline.raw.read(base, offsets[-1] + lengths[-1] - base)
        search = self.pattern.search
        found = []
        for seq, offset, length in zip(range(first, last), offsets, lengths, strict=True):
            start = offset - base
            text = window[start : start + min(length, SEEN)].decode("utf-8", "replace")
            if search(text.rstrip("\r\n")) is not None:
                found.append(seq)
        return found


Needle = Plain | Regex
ShouldStop = Callable[[], bool]
"""Asked between steps of about a millisecond: whether to leave the rest for the next call."""


def parse_needle(text: str) -> Needle:
    """Return what `text` asks for: a regular expression after `re:`, else plain text.

    Raises NeedleError for an invalid expression, and where nothing is asked for.
    """
    if text.startswith(REGEX_PREFIX):
        return Regex(text.removeprefix(REGEX_PREFIX))
    return Plain(text)


def step_end(timeline: Timeline, first: int, window: int) -> int:
    """Return where a step from `first` over about `window` bytes ends: one event at least."""
    end = min(len(timeline), first + _MOST_EVENTS)
    return bisect_left(timeline.offsets, timeline.offsets[first] + window, first + 1, end)


def _where(
    window: bytes, literal: bytes, base: int, offsets: array[int], lengths: array[int]
) -> list[int]:
    """Return which of the events in `window`, numbered from 0, have `literal` in them."""
    count = window.count(literal)
    if not count:
        return []
    find = window.find
    if count * 4 > len(offsets):
        spans = enumerate(zip(offsets, lengths, strict=True))
        return [
            number
            for number, (offset, length) in spans
            if find(literal, offset - base, offset - base + length) >= 0
        ]
    found = []
    place = find(literal)
    while place >= 0:
        number = bisect_right(offsets, base + place) - 1
        end = offsets[number] + lengths[number] - base
        # No literal goes on past a line end, so none reaches into the next event. But a line end
        # may be looked for, and some stand between events.
        if place < end:
            found.append(number)
        place = find(literal, max(end, place + 1))
    return found


def _check_length(text: str) -> None:
    if not text:
        raise NeedleError("nothing to look for")
    if len(text) > MAX_LENGTH:
        raise NeedleError(f"longer than {MAX_LENGTH} characters")


def _variants(char: str) -> list[str]:
    """Return a character in either case; only what is one character, ASCII or not, as it was."""
    found = {char, char.lower(), char.upper()}
    return sorted(other for other in found if len(other) == 1 and other.isascii() == char.isascii())


def _spellings(variants: list[str], fold: bool) -> list[bytes]:
    """Return how one character may stand on the wire. Where case is ignored, ASCII is lowered."""
    found: dict[bytes, None] = {}
    for char in variants:
        if fold and char.isascii() and char != char.lower():
            continue
        found[char.encode("utf-8", "surrogatepass")] = None
        if char in _SHORT_ESCAPES:
            found[b"\\" + _SHORT_ESCAPES[char].encode()] = None
        if char in _ESCAPED_BY_SOME or not char.isascii() or char < " ":
            digits = char.encode("utf-16-be", "surrogatepass").hex()
            for hexadecimal in (digits,) if fold else (digits, digits.upper()):
                units = [hexadecimal[at : at + 4] for at in range(0, len(digits), 4)]
                found["".join(f"\\u{unit}" for unit in units).encode()] = None
    return list(found)


def _one_of(spellings: list[bytes]) -> bytes:
    return b"(?:" + b"|".join(map(re.escape, spellings)) + b")"


def _anchors(spellings: list[list[bytes]]) -> list[bytes]:
    """Return literals of which one is in every match: the longest to be had."""
    best = spellings[0]
    run = b""
    for found in spellings:
        run = run + found[0] if len(found) == 1 else b""
        here = [run] if run else found
        best = max(best, here, key=lambda literals: min(map(len, literals)))
    return best
