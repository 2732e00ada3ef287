"""Which events wrote a text.

The deltas of a block differ in little but their text. So once one of them was parsed, the others
are held against its bytes: where all around the text is the same, the length of the text follows
without parsing, in a tenth of the time. What differs is parsed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, compress
from operator import and_
from typing import Final, NamedTuple

from tui.core.delta_text import DELTA_OF, Field, delta_text
from tui.core.records import from_frame
from tui.core.session import Run
from tui.core.sse import parse_frame
from tui.core.steps import Steps, finish
from tui.find.needle import step_end

_WINDOW: Final = 16_384
"""Bytes to look at in one step."""
_NEAR: Final = 256
"""Characters that are quicker to walk over than to jump over."""
# The text of a string as JSON has it, with two-character escapes only; what may follow it.
_TEXT: Final = rb'([^"\\\x00-\x1f]*(?:\\["\\/bfnrt][^"\\\x00-\x1f]*)*)'
_ESCAPE: Final = re.compile(rb"\\.")
_CLOSING: Final = re.compile(rb'("[ }]*)([\r\n]+)')
_PROBE: Final = "a probe"


class Written(NamedTuple):
    """An event, and where what it wrote ends."""

    seq: int
    end: int


def writer_of(run: Run, position: int, field: Field, offset: int) -> int:
    """Return the event that wrote the character at `offset` of a block's buffer.

    That is the block's first event where the character came with it, or where there is none.
    """
    return finish(Writers(run, position, field).find(offset)).seq


class Writers:
    """The events that wrote a buffer of a block, asked for by offsets that only go up."""

    __slots__ = (
        "_block",
        "_edges",
        "_field",
        "_given",
        "_position",
        "_run",
        "_seq",
        "_seqs",
        "_shape",
    )

    def __init__(self, run: Run, position: int, field: Field) -> None:
        """Take the position of the block in the state, and which of its buffers."""
        self._run = run
        self._position = position
        self._field: Field = field
        self._block = run.state.blocks[position]
        self._shape: re.Pattern[bytes] | None = None
        self._seq = self._block.started_seq + (not self._block.implicit)  # next to be looked at
        start = self._block.start.get(field)
        self._given = len(start) if field != "json" and isinstance(start, str) else 0
        # The events of the step before it that wrote something, and the places between their texts.
        self._seqs: Sequence[int] = ()
        self._edges = [self._given]

    def find(self, offset: int) -> Steps[Written]:
        """Return who wrote the character at `offset`, which is after all that was asked before.

        That is the block's first event where its start had the text with it, and where broken
        events leave it unknown. Yields after each step of about a millisecond.
        """
        if offset < self._given:
            return Written(self._block.started_seq, self._given)
        timeline = self._run.timeline
        if timeline.history is not None and offset - self._edges[-1] > _NEAR:
            count, length = timeline.history.reached(self._position, self._field, offset)
            if count > self._seq:
                self._seq, self._seqs, self._edges = count, (), [length]
        while offset >= self._edges[-1]:
            first = self._seq
            if first == len(timeline):
                return Written(self._block.started_seq, offset + 1)
            self._seq = step_end(timeline, first, _WINDOW)
            self._seqs, sizes = self._sizes(first, self._seq)
            self._edges = list(accumulate(sizes, initial=self._edges[-1]))
            yield
        number = bisect_right(self._edges, offset)
        return Written(self._seqs[number - 1], self._edges[number])

    def _sizes(self, first: int, last: int) -> tuple[Sequence[int], list[int]]:
        """Return the events that wrote this buffer, and how many characters each."""
        timeline = self._run.timeline
        delta = DELTA_OF[self._field]
        kinds = timeline.look_up(
            bytes(label.delta == delta for label in timeline.labels), first, last
        )
        indexes = timeline.indexes[first:last]
        offsets, lengths = timeline.offsets[first:last], timeline.lengths[first:last]
        base = offsets[0]
        window = timeline.raw.read(base, offsets[-1] + lengths[-1] - base)
        count = last - first
        alike = kinds.count(1) == count == indexes.count(self._block.index)
        if self._shape is not None and alike and sum(lengths) == len(window):
            # All at once. A match ends where an event does: as many matches as events are all.
            texts = self._shape.findall(window)
            if len(texts) == count:
                plain = window.isascii() and b"\\" not in window
                return range(first, last), list(map(len if plain else _size, texts))
        same = map(self._block.index.__eq__, indexes)
        ours = list(compress(range(count), map(and_, kinds, same)))
        sizes = []
        for number in ours:
            start = offsets[number] - base
            end = start + lengths[number]
            match = self._shape.fullmatch(window, start, end) if self._shape is not None else None
            if match is None:
                size = self._parse(window[start:end])
            else:
                size = _size(match[1])
            sizes.append(size)
        return [first + number for number in ours], sizes

    def _parse(self, raw: bytes) -> int:
        text = self._text_of(raw)
        if text and self._shape is None:
            self._learn(raw, text.encode("utf-8", "replace"))
        return len(text)

    def _text_of(self, raw: bytes) -> str:
        found = delta_text(from_frame(parse_frame(raw), 0, 0))
        return found[1] if found is not None and found[0] == self._field else ""

    def _learn(self, raw: bytes, text: bytes) -> None:
        """Take the bytes around `text` as a pattern, if what stands there surely is the text."""
        before, _, after = raw.rpartition(text)
        closing = _CLOSING.fullmatch(after)
        if closing is None or self._text_of(before + _PROBE.encode() + after) != _PROBE:
            return
        # The API puts a random number of blanks before the last brace.
        braces = b" *".join([b'"', *[rb"\}"] * closing[1].count(b"}"), b""])
        self._shape = re.compile(re.escape(before) + _TEXT + braces + re.escape(closing[2]))


def _size(text: bytes) -> int:
    """Return how many characters a text has that is written with two-character escapes only."""
    size = len(text) if text.isascii() else len(text.decode("utf-8", "replace"))
    return size - len(_ESCAPE.findall(text)) if b"\\" in text else size
