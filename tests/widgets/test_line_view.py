"""The ground of the panes: rows on demand, the tail, the reader's place, selection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Offset, Size
from textual.pilot import Pilot
from textual.screen import Screen
from textual.selection import Selection
from textual.strip import Strip

from tests.app_harness import change_size, drawn, rows_of, strips_of
from tui.widgets.line_view import LineView

HEIGHT = 10


class Numbers(LineView):
    """Rows that are their own number; counts how many were drawn."""

    placeholder = "Nothing yet,\npress any key"

    def __init__(self) -> None:
        super().__init__()
        self.drawn = 0
        self.widths: set[int] = set()
        self.texts: dict[int, str] = {}

    def row(self, y: int, width: int) -> Strip:
        self.drawn += 1
        self.widths.add(width)
        return Strip([Segment(self.texts.get(y, f"row {y}"))])

    @property
    def top(self) -> int:
        return self.scroll_offset.y


class Frame(App[None]):
    CSS = f"LineView {{ height: {HEIGHT}; }}"

    def __init__(self) -> None:
        super().__init__()
        self.view = Numbers()

    def compose(self) -> ComposeResult:
        yield self.view


@asynccontextmanager
async def framed(
    rows: int = 0, size: tuple[int, int] = (40, 20)
) -> AsyncIterator[tuple[Numbers, Pilot[None]]]:
    app = Frame()
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        app.view.focus()
        await grow(app.view, pilot, rows)
        yield app.view, pilot


async def grow(view: Numbers, pilot: Pilot[None], rows: int) -> None:
    view.set_height(rows)
    await drawn(pilot.app)


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        pilot.app.simulate_key(key)
        await drawn(pilot.app)


# --- drawing --------------------------------------------------------------------------------------


async def test_an_empty_view_says_what_will_appear_in_its_middle() -> None:
    async with framed() as (view, _):
        rows = rows_of(view)
        assert [row.strip() for row in rows if row] == ["Nothing yet,", "press any key"]
        assert rows[4].strip() and rows[5].strip()
        assert rows[4].startswith(" " * 13)


@pytest.mark.parametrize("width", [1, 3, 7])
async def test_what_an_empty_view_says_is_wrapped_where_it_is_narrow(width: int) -> None:
    async with framed(size=(width, 20)) as (view, _):
        assert all(strip.cell_length == view.size.width for strip in strips_of(view))
        assert "N" in "".join(rows_of(view))


async def test_rows_below_the_last_one_are_blank() -> None:
    async with framed(3) as (view, _):
        assert rows_of(view) == ["row 0", "row 1", "row 2", *[""] * (HEIGHT - 3)]
        assert all(strip.cell_length == view.size.width for strip in strips_of(view))


async def test_pieces_that_look_alike_are_painted_in_one_style() -> None:
    async with framed(1_000) as (view, _):
        painted = view.render_lines(view.size.region)
        assert (
            len(
                {
                    segment.style
                    for strip in painted
                    for segment in strip
                    if segment.text[:3] == "row"
                }
            )
            == 1
        )
        # The mouse still finds which character is under it.
        (_, offset) = view.screen.get_widget_and_offset_at(view.region.x + 4, view.region.y + 2)
        assert offset == Offset(4, view.top + 2)


async def test_only_rows_in_view_are_drawn_however_many_there_are() -> None:
    async with framed(1_000_000) as (view, pilot):
        assert rows_of(view)[-1] == "row 999999"
        view.drawn = 0
        await press(pilot, "k", "k", "g", "j")
        assert rows_of(view)[0] == "row 1"
        assert view.drawn < 10 * HEIGHT


async def test_the_width_of_a_row_is_the_same_with_and_without_a_scroll_bar() -> None:
    async with framed(3) as (view, pilot):
        rows_of(view)
        without = view.row_width
        await grow(view, pilot, 500)
        rows_of(view)
        assert view.show_vertical_scrollbar
        assert view.row_width == without
        assert view.widths == {without}


async def test_rows_that_come_lay_nothing_out_anew_but_when_the_scroll_bar_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layouts: list[int] = []
    refresh_layout = Screen._refresh_layout

    def count(screen: Screen[object], size: Size | None = None, scroll: bool = False) -> None:
        layouts.append(1)
        refresh_layout(screen, size, scroll)

    async with framed(1) as (view, pilot):
        monkeypatch.setattr(Screen, "_refresh_layout", count)
        for rows in range(2, HEIGHT + 1):
            await grow(view, pilot, rows)
            assert rows_of(view)[:rows] == [f"row {y}" for y in range(rows)]
            assert view.virtual_size.height == rows and not view.show_vertical_scrollbar
        assert not layouts
        await grow(view, pilot, HEIGHT + 1)
        assert layouts and view.show_vertical_scrollbar
        layouts.clear()
        await grow(view, pilot, 500)
        assert not layouts
        assert rows_of(view)[-1].strip() == "row 499"
        await grow(view, pilot, 2)
        assert rows_of(view)[0].strip() == "row 0" and not view.show_vertical_scrollbar


# --- the tail and the reader ----------------------------------------------------------------------


async def test_the_tail_is_followed() -> None:
    async with framed() as (view, pilot):
        for rows in (1, 9, 10, 11, 30, 31, 500):
            await grow(view, pilot, rows)
            assert rows_of(view)[min(rows, HEIGHT) - 1] == f"row {rows - 1}"
            assert view.follow


async def test_who_scrolls_up_is_left_alone() -> None:
    async with framed(50) as (view, pilot):
        await press(pilot, "k")
        assert not view.follow
        before = rows_of(view)
        await grow(view, pilot, 80)
        assert rows_of(view) == before
        await grow(view, pilot, 1000)
        assert rows_of(view) == before


async def test_who_scrolls_back_to_the_end_follows_again() -> None:
    async with framed(50) as (view, pilot):
        await press(pilot, "k", "k", "j")
        assert not view.follow
        await press(pilot, "j")
        assert view.follow
        await grow(view, pilot, 51)
        assert rows_of(view)[-1] == "row 50"


async def test_top_and_bottom() -> None:
    async with framed(50) as (view, pilot):
        await press(pilot, "g")
        assert rows_of(view)[0] == "row 0"
        assert not view.follow
        await press(pilot, "G")
        assert rows_of(view)[-1] == "row 49"
        assert view.follow


async def test_fewer_rows_than_before_still_fill_the_view() -> None:
    async with framed(500) as (view, pilot):
        await press(pilot, "k")
        await grow(view, pilot, 30)
        assert rows_of(view)[-1] == "row 29"
        await grow(view, pilot, 4)
        assert rows_of(view)[:5] == ["row 0", "row 1", "row 2", "row 3", ""]
        await grow(view, pilot, 0)
        assert "Nothing yet" in "".join(rows_of(view))


@pytest.mark.parametrize("heights", [(20, 6, 20), (6, 20, 6), (12, 3, 11)])
async def test_the_tail_stays_in_view_when_the_size_changes(heights: tuple[int, ...]) -> None:
    async with framed(50) as (view, pilot):
        view.styles.height = "1fr"
        for height in heights:
            await change_size(pilot.app, (40, height))
            assert view.size.height == height
            assert rows_of(view)[-1] == "row 49"
            assert view.follow


async def test_the_place_stays_when_the_size_changes() -> None:
    async with framed(50) as (view, pilot):
        await press(pilot, "g", "j", "j")
        for height in (6, 20, 5):
            await change_size(pilot.app, (40, height))
            assert rows_of(view)[0] == "row 2"
            assert not view.follow


async def test_a_row_is_shown_by_scrolling_as_little_as_needed() -> None:
    async with framed(50) as (view, pilot):
        await press(pilot, "g")
        for row, top in ((5, 0), (9, 0), (10, 1), (3, 1), (0, 0), (49, 40), (45, 40), (39, 39)):
            view.show_row(row)
            await drawn(pilot.app)
            assert view.top == top
        assert not view.follow


# --- selection ------------------------------------------------------------------------------------


def selection(start: tuple[int, int] | None, end: tuple[int, int] | None) -> Selection:
    return Selection(
        None if start is None else Offset(*start), None if end is None else Offset(*end)
    )


@pytest.mark.parametrize(
    ("start", "end", "copied"),
    [
        ((4, 7), (5, 7), "7"),
        ((0, 7), (3, 7), "row"),
        ((4, 8), (3, 10), "8\nrow 9\nrow"),
        ((4, 47), None, "47\nrow 48\nrow 49"),
        (None, (5, 1), "row 0\nrow 1"),
        ((4, 49), (99, 99), "49"),
    ],
)
async def test_what_is_selected_is_what_is_copied(
    start: tuple[int, int] | None, end: tuple[int, int] | None, copied: str
) -> None:
    async with framed(50) as (view, _):
        found = view.get_selection(selection(start, end))
        assert found is not None
        assert found[0] == copied


async def test_a_selection_is_highlighted_by_characters_also_wide_ones() -> None:
    async with framed(3) as (view, _):
        view.texts[1] = "\u6f22\u5b57 and \U0001f44d more"
        view.screen.selections = {view: selection((1, 1), (7, 1))}
        plain, lit, _ = strips_of(view)[:3]
        assert plain.text.rstrip() == "row 0"
        assert lit.text.rstrip() == view.texts[1]
        ground = view.rich_style.bgcolor
        marked = "".join(text for text, style, _ in lit if style and style.bgcolor != ground)
        assert marked == "\u5b57 and "
