"""Text selected with the mouse and copied, in every pane: what is lit is what is copied."""

from __future__ import annotations

import json

import pytest
from rich.cells import split_graphemes
from textual import events
from textual.app import App
from textual.geometry import Offset
from textual.selection import Selection

from tests import playbook as pb
from tests.app_harness import (
    BytesSource,
    PushedSource,
    Stage,
    all_rows,
    drawn,
    on_stage,
    rows_of,
    strips_of,
    timed,
)
from tests.manual_clock import ManualClock
from tui.screens.compare import Compare, CompareView
from tui.screens.detail import Detail
from tui.screens.latency import Latency
from tui.widgets.line_view import LineView
from tui.widgets.lines_view import LinesView

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
PARAGRAPH = "Paris is sunny, and this paragraph is long enough to be wrapped in any pane at all."
WIDE = f"\u6f22\u5b57 and {FAMILY} and caf\u0065\u0301 end"
NOTE = "a note that is long enough to be wrapped in the pane of the tool calls, whatever its width"
STREAM = timed(
    pb.message_start(),
    pb.thinking_start(0),
    pb.thinking(0, "Let me see. "),
    pb.block_stop(0),
    pb.text_start(1),
    pb.text(1, f"# Weather\n\n{PARAGRAPH}\n\n"),
    pb.text(1, f"{WIDE}\n\nThe **end**.\n"),
    pb.block_stop(1),
    pb.tool_start(2),
    pb.fragment(2, '{"city": '),
    pb.fragment(2, f'"Paris", "note": "{NOTE}"}}'),
    pb.block_stop(2),
    *pb.ending("tool_use"),
)
SIZES = [(120, 40), (80, 24)]


# --- the mouse ------------------------------------------------------------------------------------


def at(kind: type[events.MouseEvent], x: int, y: int) -> events.MouseEvent:
    """A mouse event as the terminal reports it; all of them come at the same time."""
    event = kind(None, x, y, 0, 0, 1, False, False, False, x, y)
    event.time = 0.0  # Textual counts as a double click what comes within half a second.
    return event


async def send(app: App[int], view: LineView, *happenings: tuple[str, int, int]) -> None:
    """Have the mouse do things at cells of a view, counted inside its border."""
    kinds = {"down": events.MouseDown, "move": events.MouseMove, "up": events.MouseUp}
    left, top = view.content_region.offset
    for what, x, y in happenings:
        app.post_message(at(kinds[what], left + x, top + y))
        await drawn(app)


async def drag(app: App[int], view: LineView, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Select from one cell to another, both included."""
    await send(app, view, ("down", *start), ("move", *end), ("up", *end))


async def click(app: App[int], view: LineView, x: int, y: int, times: int = 1) -> None:
    """Click a cell so fast that it counts as a double or a triple click."""
    app._chained_clicks, app._click_chain_last_offset = 0, None
    for _ in range(times):
        await send(app, view, ("down", x, y), ("up", x, y))


async def copied(stage: Stage) -> str:
    """Press ctrl+c, and return what is in the clipboard then."""
    stage.app._clipboard = ""
    await stage.press("ctrl+c")
    return stage.app.clipboard


def between(rows: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text that stands from one cell to another, worked out from the drawn rows."""
    (first, top), (last, bottom) = start, end
    lines = []
    for y in range(top, bottom + 1):
        low = first if y == top else 0
        high = last if y == bottom else 10_000
        column, line = 0, ""
        for begin, stop, cells in split_graphemes(rows[y])[0]:
            line += rows[y][begin:stop] if low <= column + cells - 1 and column <= high else ""
            column += cells
        lines.append(line.rstrip())
    return "\n".join(lines)


def lit(view: LineView) -> str:
    """What is drawn in the colours of a selection, row by row."""
    ground = view.screen.get_component_rich_style("screen--selection").bgcolor
    rows = (
        "".join(text for text, style, _ in strip if style is not None and style.bgcolor == ground)
        for strip in strips_of(view)
    )
    return "\n".join(row.rstrip() for row in rows if row)


def row_with(view: LineView, words: str) -> int:
    """The row in view that has these words."""
    return next(y for y, row in enumerate(rows_of(view)) if words in row)


async def opened(stage: Stage, pane: str) -> LineView:
    """Bring a pane or a screen up, scrolled to its top."""
    app = stage.app
    await stage.at(10)
    view: LineView
    if pane == "detail":
        app.watchlist.go(6)
        await stage.press("enter")
        view = app.screen.query_one(LinesView)
    elif pane == "latency":
        await stage.press("L")
        view = app.screen.query_one(LinesView)
    elif pane == "compare":
        await stage.press("C")
        await app.workers.wait_for_complete()
        view = app.screen.query_one(CompareView)
    else:
        if pane == "source":
            await stage.press("M")
        panes: dict[str, LineView] = {"tools": stage.tool_pane, "log": stage.log_pane}
        view = panes.get(pane, stage.transcript_pane)
        view.focus()
        view.action_top()
    await stage.settle()
    return view


PANES = ["rendered", "source", "tools", "log", "detail", "latency", "compare"]


# --- every pane -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pane", PANES)
async def test_rows_are_selected_with_the_mouse_and_copied(
    pane: str, size: tuple[int, int]
) -> None:
    async with on_stage(STREAM, STREAM, size=size) as stage:
        view = await opened(stage, pane)
        screen = stage.app.screen
        rows = rows_of(view)
        # From a row with text to the last but one below it that is no row of the same line.
        start = next(y for y, row in enumerate(rows) if len(row.strip()) > 8 and y + 2 < len(rows))
        end = next(
            y for y in range(start + 1, len(rows)) if rows[y].strip() and view.margin_of(y) < 0
        )
        expected = between(rows, (3, start), (5, end))
        await drag(stage.app, view, (3, start), (5, end))
        assert lit(view).split("\n") == [line for line in expected.split("\n") if line]
        assert await copied(stage) == expected
        assert stage.app.screen is screen
        assert stage.moment.run.status == "complete"


async def test_the_very_text_of_each_pane() -> None:
    async with on_stage(STREAM, STREAM) as stage:
        view = await opened(stage, "rendered")
        y = row_with(view, "Weather")
        await drag(stage.app, view, (0, y), (4, y + 3))
        assert await copied(stage) == "Weather\n" + "\u2500" * 7 + "\n\nParis"
        view = await opened(stage, "tools")
        y = row_with(view, '"city"')
        await drag(stage.app, view, (4, y), (9, y))
        assert await copied(stage) == '"city"'
        view = await opened(stage, "log")
        y = row_with(view, "thinking  Let me see.")
        await drag(stage.app, view, (rows_of(view)[y].index("Let"), y), (110, y))
        assert await copied(stage) == "Let me see."
        view = await opened(stage, "detail")
        y = row_with(view, "arrived")
        await drag(stage.app, view, (0, y), (16, y))
        assert await copied(stage) == "arrived  0.600000"


@pytest.mark.parametrize("pane", ["rendered", "log"])
async def test_from_below_upwards_is_the_same(pane: str) -> None:
    async with on_stage(STREAM) as stage:
        view = await opened(stage, pane)
        await drag(stage.app, view, (2, 2), (8, 5))
        down = await copied(stage)
        await drag(stage.app, view, (8, 5), (2, 2))
        assert await copied(stage) == down == between(rows_of(view), (2, 2), (8, 5))


@pytest.mark.parametrize("pane", ["rendered", "source", "tools", "log", "detail"])
async def test_what_is_scrolled_is_selected_where_it_stands(pane: str) -> None:
    async with on_stage(STREAM, size=(70, 20)) as stage:
        view = await opened(stage, pane)
        await stage.resize(70, 12)
        view.action_top()
        await stage.wheel(view, 1)
        top = view.scroll_offset.y
        assert top > 0
        rows = rows_of(view)
        await drag(stage.app, view, (1, 0), (6, 0))
        assert await copied(stage) == between(rows, (1, 0), (6, 0))
        assert await copied(stage) == all_rows(view)[top][1:7].rstrip()


async def test_a_selection_stays_on_its_text_when_the_view_is_scrolled() -> None:
    async with on_stage(STREAM, size=(80, 24)) as stage:
        view = await opened(stage, "log")
        await drag(stage.app, view, (0, 0), (20, 1))
        before = await copied(stage)
        await stage.wheel(view, 3)
        assert view.scroll_offset.y > 1
        assert lit(view) == ""
        assert await copied(stage) == before


# --- characters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pane", ["rendered", "source"])
async def test_wide_and_joined_characters_are_never_cut(pane: str) -> None:
    clusters = {WIDE[start:end] for start, end, _ in split_graphemes(WIDE)[0]}
    async with on_stage(STREAM, size=(120, 40)) as stage:
        view = await opened(stage, pane)
        y = row_with(view, "\u6f22")
        width = len(rows_of(view)[y])
        for first, last in [(0, 1), (0, 8), (2, 8), (8, 9), (9, 10), (10, 20), (15, 18), (19, 18)]:
            await drag(stage.app, view, (first, y), (last, y))
            got = await copied(stage)
            assert got and got == lit(view)
            assert got in WIDE
            assert {got[a:b] for a, b, _ in split_graphemes(got)[0]} <= clusters
        assert width == len(rows_of(view)[y])


async def test_what_stands_behind_joined_characters_is_found() -> None:
    async with on_stage(STREAM) as stage:
        view = await opened(stage, "rendered")
        y = row_with(view, FAMILY)
        # Two wide characters and " and " take 9 cells, the family two.
        await drag(stage.app, view, (8, y), (9, y))
        assert await copied(stage) == f" {FAMILY}"
        await drag(stage.app, view, (9, y), (11, y))
        assert await copied(stage) == FAMILY
        await drag(stage.app, view, (12, y), (14, y))
        assert await copied(stage) == "and"
        await drag(stage.app, view, (16, y), (19, y))
        assert await copied(stage) == "caf\u0065\u0301"


async def test_a_caret_lights_a_whole_character() -> None:
    async with on_stage(STREAM) as stage:
        view = await opened(stage, "rendered")
        y = row_with(view, FAMILY)
        before = rows_of(view)[y]
        for column, character in ((0, "\u6f22"), (1, "\u6f22"), (9, FAMILY), (10, FAMILY)):
            view.caret = (y, column)
            ground = view.style("line-view--caret").bgcolor
            strip = strips_of(view)[y]
            shown = [text for text, style, _ in strip if style and style.bgcolor == ground]
            assert shown == [character]
            assert rows_of(view)[y] == before


# --- lines that are wrapped -----------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_source_is_copied_as_it_came(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        view = await opened(stage, "source")
        rows = all_rows(view)
        first = rows.index("# Weather")
        last = rows.index("The **end**.")
        whole = Selection(Offset(0, first), Offset(len(rows[last]), last))
        found = view.get_selection(whole)
        assert found is not None
        assert found[0] == f"# Weather\n\n{PARAGRAPH}\n\n{WIDE}\n\nThe **end**."


@pytest.mark.parametrize("size", SIZES)
async def test_the_json_of_a_call_is_copied_as_json(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        view = await opened(stage, "tools")
        rows = all_rows(view)
        assert any(view.margin_of(y) >= 0 for y in range(len(rows)))
        found = view.get_selection(Selection(Offset(0, 1), None))
        assert found is not None
        assert json.loads(found[0]) == {"city": "Paris", "note": NOTE}


async def test_unfolded_thinking_is_copied_without_its_margin() -> None:
    thought = (
        "One thought that goes on for so long that no pane can show it on a single row at all."
    )
    stream = timed(
        pb.message_start(), pb.thinking_start(0), pb.thinking(0, thought), pb.block_stop(0)
    )
    async with on_stage(stream, size=(80, 24)) as stage:
        await stage.at(10)
        await stage.press("t")
        view = stage.transcript_pane
        rows = all_rows(view)
        last = max(y for y, row in enumerate(rows) if "at all." in row)
        assert last > 1
        found = view.get_selection(Selection(Offset(2, 1), Offset(len(rows[last]), last)))
        assert found == (thought, "\n")


async def test_a_long_prompt_is_copied_as_it_was_typed() -> None:
    prompt = "\n".join(f"{number} " + "word " * 30 + "end" for number in range(80))
    source = BytesSource(STREAM, prompt=prompt)
    async with on_stage(source, size=(80, 24)) as stage:
        await stage.at(10)
        view = stage.transcript_pane
        rows = all_rows(view)
        first = next(y for y, row in enumerate(rows) if row.startswith("you  0 word"))
        last = next(y for y, row in enumerate(rows) if "thinking  12 chars" in row) - 2
        found = view.get_selection(Selection(Offset(5, first), Offset(len(rows[last]), last)))
        assert found is not None
        assert found[0].replace("\n     ", "\n") == prompt


# --- clicks ---------------------------------------------------------------------------------------


async def test_a_double_click_takes_a_word_and_a_third_one_the_row() -> None:
    async with on_stage(STREAM) as stage:
        view = await opened(stage, "rendered")
        y = row_with(view, "Paris is")
        await click(stage.app, view, 10, y, times=2)
        assert await copied(stage) == "sunny"
        await click(stage.app, view, 16, y, times=3)
        assert await copied(stage) == rows_of(view)[y]
        await click(stage.app, view, 14, y, times=2)
        assert await copied(stage) == ","
        y = row_with(view, FAMILY)
        await click(stage.app, view, 10, y, times=2)
        assert await copied(stage) == FAMILY
        await click(stage.app, view, 17, y, times=2)
        assert await copied(stage) == "caf\u0065\u0301"


@pytest.mark.parametrize("pane", PANES)
async def test_a_double_click_takes_no_more_than_its_row(pane: str) -> None:
    async with on_stage(STREAM, STREAM) as stage:
        view = await opened(stage, pane)
        for times in (2, 3, 4):
            y = next(y for y, row in enumerate(rows_of(view)) if len(row.strip()) > 8)
            x = len(rows_of(view)[y]) - len(rows_of(view)[y].lstrip())
            await click(stage.app, view, x, y, times=times)
            assert list(stage.app.screen.selections) == [view]
            assert "\n" not in await copied(stage)


@pytest.mark.parametrize("pane", ["tools", "log"])
async def test_a_double_click_beside_the_text_takes_nothing(pane: str) -> None:
    async with on_stage(STREAM) as stage:
        view = await opened(stage, pane)
        await click(stage.app, view, view.size.width - 3, 2, times=2)
        assert stage.app.screen.get_selected_text() is None


async def test_clicks_point_and_travel_after_a_selection_as_before() -> None:
    async with on_stage(STREAM) as stage:
        view = await opened(stage, "rendered")
        await drag(stage.app, view, (3, 2), (9, 4))
        assert view.caret is None, "to select is not to point"
        await click(stage.app, view, 4, 5)
        assert view.caret == (5, 4)
        assert stage.app.screen.get_selected_text() is None
        log = stage.log_pane
        log.action_top()
        await stage.settle()
        await drag(stage.app, log, (3, 1), (9, 3))
        assert stage.app.watchlist.cursor is None, "to select is not to travel"
        await click(stage.app, log, 20, 2)
        assert stage.app.watchlist.cursor == 3
        assert stage.app.screen.get_selected_text() is None
        await click(stage.app, log, 20, 4, times=2)
        await stage.settle()
        assert stage.app.watchlist.cursor == 5
        assert await copied(stage) != ""
        await click(stage.app, log, 20, 1)
        assert stage.app.watchlist.cursor == 2


async def test_a_click_on_the_scroll_bar_neither_points_nor_travels() -> None:
    async with on_stage(STREAM, size=(80, 24)) as stage:
        await stage.at(10)
        for view in (stage.log_pane, stage.transcript_pane):
            assert view.show_vertical_scrollbar
            bar = view.vertical_scrollbar.region
            for kind in (events.MouseDown, events.MouseUp):
                stage.app.post_message(at(kind, bar.x, bar.y + 1))
                await drawn(stage.app)
            await stage.settle()
        assert stage.app.watchlist.cursor is None
        assert stage.transcript_pane.caret is None


# --- around it ------------------------------------------------------------------------------------


async def test_a_selection_that_leaves_its_pane_is_still_nothing_but_text() -> None:
    async with on_stage(STREAM) as stage:
        await stage.at(10)
        app, view = stage.app, stage.transcript_pane
        end = stage.tool_pane.content_region.offset
        await send(app, view, ("down", 0, 0))
        for kind in (events.MouseMove, events.MouseUp):
            app.post_message(at(kind, end.x + 10, end.y))
            await drawn(app)
        got = await copied(stage)
        assert got.startswith(rows_of(view)[0])
        assert got.endswith("\nget_weathe")
        assert stage.dashboard.strip not in stage.app.screen.selections
        assert not stage.dashboard.strip.allow_select


async def test_a_very_long_selection_is_cut_and_says_so() -> None:
    stream = timed(
        pb.message_start(), *pb.text_block(0, *["word "] * 5_000), *pb.ending(), every_ms=1
    )
    async with on_stage(stream) as stage:
        await stage.at(100)
        view = stage.log_pane
        total = view.height_in_rows
        found = view.get_selection(Selection(None, None))
        assert found is not None
        lines = found[0].split("\n")
        assert lines[0].split()[0] == "0"
        assert lines[-2].split()[0] == str(len(lines) - 2)
        assert lines[-1] == f"\u2026 and {total - len(lines) + 1} more rows"
        assert len(lines) < 3_000


async def test_a_selection_outlasts_what_arrives() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(
            pb.message_start(), pb.text_start(0), pb.text(0, "The first line.\n\nThe second ")
        )
        await stage.settle()
        view = stage.transcript_pane
        y = row_with(view, "first")
        await drag(stage.app, view, (4, y), (8, y))
        for _ in range(30):
            source.push(pb.text(0, "line, and more.\n\n"))
        await stage.settle()
        assert await copied(stage) == "first"
        assert stage.moment.run.status == "streaming"
        log = stage.log_pane
        await drag(stage.app, log, (0, 0), (30, 0))
        before = await copied(stage)
        source.push(pb.text(0, "The last line."))
        await stage.settle()
        assert await copied(stage) == before


@pytest.mark.parametrize("pane", ["rendered", "log", "detail"])
async def test_esc_lets_go_of_a_selection_and_of_nothing_else(pane: str) -> None:
    async with on_stage(STREAM, STREAM) as stage:
        view = await opened(stage, pane)
        screen, cursor = stage.app.screen, stage.app.watchlist.cursor
        await drag(stage.app, view, (0, 1), (9, 2))
        await stage.press("escape")
        assert lit(view) == ""
        assert (stage.app.screen, stage.app.watchlist.cursor) == (screen, cursor)
        await stage.press("escape")
        assert stage.app.screen is stage.dashboard


async def test_esc_cancels_only_without_a_selection() -> None:
    async with on_stage(STREAM) as stage:
        await stage.at(0.7)
        stage.transcript_pane.focus()
        await drag(stage.app, stage.transcript_pane, (0, 2), (5, 2))
        await stage.press("escape")
        assert "DEMO" in stage.header
        await stage.press("escape")
        assert "CANCELLED" in stage.header


@pytest.mark.parametrize(("pane", "key"), [("detail", "n"), ("source", "M"), ("detail", "x")])
async def test_rows_that_become_others_are_not_selected_any_more(pane: str, key: str) -> None:
    async with on_stage(STREAM) as stage:
        view = await opened(stage, pane)
        await drag(stage.app, view, (0, 1), (9, 3))
        assert lit(view)
        await stage.press(key)
        assert lit(view) == ""
        assert stage.app.screen.get_selected_text() is None


async def test_a_filter_lets_go_of_what_was_selected_in_the_log() -> None:
    async with on_stage(STREAM) as stage:
        view = await opened(stage, "log")
        await drag(stage.app, view, (0, 1), (9, 3))
        stage.app.finder.set_filter("json")
        await stage.settle()
        assert stage.app.screen.get_selected_text() is None


@pytest.mark.parametrize(("key", "screen"), [("enter", Detail), ("L", Latency), ("C", Compare)])
async def test_ctrl_c_without_a_selection_cancels_behind_a_screen_too(
    key: str, screen: type[object]
) -> None:
    async with on_stage(STREAM, STREAM) as stage:
        await stage.at(0.5)
        await stage.press(key)
        assert isinstance(stage.app.screen, screen)
        await stage.press("ctrl+c")
        assert stage.moment.run.status == "cancelled"
        assert isinstance(stage.app.screen, screen)


async def test_selection_and_caret_are_seen_without_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(STREAM) as stage:
        view = await opened(stage, "rendered")
        y = row_with(view, "Weather")
        await drag(stage.app, view, (0, y), (3, y))

        def reversed_text() -> str:
            strip = strips_of(view)[y]
            return "".join(text for text, style, _ in strip if style and style.reverse)

        assert reversed_text() == "Weat"
        await click(stage.app, view, 5, y)
        assert reversed_text() == "e"
