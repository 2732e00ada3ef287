"""Real clients through the relay: the SDK sees what it sees directly, whatever goes wrong."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from tests.limits import HANG_S
from tests.loopback import KEY, request_bytes
from tests.mock.test_mock import events
from tests.relay.recorded import ASK, body_of, payload, recording, runs_of
from tests.relay.stage import Staged, all_of, relay_to, until
from tests.servers import MockServer, open_requests
from tui.relay.tape_queue import TapeSettings
from tui.scenarios import names

pytestmark = pytest.mark.asyncio

FAULTS: Final = (
    *("", "status:400", "status:401", "status:404", "status:413", "status:500", "status:529"),
    *("status:429;retry-after:2", "fail:1", "overloaded", "overloaded:0", "fragments:900"),
    *("cut:0", "cut:1", "cut:500", "eof:0", "eof:500", "garbage", "chunk:7", "chunk:1"),
    *("stall:0.01", "slow-start:0.01"),
)
CLOSING: Final = {**KEY, "connection": "close"}


@asynccontextmanager
async def both(speed: float = math.inf) -> AsyncIterator[tuple[MockServer, Staged]]:
    """A mock, and a relay to it."""
    async with MockServer(speed=speed, seed=1) as mock, relay_to(mock.url) as relay:
        yield mock, relay


def client(url: str) -> AsyncAnthropic:
    # To read all certificates of the system for each client takes longer than the rest.
    plain = httpx2.AsyncClient(verify=False)
    return AsyncAnthropic(api_key="k", base_url=url, max_retries=0, http_client=plain)


async def streamed(url: str, fault: str) -> tuple[object, ...]:
    """What the SDK makes of a stream: status, body, and the kind of its end."""
    headers = {"x-streamscope-fault": fault} if fault else {}
    data = bytearray()
    model = "scenario:two-tools"
    status: int | None = None
    try:
        async with client(url) as sdk:
            async with sdk.messages.with_streaming_response.create(
                model=model, stream=True, extra_headers=headers, max_tokens=999,
                messages=[{"role": "user", "content": "Hi"}],
            ) as response:  # fmt: skip
                status = response.status_code
                kind = response.headers["content-type"]
                async for part in response.iter_bytes():
                    data += part
    except anthropic.APIStatusError as error:
        body = {**error.body, "request_id": ""} if isinstance(error.body, dict) else error.body
        retry = error.response.headers.get("retry-after")
        return error.status_code, type(error), body, retry
    except (anthropic.APIError, httpx2.HTTPError) as error:
        return status, len(data), type(error)
    return status, kind, len(data), events(bytes(data)), "eof"


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_sdk_sees_what_it_sees_directly(fault: str) -> None:
    async with MockServer(speed=math.inf, seed=1) as mock:
        direct = await streamed(mock.url, fault)
    async with both() as (_, relay):
        assert await streamed(relay.url, fault) == direct
        assert relay.forwarder.messages == 1


async def test_every_demo_passes() -> None:
    async with both() as (mock, relay):
        for scenario in names():
            asked = {**ASK, "model": f"scenario:{scenario}", "max_tokens": 4096}
            found = [await posted(url, asked) for url in (mock.url, relay.url)]
            assert found[0] == found[1], scenario


async def posted(url: str, body: object) -> tuple[object, ...]:
    """What a plain client makes of a stream."""
    port = int(url.rpartition(":")[2])
    data = json.dumps(body)
    request = request_bytes(port, "POST /v1/messages HTTP/1.1", data, CLOSING)
    answer, how = await all_of(port, request)
    return answer.partition(b"\r\n")[0], events(payload(answer)), how


async def test_whole_answers_counts_and_models_pass() -> None:
    turns: Any = [{"role": "user", "content": "Hi"}]
    async with both() as (_, relay), client(relay.url) as sdk:
        message = await sdk.messages.create(model="scenario:plain", max_tokens=99, messages=turns)
        counted = await sdk.messages.count_tokens(model="scenario:plain", messages=turns)
        models = [model.id async for model in sdk.models.list(limit=5)]
        with pytest.raises(anthropic.NotFoundError):
            await sdk.models.retrieve("no-such-model")
    assert message.usage.output_tokens > 0 and counted.input_tokens > 0 and len(models) > 5
    assert [heard.target.partition("?")[0] for heard in relay.tape.heard] == [
        *("/v1/messages", "/v1/messages/count_tokens")
    ]
    assert sum(relay.forwarder.others.values()) >= 3


async def test_fifty_at_once_are_not_mixed_up(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    scenarios = [name for name in names() if name not in ("connection-lost", "hostile")]
    async with MockServer(speed=math.inf) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            http = httpx2.AsyncClient(trust_env=False, timeout=HANG_S, headers=KEY)

            async def one(number: int) -> tuple[str, bytes]:
                model = f"scenario:{scenarios[number % len(scenarios)]}"
                asked = {**ASK, "model": model, "system": f"{number}", "max_tokens": 4096}
                answer = await http.post(relay.server.url + "/v1/messages", json=asked)
                return f"{number}", answer.content

            async with http:
                heard = dict(await asyncio.gather(*(one(number) for number in range(50))))
    found = {str((run.request or {})["system"]): body_of(run) for run in runs_of(path)}
    assert found == heard and len(found) == 50


async def test_a_client_that_keeps_its_connection_and_packs_its_bodies() -> None:
    async with both() as (_, relay):
        async with httpx2.AsyncClient(base_url=relay.url, headers=KEY, trust_env=False) as http:
            packed = gzip.compress(json.dumps(ASK).encode())
            answers = [
                await http.post("/v1/messages", json=ASK),
                await http.post(
                    "/v1/messages", content=packed, headers={"content-encoding": "gzip"}
                ),
                await http.post("/messages", json=ASK),
                await http.get("/v1/models"),
            ]
            assert relay.server.connections <= 2
    # The mock takes no packed bodies, and says so itself.
    assert [answer.status_code for answer in answers] == [200, 400, 200, 200]
    assert "Content-Encoding" in answers[1].text
    assert relay.tape.heard[1].body == packed


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_curl_gets_every_event(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({**ASK, "system": "long " * 300_000}))  # It asks whether to go on.
    async with both() as (_, relay):
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sN", "-o", "-", "-w", "%{http_code}", relay.url + "/v1/messages"),
            *("-H", "x-api-key: k", "-H", "anthropic-version: 2023-06-01"),
            *("-H", "content-type: application/json", "-d", f"@{body}"),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert out.endswith(b"200") and b"event: message_stop" in out
    assert relay.tape.heard[0].body == body.read_bytes()


@pytest.mark.parametrize("stage", ["in the body", "before the answer", "in a stream"])
async def test_a_relay_that_is_killed_breaks_its_clients(stage: str, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    code = "from tui.cli.main import main; main()"
    async with MockServer() as mock:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code, "proxy", "--headless", "--upstream", mock.url),
            *("--record", str(path)),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=dict(os.environ),
        )
        assert process.stderr is not None
        url = (await process.stderr.readline()).decode().split()[2]

        fault = "slow-start:600" if stage == "before the answer" else "stall:600"
        port = int(url.rpartition(":")[2])
        data = json.dumps({**ASK, "model": f"scenario:plain!{fault}"})
        request = request_bytes(port, "POST /v1/messages HTTP/1.1", data, KEY)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request[:-9] if stage == "in the body" else request)
        got = b""
        if stage == "in a stream":
            got = await reader.readuntil(b"message_start")
        else:
            await until(lambda: open_requests(mock) == 1)
        # What was told before another exchange has been handed on once that one is written.
        other = json.dumps({**ASK, "model": "scenario:plain!status:500"})
        await all_of(port, request_bytes(port, "POST /v1/messages HTTP/1.1", other, CLOSING))
        await until(lambda: '"http_error"' in path.read_text())
        process.send_signal(signal.SIGKILL)
        with suppress(ConnectionError):
            while part := await reader.read(65_536):
                got += part
        assert not got.endswith(b"0\r\n\r\n") and bool(got) is (stage == "in a stream")
        writer.close()
        await process.communicate()
        # The process that writes is another one: it finishes what it was told.
        async with asyncio.timeout(HANG_S):
            while '"interrupted"' not in path.read_text():
                await asyncio.sleep(0.01)
        await until(lambda: open_requests(mock) == 0)
    found = {run.how: run for run in runs_of(path)}
    assert list(sorted(found)) == ["http_error", "interrupted"]
    broken = found["interrupted"]
    assert (broken.method, broken.url) == ("POST", mock.url + "/v1/messages")
    assert (broken.request is None) is (stage == "in the body")
