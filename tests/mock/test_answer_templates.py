"""Answers are made once: what is kept, for how long, and what is new in each all the same."""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Any

import pytest

from tests.loopback import KEY, exchange
from tests.servers import MockServer
from tui.core.records import JsonObject
from tui.mock import answers
from tui.mock.answer_templates import AnswerTemplates
from tui.mock.scenario_choice import ScenarioChoice
from tui.scenarios import Scenario, load

ID = re.compile(rb"(?:msg|toolu|srvtoolu|req)_01[0-9A-Za-z]{22}")


def asking(prompt: str = "Hello", model: str = "claude-haiku-5-5", **more: object) -> JsonObject:
    messages = [{"role": "user", "content": prompt}]
    return {"model": model, "max_tokens": 4096, "messages": messages, **more}


def raw(body: JsonObject) -> bytes:
    return json.dumps(body).encode()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts for which an answer was made."""
    prompts: list[str] = []
    real = answers.answer

    def counted(body: JsonObject) -> Scenario | None:
        prompts.append(answers.prompt(body))
        return real(body)

    monkeypatch.setattr("tui.mock.scenario_choice.answer", counted)
    return prompts


def test_the_same_request_has_the_same_template(made: list[str]) -> None:
    templates = AnswerTemplates(ScenarioChoice({}), 1)
    body = asking("Count to 20")
    first = templates.of(body, raw(body))
    assert templates.of(body, raw(body)) is first
    assert made == ["Count to 20"]
    other = asking("Count to 21")
    assert templates.of(other, raw(other)) is not first


def test_a_scenario_is_read_once_whatever_asks_for_it() -> None:
    templates = AnswerTemplates(ScenarioChoice({}), 1)
    bodies = [asking(f"Hello {at}", model="scenario:tour") for at in range(3)]
    assert len({templates.of(body, raw(body)) for body in bodies}) == 1


def test_only_the_newest_requests_are_kept(made: list[str]) -> None:
    templates = AnswerTemplates(ScenarioChoice({}), 1, size=2)
    one, two, three = (asking(f"Count to {at}") for at in (1, 2, 3))
    for body in (one, two, one, three, one, two):
        templates.of(body, raw(body))
    # The first one was asked for again in time, the second one not.
    assert made == [f"Count to {at}" for at in (1, 2, 3, 2)]


def test_what_the_server_holds_is_part_of_a_request(made: list[str]) -> None:
    templates = AnswerTemplates(ScenarioChoice({}), 1)
    thread = {"type": "create"}
    for prompt in ("Count to 4", "Count to 5"):
        body = asking(prompt, thread=thread)
        assert templates.of(body, b"the same") is not templates.of(body, b"the same")
    assert made == ["Count to 4"] * 2 + ["Count to 5"] * 2


@pytest.mark.parametrize("speed", [0.5, 1, 4, math.inf])
def test_times_are_divided_by_the_speed(speed: float) -> None:
    body, plain = asking(model="scenario:plain"), load("plain")
    scenario = AnswerTemplates(ScenarioChoice({}), speed).of(body, raw(body)).scenario
    assert [chunk.t_ns for chunk in scenario.chunks] == [
        int(chunk.t_ns / speed) for chunk in plain.chunks
    ]
    assert scenario.duration_ns == int(plain.duration_ns / speed)
    assert [chunk.data for chunk in scenario.chunks] == [chunk.data for chunk in plain.chunks]


def test_own_scenarios_stay_as_they_are_under_the_name_of_another() -> None:
    own = Scenario("tour", "Own", "", "?", {}, load("plain").chunks, "eof", 0)
    templates = AnswerTemplates(ScenarioChoice({"mine": own}), 1)
    mine, tour = (asking(model=f"scenario:{name}") for name in ("mine", "tour"))
    assert templates.of(mine, raw(mine)).scenario is own
    assert templates.of(tour, raw(tour)).scenario is load("tour")
    assert templates.of(mine, raw(mine)).scenario is own


@pytest.mark.asyncio
async def test_480_streams_at_once_are_whole_and_none_has_an_id_of_another() -> None:
    names = ("plain", "two-tools", "web-search", "refusal")

    async def stream(server: MockServer, name: str) -> bytes:
        body: dict[str, Any] = asking(model=f"scenario:{name}", stream=True)
        line = "POST /v1/messages HTTP/1.1"
        return await exchange(server.port, line, body=json.dumps(body), headers=KEY, close=True)

    async with MockServer(speed=math.inf) as server:
        heard = await asyncio.gather(*(stream(server, names[at % 4]) for at in range(480)))
    seen: set[bytes] = set()
    for at, answer in enumerate(heard):
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n0\r\n\r\n")
        size = len(ID.sub(b"", answer))
        # The spaces before a brace are chance, the rest is not.
        assert abs(size - len(ID.sub(b"", heard[at % 4]))) < 100
        ids = set(ID.findall(answer))
        assert ids and not ids & seen
        seen |= ids
