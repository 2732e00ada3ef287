"""Wrapping of styled text by terminal cells.

A run is text in one style. What is given to these functions is sanitised and free of tabs.
No cluster of code points (wide characters, combining marks, joined emoji) is cut in two, and no
line is wider than asked for, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from rich.cells import cell_len, split_graphemes

from tui.core.text import sanitize
from tui.widgets.clusters import filled
from tui.widgets.paint import StyledText

# Every code point here is one cell wide and never joins its neighbours.
_NARROW: Final = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0377\u0384-\u038a\u038e-\u03a1\u0410-\u044f"
    "\u2010-\u2027\u2190-\u2199\u2500-\u257f]*"
)
# Wide characters that may not begin a line.
_CLOSING: Final = frozenset(
    "\u3001\u3002\uff0c\uff0e\uff01\uff1f\uff1a\uff1b\uff09\u300d\u300f\u3011\u300b\u3009\uff5d"
    "\u30fc\u3005\u3015"
)
_TOO_WIDE: Final = "\u25a1"


def is_narrow(text: str) -> bool:
    """Whether each code point of `text` is one cell: then offsets are cells."""
    return text.isascii() or _NARROW.fullmatch(text) is not None


def width_of(runs: Iterable[StyledText]) -> int:
    """Cells that the widest line of `runs` needs without wrapping."""
    return max((sum(cell_len(text) for text, _ in line) for line in split_lines(runs)), default=0)


def split_lines(runs: Iterable[StyledText]) -> list[list[StyledText]]:
    """Cut `runs` at line feeds. There is always one line at least."""
    line: list[StyledText] = []
    lines = [line]
    for text, style in runs:
        first, *others = text.split("\n")
        if first:
            line.append((first, style))
        for other in others:
            line = [(other, style)] if other else []
            lines.append(line)
    return lines


def wrap(
    runs: Sequence[StyledText], width: int, *, keep_tail: bool = False, keep_blanks: bool = False
) -> list[list[StyledText]]:
    """Wrap at blanks, and between wide characters, to lines of at most `width` cells (1 or more).

    Blanks at a break are dropped; with `keep_blanks` they stand over the edge, for text that is
    copied. With `keep_tail` those at the end of the last line stay, for a text that goes on.
    """
    lines: list[list[StyledText]] = []
    *others, last = split_lines(runs)
    for line in others:
        _wrap_line(line, width, lines, keep_tail=False, keep_blanks=keep_blanks)
    _wrap_line(last, width, lines, keep_tail=keep_tail, keep_blanks=keep_blanks)
    return lines


def wrapped_text(text: str, width: int) -> list[str]:
    """Wrap text of our own or from the wire, which is made safe, to lines of at most `width`."""
    lines = wrap([(sanitize(text).replace("\t", " "), None)], max(width, 1))
    return ["".join(part for part, _ in line) for line in lines]


def chop(runs: Sequence[StyledText], width: int) -> list[list[StyledText]]:
    """Cut one line of code into rows of at most `width` cells, wherever the edge falls."""
    text = "".join(part for part, _ in runs)
    if len(text) <= width and is_narrow(text):
        return [list(runs)]
    if is_narrow(text):
        starts = list(range(0, len(text), width))
    else:
        runs, spans = drawn_clusters(runs, width)
        starts = filled(spans, width)
    ends = [*starts[1:], sum(len(part) for part, _ in runs)]
    return slices(runs, list(zip(starts, ends, strict=True)))


def _wrap_line(
    runs: Sequence[StyledText],
    width: int,
    out: list[list[StyledText]],
    *,
    keep_tail: bool,
    keep_blanks: bool,
) -> None:
    if not keep_tail:
        runs = trimmed(runs)
    text = "".join(part for part, _ in runs)
    if is_narrow(text):
        if len(text) <= width:
            out.append(list(runs))
            return
        ranges = _narrow_breaks(text, width)
    else:
        runs, spans = drawn_clusters(runs, width)
        if sum(cells for _, _, cells in spans) <= width:
            out.append(list(runs))
            return
        ranges = _cluster_breaks("".join(part for part, _ in runs), spans, width)
    if keep_blanks:
        starts = [start for start, _ in ranges]
        ranges = [*zip(starts, starts[1:], strict=False), ranges[-1]]
    out.extend(slices(runs, ranges))


def _narrow_breaks(text: str, width: int) -> list[tuple[int, int]]:
    """Ranges of the lines of a text whose offsets are cells."""
    ranges = []
    start, size = 0, len(text)
    while size - start > width:
        blank = text.rfind(" ", start, start + width + 1)
        # Blanks that begin the line are an indent, no place to break.
        if blank < 0 or not text[start:blank].strip(" "):
            end = after = start + width
        else:
            end = after = blank
            while text[end - 1] == " ":
                end -= 1
        while after < size and text[after] == " ":
            after += 1
        ranges.append((start, end))
        start = after
    ranges.append((start, size))
    return ranges


def drawn_clusters(
    runs: Sequence[StyledText], width: int
) -> tuple[Sequence[StyledText], list[tuple[int, int, int]]]:
    """Split into clusters `(start, end, cells)`, run by run, as each run is drawn on its own.

    A cluster that is wider than the whole line is replaced, and a joiner with nothing to join is
    dropped, so the runs are given back too.
    """
    spans: list[tuple[int, int, int]] = []
    replaced: list[StyledText] = []
    base = 0
    for text, style in runs:
        text = text.lstrip("\u200d\ufe0f")
        found, _ = split_graphemes(text)
        if width < 2 and any(cells > width for _, _, cells in found):
            text = "".join(
                text[start:end] if cells <= width else _TOO_WIDE for start, end, cells in found
            )
            found, _ = split_graphemes(text)
        spans.extend((base + start, base + end, cells) for start, end, cells in found)
        replaced.append((text, style))
        base += len(text)
    return replaced, spans


def _cluster_breaks(
    text: str, spans: Sequence[tuple[int, int, int]], width: int
) -> list[tuple[int, int]]:
    """Ranges of the lines of a text with wide or joined characters."""
    clusters = [text[start:end] for start, end, _ in spans]
    ranges = []
    first = 0  # the cluster that begins the line
    place = 0  # the last cluster that may begin the next line
    used = 0
    index = 0
    count = len(spans)
    while index < count:
        cells = spans[index][2]
        if used + cells > width:
            if clusters[index] == " " or place <= first:
                place = index
            end = place
            while end > first and clusters[end - 1] == " ":
                end -= 1
            if end == first:  # nothing but an indent: cut the text itself
                place = end = index
            ranges.append((spans[first][0], spans[end - 1][1]))
            while place < count and clusters[place] == " ":
                place += 1
            first = index = place
            used = 0
            continue
        used += cells
        index += 1
        if index < count:
            follows = clusters[index]
            wide = cells > 1 or spans[index][2] > 1
            if (clusters[index - 1] == " " != follows) or (wide and follows not in _CLOSING):
                place = index
    last = spans[first][0] if first < count else len(text)
    ranges.append((last, len(text)))
    return ranges


def slices(runs: Sequence[StyledText], ranges: Sequence[tuple[int, int]]) -> list[list[StyledText]]:
    """Cut `runs` into the given ascending ranges of offsets."""
    lines: list[list[StyledText]] = []
    number = 0
    base = 0
    for start, end in ranges:
        line: list[StyledText] = []
        while number < len(runs):
            text, style = runs[number]
            stop = base + len(text)
            if stop > start:
                part = text[max(start - base, 0) : end - base]
                if part:
                    line.append((part, style))
                if stop > end:
                    break
            if stop >= end:
                if stop == end:
                    number += 1
                    base = stop
                break
            number += 1
            base = stop
        lines.append(line)
    return lines


def trimmed(line: Sequence[StyledText]) -> list[StyledText]:
    """`line` without the blanks at its end."""
    rest = list(line)
    while rest:
        text, style = rest.pop()
        text = text.rstrip(" ")
        if text:
            rest.append((text, style))
            break
    return rest
