"""Raw sockets: requests that two readers could read in two ways, or that are meant for others."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from tests.relay.stage import all_of, answering, raw_upstream, relay_to, request_of

pytestmark = pytest.mark.asyncio

LINE: Final = b"POST /v1/messages HTTP/1.1"
HOST: Final = b"Host: 127.0.0.1:PORT"
TWO: Final = b"Content-Length: 2"
CHUNKS: Final = b"Transfer-Encoding: chunked"


def asked(*fields: bytes, line: bytes = LINE, body: bytes = b"{}") -> bytes:
    return b"\r\n".join([line, *fields, b"", body])


REFUSED: Final = {
    400: {
        "a length and chunks": asked(HOST, TWO, CHUNKS, body=b"0\r\n\r\nGET /x HTTP/1.1\r\n"),
        "chunks and a length": asked(HOST, CHUNKS, TWO, body=b"0\r\n\r\n"),
        "chunks twice": asked(HOST, CHUNKS, CHUNKS, body=b"0\r\n\r\n"),
        "chunks, then not": asked(HOST, CHUNKS + b", identity", body=b"0\r\n\r\n"),
        "chunks of a kind": asked(HOST, b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
        "chunks, with a space": asked(HOST, b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
        "chunks, with a tab": asked(HOST, b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
        "a length twice": asked(HOST, TWO, TWO),
        "lengths": asked(HOST, TWO + b", 2"),
        "less than nothing": asked(HOST, b"Content-Length: -2"),
        "a plus": asked(HOST, b"Content-Length: +2"),
        "a hexadecimal length": asked(HOST, b"Content-Length: 0x2"),
        "an underscore": asked(HOST, b"Content-Length: 1_0"),
        "a digit of another script": asked(HOST, "Content-Length: ٢".encode()),
        "a length beyond all": asked(HOST, b"Content-Length: " + b"9" * 23),
        "a folded field": asked(HOST, b"X-A: 1\r\n folded", TWO),
        "a field folded first": asked(b" X-A: 1", HOST, TWO),
        "lines without CR": asked(HOST, TWO).replace(b"\r\n", b"\n"),
        "a CR in a field": asked(HOST, b"X-A: a\rX-B: b", TWO),
        "a NUL in a field": asked(HOST, b"X-A: a\0b", TWO),
        "no colon": asked(HOST, b"XA", TWO),
        "no name": asked(HOST, b": x", TWO),
        "a space in a name": asked(HOST, b"X A: 1", TWO),
        "2000 fields": asked(HOST, *(b"X-%d: 1" % number for number in range(2000)), TWO),
        "an absolute target": asked(HOST, TWO, line=b"POST http://evil.example/ HTTP/1.1"),
        "its own absolute target": asked(HOST, TWO, line=b"POST http://127.0.0.1:PORT/ HTTP/1.1"),
        "no slash": asked(HOST, TWO, line=b"POST @evil.example/v1/messages HTTP/1.1"),
        "a control code": asked(HOST, TWO, line=b"POST /v1/\x01messages HTTP/1.1"),
        "a space in a path": asked(HOST, TWO, line=b"POST /v1/mess ages HTTP/1.1"),
        "CONNECT": asked(HOST, line=b"CONNECT evil.example:443 HTTP/1.1", body=b""),
        "CONNECT to a path": asked(HOST, line=b"CONNECT /v1/messages HTTP/1.1", body=b""),
        "all paths": asked(HOST, line=b"OPTIONS * HTTP/1.1", body=b""),
        "an upgrade to HTTP/2": asked(HOST, b"Connection: Upgrade", b"Upgrade: h2c", TWO),
        "a WebSocket": asked(HOST, b"Connection: Upgrade", b"Upgrade: websocket", body=b""),
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
        "two hosts": asked(HOST, HOST, TWO),
        "no host": asked(TWO),
        "a chunk of less than nothing": asked(HOST, CHUNKS, body=b"-2\r\n{}\r\n0\r\n\r\n"),
        "a chunk beyond all": asked(HOST, CHUNKS, body=b"f" * 17 + b"\r\n{}\r\n0\r\n\r\n"),
        "a chunk 0x2": asked(HOST, CHUNKS, body=b"0x2\r\n{}\r\n0\r\n\r\n"),
        "a line in a chunk's extension": asked(HOST, CHUNKS, body=b"2;a\n=b\r\n{}\r\n0\r\n\r\n"),
        "a length as a trailer": asked(
            HOST, CHUNKS, body=b"2\r\n{}\r\n0\r\nX-T: 1\r\nContent-Length: 5\r\n\r\n"
        ),
    },
    403: {
        "an origin": asked(HOST, b"Origin: http://evil.example", TWO),
        "no origin at all": asked(HOST, b"Origin: null", TWO),
        "an origin of its own": asked(HOST, b"Origin: http://127.0.0.1:PORT", TWO),
        "a preflight": asked(
            HOST, b"Origin: http://evil.example", b"Access-Control-Request-Method: POST",
            line=b"OPTIONS /v1/messages HTTP/1.1", body=b"",
        ),
        "an image of a page": asked(
            HOST, b"Sec-Fetch-Site: cross-site", b"Sec-Fetch-Mode: no-cors",
            line=b"GET /v1/models HTTP/1.1", body=b"",
        ),
    },
    421: {
        "another host": asked(b"Host: evil.example:PORT", TWO),
        "no port": asked(b"Host: 127.0.0.1", TWO),
        "another port": asked(b"Host: 127.0.0.1:1", TWO),
        "a name before": asked(b"Host: evil@127.0.0.1:PORT", TWO),
        "a dot behind": asked(b"Host: localhost.:PORT", TWO),
        "any address": asked(b"Host: 0.0.0.0:PORT", TWO),
    },
    431: {"a field of 70 KB": asked(HOST, b"X-A: " + b"a" * 70_000, TWO)},
}  # fmt: skip


async def test_none_of_these_ever_reaches_the_upstream() -> None:
    """The connection upstream is made for a body as it comes; no request is ever whole there."""
    whole: list[tuple[bytes, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                whole.append(await request_of(reader))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass

    async with raw_upstream(talk) as upstream, relay_to(upstream.url) as relay:
        port = b"%d" % relay.port
        for status, attacks in REFUSED.items():
            for name, data in attacks.items():
                got, how = await all_of(relay.port, data.replace(b"PORT", port))
                assert got.startswith(b"HTTP/1.1 %d " % status), (name, got[:80])
                # One answer, and not another one for what stood behind the first.
                assert (got.count(b"HTTP/1."), how) == (1, "eof"), name
                assert b"access-control" not in got.lower(), name
    assert not whole


async def test_a_second_request_is_judged_by_itself() -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
    async with raw_upstream(answering(ok)) as upstream, relay_to(upstream.url) as relay:
        two = asked(HOST, TWO) + asked(b"Host: evil.example", TWO)
        got, how = await all_of(relay.port, two.replace(b"PORT", b"%d" % relay.port))
        assert upstream.connections == 1
    first, second = got.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 ") and second.startswith(b"421 ") and how == "eof"


BODILESS: Final = {
    "a length": b"Content-Length: 5\r\n\r\nhello",
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "nothing that frames it": b"\r\nhello",
}


@pytest.mark.parametrize("name", BODILESS)
@pytest.mark.parametrize("line", [b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 304 Not Modified\r\n"])
async def test_a_body_where_there_can_be_none_is_said(line: bytes, name: str) -> None:
    """Whose bytes these are nobody can tell: a client would take them for the next answer."""
    async with raw_upstream(answering(line + BODILESS[name])) as upstream:
        async with relay_to(upstream.url) as relay:
            request = asked(HOST, TWO).replace(b"PORT", b"%d" % relay.port)
            assert await all_of(relay.port, request) == (b"", "eof")
            (heard,) = await relay.ended()
    assert (heard.how, heard.why) == ("reset", "the answer of the upstream is no proper HTTP")
