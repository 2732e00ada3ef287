"""JSON that is still arriving, laid out for reading.

`PartialJson` takes text in pieces of any size and offers display lines of coloured spans: what has
arrived, pretty-printed, then what is missing to close it. The lines depend on the text alone, never
on how it was cut. Offsets and widths are in code points.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from tui.core.json_spans import KINDS, Span, SpanKind, spans_of
from tui.core.json_tokens import (
    CLOSERS,
    COMMA,
    INVALID,
    KEY,
    OPENERS,
    TokenReader,
    Tokens,
    line_width,
    tokens_of,
)
from tui.core.whole_lines import WholeLines

_Part = tuple[SpanKind, int, int, str]
"""A part of a line, to be cut to size: kind, start, width, and the text where start is -1."""

_SPACE: Final = (SpanKind.SPACE, -1, 1, " ")
_SEPARATORS: Final = b",:"
_STEP: Final = 2
_DEEPEST: Final = 20
"""Levels below this one are drawn no further in, so that depth costs no width."""
_INDENTS: Final = [
    (SpanKind.SPACE, -1, _STEP * level, " " * (_STEP * level)) for level in range(_DEEPEST + 1)
]
_INDENT_SPANS: Final = [
    ((Span(" " * (_STEP * level), SpanKind.SPACE, -1),) * bool(level), _STEP * level)
    for level in range(_DEEPEST + 1)
]
"""The indentation of each level, and its width."""
_AROUND: Final = 1_000
"""Code points to read on either side of a line: its neighbours come next."""
_SHORT: Final = 1_000
"""Code points of a line that is read at once."""
_FIRST_STEP: Final = 32
"""Code points to read before whole lines are looked for again."""
_SOON: Final = 128
"""With so much or less left they are not."""
_ENDS: Final = re.compile(r"[,\]}]").search
_BATCH: Final = 16_384
"""Text is read when somebody looks, and at the latest when this much of it waits."""


class PartialJson:
    """A growing JSON text as display lines.

    A container is on one line as long as that line fits in `compact_width` columns: indentation,
    key and container, with all that is pending in it, without a comma behind it. Else each of its
    members begins a line of its own, and the same rule holds for each of them. So the outermost
    container breaks up first, and never closes up again. An empty container is always on one line;
    with a `compact_width` of 0 no other is.

    Takes any text and never raises for it. Not JSON, from some point on: `error` says where and
    why, and the rest is INVALID spans, broken at its own line feeds.
    """

    def __init__(self, compact_width: int = 0) -> None:
        self._reader = TokenReader()
        self._waiting: list[str] = []
        self._waiting_size = 0
        self._compact_width = compact_width
        # A line is the offset of its first token, and its level. Containers up to `_level` have a
        # line for each member, those within are on one line: always the last, as that is where
        # text arrives. Its tokens are kept; those of a settled line are read again to draw it.
        self._starts = array("Q", [0])
        self._levels = bytearray([0])
        self._long: dict[int, Tokens] = {}
        """The settled lines that it would cost too much to read again."""
        self._window = 0, 0, ""
        """Text around what was drawn last, with where it begins and ends."""
        self._first = 0
        """The first token of the last line, among those that are kept."""
        self._level = 0
        self._depth = 0
        self._placed = 0
        self._column = 0

    def feed(self, fragment: str) -> None:
        """Append text, cut anywhere. To keep a frame short, feed large texts in slices."""
        self._waiting.append(fragment)
        self._waiting_size += len(fragment)
        if self._waiting_size >= _BATCH:
            self._sync()

    def finish(self) -> None:
        """No more text will come. What is incomplete gets an `error` at its end; nothing pends."""
        self._sync().finish()

    @property
    def complete(self) -> bool:
        """One whole JSON value has arrived. A bare number can still grow."""
        return self._sync().complete

    @property
    def error(self) -> tuple[int, str] | None:
        """Where and why no text to come can make this JSON; at the end of it after `finish`."""
        return self._sync().error

    @property
    def pending(self) -> str:
        """What would close the value, without the layout's breaks; empty after an error."""
        reader = self._sync()
        if reader.error is not None:
            return ""
        return reader.owed + _closers(reader.stack)

    def line_count(self) -> int:
        """The number of display lines, pending ones included; 0 until a token arrived."""
        reader = self._sync()
        if not reader.codes:
            return 0
        return len(self._starts) + (self._level if reader.error is None else len(reader.breaks))

    def settled_count(self) -> int:
        """How many of the first lines stay as they are, whatever arrives; for caches."""
        self._sync()
        return len(self._starts) - 1

    def line_width(self, number: int) -> int:
        """The width of a line in code points. Raises IndexError where there is no such line."""
        return sum(width for _, _, width, _ in self._parts(number))

    def line(self, number: int, start: int = 0, stop: int | None = None) -> tuple[Span, ...]:
        """The spans of a line, or of its columns from `start` up to `stop`.

        Costs what it returns, wherever the line is. Raises IndexError where there is no such line.
        """
        short = None if start else self._short_line(number, stop)
        if short is not None:
            return short
        spans: list[Span] = []
        append, new, read = spans.append, tuple.__new__, self._reader.text.slice
        column = 0
        for kind, at, width, text in self._parts(number):
            low, column = column, column + width
            high = width if stop is None or column <= stop else stop - low
            low = start - low if low < start else 0
            if low >= high:
                continue
            if at < 0:
                append(new(Span, (text[low:high], kind, -1)))
            else:
                append(new(Span, (read(at + low, at + high), kind, at + low)))
        return tuple(spans)

    def plain_width(self, number: int) -> int | None:
        """The width of a line where each code point takes one cell, if that is plain to see."""
        found = self._short_text(number)
        if found is None:
            return None
        text, _, start, end = found
        line = text[start:end].strip(" \t\n\r")
        if not (line.isascii() and line.isprintable()):
            return None
        return _INDENT_SPANS[self._levels[number]][1] + line_width(line)

    def _short_line(self, number: int, stop: int | None) -> tuple[Span, ...] | None:
        """The spans of a line as `line` has them, where nothing in it pends and it is wanted whole.

        The other lines are left to `line`, and the long ones, which cost more than what is drawn.
        """
        found = self._short_text(number)
        if found is None:
            return None
        indent, width = _INDENT_SPANS[self._levels[number]]
        spans, size = spans_of(*found)
        return indent + spans if stop is None or width + size <= stop else None

    def _short_text(self, number: int) -> tuple[str, int, int, int] | None:
        """A part of the text and its offset, and where in it a settled line stands, a short one."""
        self._sync()
        if not 0 <= number < len(self._starts) - 1:
            return None
        start, end = self._starts[number], self._starts[number + 1]
        if end - start > _SHORT:
            return None
        low, high, text = self._window
        if start < low or end > high:
            low, high = max(start - _AROUND, 0), min(end + _AROUND, self._reader.size)
            text = self._reader.text.slice(low, high)
            self._window = low, high, text
        return text, low, start - low, end - low

    def _sync(self) -> TokenReader:
        if self._waiting_size:
            text = "".join(self._waiting)
            self._waiting.clear()
            self._waiting_size = 0
            self._read(text)
        return self._reader

    def _read(self, text: str) -> None:
        """Read whole lines at once where that can be done, the rest token by token."""
        pos, step = 0, _FIRST_STEP
        while pos < len(text):
            if self._depth == self._level:
                pos = self._pass_lines(text, pos)
                if pos == len(text):
                    break
            # What stands in the way is read in growing steps: the lines behind it are whole again.
            end = len(text)
            if end - pos > _SOON:
                found = _ENDS(text, pos + step)
                end = found.end() if found else end
            self._reader.feed(text[pos:end])
            self._lay_out()
            pos = end
            step = (
                _FIRST_STEP
                if self._depth == self._level and self._reader.wants_comma is not None
                else 2 * step
            )

    def _pass_lines(self, text: str, pos: int) -> int:
        """Read whole lines from `pos` on where a member can come next; return where they end."""
        reader = self._reader
        comma = reader.wants_comma
        if comma is None:
            return pos
        lines = WholeLines(text, reader.stack, self._compact_width, _DEEPEST)
        stop = lines.read(pos, comma)
        if not lines.starts:
            return pos
        base, known = reader.size - pos, len(self._starts)
        if base + lines.starts[0] - self._starts[-1] > _SHORT:
            self._long[known - 1] = reader.kept(text, pos)
        if stop - pos > _SHORT:
            for number, (start, end) in enumerate(pairwise(lines.starts), known):
                if end - start > _SHORT:
                    self._long[number] = tokens_of(text[start:end], base + start)
        self._starts.extend(map(base.__add__, lines.starts))
        self._levels.extend(lines.levels)
        self._level = self._depth = level = len(reader.stack)
        reader.pass_by(text[pos:stop], lines.starts[-1] - pos)
        codes, starts, ends = reader.codes, reader.starts, reader.ends
        self._first, self._placed = 0, len(codes)
        self._column = _STEP * level + sum(ends[:-1]) - sum(starts[:-1])
        self._column += sum(map(codes.count, _SEPARATORS))
        return stop

    def _lay_out(self) -> None:
        """Place the new tokens, see whether the open one still fits, forget those that settled."""
        known = len(self._starts) - 1
        self._place_tokens()
        if not self._first:
            return
        reader = self._reader
        for number in range(known, len(self._starts) - 1):
            begin, end = self._starts[number], self._starts[number + 1]
            if end - begin > _SHORT:
                low, high = bisect_left(reader.starts, begin), bisect_left(reader.starts, end)
                self._long[number] = Tokens(
                    reader.codes[low:high], reader.starts[low:high], reader.ends[low:high]
                )
        reader.forget(self._first)
        self._placed -= self._first
        self._first = 0

    def _place_tokens(self) -> None:
        reader = self._reader
        codes, starts, ends = reader.codes, reader.starts, reader.ends
        size = len(codes)
        if not size:
            return
        placed, column, depth, level = self._placed, self._column, self._depth, self._level
        previous = width = 0
        if placed:
            # Only now is the length of the token that was the last one final.
            previous, width = codes[placed - 1], ends[placed - 1] - starts[placed - 1]
        new = zip(codes[placed:], starts[placed:], ends[placed:], strict=True)
        for token, (code, start, end) in enumerate(new, placed):
            column += width
            width = end - start
            if depth > level and (column + depth - level > self._compact_width or code == INVALID):
                # What an error cut short keeps the room that it had been given.
                owed = len(reader.owed) if code == INVALID else 0
                self._depth, self._level = depth, level
                column = self._break_up(token - 1, column, owed)
                level = self._level
            if code in CLOSERS:
                if depth == level:
                    level -= 1
                    self._start_line(token, level)
                    column = _STEP * level
                depth -= 1
            else:
                if previous == COMMA and depth == level:
                    self._start_line(token, level)
                    column = _STEP * level
                elif previous in _SEPARATORS:
                    column += 1
                if code in OPENERS:
                    depth += 1
            previous = code
        self._placed, self._depth, self._level = size, depth, level
        self._column = self._break_up(size - 1, column + width, len(reader.owed)) - width

    def _break_up(self, last: int, column: int, owed: int) -> int:
        """Break up the containers on the last line, which ends at `column` after the token `last`
        and will take `owed` more, until they fit. Returns the column where it ends then."""
        codes = self._reader.codes
        while column + self._depth - self._level + owed > self._compact_width:
            opener = self._first + (2 if codes[self._first] == KEY else 0)
            if self._depth == self._level or opener == last:
                break
            self._level += 1
            self._start_line(opener + 1, self._level)
            inner = 0
            for token in range(opener + 1, last):
                code = codes[token]
                if code in OPENERS:
                    inner += 1
                elif code in CLOSERS:
                    inner -= 1
                elif code == COMMA and not inner:
                    self._start_line(token + 1, self._level)
            column = _STEP * self._level
            for token in range(self._first, last + 1):
                column += self._reader.ends[token] - self._reader.starts[token]
                column += token > self._first and codes[token - 1] in _SEPARATORS
        return column

    def _start_line(self, token: int, level: int) -> None:
        self._first = token
        self._starts.append(self._reader.starts[token])
        self._levels.append(min(level, _DEEPEST))

    def _parts(self, number: int) -> Iterator[_Part]:
        if not 0 <= number < self.line_count():
            raise IndexError(f"line {number} of {self.line_count()}")
        reader = self._reader
        extra = number - len(self._starts)
        if extra >= 0:
            if reader.error is not None:
                yield self._raw_line(extra + 1)
                return
            level = self._level - 1 - extra
            yield _indent(level)
            yield SpanKind.PENDING, -1, 1, _closers(reader.stack[level : level + 1])
            return
        tokens = Tokens(reader.codes, reader.starts, reader.ends)
        if extra < -1:
            tokens = self._long.get(number) or self._read_again(number)
        codes, starts, ends = tokens
        yield _INDENTS[self._levels[number]]
        gap = False
        for token in range(len(codes)):
            code, start, end = codes[token], starts[token], ends[token]
            if code == INVALID:
                if gap or (token and start > ends[token - 1]):
                    yield _SPACE
                yield self._raw_line(0)
            else:
                if gap:
                    yield _SPACE
                yield KINDS[code], start, end - start, ""
            gap = code in _SEPARATORS
        if extra == -1 and reader.error is None:
            text = reader.owed + _closers(reader.stack[self._level :])
            yield SpanKind.PENDING, -1, len(text), text

    def _read_again(self, number: int) -> Tokens:
        base, end = self._starts[number], self._starts[number + 1]
        return tokens_of(self._reader.text.slice(base, end), base)

    def _raw_line(self, number: int) -> _Part:
        """A line of what is no JSON; the one with the number 0 goes on where the tokens end."""
        reader = self._reader
        start = reader.breaks[number - 1] if number else reader.starts[-1]
        stop = reader.breaks[number] - 1 if number < len(reader.breaks) else reader.size
        return SpanKind.INVALID, start, stop - start, ""


def _indent(level: int) -> _Part:
    return _INDENTS[min(level, _DEEPEST)]


def _closers(stack: bytearray) -> str:
    # In ASCII a closing bracket is the second character after its opening one.
    return "".join(chr(code + 2) for code in reversed(stack))
