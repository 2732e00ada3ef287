"""The table of runs: rows kept one by one say the same as all of them made anew."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.playbook import ending, message_start, text_block, wire
from tests.sweeps import few
from tui.core.session import Session
from tui.viewmodel.run_rows import GOING, RunEntry, RunRow, run_rows, sorted_rows
from tui.viewmodel.run_table import RunTable
from tui.viewmodel.run_totals import Tally, Totals, share_of
from tui.viewmodel.runs import SORTS, totals

S = 1_000_000_000


def entry(number: int, events: int = 9, *, over: bool = True) -> RunEntry:
    """A run with its first few events, perhaps ended."""
    session = Session()
    for place, event in enumerate([message_start(), *text_block(0, "a", "b"), *ending()][:events]):
        session.feed(place * S, wire(event))
    if over:
        session.finish(9 * S)
    return RunEntry(number, number, session.run, f"run {number}", None, 1, False, "", 10 * S)


(BASE,) = run_rows([entry(1)])
COUNT = st.none() | st.integers(0, 3)
ROWS = st.builds(
    lambda key, **fields: BASE._replace(key=key, number=key, **fields),
    key=st.integers(1, 6),
    kind=st.sampled_from(["complete", "error", "streaming", "waiting"]),
    title=st.sampled_from(["", "one", "two"]),
    replaced=st.booleans(),
    estimated=st.booleans(),
    tokens_per_s=st.none() | st.floats(0, 9),
    itl_ns=st.none() | st.floats(0, 9),
    ttft_ns=COUNT,
    duration_ns=COUNT,
    input_tokens=COUNT,
    cache_read=COUNT,
    stalls=COUNT,
    anomalies=st.integers(0, 2),
    attempt=st.integers(1, 3),
)


def anew(rows: list[RunRow]) -> Totals:
    """What rows add up to, written down as plainly as can be."""
    counted = [row for row in rows if not row.replaced]
    tally = Tally()
    for row in counted:
        share = share_of(row)
        assert share is not None
        tally.add(share)
    found = tally.totals()
    over = [row for row in counted if row.kind not in GOING]
    assert found.runs == len(counted)
    assert found.done == len(over)
    assert found.retries == sum(row.attempt - 1 for row in counted)
    known = [row.input_tokens for row in counted if row.input_tokens is not None]
    assert found.input_tokens == (sum(known) if known else None)
    rates = sorted(
        row.tokens_per_s for row in over if row.tokens_per_s is not None and not row.estimated
    )
    assert found.tokens_per_s == (rates[(len(rates) - 1) // 2] if rates else None)
    return found


@settings(max_examples=few(100))
@given(
    st.lists(st.one_of(ROWS, st.sets(st.integers(1, 6))), max_size=20),
    st.sampled_from(SORTS),
    st.booleans(),
)
def test_kept_rows_say_what_rows_made_anew_say(steps: list[Any], sort: Any, reverse: bool) -> None:  # noqa: ANN401
    table = RunTable(lambda key: entry(0))
    known: dict[Hashable, RunRow] = {}
    for step in steps:
        if isinstance(step, RunRow):
            known[step.key] = step
            table.put(step)
        else:
            known = {key: row for key, row in known.items() if key in step}
        table.arrange(sorted(known, key=str))
        rows = [known[key] for key in table.keys]
        assert table.totals() == anew(rows)
        ordered = [row.key for row in sorted_rows(rows, sort, reverse)]
        assert list(table.sorted_keys(sort, reverse)) == ordered
    assert table.unseen == 0


def test_a_row_is_made_when_it_is_looked_at() -> None:
    runs: dict[Hashable, RunEntry] = {key: entry(key) for key in (1, 2, 3)}
    asked: list[Hashable] = []

    def entry_of(key: Hashable) -> RunEntry:
        asked.append(key)
        return runs[key]

    table = RunTable(entry_of)
    table.arrange([1, 2, 3])
    assert (asked, table.unseen) == ([], 3)
    assert (table.totals().runs, table.totals().counts) == (3, {"waiting": 3})
    assert table.row(2).title == "run 2"
    assert table.row(2).number == 2
    assert (asked, table.unseen) == ([2], 2)
    assert table.totals().counts == {"complete": 1, "waiting": 2}
    assert table.changes() == {2}
    table.look(2)
    assert table.changes() == set()
    runs[2] = entry(2, 5, over=False)
    assert table.row(2).kind == "complete"
    assert table.look(2).kind == "streaming"
    assert table.changes() == {2}
    assert table.sorted_keys("title") == [2, 1, 3]
    for key in (1, 3):
        table.look(key)
    assert table.totals() == totals(runs.values())
