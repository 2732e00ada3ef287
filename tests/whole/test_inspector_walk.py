"""A walk through the inspector as somebody sees it, in a small terminal and in a roomy one."""

from __future__ import annotations

from textual import events

from tests import playbook as pb
from tests.app_harness import (
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
from tests.whole.inspector import (
    EVENTS,
    LAST,
    STREAM,
    both_sizes,
    lit,
    marked,
    numbers,
)
from tui.core.records import JsonObject

# --- time travel ----------------------------------------------------------------------------------


@both_sizes
async def test_going_back_while_a_live_run_goes_on(size: tuple[int, int]) -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock, size=size) as stage:
        source.push(*EVENTS[:7])
        await stage.settle()
        assert "LIVE" in stage.lines[0]
        assert "FOLLOW" in stage.text
        await stage.press("comma")
        assert "PAST  1 behind" in stage.lines[0]
        assert "at 6 of 7" in stage.text
        assert "Paris is very" in stage.said
        assert "sunny" not in stage.transcript
        assert marked(stage) == 5
        await stage.advance(1)
        source.push(*EVENTS[7:13])
        await stage.settle()
        assert "PAST  7 behind" in stage.lines[0]
        assert "at 6 of 13" in stage.text
        assert "sunny" not in stage.transcript
        assert "get_weather" not in stage.tools
        assert marked(stage) == 5
        await stage.press("full_stop", "full_stop")
        assert "PAST  5 behind" in stage.lines[0]
        assert "sunny today" in stage.said
        await stage.press("F")
        assert "LIVE" in stage.lines[0]
        assert "FOLLOW" in stage.text
        assert '{"city": "Paris"}' in stage.tools
        assert numbers(stage)[-1] == 12
        source.push(*EVENTS[13:])
        source.end()
        await stage.settle()
        assert "COMPLETE" in stage.lines[0]


@both_sizes
async def test_markers_are_named_and_shown(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        stage.app.watchlist.go(1)
        seen = []
        for _ in range(7):
            await stage.press("right_square_bracket")
            seen.append((marked(stage), str(stage.log_pane.title)))
        assert [seq for seq, _ in seen] == [1, 3, 4, 6, 8, 9, 12]
        named = " / ".join(note for _, note in seen)
        for words in ("thinking", "text", "stall", "call of get_weather", "block 2 stops"):
            assert words in named
        await stage.press("left_square_bracket", "left_square_bracket")
        assert marked(stage) == 8
        await stage.press(*["right_square_bracket"] * 4)
        assert marked(stage) == 13, "the event that no version knows"


@both_sizes
async def test_a_click_on_the_strip_goes_there(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        strip = stage.dashboard.strip
        assert strip.size.height == (2 if size[1] >= 30 else 1)
        bars = strips_of(strip)[0].text
        assert "\u2591" in bars, "the stall"
        await stage.click(strip, strip.size.width - 1, 0)
        assert marked(stage) == LAST
        await stage.click(strip, 0, 0)
        assert marked(stage) == 0
        assert "PAST" in stage.lines[0]
        await stage.click(strip, bars.index("\u2591") + 5, 0)
        assert marked(stage) in (5, 6)
        cursor = strip.style("strip--cursor")
        shown = [style for _, style, _ in strips_of(strip)[0]]
        assert any(style and style.color == cursor.color and style.reverse for style in shown)


async def test_keys_that_come_faster_than_frames_are_all_obeyed() -> None:
    async with on_stage(STREAM, size=(80, 24)) as stage:
        await stage.at(10)
        app = stage.app
        for key in ("g", "j", "j", "j", "k", "enter"):
            app.post_message(events.Key(key, None))
        await drawn(app)
        await stage.settle()
        assert app.watchlist.cursor == 3
        assert "Event 2" in stage.text
        assert len(app.screen_stack) == 2
        await stage.press("escape")
        for key in ("G", "k", "k"):
            app.post_message(events.Key(key, None))
        await drawn(app)
        assert marked(stage) == LAST - 2


# --- linked views ---------------------------------------------------------------------------------


@both_sizes
async def test_what_an_event_wrote_is_lit_where_it_can_be_seen(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("M")
        for count, words in ((6, "# Weather"), (7, "sunny today.")):
            stage.app.watchlist.go(count)
            await stage.settle()
            assert words in lit(stage.transcript_pane, "transcript--highlight")
            assert lit(stage.tool_pane, "tool-pane--highlight") == ""
        for count, words in ((11, '{"city": '), (12, '"Paris"}')):
            stage.app.watchlist.go(count)
            await stage.settle()
            assert lit(stage.tool_pane, "tool-pane--highlight").strip() == words.strip()
            assert lit(stage.transcript_pane, "transcript--highlight") == ""


@both_sizes
async def test_what_was_written_far_up_is_led_to(size: tuple[int, int]) -> None:
    pairs = [(f"key {number}", "x" * 40) for number in range(30)]
    first, second = ["{"], ["{"]
    for number, (key, value) in enumerate(pairs):
        first.append(f'{"," if number else ""}"{key}": "{value}"')
        second.append(f'{"," if number else ""}"other {number}": {number}')
    stream: list[JsonObject | bytes] = [pb.message_start(), *pb.text_block(0, "Both.\n\n")]
    stream += [pb.tool_start(1, "one"), pb.tool_start(2, "two")]
    for one, other in zip([*first, "}"], [*second, "}"], strict=True):
        stream += [pb.fragment(1, one), pb.fragment(2, other)]
    stream += [pb.block_stop(1), pb.block_stop(2), *pb.ending("tool_use")]
    async with on_stage(timed(*stream, every_ms=10), size=size) as stage:
        await stage.at(10)
        pane = stage.tool_pane
        assert "other 29" in "\n".join(rows_of(pane))
        for number in (0, 12, 25):
            seq = next(
                seq
                for seq in range(stage.moment.head)
                if f'\\"key {number}\\"' in stage.moment.timeline.raw_event(seq).decode()
            )
            stage.app.watchlist.go(seq + 1)
            await stage.settle()
            shown = lit(pane, "tool-pane--highlight")
            assert f'"key {number}"' in shown
            assert "xxxx" in shown
        await stage.press("escape")
        assert pane.follow
        assert "other 29" in "\n".join(rows_of(pane))


@both_sizes
async def test_what_is_pointed_at_leads_to_its_event(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("M")
        pane = stage.transcript_pane
        y = next(y for y, row in enumerate(rows_of(pane)) if "sunny" in row)
        await stage.click(pane, rows_of(pane)[y].index("sunny") + 2, y)
        await stage.press("enter")
        assert marked(stage) == 6
        assert "today." in lit(pane, "transcript--highlight")
        await stage.press("F")
        tools = stage.tool_pane
        y = next(y for y, row in enumerate(rows_of(tools)) if "city" in row)
        await stage.click(tools, rows_of(tools)[y].index("city"), y)
        await stage.press("o")
        assert marked(stage) == 10


async def test_pointing_beside_the_text_does_no_harm() -> None:
    async with on_stage(STREAM, size=(80, 24)) as stage:
        await stage.at(10)
        await stage.press("t", "M")
        for pane in (stage.transcript_pane, stage.tool_pane):
            pane.focus()
            for y in range(pane.height_in_rows + 2):
                for column in (0, 30, 500):
                    pane.caret = (y, column)
                    await stage.press("enter")
            await stage.press("escape")
        assert stage.app.return_code in (None, 0)
        assert "COMPLETE" in stage.lines[0] or "PAST" in stage.lines[0]


# --- the reader's place ---------------------------------------------------------------------------

LONG = "\n\n".join(
    f"## Part {number}\n\nSome words about **part {number}**, enough of them to fill a row or two."
    for number in range(60)
)
LONG_STREAM = timed(pb.message_start(), *pb.text_block(0, LONG), *pb.ending())


async def reading(stage: Stage, part: int) -> None:
    """Scroll the transcript so that a part of the text is at its top."""
    pane = stage.transcript_pane
    pane.focus()
    await stage.settle()
    row = next(y for y, row in enumerate(all_rows(pane)) if row.endswith(f"Part {part}"))
    pane.scroll_to(y=row, animate=False)
    await stage.settle()


@both_sizes
async def test_the_place_in_the_text_outlasts_the_focus(size: tuple[int, int]) -> None:
    async with on_stage(LONG_STREAM, size=size) as stage:
        await stage.at(10)
        await reading(stage, 20)
        before = rows_of(stage.transcript_pane)
        for key in ("tab", "tab", "shift+tab", "question_mark", "escape"):
            await stage.press(key)
            assert rows_of(stage.transcript_pane) == before
        assert not stage.transcript_pane.follow


@both_sizes
async def test_source_and_markdown_show_the_same_place(size: tuple[int, int]) -> None:
    async with on_stage(LONG_STREAM, size=size) as stage:
        await stage.at(10)
        await reading(stage, 20)
        pane = stage.transcript_pane
        for _ in range(3):
            await stage.press("M")
            top = "\n".join(rows_of(pane)[:4])
            assert "Part 20" in top or "part 20" in top
        assert "## Part" in pane.row(pane.scroll_offset.y, pane.row_width).text


async def test_another_width_shows_the_same_place() -> None:
    async with on_stage(LONG_STREAM, size=(120, 40)) as stage:
        await stage.at(10)
        await reading(stage, 20)
        for width in (60, 100, 44, 120):
            await stage.resize(width, 40)
            top = "\n".join(rows_of(stage.transcript_pane)[:6])
            assert any(f"art {part}" in top for part in (19, 20, 21)), width


async def test_thinking_that_unfolds_above_does_not_move_the_text() -> None:
    thought = "A thought.\n" * 30
    stream = timed(
        pb.message_start(),
        pb.thinking_start(0),
        pb.thinking(0, thought),
        pb.block_stop(0),
        *pb.text_block(1, LONG),
        *pb.ending(),
    )
    async with on_stage(stream, size=(80, 24)) as stage:
        await stage.at(10)
        await reading(stage, 20)
        before = rows_of(stage.transcript_pane)
        await stage.press("t")
        assert rows_of(stage.transcript_pane) == before
        await stage.press("t")
        assert rows_of(stage.transcript_pane) == before
