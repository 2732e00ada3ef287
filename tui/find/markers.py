"""The places of a run worth jumping to, and a strip that shows the whole of it at a glance.

Nothing here walks over the events: the columns are searched by bisection, so a strip of a million
events costs as much as one of a thousand.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final, Literal, NamedTuple

from tui.core.session import Run
from tui.core.state import TOOL_TYPES, as_text
from tui.core.text import clip, format_ns, one_line

MarkerKind = Literal["finding", "error", "anomaly", "stall", "tool", "start", "stop", "mark"]
ContentKind = Literal["text", "thinking", "json", "other", ""]

_SAMPLES: Final = 5
"""Events of a cell that are looked at to tell its kind, anomalies of an event that are named."""
_LABEL: Final = 60
_STARTS: Final = "content_block_start"
_STOPS: Final = "content_block_stop"
_KINDS: Final[dict[str, ContentKind]] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "json",
}
_IDENTITY: Final = int
_FIRST: Final = itemgetter(0)
_SEQ: Final = attrgetter("seq")
_STARTED: Final = attrgetter("started_seq")


class Marker(NamedTuple):
    """An event worth jumping to."""

    seq: int
    kind: MarkerKind
    """The most telling of its kinds, where it has several."""
    label: str
    """All that it is, in one line that is safe to draw."""


class StripColumn(NamedTuple):
    """A column of the strip."""

    events: int
    kind: ContentKind
    """The content that most of its events carry, `other` for none; empty without events."""
    stall: bool
    error: bool
    anomaly: bool
    block: bool
    """A content block starts or stops here."""


class _Source(NamedTuple):
    """Places of one kind, ascending by the sequence number that `seq_of` finds in them."""

    kind: MarkerKind
    items: Sequence[Any]
    seq_of: Callable[[Any], int]

    def next_after(self, seq: int) -> int | None:
        place = bisect_right(self.items, seq, key=self.seq_of)
        return self.seq_of(self.items[place]) if place < len(self.items) else None

    def previous_before(self, seq: int) -> int | None:
        place = bisect_left(self.items, seq, key=self.seq_of)
        return self.seq_of(self.items[place - 1]) if place else None

    def between(self, first: int, last: int) -> range:
        """Return which of the places are from event `first` up to `last`."""
        low = bisect_left(self.items, first, key=self.seq_of)
        return range(low, bisect_left(self.items, last, low, key=self.seq_of))


# --- markers --------------------------------------------------------------------------------------


def next_marker(
    run: Run,
    seq: int,
    direction: int,
    own_marks: Collection[int] = (),
    evidence: Sequence[tuple[int, str]] = (),
) -> Marker | None:
    """Return the nearest marker after event `seq`, or before it for a negative `direction`.

    Markers are starts and stops of blocks, tool calls, stalls, errors, anomalies, the user's
    `own_marks`, and the `evidence` of findings, ascending, each with what it is. None where there
    is no more. What counts is the live state, so that a cursor in the past can go forward.
    """
    count = len(run.timeline)
    sources = _sources(run, own_marks, evidence)
    if direction < 0:
        before = [source.previous_before(min(seq, count)) for source in sources]
        target = max((found for found in before if found is not None), default=-1)
    else:
        after = [source.next_after(seq) for source in sources]
        target = min((found for found in after if found is not None), default=count)
    return _marker(run, target, sources) if 0 <= target < count else None


def marker_at(
    run: Run,
    seq: int,
    own_marks: Collection[int] = (),
    evidence: Sequence[tuple[int, str]] = (),
) -> Marker | None:
    """Return the marker on event `seq`, as `next_marker` would; None where it has none."""
    sources = _sources(run, own_marks, evidence)
    marked = any(source.between(seq, seq + 1) for source in sources)
    return _marker(run, seq, sources) if marked else None


def _sources(
    run: Run, own_marks: Collection[int] = (), evidence: Sequence[tuple[int, str]] = ()
) -> list[_Source]:
    """Return where markers come from, the most telling first."""
    timeline, state = run.timeline, run.state
    return [
        _Source("finding", evidence, _FIRST),
        _Source("error", timeline.seqs("error"), _IDENTITY),
        _Source("anomaly", state.anomalies, _SEQ),
        # Without times there are no stalls, whatever the pacing looks like.
        _Source("stall", state.stalls if run.timed else (), _FIRST),
        _Source("start", timeline.seqs(_STARTS), _IDENTITY),
        _Source("stop", timeline.seqs(_STOPS), _IDENTITY),
        _Source("mark", sorted(own_marks), _IDENTITY),
    ]


def _marker(run: Run, seq: int, sources: list[_Source]) -> Marker:
    found = [
        (source.kind, _safe(source.items[place][1]))
        if source.kind == "finding"
        else _describe(run, source.kind, seq, place)
        for source in sources
        for place in source.between(seq, seq + 1)[:_SAMPLES]
    ]
    labels = dict.fromkeys(label for _, label in found)
    return Marker(seq, found[0][0], " \u00b7 ".join(labels))


def _describe(run: Run, kind: MarkerKind, seq: int, place: int) -> tuple[MarkerKind, str]:
    if kind == "error":
        error = (run.timeline.record(seq).payload or {}).get("error")
        name = as_text(error.get("type")) if isinstance(error, dict) else None
        return kind, _safe(f"error {name}" if name else "error")
    if kind == "anomaly":
        return kind, run.state.anomalies[place].code.replace("_", " ")
    if kind == "stall":
        return kind, f"stall of {format_ns(run.state.stalls[place][1])}"
    if kind == "start":
        return _describe_start(run, seq)
    if kind == "stop":
        index = run.timeline.index(seq)
        return kind, f"block {index} stops" if index >= 0 else "a block stops"
    return kind, "mark"


def _describe_start(run: Run, seq: int) -> tuple[MarkerKind, str]:
    blocks = run.state.blocks
    place = bisect_left(blocks, seq, key=_STARTED)
    if place == len(blocks) or blocks[place].started_seq != seq:
        return "start", "a block starts"  # Its event could not be read.
    block = blocks[place]
    if block.type in TOOL_TYPES:
        return "tool", _safe(f"call of {as_text(block.start.get('name')) or block.type}")
    return "start", _safe(f"block {block.index} starts, {block.type}")


def _safe(label: str) -> str:
    return one_line(clip(label, _LABEL))


# --- the strip ------------------------------------------------------------------------------------


class _Scale:
    """How the first `count` events of a run lie on `width` columns.

    By time from the request on (for a later message of a body: from its first event on); by number
    where the times are not real, or all the same.
    """

    def __init__(self, run: Run, width: int, upto: int | None) -> None:
        self.times = run.timeline.times
        total = len(self.times)
        self.count = total if upto is None else max(0, min(upto, total))
        self.width = width
        self.start = 0
        if self.count and (run.first_offset or self.times[0] < 0):
            self.start = self.times[0]
        self.by_time = run.timed and self.count > 0 and self.times[self.count - 1] > self.start
        last = self.times[self.count - 1] - self.start if self.by_time else self.count - 1
        self.extent = last + 1

    def position(self, column: int) -> int:
        """Return where `column` begins, in ns or events from the start."""
        return -(-column * self.extent // self.width)

    def edge(self, column: int, low: int = 0) -> int:
        """Return the first event, from `low` on, that is in `column` or after it."""
        if column >= self.width:
            return self.count
        position = self.position(column)
        if not self.by_time:
            return max(position, low)
        return bisect_left(self.times, self.start + position, low, self.count)

    def column(self, seq: int) -> int:
        """Return the column of event `seq`; events off the scale are at its ends."""
        position = self.times[seq] - self.start if self.by_time else seq
        return max(0, min(position * self.width // self.extent, self.width - 1))


def density(run: Run, width: int, upto: int | None = None) -> list[StripColumn]:
    """Return the strip of a run: its first `upto` events, or all, in `width` columns."""
    if width < 1:
        return []
    scale = _Scale(run, width, upto)
    if not scale.count:
        return [StripColumn(0, "", False, False, False, False)] * width
    sources = {source.kind: source for source in _sources(run)}
    cells = []
    first = 0
    for column in range(width):
        last = scale.edge(column + 1, first)
        error, anomaly, start, stop = (
            _has(sources[kind], first, last) for kind in ("error", "anomaly", "start", "stop")
        )
        cells.append(
            StripColumn(
                last - first,
                _kind(run, first, last),
                _stalls(sources["stall"], scale, column, first),
                error,
                anomaly,
                start or stop,
            )
        )
        first = last
    return cells


def column_of(run: Run, seq: int, width: int, upto: int | None = None) -> int | None:
    """Return the column of event `seq` in the strip that `density` makes; None without events."""
    scale = _Scale(run, width, upto)
    if not scale.count or width < 1:
        return None
    return scale.column(max(0, min(seq, scale.count - 1)))


def seq_at(run: Run, column: int, width: int, upto: int | None = None) -> int | None:
    """Return the event that a click on `column` means; None without events.

    That is the first one in the column, and for an empty column the last one before it.
    """
    scale = _Scale(run, width, upto)
    if not scale.count or width < 1:
        return None
    column = max(0, min(column, width - 1))
    first = scale.edge(column)
    if first < scale.edge(column + 1):
        return first
    return max(first - 1, 0)


def _has(source: _Source, first: int, last: int) -> bool:
    return len(source.between(first, last)) > 0


def _kind(run: Run, first: int, last: int) -> ContentKind:
    """Return what most of a few events from `first` up to `last` are; content goes before other."""
    if first == last:
        return ""
    timeline = run.timeline
    step = max((last - first) // _SAMPLES, 1)
    kinds = Counter(
        _KINDS.get(timeline.label(seq).delta, "other") for seq in range(first, last, step)
    )
    if len(kinds) > 1:
        del kinds["other"]
    return kinds.most_common(1)[0][0]


def _stalls(source: _Source, scale: _Scale, column: int, first: int) -> bool:
    """Whether the run stalled in `column`, whose first event is `first`.

    Then the next stall to end, there or later, began before the end of the column.
    """
    if not scale.by_time:
        return False
    place = bisect_left(source.items, first, key=_FIRST)
    if place == len(source.items):
        return False
    seq, gap = source.items[place]
    if seq >= scale.count:
        return False
    return bool(scale.times[seq] - gap - scale.start < scale.position(column + 1))
