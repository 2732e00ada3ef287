"""What can be asked to go wrong, by whom, and that it does; jitter, and chance with a seed."""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.command_line import run_command
from tests.limits import HANG_S
from tests.script_source import one_each
from tests.servers import MockServer
from tui.core.records import Chunk, JsonObject
from tui.core.session import Run, Session
from tui.mock.byte_faults import GARBAGE
from tui.mock.event_faults import HALF_WAY
from tui.mock.faults import Faults
from tui.mock.mock import MockSettings
from tui.mock.playback import Plan
from tui.mock.splice import part_of, read
from tui.scenarios import Scenario, load, names

S = 1_000_000_000
KEY = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
COMMAND = [sys.executable, "-c", "from tui.cli.main import main; main()"]
REQUEST_ID = "req_01" + "a" * 22


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MockServer]:
    async with MockServer(speed=math.inf) as running:
        yield running


async def post(
    server: MockServer, model: str, *, fault: str = "", prompt: str = "x", **more: object
) -> httpx2.Response:
    messages = [{"role": "user", "content": prompt}]
    body = {"model": model, "max_tokens": 4096, "messages": messages, **more}
    headers = {**KEY, **({"x-streamscope-fault": fault} if fault else {})}
    # Without certificates to load a client is made at once.
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False, verify=False) as client:
        return await client.post("/v1/messages", json=body, headers=headers)


def run_of(chunks: tuple[Chunk, ...] | bytes) -> Run:
    session = Session()
    for t_ns, data in [(0, chunks)] if isinstance(chunks, bytes) else chunks:
        session.feed(t_ns, data)
    session.finish(0)
    return session.runs[0]


def altered(name: str, fault: str) -> Scenario:
    return Faults.parse(fault).alter(load(name), REQUEST_ID)


# Reading


def test_faults_are_read_from_their_words() -> None:
    assert Faults.parse("") == Faults.parse(" ; ;") == Faults()
    assert Faults.parse("status:429; retry-after: 2 ;cut:5") == Faults(
        status=429, retry_after="2", cut=5
    )
    assert Faults.parse("overloaded") == Faults(overloaded=HALF_WAY)
    assert Faults.parse("overloaded:0;fragments:9;fail:2") == Faults(
        overloaded=0, fragments=9, fail=2
    )
    assert Faults.parse("slow-start:0.5;stall:1;garbage;chunk:3;eof:1;cut:1;cut:2") == Faults(
        slow_start=0.5, stall=1.0, garbage=True, chunk=3, eof=1, cut=2
    )


@pytest.mark.parametrize(
    "text",
    [
        "explode",
        "cut",
        "cut:-1",
        "chunk:0",
        "stall:inf",
        "stall:nan",
        "slow-start:86401",
        "status:200",
        "status:600",
        "garbage:1",
        "retry-after:",
        "retry-after:ü",
        "overloaded:-1",
        "overloaded:x",
        "fragments",
        "fragments:0",
        "fail:0",
        "fail",
        "__init__:1",
    ],
)
def test_what_is_no_fault_is_told_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="no such fault") as caught:
        Faults.parse(f"chunk:5;{text}")
    assert repr(text) in str(caught.value)
    for known in ("status", "fail", "overloaded", "fragments", "slow-start"):
        assert known in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_a_fault_or_told(text: str) -> None:
    try:
        Faults.parse(text)
    except ValueError as error:
        assert "no such fault" in str(error)


# Bytes and times


def applied(fault: str, plan: Plan) -> Plan:
    return Faults.parse(fault).apply(plan, {})


def test_faults_on_a_plan() -> None:
    chunks = (Chunk(1 * S, b"abc"), Chunk(2 * S, b"de"), Chunk(3 * S, b"f"))
    plan = Plan(chunks, "eof", 4 * S)
    assert applied("", plan) == plan
    assert applied("slow-start:2", plan) == Plan(
        (Chunk(3 * S, b"abc"), Chunk(4 * S, b"de"), Chunk(5 * S, b"f")), "eof", 6 * S
    )
    assert [chunk.t_ns // S for chunk in applied("stall:5", plan).chunks] == [1, 7, 8]
    assert applied("chunk:4", plan).chunks == (
        Chunk(2 * S, b"abcd"),
        Chunk(3 * S, b"ef"),
    )
    assert applied("chunk:2", plan).chunks[0] == Chunk(1 * S, b"ab")
    assert applied("cut:4", plan) == Plan((chunks[0], Chunk(2 * S, b"d")), "reset", 2 * S)
    assert applied("eof:3", plan) == Plan((chunks[0],), "eof", 1 * S)
    assert applied("cut:0", plan) == Plan((), "reset", 4 * S)
    assert applied("cut:6", plan) == plan
    nothing = Plan((), "eof", 0)
    assert applied("garbage;chunk:3;stall:0", nothing) == nothing
    assert GARBAGE in b"".join(c.data for c in applied("garbage", plan).chunks)


def test_jitter_makes_every_silence_longer_and_none_shorter() -> None:
    chunks = tuple(Chunk(at * S, b"x") for at in range(50))
    plan = Plan(chunks, "eof", 50 * S)
    later = plan.jittered(0.5, random.Random(1))
    gaps = [b.t_ns - a.t_ns for a, b in zip(later.chunks, later.chunks[1:], strict=False)]
    assert all(S <= gap <= 1.5 * S for gap in gaps)
    assert len(set(gaps)) > 40
    assert later.end_ns - plan.end_ns == later.chunks[-1].t_ns - plan.chunks[-1].t_ns
    assert later == plan.jittered(0.5, random.Random(1)) != plan.jittered(0.5, random.Random(2))
    assert [chunk.data for chunk in later.chunks] == [chunk.data for chunk in chunks]


# Events


def deltas(scenario: Scenario) -> int:
    return sum(part_of(record) is not None for record in read(scenario.chunks))


def test_overloaded_comes_after_so_many_deltas() -> None:
    for asked, expected in ((":0", 0), (":5", 5), ("", deltas(load("plain")) // 2)):
        scenario = altered("plain", f"overloaded{asked}")
        run = run_of(scenario.chunks)
        assert deltas(scenario) == expected
        assert run.state.error is not None
        assert run.state.error["type"] == "overloaded_error"
        assert REQUEST_ID.encode() in scenario.chunks[-1].data
        assert scenario.how == "eof"
        assert scenario.duration_ns == scenario.chunks[-1].t_ns
        before = b"".join(chunk.data for chunk in load("plain").chunks)
        assert before.startswith(
            b"".join(c.data for c in scenario.chunks).partition(b"event: err")[0]
        )


def test_overloaded_comes_before_the_end_however_few_deltas_there_are() -> None:
    scenario = altered("refusal", "overloaded:9999")
    run = run_of(scenario.chunks)
    assert deltas(scenario) == deltas(load("refusal"))
    assert (run.status, "message_stop" in run.state.counts) == ("error", False)
    events: list[JsonObject | bytes] = [pb.message_start(), *pb.ending()]
    for some in (events, events[:1]):
        bare = Scenario("s", "S", "", "?", {}, tuple(one_each(some, 0)), "reset", 0)
        records = read(Faults.parse("overloaded").alter(bare, REQUEST_ID).chunks)
        assert [record.type for record in records] == ["message_start", "error"]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("least", [1, 40, 100_000])
def test_huge_fragments_say_the_same(name: str, least: int) -> None:
    before, scenario = load(name), altered(name, f"fragments:{least}")
    assert (
        run_of(scenario.chunks).state.message_json() == run_of(before.chunks).state.message_json()
    )
    assert deltas(scenario) <= deltas(before)
    times = [chunk.t_ns for chunk in scenario.chunks]
    assert times == sorted(times) and set(times) <= {chunk.t_ns for chunk in before.chunks}
    if least == 100_000:
        blocks = run_of(before.chunks).state.blocks
        assert deltas(scenario) <= len(blocks) + 1


def test_fragments_are_joined_until_they_are_long_enough() -> None:
    def lengths(scenario: Scenario) -> list[int]:
        pieces = (part_of(record) for record in read(scenario.chunks))
        return [len(piece.text) for piece in pieces if piece is not None]

    *joined, last = lengths(altered("plain", "fragments:200"))
    assert all(length >= 200 for length in joined) and last > 0
    assert sum(lengths(load("plain"))) == sum(joined) + last
    assert len(lengths(altered("two-tools", "fragments:1000"))) == 3  # They take turns.


# On request


async def test_by_a_header_or_after_the_model_name(server: MockServer) -> None:
    for how in (
        {"model": "scenario:plain", "fault": "status:429;retry-after:7"},
        {"model": "scenario:plain!status:429;retry-after:7"},
        {"model": "claude-sonnet-4-6!retry-after:7", "fault": "status:429"},
    ):
        response = await post(server, **how)
        assert (response.status_code, response.headers["retry-after"]) == (429, "7")
        assert response.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert response.json()["error"]["type"] == "rate_limit_error"


async def test_the_fault_is_no_part_of_the_model(server: MockServer) -> None:
    response = await post(server, "scenario:plain!chunk:7")
    assert response.json()["model"] == "scenario:plain"
    response = await post(server, "scenario:plain!", stream=True)
    assert b'"model":"scenario:plain"' in response.content
    response = await post(server, "scenario:nobody!chunk:7")
    assert response.status_code == 404
    assert "model: scenario:nobody (" in response.json()["error"]["message"]


async def test_a_fault_that_is_none_is_a_bad_request(server: MockServer) -> None:
    for how, place in (
        ({"model": "scenario:plain!explode"}, "model: "),
        ({"model": "scenario:plain", "fault": "explode"}, "x-streamscope-fault: "),
    ):
        response = await post(server, **how)
        message = response.json()["error"]["message"]
        assert response.status_code == 400
        assert message.startswith(place) and "'explode'" in message and "overloaded" in message


async def test_the_first_requests_fail_and_then_there_is_an_answer(server: MockServer) -> None:
    statuses = [(await post(server, "scenario:plain!fail:2")).status_code for _ in range(4)]
    assert statuses == [529, 529, 200, 200]
    # Another body, another fault: counted apart.
    assert (await post(server, "scenario:plain!fail:2", prompt="y")).status_code == 529
    response = await post(server, "scenario:plain!fail:1;status:503;retry-after:1")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "Asked for by the model name" in response.json()["error"]["message"]
    assert (await post(server, "scenario:plain!fail:1;status:503;retry-after:1")).is_success


async def test_faults_without_streaming(server: MockServer) -> None:
    response = await post(server, "scenario:plain!overloaded:3")
    assert (response.status_code, response.json()["error"]["type"]) == (529, "overloaded_error")
    whole = await post(server, "scenario:plain!fragments:50;chunk:3;stall:0;slow-start:0")
    assert whole.json()["stop_reason"] == "end_turn"
    assert len((await post(server, "scenario:plain!eof:20")).content) == 20
    assert GARBAGE in (await post(server, "scenario:plain!garbage")).content
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        await post(server, "scenario:plain!cut:20")


async def test_counting_tokens_can_fail_too(server: MockServer) -> None:
    body = {"model": "scenario:plain!status:500", "messages": [{"role": "user", "content": "x"}]}
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False, verify=False) as client:
        response = await client.post("/v1/messages/count_tokens", json=body, headers=KEY)
    assert response.status_code == 500


# By the settings


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"speed": 0.0}, "speed"),
        ({"speed": -1.0}, "speed"),
        ({"speed": math.nan}, "speed"),
        ({"jitter": -1.0}, "jitter"),
        ({"jitter": math.nan}, "jitter"),
        ({"jitter": math.inf}, "jitter"),
        ({"fault_rate": 1.5}, "fault rate"),
        ({"fault_rate": math.nan}, "fault rate"),
        ({"faults": ["explode"]}, "no such fault"),
    ],
)
def test_settings_that_cannot_be_are_told(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        MockSettings(**settings)
    with pytest.raises(ValueError, match=problem):
        MockServer(**settings)


async def test_a_share_of_the_requests_goes_wrong() -> None:
    async def statuses(seed: int, count: int = 24) -> list[int]:
        async with MockServer(
            speed=math.inf, seed=seed, faults=["status:429", "status:500"], fault_rate=0.5
        ) as server:
            return [(await post(server, "scenario:refusal")).status_code for _ in range(count)]

    first = await statuses(1)
    assert set(first) == {200, 429, 500}
    assert 5 <= first.count(200) <= 19
    assert await statuses(1) == first != await statuses(2)


async def test_without_a_rate_every_request_does_and_a_request_s_own_fault_wins() -> None:
    async with MockServer(speed=math.inf, faults=["status:500"]) as server:
        response = await post(server, "scenario:plain")
        assert response.status_code == 500
        assert "the settings of the mock" in response.json()["error"]["message"]
        assert (await post(server, "scenario:plain!chunk:9")).status_code == 200


async def test_with_a_seed_answers_are_the_same_to_the_byte() -> None:
    async def answers(seed: int | None) -> list[bytes]:
        async with MockServer(speed=math.inf, seed=seed, jitter=0.0001) as server:
            return [
                (await post(server, "scenario:one-tool", stream=stream)).content
                for stream in (True, False)
            ]

    assert await answers(7) == await answers(7) != await answers(8)
    one, other = await answers(None), await answers(None)
    assert one != other
    assert json.loads(one[1])["id"] != json.loads(other[1])["id"]


# By the command line


async def test_the_command_has_the_settings() -> None:
    options = "--speed instant --jitter 0.001 --seed 1 --fault status:503;retry-after:4 --port 0"
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "mock", *options.split(), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), HANG_S)
        (url,) = re.findall(r"ANTHROPIC_BASE_URL=(\S+)", line.decode())
        async with httpx2.AsyncClient(base_url=url, trust_env=False, verify=False) as client:
            body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": []}
            refused = await client.post("/v1/messages", json=body, headers=KEY)
            body["messages"] = [{"role": "user", "content": "x"}]
            failed = await client.post("/v1/messages", json=body, headers=KEY)
    finally:
        process.kill()
        await process.communicate()
    assert (refused.status_code, failed.status_code) == (400, 503)
    assert failed.headers["retry-after"] == "4"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("--fault explode", "no such fault: 'explode' (there are: status, retry-after, fail,"),
        ("--jitter -1", "the jitter has to be 0 or more seconds, not -1.0"),
        ("--fault-rate 2", "Invalid value for '--fault-rate'"),
        ("--seed x", "Invalid value for '--seed'"),
    ],
)
def test_settings_that_cannot_be_are_one_line(
    monkeypatch: pytest.MonkeyPatch, options: str, problem: str
) -> None:
    result = run_command(monkeypatch, "mock", *options.split())
    assert result.status == 2
    assert result.one_line().startswith(problem)
