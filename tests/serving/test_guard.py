"""Who may ask a server on loopback: the guard, by raw sockets; what is no HTTP; large heads."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.loopback import exchange, request_bytes, said
from tui.serving.guard import MAX_HEADER_BYTES, refusal
from tui.serving.server import LoopbackServer

pytestmark = pytest.mark.asyncio


class Asked(LoopbackServer):
    """A server that says yes to all that its guard lets in, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(self._yes)

    async def _yes(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.raw_path)
        return web.Response(text="yes")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Asked]:
    async with Asked() as running:
        assert isinstance(running, Asked)
        yield running


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET /v1/models HTTP/1.1", {"host": "evil.example"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1:1"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": ""}, b"421"),
        ("GET /v1/models HTTP/1.0", {"host": "", "connection": "close"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "evil.example:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "localhost.evil.example:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1.evil.example:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "user@127.0.0.1:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1:{port}:80"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.0.0.1:0{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "localhost.:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "127.1:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "2130706433:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "0.0.0.0:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "::1:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"host": "[::ffff:127.0.0.1]:{port}"}, b"421"),
        ("GET /v1/models HTTP/1.1", {"origin": "http://127.0.0.1:{port}"}, b"403"),
        ("OPTIONS /v1/messages HTTP/1.1", {"origin": "http://evil.example"}, b"403"),
        ("POST /v1/messages HTTP/1.1", {"origin": "http://evil.example"}, b"403"),
        ("GET /v1/models HTTP/1.1", {"origin": "http://evil.example"}, b"403"),
        ("GET /v1/models HTTP/1.1", {"origin": "null"}, b"403"),
        ("GET /v1/models HTTP/1.1", {"connection": "upgrade", "upgrade": "websocket"}, b"400"),
        ("GET /v1/models HTTP/1.1", {"connection": "upgrade", "upgrade": "h2c"}, b"400"),
        ("GET /v1/models HTTP/1.1", {"upgrade": "websocket"}, b"400"),
        ("GET http://evil.example/v1/models HTTP/1.1", {}, b"400"),
        ("GET http://127.0.0.1:{port}/v1/models HTTP/1.1", {}, b"400"),
        ("CONNECT evil.example:443 HTTP/1.1", {}, b"400"),
        ("CONNECT 127.0.0.1:{port} HTTP/1.1", {}, b"400"),
        ("OPTIONS * HTTP/1.1", {}, b"400"),
        ("POST /v1/messages HTTP/1.1", {"transfer-encoding": "chunked"}, b"400"),
        ("GET /v1/models HTTP/1.1", {"x-large": "x" * 65_536}, b"431"),
    ],
)
async def test_strangers_are_refused(
    server: Asked, line: str, headers: dict[str, str], status: bytes
) -> None:
    filled = {name: value.replace("{port}", str(server.port)) for name, value in headers.items()}
    answer = await exchange(server.port, line.replace("{port}", str(server.port)), headers=filled)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == status
    assert json.loads(body)["type"] == "error"
    assert b"access-control" not in head.lower()
    assert not server.asked


@pytest.mark.parametrize(
    "fields",
    [
        "host: 127.0.0.1:{port}\r\nhost: evil.example",
        "host: 127.0.0.1:{port}\r\ncontent-length: 2\r\ncontent-length: 3",
        "host: 127.0.0.1:{port}\r\ntransfer-encoding: gzip, chunked",
        "x: no host at all",
        "host 127.0.0.1",
    ],
)
async def test_what_is_no_proper_request_is_not_answered(server: Asked, fields: str) -> None:
    head = f"POST /v1/messages HTTP/1.1\r\n{fields}\r\n\r\n".replace("{port}", str(server.port))
    answer = await said(server.port, head.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
    assert not server.asked


HEAD = "POST / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
BODY = "4\r\nabcd\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        # How long is the body? Two readers could disagree.
        "content-length: 4\r\ncontent-length: 4\r\n\r\nabcd",
        "content-length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        "content-length: 4, 4\r\n\r\nabcd",
        "content-length: +4\r\n\r\nabcd",
        "content-length: -4\r\n\r\nabcd",
        "content-length: 0x4\r\n\r\nabcd",
        "content-length: 4 4\r\n\r\nabcd",
        "content-length:\r\n\r\nabcd",
        f"content-length: {'9' * 40}\r\n\r\nabcd",
        "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n" + BODY,
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n" + BODY,
        "transfer-encoding: chunked, chunked\r\n\r\n" + BODY,
        "transfer-encoding: chunked, gzip\r\n\r\n" + BODY,
        "transfer-encoding: xchunked\r\n\r\n" + BODY,
        # Where does a field end?
        "x: a\r\n b: folded\r\n\r\n",
        "x : space before the colon\r\n\r\n",
        " x: space before the name\r\n\r\n",
        "x: a\x00b\r\n\r\n",
        "x: a\rb\r\n\r\n",
        "x: a\nb: c\r\n\r\n",
        "\x16\x03\x01: tls\r\n\r\n",
        ": no name\r\n\r\n",
    ],
)
async def test_what_two_readers_could_read_in_two_ways_is_refused(
    server: Asked, request_: str
) -> None:
    answer = await said(server.port, (HEAD + request_).format(port=server.port).encode("latin-1"))
    assert answer.split(b" ")[1] == b"400"
    assert answer.count(b"HTTP/1.") == 1  # What follows is no request of its own.
    shape = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert shape["error"]["type"] == "invalid_request_error"
    assert not server.asked


@pytest.mark.parametrize(
    "data",
    [
        b"canary\r\n\r\n",
        b"GET /canary\r\n\r\n",
        b"GET / HTTP/9.canary\r\n\r\n",
        b"CANARY / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00canary\r\n\r\n",
        b"GET /\x1b]0;canary\x07 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\ncanary\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: canary\r\n\r\n",
        b"GET / HTTP/1.1\r\n\xff: canary\r\n\r\n",
    ],
)
async def test_what_was_said_is_neither_repeated_nor_logged(
    server: Asked, data: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await said(server.port, data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert 400 <= int(head.split(b" ")[1]) < 500
    assert json.loads(body)["type"] == "error"
    assert b"canary" not in answer.lower()
    assert not [record for record in caplog.records if record.name != "asyncio"]
    assert capfd.readouterr() == ("", "")
    assert not server.asked


async def test_no_answer_lets_a_web_page_read_it(server: Asked) -> None:
    for headers in ({}, {"origin": "http://evil.example"}):
        for method in ("GET", "OPTIONS"):
            answer = await exchange(
                server.port, f"{method} / HTTP/1.1", headers=headers, close=True
            )
            assert b"access-control" not in answer.lower()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_local_names_are_let_in(server: Asked, name: str) -> None:
    host = {"host": f"{name}:{server.port}"}
    answer = await exchange(server.port, "GET /v1/models HTTP/1.1", headers=host, close=True)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert server.asked == ["/v1/models"]


async def test_the_default_port_may_be_left_out() -> None:
    def asked(headers: Mapping[str, str], port: int) -> bool:
        return refusal(make_mocked_request("GET", "/", headers=headers), port) is None

    assert asked({"host": "[::1]"}, 80)
    assert asked({"host": "localhost:9"}, 9)
    assert not asked({"host": "localhost"}, 9)
    assert not asked({}, 80)


# How large a head may be


async def test_a_head_of_64_kib_passes_and_no_more(server: Asked) -> None:
    fields = {f"x-{at}": "v" * 1000 for at in range(60)}
    answer = await exchange(server.port, "GET / HTTP/1.1", headers=fields, close=True)
    assert answer.startswith(b"HTTP/1.1 200 ")
    for large in (
        {f"x-{at}": "v" * 1000 for at in range(70)},
        {"x": "v" * (MAX_HEADER_BYTES + 1)},
        {"n" * (MAX_HEADER_BYTES + 1): "v"},
    ):
        answer = await exchange(server.port, "GET / HTTP/1.1", headers=large)
        assert answer.split(b" ")[1] == b"431"
    answer = await exchange(server.port, f"GET /{'p' * (MAX_HEADER_BYTES + 1)} HTTP/1.1")
    assert answer.split(b" ")[1] == b"431"
    assert len(server.asked) == 1


async def test_a_head_without_an_end_is_not_held(server: Asked) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\n")
    line, sent = b"x: " + b"v" * 8000 + b"\r\n", 0
    try:
        # Line by line, as one that is in no hurry would send it: each by itself is small.
        while not reader.at_eof() and sent < 50 * MAX_HEADER_BYTES:
            writer.write(line)
            await writer.drain()
            sent += len(line)
            await asyncio.sleep(0)
        answer = await reader.read()
    except ConnectionError:
        answer = b""
    writer.close()
    assert sent < 10 * MAX_HEADER_BYTES
    assert not answer or answer.split(b" ")[1] == b"431"
    assert not server.asked


async def test_requests_behind_each_other_are_each_answered(server: Asked) -> None:
    one = request_bytes(server.port, "GET /1 HTTP/1.1")
    last = request_bytes(server.port, "GET /2 HTTP/1.1", headers={"connection": "close"})
    answer = await said(server.port, one * 40 + last)
    assert answer.count(b"HTTP/1.1 200 ") == 41
    assert server.asked == ["/1"] * 40 + ["/2"]
