"""Runs side by side: which, at what time, and what the reader does there."""

from __future__ import annotations

import asyncio

import pytest
from textual.content import Content

from tests import playbook as pb
from tests.app_harness import (
    LATER_S,
    BytesSource,
    Playable,
    PushedSource,
    Stage,
    all_rows,
    on_stage,
    rows_of,
    timed,
)
from tests.dashboard.answer import ANSWER
from tests.dashboard.test_loads import Large
from tests.manual_clock import ManualClock
from tui.widgets.event_log import EventLog
from tui.widgets.lanes import Lane, LaneTranscript

LONG = [pb.message_start(), *pb.text_block(0, *(f"line {n}\n\n" for n in range(60))), *pb.ending()]


def answer(model: str, *words: str) -> list[dict[str, object]]:
    return [pb.message_start(model=model), *pb.text_block(0, *words), *pb.ending()]


QUICK = timed(*answer("model-quick", "quick ", "brown ", "fox"), every_ms=100)
SLOW = timed(*answer("model-slow", "lazy ", "old ", "dog"), every_ms=300)


def lanes(stage: Stage) -> list[Lane]:
    assert stage.dashboard.lanes is not None and stage.dashboard.beside
    return stage.dashboard.lanes.shown


def names(stage: Stage) -> list[str]:
    return [Content.from_markup(str(lane.border_title)).plain for lane in lanes(stage)]


def heads(stage: Stage) -> list[str]:
    """The state and the time of each."""
    return [" ".join(rows_of(lane.head)[0].split()) for lane in lanes(stage)]


def said(stage: Stage) -> list[str]:
    """What stands in each transcript."""
    texts = [" ".join(all_rows(lane.transcript)) for lane in lanes(stage)]
    return [" ".join(text.replace("\u258c", "").split()) for text in texts]


def numbers(stage: Stage) -> list[str]:
    return [rows_of(lane.numbers)[0].strip() for lane in lanes(stage)]


def focused(stage: Stage) -> int:
    """Which of them has the focus; it is that of the run that is shown."""
    (place,) = [n for n, lane in enumerate(lanes(stage)) if lane.transcript.has_focus]
    assert stage.dashboard.side is not None and stage.dashboard.side.focused == place
    return place


async def put_beside(stage: Stage) -> None:
    await stage.press("V")
    await stage.settle()


# --- which ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "count"), [((80, 24), 2), ((120, 40), 2), ((200, 50), 3)])
async def test_as_many_as_fit_stand_side_by_side(size: tuple[int, int], count: int) -> None:
    sources = [timed(*answer(f"model-{n}", f"word {n}"), every_ms=n * 100) for n in range(1, 5)]
    took = ["600ms", "1.10s", "1.60s", "2.10s"]
    async with on_stage(*sources, size=size) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        assert names(stage) == [f"model-{n}" for n in range(1, count + 1)]
        assert f"runs 1\u2013{count} of 4" in stage.header
        places = {(lane.region.y, lane.region.height, lane.region.width) for lane in lanes(stage)}
        assert len({place[:2] for place in places}) == 1  # The same height.
        for _ in range(3):
            await stage.press("right")
        assert names(stage)[-1] == "model-4" and len(names(stage)) == count
        assert focused(stage) == count - 1 and "word 4" in said(stage)[-1]
        assert [head.split()[-1] for head in heads(stage)] == took[-count:]
        await stage.press("right")  # There is no further one.
        assert focused(stage) == count - 1
        for _ in range(3):
            await stage.press("left")
        assert names(stage)[0] == "model-1" and focused(stage) == 0
        assert [head.split()[-1] for head in heads(stage)] == took[:count]


async def test_in_a_narrow_terminal_they_stand_on_top_of_each_other() -> None:
    async with on_stage(QUICK, SLOW, size=(60, 20)) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        first, second = lanes(stage)
        assert first.region.x == second.region.x and second.region.y == first.region.bottom
        assert "fox" in said(stage)[0] and "dog" in said(stage)[1]
        await stage.resize(38, 8)
        assert "too small" in stage.text and "model-quick" not in stage.text


async def test_one_run_has_nothing_beside_it() -> None:
    async with on_stage(QUICK) as stage:
        await stage.at(1)
        await stage.press("V")
        assert not stage.dashboard.beside and "takes two runs" in stage.text


async def test_runs_of_one_model_go_by_their_titles() -> None:
    sources = [BytesSource(timed(*ANSWER), title=f"prompt {n} [b]") for n in (1, 2)]
    async with on_stage(*sources) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        assert names(stage) == ["prompt 1 [b]", "prompt 2 [b]"]


async def test_runs_of_one_model_and_one_title_go_by_their_numbers() -> None:
    async with on_stage(timed(*ANSWER), timed(*ANSWER), timed(*ANSWER)) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        await stage.press("right", "right")
        assert [name.split()[0] for name in names(stage)] == ["2", "3"]
        assert heads(stage) == ["\u2713 COMPLETE 1.00s"] * 2


async def test_what_all_are_called_stands_above_them() -> None:
    sources: list[Playable] = [
        BytesSource(timed(*answer(model, "x")), title="the question") for model in ("one", "two")
    ]
    async with on_stage(*sources) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        assert names(stage) == ["one", "two"]
        assert "2 runs side by side   the question" in stage.header


async def test_recordings_that_are_looked_at_are_loaded_before_others() -> None:
    begun: list[int] = []
    sources = [Large(begun, number) for number in range(6)]
    async with on_stage(*sources) as stage:
        await stage.until(lambda: begun == [0])
        stage.app.watchlist.show(stage.app.watchlist.all[3].feed.runs[0])
        await put_beside(stage)
        await stage.until(lambda: begun == [0, 3, 2])
        for source in sources:
            source.open = True
        await stage.until(lambda: all(feed.done for feed in stage.app.watchlist.feeds))


# --- there and back -------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["escape", "V"])
async def test_they_are_left_for_the_panes(key: str) -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(0.5)
        await put_beside(stage)
        assert "Events" not in stage.text and isinstance(stage.app.focused, LaneTranscript)
        assert stage.keys.startswith(" enter open  esc close")
        await stage.press(key)
        assert not stage.dashboard.beside and isinstance(stage.app.focused, EventLog)
        assert "Events" in stage.text and "model-quick" in stage.header
        assert not stage.app.watchlist.feeds[0].done  # Nothing was cancelled.
        await put_beside(stage)
        assert names(stage) == ["model-quick", "model-slow"]


@pytest.mark.parametrize("move", ["tab", "right", "right_curly_bracket", "click"])
async def test_the_run_that_the_reader_is_at_is_opened(move: str) -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        assert focused(stage) == 0
        if move == "click":
            await stage.click(lanes(stage)[1].transcript, 3, 3)
        else:
            await stage.press(move)
        assert focused(stage) == 1 and stage.app.watchlist.position == (2, 2)
        await stage.press("enter")
        assert not stage.dashboard.beside and "model-slow" in stage.header


@pytest.mark.parametrize("what", ["head", "numbers"])
async def test_a_click_beside_what_it_says_opens_a_run(what: str) -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        await stage.click(getattr(lanes(stage)[1], what), 2, 0)
        assert not stage.dashboard.beside and "model-slow" in stage.header


async def test_the_list_of_runs_takes_their_place() -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        await stage.press("R")
        assert not stage.dashboard.beside
        assert stage.app.focused is stage.dashboard.runs
        await stage.press("down", "V")
        await stage.settle()
        assert focused(stage) == 1


async def test_other_screens_open_over_them() -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        await stage.press("question_mark")
        assert "Run to the left, right" in stage.text
        await stage.press("escape", "z")
        assert stage.dashboard.beside and focused(stage) == 0
        await stage.press("slash")
        await stage.type("brown")
        await stage.press("enter")
        await stage.settle()
        # The search is in the run that is shown; all are shown as of its hit.
        assert said(stage)[0].endswith("quick brown") and focused(stage) == 0
        assert heads(stage) == ["\u2016 PAUSED 400ms", "\u2016 PAUSED 400ms"]


async def test_other_colours_are_theirs_too() -> None:
    async with on_stage("markdown", "plain", theme="textual-dark") as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        pane = lanes(stage)[0].transcript
        before = [pane.row(y, pane.row_width) for y in range(pane.height_in_rows)]
        stage.app.theme = "textual-light"
        await stage.settle()
        after = [pane.row(y, pane.row_width) for y in range(pane.height_in_rows)]
        assert [one.text for one in before] == [one.text for one in after] and before != after


# --- the time -------------------------------------------------------------------------------------


async def test_what_streams_is_measured_while_it_does() -> None:
    clock = ManualClock()
    one, other = PushedSource(clock), PushedSource(clock)
    async with on_stage(one, other, clock=clock) as stage:
        await put_beside(stage)
        assert heads(stage) == ["\u2026 WAITING 0ms"] * 2
        await stage.advance(0.4)
        one.push(*answer("model-one", "a" * 40)[:3])
        await stage.settle()
        await stage.advance(0.6)
        one.push(pb.text(0, "b" * 40))
        other.push(pb.message_start(model="model-other"), pb.text_start(0))
        await stage.settle()
        assert heads(stage) == ["\u25cf LIVE 1.00s"] * 2
        assert numbers(stage)[0].startswith("TTFT 400ms  ~33 tok/s")
        assert "out ~20" in numbers(stage)[0] and "TTFT \u2013" in numbers(stage)[1]
        await stage.advance(5)
        assert heads(stage)[0] == "\u25cf STALLED 5.00s 6.00s"
        # Standing still, they go on behind what is shown.
        await stage.press("space")
        other.push(pb.text(0, "later"))
        await stage.advance(1)
        assert "later" not in said(stage)[1] and "PAST" in stage.header
        assert [len(feed.runs[0].timeline) for feed in stage.app.watchlist.feeds] == [4, 3]
        await stage.press("end")
        assert "later" in said(stage)[1] and "PAST" not in stage.header
        one.push(pb.block_stop(0), *pb.ending())
        one.end()
        other.end()
        await stage.advance(0)
        assert heads(stage) == ["\u2713 COMPLETE 7.00s", "\u25d0 TRUNCATED 7.00s"]


async def test_who_was_ahead_is_seen_again() -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        assert heads(stage) == ["\u2713 COMPLETE 800ms", "\u2713 COMPLETE 2.20s"]
        assert "space replay" in stage.keys
        await stage.press("space")
        await stage.advance(0.6)
        assert "\u25b6 REPLAY" in stage.header and "space pause" in stage.keys
        assert said(stage)[0].endswith("fox") and "lazy" not in said(stage)[1]
        await stage.advance(0.6)
        assert heads(stage) == ["\u2713 COMPLETE 800ms", "\u25b6 REPLAY 1.20s"]
        assert said(stage)[1].endswith("lazy old")
        await stage.press("space")
        assert "\u25c0 PAST" in stage.header and "space play" in stage.keys
        await stage.press("comma")
        assert said(stage)[1].endswith("lazy")
        await stage.press("full_stop", "full_stop")
        assert said(stage)[1].endswith("lazy old dog")
        await stage.press("space")
        await stage.advance(9)
        assert heads(stage) == ["\u2713 COMPLETE 800ms", "\u2713 COMPLETE 2.20s"]
        assert "REPLAY" not in stage.header


async def test_the_past_goes_with_the_reader() -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(LATER_S)
        await stage.press("g", *["full_stop"] * 3)  # The first words are there, after 400 ms.
        await put_beside(stage)
        assert said(stage)[0].endswith("quick brown") and "lazy" not in said(stage)[1]
        await stage.press("right")
        assert said(stage)[0].endswith("quick brown")
        await stage.press("left", "enter")
        assert stage.moment.travelling and stage.moment.count == 4
        await put_beside(stage)
        await stage.press("right", "enter")
        assert stage.moment.travelling and stage.moment.count == 2
        await stage.press("V", "F")
        await stage.settle()
        await stage.press("enter")
        assert not stage.moment.travelling


async def test_what_is_played_stops_for_all_and_goes_on_for_all() -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(0.5)
        await put_beside(stage)
        await stage.press("space")
        assert "\u2016 PAUSED" in stage.header and "PAST" not in stage.header
        await stage.advance(9)
        assert "500ms" in stage.header
        assert not any(feed.done for feed in stage.app.watchlist.feeds)
        await stage.press("escape")  # The one that is left for the panes stays as it is.
        assert [feed.clock.paused for feed in stage.app.watchlist.feeds] == [True, False]
        assert "PAUSED" in stage.header
        await stage.press("space")
        await stage.advance(9)
        assert all(feed.done for feed in stage.app.watchlist.feeds)


async def test_a_click_on_the_strip_shows_all_as_of_then() -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        strip = lanes(stage)[1].strip
        quick = rows_of(lanes(stage)[0].strip)[0]
        # On the common axis of time the quick one takes a third of the room.
        assert 0.3 < len(quick) / strip.size.width < 0.45
        await stage.click(strip, strip.size.width * 2 // 5, 0)
        await stage.settle()
        assert focused(stage) == 1 and stage.app.watchlist.cursor is not None
        assert said(stage)[1].endswith("lazy") and said(stage)[0].count("fox") == 1
        assert heads(stage) == ["\u2016 PAUSED 700ms"] * 2


# --- together -------------------------------------------------------------------------------------


async def test_they_are_scrolled_together() -> None:
    async with on_stage(timed(*LONG, every_ms=1), timed(*LONG[:40], *LONG[-3:])) as stage:
        await stage.at(LATER_S)
        await put_beside(stage)
        one, other = (lane.transcript for lane in lanes(stage))
        ends = one.scroll_offset.y, other.scroll_offset.y
        assert ends == (one.max_scroll_y, other.max_scroll_y) and ends[0] != ends[1]
        await stage.wheel(other, -2)
        gone = ends[1] - other.scroll_offset.y
        assert gone > 0 and one.scroll_offset.y == ends[0] - gone
        assert not one.follow and not other.follow
        await stage.press("home")
        assert other.scroll_offset.y == 0
        await stage.press("end")
        assert (one.scroll_offset.y, other.scroll_offset.y) == ends
        await stage.press("pageup")
        assert one.scroll_offset.y - ends[0] == other.scroll_offset.y - ends[1] < 0
        await stage.press("t", "M")
        assert one.source and other.source and one.unfolded and other.unfolded


async def test_what_does_not_change_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_stage(QUICK, SLOW) as stage:
        await stage.at(1)  # One is over.
        await put_beside(stage)
        drawn: list[LaneTranscript] = []
        monkeypatch.setattr(LaneTranscript, "refresh", lambda self, **_: drawn.append(self))
        for _ in range(12):
            stage.app.tick()
        assert drawn == []
        done, going = stage.app.side.view(numbers=True).lanes
        assert done.numbers is None and going.numbers is None
        monkeypatch.undo()
        await stage.advance(0.3)
        assert said(stage)[1].endswith("lazy old dog")


async def test_a_stream_that_is_looped_is_shown_in_its_place() -> None:
    async with on_stage(QUICK, SLOW, loop=True) as stage:
        await stage.at(1)
        await put_beside(stage)
        await stage.advance(5)
        await asyncio.sleep(0)
        await stage.settle()
        assert len(names(stage)) == 2
