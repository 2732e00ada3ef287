"""The app: keys, time, several runs, and how a run ends on the screen."""

from __future__ import annotations

import re

import pytest
from textual import events
from textual.widget import Widget

from tests import playbook as pb
from tests.app_harness import (
    LATER_S,
    BytesSource,
    PushedSource,
    Stage,
    drawn,
    on_stage,
    timed,
)
from tests.dashboard.answer import (
    ANSWER,
    WORDS,
    assert_folded,
    panes,
)
from tests.manual_clock import ManualClock
from tui.core.records import Chunk, JsonObject
from tui.scenarios import load
from tui.sources import SourceEnded

# --- what is shown --------------------------------------------------------------------------------


async def test_before_the_first_byte_each_pane_says_what_will_appear() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        assert "The answer appears here" in stage.text
        assert "Tool calls appear here" in stage.text
        assert "Events appear here, a row each" in stage.text
        assert stage.moment.count == 0


async def test_the_header_tells_source_state_model_title_speed_and_time() -> None:
    source = BytesSource(timed(*ANSWER), title="foxes")
    async with on_stage(source) as stage:
        await stage.at(0.45)
        assert re.search(
            r"streamscope +\S DEMO +claude-sonnet-5-5 +foxes +\S 1x +450ms", stage.header
        )
        await stage.at(2)
        assert re.search(r"COMPLETE +claude-sonnet-5-5 +foxes +\S 1x +1\.00s", stage.header)


async def test_the_model_that_was_asked_for_is_shown_until_the_answer_names_its_own() -> None:
    source = BytesSource(timed(*ANSWER), model="claude-requested")
    async with on_stage(source) as stage:
        assert "claude-requested" in stage.header
        await stage.at(0.1)
        assert "claude-requested" not in stage.header
        assert "claude-sonnet-5-5" in stage.header


async def test_all_three_panes_and_the_counters_follow_the_stream() -> None:
    async with on_stage("two-tools") as stage:
        await stage.at(2.0)
        prompt = load("two-tools").prompt
        assert prompt.split()[0] in stage.transcript
        assert "both stations" in stage.transcript
        assert stage.transcript.count("get_rainfall") == 2
        assert '"station": "Kyoto"' in stage.tools
        assert "Bergen" in stage.tools
        assert "resolution" not in stage.tools
        assert "content_block_delta" in stage.log[-1]
        assert '"from": "monday"' in stage.log[-1]
        assert "~" in stage.counters
        assert "last byte 0.1s" in stage.counters
        await stage.at(LATER_S)
        assert "resolution" in stage.tools
        assert "tool_use" in stage.transcript
        assert "message_stop" in stage.log[-1]
        assert "~" not in stage.counters
        assert "out 90" in stage.counters
        assert_folded(stage)


async def test_the_screen_is_only_drawn_by_the_tick() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        before = stage.text
        stage.clock.now_ns = 10**9
        stage.app.watchlist.feeds[0].clock.wake()
        await drawn(stage.app)
        assert stage.moment.count == 10
        assert stage.text == before
        stage.app.tick()
        await drawn(stage.app)
        assert stage.text != before


# --- time -----------------------------------------------------------------------------------------


async def test_space_pauses_and_plays_on_from_there() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.45)
        await stage.press("space")
        assert "PAUSED" in stage.header
        assert "play" in stage.keys
        paused = panes(stage)
        await stage.advance(60)
        assert panes(stage) == paused
        await stage.press("space")
        assert "DEMO" in stage.header
        assert "pause" in stage.keys
        assert stage.moment.count == 4
        await stage.advance(0.1)
        assert stage.moment.count == 5


async def test_a_step_shows_one_event_more_up_to_the_end() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.35)
        for count in range(4, 11):
            await stage.press("full_stop")
            assert stage.moment.count == count
            assert_folded(stage)
        assert "".join(WORDS) in stage.transcript
        await stage.press("full_stop")
        assert stage.moment.count == 10
        await stage.advance(1)
        assert "COMPLETE" in stage.header


async def test_a_read_with_several_events_is_stepped_through_one_by_one() -> None:
    chunk = Chunk(100_000_000, pb.wire(*ANSWER))
    async with on_stage([chunk]) as stage:
        await stage.press("space", "full_stop")
        assert (stage.moment.count, stage.moment.head) == (1, 10)
        assert "9 behind" in stage.header
        await stage.press("full_stop")
        assert stage.moment.count == 2


async def test_a_step_at_the_head_of_a_paused_stream_is_no_travel_into_the_past() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.35)
        await stage.press("full_stop")
        assert "PAUSED" in stage.header
        assert "PAST" not in stage.header


async def test_back_shows_one_event_less_down_to_the_first() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.5)
        for count in (4, 3, 2, 1, 0, 0):
            await stage.press("comma")
            assert stage.moment.count == count
            assert_folded(stage)
        assert "PAST" in stage.header
        assert "5 behind" in stage.header


@pytest.mark.parametrize("name", ["two-tools", "unknown", "max-tokens"])
async def test_the_past_is_drawn_the_same_from_both_sides(name: str) -> None:
    async with on_stage(name) as stage:
        await stage.at(LATER_S)
        head = stage.moment.head
        await stage.press("g")
        forwards = []
        for count in range(1, head):
            assert stage.moment.count == count
            assert_folded(stage)
            forwards.append(panes(stage))
            stage.app.action_play("step")
        for past in reversed(forwards):
            stage.app.action_play("back")
            assert panes(stage) == past


async def test_the_past_does_not_tell_how_it_ends() -> None:
    async with on_stage("overloaded") as stage:
        await stage.at(LATER_S)
        assert "overloaded_error" in stage.transcript
        await stage.press("comma", "comma")
        assert "overloaded_error" not in stage.transcript
        await stage.press("full_stop", "full_stop")
        assert "overloaded_error" in stage.transcript


async def test_a_stream_goes_on_behind_the_cursor() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(0), pb.text(0, "first "))
        await stage.advance(1)
        await stage.press("comma")
        past = stage.transcript
        source.push(pb.text(0, "second "))
        await stage.advance(1)
        assert "2 behind" in stage.header
        assert stage.transcript == past
        assert (stage.moment.count, stage.moment.head) == (2, 4)
        await stage.press("escape")
        assert "first second" in stage.transcript
        assert "LIVE" in stage.header


async def test_a_live_stream_is_paused_on_the_screen_only() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(0), pb.text(0, "first "))
        await stage.advance(1)
        await stage.press("space")
        assert "PAUSED" in stage.header
        source.push(pb.text(0, "second "))
        await stage.advance(1)
        assert "second" not in stage.transcript
        assert "1 behind" in stage.header
        await stage.press("full_stop")
        assert "second" in stage.transcript
        source.push(pb.text(0, "third "))
        await stage.advance(1)
        await stage.press("space")
        assert "third" in stage.transcript
        assert "LIVE" in stage.header


async def test_play_in_the_past_goes_on_at_the_pace_of_the_stream() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(5)
        await stage.press("g", "space")
        assert stage.moment.count == 1
        assert "PAST" in stage.header
        await stage.advance(0.25)
        assert stage.moment.count == 3
        await stage.press("space")
        await stage.advance(5)
        assert stage.moment.count == 3
        await stage.press("space")
        await stage.advance(5)
        assert stage.moment.count == 10
        assert "COMPLETE" in stage.header


async def test_speed_up_and_down_within_limits_and_back_to_normal() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.press("plus")
        assert " 2x " in stage.header
        await stage.press("equals_sign")
        assert " 4x " in stage.header
        for _ in range(10):
            stage.app.action_play("faster")
        await stage.settle()
        assert " 100x " in stage.header
        await stage.press("1")
        assert " 1x " in stage.header
        await stage.press("minus")
        assert " 0.5x " in stage.header
        for _ in range(10):
            stage.app.action_play("slower")
        await stage.settle()
        assert " 0.1x " in stage.header


async def test_the_speed_changes_the_pace_and_not_the_place() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.35)
        await stage.press("plus")
        assert stage.moment.count == 3
        await stage.advance(0.1)
        assert stage.moment.count == 5
        await stage.press("1", "minus")
        await stage.advance(0.1)
        assert stage.moment.count == 6
        # The times in the data are those of the stream, whatever the pace.
        assert list(stage.moment.timeline.times) == [n * 100_000_000 for n in range(1, 7)]


async def test_at_instant_speed_everything_is_there_at_once() -> None:
    async with on_stage("tour", speed=float("inf")) as stage:
        assert "COMPLETE" in stage.header
        assert stage.moment.state.stop_reason == "tool_use"
        assert "TTFT 638ms" in stage.counters


async def test_a_long_gap_of_a_file_is_shortened_for_the_viewer_only() -> None:
    chunks = timed(*ANSWER, every_ms=60_000)
    source = BytesSource(chunks, kind="file")
    async with on_stage(source) as stage:
        await stage.advance(0.1)
        await stage.advance(1)
        assert stage.moment.count == 1
        await stage.advance(1)
        assert stage.moment.count == 2
        assert list(stage.moment.timeline.times) == [100_000_000, 60_100_000_000]


# --- the ends of a stream -------------------------------------------------------------------------


async def test_escape_cancels_and_the_partial_answer_stays() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(0), pb.text(0, "so far"))
        await stage.advance(1)
        await stage.press("escape")
        assert source.closed
        assert "CANCELLED" in stage.header
        assert "so far" in stage.transcript
        assert "Cancelled" in stage.transcript
        await stage.settle()  # The transcript takes the room that no tool call needs.
        cancelled = panes(stage)
        source.push(pb.text(0, " and more"))
        await stage.advance(1)
        await stage.press("escape")
        assert panes(stage) == cancelled


async def test_escape_stops_a_replay_as_well() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.45)
        await stage.press("escape")
        await stage.advance(60)
        assert "CANCELLED" in stage.header
        assert stage.moment.count == 4


async def test_escape_leaves_the_past_first_and_cancels_then() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.45)
        await stage.press("comma")
        await stage.press("escape", "escape")
        assert "DEMO" in stage.header, "the second may have been meant for the past too"
        assert stage.moment.count == 4
        await stage.advance(0.4)
        assert stage.moment.count == 8
        await stage.press("escape")
        assert "CANCELLED" in stage.header


ENDINGS: list[tuple[str, list[JsonObject | bytes], list[str]]] = [
    (
        "an error in the stream",
        [pb.message_start(), pb.text_start(0), pb.text(0, "part"), pb.error()],
        ["ERROR", "part", "overloaded_error", "Overloaded"],
    ),
    (
        "an end without message_stop",
        [pb.message_start(), pb.text_start(0), pb.text(0, "part")],
        ["TRUNCATED", "part", "message_stop"],
    ),
    (
        "an end inside an event",
        [
            pb.message_start(),
            pb.text_start(0),
            pb.text(0, "part"),
            pb.wire(pb.text(0, "lost"))[:-20],
        ],
        ["TRUNCATED", "part", "message_stop"],
    ),
    (
        "a refusal",
        [
            pb.message_start(),
            *pb.text_block(0, "part"),
            {
                "type": "message_delta",
                "delta": {
                    "stop_reason": "refusal",
                    "stop_details": {"type": "refusal", "category": "cyber"},
                },
                "usage": {"output_tokens": 3},
            },
            pb.message_stop(),
        ],
        ["COMPLETE", "part", "refusal", "cyber"],
    ),
    ("a web page", [b"<!doctype html><title>Hi</title>"], ["NOT A STREAM", "Not an event stream"]),
    (
        "an error body",
        [b'{"type":"error","error":{"type":"invalid_request_error","message":"no such model"}}'],
        ["NOT A STREAM", "no such model"],
    ),
    ("bytes of no kind", [b"\x00\x01\x02\xff\xfe" * 40], ["NOT A STREAM"]),
    ("nothing", [], ["EMPTY", "no bytes"]),
    (
        "max_tokens",
        [pb.message_start(), *pb.text_block(0, "part"), *pb.ending("max_tokens")],
        ["COMPLETE", "part", "max_tokens", "cut off"],
    ),
    (
        "a stop reason from the future",
        [pb.message_start(), *pb.text_block(0, "part"), *pb.ending("bored")],
        ["COMPLETE", "part", "bored"],
    ),
]


async def test_each_ending_is_named() -> None:
    sources = [BytesSource(timed(*events), title=name) for name, events, _ in ENDINGS]
    async with on_stage(*sources) as stage:
        await stage.at(LATER_S)
        for name, _, shown in ENDINGS:
            assert name in stage.header
            for words in shown:
                assert words in stage.header + stage.said, name
            assert stage.view.header.failure is None
            await stage.press("right_curly_bracket")


async def test_a_lost_connection_is_named() -> None:
    lost = SourceEnded("reset", "Connection lost", "peer closed", request_id="req_7")
    source = BytesSource(
        timed(pb.message_start(), pb.text_start(0), pb.text(0, "part")), failure=lost
    )
    async with on_stage(source) as stage:
        await stage.at(LATER_S)
        assert "TRUNCATED" in stage.header
        assert "part" in stage.transcript
        assert "Connection lost" in stage.said and "peer closed" in stage.said
        assert "req_7" in stage.transcript


async def test_a_failure_inside_is_shown_in_its_run_and_ends_nothing_else() -> None:
    broken = BytesSource(
        timed(pb.message_start(), pb.text_start(0), pb.text(0, "part")),
        failure=RuntimeError("the floor gave way"),
    )
    sound = BytesSource(timed(*ANSWER, every_ms=1000))
    async with on_stage(broken, sound) as stage:
        await stage.at(0.5)
        await stage.press("left_curly_bracket")
        assert "part" in stage.transcript
        assert "Internal error" in stage.transcript
        assert "RuntimeError: the floor gave way" in stage.said
        assert broken.closed
        await stage.press("right_curly_bracket")
        assert "Internal error" not in stage.transcript
        await stage.at(LATER_S)
        assert "".join(WORDS) in stage.transcript
        assert "COMPLETE" in stage.header
        assert stage.app.is_running


async def test_a_failure_before_the_first_byte_is_shown() -> None:
    async with on_stage(BytesSource([], failure=ValueError("[bad] wiring"))) as stage:
        assert "ValueError: [bad] wiring" in stage.said
        assert stage.app.is_running


async def test_ctrl_c_cancels_first_and_leaves_then() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(0), pb.text(0, "so far"))
        await stage.advance(1)
        await stage.press("ctrl+c")
        assert source.closed
        assert "CANCELLED" in stage.header
        assert "Press ctrl+c again to quit" in stage.text
        assert stage.app.return_value is None
        await stage.press("ctrl+c")
    assert stage.app.return_value == 130


async def test_ctrl_c_after_the_end_leaves_at_once() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(LATER_S)
        await stage.press("ctrl+c")
    assert stage.app.return_value == 130


async def test_ctrl_c_cancels_what_was_started_again() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.press("ctrl+c", "r")
        await stage.press("ctrl+c")
        assert stage.app.return_value is None
        assert "CANCELLED" in stage.header


async def test_ctrl_c_copies_a_selection_instead() -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.75)
        await select(stage, stage.transcript_pane, (4, 0), (9, 0))
        await stage.press("ctrl+c")
        assert stage.app.clipboard == "quick"
        assert "DEMO" in stage.header


async def select(stage: Stage, pane: Widget, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag the mouse from the cell `start` to before the cell `end` of a pane."""
    inner, outer = pane.content_region, pane.region
    left, top = inner.x - outer.x, inner.y - outer.y
    await stage.pilot.mouse_down(pane, offset=(left + start[0], top + start[1]))
    await stage.pilot.hover(pane, offset=(left + end[0], top + end[1]))
    await stage.pilot.mouse_up(pane, offset=(left + end[0], top + end[1]))


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_q_leaves_with_status_0(key: str) -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.at(0.5)
        await stage.press(key)
    assert stage.app.return_value == 0


@pytest.mark.parametrize("over", ["question_mark", "ctrl+p"])
async def test_ctrl_q_leaves_from_whatever_is_open(over: str) -> None:
    async with on_stage(timed(*ANSWER)) as stage:
        await stage.press(over)
        assert len(stage.app.screen_stack) == 2
        await stage.press("ctrl+q")
    assert stage.app.return_value == 0


async def test_quitting_closes_what_is_being_read() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start())
        await stage.advance(1)
        await stage.press("q")
    assert source.closed


@pytest.mark.parametrize("over", ["d", "L", "P", "y", "question_mark", "slash", "f"])
@pytest.mark.parametrize("opened", [True, False])
async def test_escapes_that_come_together_cancel_nothing(over: str, opened: bool) -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(0), pb.text(0, "so far"))
        await stage.advance(1)
        if opened:
            await stage.press(over)
        # A busy machine has read them all before it opens, or closes, the first thing.
        for key in ("escape", "escape") if opened else (over, "escape", "escape"):
            stage.app.post_message(events.Key(key, None))
        await stage.settle()
        assert not stage.app.watchlist.feeds[0].done
