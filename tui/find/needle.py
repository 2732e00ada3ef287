"""What is looked for in the bytes of events: plain text, or a regular expression.

Plain text is found however it is spelled on the wire: each of its characters stands there as UTF-8
or as any escape that JSON has for it. It is compared without regard to case unless it has an
upper-case letter. A regular expression (`re:` in front) is taken as it is written; `(?i)` in it
ignores case.

Either is found in linear time (`tui.find.expression`). But an expression may take long for a long
text, so it sees little at a time: an event is cut to its first 64 KiB, and assembled text comes in
lines. Of one that is large it sees less.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Final

from tui.core.timeline import Timeline
from tui.find.expression import ANYWHERE, NO_SPAN, Expression, ExpressionError

MAX_LENGTH: Final = 1_000
REGEX_PREFIX: Final = "re:"

_MOST_EVENTS: Final = 4_096
_MOST_STEPS: Final = 1 << 22
_LINE_ENDS: Final = b"\r\n"
_SHORT_ESCAPES: Final = dict(zip('\b\f\n\r\t"\\/', 'bfnrt"\\/', strict=True))
# What encoders write as \u00XX although JSON does not ask for it: Go's, PHP's and .NET's for HTML.
_ESCAPED_BY_SOME: Final = frozenset("\"\\/<>&'+`\x7f")


class NeedleError(ValueError):
    """Nothing can be looked for. The text is one line that says why."""


class PlainNeedle:
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
        # No part of these repeats, so they take at most as many steps a character as are here.
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
            numbers = [
                number
                for number in numbers
                if self._is_in(window, offsets[number] - base, lengths[number])
            ]
        return [first + number for number in numbers]

    def _is_in(self, window: bytes, start: int, length: int) -> bool:
        if length * self.size < _MOST_STEPS:
            return self._regex.search(window, start, start + length) is not None
        match = Expression(self._regex.pattern).match
        return match(ANYWHERE, window, start, start + length)[0] != NO_SPAN


class Regex:
    """A regular expression to look for."""

    window = 32_768
    """Bytes to look at in one step: about a millisecond, for a simple expression."""
    size: Final = 0
    """Unknown: a match may have any length."""

    def __init__(self, pattern: str) -> None:
        """Raises NeedleError for what is no regular expression that can be searched with."""
        _check_length(pattern)
        try:
            self.expression = Expression(pattern)
        except ExpressionError as error:
            raise NeedleError(f"regular expression: {error}") from None
        self.seen = self.expression.seen
        """Bytes of an event, or characters of a line, that it is applied to at most."""
        if self.seen < self.window:
            self.window = self.seen

    def events(self, timeline: Timeline, first: int, last: int) -> list[int]:
        """Return the events from `first` up to `last` that it matches in their first bytes."""
        offsets, lengths = timeline.offsets[first:last], timeline.lengths[first:last]
        base = offsets[0]
        window = timeline.raw.read(base, offsets[-1] + lengths[-1] - base)
        starts = [offset - base for offset in offsets]
        ends = [start + length for start, length in zip(starts, lengths, strict=True)]
        found: list[int] = []
        done = 0
        is_utf8 = _is_utf8(window)
        # `$` is before LF, and at the end of an event, but not before the CR there.
        if (
            self.expression.is_local
            and len(window) <= self.seen
            and is_utf8
            and b"\r" not in window
        ):
            done = self._run_through(window, starts, ends, found)
        match = self.expression.match
        for number in range(done, len(starts)):
            event = window[starts[number] : ends[number]]
            if not is_utf8 or len(event) > self.seen:
                event = event[: self.seen].decode("utf-8", "replace").encode()
            event = event.rstrip(_LINE_ENDS)
            if match(ANYWHERE, event, 0, len(event))[0] != NO_SPAN:
                found.append(number)
        return [first + number for number in found]

    def _run_through(
        self, window: bytes, starts: list[int], ends: list[int], found: list[int]
    ) -> int:
        """Search in all events at once. A match that reaches past its event says little of it: then
        return how many events are done."""
        match = self.expression.match
        number, count = 0, len(starts)
        while number < count:
            span = match(ANYWHERE, window, starts[number], len(window))[0]
            if span == NO_SPAN:
                return count
            number = bisect_right(starts, span[0], number) - 1
            end = ends[number]
            while end > starts[number] and window[end - 1] in _LINE_ENDS:
                end -= 1
            if span[1] <= end:
                found.append(number)
            elif span[0] <= end:
                return number
            number += 1
        return count


Needle = PlainNeedle | Regex
ShouldStop = Callable[[], bool]
"""Asked between steps of about a millisecond: whether to leave the rest for the next call."""


def parse_needle(text: str) -> Needle:
    """Return what `text` asks for: a regular expression after `re:`, else plain text.

    Raises NeedleError for an invalid expression, and where nothing is asked for.
    """
    if text.startswith(REGEX_PREFIX):
        return Regex(text.removeprefix(REGEX_PREFIX))
    return PlainNeedle(text)


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


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _anchors(spellings: list[list[bytes]]) -> list[bytes]:
    """Return literals of which one is in every match: the longest to be had."""
    best = spellings[0]
    run = b""
    for found in spellings:
        run = run + found[0] if len(found) == 1 else b""
        here = [run] if run else found
        best = max(best, here, key=lambda literals: min(map(len, literals)))
    return best
