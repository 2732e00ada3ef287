"""Two texts line by line, and word by word inside a line that changed.

A line is what stands between two LF. Work and result are bounded: past `WORD_CHARS` there are no
words, past `LINE_CHARS` or `LINE_COUNT` only the first difference is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final, Literal, NamedTuple

from tui.compare.align import Effort, Match, matches
from tui.core.steps import Steps
from tui.core.text import common_length

WORD_CHARS: Final = 200_000
LINE_CHARS: Final = 2_000_000
LINE_COUNT: Final = 50_000
_STRIDE: Final = 1 << 20
_EXCERPT: Final = 80
_TURN: Final = 1_024
_PAIRS: Final = 2_500
"""Lines of a changed passage are paired by likeness up to so many pairs, else in order."""
_ALIKE: Final = 0.4
"""Lines that share less than this part of their words are two lines, not one that changed."""

# Letters of scripts that are written without blanks are words of their own. A mark belongs to what
# is before it, so that no cluster is cut in two.
_CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PUNCTUATION: Final = "\u00a1-\u00bf\u2010-\u205e\u3001-\u303f\uff00-\uff0f"
_TOKEN: Final = re.compile(
    rf"\s{{1,64}}|[{_CJK}]|(?:[^\W{_CJK}]|[^\w\s\x00-\x7f{_PUNCTUATION}]){{1,64}}|."
)

Mode = Literal["equal", "words", "lines", "first"]
BandKind = Literal["equal", "changed", "removed", "added"]


class DiffPart(NamedTuple):
    """A part of a changed line: the same on both sides, or what stands there instead."""

    left: str
    right: str

    @property
    def equal(self) -> bool:
        return self.left == self.right


class Band(NamedTuple):
    """Lines that belong together. A changed band is one line, with its `pieces`."""

    kind: BandKind
    left: tuple[str, ...]
    right: tuple[str, ...]
    pieces: tuple[DiffPart, ...] = ()


class First(NamedTuple):
    """Where two texts part: the line, from 1, and the code point in the text, from 0."""

    line: int
    offset: int
    left: str
    right: str


class Extent(NamedTuple):
    chars: int
    lines: int


class TextDiff(NamedTuple):
    """The differences of two texts. There are no bands in the modes `equal` and `first`."""

    mode: Mode
    left: Extent
    right: Extent
    bands: tuple[Band, ...] = ()
    first: First | None = None

    @property
    def equal(self) -> bool:
        return self.mode == "equal"

    def mirrored(self) -> TextDiff:
        """Return the diff of the same texts the other way round."""
        first = self.first
        if first is not None:
            first = first._replace(left=first.right, right=first.left)
        bands = _mirrored(self.bands)
        return TextDiff(self.mode, self.right, self.left, bands, first)


_OPPOSITE: Final[dict[BandKind, BandKind]] = {
    "equal": "equal",
    "changed": "changed",
    "removed": "added",
    "added": "removed",
}


def _mirrored(bands: Sequence[Band]) -> tuple[Band, ...]:
    turned = [
        Band(
            _OPPOSITE[band.kind],
            band.right,
            band.left,
            tuple(DiffPart(piece.right, piece.left) for piece in band.pieces),
        )
        for band in bands
    ]
    # What was removed stands before what was added in its place.
    for place in range(1, len(turned)):
        if turned[place - 1].kind == "added" and turned[place].kind == "removed":
            turned[place - 1], turned[place] = turned[place], turned[place - 1]
    return tuple(turned)


def text_diff(left: str, right: str, effort: Effort | None = None) -> Steps[TextDiff]:
    """Compare two texts. The other way round it is the same diff, mirrored."""
    if left > right:
        # Always in one order, for which of several equally good alignments is found depends on it.
        turned = yield from text_diff(right, left, effort)
        return turned.mirrored()
    sizes = (yield from _extent(left)), (yield from _extent(right))
    if left == right:
        return TextDiff("equal", *sizes)
    chars = max(len(left), len(right))
    if chars > LINE_CHARS or max(size.lines for size in sizes) > LINE_COUNT:
        first = yield from _first(left, right)
        return TextDiff("first", *sizes, first=first)
    lines = left.split("\n"), right.split("\n")
    yield
    effort = effort or Effort()
    by_words = chars <= WORD_CHARS
    bands: list[Band] = []
    at = other_at = 0
    found = yield from matches(*lines, effort)
    for place, other, size in [*found, Match(len(lines[0]), len(lines[1]), 0)]:
        gone, come = tuple(lines[0][at:place]), tuple(lines[1][other_at:other])
        if gone and come and by_words:
            yield from _replaced(gone, come, effort, bands)
        else:
            bands += _whole(gone, come)
        at, other_at = place + size, other + size
        if size:
            same = tuple(lines[0][place:at])
            bands.append(Band("equal", same, same))
        if not len(bands) % _TURN:
            yield
    return TextDiff("words" if by_words else "lines", *sizes, tuple(bands))


def first_difference(left: str, right: str) -> Steps[TextDiff]:
    """Compare two texts no further than to where they part."""
    sizes = (yield from _extent(left)), (yield from _extent(right))
    if left == right:
        return TextDiff("equal", *sizes)
    first = yield from _first(left, right)
    return TextDiff("first", *sizes, first=first)


def _extent(text: str) -> Steps[Extent]:
    feeds = yield from _feeds(text, len(text))
    return Extent(len(text), feeds + 1)


def _feeds(text: str, end: int) -> Steps[int]:
    """Return how many LF there are before `end`."""
    count = 0
    for start in range(0, end, _STRIDE):
        count += text.count("\n", start, min(start + _STRIDE, end))
        yield
    return count


def _first(left: str, right: str) -> Steps[First]:
    low, end = 0, min(len(left), len(right))
    while low < end and left[low : low + _STRIDE] == right[low : low + _STRIDE]:
        low += _STRIDE
        yield
    low = min(low, end)
    low += common_length(left[low : low + _STRIDE], right[low : low + _STRIDE])
    feeds = yield from _feeds(left, low)
    shown = slice(max(low - _EXCERPT // 4, 0), low + _EXCERPT)
    return First(feeds + 1, low, left[shown], right[shown])


def _whole(gone: tuple[str, ...], come: tuple[str, ...]) -> list[Band]:
    bands = []
    if gone:
        bands.append(Band("removed", gone, ()))
    if come:
        bands.append(Band("added", (), come))
    return bands


# --- lines that stand for each other --------------------------------------------------------------


def _replaced(
    gone: tuple[str, ...], come: tuple[str, ...], effort: Effort, bands: list[Band]
) -> Steps[None]:
    """Pair the lines of a passage that are alike; the others were removed and added."""
    at = other_at = 0
    pairs = yield from _pairs(gone, come)
    for place, other in pairs:
        pieces = yield from _words(gone[place], come[other], effort)
        if not pieces:
            continue
        bands += _whole(gone[at:place], come[other_at:other])
        bands.append(Band("changed", (gone[place],), (come[other],), pieces))
        at, other_at = place + 1, other + 1
    bands += _whole(gone[at:], come[other_at:])


def _pairs(gone: tuple[str, ...], come: tuple[str, ...]) -> Steps[list[tuple[int, int]]]:
    """Return which lines go together, ascending: those that are the most alike in sum."""
    words = (yield from _word_sets(gone)), (yield from _word_sets(come))
    if len(gone) * len(come) > _PAIRS:
        pairs = []
        for place, (mine, others) in enumerate(zip(*words, strict=False)):
            if _likeness(mine, others) >= _ALIKE:
                pairs.append((place, place))
            if not place % _TURN:
                yield
        return pairs
    best = [[0.0] * (len(come) + 1) for _ in range(len(gone) + 1)]
    for place, mine in enumerate(words[0]):
        for other, others in enumerate(words[1]):
            value = _likeness(mine, others)
            together = best[place][other] + value if value >= _ALIKE else 0.0
            best[place + 1][other + 1] = max(
                best[place][other + 1], best[place + 1][other], together
            )
        yield
    pairs = []
    place, other = len(gone), len(come)
    while place and other:
        here = best[place][other]
        if here == best[place - 1][other]:
            place -= 1
        elif here == best[place][other - 1]:
            other -= 1
        else:
            place, other = place - 1, other - 1
            pairs.append((place, other))
    pairs.reverse()
    return pairs


def _word_sets(lines: tuple[str, ...]) -> Steps[list[set[str]]]:
    sets = []
    for line in lines:
        words: set[str] = set()
        found = _TOKEN.finditer(line)
        while part := [match[0] for match in islice(found, _TURN)]:
            words.update(part)
            yield
        # Blanks are everywhere and make no lines alike.
        sets.append({word for word in words if not word.isspace()})
    return sets


def _likeness(words: set[str], others: set[str]) -> float:
    total = len(words) + len(others)
    return 2 * len(words & others) / total if total else 0.0


def _tokens(line: str) -> Steps[list[str]]:
    """Cut a line into words, blanks and punctuation marks; joined they are the line."""
    tokens: list[str] = []
    found = _TOKEN.finditer(line)
    while part := [match[0] for match in islice(found, _TURN)]:
        tokens += part
        yield
    return tokens


def _words(left: str, right: str, effort: Effort) -> Steps[tuple[DiffPart, ...]]:
    """Return the pieces of a changed line, none when too little of it is the same."""
    tokens, others = (yield from _tokens(left)), (yield from _tokens(right))
    found = yield from matches(tokens, others, effort)
    pieces: list[DiffPart] = []
    at = other_at = same = 0
    for place, other, size in [*found, Match(len(tokens), len(others), 0)]:
        shared = "".join(tokens[place : place + size])
        if place > at or other > other_at:
            gone, come = "".join(tokens[at:place]), "".join(others[other_at:other])
            _append(pieces, DiffPart(gone, come))
        at, other_at = place + size, other + size
        if shared:
            pieces.append(DiffPart(shared, shared))
            same += len(shared) - shared.count(" ")
        if not len(pieces) % _TURN:
            yield
    return tuple(pieces) if same * 4 >= max(len(left), len(right)) else ()


def _append(pieces: list[DiffPart], piece: DiffPart) -> None:
    """Add what changed. A blank alone between two changes reads better as part of them."""
    if len(pieces) > 1 and pieces[-1].equal and pieces[-1].left.isspace():
        blank, before = pieces.pop(), pieces.pop()
        piece = DiffPart(
            before.left + blank.left + piece.left, before.right + blank.right + piece.right
        )
    pieces.append(piece)
