"""How a waterfall is drawn: its columns, the axis, the bar of a request, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from textwrap import wrap
from typing import Final, Literal, NamedTuple, TypeAlias

from rich.cells import cell_len

from tui.core.text import format_count, format_ns, one_line
from tui.core.time_spans import TEXT, THINKING, TOOL_INPUT, WAITING
from tui.core.usage import TokenCounts
from tui.findings import Finding
from tui.viewmodel.run_titles import end_cut
from tui.viewmodel.verdict import TONES, glyph_of
from tui.viewmodel.waterfall import WaterfallGap, WaterfallRow

WaterfallStyle: TypeAlias = Literal[
    "plain",
    "muted",
    "axis",
    "grid",
    "waiting",
    "thinking",
    "text",
    "input",
    "tools",
    "between",
    "branch",
    "good",
    "warning",
    "bad",
]
"""A component class of the pane, without its name."""
WaterfallPieces: TypeAlias = list[tuple[str, WaterfallStyle]]

GLYPHS: Final[dict[WaterfallStyle, str]] = {
    "waiting": "\u2591",
    "thinking": "\u2592",
    "text": "\u2593",
    "input": "\u2588",
    "tools": "\u00b7",
    "between": " ",
    "grid": "\u250a",
    "plain": " ",
}
_STYLE_OF: Final[dict[int, WaterfallStyle]] = {
    WAITING: "waiting",
    THINKING: "thinking",
    TEXT: "text",
    TOOL_INPUT: "input",
}
LEGEND: Final[tuple[tuple[WaterfallStyle, str], ...]] = (
    ("waiting", "waiting"),
    ("thinking", "thinking"),
    ("text", "text"),
    ("input", "tool input"),
    ("tools", "your tools"),
)
_DASH: Final = "\u2013"
_MS: Final = 1_000_000
_STEPS_MS: Final = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000),
    *(minutes * 60_000 for minutes in (1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 1_440, 10_080)),
)
_LABEL: Final = 8
"""Cells from one time on the axis to the next, at least."""
_OUT: Final = 7
_CACHE: Final = 12
_MARKS: Final = {"main": "", "branch": "\u2442", "sub-agent": "\u21b3", "side call": "\u2570"}
"""Before the bar of a request that is not of the first branch."""


class AxisWindow(NamedTuple):
    """The part of the axis that is in view."""

    start_ns: int
    length_ns: int

    def zoomed(self, factor: float, middle_ns: int) -> AxisWindow:
        """Return the window with a moment where it was, and everything else nearer or further."""
        share = (middle_ns - self.start_ns) / max(self.length_ns, 1)
        length_ns = max(round(self.length_ns * factor), _MS)
        return AxisWindow(round(middle_ns - share * length_ns), length_ns)

    def within(self, end_ns: int) -> AxisWindow:
        """Return the window inside of what there is."""
        length_ns = min(self.length_ns, max(end_ns, _MS))
        start_ns = min(max(self.start_ns, 0), max(end_ns - length_ns, 0))
        return AxisWindow(start_ns, length_ns)

    def moved(self, share: float) -> AxisWindow:
        """Return the window moved by a share of its length."""
        return self._replace(start_ns=self.start_ns + round(self.length_ns * share))

    def showing(self, row: WaterfallRow) -> AxisWindow:
        """Return the window with the start of a row in view."""
        if self.start_ns <= row.start_ns <= self.start_ns + self.length_ns * 0.95:
            return self
        return self._replace(start_ns=row.start_ns - self.length_ns // 4)


class WaterfallColumns(NamedTuple):
    """Cells of each column; blanks stand between them."""

    number: int
    axis: int
    out: int
    cache: int
    why: int


def columns_of(width: int, rows: int) -> WaterfallColumns:
    """Return the columns for rows of `width` cells. Findings, then tokens give way to the axis."""
    number = max(len(str(rows)), 2)
    why = 22 if width >= 110 else 16 if width >= 70 else 2
    cache = _CACHE if width >= 60 else 0
    out = _OUT if width >= 48 else 0
    rest = width - (number + 3) - out - cache - why - 2
    return WaterfallColumns(number, max(rest, 8), out, cache, why)


# --- the axis -------------------------------------------------------------------------------------


def ticks_of(window: AxisWindow, width: int) -> list[tuple[int, int]]:
    """Return the cells of the axis that have a time at them, and the times."""
    least = window.length_ns * _LABEL / max(width, 1)
    step = next((ms * _MS for ms in _STEPS_MS if ms * _MS >= least), _STEPS_MS[-1] * _MS)
    ticks = []
    at_ns = -(-window.start_ns // step) * step
    while at_ns < window.start_ns + window.length_ns:
        cell = (at_ns - window.start_ns) * width // window.length_ns
        ticks.append((cell, at_ns))
        at_ns += step
    return ticks


def time_label(at_ns: int) -> str:
    """Return a time on the axis: `0s`, `250ms`, `1.5s`, `1m20`, `2h05`."""
    ms = round(at_ns / _MS)
    if ms % 1000 and ms < 1000:
        return f"{ms}ms"
    if ms < 60_000:
        return f"{ms / 1000:g}s"
    minutes, seconds = divmod(ms // 1000, 60)
    if minutes < 60:
        return f"{minutes}m{seconds:02d}" if seconds else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}" if minutes else f"{hours}h"


def axis_line(window: AxisWindow, columns: WaterfallColumns) -> WaterfallPieces:
    """Return the heads of the columns, with the times on the axis."""
    times = [" "] * columns.axis
    for cell, at_ns in ticks_of(window, columns.axis):
        label = time_label(at_ns)
        if cell + len(label) <= columns.axis:
            times[cell : cell + len(label)] = label
    heads = f"{'#':>{columns.number}}   {''.join(times)}"
    heads += f"{'out':>{columns.out}}" if columns.out else ""
    heads += f"{'read/write':>{columns.cache}}" if columns.cache else ""
    return [(heads, "axis"), ("  why" if columns.why > 2 else "", "axis")]


# --- a request ------------------------------------------------------------------------------------


def bar_of(row: WaterfallRow, window: AxisWindow, width: int) -> list[WaterfallStyle]:
    """Return what each cell of the axis shows of a request; `plain` where there is nothing."""
    cells: list[WaterfallStyle] = ["plain"] * width
    for gap in (row.gap, row.after):
        if gap is not None:
            style: WaterfallStyle = "tools" if gap.tools else "between"
            first, last = (_cell(at, window, width) for at in gap[:2])
            for cell in range(max(int(first), 0), min(int(last), width)):
                cells[cell] = style
    most = [0.0] * width
    weights: dict[tuple[int, WaterfallStyle], float] = {}
    for kind, start_ns, end_ns in row.spans:
        start = _cell(row.start_ns + start_ns, window, width)
        end = _cell(row.start_ns + end_ns, window, width)
        for cell in range(max(int(start), 0), min(int(end) + 1, width)):
            style = _STYLE_OF[kind]
            weight = min(end, cell + 1) - max(start, cell)
            weights[cell, style] = weight = weights.get((cell, style), 0.0) + weight
            if weight > most[cell]:
                most[cell], cells[cell] = weight, style
    start = _cell(row.start_ns, window, width)
    if 0 <= start < width and cells[int(start)] not in _STYLE_OF.values():
        cells[int(start)] = _STYLE_OF[row.spans[-1].kind]  # Too short for a cell, but there.
    return cells


def _cell(at_ns: int, window: AxisWindow, width: int) -> float:
    return (at_ns - window.start_ns) * width / window.length_ns


def row_line(
    row: WaterfallRow, window: AxisWindow, columns: WaterfallColumns, found: Finding | None
) -> WaterfallPieces:
    """Return the line of a request; `found` is the verdict on it, None where there is none yet."""
    pieces: WaterfallPieces = [
        (f"{row.number:>{columns.number}} ", "muted"),
        (f"{_MARKS[row.kind]:<2}", "branch"),
    ]
    pieces += _drawn(row, window, columns.axis)
    if columns.out:
        pieces.append((f"{row.output.told:>{columns.out}}", "plain"))
    if columns.cache:
        pieces.append((f"{_cache(row.tokens):>{columns.cache}}", "muted"))
    return [*pieces, ("  ", "plain"), *_why(row, found, columns.why)]


def _drawn(row: WaterfallRow, window: AxisWindow, width: int) -> WaterfallPieces:
    cells = bar_of(row, window, width)
    for cell, _ in ticks_of(window, width):
        if cells[cell] in ("plain", "between"):
            cells[cell] = "grid"
    pieces: WaterfallPieces = []
    before = row.gap is not None and bool(row.gap.tools)
    for style, group in groupby(cells):
        size = len(list(group))
        text = GLYPHS[style] * size
        if style == "tools":
            text = _named(row.gap if before else row.after, size)
            before = False
        pieces.append((text, style))
    return pieces


def _named(gap: WaterfallGap | None, size: int) -> str:
    """Return dots with the names of the tools among them, where there is room."""
    dot = GLYPHS["tools"]
    for names in (gap.tools, gap.tools[:1]) if gap is not None else ():
        label = f" {', '.join(names)} "
        if cell_len(label) + 2 <= size:
            left = (size - cell_len(label)) // 2
            return dot * left + label + dot * (size - left - cell_len(label))
    return dot * size


def _count(count: int | None) -> str:
    return _DASH if count is None else format_count(count)


def _cache(tokens: TokenCounts) -> str:
    if tokens.cache_read is None and tokens.cache_write is None:
        return _DASH
    return f"{_count(tokens.cache_read)}/{_count(tokens.cache_write)}"


def _why(row: WaterfallRow, found: Finding | None, width: int) -> WaterfallPieces:
    if found is None:
        return [("\u25cf" if row.going else "", "good")]
    glyph, tone = glyph_of(found), TONES[found.level]
    if found.level == "info":
        return [(glyph, "muted")]
    code = found.code.replace("_", " ")
    text = f"{glyph} {code}"
    if len(text) > width:
        text = text[: max(width - 1, 1)] + "\u2026" if width > 2 else glyph
    return [(text, tone)]


# --- what is said of it ---------------------------------------------------------------------------


def detail_lines(
    row: WaterfallRow, title: str, found: Finding | None, width: int
) -> list[WaterfallPieces]:
    """Return what is said of a request: whose it is, where its time went, the verdict on it.

    The verdict is wrapped, and the other lines are cut.
    """
    kind = "" if row.kind == "main" else f"{row.kind} {row.branch}  "
    head: WaterfallPieces = [
        (f"{row.number}  ", "plain"),
        (kind, "branch"),
        (f"{row.model}  " if row.model else "", "muted"),
        (title, "plain"),
    ]
    return [_cut(head, width), _cut(_times(row), width), *_verdict(row, found, width)]


def _cut(pieces: WaterfallPieces, width: int) -> WaterfallPieces:
    """Return as much as fits into `width` cells, with an ellipsis where more there would be."""
    kept: WaterfallPieces = []
    for text, style in pieces:
        room = width - sum(cell_len(before) for before, _ in kept)
        if cell_len(text.rstrip()) > room:
            if not room and kept:
                before, style = kept.pop()
                text, room = before + text, cell_len(before)
            return [*kept, (end_cut(text, room), style)]
        kept.append((text, style))
    return kept


def _times(row: WaterfallRow) -> WaterfallPieces:
    spent: dict[WaterfallStyle, int] = {}
    for kind, start_ns, end_ns in row.spans:
        style = _STYLE_OF[kind]
        spent[style] = spent.get(style, 0) + end_ns - start_ns
    pieces: WaterfallPieces = [(f"{format_ns(row.end_ns - row.start_ns)}  ", "plain")]
    for style, name in LEGEND:
        if style in spent:
            pieces += [
                (f"{GLYPHS[style]} ", style),
                (f"{name} {format_ns(spent[style])}  ", "muted"),
            ]
    if row.gap is not None:
        length = format_ns(row.gap.end_ns - row.gap.start_ns)
        what = ", ".join(row.gap.tools)
        words = f"{length} of your tools before it: {what}" if what else f"{length} between"
        pieces.append((words, "tools"))
    if row.after is not None:
        length = format_ns(row.after.end_ns - row.after.start_ns)
        pieces.append((f"  {', '.join(row.after.tools)} for {length} now", "tools"))
    return pieces


def _verdict(row: WaterfallRow, found: Finding | None, width: int) -> list[WaterfallPieces]:
    if found is None:
        return [[("arriving" if row.going else "", "muted")]]
    tone = TONES[found.level]
    lines = wrap(one_line(found.text), max(width - 2, 10))
    return [
        [("  " if place else f"{glyph_of(found)} ", tone), (line, tone)]
        for place, line in enumerate(lines)
    ]


def legend_line(parts: Sequence[tuple[WaterfallStyle, str]] = LEGEND) -> WaterfallPieces:
    """Return what the signs of a bar stand for."""
    pieces: WaterfallPieces = []
    for style, name in parts:
        pieces += [(GLYPHS[style], style), (f" {name}  ", "muted")]
    return pieces
