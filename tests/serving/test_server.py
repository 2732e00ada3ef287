"""The server on loopback: connections, the bodies of requests, streams, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import json
import logging
import resource
import socket
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from aiohttp import web

from tests.limits import HANG_S, until
from tests.loopback import exchange, request_bytes, said
from tests.servers import open_requests
from tui.serving.bodies import Bodies
from tui.serving.guard import Refused, bad_request
from tui.serving.server import LoopbackServer, RequestHandler
from tui.serving.streams import WRITE_BYTES, Stream, reset

pytestmark = pytest.mark.asyncio

MB = 1024 * 1024
BOMB = gzip.compress(bytes(20 * MB))
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def yes(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="yes")


async def connect(server: LoopbackServer, data: bytes = b"") -> Client:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    await writer.drain()
    return reader, writer


async def leave(*clients: Client) -> None:
    for _, writer in clients:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def is_answered(server: LoopbackServer) -> bool:
    answer = await asyncio.wait_for(exchange(server.port, "GET / HTTP/1.1", close=True), 20)
    return answer.startswith(b"HTTP/1.1 200 ")


@contextlib.asynccontextmanager
async def never_ending() -> AsyncIterator[tuple[RequestHandler, list[str]]]:
    """A handler that does not end by itself, and what happened to its requests."""
    told: list[str] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        told.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            told.append("ended")
        raise AssertionError

    yield handler, told


# Connections


async def test_a_client_that_says_nothing_is_let_go() -> None:
    async with LoopbackServer(yes, head_timeout_s=0.01) as server:
        for begun in (b"", b"GET /v1/models HT"):
            reader, writer = await connect(server, begun)
            assert await asyncio.wait_for(reader.read(), HANG_S) == b""
            await leave((reader, writer))


async def test_a_head_that_comes_byte_by_byte_gets_no_more_time() -> None:
    async with LoopbackServer(yes, head_timeout_s=0.05) as server:
        reader, writer = await connect(server)
        ended = asyncio.create_task(reader.read())
        async with asyncio.timeout(HANG_S):
            while not ended.done():
                writer.write(b"x")
                await asyncio.sleep(0.001)
        with contextlib.suppress(ConnectionError):
            assert (await ended).partition(b" ")[0] in (b"", b"HTTP/1.1")
        await leave((reader, writer))


async def test_a_connection_is_used_again_and_let_go_when_it_is_quiet() -> None:
    async with LoopbackServer(yes, head_timeout_s=0.5) as server:
        reader, writer = await connect(server)
        for _ in range(3):
            writer.write(request_bytes(server.port, "GET / HTTP/1.1"))
            assert (await reader.readuntil(b"yes")).startswith(b"HTTP/1.1 200 ")
        assert await asyncio.wait_for(reader.read(), HANG_S) == b""
        await leave((reader, writer))


async def test_a_client_that_has_asked_may_wait_for_longer() -> None:
    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        return await yes(request)

    async with LoopbackServer(slow, head_timeout_s=0.25) as server:
        async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as plain:
            response = await plain.post("/", content=b"{}")
        assert response.status_code == 200


async def test_there_are_only_so_many_connections() -> None:
    async with LoopbackServer(yes, most_connections=2) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        await until(lambda: server.connections == 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await asyncio.wait_for(reader.read(), HANG_S) == b""
        await leave(*held, (reader, writer))
        await until(lambda: server.connections == 0)
        assert await is_answered(server)


async def test_who_is_being_answered_is_never_put_out_for_another() -> None:
    async with (
        never_ending() as (handler, told),
        LoopbackServer(handler, most_connections=2) as server,
    ):
        data = request_bytes(server.port, "POST / HTTP/1.1", "{}")
        held = [await connect(server, data) for _ in range(2)]
        await until(lambda: open_requests(server) == 2)
        assert await said(server.port, data) == b""
        assert told == ["begun", "begun"]
        await leave(*held)
        await until(lambda: told.count("ended") == 2)


@pytest.mark.parametrize(
    "begun",
    [
        "POST / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: 9\r\n\r\nhal",
        "POST / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal",
        "POST / HTTP/1.1\r\nhost: 127.0",
    ],
)
async def test_512_requests_that_do_not_go_on_leave_room_for_others(begun: str) -> None:
    bodies = Bodies()

    async def reading(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            await bodies.read(request, MB)
        return await yes(request)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        async with LoopbackServer(reading) as server:
            data = begun.format(port=server.port).encode()
            held = await asyncio.gather(*(connect(server, data) for _ in range(512)))
            await until(lambda: server.connections == 512)
            if "\r\n\r\n" in begun:
                await until(lambda: open_requests(server) == 512)
            assert [await is_answered(server) for _ in range(20)] == [True] * 20
            # Only the oldest had to go.
            assert server.connections > 480
            await leave(*held)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_480_clients_at_once_are_all_let_in() -> None:
    # More than a listener's usual queue: what does not fit comes again after a second.
    async with LoopbackServer(yes) as server:
        clients = []
        for _ in range(480):
            client = socket.socket()
            client.setblocking(False)
            assert client.connect_ex(("127.0.0.1", server.port)) in (0, 115, 36)
            clients.append(client)
        # Not one turn was the server's: all wait in the queue of the listener.
        await until(lambda: server.connections == 480)
        for client in clients:
            client.close()


# Stopping


async def test_stopping_ends_requests_and_connections_and_frees_the_port() -> None:
    async with never_ending() as (handler, told):
        async with LoopbackServer(handler) as server:
            client = await connect(server, request_bytes(server.port, "POST / HTTP/1.1", "{}"))
            quiet = await connect(server)
            await until(lambda: told == ["begun"] and server.connections == 2)
        assert told == ["begun", "ended"]
        for reader, _ in (client, quiet):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        await leave(client, quiet)
        await server.aclose()
    async with LoopbackServer(yes, port=server.port) as again:
        assert await is_answered(again)
        with pytest.raises(OSError):
            async with LoopbackServer(yes, port=again.port):
                pass


async def test_200_clients_that_leave_end_their_requests_and_leave_nothing_open() -> None:
    async with never_ending() as (handler, told), LoopbackServer(handler) as server:
        data = request_bytes(server.port, "POST / HTTP/1.1", "{}")
        clients = await asyncio.gather(*(connect(server, data) for _ in range(200)))
        await until(lambda: open_requests(server) == 200)
        await leave(*clients)
        await until(lambda: not open_requests(server) and not server.connections)
        assert (told.count("begun"), told.count("ended")) == (200, 200)


# Handlers


async def test_a_handler_that_fails_hides_its_details(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def broken(request: web.BaseRequest) -> web.StreamResponse:
        raise {"/": RuntimeError, "/t": TimeoutError, "/r": Refused}[request.path](
            bad_request("secret") if request.path == "/r" else "secret"
        )

    async with LoopbackServer(broken) as server:
        with caplog.at_level(logging.DEBUG):
            for path, status in (("/", b"500"), ("/t", b"500")):
                answer = await exchange(server.port, f"GET {path} HTTP/1.1")
                assert answer.split(b" ")[1] == status
                assert b"secret" not in answer
                assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "api_error"
        refused = await exchange(server.port, "GET /r HTTP/1.1")
        assert refused.startswith(b"HTTP/1.1 400 ") and b'"message": "secret"' in refused
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name != "asyncio"]


async def test_a_handler_that_fails_in_its_head_is_answered_in_one_piece() -> None:
    async def broken(request: web.BaseRequest) -> web.StreamResponse:
        stream = Stream(request, {"x-odd": "a\nb"})
        await stream.send([b"data"])
        return await stream.end()

    async with LoopbackServer(broken) as server:
        head, _, body = (await exchange(server.port, "GET / HTTP/1.1")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ") and b"chunked" not in head.lower()
    assert b"content-length: %d" % len(body) in head.lower()
    assert json.loads(body)["error"]["type"] == "api_error"


async def test_a_handler_that_fails_in_the_midst_of_an_answer_breaks_it_off() -> None:
    async def broken(request: web.BaseRequest) -> web.StreamResponse:
        stream = Stream(request, {})
        await stream.send([b"some"])
        raise RuntimeError("secret")

    async with LoopbackServer(broken) as server:
        answer = await exchange(server.port, "GET / HTTP/1.1")
    # No second head, and no clean end.
    assert answer.endswith(b"4\r\nsome\r\n")
    assert answer.count(b"HTTP/1.1") == 1


# Bodies


def keeping(bodies: Bodies, limit: int) -> tuple[RequestHandler, list[bytes]]:
    got: list[bytes] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        got.append(await bodies.read(request, limit))
        return await yes(request)

    return handler, got


@pytest.mark.parametrize("how", ["length", "chunks"])
async def test_a_body_of_64_mib_passes_a_handler_that_takes_it_piece_by_piece(how: str) -> None:
    size, seen = 64 * MB + 1, 0

    async def counting(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal seen
        async for part in request.content.iter_any():
            seen += len(part)
        return await yes(request)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(MB)
        yield b"x"

    async with LoopbackServer(counting) as server:
        headers = {"content-length": str(size)} if how == "length" else {}
        tracemalloc.start()
        async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as plain:
            response = await plain.post("/", content=parts(), headers=headers, timeout=HANG_S)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (response.status_code, seen) == (200, size)
    assert peak < 8 * MB


async def test_a_body_may_be_as_large_as_its_limit_and_no_larger() -> None:
    handler, got = keeping(Bodies(), 5 * MB)
    async with (
        LoopbackServer(handler) as server,
        httpx2.AsyncClient(base_url=server.url, trust_env=False) as plain,
    ):

        async def chunked(size: int) -> AsyncIterator[bytes]:
            for at in range(0, size, 8192):
                yield bytes(min(8192, size - at))

        bodies: list[tuple[Any, int]] = [
            (bytes(5 * MB), 200),
            (chunked(5 * MB), 200),
            (bytes(5 * MB + 1), 413),
            (chunked(5 * MB + 1), 413),
        ]
        for content, status in bodies:
            assert (await plain.post("/", content=content)).status_code == status
    assert [len(body) for body in got] == [5 * MB] * 2


async def test_a_length_that_is_too_large_is_refused_before_the_body_comes() -> None:
    handler, got = keeping(Bodies(), 100)
    async with LoopbackServer(handler) as server:
        head = request_bytes(
            server.port,
            "POST / HTTP/1.1",
            headers={"content-length": "101", "expect": "100-continue"},
        )
        answer = await said(server.port, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert not got


async def test_a_client_that_waits_to_be_told_sends_its_body() -> None:
    handler, got = keeping(Bodies(), 100)
    async with LoopbackServer(handler) as server:
        reader, writer = await connect(
            server,
            request_bytes(
                server.port,
                "POST / HTTP/1.1",
                headers={"content-length": "4", "expect": "100-continue"},
            ),
        )
        async with asyncio.timeout(HANG_S):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"body")
            assert (await reader.readuntil(b"yes")).startswith(b"HTTP/1.1 200 ")
        await leave((reader, writer))
    assert got == [b"body"]


async def test_bodies_that_come_too_slowly_are_given_up_and_others_served() -> None:
    handler, got = keeping(Bodies(timeout_s=0.2), 100)
    async with LoopbackServer(handler) as server:
        slow = request_bytes(server.port, "POST / HTTP/1.1", headers={"content-length": "9"})
        waiting = [asyncio.create_task(said(server.port, slow + b"half")) for _ in range(50)]
        await until(lambda: open_requests(server) == 50)
        quick = await exchange(server.port, "POST / HTTP/1.1", body="{}", close=True)
        assert quick.startswith(b"HTTP/1.1 200 ") and got == [b"{}"]
        for answer in await asyncio.wait_for(asyncio.gather(*waiting), 20):
            assert answer.startswith(b"HTTP/1.1 408 ")
            shape = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert shape["error"]["type"] == "timeout_error"
        await until(lambda: not server.connections)


async def test_bodies_that_are_too_much_together_are_refused_and_small_ones_pass() -> None:
    handler, got = keeping(Bodies(most_bytes=5 * MB), 2 * MB)
    async with LoopbackServer(handler) as server:
        head = request_bytes(
            server.port, "POST / HTTP/1.1", headers={"content-length": str(2 * MB)}
        )
        waiting = [
            asyncio.create_task(said(server.port, head + bytes(2 * MB - 1))) for _ in range(10)
        ]
        await until(lambda: sum(task.done() for task in waiting) == 8)
        refused = [task.result() for task in waiting if task.done()]
        assert {answer[:13] for answer in refused} == {b"HTTP/1.1 529 "}
        assert b"overloaded_error" in refused[0]
        quick = await exchange(server.port, "POST / HTTP/1.1", body="{}", close=True)
        assert quick.startswith(b"HTTP/1.1 200 ") and got == [b"{}"]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "what"])
async def test_a_packed_body_is_refused_and_never_unpacked(encoding: str) -> None:
    handler, got = keeping(Bodies(), 100 * MB)
    async with (
        LoopbackServer(handler) as server,
        httpx2.AsyncClient(base_url=server.url, trust_env=False) as plain,
    ):
        tracemalloc.start()
        response = await plain.post("/", content=BOMB, headers={"content-encoding": encoding})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        same = await plain.post("/", content=b"x", headers={"content-encoding": "Identity"})
    assert response.status_code == 400
    assert "Content-Encoding" in response.json()["error"]["message"]
    assert peak < 5 * MB
    assert same.status_code == 200 and got == [b"x"]


@pytest.mark.parametrize(
    "body",
    ["zz\r\nabc\r\n0\r\n\r\n", "2\r\nabc\r\n0\r\n\r\n", "-1\r\n\r\n", "fffffffffffffffff\r\n"],
)
async def test_chunks_that_are_none_are_a_bad_request(body: str) -> None:
    handler, got = keeping(Bodies(), 100)
    async with LoopbackServer(handler) as server:
        head = f"POST / HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\ntransfer-encoding: chunked\r\n"
        answer = await asyncio.wait_for(said(server.port, f"{head}\r\n{body}".encode()), 20)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert not got


# Streams


def streaming(act: Callable[[Stream, web.BaseRequest], Awaitable[None]]) -> RequestHandler:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        stream = Stream(request, {"x-own": "1"})
        await act(stream, request)
        return await stream.end()

    return handler


async def test_each_piece_is_a_chunk_and_the_end_is_told() -> None:
    async def act(stream: Stream, request: web.BaseRequest) -> None:
        await stream.send([b"a", b"", b"b" * 17])
        await stream.send([b"c"])

    async with LoopbackServer(streaming(act)) as server:
        answer = await exchange(server.port, "GET / HTTP/1.1", close=True)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"x-own: 1" in head and b"Transfer-Encoding: chunked" in head
        assert body == b"1\r\na\r\n11\r\n" + b"b" * 17 + b"\r\n1\r\nc\r\n0\r\n\r\n"
        # Before there were chunks, the end was that of the connection.
        host = {"host": f"127.0.0.1:{server.port}", "connection": "keep-alive"}
        answer = await asyncio.wait_for(exchange(server.port, "GET / HTTP/1.0", headers=host), 20)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"chunked" not in head
        assert body == b"a" + b"b" * 17 + b"c"


async def test_a_stream_without_pieces_is_empty() -> None:
    async def act(stream: Stream, request: web.BaseRequest) -> None:
        pass

    async with LoopbackServer(streaming(act)) as server:
        answer = await exchange(server.port, "GET / HTTP/1.1", close=True)
    assert answer.endswith(b"\r\n\r\n0\r\n\r\n") and b"x-own: 1" in answer


async def test_the_head_goes_out_with_the_first_piece() -> None:
    go = asyncio.Event()

    async def act(stream: Stream, request: web.BaseRequest) -> None:
        await go.wait()
        await stream.send([b"a"])

    async with LoopbackServer(streaming(act)) as server:
        reader, writer = await connect(server, request_bytes(server.port, "GET / HTTP/1.1"))
        await until(lambda: open_requests(server))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.02)
        go.set()
        assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        await leave((reader, writer))


@pytest.mark.parametrize("before", [0, 1, 3_000_000])
async def test_a_reset_loses_nothing_that_was_sent_before_it(before: int) -> None:
    async def act(stream: Stream, request: web.BaseRequest) -> None:
        for at in range(0, before, WRITE_BYTES):
            await stream.send([b"x" * min(WRITE_BYTES, before - at)])
        await reset(request)

    async with LoopbackServer(streaming(act)) as server:
        reader, writer = await connect(server, request_bytes(server.port, "GET / HTTP/1.1"))
        data = b""
        with pytest.raises(ConnectionResetError):
            async with asyncio.timeout(HANG_S):
                while part := await reader.read(100_000):
                    data += part
        assert data.count(b"x") == before + (b"x-own" in data)
        assert not data.endswith(b"0\r\n\r\n")
        await leave((reader, writer))
        await until(lambda: not open_requests(server) and not server.connections)


async def test_a_client_that_does_not_read_is_reset_all_the_same() -> None:
    done = asyncio.Event()

    async def act(stream: Stream, request: web.BaseRequest) -> None:
        assert request.transport is not None
        request.transport.set_write_buffer_limits(1 << 30)
        await stream.send([bytes(20 * MB)])
        try:
            await reset(request)
        finally:
            done.set()

    async with LoopbackServer(streaming(act)) as server:
        client = await connect(server, request_bytes(server.port, "GET / HTTP/1.1"))
        await asyncio.wait_for(done.wait(), 20)
        await until(lambda: not server.connections)
        await leave(client)


async def test_a_slow_reader_costs_no_memory() -> None:
    sent = 0

    async def act(stream: Stream, request: web.BaseRequest) -> None:
        nonlocal sent
        piece = bytes(WRITE_BYTES)
        while True:
            await stream.send([piece])
            sent += len(piece)
            await asyncio.sleep(0)

    async with LoopbackServer(streaming(act)) as server:
        gc.collect()
        tracemalloc.start()
        client = await connect(server, request_bytes(server.port, "GET / HTTP/1.1"))
        before, still = -1, 0
        while still < 200:
            await asyncio.sleep(0)
            still = still + 1 if sent and sent == before else 0
            before = sent
        # What the system holds for the two sockets, and then it stands.
        assert sent < 64 * MB
        assert tracemalloc.get_traced_memory()[0] < 4 * MB
        tracemalloc.stop()
        await leave(client)
        await until(lambda: not open_requests(server))
