"""Each fault that findings are about, asked of the mock over HTTP: the finding says what it was.

The mock's times are told, and not waited for: a client reads at once what comes at these times.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

import anthropic
import httpx2
import pytest
import pytest_asyncio
from aiohttp import web
from anthropic import AsyncAnthropic

from tests.findings_play import codes, told
from tests.manual_clock import ManualClock
from tests.servers import MockServer
from tui.core.records import Chunk
from tui.core.session import Session
from tui.core.sse import Decoder
from tui.findings import Evidence
from tui.mock.mock import Mock, MockSettings
from tui.mock.playback import Plan, play
from tui.mock.usage import PromptCache
from tui.serving.server import LoopbackServer

S = 1_000_000_000
KEY = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
MODEL = "claude-sonnet-5-5"


class Heard(NamedTuple):
    evidence: Evidence
    response: httpx2.Response
    plan: Plan

    @property
    def text(self) -> str:
        return "".join(block.text.text() for block in self.evidence.state.blocks)


Ask = Callable[..., Any]


@pytest_asyncio.fixture
async def ask(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ask]:
    plans: list[Plan] = []

    async def at_once(
        plan: Plan, request: web.BaseRequest, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        plans.append(plan)
        chunks = tuple(Chunk(0, chunk.data) for chunk in plan.chunks)
        return await play(Plan(chunks, plan.how, 0), request, headers)

    monkeypatch.setattr("tui.mock.mock.play", at_once)
    async with (
        MockServer() as server,
        httpx2.AsyncClient(base_url=server.url, trust_env=False, verify=False) as client,
    ):

        async def heard(fault: str, model: str = MODEL, **more: object) -> Heard:
            prompt = more.pop("prompt", "Tell me a long story")
            messages = [{"role": "user", "content": prompt}]
            body = {"model": model, "max_tokens": 64_000, "messages": messages, "stream": True}
            body |= more
            headers = KEY | ({"x-streamscope-fault": fault} if fault else {})
            response = await client.post("/v1/messages", json=body, headers=headers)
            assert response.status_code == 200, response.text
            return Heard(_evidence(body, response, plans[-1]), response, plans[-1])

        yield heard


def _evidence(body: dict[str, Any], response: httpx2.Response, plan: Plan) -> Evidence:
    """The stream as it was received, at the times at which it was sent."""
    sent = b"".join(chunk.data for chunk in plan.chunks)
    packed = response.headers.get("content-encoding") == "gzip"
    assert response.content == (zlib.decompress(sent, 31) if packed else sent)
    unpacker = zlib.decompressobj(31)
    session = Session()
    for t_ns, data in plan.chunks:
        session.feed(t_ns, unpacker.decompress(data) if packed else data)
    session.finish(plan.end_ns)
    head = {name.lower(): value for name, value in response.headers.items()}
    return Evidence(session.run, request=body, status=response.status_code, headers=head)


TOOL = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string"}, "unit": {"enum": ["celsius"]}},
        "required": ["location", "unit"],
    },
}
WEATHER: dict[str, Any] = {"prompt": "What is the weather in Oslo?", "tools": [TOOL]}


async def test_without_a_fault_all_is_well(ask: Ask) -> None:
    heard = await ask("")
    assert codes(heard.evidence) == ["healthy"]
    assert codes((await ask("", **WEATHER)).evidence) == ["healthy"]


async def test_all_in_one_write_is_buffered(ask: Ask) -> None:
    plain, heard = await ask(""), await ask("buffer")
    assert len(heard.plan.chunks) == 1 and heard.text == plain.text
    assert heard.plan.chunks[0].t_ns == plain.plan.chunks[-1].t_ns
    finding = told(heard.evidence)["buffered"]
    assert finding.values["reads"] == 1 and finding.values["share"] == 1


async def test_many_events_a_write_are_bunched(ask: Ask) -> None:
    plain, heard = await ask(""), await ask("bunch:20")
    assert heard.text == plain.text
    decoder = Decoder()
    sizes = [len(list(decoder.feed(data))) for _, data in heard.plan.chunks]
    assert set(sizes[:-1]) == {20} and 0 < sizes[-1] <= 20
    assert heard.plan.chunks[-1].t_ns == plain.plan.chunks[-1].t_ns
    assert told(heard.evidence)["bunched"].values["median"] == 20
    # Under the threshold of the finding.
    assert "bunched" not in told((await ask("bunch:7")).evidence)


async def test_what_is_packed_is_compressed(ask: Ask) -> None:
    plain, heard = await ask(""), await ask("compress")
    assert heard.response.headers["content-encoding"] == "gzip"
    assert heard.text == plain.text
    assert len(heard.plan.chunks) == len(plain.plan.chunks)
    # Every event can be read when it comes, at its own time.
    assert [record.t_ns for record in heard.evidence.run.timeline.records()] == [
        record.t_ns for record in plain.evidence.run.timeline.records()
    ]
    assert told(heard.evidence)["compressed"].values == {"content_encoding": "gzip"}


async def test_held_back_tool_input_is_withheld(ask: Ask) -> None:
    plain, heard = await ask("", **WEATHER), await ask("hold-tools:3", **WEATHER)
    assert heard.evidence.state.blocks[1].input == plain.evidence.state.blocks[1].input
    assert heard.plan.end_ns == plain.plan.end_ns + 3 * S
    finding = told(heard.evidence)["withheld_tool_input"]
    assert finding.values["pieces"] == 1 and finding.values["total_s"] >= 3
    assert "get_weather" in finding.text
    # Held until it is whole and no longer: all fragments of a block at once.
    whole = await ask("hold-tools", model="scenario:two-tools", prompt="x")
    timeline = whole.evidence.run.timeline
    for block in whole.evidence.state.blocks:
        times = {
            record.t_ns
            for record in timeline.records()
            if record.block_index == block.index
            and ((record.payload or {}).get("delta") or {}).get("partial_json")
        }
        assert len(times) == (1 if block.is_tool else 0)


async def test_a_connection_that_lingers_is_open_after_stop(ask: Ask) -> None:
    plain, heard = await ask(""), await ask("linger:30")
    assert heard.plan.chunks == plain.plan.chunks or heard.text == plain.text
    assert heard.plan.end_ns == plain.plan.end_ns + 30 * S
    assert told(heard.evidence)["open_after_stop"].values["open_s"] == pytest.approx(30, abs=0.01)
    assert "open_after_stop" not in told((await ask("linger:1.9")).evidence)


async def test_what_is_not_counted_is_usage_missing(ask: Ask) -> None:
    heard = await ask("no-usage")
    assert b'"usage"' not in heard.response.content
    assert codes(heard.evidence)[0] == "usage_missing"


async def test_events_without_names_are_a_gateway(ask: Ask) -> None:
    plain, heard = await ask(""), await ask("no-event-names")
    assert b"event:" not in heard.response.content and heard.text == plain.text
    assert "no event: names" in told(heard.evidence)["gateway"].text


async def test_another_model_differs(ask: Ask) -> None:
    for fault, model, answers in (
        ("other-model", MODEL, "claude-haiku-4-5"),
        ("other-model", "claude-haiku-4-5", "claude-opus-4-8"),
        ("other-model:gpt-9", MODEL, "gpt-9"),
    ):
        heard = await ask(fault, model=model)
        values = told(heard.evidence)["model_differs"].values
        assert values == {"asked": model, "answered": answers}


async def test_a_fault_behind_the_model_s_name_is_no_other_model(ask: Ask) -> None:
    for model in (MODEL, "scenario:tour"):
        assert codes((await ask("", model=f"{model}!chunk:50")).evidence) == ["healthy"]


@pytest.mark.parametrize("name", ["two-tools", "fine-grained", "tour"])
@pytest.mark.parametrize("number", ["", ":1", ":2", ":3", ":9", ":9999"])
async def test_the_broken_fragment_is_the_one_that_is_named(
    ask: Ask, name: str, number: str
) -> None:
    heard = await ask(f"invalid-json{number}", model=f"scenario:{name}", prompt="x")
    finding = told(heard.evidence)["invalid_tool_json"]
    block = next(block for block in heard.evidence.state.blocks if block.is_tool)
    filled = [size for size in block.fragments if size]
    at = min(int(number[1:] or (len(filled) + 1) // 2), len(filled))
    record = heard.evidence.run.timeline.record(finding.events[0])
    fragment = (record.payload or {})["delta"]["partial_json"]
    before = sum(filled[: at - 1])
    assert len(fragment) == filled[at - 1]
    assert before <= finding.values["character"] < before + len(fragment)
    assert f"event {finding.events[0]}" in finding.text


async def test_without_a_tool_there_is_no_json_to_break(ask: Ask) -> None:
    assert codes((await ask("invalid-json;hold-tools:9")).evidence) == ["healthy"]


async def test_errors_limits_and_silences_have_their_findings(ask: Ask) -> None:
    for fault, code in (
        ("eof:900", "cut_off"),
        ("overloaded", "api_error"),
        ("stall:9", "stall"),
        ("slow-start:9", "slow_first_byte"),
        ("eof:0", "no_answer"),
    ):
        assert code in codes((await ask(fault)).evidence), fault


async def test_the_sdk_reads_them_all(ask: Ask) -> None:
    base = str((await ask("")).response.url.copy_with(path=""))
    story = (await ask("")).text
    async with AsyncAnthropic(api_key="k", base_url=base, max_retries=0) as client:

        async def said(fault: str) -> anthropic.types.Message:
            async with client.messages.stream(
                model=MODEL,
                max_tokens=64_000,
                messages=[{"role": "user", "content": "Tell me a long story"}],
                extra_headers={"x-streamscope-fault": fault},
            ) as stream:
                return await stream.get_final_message()

        for fault in ("buffer", "bunch:9", "compress", "compress;chunk:3", "linger:9"):
            (block,) = (await said(fault)).content
            assert block.type == "text" and block.text == story
        assert (await said("other-model")).model == "claude-haiku-4-5"


# The cache


async def test_a_prefix_that_ran_out_is_cache_cold() -> None:
    clock = ManualClock()
    handler = Mock(MockSettings(speed=math.inf))
    handler.cache = PromptCache(now=clock)
    system = [{"type": "text", "text": "word " * 1_000, "cache_control": {"type": "ephemeral"}}]
    body: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 64,
        "system": system,
        "messages": [{"role": "user", "content": "Count to 3"}],
        "stream": True,
    }
    async with (
        LoopbackServer(handler) as server,
        httpx2.AsyncClient(base_url=server.url, trust_env=False, verify=False) as client,
    ):

        async def heard(after_s: int, before: Evidence | None = None) -> Evidence:
            clock.now_ns += after_s * S
            response = await client.post("/v1/messages", json=body, headers=KEY)
            session = Session(timed=False)
            session.feed(0, response.content)
            session.finish(0)
            return Evidence(session.run, request=body, sent_ns=clock.now_ns, before=before)

        first = await heard(0)
        again = await heard(299, first)
        late = await heard(301, again)
    written = {"ephemeral_5m_input_tokens": 1_253, "ephemeral_1h_input_tokens": 0}
    assert first.state.usage["cache_creation"] == written
    assert again.state.usage["cache_read_input_tokens"] == 1_253
    assert codes(again) == ["healthy"]
    assert late.state.usage["cache_read_input_tokens"] == 0
    assert "5 min 1 s passed since, and it was written for 5 min" in told(late)["cache_cold"].text
