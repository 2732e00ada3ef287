"""The waterfall of a conversation: a row a request on one axis of time, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Final, NamedTuple

from tui.core.session import Run
from tui.core.state import STALL_NS, as_text
from tui.core.text import format_count, format_ns, one_line
from tui.core.time_spans import WAITING, SpanScan, TimeSpan
from tui.core.usage import TokenCounts, token_counts
from tui.messages.conversations import BranchKind
from tui.viewmodel.counters import OutputTokens, output_tokens

_TOOLS, _BETWEEN = 4, 5
"""Kinds of time beside those of a run's spans: the application's tools, and nothing at all."""
_RANKS: Final = (2, 1, 1, 1, 3, 4)
"""Which kind counts where several things go on at once: the smallest; no time counts twice."""


class WaterfallEntry(NamedTuple):
    """A request, as what is known of it. Times are on one clock for all entries of a view."""

    key: Hashable
    run: Run
    scan: SpanScan
    model: str
    branch: int
    """Within the conversation; 0 is the first."""
    kind: BranchKind
    before: int | None
    """The entry that its branch goes on from, None at the beginning of one."""
    start_ns: int | None
    """When it was sent, None where that is not known."""
    now_ns: int
    """Time since then, as long as it goes on."""
    pending: bool = False
    """Whether its tools run now, or wait for a decision."""


class WaterfallGap(NamedTuple):
    """The application's own time before a request."""

    start_ns: int
    end_ns: int
    tools: tuple[str, ...]
    """What the answer before it had called: `bash`, `read_file ×3`. Empty: it called nothing."""


class WaterfallRow(NamedTuple):
    """A request on the axis, in ns from its beginning."""

    key: Hashable
    number: int
    """In the order sent, from 1."""
    branch: int
    kind: BranchKind
    model: str
    start_ns: int
    end_ns: int
    spans: tuple[TimeSpan, ...]
    """Counted from the start of the row, without gaps."""
    gap: WaterfallGap | None
    going: bool
    tokens: TokenCounts
    output: OutputTokens
    after: WaterfallGap | None = None
    """The tools that it called, as long as they run."""


class WaterfallTotals(NamedTuple):
    """What the rows add up to. No time counts twice, whatever goes on at once; times in ns."""

    requests: int
    length_ns: int
    model_ns: int
    waiting_ns: int
    tools_ns: int
    between_ns: int
    """When nothing went on: the application thought, or its user did."""
    input_tokens: int | None
    cache_read: int | None
    output: OutputTokens
    """An estimate, where that of any of them is one."""


class WaterfallView(NamedTuple):
    """What the waterfall draws."""

    title: str
    rows: tuple[WaterfallRow, ...]
    totals: WaterfallTotals
    note: str
    """Why the axis is not to be taken at its word; empty where it is."""


def waterfall_view(title: str, entries: Sequence[WaterfallEntry]) -> WaterfallView:
    """Return the view of a conversation's requests, in the order in which they were sent."""
    known = all(entry.start_ns is not None for entry in entries)
    starts = _starts(entries) if known else _one_by_one(entries)
    rows = tuple(_row(number, entries, starts) for number in range(len(entries)))
    notes = []
    if any(not entry.run.timed for entry in entries):
        notes.append("synthetic timing")
    if not known and len(entries) > 1:
        notes.append("when each was sent is not known: one after another, without your own time")
    return WaterfallView(title, rows, totals_of(rows), "; ".join(notes))


def _starts(entries: Sequence[WaterfallEntry]) -> list[int]:
    first = min((entry.start_ns or 0 for entry in entries), default=0)
    return [(entry.start_ns or 0) - first for entry in entries]


def _one_by_one(entries: Sequence[WaterfallEntry]) -> list[int]:
    starts = [0]
    for entry in entries:
        starts.append(starts[-1] + _length(entry))
    return starts[:-1]


def _length(entry: WaterfallEntry) -> int:
    """Return how long a request took, or has taken so far."""
    run = entry.run
    if run.state.end is None and run.status == "streaming":
        return max(entry.now_ns, run.last_byte_ns or 0)
    ended = run.ended_ns if run.status not in ("complete", "cancelled") else None
    return max(run.last_byte_ns or 0, ended or 0)


def _row(number: int, entries: Sequence[WaterfallEntry], starts: Sequence[int]) -> WaterfallRow:
    entry, start_ns = entries[number], starts[number]
    run = entry.run
    length_ns = _length(entry)
    gap = None
    if entry.before is not None:
        before = entries[entry.before]
        free_ns = starts[entry.before] + _length(before)
        if start_ns > free_ns:
            gap = WaterfallGap(free_ns, start_ns, called(before.run))
    after = None
    if entry.pending and entry.now_ns > length_ns:
        after = WaterfallGap(start_ns + length_ns, start_ns + entry.now_ns, called(run))
    return WaterfallRow(
        key=entry.key,
        number=number + 1,
        branch=entry.branch,
        kind=entry.kind,
        model=run.state.model or entry.model,
        start_ns=start_ns,
        end_ns=start_ns + length_ns,
        spans=_whole(entry.scan.advance(), length_ns),
        gap=gap,
        going=run.state.end is None and run.status == "streaming",
        tokens=token_counts(run.state.usage),
        output=output_tokens(run.state),
        after=after,
    )


def _whole(spans: Sequence[TimeSpan], length_ns: int) -> tuple[TimeSpan, ...]:
    """Return the spans up to the end: what follows the last delta is of its kind, or waiting."""
    end_ns = spans[-1].end_ns if spans else 0
    if not spans:
        return (TimeSpan(WAITING, 0, length_ns),)
    if length_ns <= end_ns:
        return tuple(spans)
    if length_ns - end_ns > STALL_NS:
        return (*spans, TimeSpan(WAITING, end_ns, length_ns))
    return (*spans[:-1], spans[-1]._replace(end_ns=length_ns))


def called(run: Run) -> tuple[str, ...]:
    """Return the client's tools that an answer calls: `bash`, `read_file ×3`."""
    counts = Counter(
        one_line(as_text(block.start.get("name")) or "a tool")[:40]
        for block in run.state.blocks
        if block.type == "tool_use"
    )
    return tuple(name if n == 1 else f"{name} \u00d7{n}" for name, n in counts.items())


def end_of(row: WaterfallRow) -> int:
    """Return where a row ends, with the tools that run now."""
    return row.end_ns if row.after is None else row.after.end_ns


# --- totals ---------------------------------------------------------------------------------------


def totals_of(rows: Sequence[WaterfallRow]) -> WaterfallTotals:
    """Return what rows add up to."""
    spent = _spent(rows)
    end_ns = max(map(end_of, rows), default=0)
    inputs = [row.tokens.all_input for row in rows]
    return WaterfallTotals(
        requests=len(rows),
        length_ns=end_ns - min((row.start_ns for row in rows), default=0),
        model_ns=spent[_RANKS[1]],
        waiting_ns=spent[_RANKS[WAITING]],
        tools_ns=spent[_RANKS[_TOOLS]],
        between_ns=spent[_RANKS[_BETWEEN]],
        input_tokens=_sum(inputs),
        cache_read=_sum(row.tokens.cache_read for row in rows),
        output=OutputTokens(
            _sum(row.output.tokens for row in rows),
            counted=all(row.output.counted for row in rows),
        ),
    )


def _sum(counts: Sequence[int | None] | Iterator[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _spent(rows: Sequence[WaterfallRow]) -> dict[int, int]:
    """Return the time of each rank: that of the smallest one which goes on."""
    edges: list[tuple[int, int, int]] = []
    for row in rows:
        for start_ns, end_ns, rank in _pieces(row):
            edges += [(start_ns, rank, 1), (end_ns, rank, -1)]
    edges.sort()
    last = _RANKS[_BETWEEN]
    going = [0] * (last + 1)
    spent = dict.fromkeys(range(last + 1), 0)
    before_ns = edges[0][0] if edges else 0
    for now_ns, rank, step in edges:
        best = next((place for place in range(1, last) if going[place]), last)
        spent[best] += now_ns - before_ns
        going[rank] += step
        before_ns = now_ns
    return spent


def _pieces(row: WaterfallRow) -> Iterator[tuple[int, int, int]]:
    for kind, start_ns, end_ns in row.spans:
        yield row.start_ns + start_ns, row.start_ns + end_ns, _RANKS[kind]
    for gap in (row.gap, row.after):
        if gap is not None and gap.tools:
            yield gap.start_ns, gap.end_ns, _RANKS[_TOOLS]


def totals_parts(found: WaterfallTotals) -> list[tuple[str, str]]:
    """Return the totals as pairs of a kind of time, or nothing, and words."""
    parts = []
    for kind, name, spent in (
        ("model", "model", found.model_ns),
        ("tools", "your tools", found.tools_ns),
        ("waiting", "waiting", found.waiting_ns),
        ("between", "between", found.between_ns),
    ):
        if spent and found.length_ns:
            parts.append((kind, f"{name} {100 * spent / found.length_ns:.0f} %"))
    if found.input_tokens is not None:
        cached = found.cache_read
        share = (
            f" ({100 * cached / found.input_tokens:.0f} % cached)"
            if cached is not None and found.input_tokens
            else ""
        )
        parts.append(("", f"in {format_count(found.input_tokens)}{share}"))
    if found.output.tokens is not None:
        parts.append(("", f"out {found.output.told}"))
    return parts


def heading_of(view: WaterfallView) -> str:
    """Return how many requests there are and how long they took."""
    count = view.totals.requests
    return (
        f"{view.title} \u00b7 {format_count(count)} request{'s' * (count != 1)} \u00b7 "
        f"{format_ns(view.totals.length_ns)}"
    )
