"""What a client gets through the relay is what it gets directly, for every fault of the mock."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Final, NamedTuple

import pytest

from tests.loopback import KEY, request_bytes
from tests.relay.stage import Talk, all_of, break_off, raw_upstream, relay_to
from tests.servers import MockServer

pytestmark = pytest.mark.asyncio

FAULTS: Final = (
    *("", "status:400", "status:401", "status:403", "status:404", "status:413", "status:500"),
    *("status:429;retry-after:2", "status:529", "status:599", "fail:1", "overloaded"),
    *("overloaded:0", "invalid-json", "invalid-json:3", "no-usage", "no-event-names"),
    *("other-model", "fragments:900", "hold-tools", "bunch:20", "buffer", "compress", "cut:0"),
    *("cut:1", "cut:500", "eof:0", "eof:1", "eof:500", "stall:0.01", "slow-start:0.01"),
    *("linger:0.01", "garbage", "chunk:1", "chunk:7", "compress;cut:99", "chunk:3;eof:99"),
)
MESSAGES: Final = "POST /v1/messages HTTP/1.1"
OTHERS: Final = {
    "counted tokens": ("POST /v1/messages/count_tokens HTTP/1.1", {"max_tokens": ...}),
    "models": ("GET /v1/models HTTP/1.1", None),
    "one model": ("GET /v1/models/claude-sonnet-5-5?x=1&y=%20 HTTP/1.1", None),
    "a head": ("HEAD /v1/models HTTP/1.1", None),
    "no such path": ("GET /nothing HTTP/1.1", None),
    "another method": ("PUT /v1/messages HTTP/1.1", {}),
    "no JSON": (MESSAGES, "{"),
    "an old client": ("POST /v1/messages HTTP/1.0", {}),
}


class Answer(NamedTuple):
    """An answer without what belongs to its connection."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    end: str
    """Whether the body was whole by its framing, and how the connection ended."""


def parsed(data: bytes, end: str) -> Answer:
    head, found, rest = data.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    headers = [(name, value) for name, _, value in (field.partition(b": ") for field in fields)]
    lowered = {name.lower(): value for name, value in headers}
    whole = bool(found)
    if lowered.get(b"transfer-encoding") == b"chunked":
        body, whole = b"", False
        while not whole:
            size, found, rest = rest.partition(b"\r\n")
            if not found or len(rest) < int(size, 16):
                body += rest if found else b""
                break
            body += rest[: int(size, 16)]
            whole = int(size, 16) == 0
            rest = rest[int(size, 16) + 2 :]
    else:
        body = rest
        if length := lowered.get(b"content-length"):
            whole = len(body) == int(length)
    own = (b"connection", b"transfer-encoding", b"date")
    kept = sorted((n.lower(), v) for n, v in headers if n.lower() not in own)
    return Answer(line, kept, body, f"{'whole' if whole else 'cut'}, {end}")


async def answered(port: int, line: str, body: object, fault: str) -> Answer:
    headers = {**KEY, "connection": "close", "content-type": "application/json"}
    if fault:
        headers["x-streamscope-fault"] = fault
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    return parsed(*await all_of(port, request_bytes(port, line, text, headers)))


def tapped(port: int, heard: list[bytes]) -> Talk:
    """Hands each connection on to a port, keeps what is answered, and ends as that one does."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        name = b"127.0.0.1:%d"
        own = name % writer.get_extra_info("sockname")[1]
        asking = asyncio.create_task(_copied(reader, back, own, name % port))
        try:
            while data := await there.read(65_536):
                heard.append(data)
                writer.write(data)
        except ConnectionError:
            await writer.drain()
            break_off(writer)
        finally:
            asking.cancel()
            back.close()

    return talk


async def _copied(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, own: bytes, other: bytes
) -> None:
    while data := await reader.read(65_536):
        writer.write(data.replace(own, other))


async def all_three(line: str, body: object, fault: str = "") -> tuple[Answer, Answer, str]:
    """What the upstream said, what the client got of it, and how it ends without a relay."""
    heard: list[bytes] = []
    async with MockServer(speed=math.inf, seed=1) as mock:
        direct = await answered(mock.port, line, body, fault)
    async with MockServer(speed=math.inf, seed=1) as mock:
        async with (
            raw_upstream(tapped(mock.port, heard)) as upstream,
            relay_to(upstream.url) as relay,
        ):
            relayed = await answered(relay.port, line, body, fault)
            return parsed(b"".join(heard), "eof"), relayed, direct.end


def ask(**more: object) -> dict[str, object]:
    base = {"model": "scenario:two-tools", "messages": [{"role": "user", "content": "Hi"}]}
    return {
        name: value
        for name, value in {**base, "max_tokens": 64, **more}.items()
        if value is not ...
    }


def check(said: Answer, got: Answer, end: str) -> None:
    assert got[:3] == said[:3] and got.end == end


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_passes_to_the_byte(fault: str, stream: bool) -> None:
    check(*await all_three(MESSAGES, ask(stream=stream), fault))


@pytest.mark.parametrize("name", OTHERS)
async def test_every_other_answer_passes_to_the_byte(name: str) -> None:
    line, body = OTHERS[name]
    check(*await all_three(line, ask(**body) if isinstance(body, dict) else body))
