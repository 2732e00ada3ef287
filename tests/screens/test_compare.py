"""The compare screen: keys, sides, places, and hostile text."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.app import App
from textual.pilot import Pilot

from tests.app_harness import all_rows, all_strips, rows_of
from tests.conftest import ROOT
from tests.playbook import ending, message_start, text_block, tool_block, wire
from tui.core.session import Run, Session
from tui.core.steps import Steps
from tui.screens import compare as module
from tui.screens.compare import Candidate, Compare, CompareView, first_sides

LINES = [f"line {number} of the answer" for number in range(90)]


class Host(App[None]):
    """Nothing but the screen under test."""

    CSS_PATH = ROOT / "styles.tcss"

    def __init__(self, screen: Compare) -> None:
        super().__init__()
        self.animation_level = "none"
        self.first_screen = screen
        self.closed = False

    def on_mount(self) -> None:
        self.push_screen(self.first_screen, self._note)

    def _note(self, _: None) -> None:
        self.closed = True


class Reader:
    """Presses keys, and reads what stands on the screen."""

    def __init__(self, app: Host, pilot: Pilot[None], screen: Compare) -> None:
        self.app = app
        self.pilot = pilot
        self.screen = screen

    async def settle(self) -> None:
        for _ in range(3):
            await self.pilot.pause(0)
            await self.app.workers.wait_for_complete()
            await self.pilot.wait_for_animation()

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.app.simulate_key(key)
            await self.settle()

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        await self.settle()

    @property
    def view(self) -> CompareView:
        return self.screen.query_one(CompareView)

    @property
    def rows(self) -> list[str]:
        return all_rows(self.view)

    @property
    def title(self) -> str:
        return str(self.view._border_title)

    @property
    def sides(self) -> tuple[int, int]:
        """Which runs the title names, from 0."""
        left, right = re.findall(r"[\u2212+] ([0-9]+) ", self.title)
        return int(left) - 1, int(right) - 1

    @property
    def keys(self) -> str:
        return str(self.view._border_subtitle)

    @property
    def here(self) -> str:
        """The row that is marked as the difference jumped to."""
        return self.rows[self.view.here].strip()


@asynccontextmanager
async def reading(
    runs: Sequence[Candidate], shown: int = 0, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Reader]:
    screen = Compare(runs, shown)
    app = Host(screen)
    async with app.run_test(size=size) as pilot:
        reader = Reader(app, pilot, screen)
        await reader.settle()
        yield reader


def run_of(text: str, tool: str = "{}", model: str = "m") -> Run:
    session = Session()
    events = [message_start(model=model), *text_block(0, text), *tool_block(1, tool), *ending()]
    for number, event in enumerate(events, 1):
        session.feed(number * 10_000_000, wire(event))
    session.finish(0)
    return session.run


def edited(*places: int) -> str:
    return "\n".join(
        line.replace("answer", "reply") if number in places else line
        for number, line in enumerate(LINES)
    )


LEFT: Candidate = ("first", run_of(edited()), None)
RIGHT: Candidate = ("second", run_of(edited(0, 30, 60, 89)), None)
THIRD: Candidate = ("third", run_of("something else"), {"model": "m"})


# --- what is shown --------------------------------------------------------------------------------


async def test_two_runs_stand_side_by_side() -> None:
    async with reading([LEFT, RIGHT]) as reader:
        assert "~ line 0 of the answer" in reader.rows[reader.view._layout.stops[1]]
        row = next(row for row in reader.rows if row.startswith("~ line 30"))
        assert row.split("\u2502")[1].strip() == "~ line 30 of the reply"
        assert reader.title.startswith("\u2212 1 first \u2500")
        assert "+ 2 second" in reader.title
        assert reader.app.focused is reader.view


async def test_the_right_title_stands_over_the_right_column() -> None:
    async with reading([LEFT, RIGHT]) as reader:
        row = next(row for row in reader.rows if row.startswith("~ line 30"))
        region = reader.view.region
        strips = reader.app.screen._compositor.render_strips()
        top = "".join(segment.text for segment in strips[region.y])
        assert top.index("+ 2") == reader.view.content_region.x + row.rindex("~")


async def test_a_narrow_screen_stacks_them() -> None:
    async with reading([LEFT, RIGHT], size=(80, 24)) as reader:
        place = reader.rows.index("\u2212 line 30 of the answer")
        assert reader.rows[place + 1] == "+ line 30 of the reply"
        assert reader.title == "\u2212 1 first  + 2 second"


async def test_a_new_size_lays_out_again() -> None:
    async with reading([LEFT, RIGHT]) as reader:
        await reader.press("n", "n", "n")
        assert reader.here.startswith("~ line 30")
        await reader.resize(80, 24)
        assert reader.here == "\u2212 line 30 of the answer"
        assert any("line 30" in row for row in rows_of(reader.view))
        for size in ((20, 5), (1, 1), (300, 100), (120, 40)):
            await reader.resize(*size)
        assert reader.here.startswith("~ line 30")


async def test_a_new_theme_colours_the_rows_again() -> None:
    async with reading([LEFT, RIGHT]) as reader:
        rows = reader.view._layout.rows
        dark = rows[-1]
        reader.app.theme = "textual-light"
        await reader.settle()
        assert reader.view._layout.rows is not rows
        light = reader.view._layout.rows[-1]
        assert light.text == dark.text
        assert light != dark
        rows = reader.view._layout.rows
        reader.view.notify_style_update()
        await reader.settle()
        assert reader.view._layout.rows is rows


async def test_titles_that_begin_alike_say_what_tells_them_apart() -> None:
    begin = "tests_of_a_library_with_a_long_name_and_streams_of_"
    runs: list[Candidate] = [(f"{begin}{end}.sse", run_of("a"), None) for end in ("one", "other")]
    for size in ((120, 40), (80, 24)):
        async with reading(runs, size=size) as reader:
            assert "1 \u2026one.sse" in reader.title and "2 \u2026other.sse" in reader.title


async def test_hostile_text_is_neither_drawn_nor_obeyed() -> None:
    evil = "[bold]a[/] [@click=app.quit]b[/]\x1b[31m\u202e\x07\tc\r"
    runs: list[Candidate] = [
        (evil, run_of(evil, '{"\\u001b[2J[b]":"\\u202e"}', evil), {evil: evil}),
        (evil + "\nx", run_of(evil + "!", '{"a":"\\u001b"}'), {evil: [evil]}),
    ]
    for size in ((120, 40), (80, 24)):
        async with reading(runs, size=size) as reader:
            drawn = "\n".join([*reader.rows, reader.title, reader.keys])
            assert "[bold]a[/] [@click=app.quit]b[/]\u241b[31m<U+202E>\u2407" in drawn
            assert not set(drawn) & set("\x1b\u202e\x07\t\r")
            strips = all_strips(reader.view)
            assert max(strip.cell_length for strip in strips) <= reader.view.row_width


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["escape", "q", "C"])
async def test_keys_that_close(key: str) -> None:
    async with reading([LEFT, RIGHT]) as reader:
        await reader.press(key)
        assert reader.app.closed


async def test_n_and_p_go_from_difference_to_difference() -> None:
    async with reading([LEFT, RIGHT], size=(120, 30)) as reader:
        stops = len(reader.view._layout.stops)
        assert "of" not in reader.keys
        await reader.press("n")
        assert reader.keys.startswith(f"1 of {stops}  n p differences")
        await reader.press("n", "n")
        assert reader.here.startswith("~ line 30")
        assert any("line 30" in row for row in rows_of(reader.view))
        await reader.press("n")
        assert reader.here.startswith("~ line 60")
        await reader.press("p")
        assert reader.here.startswith("~ line 30")
        await reader.press(*"n" * 9)
        assert reader.here.startswith("~ line 89")
        assert reader.keys.startswith(f"{stops} of {stops}")
        await reader.press(*"p" * 9)
        assert reader.keys.startswith(f"1 of {stops}")


async def test_after_scrolling_they_go_on_from_what_is_in_view() -> None:
    async with reading([LEFT, RIGHT], size=(120, 20)) as reader:
        await reader.press("n", "n", "n")
        assert reader.here.startswith("~ line 30")
        await reader.press("g", "n")
        assert not reader.here.startswith("~ line")
        await reader.press("G", "p")
        assert reader.here.startswith("~ line 89")


async def test_the_marked_row_is_drawn_in_another_style() -> None:
    async with reading([LEFT, RIGHT]) as reader:
        await reader.press("n")
        here = reader.view.row(reader.view.here, reader.view.row_width)
        plain = reader.view._layout.rows[reader.view.here]
        assert here.text.rstrip() == plain.text.rstrip()
        assert {segment.style and segment.style.bgcolor for segment in here} == {
            reader.view.style("compare--here").bgcolor
        }


async def test_runs_that_are_equal_have_nothing_to_go_to() -> None:
    async with reading([LEFT, ("again", LEFT[1], None)]) as reader:
        assert reader.rows[0] == "No differences"
        await reader.press("n", "p")
        assert reader.view.here == -1
        assert reader.keys.startswith("n p")


async def test_s_swaps_the_sides_and_keeps_the_place() -> None:
    async with reading([LEFT, RIGHT]) as reader:
        await reader.press("n", "n", "n", "s")
        assert reader.sides == (1, 0)
        assert reader.title.startswith("\u2212 2 second")
        assert reader.here.split("\u2502")[0].strip() == "~ line 30 of the reply"
        assert reader.keys.startswith("3 of")
        await reader.press("s")
        assert reader.here.split("\u2502")[0].strip() == "~ line 30 of the answer"


async def test_scrolling() -> None:
    async with reading([LEFT, RIGHT], size=(80, 24)) as reader:
        await reader.press("j", "j", "k")
        assert reader.view.scroll_offset.y == 1
        await reader.press("G")
        end = reader.view.max_scroll_y
        assert reader.view.scroll_offset.y == end > 0
        await reader.press("g")
        assert reader.view.scroll_offset.y == 0
        await reader.press("end")
        assert reader.view.scroll_offset.y == end


# --- which runs -----------------------------------------------------------------------------------


def test_the_sides_to_begin_with() -> None:
    assert first_sides(2, 0) == first_sides(2, 1) == (0, 1)
    assert first_sides(5, 3) == (3, 2)
    assert first_sides(5, 0) == (0, 1)
    with pytest.raises(ValueError, match="two runs"):
        Compare([LEFT], 0)


async def test_braces_take_another_run_for_the_right_side() -> None:
    async with reading([LEFT, RIGHT, THIRD], shown=1) as reader:
        assert reader.sides == (1, 0)
        assert "{ } other run" in reader.keys
        await reader.press("n", "n", "right_curly_bracket")
        assert reader.sides == (1, 2)
        assert "+ 3 third" in reader.title
        assert reader.view.scroll_offset.y == 0
        assert reader.view.here == -1
        assert "Request   known of the right side only" in reader.rows
        await reader.press("right_curly_bracket")
        assert reader.sides == (1, 2)
        await reader.press("left_curly_bracket")
        assert reader.sides == (1, 0)
        await reader.press("left_curly_bracket")
        assert reader.sides == (1, 0)


async def test_with_two_runs_there_is_no_other() -> None:
    async with reading([LEFT, RIGHT]) as reader:
        assert "{ }" not in reader.keys
        await reader.press("left_curly_bracket", "right_curly_bracket")
        assert reader.sides == (0, 1)


# --- work -----------------------------------------------------------------------------------------


async def test_long_work_is_done_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLICE_S", 0.0)
    async with reading([LEFT, RIGHT]) as reader:
        assert any(row.startswith("~ line 30") for row in reader.rows)


async def test_meanwhile_it_says_so_and_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> Steps[None]:
        while True:
            yield

    monkeypatch.setattr(module, "_SLICE_S", 0.0)
    monkeypatch.setattr(module, "compare", endless)
    screen = Compare([LEFT, RIGHT], 0)
    app = Host(screen)
    async with app.run_test() as pilot:
        while not screen.query_one(CompareView).height_in_rows:
            await pilot.pause(0)
        assert all_rows(screen.query_one(CompareView)) == ["comparing\u2026"]
        app.simulate_key("s")
        await pilot.pause(0)
        app.simulate_key("escape")
        while not app.closed:
            await pilot.pause(0)


async def test_a_fault_is_shown_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Steps[None]:
        yield
        raise RuntimeError("[b]oh\x1b")

    monkeypatch.setattr(module, "compare", broken)
    async with reading([LEFT, RIGHT]) as reader:
        assert reader.rows == ["The comparison failed: RuntimeError: [b]oh\u241b"]
        await reader.press("escape")
        assert reader.app.closed
