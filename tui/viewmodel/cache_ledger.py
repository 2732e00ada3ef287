"""The ledger of the prompt cache: for each request what could have been read, what was, and why."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.text import format_count, format_ns, one_line
from tui.findings import Finding
from tui.findings.caching import SHRUNK_TOKENS, kept_tokens
from tui.messages.prompt_cache import (
    CacheUse,
    Difference,
    cache_use,
    first_difference,
    lifetime_s,
    written_for_s,
)
from tui.viewmodel.lines import LineStyle, StyledLine, bar, line_of

_NS_PER_S: Final = 1_000_000_000
_DASH: Final = "\u2013"
_COUNT: Final = 8


class LedgerEntry(NamedTuple):
    """A request, with the one that it goes on from."""

    key: Hashable
    number: int
    run: Run
    request: Callable[[], JsonObject | None]
    """Looked at where something was lost: a long one may lie in a file."""
    sent_ns: int | None
    """On one clock for all of them."""
    before: int | None
    """The entry that it goes on from."""
    missed: Finding | None = None
    """What the API itself says of a miss."""


class LedgerRow(NamedTuple):
    """What the cache did for a request. None is not known."""

    key: Hashable
    number: int
    could: int | None
    """Tokens that the request before had left in the cache; what was read was there at any rate."""
    use: CacheUse
    lost: int
    """Tokens that could have been read and were not; a step of the cache is no loss."""
    why: str
    difference: Difference | None


class Ledger(NamedTuple):
    """The requests of a conversation, and what all that are known have lost."""

    title: str
    rows: tuple[LedgerRow, ...]
    lost: int
    lost_in_all: int
    """In all conversations."""
    requests_in_all: int


def lost_tokens(run: Run, before: Run | None) -> int:
    """Return how many tokens could have been read from the cache and were not."""
    if before is None:
        return 0
    read = cache_use(run.state.usage).read
    could = kept_tokens(cache_use(before.state.usage))
    return 0 if read is None or could - read <= SHRUNK_TOKENS else could - read


def ledger_rows(entries: Sequence[LedgerEntry]) -> tuple[LedgerRow, ...]:
    """Return a row for each request. Requests are compared where something was lost."""
    return tuple(_row(entry, entries) for entry in entries)


def _row(entry: LedgerEntry, entries: Sequence[LedgerEntry]) -> LedgerRow:
    before = None if entry.before is None else entries[entry.before]
    use = cache_use(entry.run.state.usage)
    could = None
    if before is not None:
        could = max(kept_tokens(cache_use(before.run.state.usage)), use.read or 0)
    lost = lost_tokens(entry.run, None if before is None else before.run)
    why, difference = ("", None) if before is None or not lost else _why(entry, before)
    if before is None:
        why = "first of its branch"
    elif could == use.read == use.write == 0:
        why = "nothing was cached"
    return LedgerRow(entry.key, entry.number, could, use, lost, why, difference)


def _why(entry: LedgerEntry, before: LedgerEntry) -> tuple[str, Difference | None]:
    """Return why less was read than could have been, and where the requests differ first."""
    request, previous, difference = entry.request(), before.request(), None
    if request is not None and previous is not None:
        difference = first_difference(previous, request)
    if entry.missed is not None and entry.missed.level != "info":
        return f"the API says: {str(entry.missed.values['reason']).replace('_', ' ')}", difference
    if difference is not None:
        return f"differs first at {one_line(difference.path)}", difference
    lifetime = written_for_s(before.run.state.usage)
    if lifetime is None and previous is not None:
        lifetime = lifetime_s(previous)
    idle = None
    if entry.sent_ns is not None and before.sent_ns is not None:
        idle = entry.sent_ns - before.sent_ns
    if idle is not None and lifetime is not None and idle > lifetime * _NS_PER_S:
        kept = "1 h" if lifetime >= 3600 else "5 min"
        return f"{format_ns(idle)} passed, and it was kept for {kept}", None
    if request is None or previous is None:
        return "the requests are not known", None
    return "same prefix: another server, or let go", None


# --- lines ----------------------------------------------------------------------------------------


def ledger_heading(width: int, rows: int) -> StyledLine:
    """Return the names of the columns."""
    number = max(len(str(rows)), 2)
    names = "".join(f"{name:>{_COUNT}}" for name in ("could", "read", "written", "lost"))
    return line_of((f"{'#':>{number}}{names}  {' ' * _gauge(width, rows)}why", "muted"))


def _gauge(width: int, rows: int) -> int:
    return 14 if width >= 100 else 0


def ledger_line(row: LedgerRow, width: int, rows: int) -> StyledLine:
    """Return the line of a request."""
    number = max(len(str(rows)), 2)
    read: LineStyle = "good" if row.use.read else "plain"
    size = _gauge(width, rows) - 2
    full = ""
    if row.could:
        full = bar(round(min((row.use.read or 0) / row.could, 1.0) * max(size, 0) * 8))
    rest = "\u2500" * (size - len(full)) if row.could else " " * max(size, 0)
    return line_of(
        (f"{row.number:>{number}}", "muted"),
        (_count(row.could), "plain"),
        (_count(row.use.read), read),
        (_count(row.use.write), "plain"),
        (_count(row.lost) if row.lost else f"{'':>{_COUNT}}", "worse"),
        ("  ", "plain"),
        *(((full, "full"), (rest + "  ", "track")) if size > 0 else ()),
        (row.why, "warning" if row.lost else "muted"),
    )


def _count(value: int | None) -> str:
    return f"{_DASH if value is None else format_count(value):>{_COUNT}}"


def ledger_title(ledger: Ledger) -> str:
    """Return what was lost, here and in all conversations."""
    title = f"Cache ledger \u00b7 {ledger.title}"
    here = f"{format_count(ledger.lost)} tokens lost" if ledger.lost else "nothing lost"
    if ledger.requests_in_all == len(ledger.rows):
        return f"{title} \u00b7 {here}"
    others = f"{format_count(ledger.lost_in_all)} in all {ledger.requests_in_all} requests"
    return f"{title} \u00b7 {here}, {others}"


def difference_lines(row: LedgerRow) -> list[StyledLine]:
    """Return where the request departs from the one before, both sides."""
    if row.difference is None:
        return []
    path, before, after = row.difference
    return [
        line_of(("first difference at ", "muted"), (one_line(path), "path")),
        line_of(
            ("\u2212 ", "removed"), (one_line("nothing" if before is None else before), "removed")
        ),
        line_of(("+ ", "added"), (one_line("nothing" if after is None else after), "added")),
    ]
