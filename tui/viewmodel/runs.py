"""The list of runs: a row each, what they add up to, and the table that is left at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len

from tui.core.text import format_count, format_ns, one_line
from tui.viewmodel.run_rows import (
    COLUMNS,
    SORTS,
    Column,
    KeptRows,
    RunEntry,
    RunKind,
    RunRow,
    Sort,
    run_rows,
    sorted_rows,
)
from tui.viewmodel.run_titles import end_cut
from tui.viewmodel.run_totals import Code, Tally, Totals, share_of

__all__ = [
    "COLUMNS",
    "SORTS",
    "Column",
    "KeptRows",
    "RunKind",
    "RunEntry",
    "RunRow",
    "Sort",
    "Totals",
    "codes_parts",
    "run_rows",
    "sorted_rows",
    "table",
    "totals",
    "totals_fitting",
    "totals_parts",
]

WIDEST: Final = 100
"""Columns of `table`, at most."""

_DOT: Final = " \u00b7 "
_COUNTED: Final[tuple[tuple[str, str, tuple[RunKind, ...]], ...]] = (
    ("\u2713", "complete", ("complete",)),
    ("\u2717", "failed", ("error", "not_sse", "empty")),
    ("\u25d0", "truncated", ("truncated",)),
    ("\u25cb", "cancelled", ("cancelled",)),
    ("\u25cf", "streaming", ("streaming",)),
    ("\u2026", "waiting", ("waiting",)),
    ("\u21bb", "to retry", ("retry",)),
)


def totals(entries: Iterable[RunEntry], kept: KeptRows | None = None) -> Totals:
    """Return the totals; a number that no run knows is None. For `kept` see `run_rows`."""
    tally = Tally()
    for row in run_rows(entries, kept):
        share = share_of(row)
        if share is not None:
            tally.add(share)
    return tally.totals()


def _number(count: int, noun: str, nouns: str) -> str:
    return f"{format_count(count)} {noun if count == 1 else nouns}"


def _counted(found: Totals) -> Iterable[tuple[str, str, int]]:
    """Yield glyph, word and number of the states that there are."""
    for glyph, word, kinds in _COUNTED:
        number = sum(found.counts.get(kind, 0) for kind in kinds)
        if number:
            yield glyph, word, number


def totals_parts(found: Totals) -> list[str]:
    """Return the totals for one row, the most important first."""
    parts = [_number(found.runs, "run", "runs")]
    parts += [f"{format_count(number)} {glyph}" for glyph, _, number in _counted(found)]
    if found.ttft.p50 is not None:
        parts.append(f"TTFT p50 {format_ns(found.ttft.p50)} p95 {format_ns(found.ttft.p95)}")
    if found.tokens_per_s is not None:
        parts.append(f"{format_count(round(found.tokens_per_s))} tok/s")
    if found.output.tokens is not None:
        parts.append(f"out {found.output.told}")
    return parts + _troubles(found)


def codes_parts(counts: Mapping[Code, int]) -> list[str]:
    """Return how many of the rows have each finding above `info`, the most severe first."""
    ranked = sorted(counts.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
    return [f"{glyph} {format_count(number)} {code}" for (_, code, glyph), number in ranked]


def _troubles(found: Totals) -> list[str]:
    parts = []
    if found.anomalies:
        parts.append(_number(found.anomalies, "anomaly", "anomalies"))
    if found.stalls:
        parts.append(_number(found.stalls, "stall", "stalls"))
    if found.retries:
        parts.append(_number(found.retries, "retry", "retries"))
    return parts


# --- the table at the end -------------------------------------------------------------------------

_TABLE: Final[tuple[Sort, ...]] = (
    *("number", "state", "ttft", "rate", "out", "in", "duration", "anomalies", "stalls", "model"),
    "title",
)
"""The title comes last: nothing behind it can be pushed out of its column."""
_TITLE_ROOM: Final = 20


def table(entries: Iterable[RunEntry]) -> list[str]:
    """Return a line a run and a block of totals, safe to print, at most `WIDEST` columns."""
    entries = list(entries)
    rows = run_rows(entries)
    if not rows:
        return []
    names = [name for name in _TABLE if name not in ("anomalies", "stalls")]
    if any(row.anomalies for row in rows):
        names.insert(-2, "anomalies")
    if any(row.stalls for row in rows):
        names.insert(-2, "stalls")
    columns = [COLUMNS[name] for name in names]
    # Cut first: a title can be as long as its sender likes.
    cells = [[end_cut(one_line(col.text(row)[:WIDEST]), WIDEST) for col in columns] for row in rows]
    cells.insert(0, [column.head for column in columns])
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    others = sum(widths[:-2]) + 2 * (len(widths) - 1)
    widths[-2] = min(widths[-2], max(WIDEST - others - _TITLE_ROOM, 8))
    widths[-1] = max(WIDEST - others - widths[-2], 0)
    lines = []
    for line in cells:
        pieces = [
            _pad(text, width, column.right)
            for text, width, column in zip(line, widths, columns, strict=True)
        ]
        lines.append(end_cut("  ".join(pieces).rstrip(), WIDEST))
    return [*lines, "", *(end_cut(line, WIDEST) for line in _totals_block(totals(entries)))]


def _totals_block(found: Totals) -> list[str]:
    states = [f"{format_count(number)} {word}" for _, word, number in _counted(found)]
    lines = [_DOT.join([_number(found.runs, "run", "runs"), *states])]
    ranks = (("TTFT", found.ttft), ("time", found.e2e), ("per token", found.itl))
    for name, values in ranks:
        if values.p50 is not None:
            facts = (("p50", values.p50), ("p95", values.p95), ("p99", values.p99))
            pieces = (f"{label} {format_ns(value):<7}" for label, value in facts)
            lines.append(f"{name:<9}  {'  '.join(pieces)}".rstrip())
    if found.tokens_per_s is not None:
        lines.append(f"{'tok/s':<9}  p50 {format_count(round(found.tokens_per_s))}")
    counted = (
        ("in", found.input_tokens),
        ("cache read", found.cache_read),
        ("cache write", found.cache_write),
    )
    known = [f"{name} {format_count(value)}" for name, value in counted if value is not None]
    if found.output.tokens is not None:
        known.append(f"out {found.output.told}")
    if known:
        lines.append(f"{'tokens':<9}  {_DOT.join(known)}")
    troubles = _troubles(found)
    return [*lines, f"{'trouble':<9}  {_DOT.join(troubles)}"] if troubles else lines


def _pad(text: str, width: int, right: bool) -> str:
    text = end_cut(text, width)
    blank = " " * (width - cell_len(text))
    return blank + text if right else text + blank


def totals_fitting(parts: Sequence[str], width: int, gap: str = _DOT) -> str:
    """Join as many of `parts` as `width` columns hold; the first is always there."""
    line = parts[0]
    for part in parts[1:]:
        if cell_len(line) + len(gap) + cell_len(part) > width:
            break
        line += gap + part
    return line
