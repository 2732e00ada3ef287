"""Live calls side by side: opened by themselves, a lane for each request and all that follows."""

from __future__ import annotations

import pytest

from tests.dashboard.test_side_by_side import focused, heads, names, put_beside, said
from tests.dashboard.test_talk import talk
from tui.conversation.demo_tools import demo_tools
from tui.conversation.plan import Job, make_jobs
from tui.messages.request import build_request, with_prompt

pytestmark = pytest.mark.usefixtures("api_key")


def jobs(*models: str, prompts: tuple[str, ...] = ("Why?",), repeat: int = 1) -> list[Job]:
    requests = [with_prompt(build_request(None), prompt) for prompt in prompts]
    return make_jobs(requests, models=models, repeat=repeat)


@pytest.mark.parametrize(("size", "models"), [((80, 24), 2), ((200, 50), 3)])
async def test_a_prompt_for_a_few_models_is_shown_side_by_side(
    size: tuple[int, int], models: int
) -> None:
    chosen = ("scenario:plain", "scenario:thinking-tool", "scenario:stall")[:models]
    async with talk(jobs=jobs(*chosen), size=size) as line:
        stage = await line.stage.settle()
        assert names(stage) == list(chosen) and "Why?" in stage.header
        await line.finished(models)
        assert "Olbers" in said(stage)[0] and "doomsday" in said(stage)[1]
        assert all(head.startswith("\u2713 COMPLETE") for head in heads(stage)[:2])
        await stage.press("right", "enter")
        assert "scenario:thinking-tool" in stage.header


@pytest.mark.parametrize(
    ("size", "asked"),
    [
        ((60, 20), jobs("scenario:plain", "scenario:stall")),
        ((120, 40), jobs("scenario:plain", "scenario:stall", "scenario:markdown")),
        ((120, 40), jobs("scenario:plain", repeat=2)),
        ((120, 40), jobs("scenario:plain", prompts=("one", "two"))),
    ],
)
async def test_other_calls_are_listed(size: tuple[int, int], asked: list[Job]) -> None:
    async with talk(jobs=asked, size=size) as line:
        await line.finished(len(asked))
        assert not line.stage.dashboard.beside
        await put_beside(line.stage)
        assert len(names(line.stage)) == 2


async def test_attempts_and_rounds_stand_in_the_lane_of_their_request() -> None:
    tools = build_request(None, model="scenario:thinking-tool")
    asked = make_jobs([with_prompt(tools, "When?")], toolbox=demo_tools(), tool_mode="always")
    asked += jobs("scenario:plain!status:529")
    async with talk(jobs=asked) as line:
        stage = line.stage
        one, other = stage.app.desk.exchanges
        await stage.until(lambda: one.done and other.stage.kind == "waiting")
        assert len(one.feeds) > 1
        assert len(names(stage)) == 2 and "When?" in said(stage)[0]
        assert heads(stage)[1].startswith("\u21bb RETRY IN") and "529" in said(stage)[1]
        await stage.press("right", "r")
        await stage.until(lambda: len(other.feeds) == 2 and other.stage.kind == "waiting")
        assert len(names(stage)) == 2 and focused(stage) == 1
        assert "2 runs side by side" in stage.header


async def test_the_next_prompt_is_typed_below_them() -> None:
    async with talk(jobs=jobs("scenario:plain", "scenario:stall")) as line:
        stage = line.stage
        await line.finished(2)
        await line.ask("And then?")
        await line.finished(3)
        assert stage.dashboard.beside and "And then?" in said(stage)[focused(stage)]
