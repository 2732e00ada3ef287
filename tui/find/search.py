"""Search in a run, a step at a time, also while it grows.

Two things are searched: the bytes of each event, and the text that the deltas of a block add up to,
so that words which the sender cut in two are found as well. Such a match belongs to the event that
wrote its first character.

Plain text is found in assembled text wherever it stands. A regular expression sees it in whole
lines: a line that is still being written is searched once it ends, and one of more than 64 Ki
characters in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from tui.core.buffer import Buffer
from tui.core.delta_text import Field, buffer_of
from tui.core.session import Run
from tui.find.expression import Scan
from tui.find.needle import NeedleError, PlainNeedle, Regex, ShouldStop, parse_needle, step_end
from tui.find.writers import Writers

_FIELDS: Final[tuple[Field, ...]] = get_args(Field)
_CHARS: Final = 32_768
"""Characters of assembled text to look at in one step, at most."""
_MOST_STEPS: Final = 1 << 22
"""Characters compared with those of plain text in one step, at most."""
_BLOCKS: Final = 256
"""Blocks to pass over in one step."""


class SearchError(ValueError):
    """Nothing can be searched for. The text is one line that says why."""


class Searcher:
    """The events of a run that match; `needle` is plain text, or `re:` and an expression."""

    def __init__(self, needle: str, run: Run) -> None:
        """Raises SearchError for an invalid expression, and where nothing is asked for."""
        try:
            self.needle = parse_needle(needle)
        except NeedleError as error:
            raise SearchError(str(error)) from None
        self.count = 0
        """How many events match, as far as it is known."""
        self._run = run
        self._flags = bytearray()  # for each event, 1 for a match
        self._looked = 0  # events whose bytes were looked at
        self._read = 0.0  # how much of the assembled text was, 0 to 1
        self._parts: dict[tuple[int, Field], _Part] = {}
        self._steps: Iterator[None] = iter(())
        self._extent: object = None

    @property
    def progress(self) -> float:
        """How much of the run was looked at, 0 to 1: bytes and assembled text count as much."""
        total = len(self._run.timeline)
        return (self._looked / total + self._read) / 2 if total else 1.0

    def is_hit(self, seq: int) -> bool:
        """Whether event `seq` matches."""
        return 0 <= seq < len(self._flags) and self._flags[seq] == 1

    def next_after(self, seq: int) -> int | None:
        """Return the first match after event `seq`, None for none."""
        found = self._flags.find(1, max(seq + 1, 0))
        return None if found < 0 else found

    def previous_before(self, seq: int) -> int | None:
        """Return the last match before event `seq`, None for none."""
        found = self._flags.rfind(1, 0, max(seq, 0))
        return None if found < 0 else found

    def rank(self, seq: int) -> int:
        """Return how many matches there are up to event `seq` and with it."""
        return self._flags.count(1, 0, max(seq + 1, 0))

    def advance(self, should_stop: ShouldStop | None = None) -> bool:
        """Look at what is new, at least one step; return whether nothing is left.

        A step through the bytes of events and one through assembled text take turns, so that either
        kind of match is soon found where there are many.
        """
        while True:
            for _ in self._steps:
                if should_stop is not None and should_stop():
                    return False
            extent = (len(self._run.timeline), self._run.state.end)
            if extent == self._extent:
                return True
            self._extent = extent
            self._steps = self._scan()

    def _scan(self) -> Iterator[None]:
        timeline = self._run.timeline
        self._flags += bytes(max(len(timeline) - len(self._flags), 0))
        self._read = 0.0
        assembled = self._scan_blocks()
        while (first := self._looked) < len(timeline):
            self._looked = step_end(timeline, first, self.needle.window)
            for seq in self.needle.events(timeline, first, self._looked):
                self._mark(seq)
            yield
            if next(assembled, self) is None:
                yield
        yield from assembled
        self._read = 1.0

    def _scan_blocks(self) -> Iterator[None]:
        blocks = self._run.state.blocks
        for position, block in enumerate(blocks):
            if position % _BLOCKS == _BLOCKS - 1:
                yield
            for field in _FIELDS:
                buffer = buffer_of(block, field)
                if len(buffer):
                    key = (position, field)
                    if key not in self._parts:
                        self._parts[key] = _Part(self._run, position, field)
                    part = self._parts[key]
                    for _ in self._scan_part(part, buffer):
                        self._read = (position + part.at / len(buffer)) / len(blocks)
                        yield

    def _scan_part(self, part: _Part, buffer: Buffer) -> Iterator[None]:
        if isinstance(self.needle, PlainNeedle):
            return self._scan_text(self.needle, part, buffer)
        return self._scan_lines(self.needle, part, buffer)

    def _scan_text(self, needle: PlainNeedle, part: _Part, buffer: Buffer) -> Iterator[None]:
        search, size = needle.pattern.search, needle.size
        step = max(min(_CHARS, _MOST_STEPS // size), size)
        while len(buffer) - part.at >= size:
            base = part.at
            text = buffer.slice(base, base + step + size - 1)
            at = 0
            while (match := search(text, at)) is not None:
                written = yield from part.writers.find(base + match.start())
                self._mark(written.seq)
                at = written.end - base
            part.at = base + max(len(text) - size + 1, at)
            yield

    def _scan_lines(self, needle: Regex, part: _Part, buffer: Buffer) -> Iterator[None]:
        while part.at < len(buffer):
            base = part.at
            text = buffer.slice(base, base + needle.seen)
            whole = text.rfind("\n") + 1
            is_last = self._run.state.end is not None and base + len(text) == len(buffer)
            if is_last or (not whole and len(text) == needle.seen):
                whole = len(text)
            if not whole:
                return
            scan = Scan(needle.expression, text[:whole])
            at = 0
            while at < whole and (match := scan.find(at)) is not None:
                written = yield from part.writers.find(base + match[0])
                self._mark(written.seq)
                at = max(match[1], written.end - base)
                # An expression may have to look at all of a line each time.
                yield
            part.at += whole
            yield

    def _mark(self, seq: int) -> None:
        if seq >= len(self._flags):  # Of what came while this was looked for.
            self._flags += bytes(seq + 1 - len(self._flags))
        self.count += not self._flags[seq]
        self._flags[seq] = 1


class _Part:
    """A buffer of a block that is being searched."""

    __slots__ = ("at", "writers")

    def __init__(self, run: Run, position: int, field: Field) -> None:
        self.at = 0
        """Characters that were searched."""
        self.writers = Writers(run, position, field)
