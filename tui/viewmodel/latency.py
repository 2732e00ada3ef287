"""The latency view: where the time of a run went, as lines."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from tui.core.latency import BOUNDS_NS, KINDS, LatencyScan
from tui.core.metrics import Metrics
from tui.core.session import Run
from tui.core.text import format_count, format_ns
from tui.viewmodel.counters import sparkline

Look = Literal["heading", "plain", "muted", "bar"]

_BAR: Final = 32
_EIGHTHS: Final = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588"
_LABEL: Final = 12


class LatencyLine(NamedTuple):
    """Pieces of one line, each with its look; `seq` is the event that the line leads to."""

    pieces: tuple[tuple[str, Look], ...]
    seq: int | None = None


def bar(value: int, largest: int, width: int = _BAR) -> str:
    """Draw a value as a bar of at most `width` cells, in eighths; something is never nothing."""
    if value <= 0 or largest <= 0:
        return ""
    eighths = max(round(value * width * 8 / largest), 1)
    full, rest = divmod(eighths, 8)
    return _EIGHTHS[8] * full + (_EIGHTHS[rest] if rest else "")


def latency_lines(run: Run, scan: LatencyScan, width: int) -> list[LatencyLine]:
    """Return the view for what `scan` has seen so far."""
    if not run.timed:
        return [
            _line(("The times of this stream are made up,", "muted")),
            _line(("so there is nothing to measure.", "muted")),
        ]
    metrics = run.metrics()
    lines = [_numbers(metrics), _line()]
    lines += _spent(scan)
    lines += _gaps(metrics, scan)
    room = max(min(width - _LABEL - 12, 100), 10)
    growth = scan.growth(room)
    total = format_count(scan.chars[-1] if scan.chars else 0)
    lines += [
        _line(("Characters over time", "heading")),
        _line((" " * _LABEL, "plain"), (sparkline(growth), "bar"), (f"  {total}", "plain")),
        _line(),
        _line(("Longest gaps", "heading"), ("   press the number to go there", "muted")),
    ]
    for number, gap in enumerate(scan.longest, 1):
        label = run.timeline.label(gap.seq)
        what = f"before event {gap.seq}, {label.delta.removesuffix('_delta')}"
        length = f"{format_ns(gap.length_ns):>8}"
        lines.append(
            LatencyLine(
                ((f"  {number}", "heading"), (length, "plain"), (f"  {what}", "muted")), gap.seq
            )
        )
    events, most = len(run.timeline), scan.largest_read
    reads = f"  {scan.reads} reads brought {events} events, at most {most} at once"
    lines += [_line(), _line(("Network", "heading")), _line((reads, "plain"))]
    return lines


def _line(*pieces: tuple[str, Look]) -> LatencyLine:
    return LatencyLine(pieces)


def _numbers(metrics: Metrics) -> LatencyLine:
    pieces: list[tuple[str, Look]] = []
    itl = None if metrics.itl is None else int(metrics.itl)
    for name, value in (
        ("TTFB", metrics.ttfb),
        ("TTFT", metrics.ttft),
        ("TTFO", metrics.ttfo),
        ("TTST", metrics.ttst),
        ("total", metrics.e2e),
        ("decode", metrics.decode),
        ("per token", itl),
    ):
        pieces += [(f"{name} ", "muted"), (f"{format_ns(value)}  ", "plain")]
    return LatencyLine(tuple(pieces))


def _spent(scan: LatencyScan) -> list[LatencyLine]:
    total = sum(scan.spent_ns)
    largest = max(scan.spent_ns)
    lines = [_line(("Where the time went", "heading"))]
    for name, spent in zip(KINDS, scan.spent_ns, strict=True):
        share = f"{100 * spent / total:.0f}%" if total else ""
        lines.append(
            _line(
                (f"  {name:<{_LABEL - 2}}", "muted"),
                (f"{bar(spent, largest):<{_BAR}}", "bar"),
                (f"  {format_ns(spent):>7}  {share:>4}", "plain"),
            )
        )
    return [*lines, _line()]


def _gaps(metrics: Metrics, scan: LatencyScan) -> list[LatencyLine]:
    icl = metrics.icl
    facts = "  ".join(f"{name} {format_ns(value)}" for name, value in icl._asdict().items())
    lines = [_line(("Gaps between content chunks", "heading"), (f"   {facts}", "plain"))]
    filled = [number for number, count in enumerate(scan.histogram) if count]
    largest = max(scan.histogram)
    for number in range(filled[0], filled[-1] + 1) if filled else ():
        if number < len(BOUNDS_NS):
            name = f"< {format_ns(BOUNDS_NS[number])}"
        else:
            name = f"\u2265 {format_ns(BOUNDS_NS[-1])}"
        count = scan.histogram[number]
        lines.append(
            _line(
                (f"  {name:<{_LABEL - 2}}", "muted"),
                (f"{bar(count, largest):<{_BAR}}", "bar"),
                (f"  {count:>7}", "plain"),
            )
        )
    return [*lines, _line()]
