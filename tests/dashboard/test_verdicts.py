"""The verdict on the screen, and the way from a finding to its evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import pytest

from tests import playbook as pb
from tests.app_harness import LATER_S, BytesSource, PushedSource, on_stage, rows_of, timed
from tests.limits import HANG_S
from tests.manual_clock import ManualClock
from tui.core.records import Chunk, JsonObject
from tui.dashboard.sessions import WatchedSessions
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watched, Watchlist
from tui.run import Feed
from tui.screens.cache import CacheView
from tui.screens.why import Why
from tui.widgets.lines_view import LinesView

SIZES = [(80, 24), (120, 40)]
CUT = [
    pb.message_start(),
    *pb.tool_block(0, '{"a": ', '"b'),
    *pb.ending("max_tokens"),
]


@pytest.mark.parametrize("size", SIZES)
async def test_the_verdict_is_in_sight_when_a_run_has_ended(size: tuple[int, int]) -> None:
    async with on_stage(timed(*CUT), size=size) as stage:
        await stage.at(0.4)
        assert not stage.dashboard.verdict.display
        await stage.at(LATER_S)
        (line,) = rows_of(stage.dashboard.verdict)
        assert line.startswith(" \u2717 The input of get_weather (block 0) is not JSON")
        assert "1 more" in line and line.endswith("d why")
        # The past does not tell how it ends.
        await stage.press("comma")
        assert rows_of(stage.dashboard.verdict)[0].strip() == "d why"
        await stage.press("escape")
        assert rows_of(stage.dashboard.verdict) == [line]


@pytest.mark.parametrize("size", SIZES)
async def test_why_leads_to_the_fragment_that_broke_it(size: tuple[int, int]) -> None:
    async with on_stage(timed(*CUT), size=size) as stage:
        await stage.at(LATER_S)
        await stage.press("d")
        assert isinstance(stage.app.screen, Why)
        assert "invalid_tool_json  event 3" in stage.text and "max_tokens" in stage.text
        assert "n p next, previous" in stage.text
        await stage.press("y")
        assert stage.app.clipboard.startswith("The input of get_weather (block 0) is not JSON")
        await stage.press("enter")
        assert stage.moment.count == 4
        assert "\u25b2" in "".join(stage.log)
        await stage.press("d", "n", "enter")
        assert stage.moment.count == 6


async def test_markers_stop_at_the_evidence() -> None:
    async with on_stage(timed(*CUT)) as stage:
        await stage.at(LATER_S)
        await stage.press("g")
        await stage.press("right_square_bracket", "right_square_bracket")
        assert stage.moment.count == 4
        assert "invalid tool json" in stage.text


async def test_a_healthy_run_is_told_quietly() -> None:
    async with on_stage(timed(pb.message_start(), *pb.text_block(0, "hi"), *pb.ending())) as stage:
        await stage.at(LATER_S)
        (line,) = rows_of(stage.dashboard.verdict)
        assert line.startswith(" \u2713 Complete: 15 tokens")
        assert "more" not in line
        await stage.press("d")
        assert "healthy" in stage.text
        await stage.press("escape")
        assert stage.app.screen is stage.dashboard


async def test_a_stall_is_told_while_it_lasts() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(), pb.text(0, "so"))
        await stage.settle()
        assert not stage.dashboard.verdict.display
        await stage.advance(3.5)
        (line,) = rows_of(stage.dashboard.verdict)
        assert "Nothing has come for 3.5 s inside a text block" in line
        await stage.press("d")
        assert "stall" in stage.text
        await stage.press("escape")
        source.push(pb.text(0, " on"))
        await stage.settle()
        assert not stage.dashboard.verdict.display


async def test_runs_are_judged_among_their_neighbours() -> None:
    """A request that goes on without a tool's result is told at the run whose call it was."""
    asked: JsonObject = {"model": "m", "messages": [{"role": "user", "content": "Weather?"}]}
    answer = [pb.message_start(), *pb.tool_block(0, '{"a": 1}'), *pb.ending("tool_use")]
    call = {"type": "tool_use", "id": "toolu_0", "name": "get_weather", "input": {"a": 1}}
    following: JsonObject = {
        "model": "m",
        "messages": [
            *asked["messages"],
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": "And?"},
        ],
    }
    first = BytesSource(timed(*answer), request=asked)
    second = BytesSource(timed(pb.message_start(), *pb.ending()), request=following)
    async with on_stage(first, second) as stage:
        await stage.at(LATER_S)
        shown = stage.app.watchlist.shown
        assert shown is not None and shown.feed.source is first
        await stage.until(lambda: "unanswered" in str(stage.app.verdicts.of(*shown)))
        await stage.press("d")
        assert "unanswered_tool_use" in stage.text


ASKED: Final = {"role": "user", "content": "Weather?"}
CALL: Final = {"type": "tool_use", "id": "toolu_0", "name": "get_weather", "input": {"a": 1}}


def over(turns: list[JsonObject], stop: str = "end_turn") -> Watched:
    """A request that was answered, with a call where that is what it stopped for."""
    feed = Feed(BytesSource([], kind="file", request={"model": "m", "messages": turns}))
    said = pb.tool_block(0, '{"a": 1}') if stop == "tool_use" else pb.text_block(0, "Hi.")
    feed.session.feed(1, pb.wire(pb.message_start(), *said, *pb.ending(stop)))
    feed.session.finish(2)
    return Watched(feed)


class Working:
    """Runs what is judged; there is no screen."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[object]] = []

    def work(self, work: Coroutine[Any, Any, object], *, name: str) -> asyncio.Task[object]:
        self.tasks.append(asyncio.create_task(work, name=name))
        return self.tasks[-1]

    def redraw(self) -> None: ...

    async def done(self) -> None:
        async with asyncio.timeout(HANG_S):
            await asyncio.gather(*self.tasks)


@pytest.mark.parametrize("waterfall_first", [True, False])
async def test_what_the_waterfall_found_stands_where_it_knows_more(waterfall_first: bool) -> None:
    """A call that is left unanswered by a request further away than a list looks."""
    others = [over([{"role": "user", "content": f"Another matter, {n}"}]) for n in range(20)]
    following: list[JsonObject] = [ASKED, {"role": "assistant", "content": [CALL]}]
    first = over([ASKED], "tool_use")
    last = over([*following, {"role": "user", "content": "And?"}])
    watchlist, ui = Watchlist(), Working()
    for one in (first, *others, last):
        watchlist.add(one, show=one is first)
    verdicts = Verdicts(cast(UI, ui), watchlist)
    known = WatchedSessions(cast(UI, ui), watchlist, verdicts)
    run = first.feed.session.run

    async def look_at_the_waterfall() -> None:
        known.show(run)
        known.judge([run])
        await ui.done()

    async def look_at_the_list() -> None:
        verdicts.judge(listed=False)
        await ui.done()

    looks = [look_at_the_waterfall, look_at_the_list]
    for look in looks if waterfall_first else reversed(looks):
        await look()
    assert len(ui.tasks) == 2
    assert "unanswered_tool_use" in str(verdicts.of(first, run))
    assert "unanswered_tool_use" in str(verdicts.for_export(first, run))


async def test_a_neighbour_that_comes_after_the_waterfall_is_taken_up() -> None:
    following: list[JsonObject] = [ASKED, {"role": "assistant", "content": [CALL]}]
    first, other = over([ASKED], "tool_use"), over([{"role": "user", "content": "Else"}])
    watchlist, ui = Watchlist(), Working()
    watchlist.add(first)
    watchlist.add(other, show=False)
    verdicts = Verdicts(cast(UI, ui), watchlist)
    known = WatchedSessions(cast(UI, ui), watchlist, verdicts)
    run = first.feed.session.run
    known.show(run)
    known.judge([run])
    await ui.done()
    assert "unanswered_tool_use" not in str(verdicts.of(first, run))
    watchlist.add(over([*following, {"role": "user", "content": "And?"}]), show=False)
    verdicts.judge(listed=False)
    await ui.done()
    assert "unanswered_tool_use" in str(verdicts.of(first, run))


async def test_recordings_that_are_being_read_are_judged_once_for_all_their_neighbours() -> None:
    source = BytesSource([], kind="file")
    source.info = replace(source.info, size=100, paced=False)
    read, reading = over([ASKED], "tool_use"), Watched(Feed(source))
    following: list[JsonObject] = [ASKED, {"role": "assistant", "content": [CALL]}]
    last = over([*following, {"role": "user", "content": "And?"}])
    watchlist, ui = Watchlist(), Working()
    for one in (read, reading, last):
        watchlist.add(one, show=one is read)
    verdicts = Verdicts(cast(UI, ui), watchlist)
    run = read.feed.session.run
    verdicts.judge(listed=True)
    assert not ui.tasks and "unanswered_tool_use" not in str(verdicts.of(read, run))
    reading.feed.session.finish(1)
    for _ in range(3):
        verdicts.judge(listed=True)
        await ui.done()
    assert len(ui.tasks) == 1
    assert "unanswered_tool_use" in str(verdicts.of(read, run))


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_tells_the_verdict_of_every_run_and_is_filtered(
    size: tuple[int, int],
) -> None:
    well = [pb.message_start(), *pb.text_block(0, "hi"), *pb.ending()]
    sources = [BytesSource(timed(*one)) for one in (well, CUT, CUT[:4])]
    async with on_stage(*sources, size=size) as stage:
        await stage.at(LATER_S)
        runs = stage.dashboard.runs
        if runs is None or not runs.display:
            await stage.press("R")
        runs = stage.dashboard.runs
        assert runs is not None
        await stage.until(lambda: "cut_off" in "".join(rows_of(runs)))
        assert "\u2713 healthy" in rows_of(runs)[1]
        assert "\u2717 invalid_tool" in rows_of(runs)[2]
        if not runs.has_focus:
            await stage.press("R")
        await stage.press("f")
        await stage.type("cut_off")
        assert "1 of 3" in str(runs.border_title)
        assert rows_of(runs)[1].split()[:2] == ["3", "\u25d0"]
        await stage.press("enter")
        assert runs.has_focus
        await stage.press("f", "escape", "backspace")
        assert "filter" not in str(runs.border_title)


@pytest.mark.parametrize(("size", "row"), [((80, 24), 0), ((120, 40), 1)])
async def test_findings_are_marked_on_the_strip(size: tuple[int, int], row: int) -> None:
    async with on_stage(timed(*CUT), size=size) as stage:
        await stage.at(0.5)
        assert "\u25b2" not in rows_of(stage.dashboard.strip)[row]
        await stage.at(LATER_S)
        strip = rows_of(stage.dashboard.strip)
        place = strip[row].index("\u25b2")
        await stage.click(stage.dashboard.strip, place, row)
        assert stage.moment.count == 4  # The fragment that broke the input off.


STALLED = [
    Chunk(at_ms * 1_000_000, pb.wire(item))
    for at_ms, item in zip(
        (100, 200, 300, 4_400, 4_500, 4_600, 4_700),
        (pb.message_start(), *pb.text_block(0, "so", "on"), *pb.ending()),
        strict=False,
    )
]


@pytest.mark.parametrize("size", SIZES)
async def test_the_latency_view_begins_with_the_verdict_on_the_time(size: tuple[int, int]) -> None:
    async with on_stage(STALLED, size=size) as stage:
        await stage.at(LATER_S)
        await stage.press("L")
        view = stage.app.screen.query_one("#latency", LinesView)
        await stage.until(lambda: any(rows_of(view)))
        assert rows_of(view)[0].startswith("\u25b2 Nothing came for 4.1 s inside a text block")
    # What is wrong with something else is not said here, and it is not said that all was well.
    async with on_stage(timed(*CUT), size=size) as stage:
        await stage.at(LATER_S)
        await stage.press("L")
        view = stage.app.screen.query_one("#latency", LinesView)
        await stage.until(lambda: any(rows_of(view)))
        assert rows_of(view)[0].lstrip().startswith("TTFB")
    async with on_stage(timed(pb.message_start(), *pb.text_block(0, "hi"), *pb.ending())) as stage:
        await stage.at(LATER_S)
        await stage.press("L")
        view = stage.app.screen.query_one("#latency", LinesView)
        await stage.until(lambda: any(rows_of(view)))
        assert rows_of(view)[0].startswith("\u2713 Complete: 15 tokens")


async def test_an_export_judges_a_run_with_those_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request: JsonObject = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    answer = timed(pb.message_start(), *pb.text_block(0, "hi"), *pb.ending())
    async with on_stage(*[BytesSource(answer, request=request) for _ in range(2)]) as stage:
        await stage.at(LATER_S)
        stage.app.exporting.export("har")
        await stage.press("right_curly_bracket")
        stage.app.exporting.export("har")
    first, second = sorted(tmp_path.glob("*.har"), key=lambda path: (len(path.name), path.name))
    assert "repeated" not in first.read_text()
    assert '"repeated"' in second.read_text()


def cached(id: str, read: int, write: int) -> list[Chunk]:
    """An answer that read and wrote so many tokens of the cache."""
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
        "cache_creation": {"ephemeral_5m_input_tokens": write},
        "output_tokens": 1,
    }
    return timed(pb.message_start(id=id, usage=usage), *pb.text_block(0, "Hi."), *pb.ending())


@pytest.mark.parametrize("size", SIZES)
async def test_what_the_cache_did_in_recorded_requests(size: tuple[int, int]) -> None:
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}]
    asked = {"model": "claude-sonnet-5-5", "system": "Be brief.", "messages": turns[:1]}
    more = [*turns, {"role": "user", "content": "More"}]
    sources = [
        BytesSource(cached("a", 0, 3_000), request=asked),
        BytesSource(cached("x", 0, 0), request={"messages": [{"role": "user", "content": "?"}]}),
        BytesSource(cached("b", 0, 3_000), request={**asked, "system": "Be.", "messages": more}),
    ]
    async with on_stage(*sources, size=size) as stage:
        await stage.at(LATER_S)
        await stage.press("right_curly_bracket", "right_curly_bracket")
        shown = stage.app.watchlist.shown
        assert shown is not None
        await stage.until(lambda: "cache_cold" in str(stage.app.verdicts.of(*shown)))
        await stage.press("P")
        await stage.until(lambda: isinstance(stage.app.screen, CacheView))
        await stage.settle()
        assert "\u25b2 Nothing was read from the cache" in stage.text
        assert "first difference at system" in stage.text
        assert "written to the cache: 3000 for 5 min" in stage.text
        rows = rows_of(stage.app.screen.query_one("#cache-lines", LinesView))
        numbers = [row.split()[0] for row in rows if "claude-sonnet" in row]
        assert numbers == ["1", "2\u25b8"]  # What was asked in between is of another conversation.
