"""The rows of the list of runs: one each, as numbers, and what its columns say."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from tui.core.metrics import NO_PERCENTILES, UNKNOWN, measure
from tui.core.session import Run
from tui.core.state import Status
from tui.core.text import format_count, format_ns
from tui.core.usage import token_counts
from tui.findings import Finding
from tui.findings.finding import LEVELS
from tui.viewmodel.counters import OutputTokens, estimated_rate, output_tokens
from tui.viewmodel.verdict import TONES, glyph_of
from tui.viewmodel.views import Tone

RunKind: TypeAlias = Status | Literal["waiting", "retry"]
"""Where a run stands: its status, `waiting` before the first byte, `retry` before the next try."""

Sort = Literal[
    "number",
    "state",
    "title",
    "ttft",
    "rate",
    "out",
    "why",
    "model",
    "in",
    "last byte",
    "duration",
    "anomalies",
    "stalls",
    "stop",
    "tools",
    "cache",
]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
"""The columns, from left to right; rows can be sorted by each."""

_DASH: Final = "\u2013"


class RunEntry(NamedTuple):
    """A run in the list."""

    key: Hashable
    """Another run, another key."""
    number: int
    """From 1."""
    run: Run
    title: str
    model: str | None
    """The requested one; the answer's wins once it is known."""
    attempt: int
    """1 is the first."""
    replaced: bool
    """Whether a later attempt took its place: it counts in no total."""
    note: str
    """Said instead of the state: `waiting`, `retry in 3 s`, `asks for tools`, `held`."""
    now_ns: int
    """Time since its request."""
    findings: tuple[Finding, ...] = ()
    """What was found in it, the verdict first; empty before it is judged."""
    about: str = ""
    """What tells it from others of its title: its prompt, or why it cannot be read."""


class RunRow(NamedTuple):
    """One row of the list. Times in ns, None where they cannot be known."""

    key: Hashable
    number: int
    kind: RunKind
    glyph: str
    tone: Tone
    state: str
    title: str
    model: str
    attempt: int
    replaced: bool
    ttft_ns: int | None
    tokens_per_s: float | None
    estimated: bool
    """Whether the rate comes from characters, for want of a count."""
    itl_ns: float | None
    output: OutputTokens
    input_tokens: int | None
    cache_read: int | None
    cache_write: int | None
    last_byte_ns: int | None
    """Age of the last byte, while the run streams."""
    duration_ns: int | None
    """So far, or up to the last byte."""
    anomalies: int
    stalls: int | None
    findings: tuple[Finding, ...] = ()
    about: str = ""
    stop_reason: str | None = None
    tool_calls: int = 0
    timed: bool = True
    """Whether its times are real."""

    @property
    def verdict(self) -> Finding | None:
        """The most severe finding."""
        return self.findings[0] if self.findings else None

    @property
    def verdict_tone(self) -> Tone:
        return "muted" if self.verdict is None else TONES[self.verdict.level]


_LOOKS: Final[dict[RunKind, tuple[str, Tone, str]]] = {
    "waiting": ("\u2026", "muted", "waiting"),
    "streaming": ("\u25cf", "plain", "streaming"),
    "retry": ("\u21bb", "warning", "retry"),
    "error": ("\u2717", "bad", "error"),
    "not_sse": ("\u2717", "bad", "not a stream"),
    "empty": ("\u2717", "bad", "empty"),
    "truncated": ("\u25d0", "warning", "truncated"),
    "cancelled": ("\u25cb", "warning", "cancelled"),
    "complete": ("\u2713", "good", "complete"),
}
"""Glyph, tone and word of each kind, in the order in which they are sorted."""
_RANKS: Final = {kind: rank for rank, kind in enumerate(_LOOKS)}
GOING: Final = frozenset({"waiting", "streaming", "retry"})
"""The kinds that are not over."""

UNREADABLE: Final = "unreadable"
"""The note of a file of which nothing can be read."""
_URGENT: Final = ("asks", "held")
"""How notes begin that wait for the reader."""

KeptRows: TypeAlias = dict[Hashable, tuple[RunEntry, RunRow]]
"""Rows of runs that are over, by key. Begins empty and is handed in again at every call."""


def run_rows(entries: Iterable[RunEntry], kept: KeptRows | None = None) -> list[RunRow]:
    """Return a row for each entry; those of runs that are over are taken from `kept`."""
    rows = []
    for entry in entries:
        if kept is None or entry.run.state.end is None:
            rows.append(_row(entry))
            continue
        still = entry._replace(now_ns=0)
        known = kept.get(entry.key)
        if known is None or known[0] != still:
            known = kept[entry.key] = (still, _row(still))
        rows.append(known[1])
    return rows


def _row(entry: RunEntry) -> RunRow:
    run = entry.run
    state, tokens = run.state, token_counts(run.state.usage)
    kind = _kind(entry)
    glyph, tone, word = _LOOKS[kind]
    if entry.replaced:
        word = "retried"
    elif entry.note.startswith(_URGENT):
        tone = "warning"
    metrics = UNKNOWN
    if run.timed:
        metrics = measure(state, run.first_byte_ns, run.last_byte_ns, NO_PERCENTILES)
    estimate = estimated_rate(state, metrics)
    estimated = estimate is not None
    rate = estimate if estimated else metrics.tokens_per_s
    age = duration = None
    if run.timed and kind == "streaming" and run.last_byte_ns is not None:
        age = max(entry.now_ns - run.last_byte_ns, 0)
    if run.timed and kind not in GOING:
        duration = run.last_byte_ns
    elif run.timed and (kind == "streaming" or (kind == "waiting" and not entry.note)):
        duration = entry.now_ns
    return RunRow(
        key=entry.key,
        number=entry.number,
        kind=kind,
        glyph=glyph,
        tone=tone,
        state=entry.note or word,
        title=entry.title,
        model=state.model or entry.model or "",
        attempt=entry.attempt,
        replaced=entry.replaced,
        ttft_ns=metrics.ttft,
        tokens_per_s=rate,
        estimated=estimated,
        itl_ns=metrics.itl,
        output=output_tokens(state),
        input_tokens=tokens.input,
        cache_read=tokens.cache_read,
        cache_write=tokens.cache_write,
        last_byte_ns=age,
        duration_ns=duration,
        anomalies=len(state.anomalies),
        stalls=metrics.stalls,
        findings=entry.findings,
        about=entry.about,
        stop_reason=state.stop_reason,
        tool_calls=len(state.tools),
        timed=run.timed,
    )


def _kind(entry: RunEntry) -> RunKind:
    if entry.note.startswith("retry"):
        return "retry"
    if entry.note == UNREADABLE:
        return "error"
    status = entry.run.status
    if status == "streaming" and (entry.note == "waiting" or entry.run.first_byte_ns is None):
        return "waiting"
    return status


# --- columns --------------------------------------------------------------------------------------


class Column(NamedTuple):
    """How a column is called, what stands in it, and what it is sorted by."""

    head: str
    text: Callable[[RunRow], str]
    """May hold text from the wire."""
    value: Callable[[RunRow], Any]
    """None where it is not known."""
    right: bool = True
    """Whether the text stands at the right edge."""


def _count(value: int | None) -> str:
    return _DASH if value is None else format_count(value)


def _rate(row: RunRow) -> str:
    if row.tokens_per_s is None:
        return _DASH
    return ("~" if row.estimated else "") + format_count(round(row.tokens_per_s))


def _title(row: RunRow) -> str:
    return f"\u21bb{row.attempt} {row.title}" if row.attempt > 1 else row.title


def _why(row: RunRow) -> str:
    return _DASH if row.verdict is None else f"{glyph_of(row.verdict)} {row.verdict.code}"


def _severity(row: RunRow) -> tuple[int, str] | None:
    return None if row.verdict is None else (LEVELS.index(row.verdict.level), row.verdict.code)


COLUMNS: Final[dict[Sort, Column]] = {
    "number": Column("#", lambda row: str(row.number), lambda row: row.number),
    "state": Column(
        "state", lambda row: f"{row.glyph} {row.state}", lambda row: _RANKS[row.kind], False
    ),
    "title": Column("title", _title, lambda row: row.title or None, False),
    "ttft": Column("TTFT", lambda row: format_ns(row.ttft_ns), lambda row: row.ttft_ns),
    "rate": Column("tok/s", _rate, lambda row: row.tokens_per_s),
    "out": Column("out", lambda row: row.output.told, lambda row: row.output.tokens),
    "why": Column("why", _why, _severity, False),
    "model": Column("model", lambda row: row.model or _DASH, lambda row: row.model or None, False),
    "in": Column("in", lambda row: _count(row.input_tokens), lambda row: row.input_tokens),
    "last byte": Column(
        "last byte", lambda row: format_ns(row.last_byte_ns), lambda row: row.last_byte_ns
    ),
    "duration": Column("time", lambda row: format_ns(row.duration_ns), lambda row: row.duration_ns),
    "anomalies": Column("anom", lambda row: _count(row.anomalies), lambda row: row.anomalies),
    "stalls": Column("stalls", lambda row: _count(row.stalls), lambda row: row.stalls),
    "stop": Column(
        "stop reason", lambda row: row.stop_reason or _DASH, lambda row: row.stop_reason, False
    ),
    "tools": Column("tools", lambda row: _count(row.tool_calls), lambda row: row.tool_calls),
    "cache": Column("cache", lambda row: _count(row.cache_read), lambda row: row.cache_read),
}
MAY_BE_EMPTY: Final[dict[Sort, Callable[[RunRow], object]]] = {
    "ttft": lambda row: row.timed,
    "rate": lambda row: row.timed,
    "duration": lambda row: row.timed,
    "last byte": lambda row: row.last_byte_ns is not None,
    "anomalies": lambda row: row.anomalies,
    "stalls": lambda row: row.stalls,
    "stop": lambda row: row.stop_reason,
    "tools": lambda row: row.tool_calls,
    "cache": lambda row: row.cache_read,
}
"""Columns that give way to others where this holds for no row."""


def sorted_rows(rows: Iterable[RunRow], sort: Sort, reverse: bool = False) -> list[RunRow]:
    """Return the rows by a column. Unknown values come last in either direction; equals stay."""
    value = COLUMNS[sort].value
    known: list[tuple[Any, RunRow]] = []
    unknown = []
    for row in rows:
        key = value(row)
        if key is None:
            unknown.append(row)
        else:
            known.append((key, row))
    known.sort(key=lambda pair: pair[0], reverse=reverse)
    return [row for _, row in known] + unknown
