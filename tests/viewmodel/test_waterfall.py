"""The rows of a waterfall, what they add up to, and how they are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.findings_play import ns, timed
from tui.core.session import Run, Session
from tui.core.text import sanitize
from tui.core.time_spans import TEXT, THINKING, TOOL_INPUT, WAITING, SpanScan, TimeSpan
from tui.core.usage import TokenCounts
from tui.findings import Finding
from tui.viewmodel.counters import OutputTokens
from tui.viewmodel.waterfall import (
    WaterfallEntry,
    WaterfallGap,
    WaterfallRow,
    WaterfallTotals,
    heading_of,
    totals_of,
    totals_parts,
    waterfall_view,
)
from tui.viewmodel.waterfall_lines import (
    AxisWindow,
    WaterfallPieces,
    axis_line,
    columns_of,
    detail_lines,
    legend_line,
    row_line,
    ticks_of,
    time_label,
)

USAGE = {"input_tokens": 10, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 90}
ASKS = timed(
    (1.0, pb.message_start(usage=USAGE), pb.text_start(0), pb.text(0, "On it.")),
    (2.0, pb.text(0, " Now."), pb.block_stop(0)),
    (3.0, pb.tool_start(1, "bash"), pb.fragment(1, "{")),
    (4.0, pb.fragment(1, "}"), pb.block_stop(1), *pb.tool_block(2, "{}", name="bash")),
    (4.0, *pb.ending("tool_use")),
)
ANSWERS = timed(
    (0.5, pb.message_start(), pb.text_start(0), pb.text(0, "a")),
    (1.5, pb.text(0, "b"), pb.block_stop(0), *pb.ending()),
)


def entry(
    run: Run, start: float | None, before: int | None = None, **fields: object
) -> WaterfallEntry:
    known: dict[str, Any] = {"model": "m", "branch": 0, "kind": "main"}
    start_ns = None if start is None else ns(start)
    now = {"start_ns": start_ns, "now_ns": 0, "before": before}
    return WaterfallEntry(key=run, run=run, scan=SpanScan(run), **{**known, **now, **fields})


def test_rows_on_one_axis() -> None:
    view = waterfall_view("Conversation", [entry(ASKS, 100.0), entry(ANSWERS, 110.0, 0)])
    first, second = view.rows
    assert first == WaterfallRow(
        key=ASKS,
        number=1,
        branch=0,
        kind="main",
        model="claude-sonnet-5-5",
        start_ns=0,
        end_ns=ns(4.0),
        spans=(
            TimeSpan(WAITING, 0, ns(1.0)),
            TimeSpan(TEXT, ns(1.0), ns(2.0)),
            TimeSpan(TOOL_INPUT, ns(2.0), ns(4.0)),
        ),
        gap=None,
        going=False,
        tokens=TokenCounts(10, 900, 90, 15, None),
        output=OutputTokens(15),
    )
    assert (second.start_ns, second.end_ns) == (ns(10.0), ns(11.5))
    assert second.gap == WaterfallGap(ns(4.0), ns(10.0), ("bash \u00d72",))
    assert view.note == ""
    times = ns(11.5), ns(4.0), ns(1.5), ns(6.0)
    assert view.totals == WaterfallTotals(2, *times, 0, 1_025, 900, OutputTokens(30))
    assert heading_of(view) == "Conversation \u00b7 2 requests \u00b7 11.5s"
    assert totals_parts(view.totals) == [
        ("model", "model 35 %"),
        ("tools", "your tools 52 %"),
        ("waiting", "waiting 13 %"),
        ("", "in 1025 (88 % cached)"),
        ("", "out 30"),
    ]


def test_without_the_time_of_day_they_stand_one_after_another() -> None:
    view = waterfall_view("Conversation", [entry(ASKS, None), entry(ANSWERS, 110.0, 0)])
    assert [(row.start_ns, row.gap) for row in view.rows] == [(0, None), (ns(4.0), None)]
    assert "not known" in view.note
    assert waterfall_view("", [entry(ASKS, None)]).note == ""


def test_made_up_times_are_called_that() -> None:
    run = timed((1.0, pb.message_start(), *pb.text_block(0, "a"), *pb.ending()), known=False)
    assert waterfall_view("", [entry(run, 0.0)]).note == "synthetic timing"


def test_a_request_that_goes_on() -> None:
    session = Session()
    waiting = entry(session.run, 5.0, now_ns=ns(1.5))
    (row,) = waterfall_view("", [waiting]).rows
    assert row.going and row.spans == (TimeSpan(WAITING, 0, ns(1.5)),)
    session.feed(ns(2.0), pb.wire(pb.message_start(), pb.thinking_start(0), pb.thinking(0, "a")))
    (row,) = waterfall_view("", [waiting._replace(now_ns=ns(3.0))]).rows
    assert row.spans == (TimeSpan(WAITING, 0, ns(2.0)), TimeSpan(THINKING, ns(2.0), ns(3.0)))
    session.feed(ns(3.0), pb.wire(pb.thinking(0, "twelve more.")))
    view = waterfall_view("", [waiting._replace(now_ns=ns(3.0))])
    line = row_line(view.rows[0], AxisWindow(0, ns(3.0)), columns_of(80, 1), None)
    assert "~4" in joined(line) and "out ~4" in dict(totals_parts(view.totals)).values()
    (row,) = waterfall_view("", [waiting._replace(now_ns=ns(9.0))]).rows
    assert row.spans[-1].kind == WAITING and row.end_ns == ns(9.0)


def test_what_timed_out_was_waited_for() -> None:
    cut = timed((1.0, pb.message_start()), how="timeout", ended=30.0)
    (row,) = waterfall_view("", [entry(cut, 0.0)]).rows
    assert row.spans == (TimeSpan(WAITING, 0, ns(30.0)),)


def test_time_in_which_two_go_on_counts_once() -> None:
    rows = waterfall_view("", [entry(ANSWERS, 0.0), entry(ANSWERS, 1.0)]).rows
    found = totals_of(rows)
    assert (found.length_ns, found.model_ns, found.waiting_ns) == (ns(2.5), ns(2.0), ns(0.5))


SPANS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=6)


@st.composite
def drawn_rows(draw: st.DrawFn) -> list[WaterfallRow]:
    rows = []
    for number in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, 200))
        at, spans = 0, []
        for kind, length in draw(SPANS):
            spans.append(TimeSpan(kind, at, at + length))
            at += length
        if not spans:
            spans = [TimeSpan(WAITING, 0, 0)]
        tools = draw(st.sampled_from([(), ("bash",), ("a_very_long_name_of_a_tool", "b")]))
        gap_ns = draw(st.none() | st.integers(0, start))
        gap = None if gap_ns is None else WaterfallGap(gap_ns, start, tools)
        counts = TokenCounts(*draw(st.tuples(*[st.none() | st.integers(0, 10**7)] * 5)))
        rows.append(
            WaterfallRow(
                *(number, number + 1, 0, "main", "m", start, start + at, tuple(spans), gap),
                *(False, counts, OutputTokens(counts.output, draw(st.booleans()))),
            )
        )
    return rows


@given(drawn_rows())
def test_all_time_is_accounted_for_once(rows: list[WaterfallRow]) -> None:
    found = totals_of(rows)
    gaps = [row.gap.start_ns for row in rows if row.gap is not None and row.gap.tools]
    first = min([*(row.start_ns for row in rows), *gaps])
    spent = found.model_ns + found.waiting_ns + found.tools_ns + found.between_ns
    assert spent == max(row.end_ns for row in rows) - first


LETTERS = str.maketrans(
    dict(zip("\u2591\u2593\u2588\u250a\u00b7\u21b3\u00d7", "wti|->x", strict=True))
)
"""Signs as letters: waiting, text, input."""
FOUND = Finding("invalid_tool_json", "error", "It broke.", None, (), {})
WINDOWS = st.builds(AxisWindow, st.integers(-100, 300), st.integers(1, 500))


@given(drawn_rows(), WINDOWS, st.integers(20, 200), st.sampled_from([None, FOUND]))
def test_lines_have_their_columns(
    rows: list[WaterfallRow], window: AxisWindow, width: int, found: Finding | None
) -> None:
    columns = columns_of(width, len(rows))
    for row in rows:
        line = joined(row_line(row, window, columns, found))
        assert len(line) <= max(width, columns.number + 3 + 8 + 2 + columns.why)
        assert sanitize(line) == line
    assert len(joined(axis_line(window, columns))) <= max(width, 30)
    cells = [cell for cell, _ in ticks_of(window, columns.axis)]
    assert cells == sorted(set(cells)) and all(0 <= cell < columns.axis for cell in cells)


@given(WINDOWS, st.integers(1, 400), st.sampled_from([0.5, 2.0]), st.integers(0, 300))
def test_a_window_stays_inside(window: AxisWindow, end: int, factor: float, middle: int) -> None:
    end_ns = end * 10_000_000
    inside = window.zoomed(factor, middle).within(end_ns)
    assert inside.start_ns >= 0 and inside.length_ns > 0
    assert inside.start_ns + inside.length_ns <= max(end_ns, 1_000_000)


def joined(pieces: WaterfallPieces) -> str:
    return "".join(text for text, _ in pieces)


def test_exact_rows() -> None:
    view = waterfall_view("", [entry(ASKS, 0.0), entry(ANSWERS, 10.0, 0, kind="sub-agent")])
    columns = columns_of(64, 2)
    window = AxisWindow(0, ns(12.0))
    drawn = [
        joined(axis_line(window, columns)),
        *(joined(row_line(row, window, columns, None)) for row in view.rows),
    ]
    assert [line.translate(LETTERS) for line in drawn] == [
        " #   0s             5s             10s       out  read/write",
        " 1   wwwtttiiiiii   |              |          15      900/90  ",
        " 2 > |           ---- bash x2 -----wwttt      15           \u2013  ",
    ]


def test_a_finding_stands_in_the_row_and_is_told_below() -> None:
    (row,) = waterfall_view("", [entry(ASKS, 0.0)]).rows
    line = joined(row_line(row, AxisWindow(0, ns(4.0)), columns_of(120, 1), FOUND))
    assert line.endswith("\u2717 invalid tool json")
    healthy = replace(FOUND, code="healthy", level="info")
    assert joined(row_line(row, AxisWindow(0, 1), columns_of(120, 1), healthy)).endswith("  \u2713")
    lines = [joined(pieces) for pieces in detail_lines(row, "Mend it", FOUND, 80)]
    assert lines == [
        "1  claude-sonnet-5-5  Mend it",
        "4.00s  \u2591 waiting 1.00s  \u2593 text 1.00s  \u2588 tool input 2.00s  ",
        "\u2717 It broke.",
    ]
    assert "your tools" in joined(legend_line())
    narrow = [joined(pieces) for pieces in detail_lines(row, "Mend it", FOUND, 24)]
    assert narrow[:2] == ["1  claude-sonnet-5-5  M\u2026", "4.00s  \u2591 waiting 1.00s\u2026"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *[(0, "0s"), (0.25, "250ms"), (1.5, "1.5s"), (60, "1m"), (80, "1m20"), (3600, "1h")],
        (7500, "2h05"),
    ],
)
def test_times_on_the_axis(seconds: float, text: str) -> None:
    assert time_label(ns(seconds)) == text
