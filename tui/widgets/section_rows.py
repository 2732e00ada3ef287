"""Which section of the transcript stands in which row.

A section is laid out, and so measured, when somebody looks at it or when there is time; until then
its height is an estimate. So what is shown first does not wait for all that stands above it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from tui.viewmodel import TranscriptItem
from tui.widgets.sections import (
    PlainSection,
    Section,
    SectionStyles,
    ThinkingSection,
)

_FOLDED: Final = 9
"""About the height of what is folded."""


class SectionEntry:
    """An item of the transcript, with its section once it was looked at."""

    __slots__ = ("height", "item", "mark", "measured", "number", "section")

    def __init__(self, item: TranscriptItem, number: int, width: int) -> None:
        self.item = item
        self.number = number
        self.section: Section | None = None
        self.mark: tuple[object, ...] = ()
        """What was laid out last; while it is the same there is nothing to do."""
        self.measured = False
        """Whether all of the section is laid out, as the item is now."""
        self.height = _estimate(item, width)
        """Rows: those of the section, else about how many it will have."""


class SectionRows:
    """The sections of a transcript, one below the other.

    `take` and `measure` change heights; `arrange` then gives each section its rows.
    """

    def __init__(self) -> None:
        self.entries: list[SectionEntry] = []
        self.height = 0
        """Rows of everything."""
        self.waiting = 0
        """How many sections are not measured."""
        self._starts: list[int] = []
        self._changed = 0  # the first entry whose rows are to be given anew
        self._width = 1
        self._styles: SectionStyles | None = None

    def take(self, items: Sequence[TranscriptItem], width: int, styles: SectionStyles) -> None:
        """Take the items as they are now. One that is the same object as before did not change."""
        same = 0
        if (width, styles) == (self._width, self._styles):
            for entry, item in zip(self.entries, items, strict=False):
                if entry.item is not item:
                    break
                same += 1
        self._width, self._styles = width, styles
        before = {entry.item.key: entry for entry in islice(self.entries, same, None)}
        del self.entries[same:]
        for number, item in enumerate(islice(items, same, None), same):
            entry = before.get(item.key) or SectionEntry(item, number, width)
            if (entry.item.kind, _has_lines(entry.item)) != (item.kind, _has_lines(item)):
                entry.section = None
            entry.item, entry.number = item, number
            entry.measured = entry.section is not None and entry.mark == _mark(item, width, styles)
            self.entries.append(entry)
        self.waiting = sum(not entry.measured for entry in self.entries)
        self._changed = min(self._changed, same)

    def measure(self, entry: SectionEntry, budget_ns: int) -> None:
        """Lay a section out. What takes longer than the budget goes on with the next call."""
        assert self._styles is not None
        section = entry.section
        if section is None:
            section = entry.section = _new_section(entry.item, self._styles)
        if section.take(entry.item, self._width, self._styles, max(budget_ns, 0)):
            entry.mark = _mark(entry.item, self._width, self._styles)
            self.waiting -= not entry.measured
            entry.measured = True
        if entry.height != section.height:
            entry.height = section.height
            self._changed = min(self._changed, entry.number)

    def again(self, entry: SectionEntry) -> None:
        """Have a section laid out anew."""
        self.waiting += entry.measured
        entry.measured = False
        entry.mark = ()

    def arrange(self) -> None:
        """Give each section its rows: calls and results together, a blank one between the rest."""
        first = self._changed
        while first and not self.entries[first - 1].height:
            first -= 1
        end, before = -1, ""
        if first:
            last = self.entries[first - 1]
            end, before = self._starts[first - 1] + last.height, last.item.kind
        starts = self._starts
        del starts[first:]
        for entry in islice(self.entries, first, None):
            kind, height = entry.item.kind, entry.height
            if not height:
                starts.append(max(end, 0))
                continue
            together = before == "tool" and kind in ("tool", "result")
            start = end + (0 if together else 1)
            starts.append(start)
            end, before = start + height, kind
        self.height = max(end, 0)
        self._changed = len(starts)

    def start(self, entry: SectionEntry) -> int:
        """Return the first row of a section."""
        return self._starts[entry.number]

    def has(self, entry: SectionEntry) -> bool:
        """Whether the entry is still one of these."""
        return entry.number < len(self.entries) and self.entries[entry.number] is entry

    def find(self, key: object) -> SectionEntry | None:
        """Return the entry of the item with a key."""
        return next((entry for entry in self.entries if entry.item.key == key), None)

    def find_block(self, position: int, offset: int) -> tuple[object, int] | None:
        """Return the key of what shows a block's text, and where in that a code point of it is."""
        for entry in self.entries:
            item = entry.item
            if item.key == ("block", position):
                return item.key, item.cited.place(position, offset) if item.cited else offset
            if item.cited is not None and item.cited.has(position):
                return item.key, item.cited.place(position, offset)
        return None

    def part(self, y: int) -> tuple[SectionEntry, int] | None:
        """Return which entry is drawn in row `y`, and the row in it; None for a blank row."""
        number = bisect_right(self._starts, y) - 1
        if number < 0:
            return None
        entry = self.entries[number]
        inner = y - self._starts[number]
        return (entry, inner) if inner < entry.height else None

    def within(self, top: int, bottom: int) -> Sequence[SectionEntry]:
        """Return the entries with rows from `top` up to `bottom`, and empty ones among them."""
        first = max(bisect_right(self._starts, top) - 1, 0)
        return self.entries[first : bisect_left(self._starts, bottom, first)]

    def to_measure(self, top: int, bottom: int) -> Iterator[SectionEntry]:
        """Yield the entries that are not measured: the nearer to these rows, the sooner."""
        entries = self.entries
        above = bisect_right(self._starts, top) - 1
        below = above + 1
        while above >= 0 or below < len(entries):
            if above >= 0 and not entries[above].measured:
                yield entries[above]
            if below < len(entries) and not entries[below].measured:
                yield entries[below]
            above -= 1
            below += 1


def _new_section(item: TranscriptItem, styles: SectionStyles) -> Section:
    """Return an empty section of the kind that an item needs."""
    if item.kind == "text":
        # The first frame is drawn without text, and without what lays it out.
        from tui.widgets.text_section import TextSection

        return TextSection(styles.theme)
    if item.kind == "thinking":
        return ThinkingSection()
    if not _has_lines(item):
        return PlainSection()
    from tui.widgets.lines_section import LinesSection

    return LinesSection()


def _has_lines(item: TranscriptItem) -> bool:
    return bool(item.lines) or item.value is not None


def _estimate(item: TranscriptItem, width: int) -> int:
    """Return about how many rows an item will have: few are better than many."""
    if item.kind in ("tool", "thinking", "stop"):
        return 1
    rows = -(-len(item.body) // max(width, 1))
    if item.kind == "text":
        return max(rows, int(item.open))
    if _has_lines(item):
        return min(len(item.lines) + 1, _FOLDED)
    return max(rows, 1) if item.kind == "prompt" else rows + 1


def _mark(item: TranscriptItem, width: int, styles: SectionStyles) -> tuple[object, ...]:
    """Return what the rows of an item depend on. A Buffer only grows: its length tells."""
    body = item.body if isinstance(item.body, str) else len(item.body)
    looks = (item.highlight, item.long, item.tone, item.version, item.lines)
    return (item.label, body, item.open, *looks, width, styles)
