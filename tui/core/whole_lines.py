"""Lines of JSON that are all there, read at once: nothing in them is looked at token by token.

A line is one member of a container that is broken up: name and value, or an opening bracket, or a
closing one. The rule of what is broken up is that of `PartialJson`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tui.core.json_check import (
    ITEMS,
    MEMBERS,
    ONE_ITEM,
    ONE_MEMBER,
    STRING,
    W,
    compiled,
)
from tui.core.json_grammar import BLANKS, skip
from tui.core.json_tokens import line_width

_ANY_STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_ANY_FLAT: Final = rf'([\[{{](?:{_ANY_STRING}|[^"\]}}])*+[\]}}])'
_OBJECT: Final = ord("{")
_STEP: Final = 2
"""Columns of a level."""
_AT_ONCE: Final = 4_096
"""Code points of a container that are looked at before it is broken up."""


class _Kind(NamedTuple):
    """The patterns of what stands between two brackets. Group 1 of a member is what it holds."""

    first: str
    more: str
    opener: str
    """A comma, if there is one, a name, and a bracket that opens."""
    member: str
    closer: str


_MEMBERS: Final = _Kind(
    ONE_MEMBER,
    MEMBERS,
    rf"{W}(,?+){W}({STRING}{W}:{W})[\[{{]",
    rf'{_ANY_STRING}{W}:{W}(?:{_ANY_STRING}|[^\[{{",}} \t\n\r]++|{_ANY_FLAT})',
    "}",
)
_ITEMS: Final = _Kind(
    ONE_ITEM,
    ITEMS,
    rf"{W}(,?+){W}()[\[{{]",
    rf'{_ANY_STRING}|[^\[{{",\]}} \t\n\r]++|{_ANY_FLAT}',
    "]",
)


class WholeLines:
    """Reads on from a place before a member, as far as lines are whole and plain to see.

    `stack` has the brackets that are open, all of them broken up; it is kept. Of the lines that
    are found, `starts` has where they begin, and `levels` their levels, `deepest` at most. The
    last one ends with a value, or is a closing bracket.
    """

    def __init__(self, text: str, stack: bytearray, width: int, deepest: int) -> None:
        self.starts: list[int] = []
        self.levels = bytearray()
        self._deepest = deepest
        self._text = text
        self._stack = stack
        self._width = width

    def read(self, pos: int, comma: bool) -> int:
        """Return where the last line ends. `comma` says whether a comma has to come first."""
        text, stack = self._text, self._stack
        while stack:
            kind = _MEMBERS if stack[-1] == _OBJECT else _ITEMS
            opener = compiled(kind.opener).match(text, pos)
            if opener:
                if comma is not bool(opener[1]):
                    break
                end = self._open(opener.start(2), opener.end() - 1)
                if end < 0:
                    break
            else:
                found = compiled(kind.more if comma else kind.first).match(text, pos)
                end = found.end() if found else pos
                if end > pos:
                    self._add_members(pos, end)
                else:
                    end = skip(BLANKS, text, pos)
                    if not comma or not text.startswith(kind.closer, end):
                        break
                    self._close(end)
                    end += 1
            pos, comma = end, True
        return pos

    def _close(self, at: int) -> None:
        self._stack.pop()
        self.starts.append(at)
        self.levels.append(min(len(self._stack), self._deepest))

    def _add_members(self, pos: int, end: int) -> None:
        """Add the lines of flat members."""
        kind = _MEMBERS if self._stack[-1] == _OBJECT else _ITEMS
        level = len(self._stack)
        drawn = min(level, self._deepest)
        starts, levels, text = self.starts, self.levels, self._text
        for member in compiled(kind.member).finditer(text, pos, end):
            start = member.start()
            starts.append(start)
            levels.append(drawn)
            if not member.lastindex:
                continue
            at, stop = member.span(1)
            room = self._width - _STEP * level - _name_width(text[start:at])
            if not _fits(text, at, stop, room):
                self._break_up(at, stop)

    def _break_up(self, at: int, end: int) -> None:
        """Add the lines within a flat container, and its closing bracket."""
        self._stack.append(ord(self._text[at]))
        self._add_members(at + 1, end - 1)
        self._close(end - 1)

    def _open(self, start: int, at: int) -> int:
        """Read what a container with a container in it begins with; return where that ends.

        -1 where it cannot be seen whether it fits on one line.
        """
        text, stack = self._text, self._stack
        kind = _MEMBERS if text[at] == "{" else _ITEMS
        limit = at + _AT_ONCE
        first = compiled(kind.first).match(text, at + 1, limit)
        end = at + 1
        if first:
            more = compiled(kind.more).match(text, first.end(), limit)
            end = more.end() if more else first.end()
        close = skip(BLANKS, text, end)
        room = self._width - _STEP * len(stack) - _name_width(text[start:at])
        whole = text.startswith(kind.closer, close)
        if not first and not whole:
            return -1
        fits = _fits(text, at, close + 1, room) if whole else _fits(text, at, end, room - 1)
        if fits and not whole:
            return -1  # Its closing bracket takes one more column, and all else more.
        self.starts.append(start)
        self.levels.append(min(len(stack), self._deepest))
        if fits:
            return close + 1
        stack.append(ord(text[at]))
        self._add_members(at + 1, end)
        if whole:
            self._close(close)
            return close + 1
        return end


def _name_width(name: str) -> int:
    """Return the columns of a name with its colon and the blank behind it, if there is a name."""
    return line_width(name) + 1 if name else 0


def _fits(text: str, at: int, end: int, room: int) -> bool:
    """Whether a container, or the beginning of one, fits in so many columns. An empty one does."""
    if end - at + text.count(",", at, end) + text.count(":", at, end) <= room:
        return True
    inner = text[at:end]
    if len("".join(inner.split())) > max(room, 2):
        return False
    size = line_width(inner)
    return size <= room or size == len("[]")
