"""The list of runs: columns, order, the cursor, and that nothing moves under the reader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection
from textual.strip import Strip

from tests.app_harness import change_size, drawn, rows_of, strips_of
from tests.conftest import ROOT
from tests.hostile import hostile_in, hostile_text
from tests.playbook import ending, message_start, text_block, wire
from tui.core.session import Session
from tui.findings import Finding, Level
from tui.viewmodel.counters import OutputTokens
from tui.viewmodel.run_table import RunTable
from tui.viewmodel.runs import SORTS, RunEntry, RunRow, Sort, run_rows
from tui.widgets.runs_list import RESORT_NS, RunsList

S = 1_000_000_000
MS = 1_000_000
ROWS = 8
"""Rows in view below the heads."""


def _finished() -> RunEntry:
    session = Session()
    for place, event in enumerate([message_start(), *text_block(0, "a", "b"), *ending()], 1):
        session.feed(place * 100 * MS, wire(event))
    session.finish(S)
    return RunEntry(1, 1, session.run, "a question", None, 1, False, "", S)


ENTRY = _finished()
(BASE,) = run_rows([ENTRY])


def a_row(number: int, **fields: Any) -> RunRow:  # noqa: ANN401
    """A complete run with this number, and its key a hundred times that."""
    values: dict[str, Any] = {"key": 100 * number, "number": number} | fields
    values.setdefault("title", f"question {number}")
    return BASE._replace(**values)


def rows_to(count: int, **fields: Any) -> list[RunRow]:  # noqa: ANN401
    return [a_row(number, **fields) for number in range(1, count + 1)]


def rates(*values: float) -> list[RunRow]:
    """Numbered rows with these rates."""
    return [a_row(number, tokens_per_s=value) for number, value in enumerate(values, 1)]


def nothing(key: Hashable) -> RunEntry:
    """Stands for what is known of a run: every row here was put into the table."""
    raise AssertionError(f"no row for {key!r}")


def lay(table: RunTable, rows: Sequence[RunRow]) -> None:
    """Have a table hold these rows."""
    for row in rows:
        table.put(row)
    keys = [row.key for row in rows]
    if keys != table.keys:
        table.arrange(keys)


class Host(App[None]):
    """Nothing but the list."""

    CSS_PATH = ROOT / "styles.tcss"
    CSS = f"RunsList {{ height: {ROWS + 3}; }} #whole {{ height: 100%; }}"

    def __init__(self, id: str | None = None) -> None:
        super().__init__()
        self.animation_level = "none"
        self.runs = RunsList(id=id)
        self.picked: list[tuple[Hashable, bool]] = []

    def compose(self) -> ComposeResult:
        yield self.runs

    def on_runs_list_picked(self, message: RunsList.Picked) -> None:
        self.picked.append((message.key, message.opened))


class Reader:
    """Shows rows, presses keys, and reads what stands in the list."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.runs = app.runs
        self.shown: int | None = 100
        self.now_ns = 0
        self.table = RunTable(nothing)

    async def show(
        self, rows: Sequence[RunRow], shown: int | None = None, later_ns: int = 0
    ) -> None:
        """Show these rows, some time later; `shown` is the number of the run in the panes."""
        self.now_ns += later_ns
        if shown is not None:
            self.shown = 100 * shown
        lay(self.table, rows)
        self.runs.show(self.table, self.shown, self.now_ns)
        await drawn(self.app)

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.app.simulate_key(key)
            await drawn(self.app)

    async def click(self, x: int, y: int) -> None:
        inner, outer = self.runs.content_region, self.runs.region
        await self.pilot.click(self.runs, offset=(inner.x - outer.x + x, inner.y - outer.y + y))
        await drawn(self.app)

    @property
    def heads(self) -> str:
        return rows_of(self.runs)[0]

    @property
    def lines(self) -> list[str]:
        return [line for line in rows_of(self.runs)[1:] if line]

    @property
    def numbers(self) -> list[int]:
        """The runs in view, from top to bottom."""
        return [int(line.split()[0]) for line in self.lines]

    @property
    def at_cursor(self) -> list[int]:
        """The runs that are drawn as the one at the cursor."""
        cursor = self.runs.style("runs--cursor").bgcolor
        return [
            int(strip.text.split()[0])
            for strip in strips_of(self.runs)[1:]
            if strip.text.strip() and all(_background(part) == cursor for part in _inner(strip))
        ]

    @property
    def picked(self) -> list[int]:
        """The numbers of the runs that were asked for."""
        return [int(str(key)) // 100 for key, _ in self.app.picked]


def _inner(strip: Strip) -> list[Segment]:
    return list(strip.crop(0, strip.cell_length - 2))


def _background(part: Segment) -> object:
    return None if part.style is None else part.style.bgcolor


@asynccontextmanager
async def reading(
    rows: Sequence[RunRow] = (), size: tuple[int, int] = (80, 24), id: str | None = None
) -> AsyncIterator[Reader]:
    app = Host(id)
    async with app.run_test(size=size) as pilot:
        reader = Reader(app, pilot)
        reader.runs.focus()
        await drawn(app)
        if rows:
            await reader.show(rows)
        yield reader


# --- columns --------------------------------------------------------------------------------------

FIRST = ["\u25b2#", "state", "title", "TTFT", "tok/s", "out"]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (40, FIRST[:3]),
        (60, FIRST),
        (80, [*FIRST, "why"]),
        (100, [*FIRST, "why"]),
        (120, [*FIRST, "why", "model", "in"]),
        (160, [*FIRST, "why", "model", "in", "time", "stop", "reason"]),
    ],
)
async def test_columns_are_left_out_from_the_right(width: int, heads: list[str]) -> None:
    async with reading(rows_to(3), (width, 24)) as reader:
        assert reader.heads.split() == heads
        assert all(strip.cell_length == reader.runs.size.width for strip in strips_of(reader.runs))


async def test_a_row_has_state_title_and_numbers() -> None:
    row = a_row(
        7,
        last_byte_ns=2_500 * MS,
        anomalies=3,
        stalls=2,
        tokens_per_s=61.4,
        estimated=True,
        input_tokens=12_345,
    )
    async with reading([row], (160, 24)) as reader:
        assert reader.lines[0].split() == [
            *("7", "\u2713", "complete", "question", "7", "300ms", "~61", "15", "\u2013"),
            *("claude-sonnet-5-5", "12.3k", "2.50s", "700ms", "3", "2"),
        ]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
async def test_the_heads_stand_over_their_columns(width: int) -> None:
    row = a_row(7, last_byte_ns=2_500 * MS, anomalies=3, stalls=2)
    async with reading([row], (width, 24)) as reader:
        heads, line = reader.heads, reader.lines[0]
        cells = {"#": "7", "TTFT": "300ms", "tok/s": "38", "out": "15", "in": "25"}
        cells |= {"last byte": "2.50s", "time": "700ms", "anom": "3", "stalls": "2"}
        for name, cell in cells.items():
            if f" {name}" in heads or name == "#":
                end = heads.index(name if name != "in" else " in") + len(name) + (name == "in")
                assert line[:end].endswith(cell)
        assert line[heads.index("state") :].startswith("\u2713 complete")
        assert line[heads.index("title") :].startswith("question 7")


async def test_what_cannot_be_known_is_a_dash() -> None:
    row = a_row(1, ttft_ns=None, tokens_per_s=None, output=OutputTokens(None))
    async with reading([row]) as reader:
        assert reader.lines[0].split()[-3:] == ["\u2013"] * 3


async def test_the_heads_stay_when_the_rows_are_scrolled() -> None:
    async with reading(rows_to(50)) as reader:
        before = reader.heads
        await reader.press("G")
        assert reader.heads == before
        assert reader.numbers == [*range(43, 51)]


async def test_numbers_of_many_digits_have_room() -> None:
    async with reading([a_row(7), a_row(123_456)]) as reader:
        assert reader.numbers == [7, 123_456]
        assert all(line[6:9] == " \u2713 " for line in reader.lines)


async def test_an_empty_list_says_what_will_appear() -> None:
    async with reading() as reader:
        text = " ".join(" ".join(rows_of(reader.runs)).split())
        assert "No runs yet" in text
        await reader.press("j", "enter", "G", "s", "S", "pagedown")
        await reader.click(3, 0)
        assert reader.app.picked == []


async def test_below_the_list_stand_the_totals_as_far_as_they_fit() -> None:
    async with reading(rows_to(3)) as reader:
        assert str(reader.runs.border_subtitle).startswith(
            "3 runs \u00b7 3 \u2713 \u00b7 TTFT p50 3"
        )
        await change_size(reader.app, (40, 24))
        assert str(reader.runs.border_subtitle) == "3 runs \u00b7 3 \u2713"
        await change_size(reader.app, (120, 24))
        assert "tok/s" in str(reader.runs.border_subtitle)


async def test_a_replaced_attempt_is_dim_and_a_state_has_its_tone() -> None:
    rows = [a_row(1, replaced=True, tone="bad"), a_row(2, tone="bad")]
    async with reading(rows) as reader:
        await reader.show(rows, 2)
        dim, plain = (list(reader.runs.row(y, 70)) for y in (1, 2))
        assert all(part.style and part.style.dim for part in dim if part.text.strip())
        state = next(part for part in plain if "complete" in part.text)
        assert state.style is not None
        assert state.style.color == reader.runs.style("runs--bad").color


async def test_only_rows_in_view_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with reading(rows_to(5_000)) as reader:
        rows: list[int] = []
        row = reader.runs.row

        def counted(y: int, width: int) -> Strip:
            rows.append(y)
            return row(y, width)

        monkeypatch.setattr(reader.runs, "row", counted)
        await reader.press("G")
        assert reader.numbers[-1] == 5_000
        assert len(set(rows)) <= 3 * (ROWS + 1)
        rows.clear()
        await reader.show(rows_to(5_000))
        assert rows == []


# --- the cursor -----------------------------------------------------------------------------------


async def test_the_cursor_is_on_the_run_in_the_panes() -> None:
    async with reading(rows_to(5)) as reader:
        assert reader.at_cursor == [1]
        await reader.show(rows_to(5), 4)
        assert reader.at_cursor == [4]


async def test_keys_ask_for_runs() -> None:
    async with reading(rows_to(50)) as reader:
        await reader.press("j", "down", "k", "up", "k")
        assert reader.picked == [2, 3, 2, 1, 1]
        await reader.press("G", "j", "g", "end", "home", "pagedown", "pagedown", "pageup")
        assert reader.picked[5:] == [50, 50, 1, 50, 1, 8, 15, 8]
        assert not any(opened for _, opened in reader.app.picked)
        await reader.press("enter")
        assert reader.app.picked[-1] == (800, True)


async def test_the_cursor_does_not_wait_for_the_panes() -> None:
    async with reading(rows_to(9)) as reader:
        await reader.press("j", "j", "j")
        # What the panes show has not been told since.
        await reader.show(rows_to(9))
        assert reader.at_cursor == [4]
        await reader.press("j")
        assert reader.picked == [2, 3, 4, 5]
        await reader.show(rows_to(9), 2)
        assert reader.at_cursor == [2]


async def test_a_pick_that_nobody_heeds_is_taken_back() -> None:
    async with reading(rows_to(9)) as reader:
        await reader.press("j", "j")
        await reader.show(rows_to(9), later_ns=S // 2)
        assert reader.at_cursor == [3]
        await reader.show(rows_to(9), later_ns=S // 2)
        assert reader.at_cursor == [1]


async def test_without_a_cursor_the_first_step_is_onto_the_first_row() -> None:
    async with reading() as reader:
        reader.shown = None
        await reader.show(rows_to(3))
        assert reader.at_cursor == []
        await reader.press("j")
        assert reader.picked == [1]


async def test_the_cursor_stays_in_view_however_it_moves() -> None:
    async with reading(rows_to(50)) as reader:
        for key, steps in (("j", 30), ("k", 25), ("j", 3)):
            for _ in range(steps):
                await reader.press(key)
                assert reader.at_cursor == [reader.picked[-1]]


async def test_a_run_that_is_shown_from_elsewhere_is_brought_into_view() -> None:
    async with reading(rows_to(50)) as reader:
        await reader.show(rows_to(50), 30)
        assert reader.at_cursor == [30]
        await reader.show(rows_to(50), 1)
        assert reader.at_cursor == [1]


async def test_who_scrolled_away_from_the_cursor_is_left_alone() -> None:
    async with reading(rows_to(50)) as reader:
        reader.runs.scroll_to(y=20, animate=False, immediate=True)
        await drawn(reader.app)
        before = reader.numbers
        assert 1 not in before
        await reader.show(rows_to(51), 51)
        assert reader.numbers == before


async def test_a_click_asks_for_the_run_in_the_row() -> None:
    async with reading(rows_to(50)) as reader:
        await reader.click(10, 3)
        assert reader.picked == [3]
        await reader.press("G")
        await reader.click(10, ROWS)
        await reader.click(10, 1)
        assert reader.picked == [3, 50, 50, 43]


async def test_a_click_beside_the_rows_asks_for_nothing() -> None:
    async with reading(rows_to(2)) as reader:
        for x, y in ((10, 5), (10, -1)):
            await reader.click(x, y)
        assert reader.picked == []
        assert reader.runs.sort == "number"


async def test_a_smaller_list_keeps_the_cursor_in_view() -> None:
    async with reading(rows_to(50), (80, 24), id="whole") as reader:
        await reader.show(rows_to(50), 18)
        assert reader.numbers[0] == 1
        await change_size(reader.app, (80, 10))
        assert reader.at_cursor == [18]
        await change_size(reader.app, (80, 3), (30, 1), (80, 24))
        assert reader.at_cursor == [18]


async def test_a_list_that_was_hidden_shows_the_cursor() -> None:
    async with reading() as reader:
        reader.runs.display = False
        await drawn(reader.app)
        await reader.show(rows_to(50), 40)
        reader.runs.display = True
        await drawn(reader.app)
        assert reader.at_cursor == [40]


async def test_what_no_row_can_say_gives_way_to_what_they_say() -> None:
    rows = rows_to(3, timed=False, ttft_ns=None, tokens_per_s=None, tool_calls=2)
    async with reading(rows, (124, 24)) as reader:
        heads = "\u25b2# state title out why model in stop reason tools"
        assert reader.heads.split() == heads.split()
        await reader.show([*rows, a_row(4, timed=True)])
        assert reader.heads.split() == [*FIRST, "why", "model", "in", "time"]


async def test_what_rows_are_sorted_by_is_seen_though_none_says_anything_of_it() -> None:
    async with reading(rows_to(3), (200, 24)) as reader:
        assert "last byte" not in reader.heads
        await reader.press(*"s" * SORTS.index("last byte"))
        assert "last byte" in reader.heads


async def test_titles_say_what_tells_runs_apart() -> None:
    rows = [
        a_row(1, title="recorded/2026-11/answer.sse"),
        a_row(2, title="recorded/2026-12/answer-of-the-gateway-in-the-morning.sse"),
        a_row(3, title="recorded/2026-12/answer.jsonl r1", about="Why is the sky dark?"),
    ]
    async with reading(rows, (93, 24)) as reader:
        assert "\u202611/answer.sse " in reader.lines[0]
        assert "\u2026answer-of-\u2026n-the-morning.sse " in reader.lines[1]
        assert "\u2026answer.jsonl r1 \u00b7 Why is th\u2026" in reader.lines[2]


# --- order ----------------------------------------------------------------------------------------


async def test_s_sorts_by_one_column_after_the_other_and_says_so() -> None:
    async with reading(rates(20, 40, 30)) as reader:
        assert str(reader.runs.border_title) == "Runs \u00b7 by number \u25b2"
        await reader.press("s")
        assert "state \u25b2" in reader.heads
        assert "\u25b2#" not in reader.heads
        await reader.press("s", "s", "s")
        assert "\u25bctok/s" in reader.heads
        assert str(reader.runs.border_title) == "Runs \u00b7 by tok/s \u25bc"
        assert reader.numbers == [2, 3, 1]
        await reader.press("S")
        assert "\u25b2tok/s" in reader.heads
        assert reader.numbers == [1, 3, 2]
        await reader.press(*"s" * (len(SORTS) - SORTS.index("rate")))
        assert reader.runs.sort == "number"
        assert reader.numbers == [1, 2, 3]


async def test_a_click_on_a_head_sorts_by_it_and_another_one_turns_the_order_round() -> None:
    async with reading(rates(20, 40, 30)) as reader:
        for numbers in ([2, 3, 1], [1, 3, 2], [2, 3, 1]):
            await reader.click(reader.heads.index("tok/s"), 0)
            assert reader.numbers == numbers
        await reader.click(reader.heads.index("#"), 0)
        assert reader.numbers == [1, 2, 3]
        assert reader.picked == []


async def test_who_sorts_sees_the_first_rows() -> None:
    async with reading(rates(*range(50))) as reader:
        await reader.press("G", "s", "s", "s", "s")
        assert reader.numbers == [*range(50, 42, -1)]
        assert reader.at_cursor == [50]


async def test_new_rows_at_the_end_move_nothing() -> None:
    async with reading(rows_to(5)) as reader:
        for count in (6, 20, 100):
            before = reader.numbers
            await reader.show(rows_to(count), later_ns=2 * S)
            assert reader.numbers[: len(before)] == before
        await reader.press("G")
        before = reader.numbers
        await reader.show(rows_to(200), 100, later_ns=2 * S)
        assert reader.numbers == before


async def test_new_rows_at_the_top_move_nothing() -> None:
    async with reading(rows_to(50)) as reader:
        await reader.press("S")
        before = reader.numbers
        assert before[0] == 50
        await reader.show(rows_to(53), later_ns=2 * S)
        assert reader.numbers == before
        await reader.show(rows_to(60))
        assert reader.numbers == before


async def test_a_ranking_is_sorted_again_at_most_once_a_second() -> None:
    async with reading(rates(10, 20, 30)) as reader:
        await reader.press("s", "s", "s", "s")
        assert reader.numbers == [3, 2, 1]
        await reader.show(rates(40, 20, 30), later_ns=RESORT_NS - 1)
        assert reader.numbers == [3, 2, 1]
        assert reader.lines[2].split()[-3] == "40"
        await reader.show(rates(50, 20, 30), later_ns=1)
        assert reader.numbers == [1, 3, 2]
        await reader.show(rates(5, 20, 30), later_ns=RESORT_NS // 2)
        assert reader.numbers == [1, 3, 2]


async def test_a_new_row_waits_at_the_end_of_a_ranking() -> None:
    async with reading(rates(10, 20, 30)) as reader:
        await reader.press("s", "s", "s", "s")
        await reader.show(rates(10, 20, 30, 99), later_ns=RESORT_NS // 2)
        assert reader.numbers == [3, 2, 1, 4]
        await reader.show(rates(10, 20, 30, 99), later_ns=RESORT_NS // 2 - 1)
        assert reader.numbers == [3, 2, 1, 4]
        await reader.show(rates(10, 20, 30, 99), later_ns=1)
        assert reader.numbers == [4, 3, 2, 1]


async def test_the_order_rests_while_the_reader_moves() -> None:
    async with reading(rates(10, 20, 30)) as reader:
        await reader.press("s", "s", "s", "s")
        await reader.show(rates(11, 20, 30), later_ns=RESORT_NS - 1)
        await reader.press("j")
        await reader.show(rates(40, 20, 30), later_ns=2)
        assert reader.numbers == [3, 2, 1]
        await reader.show(rates(41, 20, 30), later_ns=RESORT_NS)
        assert reader.numbers == [1, 3, 2]


async def test_at_the_top_of_a_ranking_its_first_rows_are_seen() -> None:
    async with reading(rates(*range(50))) as reader:
        await reader.press("s", "s", "s", "s")
        await reader.show(rates(*range(49), -1), 49, later_ns=2 * S)
        assert reader.numbers == [*range(49, 41, -1)]
        await reader.show(rates(*range(40), *[0] * 10), later_ns=2 * S)
        assert reader.numbers[:2] == [40, 39]


async def test_further_down_a_ranking_the_cursor_stays_where_it_is() -> None:
    values = [*range(50)]
    async with reading(rates(*values)) as reader:
        await reader.press("s", "s", "s", "s")
        await reader.show(rates(*values), 25)
        line = reader.numbers.index(25)
        values[10] = 100
        await reader.show(rates(*values), later_ns=2 * S)
        assert reader.numbers.index(25) == line
        values[24] = 48.5
        await reader.show(rates(*values), later_ns=2 * S)
        assert reader.at_cursor == [25]


async def test_rows_that_are_gone_leave_no_trace() -> None:
    async with reading(rows_to(50), (80, 24)) as reader:
        await reader.press("G")
        await reader.show(rows_to(3))
        assert reader.numbers == [1, 2, 3]
        assert reader.at_cursor == [1]
        await reader.press("j")
        assert reader.picked[-1] == 2
        await reader.show([])
        assert "No runs yet" in " ".join(rows_of(reader.runs))
        await reader.show(rows_to(3), 2)
        assert reader.at_cursor == [2]


# --- selection ------------------------------------------------------------------------------------


async def select(reader: Reader, start: Offset, end: Offset) -> str:
    reader.app.screen.selections = {reader.runs: Selection(start, end)}
    await drawn(reader.app)
    return reader.app.screen.get_selected_text() or ""


async def test_rows_can_be_selected_and_copied() -> None:
    async with reading(rows_to(50)) as reader:
        await reader.press("G")
        start = reader.lines[1].index("question")
        y = reader.runs.scroll_offset.y + 2
        copied = await select(reader, Offset(start, y), Offset(start + 11, y + 1))
        first, second = copied.split("\n")
        assert first.split() == ["question", "44", "300ms", "38", "15", "\u2013"]
        assert second.split() == ["45", "\u2713", "complete", "question", "45"]


async def test_while_something_is_selected_the_order_rests() -> None:
    async with reading(rates(10, 20, 30)) as reader:
        await reader.press("s", "s", "s", "s")
        await select(reader, Offset(0, 1), Offset(20, 1))
        await reader.show(rates(40, 20, 30), later_ns=5 * S)
        assert reader.numbers == [3, 2, 1]
        reader.app.screen.clear_selection()
        await reader.show(rates(41, 20, 30))
        assert reader.numbers == [1, 3, 2]


# --- hostile text ---------------------------------------------------------------------------------


async def test_nothing_from_the_wire_is_a_control_code_or_markup() -> None:
    texts = st.tuples(hostile_text(8), hostile_text(4), hostile_text(4))
    async with reading(rows_to(1), (120, 24)) as reader:

        @given(st.lists(texts, min_size=1, max_size=5), st.sampled_from(SORTS))
        def check(found: list[tuple[str, str, str]], sort: Sort) -> None:
            rows = [
                a_row(number, title=title, model=model, state=state)
                for number, (title, model, state) in enumerate(found, 1)
            ]
            lay(reader.table, rows)
            reader.runs.show(reader.table, 100, 0)
            reader.runs.sort = sort
            reader.runs.action_reverse()
            strips = strips_of(reader.runs)
            assert not hostile_in("".join(strip.text for strip in strips))
            assert all(strip.cell_length == reader.runs.size.width for strip in strips)
            assert len([strip for strip in strips if strip.text.strip()]) == 1 + len(rows)

        check()
        await drawn(reader.app)
        assert reader.heads


async def test_markup_in_a_title_is_text() -> None:
    async with reading([a_row(1, title="[bold]x[/] [@click=app.quit]y[/")], (100, 24)) as reader:
        assert "[bold]x[/] [@click=app.quit]y[/" in reader.lines[0]


# --- why ------------------------------------------------------------------------------------------


def found(*findings: tuple[str, Level]) -> tuple[Finding, ...]:
    """Findings with these codes and levels."""
    return tuple(Finding(code, level, f"{code}.") for code, level in findings)


JUDGED = [
    a_row(1, findings=found(("healthy", "info"))),
    a_row(2, findings=found(("stall", "warning"), ("bunched", "notice"))),
    a_row(3, findings=found(("cut_off", "error"), ("stall", "warning"))),
    a_row(4),
    a_row(5, findings=found(("bunched", "notice"), ("healthy", "info"))),
]


async def test_the_most_severe_finding_of_each_run_stands_in_its_row() -> None:
    async with reading(JUDGED) as reader:
        cells = [" ".join(line.split()[8:]) for line in reader.lines]
        assert cells == [
            "\u2713 healthy",
            "\u25b2 stall",
            "\u2717 cut_off",
            "\u2013",
            "\u25cf bunched",
        ]
        colours = [
            part.style and part.style.color
            for part in strips_of(reader.runs)[2]
            if "stall" in part.text
        ]
        assert colours == [reader.runs.style("runs--warning").color]
        title = str(reader.runs.border_title)
        assert title.endswith("\u2717 1 cut_off \u00b7 \u25b2 2 stall \u00b7 \u25cf 2 bunched")


async def test_runs_are_sorted_by_what_is_wrong_with_them() -> None:
    async with reading(JUDGED) as reader:
        for _ in range(SORTS.index("why")):
            await reader.press("s")
        assert reader.numbers == [3, 2, 5, 1, 4]  # What is not judged comes last, either way.
        await reader.press("S")
        assert reader.numbers == [1, 5, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("stall", [2, 3]),
        ("warning", [2]),
        ("error", [3]),
        ("!healthy", [2, 3, 4]),
        ("stall !cut_off", [2]),
        ('"QUESTION 4"', [4]),
        ("", [1, 2, 3, 4, 5]),
    ],
)
async def test_runs_are_filtered_by_code_level_or_text(text: str, numbers: list[int]) -> None:
    async with reading(JUDGED) as reader:
        reader.runs.filter_by(text)
        await drawn(reader.app)
        assert reader.numbers == numbers
        assert ("filter:" in str(reader.runs.border_title)) == bool(text)
        await reader.press("backspace")
        assert reader.numbers == [1, 2, 3, 4, 5]


async def test_a_run_that_comes_to_fit_the_filter_is_shown() -> None:
    async with reading(JUDGED) as reader:
        reader.runs.filter_by("[stall]")
        await drawn(reader.app)
        assert "No run fits the filter" in " ".join(strip.text for strip in strips_of(reader.runs))
        reader.runs.filter_by("stall")
        changed = [*JUDGED[:3], JUDGED[3]._replace(findings=JUDGED[1].findings)]
        await reader.show(changed, later_ns=RESORT_NS)
        assert reader.numbers == [2, 3, 4]
