"""Differences of texts and of JSON as lines: side by side where there is room, else stacked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from tui.compare.json_diff import Change, ChangeKind, JsonDiff, path_text
from tui.compare.text_diff import Band, DiffPart, TextDiff
from tui.core.text import clip
from tui.viewmodel.compact import compact
from tui.viewmodel.lines import LineStyle, Pieces, StyledLine

REMOVED: Final = "\u2212 "
ADDED: Final = "+ "
CHANGED: Final = "~ "
NO_MARK: Final = "  "
ARROW: Final = " \u2192 "

_CONTEXT: Final = 2
_MOST_LINES: Final = 2_000
_MOST_NESTED: Final = 40
_MOST_CHANGES: Final = 500
_LONG_SAME: Final = 400
_LONG: Final = 2_000
VALUE: Final = 300
"""Characters that are shown of a JSON value."""


class CompareLine(NamedTuple):
    """A line over the whole width, or one in two columns when there is a `right`."""

    left: StyledLine
    right: StyledLine | None = None
    stop: bool = False
    """Whether a difference begins here."""


EMPTY: Final = CompareLine(StyledLine())


def count(number: int, noun: str) -> str:
    """Return `1 line`, `1,200 lines`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


# --- texts ----------------------------------------------------------------------------------------


def text_lines(
    diff: TextDiff, *, wide: bool, indent: int = 0, nested: bool = False
) -> Iterator[CompareLine]:
    """Draw a text diff; equal passages are folded. A nested one is short and is no stop itself."""
    if diff.first is not None:
        first = diff.first
        what = f"Too long to be aligned. Line {first.line:,} is the first that differs:"
        if nested:
            what = f"line {first.line:,} is the first that differs:"
        yield CompareLine(StyledLine(((what, "muted"),), NO_MARK, indent=indent), stop=not nested)
        yield from _pair(
            StyledLine(((f"\u2026{first.left}\u2026", "removed"),), REMOVED, "removed", indent),
            StyledLine(((f"\u2026{first.right}\u2026", "added"),), ADDED, "added", indent),
            wide=wide,
            stop=False,
        )
        return
    room = _MOST_NESTED if nested else _MOST_LINES
    bands = diff.bands
    number = 0
    while number < len(bands):
        band = bands[number]
        if room <= 0 and _differing(bands[number:]):
            break
        if band.kind == "equal":
            last = number == len(bands) - 1
            yield from _equal(band.left, number > 0, not last, wide=wide, indent=indent)
            number += 1
            continue
        stop = not nested and (number == 0 or bands[number - 1].kind == "equal")
        after = bands[number + 1] if number + 1 < len(bands) else None
        gone, come = band.left, band.right
        if band.kind == "removed" and after is not None and after.kind == "added":
            come = after.right
            number += 1
        number += 1
        if band.kind == "changed":
            yield from _changed(band.pieces, wide=wide, indent=indent, stop=stop)
        else:
            shown = gone[:room], come[:room]
            yield from _replaced(*shown, wide=wide, indent=indent, stop=stop)
        room -= max(len(gone), len(come))
    left_out = -min(room, 0) + _differing(bands[number:])
    if left_out:
        more = f"\u2026 and {count(left_out, 'more differing line')}"
        yield CompareLine(StyledLine(((more, "muted"),), NO_MARK, indent=indent))


def _differing(bands: Sequence[Band]) -> int:
    """Return how many lines differ; what was added in place of another line does not count."""
    total = replaced = 0
    for band in bands:
        size = max(len(band.left), len(band.right))
        if band.kind != "equal":
            total += max(size - replaced, 0) if band.kind == "added" else size
        replaced = size if band.kind == "removed" else 0
    return total


def _equal(
    lines: Sequence[str], before: bool, after: bool, *, wide: bool, indent: int
) -> Iterator[CompareLine]:
    """Show what is next to a difference; fold the rest."""
    head, tail = _CONTEXT * before, _CONTEXT * after
    folded = len(lines) - head - tail
    if folded < 2:
        head, tail, folded = len(lines), 0, 0
    for line in lines[:head]:
        yield _context(line, wide=wide, indent=indent)
    if folded:
        what = f"\u22ef {count(folded, 'equal line')}"
        yield CompareLine(StyledLine(((what, "muted"),), NO_MARK, indent=indent))
    for line in lines[len(lines) - tail :]:
        yield _context(line, wide=wide, indent=indent)


def _context(line: str, *, wide: bool, indent: int) -> CompareLine:
    pieces: Pieces = ((line, "plain"),)
    if len(line) > _LONG_SAME:
        more = count(len(line) - _LONG_SAME, "character")
        pieces = ((line[:_LONG_SAME], "plain"), (f" \u2026 and {more}", "muted"))
    cell = StyledLine(pieces, NO_MARK, indent=indent)
    return CompareLine(cell, cell if wide else None)


def _replaced(
    gone: Sequence[str], come: Sequence[str], *, wide: bool, indent: int, stop: bool
) -> Iterator[CompareLine]:
    left = [StyledLine(_clipped(line, "removed"), REMOVED, "removed", indent) for line in gone]
    right = [StyledLine(_clipped(line, "added"), ADDED, "added", indent) for line in come]
    if not wide:
        for place, cell in enumerate([*left, *right]):
            yield CompareLine(cell, stop=stop and not place)
        return
    nothing = StyledLine((), NO_MARK, indent=indent)
    for place, (one, other) in enumerate(zip_longest(left, right, fillvalue=nothing)):
        yield CompareLine(one, other, stop=stop and not place)


def _changed(
    pieces: Sequence[DiffPart], *, wide: bool, indent: int, stop: bool
) -> Iterator[CompareLine]:
    left: list[tuple[str, LineStyle]] = []
    right: list[tuple[str, LineStyle]] = []
    for place, piece in enumerate(pieces):
        if piece.equal:
            same = _shortened(piece.left, place > 0, place < len(pieces) - 1)
            left += same
            right += same
        else:
            left += _marked(piece.left, "removed-word")
            right += _marked(piece.right, "added-word")
    marks: tuple[tuple[str, LineStyle], tuple[str, LineStyle]] = (
        (CHANGED, "changed"),
        (CHANGED, "changed"),
    )
    if not wide:
        marks = ((REMOVED, "removed"), (ADDED, "added"))
    one, other = (
        StyledLine(tuple(left), *marks[0], indent),
        StyledLine(tuple(right), *marks[1], indent),
    )
    yield from _pair(one, other, wide=wide, stop=stop)


def _pair(left: StyledLine, right: StyledLine, *, wide: bool, stop: bool) -> Iterator[CompareLine]:
    if wide:
        yield CompareLine(left, right, stop)
    else:
        yield CompareLine(left, None, stop)
        yield CompareLine(right)


def _marked(text: str, look: LineStyle) -> Pieces:
    """Mark what changed, without the blanks around it when there is more than blanks."""
    core = text.strip()
    if not core:
        return ((text, look),)
    start = text.index(core)
    end = start + len(core)
    return ((text[:start], "plain"), *_clipped(core, look), (text[end:], "plain"))


def _clipped(text: str, look: LineStyle) -> Pieces:
    if len(text) <= _LONG:
        return ((text, look),)
    more = count(len(text) - _LONG, "character")
    return ((text[:_LONG], look), (f" \u2026 and {more}", "muted"))


def _shortened(text: str, before: bool, after: bool) -> Pieces:
    """Shorten an equal part of a changed line, but not next to a change."""
    if len(text) <= _LONG_SAME:
        return ((text, "plain"),)
    keep = _LONG_SAME * 2 // 5
    head, tail = keep * before, keep * after
    what = f" \u22ef {count(len(text) - head - tail, 'equal character')} \u22ef "
    return ((text[:head], "plain"), (what, "muted"), (text[len(text) - tail :], "plain"))


# --- JSON -----------------------------------------------------------------------------------------

_MARKS: Final[dict[ChangeKind, tuple[str, LineStyle]]] = {
    "added": (ADDED, "added"),
    "removed": (REMOVED, "removed"),
    "changed": (CHANGED, "changed"),
}


def json_lines(diff: JsonDiff, *, wide: bool, indent: int = 0) -> Iterator[CompareLine]:
    """Draw a JSON diff: a line for each path, with the texts of long strings below it."""
    if diff.too_large:
        what = "too large to be compared"
        yield CompareLine(StyledLine(((what, "muted"),), CHANGED, "changed", indent), stop=True)
        return
    for change in diff.changes[:_MOST_CHANGES]:
        mark = _MARKS[change.kind]
        yield CompareLine(StyledLine(_change(change), *mark, indent), stop=True)
        if change.text is not None:
            yield from text_lines(change.text, wide=wide, indent=indent + 2, nested=True)
    more = diff.total - min(len(diff.changes), _MOST_CHANGES)
    if more:
        what = f"\u2026 and {count(more, 'more difference')}"
        yield CompareLine(StyledLine(((what, "muted"),), NO_MARK, indent=indent))


def _change(change: Change) -> Pieces:
    path: Pieces = ((path_text(change.path), "plain"), ("  ", "muted"))
    if change.text is not None:
        left, right = change.text.left.chars, change.text.right.chars
        return (*path, (f"{left:,}{ARROW}{count(right, 'character')}", "muted"))
    if change.kind == "removed":
        return (*path, (value(change.left), "removed"))
    if change.kind == "added":
        return (*path, (value(change.right), "added"))
    gone, come = value(change.left), value(change.right)
    return (*path, (gone, "removed"), (ARROW, "muted"), (come, "added"))


def value(item: object) -> str:
    """Return a JSON value for reading, cut to one or two rows."""
    text = compact(item)
    return clip(f'"{text}"' if isinstance(item, str) else text, VALUE)
