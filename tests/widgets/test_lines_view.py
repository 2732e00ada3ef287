"""Lines of a closer look: made for a width, wrapped or cut, and scrolled to."""

from __future__ import annotations

from functools import partial

from textual.app import ComposeResult
from textual.geometry import Offset
from textual.screen import Screen
from textual.selection import Selection

from tests.app_harness import all_rows, all_strips, drawn, rows_of
from tests.screen_host import shown
from tui.viewmodel.lines import StyledLine, line_of
from tui.widgets.lines_view import LinesView


def _same(lines: list[StyledLine], width: int) -> list[StyledLine]:
    return lines


class Closer(Screen[None]):
    def __init__(self, *, wraps: bool) -> None:
        super().__init__()
        self.view = LinesView(id="detail", wraps=wraps, placeholder="Nothing yet")

    def compose(self) -> ComposeResult:
        yield self.view


async def test_lines_are_made_again_for_another_width() -> None:
    screen = Closer(wraps=False)
    async with shown(screen) as hand:
        assert "Nothing yet" in hand.text
        screen.view.show(lambda width: [line_of(("x" * width, "plain")), line_of()])
        await drawn(hand.app)
        for width in (80, 60, 100):
            await hand.resize(width, 24)
            assert all_rows(screen.view) == ["x" * screen.view.row_width, ""]


async def test_a_line_that_is_too_long_is_cut_or_wrapped_under_its_text() -> None:
    line = StyledLine((("one two threes ", "plain"), ("four", "added")), "+ ", "added", 1)
    for wraps in (False, True):
        screen = Closer(wraps=wraps)
        async with shown(screen, (22, 24)) as hand:
            screen.view.show(lambda width: [line])
            await drawn(hand.app)
            rows = all_rows(screen.view)
            if wraps:
                assert rows == [" + one two", "   threes four"]
                front, *_ = all_strips(screen.view)[0]
                assert front.style == screen.view.style("lines--added")
            else:
                assert rows == ["one two threes"]
                assert screen.view.row_width == 14


async def test_a_wrapped_line_is_copied_as_one_with_its_blanks() -> None:
    text = "one two threes four fives six"
    for hang in (0, 2):
        lines = [StyledLine(((text, "plain"),), "+ ", "added", 1, hang)]
        screen = Closer(wraps=True)
        async with shown(screen, (22, 24)) as hand:
            screen.view.show(partial(_same, lines))
            await drawn(hand.app)
            rows = all_rows(screen.view)
            assert len(rows) > 2 and rows[1].startswith(" " * (3 + hang) + "thre")
            selected = screen.view.get_selection(Selection(Offset(3, 0), None))
            assert selected == (text, "\n")


async def test_a_line_that_stands_deep_keeps_room_for_its_text() -> None:
    screen = Closer(wraps=True)
    async with shown(screen, (30, 24)) as hand:
        screen.view.show(lambda width: [StyledLine((("words " * 4, "plain"),), indent=99)])
        await drawn(hand.app)
        assert "".join(all_rows(screen.view)).split() == ["words"] * 4


async def test_it_scrolls_to_a_line_when_the_scroll_bar_appears_with_it() -> None:
    screen = Closer(wraps=True)
    async with shown(screen) as hand:
        screen.view.show(lambda width: [line_of(("short", "plain"))])
        await drawn(hand.app)
        screen.view.show(lambda width: [line_of((f"line {n}", "plain")) for n in range(60)])
        screen.view.scroll_to_line(30)
        await drawn(hand.app)
        assert rows_of(screen.view)[0] == "line 30"


async def test_a_line_of_bytes_is_cut_at_the_edge_with_a_mark() -> None:
    line = StyledLine((("data: {} and \u6f22\u5b57 more\r", "code"),), cut="\u21aa ")
    screen = Closer(wraps=True)
    async with shown(screen, (22, 24)) as hand:
        screen.view.show(lambda width: [line, line_of(("next", "plain"))])
        await drawn(hand.app)
        assert screen.view.row_width == 14
        # The blank at the end of a row is in the bytes: it is kept.
        assert [screen.view.row_text(y) for y in range(4)] == [
            "data: {} and ",
            "\u21aa \u6f22\u5b57 more\u240d",
            "next",
            "",
        ]
        selected = screen.view.get_selection(Selection(Offset(0, 0), Offset(4, 2)))
        assert selected == ("data: {} and \u6f22\u5b57 more\u240d\nnext", "\n")
