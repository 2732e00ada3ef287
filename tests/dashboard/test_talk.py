"""Live calls in the dashboard: the composer, turns, retries, tools, many runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import playbook as pb
from tests.app_harness import PushedSource, Stage, on_stage, rows_of
from tests.conversation.test_exchange import calling
from tests.live_desk import scenario
from tests.manual_clock import ManualClock
from tests.servers import MockServer
from tui.conversation import plan
from tui.conversation.conversation import Conversation
from tui.conversation.demo_tools import demo_tools
from tui.conversation.exchange import Limits
from tui.conversation.plan import Job, LivePlan, make_jobs
from tui.conversation.retry import RetryPolicy
from tui.conversation.toolbox import Toolbox
from tui.core.records import Chunk, JsonObject
from tui.messages.request import build_request, with_prompt
from tui.scenarios import Scenario
from tui.screens.cache import CacheView
from tui.screens.tool_ask import ToolAsk
from tui.sources.live import Api, LiveSource
from tui.viewmodel.next_steps import IDLE
from tui.widgets.lines_view import LinesView

pytestmark = pytest.mark.usefixtures("api_key")


@dataclass
class Talk:
    stage: Stage
    server: MockServer
    clock: ManualClock

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(received.body) for received in self.server.received]

    async def finished(self, runs: int = 1) -> Stage:
        """Wait until so many exchanges were begun and all are over."""
        app = self.stage.app
        return await self.stage.until(
            lambda: len(app.desk.exchanges) >= runs and all(one.done for one in app.desk.exchanges)
        )

    async def ask(self, prompt: str) -> Stage:
        """Type a prompt and send it."""
        await self.stage.press("i")
        await self.stage.type(prompt)
        return await self.stage.press("enter")


@asynccontextmanager
async def talk(
    *prompts: str,
    model: str = "scenario:plain",
    size: tuple[int, int] = (120, 40),
    conversation: Conversation | None = None,
    extra: dict[str, Scenario] | None = None,
    retries: int = 2,
    toolbox: Toolbox | None = None,
    jobs: list[Job] | None = None,
    **settings: Any,  # noqa: ANN401
) -> AsyncIterator[Talk]:
    """The dashboard on the mock; one call for each prompt, else a conversation to begin."""
    clock = ManualClock()
    async with MockServer(speed=float("inf"), extra=extra) as server:
        base = build_request(None, model=model)
        if jobs is not None:
            pass
        elif conversation is not None:
            jobs = [Job(conversation, with_prompt(conversation.request, one)) for one in prompts]
            jobs = jobs or [Job(conversation, None)]
        elif prompts:
            jobs = make_jobs([with_prompt(base, prompt) for prompt in prompts], toolbox=toolbox)
        else:
            jobs = [Job(Conversation(base), None)]
        limits = Limits(RetryPolicy(retries, random=lambda: 1.0), now=clock)
        live = LivePlan(Api(server.url), jobs, limits)
        async with on_stage(size=size, clock=clock, live=live, **settings) as stage:
            yield Talk(stage, server, clock)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_conversation_is_typed_and_remembered(size: tuple[int, int]) -> None:
    async with talk(size=size, model="claude-sonnet-4-6") as line:
        stage = line.stage
        # Nothing was asked: the place to write is open at once.
        assert "Ask something" in stage.text and "claude-sonnet-4-6" in stage.text
        await stage.type("Hi, I'm Alice")
        assert "Hi, I'm Alice" in stage.text
        await stage.press("enter")
        await line.finished()
        await line.ask("What's my name?")
        await line.finished(2)
        first, second = line.bodies
        assert [turn["role"] for turn in second["messages"]] == ["user", "assistant", "user"]
        assert "Hi, I'm Alice" in stage.said and "What's my name?" in stage.said
        assert stage.said.index("Hi, I'm Alice") < stage.said.index("What's my name?")
        assert stage.said.rindex("Alice") > stage.said.index("What's my name?")
        assert "run 2/2" in stage.header


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_idle_screen_says_what_can_be_done_without_a_key(size: tuple[int, int]) -> None:
    async with talk(size=size) as line:
        for words in filter(None, IDLE.splitlines()):
            assert words in line.stage.text


async def test_a_draft_survives_leaving_and_keys_do_nothing_while_one_types() -> None:
    async with talk() as line:
        stage = line.stage
        await stage.type("quit? /f r ")
        assert stage.app.is_running and not line.server.received
        await stage.press("escape")
        assert "quit?" not in stage.text and stage.log_pane.has_focus
        await stage.press("i")
        assert "quit? /f r" in stage.text


async def test_what_cannot_be_sent_yet_is_given_back() -> None:
    async with talk("Hello", model="scenario:plain!stall:3600") as line:
        stage = line.stage
        await stage.until(lambda: stage.app.watchlist.count() > 3)
        await line.ask("And then?")
        assert len(line.server.received) == 1
        assert "And then?" in stage.text and "still arriving" in stage.text
        await stage.press("escape", "escape")
        assert "LIVE" in stage.header, "the second may have been meant for the box as well"
        await stage.advance(1)
        await stage.press("escape")
        await line.finished()
        assert "CANCELLED" in stage.header
        await stage.press("i", "enter")
        await stage.until(lambda: len(line.server.received) == 2)
        turns = line.bodies[1]["messages"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]


async def test_a_retry_counts_down_and_is_hurried_or_given_up() -> None:
    async with talk("Hello", model="scenario:plain!status:529") as line:
        stage = line.stage
        exchange = stage.app.desk.exchanges[0]
        await stage.until(lambda: exchange.stage.kind == "waiting")
        assert "HTTP 529" in stage.said
        assert "Retrying in 1 s (1 of 2)" in stage.said
        assert "r sends it now" in stage.said
        await stage.press("r")
        await stage.until(lambda: exchange.stage.kind == "waiting" and exchange.stage.attempt == 2)
        assert len(line.server.received) == 2
        assert "Retrying in 2 s (2 of 2)" in stage.said
        await stage.advance(0.9)
        assert "Retrying in 1 s (2 of 2)" in stage.said
        await stage.press("escape")
        await line.finished()
        assert "Retrying" not in stage.said and "ERROR" in stage.header
        assert len(line.server.received) == 2
        await stage.press("r")
        await stage.until(lambda: len(line.server.received) == 3)


async def test_an_answer_that_broke_off_goes_on() -> None:
    async with talk("Why is the sky dark?", model="scenario:plain!cut:1500") as line:
        stage = line.stage
        await line.finished()
        assert "Connection lost" in stage.said
        await stage.press("c")
        await stage.until(lambda: len(line.server.received) == 2)
        turns = line.bodies[1]["messages"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
        assert "broke off" in str(turns)
        await line.finished(2)


async def test_there_is_nothing_to_continue_after_a_whole_answer() -> None:
    async with talk("Hello") as line:
        await line.finished()
        await line.stage.press("c")
        assert "nothing to continue" in line.stage.text
        assert len(line.server.received) == 1


# --- tools ----------------------------------------------------------------------------------------

CALCULATOR = scenario(*calling(("t1", "calculator", '{"expression": "2+2"}')))
TWO = scenario(
    *calling(
        ("t1", "calculator", '{"expression": "2+2"}'), ("t2", "calculator", '{"expression": "1/0"}')
    )
)


def with_tools(model: str) -> Conversation:
    tools = demo_tools()
    request = build_request(None, model=model, tools=tools.definitions)
    return Conversation(request, toolbox=tools)


async def test_a_call_is_asked_about_and_run() -> None:
    async with talk("2+2?", conversation=with_tools("scenario:call"), extra={"call": TWO}) as line:
        stage = line.stage
        await stage.until(lambda: isinstance(stage.app.screen, ToolAsk))
        assert "calculator" in stage.text and "2+2" in stage.text and "1 of 2" in stage.text
        assert len(line.server.received) == 1
        await stage.press("y")
        await stage.until(lambda: "2 of 2" in stage.text)
        await stage.press("a")
        await line.finished()
        results = line.bodies[1]["messages"][-1]["content"]
        assert results[0]["content"] == "4" and results[1]["is_error"] is True
        assert stage.app.desk.exchanges[0].conversation.tool_mode == "always"


async def test_a_letter_that_is_typed_decides_nothing() -> None:
    async with talk(conversation=with_tools("scenario:call"), extra={"call": CALCULATOR}) as line:
        stage = line.stage
        await line.stage.type("2+2?")
        await stage.press("enter", "i")
        exchange = stage.app.desk.exchanges[0]
        await stage.until(lambda: exchange.stage.kind == "asking")
        await stage.type("yes")
        assert not isinstance(stage.app.screen, ToolAsk)
        assert "is waiting for you" in stage.said and len(line.server.received) == 1
        await stage.press("escape")
        await stage.until(lambda: isinstance(stage.app.screen, ToolAsk))
        await stage.press("escape")
        await line.finished()
        assert "c continues" in stage.said
        await stage.press("c")
        await stage.until(lambda: isinstance(stage.app.screen, ToolAsk))
        await stage.press("n")
        await stage.until(lambda: len(line.server.received) == 2)
        results = line.bodies[1]["messages"][-1]["content"]
        assert results[0]["is_error"] is True and "declined" in results[0]["content"]


async def test_cancelling_takes_the_question_away() -> None:
    async with talk(
        "2+2?", conversation=with_tools("scenario:call"), extra={"call": CALCULATOR}
    ) as line:
        stage = line.stage
        await stage.until(lambda: isinstance(stage.app.screen, ToolAsk))
        stage.app.desk.cancel()
        await line.finished()
        await stage.settle()
        assert not isinstance(stage.app.screen, ToolAsk)
        assert stage.app.desk.exchanges[0].feed.failure is None


async def test_calls_of_other_runs_wait_until_somebody_looks() -> None:
    extra = {"call": CALCULATOR}
    async with talk("one", "two", model="scenario:call", extra=extra, toolbox=demo_tools()) as line:
        stage = line.stage
        first, second = stage.app.desk.exchanges
        await stage.until(lambda: first.stage.kind == second.stage.kind == "asking")
        await stage.until(lambda: isinstance(stage.app.screen, ToolAsk))
        await stage.press("n")
        await stage.until(lambda: first.done)
        assert not isinstance(stage.app.screen, ToolAsk)
        assert second.stage.kind == "asking" and "asks for tools" in stage.text
        await stage.press("a")
        assert isinstance(stage.app.screen, ToolAsk) and "two" in stage.header
        await stage.press("y")
        await line.finished(2)
        assert len(line.server.received) == 4


async def test_where_no_tools_were_offered_nobody_is_asked() -> None:
    async with talk("2+2?", model="scenario:call", extra={"call": CALCULATOR}) as line:
        stage = line.stage
        await line.finished()
        assert "without a result" in stage.said and "c continues" in stage.said
        await stage.press("c")
        await stage.until(lambda: isinstance(stage.app.screen, ToolAsk))
        assert "No function calculator to run" in stage.text


async def test_answered_by_hand() -> None:
    by_hand = with_tools("scenario:call")
    by_hand.tool_mode = "hand"
    async with talk("2+2?", conversation=by_hand, extra={"call": CALCULATOR}) as line:
        stage = line.stage
        await stage.until(lambda: isinstance(stage.app.screen, ToolAsk))
        assert "y run it" not in " ".join(stage.text.split())
        await stage.press("y")
        assert isinstance(stage.app.screen, ToolAsk)
        await stage.press("h")
        await stage.type("five")
        await stage.press("ctrl+s")
        await line.finished()
        results = line.bodies[1]["messages"][-1]["content"]
        assert results[0]["content"] == "five" and not results[0].get("is_error")


# --- many runs ------------------------------------------------------------------------------------


async def test_many_runs_are_listed_and_picked() -> None:
    async with talk("one", "two", "three") as line:
        stage = line.stage
        await line.finished(3)
        assert "Runs" in stage.text and "3 runs" in stage.text
        assert "run 1/3" in stage.header
        await stage.press("R", "j", "enter")
        assert "run 2/3" in stage.header and "two" in stage.said
        assert stage.log_pane.has_focus
        await stage.press("R", "R")
        assert "3 runs" not in stage.text
        rows = [
            row for row in stage.app.run_list.table() if "scenario:plain" in row or "\u2713" in row
        ]
        assert len(rows) >= 3


class _Broken(LiveSource):
    async def chunks(self) -> AsyncIterator[Chunk]:
        raise RuntimeError("a fault of our own")
        yield


async def test_a_fault_in_one_run_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[LiveSource] = []

    def source(request: JsonObject, **options: Any) -> LiveSource:  # noqa: ANN401
        kind = _Broken if len(made) == 1 else LiveSource
        made.append(kind(request, **options))
        return made[-1]

    monkeypatch.setattr(plan, "LiveSource", source)
    async with talk("one", "two", "three") as line:
        await line.finished(3)
        stage = line.stage
        states = [feed.runs[0].status for feed in stage.app.watchlist.feeds]
        assert [states[0], states[2]] == ["complete", "complete"]
        await stage.press("right_curly_bracket")
        assert "RuntimeError: a fault of our own" in stage.said and "two" in stage.said


async def test_a_stream_that_falls_silent_is_warned_about_and_not_ended() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(), pb.text(0, "One"))
        await stage.settle()
        await stage.advance(59)
        assert "No content" not in stage.said
        await stage.advance(1)
        assert "No content for 60 s" in stage.said and "nothing arrives" in stage.said
        source.push(pb.ping())
        await stage.settle()
        await stage.advance(2)
        assert "No content for 62 s" in stage.said and "pings still arrive" in stage.said
        source.push(pb.text(0, " more"))
        await stage.advance(1)
        assert "No content" not in stage.said and "One more" in stage.said
        assert "LIVE" in stage.header


async def test_new_runs_do_not_take_the_reader_out_of_the_past() -> None:
    async with talk("Hello", model="scenario:plain!status:529") as line:
        stage = line.stage
        exchange = stage.app.desk.exchanges[0]
        await stage.until(lambda: exchange.stage.kind == "waiting")
        stage.app.watchlist.go(0)
        exchange.retry_now()
        await stage.until(lambda: len(exchange.feeds) == 2)
        shown = stage.app.watchlist.shown
        assert shown is not None and shown.feed is exchange.feeds[0]


# --- reading along --------------------------------------------------------------------------------


async def test_sentences_appear_whole() -> None:
    events = [
        pb.message_start(),
        pb.text_start(),
        pb.text(0, "One thing. Another th"),
    ]
    slow = scenario(*events, pb.text(0, "ing. "), pb.block_stop(), *pb.ending())
    async with talk(
        "Hello", model="scenario:slow!stall:3600", extra={"slow": slow}, smooth="sentence"
    ) as line:
        stage = line.stage
        await stage.until(lambda: stage.app.watchlist.count() == 3)
        assert "One thing." in stage.said and "Another" not in stage.said


async def test_the_bell_rings_once_when_a_run_ends() -> None:
    rung: list[None] = []
    async with talk("Hello", bell=True) as line:
        line.stage.app.bell = lambda: rung.append(None)  # type: ignore[method-assign]
        await line.finished()
        await line.stage.settle()
        assert len(rung) == 1


# --- the request ----------------------------------------------------------------------------------


async def test_the_request_is_shown_and_sent_again() -> None:
    async with talk("Hello there") as line:
        stage = line.stage
        await line.finished()
        await stage.press("e")
        assert '"messages"' in stage.text and "Hello there" in stage.text
        await stage.press("r")
        await stage.until(lambda: len(line.server.received) == 2)
        assert line.bodies[0]["messages"] == line.bodies[1]["messages"]
        await line.finished(2)


async def test_settings_change_what_is_sent() -> None:
    async with talk("Hello") as line:
        stage = line.stage
        await line.finished()
        await stage.press("o")
        await stage.until(lambda: "from the models endpoint" in stage.text)
        field = stage.app.screen.query_one("#set-max_tokens")
        field.focus()
        await stage.press("end", "ctrl+u")
        await stage.type("99")
        await stage.press("ctrl+s")
        await stage.until(
            lambda: stage.app.desk.exchanges[0].conversation.request["max_tokens"] == 99
        )
        await line.ask("Again")
        await line.finished(2)
        assert line.bodies[1]["max_tokens"] == 99
        assert sorted(line.bodies[1]) == ["max_tokens", "messages", "model", "stream"]


async def test_resumed_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    first = Conversation(build_request(None, model="claude-sonnet-4-6"), path=path)
    async with talk("Hi, I'm Alice", conversation=first) as line:
        await line.finished()
    from tui.conversation.conversation import read_conversation

    again = Conversation(read_conversation(path), path=path)
    async with talk("What's my name?", conversation=again) as line:
        await line.finished()
        assert "Alice" in line.stage.said.rpartition("What's my name?")[2]
        assert len(json.loads(path.read_text())["messages"]) == 4


async def test_a_wrong_key_and_an_unknown_model_are_shown_as_the_api_says_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with talk("Hello", model="no-such-model") as line:
        await line.finished()
        assert "HTTP 404" in line.stage.said and "no-such-model" in line.stage.said
        await line.ask("Still here?")
        await line.finished(2)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "invalid")
    async with talk("Hello") as line:
        await line.finished()
        assert "HTTP 401" in line.stage.said and "invalid x-api-key" in line.stage.said


async def test_a_request_that_the_api_refuses_names_its_field() -> None:
    talked = Conversation(build_request(None, model="scenario:plain", extra={"temperature": 7}))
    async with talk("Hello", conversation=talked) as line:
        await line.finished()
        assert "HTTP 400" in line.stage.said and "temperature" in line.stage.said


async def test_where_nothing_can_be_asked_it_says_so() -> None:
    async with on_stage("plain") as stage:
        await stage.press("i")
        assert "This is a recording" in stage.text


async def test_an_idle_screen_offers_what_can_be_done_there() -> None:
    async with talk() as line:
        stage = line.stage
        await stage.advance(1)
        assert stage.lines[-1].startswith(" enter send  ctrl+j new line  esc leave")
        await stage.press("escape")
        await stage.advance(1)
        assert stage.lines[-1].startswith(" i ask  o options")
        await stage.press("e")
        assert "Nothing was sent yet" in stage.text


async def test_what_the_prompt_cache_did_is_shown() -> None:
    async with talk("Hello") as line:
        stage = line.stage
        await line.finished()
        await line.ask("And then?")
        await line.finished(2)
        conversation = stage.app.desk.exchanges[0].conversation
        conversation.set_parameters({**conversation.request, "system": "Be brief"})
        await line.ask("Shorter")
        await line.finished(3)
        await stage.press("P")
        await stage.until(lambda: "Be brief" in stage.text)
        assert "Prompt cache" in stage.text
        assert "system" in stage.text


async def test_the_cache_of_requests_of_a_batch_that_go_on_from_each_other() -> None:
    first = build_request("Hello", model="scenario:plain")
    async with talk("Hello") as line:
        await line.finished()
        shown = line.stage.app.watchlist.shown
        assert shown is not None
        message = shown.run.state.message_json()
        assert message is not None
    answered = {"role": "assistant", "content": message["content"]}
    turns = [*first["messages"], answered, {"role": "user", "content": "And then?"}]
    jobs = make_jobs([first, {**first, "messages": turns}])
    async with talk(jobs=jobs) as line:
        await line.finished(2)
        await line.stage.press("P")
        await line.stage.until(lambda: isinstance(line.stage.app.screen, CacheView))
        rows = rows_of(line.stage.app.screen.query_one("#cache-lines", LinesView))
        assert [row.split()[0].strip("\u25b8") for row in rows if "scenario" in row] == ["1", "2"]
