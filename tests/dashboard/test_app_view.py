"""The app: several runs, and what the reader does with the panes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import playbook as pb
from tests.app_harness import (
    LATER_S,
    BytesSource,
    on_stage,
    rows_of,
    timed,
)
from tests.dashboard.answer import (
    ANSWER,
    WORDS,
    assert_folded,
)
from tui.dashboard.commands import KEYS
from tui.screens.help import Help
from tui.sources.replay import FileSource

# --- several runs ---------------------------------------------------------------------------------


def replies(*words: str) -> Iterator[BytesSource]:
    for word in words:
        events = [pb.message_start(), *pb.text_block(0, word), *pb.ending()]
        yield BytesSource(timed(*events), title=f"file {word}")


async def test_braces_go_from_run_to_run() -> None:
    async with on_stage(*replies("alpha", "beta", "gamma")) as stage:
        await stage.at(LATER_S)
        seen = {}
        for _ in range(3):
            place = re.search(r"run (\d)/3", stage.header)
            assert place is not None
            title = re.search(r"file (\w+)", stage.header)
            assert title is not None
            assert title[1] in stage.transcript
            seen[int(place[1])] = title[1]
            await stage.press("right_curly_bracket")
        assert seen == {1: "alpha", 2: "beta", 3: "gamma"}
        assert "run 3/3" in stage.header
        await stage.press("left_curly_bracket", "left_curly_bracket", "left_curly_bracket")
        assert "run 1/3" in stage.header
        assert "gamma" not in stage.transcript + "".join(stage.log)


async def test_another_run_is_shown_at_its_own_live_end() -> None:
    async with on_stage(*replies("alpha", "beta")) as stage:
        await stage.at(LATER_S)
        await stage.press("comma", "comma", "right_curly_bracket")
        assert stage.moment.count == stage.moment.head
        assert "FOLLOW" in stage.text
        assert "message_stop" in stage.log[-1] or "message_stop" in "".join(stage.log)


async def test_two_messages_in_one_body_are_two_runs() -> None:
    one = [pb.message_start(), *pb.text_block(0, "alpha"), *pb.ending()]
    two = [pb.message_start(), *pb.text_block(0, "beta"), *pb.ending()]
    async with on_stage(timed(*one, *two)) as stage:
        await stage.at(LATER_S)
        assert "run 2/2" in stage.header
        assert "beta" in stage.transcript
        assert "alpha" not in stage.transcript
        await stage.press("left_curly_bracket")
        assert "alpha" in stage.transcript
        assert "COMPLETE" in stage.header


async def test_again_plays_from_the_beginning_as_a_new_run() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(LATER_S)
        await stage.press("r")
        assert "run 2/2" in stage.header
        assert stage.moment.count == 0
        await stage.advance(0.35)
        assert stage.moment.count == 3
        await stage.press("left_curly_bracket")
        assert "COMPLETE" in stage.header
        await stage.press("r")
        assert "run 3/3" in stage.header


async def test_again_makes_a_new_source() -> None:
    made: list[BytesSource] = []

    def factory() -> BytesSource:
        made.append(BytesSource(timed(*ANSWER)))
        return made[-1]

    async with on_stage(factory) as stage:
        await stage.press("r")
        assert len(made) == 2


async def test_a_source_that_cannot_be_made_again_ends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gone.sse"
    path.write_bytes(pb.wire(*ANSWER))
    async with on_stage(partial(FileSource, path)) as stage:
        await stage.at(0.5)
        path.unlink()
        await stage.press("r")
        assert "Cannot start" in stage.text
        assert "No such file" in stage.text
        assert len(stage.app.watchlist.feeds) == 1
        await stage.at(LATER_S)
        assert stage.app.is_running


async def test_a_file_says_that_its_timing_is_made_up(tmp_path: Path) -> None:
    path = tmp_path / "some.sse"
    path.write_bytes(pb.wire(*ANSWER))
    async with on_stage(partial(FileSource, path)) as stage:
        await stage.at(0.5)
        assert "REPLAY" in stage.header
        await stage.at(LATER_S)
        assert "synthetic timing" in stage.header
        assert "some.sse" in stage.header
        assert "".join(WORDS) in stage.transcript
        assert re.search(r"TTFT \u2013 .*\u2013 tok/s", stage.counters)
        assert "gap" not in stage.counters
        assert "in 25" in stage.counters


# --- the view -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["F", "end"])
@pytest.mark.parametrize("pane", ["events", "transcript", "tools"])
async def test_f_and_end_return_to_the_live_end_from_every_pane(key: str, pane: str) -> None:
    async with on_stage("tour", size=(80, 24)) as stage:
        await stage.at(12)
        await stage.press("g")
        stage.dashboard.query_one(f"#{pane}").focus()
        await stage.press(key)
        assert stage.app.watchlist.cursor is None
        assert "DEMO" in stage.header
        for view in (stage.log_pane, stage.transcript_pane, stage.tool_pane):
            assert view.follow
            assert view.scroll_offset.y == view.max_scroll_y


async def test_tab_goes_round_the_panes() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        focused = []
        for _ in range(4):
            pane = stage.app.focused
            assert pane is not None
            focused.append(pane.id)
            await stage.press("tab")
        assert set(focused) == {"transcript", "tools", "events"}
        assert focused[3] == focused[0]


@pytest.mark.parametrize("pane", ["transcript", "tools", "events"])
async def test_z_gives_the_focused_pane_the_screen_and_takes_it_back(pane: str) -> None:
    async with on_stage("two-tools", size=(80, 24)) as stage:
        await stage.at(2)
        before = stage.text
        widget = stage.dashboard.query_one(f"#{pane}")
        widget.focus()
        await stage.press("z")
        assert widget.size.width >= 70
        assert widget.size.height >= 17
        others = [p for p in ("transcript", "tools", "events") if p != pane]
        assert not any(stage.dashboard.query_one(f"#{other}").region for other in others)
        await stage.press("z", "z")
        stage.log_pane.focus()
        await stage.settle()
        assert stage.text == before


async def test_b_marks_fragments() -> None:
    async with on_stage("two-tools") as stage:
        await stage.at(2)
        plain = stage.tools
        await stage.press("b")
        assert stage.tool_pane.boundaries
        assert "boundaries on" in stage.text
        assert stage.tools == plain
        await stage.press("b")
        assert not stage.tool_pane.boundaries


async def test_t_unfolds_the_thinking() -> None:
    events = [
        pb.message_start(),
        pb.thinking_start(0),
        pb.thinking(0, "hm, foxes"),
        pb.block_stop(0),
        *pb.ending(),
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert "9 chars" in stage.transcript
        assert "hm, foxes" not in stage.transcript
        await stage.press("t")
        assert "hm, foxes" in stage.transcript
        await stage.press("t")
        assert "hm, foxes" not in stage.transcript


async def test_m_shows_the_source_of_the_markdown() -> None:
    events = [pb.message_start(), *pb.text_block(0, "some **bold** words"), *pb.ending()]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert "some bold words" in stage.transcript
        await stage.press("M")
        assert "some **bold** words" in stage.transcript
        await stage.press("M")
        assert "some bold words" in stage.transcript


@pytest.mark.parametrize("closing", ["escape", "q", "question_mark"])
async def test_help_opens_over_the_stream_and_closes(closing: str) -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.35)
        await stage.press("question_mark")
        assert isinstance(stage.app.screen, Help)
        assert "One event back" in stage.text
        await stage.at(0.55)
        assert stage.moment.count == 5
        await stage.press(closing)
        assert not isinstance(stage.app.screen, Help)
        assert stage.app.return_value is None
        assert "DEMO" in stage.header


async def test_the_help_shows_all_keys_at_once_where_there_is_room() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.press("question_mark")
        box = stage.app.screen.query_one("#help")
        assert box.max_scroll_y == box.max_scroll_x == 0
        for key in KEYS:
            assert f"{key.shown:<11}{key.what}" in stage.text, key.id
        await stage.press("escape", "tab", "question_mark")
        assert stage.text.index("Transcript", stage.text.index("Keys")) < stage.text.index("Moving")
        await stage.resize(80, 24)
        assert "One event further" in stage.text and "Why" in stage.text


async def test_ctrl_c_cancels_behind_the_help_too() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.press("question_mark", "ctrl+c")
        assert stage.app.watchlist.feeds[0].done


async def test_the_key_bar_can_be_clicked() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        bar = stage.dashboard.keys
        (row,) = rows_of(bar)
        await stage.click(bar, row.index("pause"), 0)
        assert stage.app.watchlist.paused
        await stage.click(bar, row.index("help"), 0)
        assert isinstance(stage.app.screen, Help)


async def test_keys_before_the_first_event_do_no_harm() -> None:
    async with on_stage([]) as stage:
        await stage.press("space", "full_stop", "comma", "plus", "minus", "1", "F", "end", "g", "G")
        await stage.press("j", "k", "z", "b", "t", "M", "left_curly_bracket", "right_curly_bracket")
        await stage.press("pageup", "pagedown", "home", "tab", "escape")
        assert stage.app.is_running


async def test_an_app_without_a_source_stands_and_leaves() -> None:
    async with on_stage() as stage:
        await stage.press("space", "full_stop", "comma", "r", "escape", "F", "left_curly_bracket")
        assert stage.app.watchlist.shown is None
        await stage.press("q")
    assert stage.app.return_value == 0


async def test_a_theme_can_be_changed_while_streaming() -> None:
    async with on_stage("tour") as stage:
        await stage.at(9)
        before = stage.text
        for theme in ("textual-light", "nord", "textual-ansi", "ansi_light", "dracula"):
            if theme in stage.app.available_themes:
                stage.app.theme = theme
                await stage.settle()
                assert stage.text == before


async def test_interleaved_and_odd_streams_play_to_their_end() -> None:
    events = [
        pb.message_start(),
        pb.tool_start(0, "a"),
        pb.block_start(1, "hologram", beams=3),
        pb.fragment(0, '{"x":'),
        pb.ping(),
        pb.delta(1, "beam_delta", beam="green"),
        pb.fragment(0, "1}"),
        pb.block_stop(1),
        {"type": "content_block_pause", "index": 0},
        pb.block_stop(0),
        pb.text(9, "for a block that never began"),
        *pb.tool_block(12),
        pb.message_delta("tool_use"),
        pb.message_stop(),
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert "COMPLETE" in stage.header
        assert "hologram" in stage.transcript
        assert "for a block that never began" in stage.transcript
        assert "content_block_pause" in stage.text
        assert_folded(stage)
