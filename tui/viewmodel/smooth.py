"""Reading along: how much of a growing text is shown, by sentences or at a steady pace."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, NamedTuple
from unicodedata import category

Reveal = Literal["sentence", "character"]
TextOf = Callable[[int, int], str]
"""The code points from the first place up to the second."""

LAG_NS: Final = 500_000_000
"""By then a character is shown that has arrived, at the steady pace."""
LONGEST_CLUSTER: Final = 128
"""Code points that are kept together: somebody may send a million accents for one letter."""

_STOPS: Final = "\u3002\uff01\uff1f\uff61"
"""Of scripts without blanks: none has to follow them."""
_CLOSERS: Final = "\u3009\u300b\u300d\u300f\u3011\uff09\u2019\u201d"
_END: Final = re.compile(f"[.!?](?=\\s)|\n|[{_STOPS}](?=[^{_STOPS}{_CLOSERS}])")
_FLAGS: Final = "".join(map(chr, range(0x1F1E6, 0x1F200)))
"""The letters of which two make a flag."""
_ZWJ: Final = "\u200d"


class _Vertex(NamedTuple):
    """A point where the pace changes: `length` code points are shown by `t_ns`."""

    t_ns: int
    length: int


class Smoother:
    """Says how many code points of one growing text may be shown.

    What it says never falls, is never more than has arrived, and never ends inside of a character
    that consists of several code points. Make another one for another text.
    """

    def __init__(self, kind: Reveal) -> None:
        self._sentences = kind == "sentence"
        self._began = False
        self._shown = 0
        self._scanned = 0
        self._flags = 0
        """Flag letters in a row just before the end of what is shown."""
        self._path: deque[_Vertex] = deque([_Vertex(0, 0)])

    def reveal(self, length: int, text_of: TextOf, now_ns: int, done: bool) -> int:
        """Return how many of the `length` code points that have arrived may be shown now.

        `text_of` is asked only for what is new. `done` says that no more will come. A text that is
        done when it is first seen is shown at once: there is nothing to read along.
        """
        first, self._began = not self._began, True
        if length <= self._shown:
            return length
        if done and (first or self._sentences):
            self._shown = length
        elif self._sentences:
            self._to_sentence(length, text_of)
        else:
            self._plan(length, now_ns)
            self._to_character(min(self._due(now_ns), length), length, text_of)
        return self._shown

    # --- sentences ----------------------------------------------------------------------------

    def _to_sentence(self, length: int, text_of: TextOf) -> None:
        # The last code point again: what follows it decides whether a sentence ends there.
        start = max(self._scanned - 1, self._shown)
        if length <= self._scanned:
            return
        text = text_of(start, length)
        self._scanned = length
        for end in reversed([found.end() for found in _END.finditer(text)]):
            if end == len(text) or not joined(text[end - 1], text[end]):
                self._shown = start + end
                return

    # --- characters ---------------------------------------------------------------------------

    def _plan(self, length: int, now_ns: int) -> None:
        """Have what is new shown in time, at a pace that changes as little as that allows.

        The path is the line over all that is due, bent only downwards. It changes only when text
        arrives, so it is the same however often it is looked at.
        """
        path = self._path
        if length <= path[-1].length:
            return
        here = self._due(now_ns)
        while path and path[0].t_ns <= now_ns:
            path.popleft()
        path.appendleft(_Vertex(now_ns, here))
        target = _Vertex(max(now_ns, path[-1].t_ns - LAG_NS) + LAG_NS, length)
        while len(path) > 1 and not _steeper(path[-2], path[-1], target):
            path.pop()
        path.append(target)

    def _due(self, now_ns: int) -> int:
        """Return how much is to be shown by now."""
        path = self._path
        while len(path) > 1 and path[1].t_ns <= now_ns:
            path.popleft()
        before = path[0]
        if len(path) == 1 or now_ns <= before.t_ns:
            return before.length
        after = path[1]
        missing = after.length - before.length
        passed = now_ns - before.t_ns
        return before.length + missing * passed // (after.t_ns - before.t_ns)

    def _to_character(self, due: int, length: int, text_of: TextOf) -> None:
        """Show what is due, and the rest of the character that begins in it."""
        if due > self._shown:
            self._show(text_of(self._shown, due))
        if not 0 < self._shown < length:
            return
        start = self._shown - 1
        text = text_of(start, min(length, self._shown + LONGEST_CLUSTER))
        size = 1
        while size < len(text) and (
            (self._flags % 2 and text[size] in _FLAGS) or joined(text[size - 1], text[size])
        ):
            self._show(text[size])
            size += 1

    def _show(self, text: str) -> None:
        flags = len(text) - len(text.rstrip(_FLAGS))
        self._flags = self._flags + flags if flags == len(text) else flags
        self._shown += len(text)


def _steeper(start: _Vertex, middle: _Vertex, end: _Vertex) -> bool:
    """Return whether the way to the middle is steeper than the way on from there."""
    first = (middle.length - start.length) * (end.t_ns - middle.t_ns)
    return first > (end.length - middle.length) * (middle.t_ns - start.t_ns)


def joined(before: str, after: str) -> bool:
    """Return whether two code points in a row are parts of one character.

    Flags are not known here: whether two of their letters belong together depends on the number of
    those before them.
    """
    if before in "\n\r":
        return before + after == "\r\n"
    if before == _ZWJ:
        return after not in "\n\r"
    if after.isascii():
        return False
    if after == _ZWJ or "\U0001f3fb" <= after <= "\U0001f3ff" or category(after)[0] == "M":
        return True
    if "\ud800" <= before <= "\udbff":
        return "\udc00" <= after <= "\udfff"
    return _jamo(before, after) or after in "\u200c\uff9e\uff9f"


def _jamo(before: str, after: str) -> bool:
    """Return whether two code points are parts of one Korean syllable."""
    leading = "\u1100" <= before <= "\u115f"
    if "\u1160" <= after <= "\u11ff":
        return leading or "\u1160" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    return leading and ("\u1100" <= after <= "\u115f" or "\uac00" <= after <= "\ud7a3")
