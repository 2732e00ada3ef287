"""The latency view: where the time of a run went, as lines."""

from __future__ import annotations

from itertools import zip_longest
from typing import Final

from tui.core.latency import BOUNDS_NS, KINDS, LatencyScan
from tui.core.metrics import Metrics
from tui.core.session import Run
from tui.core.text import format_count, format_ns
from tui.viewmodel.counters import sparkline
from tui.viewmodel.lines import LineStyle, StyledLine, bar, line_of
from tui.viewmodel.verdict import verdict_lines
from tui.viewmodel.views import VerdictView

_BAR: Final = 32
_LABEL: Final = 14
_BETWEEN: Final = 3
_BESIDE_EACH_OTHER: Final = 90
"""Columns in which two blocks stand beside each other: so that all of it fits on a screen."""
_BESIDE: Final = 16
"""Columns for the figures behind a bar."""


def _part(value: int, largest: int, width: int) -> str:
    """Draw a value as a bar of at most `width` cells; something is never nothing."""
    if value <= 0 or largest <= 0:
        return ""
    return bar(max(round(value * width * 8 / largest), 1))


def latency_lines(
    run: Run, scan: LatencyScan, width: int, verdict: VerdictView | None = None
) -> list[StyledLine]:
    """Return the view for what `scan` has seen so far. It begins with the verdict on the time."""
    if not run.timed:
        return [
            line_of(("The times of this stream are made up,", "muted")),
            line_of(("so there is nothing to measure.", "muted")),
        ]
    metrics = run.metrics()
    lines = [*verdict_lines(verdict, width), *_numbers(metrics, width), line_of()]
    if width < _BESIDE_EACH_OTHER:
        longest = min(max(width - _LABEL - _BESIDE, 3), _BAR)
        lines += [*_spent(scan, longest), line_of(), *_gaps(metrics, scan, width, longest)]
    else:
        half = (width - _BETWEEN) // 2
        longest = min(half - _LABEL - _BESIDE, _BAR)
        lines += _beside(_spent(scan, longest), _gaps(metrics, scan, half, longest), half)
    lines.append(line_of())
    room = max(min(width - _LABEL - 12, 100), 3)
    growth = scan.growth(room)
    total = format_count(scan.chars[-1] if scan.chars else 0)
    lines += [
        line_of(("Characters over time", "heading")),
        line_of((" " * _LABEL, "plain"), (sparkline(growth), "bar"), (f"  {total}", "plain")),
        line_of(),
        line_of(("Longest gaps", "heading"), ("   press the number to go there", "muted")),
    ]
    for number, gap in enumerate(scan.longest, 1):
        label = run.timeline.label(gap.seq)
        what = f"before event {gap.seq}, {label.delta.removesuffix('_delta')}"
        length = f"{format_ns(gap.length_ns):>8}"
        lines.append(
            StyledLine(
                ((f"  {number}", "heading"), (length, "plain"), (f"  {what}", "muted")), seq=gap.seq
            )
        )
    events, most = len(run.timeline), scan.largest_read
    reads = f"  {scan.reads} reads brought {events} events, at most {most} at once"
    lines += [line_of(), line_of(("Network", "heading")), line_of((reads, "plain"))]
    return lines


def _packed(parts: list[StyledLine], width: int, indent: int = 0) -> list[StyledLine]:
    """Put parts one after another, with two blanks between them, on as few lines as they fit."""
    margin: tuple[str, LineStyle] = (" " * indent, "plain")
    lines: list[StyledLine] = []
    used = width
    for part in parts:
        size = sum(len(text) for text, _ in part.pieces)
        if lines and used + 2 + size <= width:
            lines[-1] = line_of(*lines[-1].pieces, ("  ", "plain"), *part.pieces)
            used += 2 + size
        else:
            lines.append(line_of(margin, *part.pieces))
            used = indent + size
    return lines


def _numbers(metrics: Metrics, width: int) -> list[StyledLine]:
    itl = None if metrics.itl is None else int(metrics.itl)
    known = (
        ("TTFB", metrics.ttfb),
        ("TTFT", metrics.ttft),
        ("TTFO", metrics.ttfo),
        ("TTST", metrics.ttst),
        ("total", metrics.e2e),
        ("decode", metrics.decode),
        ("per token", itl),
    )
    parts = [line_of((f"{name} ", "muted"), (format_ns(value), "plain")) for name, value in known]
    return _packed(parts, width)


def _spent(scan: LatencyScan, longest: int) -> list[StyledLine]:
    total = sum(scan.spent_ns)
    largest = max(scan.spent_ns)
    lines = [line_of(("Where the time went", "heading"))]
    for name, spent in zip(KINDS, scan.spent_ns, strict=True):
        if not spent:
            continue
        share = f"{100 * spent / total:.0f}%" if total else ""
        lines.append(
            line_of(
                (f"  {name:<{_LABEL - 2}}", "muted"),
                (f"{_part(spent, largest, longest):<{longest}}", "bar"),
                (f"  {format_ns(spent):>7}  {share:>4}", "plain"),
            )
        )
    return lines


def _gaps(metrics: Metrics, scan: LatencyScan, width: int, longest: int) -> list[StyledLine]:
    facts = [f"{name} {format_ns(value)}" for name, value in metrics.icl._asdict().items()]
    title = line_of(("Gaps between content chunks", "heading"))
    if len(title.pieces[0][0]) + 3 + len("  ".join(facts)) <= width:
        lines = [line_of(*title.pieces, ("   " + "  ".join(facts), "plain"))]
    else:
        lines = [title, *_packed([line_of((fact, "plain")) for fact in facts], width, 2)]
    filled = [number for number, count in enumerate(scan.histogram) if count]
    largest = max(scan.histogram)
    for number in range(filled[0], filled[-1] + 1) if filled else ():
        if number < len(BOUNDS_NS):
            name = f"< {format_ns(BOUNDS_NS[number])}"
        else:
            name = f"\u2265 {format_ns(BOUNDS_NS[-1])}"
        count = scan.histogram[number]
        lines.append(
            line_of(
                (f"  {name:<{_LABEL - 2}}", "muted"),
                (f"{_part(count, largest, longest):<{longest}}", "bar"),
                (f"  {count:>7}", "plain"),
            )
        )
    return lines


def _beside(left: list[StyledLine], right: list[StyledLine], width: int) -> list[StyledLine]:
    """Put two blocks of lines beside each other, the left one in so many columns."""
    lines = []
    for one, other in zip_longest(left, right, fillvalue=line_of()):
        used = sum(len(text) for text, _ in one.pieces)
        gap = " " * (width + _BETWEEN - used)
        lines.append(line_of(*one.pieces, (gap, "plain"), *other.pieces) if other.pieces else one)
    return lines
