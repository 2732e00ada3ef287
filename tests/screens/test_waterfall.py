"""The waterfall over the dashboard: recorded sessions, live conversations, keys and mouse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events

from tests import playbook as pb
from tests.agent_session import AgentSession, mending, results, user, words
from tests.app_harness import LATER_S, PushedSource, Stage, on_stage, rows_of, strips_of
from tests.dashboard.test_talk import CALCULATOR, talk, with_tools
from tests.manual_clock import ManualClock
from tui.screens.cache_ledger import CacheLedger
from tui.screens.tool_ask import ToolAsk
from tui.screens.waterfall import Waterfall
from tui.sources.capture import recorded
from tui.widgets.waterfall import WaterfallPane


@asynccontextmanager
async def opened(
    session: AgentSession, path: Path, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Stage]:
    """The waterfall over a capture that was played to its end."""
    factories, _ = recorded(session.write(path / "agent.jsonl"))
    async with on_stage(*factories, size=size) as stage:
        await stage.at(LATER_S)
        await stage.press("W")
        await judged(stage)
        yield stage


async def judged(stage: Stage) -> None:
    """Wait until all rows in view have their verdicts."""

    def done() -> bool:
        screen(stage).look()
        found = screen(stage)._sessions.found()
        return all(row.key in found for row in pane(stage).in_view)

    await stage.until(done)
    screen(stage).look()
    await stage.settle()


def screen(stage: Stage) -> Waterfall:
    found = stage.app.screen
    assert isinstance(found, Waterfall)
    return found


def pane(stage: Stage) -> WaterfallPane:
    return screen(stage).query_one(WaterfallPane)


def row(stage: Stage, number: int) -> str:
    return rows_of(pane(stage))[number]


async def test_a_session_on_one_axis(tmp_path: Path) -> None:
    async with opened(mending(), tmp_path) as stage:
        assert "Conversation \u00b7 9 requests \u00b7 1m59s" in stage.text
        assert "your tools 39 %" in stage.text and "65 % cached" in stage.text
        assert row(stage, 3).startswith(" 3 \u21b3") and row(stage, 5).endswith("\u25b2 stall")
        assert row(stage, 6).endswith("\u25b2 cache cold")
        assert " bash " in row(stage, 7)
        await stage.press("G")
        assert "9  claude-sonnet-5-5  \u21b3 Thanks. Commit it." in stage.text
        await stage.press("g", *["j"] * 5)
        assert "Nothing was read from the cache" in stage.text


async def test_enter_shows_the_run_and_its_verdict_is_the_same(tmp_path: Path) -> None:
    async with opened(mending(), tmp_path) as stage:
        await stage.press(*["down"] * 5, "enter")
        assert "run 6/9" in stage.header
        assert "Nothing was read from the cache" in stage.text
        await stage.press("W")
        assert pane(stage).chosen == 5


async def test_branches_are_looked_at_by_themselves(tmp_path: Path) -> None:
    async with opened(mending(), tmp_path) as stage:
        await stage.press("n")
        assert "main 1/2" in stage.text and "7 requests" in stage.text
        await stage.press("n")
        assert "sub-agent 2/2" in stage.text and "2 requests" in stage.text
        await stage.press("n")
        assert "sub-agent 2/2" in stage.text
        await stage.press("p", "p")
        assert "9 requests" in stage.text


async def test_zoom_scroll_and_back(tmp_path: Path) -> None:
    async with opened(mending(), tmp_path) as stage:
        whole = pane(stage).window
        await stage.press("down", "plus", "plus")
        near = pane(stage).window
        assert near.length_ns * 4 == pytest.approx(whole.length_ns, abs=4)
        await stage.press("right")
        assert pane(stage).window.start_ns > near.start_ns
        await stage.press("left", "left", "left", "left", "left", "left", "left", "left", "left")
        assert pane(stage).window.start_ns == 0
        await stage.press("G")
        last = pane(stage).row_chosen
        window = pane(stage).window
        assert last is not None
        assert window.start_ns <= last.start_ns <= window.start_ns + window.length_ns
        await stage.press("minus", "minus")
        assert pane(stage).window == whole
        await stage.press("plus", "0")
        assert pane(stage).window == whole


async def test_the_mouse(tmp_path: Path) -> None:
    async with opened(mending(), tmp_path) as stage:
        await stage.click(pane(stage), 10, 4)
        assert pane(stage).chosen == 3
        assert await stage.pilot.click(pane(stage), offset=(10, 6), times=2)
        await stage.settle()
        assert "run 6/9" in stage.header


async def test_the_ledger_says_what_was_lost_and_why(tmp_path: Path) -> None:
    async with opened(mending(), tmp_path, (80, 24)) as stage:
        await stage.press("L")
        await stage.until(lambda: isinstance(stage.app.screen, CacheLedger))
        await stage.settle()
        assert "12.3k tokens lost" in stage.text
        (line,) = [line for line in stage.lines if "differs first at system" in line]
        assert line.split()[1:6] == ["6", "12.3k", "0", "0", "12.3k"]
        assert "+ \u2026s until all is done. It is 12:02." in stage.text
        await stage.press("escape")
        assert screen(stage)
        await stage.press("L")
        await stage.until(lambda: isinstance(stage.app.screen, CacheLedger))
        await stage.press("enter")
        assert "run 6/9" in stage.header


async def test_without_the_time_of_day_it_says_so(tmp_path: Path) -> None:
    session = AgentSession(timed=False)
    turns = session.ask([user("Hi.")], *words(0, 1.0, 1.0))
    session.ask([*turns, user("And?")], *words(0, 1.0, 1.0))
    async with opened(session, tmp_path) as stage:
        assert "not known: one after another" in stage.text
        assert "2 requests \u00b7 4.10s" in stage.text


async def test_what_is_sent_back_wrong_stands_in_its_row(tmp_path: Path) -> None:
    session = AgentSession()
    call = pb.tool_block(0, "{}", name="bash", id="t1")
    turns = session.ask([user("Look.")], (1.0, call), stop="tool_use")
    session.wait(1.0)
    turns = session.ask([*turns, user("Well?")], *words(0, 1.0, 1.0))
    text = turns[-1]["content"][0]["text"]
    edited = [*turns[:-1], {"role": "assistant", "content": f"{text} Or not."}]
    session.ask([*edited, results(("t1", "late"))], *words(0, 1.0, 1.0))
    async with opened(session, tmp_path) as stage:
        assert row(stage, 1).endswith("\u2717 unanswered tool use")
        assert row(stage, 2).endswith("\u25b2 blocks changed")


async def test_a_request_that_arrives_meanwhile_gets_its_row() -> None:
    clock = ManualClock()
    first, second = PushedSource(clock), PushedSource(clock)
    async with on_stage(first, second, clock=clock) as stage:
        first.push(pb.message_start(), *pb.text_block(0, "Hi"))
        await stage.advance(1.0)
        await stage.press("W")
        assert "1 request" in stage.text
        assert "arriving" in stage.text
        first.push(*pb.ending())
        first.end()
        await stage.advance(1.0)
        await judged(stage)
        assert row(stage, 1).endswith("\u2713")


@pytest.mark.usefixtures("api_key")
async def test_a_live_conversation_with_tools() -> None:
    conversation = with_tools("scenario:call")
    async with talk("2+2?", conversation=conversation, extra={"call": CALCULATOR}) as line:
        stage = line.stage
        await stage.press("W")
        exchange = stage.app.desk.exchanges[0]
        await stage.until(lambda: exchange.stage.kind == "asking")
        await stage.advance(4.0)
        screen(stage).look()
        await stage.settle()
        assert "a tool call is waiting" in stage.text
        assert "\u00b7\u00b7 calculator \u00b7\u00b7" in row(stage, 1)
        await stage.press("escape")
        assert isinstance(stage.app.screen, ToolAsk)
        await stage.press("y")
        await stage.press("W")
        await line.finished()
        await judged(stage)
        assert "2 requests \u00b7 4.00s" in stage.text and "your tools 100 %" in stage.text
        assert "\u00b7\u00b7 calculator \u00b7\u00b7" in row(stage, 2)


async def test_the_wheel_zooms_with_ctrl_and_scrolls_the_axis_with_shift(tmp_path: Path) -> None:
    async with opened(mending(), tmp_path) as stage:
        whole = pane(stage).window

        async def wheel(kind: type[events.MouseEvent], held: str = "") -> None:
            shift, ctrl = held == "shift", held == "ctrl"
            pane(stage).post_message(kind(pane(stage), 5, 5, 0, 0, 0, shift, False, ctrl))
            await stage.settle()

        await wheel(events.MouseScrollUp, "ctrl")
        near = pane(stage).window
        assert near.length_ns * 2 == pytest.approx(whole.length_ns, abs=4)
        await wheel(events.MouseScrollDown, "shift")
        later = pane(stage).window
        assert later.start_ns > near.start_ns
        await wheel(events.MouseScrollRight)
        await wheel(events.MouseScrollLeft)
        assert pane(stage).window == later
        await wheel(events.MouseScrollDown, "ctrl")
        assert pane(stage).window == whole


async def test_the_chosen_row_is_seen_without_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(mending(), tmp_path) as stage:
        reversed_rows = [
            number
            for number, strip in enumerate(strips_of(pane(stage)))
            if any(style is not None and style.reverse for _, style, _ in strip)
        ]
        assert reversed_rows == [1]
        signs = {"\u2591", "\u2592", "\u2593", "\u2588", "\u00b7"}
        assert signs <= set("".join(rows_of(pane(stage))))


async def test_a_session_that_is_played_grows(tmp_path: Path) -> None:
    factories, _ = recorded(mending().write(tmp_path / "agent.jsonl"))
    async with on_stage(*factories, size=(80, 24)) as stage:
        await stage.at(0.5)
        await stage.press("W")
        assert "arriving" in stage.text and len(pane(stage).in_view) == 7
        early = pane(stage).window.length_ns
        await stage.at(LATER_S)
        await judged(stage)
        assert "9 requests" in stage.text and row(stage, 3).startswith(" 3 \u21b3")
        assert pane(stage).window.length_ns > early
