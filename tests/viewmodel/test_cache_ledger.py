"""What the cache did for each request, and why it did not."""

from __future__ import annotations

import pytest

from tests import playbook as pb
from tests.findings_play import ns, timed
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.findings import Finding
from tui.viewmodel.cache_ledger import (
    Ledger,
    LedgerEntry,
    LedgerRow,
    difference_lines,
    ledger_heading,
    ledger_line,
    ledger_rows,
    ledger_title,
    lost_tokens,
)
from tui.viewmodel.lines import StyledLine

ASK: JsonObject = {"model": "m", "messages": [{"role": "user", "content": "Hi."}]}
MISSED = Finding("cache_missed", "warning", "", None, (), {"reason": "tools_changed"})


def run(read: int | None, write: int | None) -> Run:
    usage = {"input_tokens": 10, "output_tokens": 1}
    usage |= {} if read is None else {"cache_read_input_tokens": read}
    usage |= {} if write is None else {"cache_creation_input_tokens": write}
    return timed((1.0, pb.message_start(usage=usage), *pb.ending()))


def told(
    second: Run,
    *,
    requests: tuple[JsonObject | None, JsonObject | None] = (ASK, ASK),
    sent: tuple[int | None, int | None] = (0, ns(9.0)),
    missed: Finding | None = None,
) -> LedgerRow:
    """The row of a request after one that wrote 9,000 tokens."""
    first = LedgerEntry("a", 1, run(0, 9_000), lambda: requests[0], sent[0], None)
    entry = LedgerEntry("b", 2, second, lambda: requests[1], sent[1], 0, missed)
    return ledger_rows([first, entry])[1]


def text(line: StyledLine) -> str:
    return "".join(part for part, _ in line.pieces)


def test_requests_are_looked_at_where_something_was_lost() -> None:
    looked: list[str] = []

    def look() -> JsonObject:
        looked.append("one")
        return ASK

    first = LedgerEntry("a", 1, run(0, 9_000), look, 0, None)
    ledger_rows([first, LedgerEntry("b", 2, run(9_000, 500), look, 1, 0)])
    assert not looked
    ledger_rows([first, LedgerEntry("b", 2, run(0, 500), look, 1, 0)])
    assert len(looked) == 2


def test_what_was_read_is_no_loss() -> None:
    row = told(run(9_000, 500))
    assert (row.could, row.lost, row.why, row.difference) == (9_000, 0, "", None)
    assert told(run(8_000, 0)).lost == 0  # A step of the cache is no loss.
    assert told(run(None, None)).lost == 0  # What is not known is none either.
    assert lost_tokens(run(0, 0), None) == 0


def test_what_was_read_could_be_read() -> None:
    """The request before missed, and left nothing; what an earlier one wrote was still there."""
    first = LedgerEntry("a", 1, run(0, 0), lambda: ASK, 0, None)
    rows = ledger_rows([first, LedgerEntry("b", 2, run(9_000, 100), lambda: ASK, ns(9.0), 0)])
    assert (rows[1].could, rows[1].lost, rows[1].why) == (9_000, 0, "")


def test_why_there_is_nothing_to_tell() -> None:
    entries = [LedgerEntry(n, n, run(0, 0), lambda: ASK, 0, None if n < 2 else 0) for n in (1, 2)]
    assert [row.why for row in ledger_rows(entries)] == [
        "first of its branch",
        "nothing was cached",
    ]


CHANGED = {**ASK, "system": "It is 12:02."}
CACHED = {**ASK, "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"requests": (ASK, CHANGED)}, "differs first at system"),
        ({"missed": MISSED}, "the API says: tools changed"),
        ({"sent": (0, ns(601.0)), "requests": (CACHED, CACHED)}, "10m01s passed, and it was kept"),
        ({"sent": (None, None)}, "same prefix: another server, or let go"),
        ({"requests": (None, ASK)}, "the requests are not known"),
    ],
)
def test_why_it_was_not_read(known: dict[str, object], why: str) -> None:
    row = told(run(0, 9_400), **known)  # type: ignore[arg-type]
    assert row.lost == 9_000 and row.why.startswith(why)


def test_lines() -> None:
    row = told(run(0, 9_400), requests=(ASK, CHANGED))
    lines = [text(ledger_heading(80, 2)), text(ledger_line(row, 80, 2))]
    assert lines == [
        " #   could    read written    lost  why",
        " 2    9000       0    9400    9000  differs first at system",
    ]
    assert [text(line) for line in difference_lines(row)] == [
        "first difference at system",
        "\u2212 nothing",
        "+ It is 12:02.",
    ]
    assert "\u2500" in text(ledger_line(row, 120, 2))
    full = text(ledger_line(told(run(9_000, 0)), 120, 2))
    assert "\u2588" * 12 in full and "\u2500" not in full


def test_what_was_lost_in_all() -> None:
    rows = ledger_rows([LedgerEntry("a", 1, run(0, 9_000), lambda: ASK, 0, None)])
    assert rows[0].why == "first of its branch"
    one = Ledger("Conversation", rows, 0, 0, 1)
    assert ledger_title(one) == "Cache ledger \u00b7 Conversation \u00b7 nothing lost"
    more = Ledger("Conversation 2/3", rows, 12_000, 41_000, 30)
    assert ledger_title(more).endswith("12.0k tokens lost, 41.0k in all 30 requests")
