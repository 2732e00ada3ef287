"""Plans: jobs from prompts, models and repeats, and a batch with faults in it."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.limits import HANG_S
from tests.manual_clock import ManualClock
from tests.servers import MockServer
from tui.cli.plain_live import PlainDesk, run_plainly
from tui.conversation.exchange import Exchange, Limits
from tui.conversation.plan import LivePlan, PromptsError, make_jobs, read_prompts, toolbox_named
from tui.conversation.retry import RetryPolicy
from tui.messages.request import build_request
from tui.sources.live import Api

pytestmark = pytest.mark.usefixtures("api_key")


BASE = build_request(None, model="m", system="Be brief")


def prompts_in(path: Path, text: str) -> list[object]:
    path.write_text(text, encoding="utf-8")
    return [request["messages"] for request in read_prompts(path, BASE)]


def test_a_prompt_a_line(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    found = prompts_in(path, "\ufeffone\r\n\n  two  \n\u2028three\n")
    assert [messages[0]["content"] for messages in found] == ["one", "two", "three"]  # type: ignore[index]
    assert read_prompts(path, BASE)[0]["system"] == "Be brief"


def test_a_request_a_line(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    lines = [
        {"prompt": "one", "temperature": 0.5},
        {"messages": [{"role": "user", "content": "two"}], "model": "other"},
        "three",
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    one, two, three = read_prompts(path, BASE)
    assert (one["temperature"], one["messages"][0]["content"], one["model"]) == (0.5, "one", "m")
    assert (two["model"], two["system"], two["messages"][0]["content"]) == (
        "other",
        "Be brief",
        "two",
    )
    assert three["messages"][0]["content"] == "three"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no prompt in it"),
        ("\n \n", "there is no prompt in it"),
        ('{"prompt": "a"}\n{"prompt": ', "line 2: "),
        ('{"prompt": "a"}\n\n{"prompt": 5}', "line 3: prompt: has to be a string"),
        ('{"prompt": "a"}\n[]', "line 2: a request is a JSON object"),
        ('{"model": "m"}', "line 1: a request needs messages, or a prompt"),
        ('{"messages": [5]}', "line 1: messages[0]: a turn needs a role and content"),
        ('{"messages": {}}', "line 1: messages: has to be a list"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "prompts"
    path.write_text(text)
    with pytest.raises(PromptsError) as caught:
        read_prompts(path, BASE)
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "prompts"
    path.write_bytes(b"one\n\xff\n")
    with pytest.raises(PromptsError, match="not UTF-8 at byte 4"):
        read_prompts(path, BASE)


@given(text=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_prompts_or_one_line_of_complaint(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prompts"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        requests = read_prompts(path, BASE)
    except PromptsError as error:
        assert "\n" not in str(error)
    else:
        assert requests and all(request["messages"] for request in requests)


def test_every_request_with_every_model_as_often_as_wanted() -> None:
    requests = [build_request(prompt, model="m") for prompt in ("one", "two")]
    jobs = make_jobs(requests, models=("a", "b"), repeat=3)
    assert len(jobs) == 12
    asked = Counter(
        (job.request["messages"][0]["content"], job.request["model"])
        for job in jobs
        if job.request is not None
    )
    assert set(asked.values()) == {3} and len(asked) == 4
    assert len({id(job.conversation) for job in jobs}) == 12
    assert all(job.conversation.request["messages"] == [] for job in jobs)
    # Without models the requests keep their own.
    (job,) = make_jobs([{**requests[0], "model": "own"}])
    assert job.request is not None and job.request["model"] == "own"


async def test_named_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert await toolbox_named("none") is None
    demo = await toolbox_named("demo")
    assert demo is not None and demo.get("calculator") is not None
    Path("tools.json").write_text('[{"name": "f", "input_schema": {"type": "object"}}]')
    found = await toolbox_named("tools.json")
    assert found is not None and [tool.name for tool in found.tools] == ["f"]


# --- many at once ---------------------------------------------------------------------------------

FAULTS = {
    "status:400": "error",
    "status:529": "error",
    "status:429;retry-after:1": "error",
    "cut:1800": "error",
    "eof:1800": "truncated",
    "overloaded:3": "error",
    "garbage": "complete",
}
"""What each fault leaves, after every attempt that it allows."""


async def test_fifty_runs_with_faults_in_a_third_of_them_end_each_in_its_state() -> None:
    chance = random.Random(7)
    names = [chance.choice(list(FAULTS)) if place % 10 < 3 else "" for place in range(50)]
    chance.shuffle(names)
    clock = ManualClock()
    requests = [
        build_request(f"Prompt {place}", model=f"scenario:plain{'!' * bool(name)}{name}")
        for place, name in enumerate(names)
    ]
    async with MockServer(speed=float("inf")) as server:
        plan = LivePlan(
            Api(server.url),
            make_jobs(requests),
            Limits(RetryPolicy(1), now=clock),
            concurrency=8,
        )
        out, err = io.StringIO(), io.StringIO()
        desk = PlainDesk(plan, None)
        busy: list[int] = []

        async def wind() -> None:
            while True:
                clock.now_ns += 50_000_000
                for exchange in _all(desk):
                    exchange.clock.wake()
                busy.append(sum(one.stage.kind != "queued" and not one.done for one in _all(desk)))
                await asyncio.sleep(0)

        winding = asyncio.create_task(wind())
        try:
            async with asyncio.timeout(HANG_S):
                succeeded = await run_plainly(plan, out, err, desk=desk)
        finally:
            winding.cancel()

        exchanges = _all(desk)
        assert len(exchanges) == 50 and not succeeded
        ended = [exchange.feed.runs[-1].status for exchange in exchanges]
        assert ended == [FAULTS.get(name, "complete") for name in names]
        retried = sum(name in ("status:529", "status:429;retry-after:1") for name in names)
        assert len(desk.streams) == 50 + retried
        assert 2 <= max(busy) <= 8
        # The answers are written whole and in order, whatever finished first.
        heads = [line for line in out.getvalue().splitlines() if line.startswith("\u2500\u2500")]
        assert [head.split()[-1] for head in heads] == [str(place) for place in range(50)]
        assert "50 runs" in err.getvalue()


def _all(desk: PlainDesk) -> list[Exchange]:
    exchanges = [stream.exchange for stream in desk.streams if stream.exchange is not None]
    return list(dict.fromkeys(exchanges))
