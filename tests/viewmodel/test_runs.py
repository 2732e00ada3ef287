"""The rows of the list of runs, their order, what they add up to, and the table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests import playbook as pb
from tests.hostile import hostile_in, hostile_text
from tui.core.metrics import NO_PERCENTILES
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.core.state import End
from tui.viewmodel.counters import OutputTokens
from tui.viewmodel.runs import (
    COLUMNS,
    SORTS,
    WIDEST,
    KeptRows,
    RunEntry,
    RunRow,
    Sort,
    run_rows,
    sorted_rows,
    table,
    totals,
    totals_fitting,
    totals_parts,
)

MS = 1_000_000
S = 1_000_000_000
SENT = [pb.message_start(), *pb.text_block(0, "12345678", "12345678")]
"""Sixteen characters in two chunks: four tokens, as they are estimated."""


def run_of(
    *items: JsonObject | bytes,
    how: End | None = "eof",
    error: JsonObject | None = None,
    timed: bool = True,
    first_ns: int = 100 * MS,
    every_ns: int = 100 * MS,
) -> Run:
    """A run that was sent an item each `every_ns`; it goes on where `how` is None."""
    session = Session(timed=timed)
    now = first_ns
    for item in items:
        session.feed(now, pb.wire(item))
        now += every_ns
    if how is not None:
        session.finish(now, how, error)
    return session.runs[-1]


def complete(*texts: str, **timing: Any) -> Run:  # noqa: ANN401
    return run_of(pb.message_start(), *pb.text_block(0, *texts), *pb.ending(), **timing)


def entry(run: Run, key: int = 1, **fields: Any) -> RunEntry:  # noqa: ANN401
    values: dict[str, Any] = {
        "key": key,
        "number": key,
        "run": run,
        "title": "a question",
        "model": "claude-sonnet-5-5",
        "attempt": 1,
        "replaced": False,
        "note": "",
        "now_ns": 5 * S,
    }
    return RunEntry(**(values | fields))


def row_of(run: Run, **fields: Any) -> RunRow:  # noqa: ANN401
    (row,) = run_rows([entry(run, **fields)])
    return row


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "glyph", "word", "tone"),
    [
        (run_of(how=None), "\u2026", "waiting", "muted"),
        (run_of(*SENT, how=None), "\u25cf", "streaming", "plain"),
        (complete("hi"), "\u2713", "complete", "good"),
        (run_of(*SENT, pb.error()), "\u2717", "error", "bad"),
        (run_of(*SENT, how="reset"), "\u2717", "error", "bad"),
        (run_of(b"<html>no</html>"), "\u2717", "not a stream", "bad"),
        (run_of(), "\u2717", "empty", "bad"),
        (run_of(*SENT), "\u25d0", "truncated", "warning"),
        (run_of(*SENT, how="cancelled"), "\u25cb", "cancelled", "warning"),
    ],
)
def test_a_row_says_where_the_run_stands(run: Run, glyph: str, word: str, tone: str) -> None:
    row = row_of(run)
    assert (row.glyph, row.state, row.tone) == (glyph, word, tone)
    assert COLUMNS["state"].text(row) == f"{glyph} {word}"


@pytest.mark.parametrize(
    ("note", "run", "glyph", "tone"),
    [
        ("waiting", run_of(how=None), "\u2026", "muted"),
        ("retry in 3 s", run_of(*SENT, how="reset"), "\u21bb", "warning"),
        ("retry in 3 s", run_of(how=None), "\u21bb", "warning"),
        ("asks for tools", complete("hi"), "\u2713", "warning"),
        ("held", run_of(pb.error()), "\u2717", "warning"),
        ("runs tools", complete("hi"), "\u2713", "good"),
    ],
)
def test_a_note_is_said_instead(note: str, run: Run, glyph: str, tone: str) -> None:
    row = row_of(run, note=note)
    assert (row.state, row.glyph, row.tone) == (note, glyph, tone)


def test_a_replaced_attempt_says_that_it_was_retried_and_the_next_one_its_number() -> None:
    row = row_of(run_of(pb.error()), replaced=True)
    assert (row.glyph, row.state, row.replaced) == ("\u2717", "retried", True)
    again = row_of(complete("hi"), attempt=2)
    assert COLUMNS["title"].text(again) == "\u21bb2 a question"
    assert COLUMNS["title"].text(row) == "a question"


def test_a_complete_run_has_its_numbers() -> None:
    usage = {
        "input_tokens": 25,
        "output_tokens": 1,
        "cache_read_input_tokens": 700,
        "cache_creation_input_tokens": 80,
    }
    events = [pb.message_start(usage=usage), *pb.text_block(0, "a", "b"), *pb.ending()]
    row = row_of(run_of(*events))
    # The start at 100 ms, the first text at 300, seven events until 700.
    assert row.ttft_ns == 300 * MS
    assert row.duration_ns == 700 * MS
    assert row.output == (15, True)
    assert row.tokens_per_s == pytest.approx(15 / 0.4)
    assert not row.estimated
    assert row.itl_ns == pytest.approx(400 * MS / 14)
    assert (row.input_tokens, row.cache_read, row.cache_write) == (25, 700, 80)
    assert (row.anomalies, row.stalls) == (0, 0)
    assert row.last_byte_ns is None


def test_while_it_streams_the_rate_is_an_estimate_and_the_last_byte_has_an_age() -> None:
    row = row_of(run_of(*SENT, how=None), now_ns=S)
    # The first text at 300 ms, the last byte at 500: four tokens in 200 ms.
    assert row.tokens_per_s == pytest.approx(20.0)
    assert row.estimated
    assert COLUMNS["rate"].text(row) == "~20"
    assert (row.output, COLUMNS["out"].text(row)) == ((4, False), "~4")
    assert row.last_byte_ns == 500 * MS
    assert row.duration_ns == S
    assert row_of(run_of(*SENT, how=None), now_ns=0).last_byte_ns == 0


def test_a_run_that_was_not_sent_has_no_time_and_one_that_was_has_one() -> None:
    assert row_of(run_of(how=None), note="waiting").duration_ns is None
    assert row_of(run_of(how=None), note="retry in 3 s").duration_ns is None
    assert row_of(run_of(how=None)).duration_ns == 5 * S


def test_without_times_nothing_is_measured() -> None:
    ends: list[End | None] = [None, "eof"]
    for how in ends:
        row = row_of(run_of(*SENT, how=how, timed=False))
        times = (row.ttft_ns, row.tokens_per_s, row.itl_ns, row.last_byte_ns, row.duration_ns)
        assert times == (None,) * 5
        assert row.stalls is None
        assert not row.estimated
        assert row.input_tokens == 25
        names: list[Sort] = ["ttft", "rate", "last byte", "duration", "stalls"]
        for name in names:
            assert COLUMNS[name].text(row) == "\u2013"


def test_the_model_that_answered_wins_over_the_one_that_was_asked() -> None:
    answered = run_of(pb.message_start(model="claude-next"), how=None)
    assert row_of(answered, model="claude-old").model == "claude-next"
    assert row_of(run_of(how=None), model="claude-old").model == "claude-old"
    assert row_of(run_of(how=None), model=None).model == ""
    assert COLUMNS["model"].text(row_of(run_of(how=None), model=None)) == "\u2013"


def test_anomalies_and_stalls_are_counted() -> None:
    row = row_of(run_of(*SENT, {"type": "surprise"}, how=None, every_ns=3 * S))
    assert (row.anomalies, row.stalls) == (1, 1)


# --- kept rows ------------------------------------------------------------------------------------


def test_the_row_of_a_run_that_is_over_is_made_once() -> None:
    kept: KeptRows = {}
    over, live = entry(complete("hi"), 1), entry(run_of(*SENT, how=None), 2)
    first = run_rows([over, live], kept)
    later = [item._replace(now_ns=9 * S) for item in (over, live)]
    second = run_rows(later, kept)
    assert second[0] is first[0]
    assert second[1].duration_ns == 9 * S
    assert set(kept) == {1}
    assert run_rows(later) == second


def test_a_kept_row_is_made_again_when_something_else_is_said_of_its_run() -> None:
    kept: KeptRows = {}
    one = entry(run_of(pb.error()))
    assert run_rows([one], kept)[0].state == "error"
    assert run_rows([one._replace(note="retry in 3 s")], kept)[0].state == "retry in 3 s"
    assert run_rows([one._replace(replaced=True)], kept)[0].state == "retried"
    assert run_rows([one._replace(run=complete("hi"))], kept)[0].state == "complete"


def test_a_run_whose_message_ended_but_not_its_body_is_not_kept() -> None:
    kept: KeptRows = {}
    session = Session()
    for number, event in enumerate([*SENT, *pb.ending()]):
        session.feed(number * S, pb.wire(event))
    one = entry(session.run)
    before = run_rows([one], kept)[0]
    assert before.state == "complete"
    session.feed(20 * S, pb.wire(pb.ping()))
    after = run_rows([one], kept)[0]
    assert after.duration_ns == 20 * S
    assert after.anomalies == before.anomalies


# --- order ----------------------------------------------------------------------------------------


def rows_with(**values: Sequence[object]) -> list[RunRow]:
    """Rows numbered from one, with these fields."""
    base = row_of(complete("hi"))
    (count,) = {len(column) for column in values.values()}
    return [
        base._replace(
            key=place + 1,
            number=place + 1,
            **{name: column[place] for name, column in values.items()},  # type: ignore[arg-type]
        )
        for place in range(count)
    ]


def keys(rows: Sequence[RunRow]) -> list[int]:
    return [int(str(row.key)) for row in rows]


def test_unknown_values_come_last_in_either_direction() -> None:
    rows = rows_with(ttft_ns=[None, 30, 10, None, 20])
    assert keys(sorted_rows(rows, "ttft")) == [3, 5, 2, 1, 4]
    assert keys(sorted_rows(rows, "ttft", reverse=True)) == [2, 5, 3, 1, 4]


def test_a_name_that_is_not_known_is_last() -> None:
    rows = rows_with(model=["", "b", "a"], title=["y", "", "x"])
    assert keys(sorted_rows(rows, "model")) == [3, 2, 1]
    assert keys(sorted_rows(rows, "title", reverse=True)) == [1, 3, 2]


def test_by_state_what_goes_on_comes_first_and_what_went_well_last() -> None:
    runs = [
        complete("hi"),
        run_of(*SENT),
        run_of(*SENT, how=None),
        run_of(pb.error()),
        run_of(how=None),
    ]
    rows = run_rows(entry(run, key) for key, run in enumerate(runs, 1))
    assert keys(sorted_rows(rows, "state")) == [5, 3, 4, 2, 1]


@given(
    st.sampled_from(SORTS),
    st.booleans(),
    st.lists(
        st.tuples(
            st.none() | st.integers(0, 3),
            st.sampled_from(["", "a", "b"]),
            st.integers(0, 2),
            st.sampled_from(["waiting", "complete", "error"]),
        ),
        max_size=12,
    ),
)
def test_the_order_is_stable_and_loses_nothing(
    sort: Sort, reverse: bool, values: list[tuple[int | None, str, int, str]]
) -> None:
    base = row_of(complete("hi"))
    rows = [
        base._replace(
            key=place,
            number=place % 3,
            kind=kind,  # type: ignore[arg-type]
            title=name,
            model=name,
            ttft_ns=number,
            tokens_per_s=number,
            output=OutputTokens(number),
            input_tokens=number,
            last_byte_ns=number,
            duration_ns=number,
            anomalies=count,
            stalls=number,
        )
        for place, (number, name, count, kind) in enumerate(values)
    ]
    ordered = sorted_rows(rows, sort, reverse)
    assert sorted(keys(ordered)) == list(range(len(rows)))
    value = COLUMNS[sort].value
    known = [row for row in ordered if value(row) is not None]
    assert ordered[: len(known)] == known
    for before, after in zip(ordered, ordered[1:], strict=False):
        if value(before) == value(after):
            assert int(str(before.key)) < int(str(after.key))
        elif value(after) is not None:
            assert (value(before) > value(after)) is reverse


# --- totals ---------------------------------------------------------------------------------------


def many() -> list[RunEntry]:
    """Ten complete runs whose first text comes at 100, 200 ... 1000 ms, and some others."""
    runs = [
        run_of(
            pb.message_start(),
            pb.text_start(0),
            pb.text(0, "hi"),
            pb.block_stop(0),
            *pb.ending(),
            first_ns=100 * MS * number,
            every_ns=0,
        )
        for number in range(1, 11)
    ]
    entries = [entry(run, key) for key, run in enumerate(runs, 1)]
    entries.append(entry(run_of(pb.error(), first_ns=MS), 11, replaced=True))
    entries.append(entry(run_of(pb.error(), first_ns=MS), 12, attempt=2))
    entries.append(entry(run_of(*SENT, how=None, first_ns=2 * S), 13))
    entries.append(entry(run_of(how=None), 14, note="waiting"))
    entries.append(entry(run_of(how="reset"), 15, note="retry in 3 s"))
    return entries


def test_totals_leave_out_what_was_replaced() -> None:
    found = totals(many())
    assert found.runs == 14
    assert found.counts == {"complete": 10, "error": 1, "streaming": 1, "waiting": 1, "retry": 1}
    assert found.done == 11
    assert found.retries == 1
    assert found.input_tokens == 25 * 11
    # That of the one that streams is estimated, so all of it is.
    assert found.output == (15 * 10 + 4, False)
    assert "out ~154" in totals_parts(found)


def test_percentiles_are_by_nearest_rank() -> None:
    found = totals(many())
    # Of eleven first texts the last is at 2.2 s; of the ends only those of complete runs count.
    assert (found.ttft.p50, found.ttft.p95, found.ttft.p99) == (600 * MS, 2_200 * MS, 2_200 * MS)
    assert (found.e2e.p50, found.e2e.p95, found.e2e.max) == (500 * MS, S, S)
    rates = [complete("ab", "cd", every_ns=every * MS) for every in (10, 20, 30, 40)]
    fast = totals(entry(run, key) for key, run in enumerate(rates))
    assert fast.tokens_per_s == pytest.approx(15 / (4 * 0.03))
    assert fast.itl.p50 == round(4 * 20 * MS / 14)


def test_an_estimate_is_in_no_total() -> None:
    found = totals([entry(run_of(*SENT, how=None)), entry(run_of(*SENT), 2)])
    assert found.tokens_per_s is None
    assert found.itl == NO_PERCENTILES


def test_what_no_run_knows_is_not_known() -> None:
    for entries in ([], [entry(run_of(how=None))], [entry(run_of(b"data: 1\n\n", timed=False))]):
        found = totals(entries)
        assert found.runs == len(entries)
        assert (found.ttft, found.e2e, found.itl) == (NO_PERCENTILES,) * 3
        assert (found.tokens_per_s, found.output.tokens, found.cache_read) == (None,) * 3


def test_totals_are_the_same_from_kept_rows() -> None:
    kept: KeptRows = {}
    entries = many()
    assert totals(entries, kept) == totals(entries) == totals(entries, kept)


def test_the_totals_in_one_row_begin_with_what_matters() -> None:
    parts = totals_parts(totals(many()))
    assert parts[:6] == ["14 runs", "10 \u2713", "1 \u2717", "1 \u25cf", "1 \u2026", "1 \u21bb"]
    assert "TTFT p50 600ms p95 2.20s" in parts
    assert parts[-1] == "1 retry"
    line = totals_fitting(parts, 25)
    assert line == "14 runs \u00b7 10 \u2713 \u00b7 1 \u2717"
    assert totals_fitting(parts, len(line) + 5) == line
    assert totals_fitting(parts, len(line) + 6) == line + " \u00b7 1 \u25cf"
    assert totals_fitting(parts, 1) == "14 runs"
    assert totals_fitting(parts, 500).count("\u00b7") == len(parts) - 1
    assert totals_parts(totals([entry(run_of(how=None))])) == ["1 run", "1 \u2026"]


def test_the_totals_in_one_row_tell_of_trouble() -> None:
    odd = run_of(*SENT, {"type": "surprise"}, how=None, every_ns=3 * S)
    assert totals_parts(totals([entry(odd, attempt=3)]))[-3:] == [
        "1 anomaly",
        "1 stall",
        "2 retries",
    ]
    assert totals_parts(totals([entry(odd), entry(odd, 2)]))[-2:] == ["2 anomalies", "2 stalls"]


# --- the table at the end -------------------------------------------------------------------------


def test_the_table_has_a_line_a_run_and_the_totals() -> None:
    lines = table(many())
    assert len(lines[: lines.index("")]) == 1 + 15
    assert lines[0].split() == [
        "#",
        "state",
        "TTFT",
        "tok/s",
        "out",
        "in",
        "time",
        "model",
        "title",
    ]
    assert "retried" in lines[11]
    assert lines[12].endswith("\u21bb2 a question")
    below = lines[lines.index("") + 1 :]
    assert below[0] == (
        "14 runs \u00b7 10 complete \u00b7 1 failed \u00b7 1 streaming \u00b7 1 waiting"
        " \u00b7 1 to retry"
    )
    names = [line[:9].rstrip() for line in below[1:]]
    assert names == ["TTFT", "time", "per token", "tokens", "trouble"]
    assert "p50 600ms" in below[1]
    assert "out ~154" in below[-2]
    assert below[-1].endswith("1 retry")


def test_the_heads_stand_over_their_columns_whatever_the_numbers() -> None:
    big = run_of(pb.message_start(usage={"input_tokens": 2**62}), *pb.ending())
    lines = table([entry(complete("hi"), 1), entry(big, 1_000), *many()])
    heads, rows = lines[0], lines[1 : lines.index("")]
    for name in ("TTFT", "tok/s", "out", "in", "time"):
        end = heads.index(name) + len(name)
        for row in rows:
            assert row[end - 1] != " "
            assert row[end : end + 2] == "  "
    for name in ("state", "model", "title"):
        start = heads.index(name)
        for row in rows:
            assert row[start - 2 : start] == "  "
            assert row[start] != " "


def test_trouble_has_its_columns_only_where_there_is_any() -> None:
    odd = run_of(*SENT, {"type": "surprise"}, every_ns=3 * S)
    heads = table([entry(complete("hi")), entry(odd, 2)])[0].split()
    assert heads[-4:] == ["anom", "stalls", "model", "title"]
    assert "anom" not in table([entry(complete("hi"))])[0]


def test_no_runs_no_table() -> None:
    assert table([]) == []


@given(st.lists(st.tuples(hostile_text(12), hostile_text(8), hostile_text(4)), max_size=4))
def test_the_table_is_safe_to_print_and_not_too_wide(texts: list[tuple[str, str, str]]) -> None:
    entries = [
        entry(run_of(how=None), key, title=title * 9, model=model, note=note)
        for key, (title, model, note) in enumerate(texts)
    ]
    lines = table(entries)
    assert not hostile_in("".join(lines))
    assert all("\n" not in line and "\t" not in line for line in lines)
    assert max(map(cell_len, lines), default=0) <= WIDEST
    assert len(lines) == (len(entries) + 3 if entries else 0)


@pytest.mark.parametrize("title", ["x" * 500, "\u6f22" * 500, "word " * 100])
def test_a_long_title_is_cut_with_an_ellipsis(title: str) -> None:
    line = table([entry(complete("hi"), title=title, model="m" * 200)])[1]
    assert line.endswith("\u2026")
    assert WIDEST - 5 <= cell_len(line) <= WIDEST
