"""The dashboard at every size: what is in view, what is stacked, and what is too small."""

from __future__ import annotations

import random

import pytest
from textual.geometry import Region

from tests.app_harness import LATER_S, PushedSource, Stage, on_stage, rows_of
from tests.manual_clock import ManualClock
from tests.playbook import ending, message_start, text_block, tool_block
from tests.sweeps import exhaustive

PANES = ("transcript", "tools", "log")


def regions(stage: Stage) -> dict[str, Region]:
    """Where each part of the dashboard is."""
    names = ("header", *PANES, "counters", "keys")
    return {name: stage.dashboard.query_one(f"#{name}").region for name in names}


def assert_filled(stage: Stage) -> None:
    """Every line is as wide as the screen, and there are as many as it has."""
    width, height = stage.app.size
    lines = stage.app.screen._compositor.render_strips()
    assert len(lines) == height
    assert [sum(part.cell_length for part in line) for line in lines] == [width] * height


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (70, 20)])
async def test_the_panes_stand_side_by_side_over_the_log(size: tuple[int, int]) -> None:
    async with on_stage("tour", size=size) as stage:
        await stage.at(LATER_S)
        found = regions(stage)
        screen = Region(0, 0, *size)
        assert all(screen.contains_region(region) and region for region in found.values())
        transcript, tools, log = (found[name] for name in PANES)
        assert transcript.y == tools.y and transcript.right <= tools.x
        assert transcript.bottom <= log.y
        assert log.width == size[0]
        assert found["header"].y == 0 and found["keys"].bottom == size[1]
        assert_filled(stage)
        # Enough of each to be of use.
        assert len([row for row in stage.log if row]) >= 3
        assert len([row for row in rows_of(stage.transcript_pane) if row]) >= 4
        assert "message_stop" in stage.log[-1]
        assert "out 632" in stage.counters
        assert "COMPLETE" in stage.header


@pytest.mark.parametrize("size", [(50, 30), (69, 24), (40, 40)])
async def test_where_it_is_narrow_the_panes_are_stacked(size: tuple[int, int]) -> None:
    async with on_stage("two-tools", size=size) as stage:
        await stage.at(LATER_S)
        found = regions(stage)
        transcript, tools, log = (found[name] for name in PANES)
        assert transcript.bottom <= tools.y and tools.bottom <= log.y
        assert transcript.width == tools.width == log.width == size[0]
        assert all(region for region in found.values())
        assert_filled(stage)
        assert '"resolution": "day"' in "\n".join(rows_of(stage.tool_pane))


@pytest.mark.parametrize("size", [(40, 10), (200, 10), (40, 60), (41, 11)])
async def test_down_to_40_by_10_it_can_be_used(size: tuple[int, int]) -> None:
    async with on_stage("two-tools", size=size) as stage:
        await stage.at(LATER_S)
        assert "too small" not in stage.text
        assert "COMPLETE" in stage.text
        assert_filled(stage)
        await stage.press("g", "full_stop", "full_stop")
        assert stage.moment.count == 3


@pytest.mark.parametrize("size", [(30, 8), (39, 30), (120, 9), (12, 3), (1, 1)])
async def test_what_is_too_small_says_so_and_comes_back(size: tuple[int, int]) -> None:
    async with on_stage("two-tools", size=(80, 24)) as stage:
        await stage.at(1)
        await stage.resize(*size)
        assert_filled(stage)
        if size[0] >= 30:
            assert "too small" in stage.text
            assert f"{size[0]}\u00d7{size[1]}" in stage.text
        assert "streamscope" not in stage.text
        await stage.at(LATER_S)
        await stage.resize(80, 24)
        assert "too small" not in stage.text
        assert "COMPLETE" in stage.header
        assert "message_stop" in stage.log[-1]
        assert '"resolution": "day"' in "\n".join(rows_of(stage.tool_pane))


async def test_a_start_in_a_terminal_that_is_too_small() -> None:
    async with on_stage("two-tools", size=(20, 5)) as stage:
        await stage.at(1)
        assert "too small" in " ".join(stage.text.split())
        await stage.resize(80, 24)
        assert "both stations" in stage.said


async def test_what_was_shown_is_shown_again_at_the_same_size() -> None:
    async with on_stage("tour", size=(120, 40)) as stage:
        await stage.at(14)
        before = stage.text
        for size in ((80, 24), (50, 30), (200, 50), (30, 8)):
            await stage.resize(*size)
            await stage.resize(120, 40)
            assert stage.text == before


async def test_a_maximised_pane_survives_other_sizes() -> None:
    async with on_stage("tour", size=(120, 40)) as stage:
        await stage.at(14)
        await stage.press("z")
        for size in ((50, 30), (30, 8), (200, 50)):
            await stage.resize(*size)
        assert stage.log_pane.size.width > 190
        assert not stage.transcript_pane.region
        await stage.resize(120, 40)
        await stage.press("z", "z")
        assert all(region for region in regions(stage).values())
        assert_filled(stage)


async def test_at_40_by_12_the_transcript_has_lines_and_so_have_focused_tools() -> None:
    async with on_stage("two-tools", size=(40, 12)) as stage:
        await stage.at(LATER_S)
        assert len(rows_of(stage.transcript_pane)) >= 3
        assert "tool_use" in rows_of(stage.transcript_pane)[-1]
        assert "Tool calls" in stage.text and "message_stop" in stage.text
        stage.tool_pane.focus()
        await stage.settle()
        await stage.settle()  # What was hidden is drawn by the tick after it is laid out.
        assert len(rows_of(stage.tool_pane)) >= 2
        assert '"resolution": "day"' in "\n".join(rows_of(stage.tool_pane))
        assert_filled(stage)


async def test_an_answer_without_calls_has_the_width_once_it_has_ended() -> None:
    async with on_stage("plain", "two-tools", size=(80, 24)) as stage:
        await stage.at(1)
        assert stage.tool_pane.region
        await stage.at(LATER_S)
        assert stage.transcript_pane.region.width == 80 and not stage.tool_pane.region
        await stage.press("comma")
        assert stage.transcript_pane.region.width == 80, "nor does it change in the past"
        await stage.press("right_curly_bracket")
        assert stage.tool_pane.region and stage.transcript_pane.region.width < 80
        assert '"resolution": "day"' in stage.tools


async def test_the_room_of_the_tools_comes_back_with_the_first_call() -> None:
    clock = ManualClock()
    first, second = PushedSource(clock), PushedSource(clock)
    async with on_stage(first, second, size=(80, 24), clock=clock) as stage:
        first.push(message_start(), *text_block(0, "hi"), *ending())
        first.end()
        await stage.advance(1)
        assert not stage.tool_pane.region
        await stage.press("right_curly_bracket")
        second.push(message_start(), *text_block(0, "hello"))
        await stage.advance(1)
        assert not stage.tool_pane.region, "the text is not wrapped twice"
        second.push(*tool_block(1, "now", "{}"))
        await stage.advance(1)
        assert stage.tool_pane.region


async def test_a_tool_pane_that_is_looked_at_stays() -> None:
    async with on_stage("plain", size=(80, 24)) as stage:
        await stage.at(1)
        stage.tool_pane.focus()
        await stage.at(LATER_S)
        assert stage.tool_pane.region
        stage.log_pane.focus()
        await stage.settle()
        assert not stage.tool_pane.region


@pytest.mark.parametrize("pane", ["transcript", "events"])
async def test_z_again_leaves_the_answer_alone_as_on_a_stage(pane: str) -> None:
    async with on_stage("two-tools", size=(80, 24)) as stage:
        await stage.at(LATER_S)
        stage.dashboard.query_one(f"#{pane}").focus()
        await stage.settle()
        before = stage.text
        await stage.press("z", "z")
        found = regions(stage)
        assert not found["log"] and not found["counters"]
        assert found["transcript"].height == found["tools"].height >= 20
        assert stage.app.focused is stage.transcript_pane
        assert_filled(stage)
        await stage.press("z")
        assert stage.text == before
        assert stage.app.focused is stage.dashboard.query_one(f"#{pane}")


@pytest.mark.parametrize("part", range(2))
async def test_many_sizes_in_a_row_while_it_streams(part: int) -> None:
    chance = random.Random(part)
    extremes = [(1, 1), (20, 5), (300, 100), (1, 50), (200, 1), (40, 10), (39, 9), (2, 2)]
    async with on_stage("two-tools", "hostile") as stage:
        for number in range(50 if exhaustive() else 24):
            # Four at a time: in a storm most sizes are overtaken before anything is drawn.
            sizes = [(chance.randint(1, 90), chance.randint(1, 30)) for _ in range(4)]
            if number % 3 == 0:
                sizes[3] = extremes[number // 3 % len(extremes)]
            stage.clock.now_ns += 150_000_000
            stage.app.watchlist.feeds[0].clock.wake()
            await stage.change_size(*sizes)
            stage.app.tick()
            if number % 5 == 0:
                await stage.press(("z", "b", "M", "t", "left_curly_bracket")[number // 5 % 5])
                assert_filled(stage)
        await stage.resize(120, 40)
        assert_filled(stage)
        assert stage.app.is_running


async def test_what_is_searched_for_is_no_markup_in_the_title() -> None:
    async with on_stage("plain") as stage:
        await stage.at(LATER_S)
        await stage.press("slash")
        await stage.type("re:[Ss]ky")
        await stage.press("enter")
        assert "re:[Ss]ky" in stage.text
