"""A mock that answers from a capture: which answer, how it is given, and what is said of it."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.command_line import run_command
from tests.limits import HANG_S
from tests.loopback import exchange
from tests.playbook import message_start, message_stop, text_block, wire
from tests.relay.recorded import payload, recording
from tests.servers import MockServer
from tui.captures.writer import CaptureWriter
from tui.mock.matching import Matching, MatchMode, content_of, endpoint, first_difference
from tui.mock.mock import MockSettings
from tui.mock.recorded import MATCH_HEADER, RecordedMock, recorded_mock
from tui.relay.tape_queue import TapeSettings
from tui.serving.server import LoopbackServer

INSTANT: Final = MockSettings(speed=math.inf)
SSE: Final = {"content-type": "text/event-stream", "request-id": "req_old"}


def ask(*texts: str, **more: object) -> dict[str, Any]:
    turns = [
        {"role": "assistant" if number % 2 else "user", "content": text}
        for number, text in enumerate(texts)
    ]
    return {"model": "m", "max_tokens": 9, "messages": turns, **more}


def stream(text: str) -> bytes:
    parts = (message_start(), *text_block(0, text), message_stop())
    return b"".join(wire(part) for part in parts)


def record(path: Path, *pairs: tuple[dict[str, Any], str], how: Any = "eof") -> Path:  # noqa: ANN401
    """A capture of requests and what they were answered."""
    writer = CaptureWriter(path)
    for request, text in pairs:
        run = writer.begin()
        run.request(request, url="https://x.example/v1/messages")
        run.response(5, 200, SSE)
        data = stream(text)
        run.chunk(10, data[:60])
        run.chunk(20, data[60:])
        run.end(30, how, None)
    writer.close()
    return path


class Asked:
    """A mock of a capture, and its log."""

    def __init__(self, port: int, log: list[str]) -> None:
        self.port = port
        self.log = log

    async def post(self, body: object, path: str = "/v1/messages", **headers: str) -> bytes:
        line = f"POST {path} HTTP/1.1"
        data = json.dumps(body)
        return await exchange(self.port, line, body=data, close=True, headers=headers)


@asynccontextmanager
async def serving(
    path: Path, mode: MatchMode = "content", settings: MockSettings = INSTANT
) -> AsyncIterator[Asked]:
    log: list[str] = []
    handler: RecordedMock = recorded_mock(path, mode, settings, log.append)
    async with LoopbackServer(handler) as server:
        yield Asked(server.port, log)


def match_of(answer: bytes) -> str:
    fields = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    named = dict(field.split(": ", 1) for field in fields)
    return named[MATCH_HEADER]


async def test_a_recorded_answer_is_given_again_and_again(tmp_path: Path) -> None:
    path = record(tmp_path / "kept", (ask("a"), "one"), (ask("b"), "two"))
    async with serving(path) as mock:
        for _ in range(3):
            answer = await mock.post(ask("b"))
            assert payload(answer) == stream("two") and b"request-id: req_old" in answer
            assert match_of(answer).startswith("r2: the same content")
    assert mock.log[0] == "POST /v1/messages -> r2: the same content"
    assert mock.log[2].endswith("again (3)")


async def test_equal_requests_take_turns(tmp_path: Path) -> None:
    path = record(tmp_path / "kept", (ask("a"), "one"), (ask("a"), "two"))
    async with serving(path) as mock:
        found = [payload(await mock.post(ask("a"))) for _ in range(3)]
    assert found == [stream("one"), stream("two"), stream("two")]


@pytest.mark.parametrize(
    ("request_", "modes"),
    [
        (dict(reversed(ask("a", system="s").items())), ("exact", "content")),
        (ask("a", system="s", metadata={"user_id": "me"}), ("content",)),
        (ask("a", system=[{"type": "text", "text": "s"}]), ()),
        (ask("other"), ()),
    ],
)
async def test_what_counts_as_the_same(
    request_: dict[str, Any], modes: tuple[str, ...], tmp_path: Path
) -> None:
    path = record(tmp_path / "kept", (ask("a", system="s"), "one"))
    every: tuple[MatchMode, ...] = ("exact", "content", "order")
    for mode in every:
        async with serving(path, mode) as mock:
            found = b" 200 " in (await mock.post(request_)).partition(b"\r\n")[0]
        assert found is (mode in modes or mode == "order")


async def test_by_order_each_gets_the_next_one(tmp_path: Path) -> None:
    path = record(tmp_path / "kept", (ask("a"), "one"), (ask("b"), "two"))
    async with serving(path, "order") as mock:
        found = [payload(await mock.post(ask("x"))) for _ in range(3)]
    assert found == [stream("one"), stream("two"), stream("two")]


async def test_what_was_never_recorded_says_what_is_nearest(tmp_path: Path) -> None:
    path = record(tmp_path / "kept", (ask("z"), "one"), (ask("a", "x", "b"), "two"))
    async with serving(path) as mock:
        answer = await mock.post(ask("a", "x", "c"))
        other = await mock.post(ask("a"), "/v1/other")
    assert answer.startswith(b"HTTP/1.1 404 ")
    error = json.loads(payload(answer))["error"]
    reason = 'nearest is r2: messages[2].content is "b" recorded, "c" asked'
    assert error == {"type": "not_found_error", "message": f"Never recorded: {reason}"}
    assert match_of(answer) == f"none; {reason}"
    assert mock.log[0] == f"POST /v1/messages -> 404, {reason}"
    assert "nothing was recorded for POST /v1/other" in match_of(other)


async def test_secrets_are_masked_before_they_are_compared(tmp_path: Path) -> None:
    asked = ask("my key is sk-ant-canary-123")
    path = record(tmp_path / "kept", (asked, "one"))
    assert "canary" not in path.read_text()
    async with serving(path, "exact") as mock:
        answer = await mock.post(ask("my key is sk-ant-another-456"))
    assert payload(answer) == stream("one")


@pytest.mark.parametrize("text", ["a\r\nx-evil: 1", "\x1b[2J", "\x00", "\ud800"])
async def test_a_header_that_cannot_be_one_is_left_out(tmp_path: Path, text: str) -> None:
    path = record(tmp_path / "kept", (ask("a"), "one"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[2]["headers"] |= {"x-odd": text, f"x-{text}": "1", "": "1", "x-good": "ä"}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    async with serving(path) as mock:
        answer = await mock.post(ask("a"))
    assert answer.startswith(b"HTTP/1.1 200 ") and "x-good: ä".encode() in answer
    assert b"x-odd" not in answer and b"evil" not in answer and payload(answer) == stream("one")


async def test_what_is_no_answer_is_never_given(tmp_path: Path) -> None:
    path = record(tmp_path / "kept", (ask("a"), "one"), (ask("b"), "two"))
    path.write_text(path.read_text().replace('"status":200', '"status":101', 1))
    async with serving(path) as mock:
        assert b"404" in (await mock.post(ask("a")))[:20]


async def test_the_log_has_no_control_codes(tmp_path: Path) -> None:
    path = record(tmp_path / "kept", (ask("a"), "one"))
    path.write_text(path.read_text().replace('"r1"', '"r\\u001b[31m"'))
    async with serving(path) as mock:
        await mock.post(ask("a"))
        await exchange(mock.port, "GET /x%1b%5b2J%0ay HTTP/1.1", close=True)
    assert len(mock.log) == 2 and all(line.isprintable() for line in mock.log)


async def test_what_broke_off_breaks_off_again(tmp_path: Path) -> None:
    path = record(tmp_path / "kept", (ask("a"), "one"), how="reset")
    async with serving(path) as mock:
        with pytest.raises(ConnectionResetError):
            await mock.post(ask("a"))


async def test_faults_come_on_top(tmp_path: Path) -> None:
    path = record(tmp_path / "kept", (ask("a"), "one"))
    async with serving(path) as mock:
        answer = await mock.post(ask("a", model="m!status:429;retry-after:2"))
        assert answer.startswith(b"HTTP/1.1 429 ") and b"retry-after: 2" in answer
        header = {"x-streamscope-fault": "eof:100"}
        assert payload(await mock.post(ask("a"), **header)) == stream("one")[:100]
        assert b"overloaded_error" in await mock.post(ask("a", model="m!overloaded:0"))
        assert (await mock.post(ask("a", model="m!no:1"))).startswith(b"HTTP/1.1 400 ")
    every = MockSettings(speed=math.inf, faults=("status:529",))
    async with serving(path, settings=every) as mock:
        assert (await mock.post(ask("a"))).startswith(b"HTTP/1.1 529 ")


async def test_what_a_relay_recorded_is_answered_as_it_was(tmp_path: Path) -> None:
    """Streams, whole answers, counts and refusals: recorded through the relay, then replayed."""
    path = tmp_path / "kept.jsonl"
    base = ask("Hi", model="scenario:two-tools", max_tokens=200)
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/v1/messages", {**base, "stream": True}),
        ("/v1/messages", base),
        ("/v1/messages", {**base, "max_tokens": -1}),
    ]
    requests.append(("/v1/messages/count_tokens", {k: base[k] for k in ("model", "messages")}))
    async with MockServer(speed=math.inf) as mock:
        async with recording(mock.url, TapeSettings(str(path))) as relay:
            heard = [(await relay.post(body, where))[0] for where, body in requests]
    async with serving(path) as again:
        for (where, body), first in zip(requests, heard, strict=True):
            answer = await again.post(body, where)
            assert payload(answer) == payload(first)
            assert answer.partition(b"\r\n")[0] == first.partition(b"\r\n")[0]


@pytest.mark.parametrize("stream", [True, False])
async def test_what_was_recorded_without_content_matches_by_its_shape(
    stream: bool, tmp_path: Path
) -> None:
    path = tmp_path / "kept.jsonl"
    body = ask("Why is the sky dark?", model="scenario:plain", max_tokens=200, stream=stream)
    async with MockServer(speed=math.inf) as mock:
        async with recording(mock.url, TapeSettings(str(path), content=False)) as relay:
            await relay.post(body)
    async with serving(path) as again:
        answer = await again.post(body)
        assert answer.startswith(b"HTTP/1.1 200 ") and b"xxx" in payload(answer)
        assert match_of(answer) == "r1: the same shape, recorded without content"
        other = await again.post({**body, "messages": [{"role": "user", "content": "Why?"}]})
        assert other.startswith(b"HTTP/1.1 404 ")


async def test_where_ci_is_set_nothing_is_waited_for(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "slow.jsonl")
    run = writer.begin()
    run.request(ask("a"), url="https://x.example/v1/messages")
    run.response(5, 200, SSE)
    run.chunk(3_600 * 10**9, stream("an hour later"))
    run.end(7_200 * 10**9, "eof", None)
    writer.close()
    command = ("mock", "--from", str(tmp_path / "slow.jsonl"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from tui.cli.main import main; main()", *command),
        env={**os.environ, "CI": "true"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode()
        port = int(said.split()[3].rstrip(",").rpartition(":")[2])
        async with asyncio.timeout(HANG_S):
            answer = await Asked(port, []).post(ask("a"))
    finally:
        process.kill()
        await process.wait()
    assert payload(answer) == stream("an hour later")


@pytest.mark.parametrize(
    ("recorded", "asked", "said"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, "a[1] is 2 recorded, 3 asked"),
        ({"a": 1}, {"a": 1, "b": 2}, "b is only in the asked one"),
        ({"a": 1, "b": 2}, {"a": 1}, "b is only in the recorded one"),
        ({"a": [1]}, {"a": [1, 2]}, "a has 1 recorded, 2 asked"),
        ({"a": True}, {"a": 1}, "a is true recorded, 1 asked"),
        (None, {"a": 1}, 'the body is null recorded, {"a": 1} asked'),
        ({"a": {"b": "x" * 99}}, {"a": {"b": "y"}}, "a.b is "),
        ({"a": 1}, {"a": 1}, None),
    ],
)
def test_the_first_difference(recorded: object, asked: object, said: str | None) -> None:
    found = first_difference(recorded, asked)
    assert found is None if said is None else (found or "").startswith(said)


def test_a_gateway_s_path_is_the_api_s() -> None:
    for target in ("https://x/base/v1/messages?beta=true", "/v1/messages", "/messages"):
        assert endpoint("POST", target) == "POST /v1/messages"
    assert endpoint("POST", "https://x/model/m/invoke") == "POST /model/m/invoke"
    assert content_of(None) is None and len(Matching([], "exact")) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--match", "exact"], "--match needs --from"),
        (["--from", "no/such"], "no/such: no such file"),
    ],
)
def test_options_that_cannot_be(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run_command(monkeypatch, "mock", *arguments)
    assert result.status == 2 and said in result.one_line()


def test_a_capture_without_an_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept"
    writer = CaptureWriter(path)
    writer.begin().request(ask("a"))
    writer.close()
    result = run_command(monkeypatch, "mock", "--from", str(path))
    assert result.status == 2 and "no answer" in result.one_line()
