"""Through the relay a client sees what it would see directly: head, bytes, and the kind of end."""

from __future__ import annotations

import asyncio
import gzip
from typing import Final, NamedTuple

import pytest

from tests.relay.stage import (
    all_of,
    answering,
    raw_upstream,
    relay_to,
    request_of,
    until,
)

pytestmark = pytest.mark.asyncio

HOP_BY_HOP: Final = {b"connection", b"keep-alive", b"transfer-encoding", b"x-named", b"trailer"}


class Seen(NamedTuple):
    """A response, without what belongs to its connection."""

    line: bytes
    headers: list[bytes]
    body: bytes
    whole: bool
    """Whether the body was ended by what framed it."""
    how: str


def seen(answer: bytes, how: str, *, bodiless: bool = False) -> Seen:
    while answer.startswith(b"HTTP/1.1 1"):
        answer = answer.partition(b"\r\n\r\n")[2]
    head, blank, rest = answer.partition(b"\r\n\r\n")
    if not blank:
        return Seen(b"", [], b"", False, how)
    line, *fields = head.split(b"\r\n")
    names = {field.partition(b":")[0].lower(): field.partition(b":")[2].strip() for field in fields}
    kept = [field for field in fields if field.partition(b":")[0].lower() not in HOP_BY_HOP]
    if bodiless:
        return Seen(line, kept, rest, True, how)
    if b"transfer-encoding" not in names:
        length = names.get(b"content-length")
        whole = how == "eof" if length is None else len(rest) == int(length)
        return Seen(line, kept, rest, whole, how)
    body, whole = b"", False
    while b"\r\n" in rest and not whole:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size.partition(b";")[0], 16)
        whole = not count and rest.endswith(b"\r\n")
        if not count:
            break
        body, rest = body + rest[:count], rest[count + 2 :]
    return Seen(line, kept, body, whole, how)


def asking(port: int, line: bytes = b"GET /x HTTP/1.1", *fields: bytes, body: bytes = b"") -> bytes:
    own = [b"host: 127.0.0.1:%d" % port, b"connection: close"]
    if body:
        own.append(b"content-length: %d" % len(body))
    return b"\r\n".join([line, *own, *fields, b"", body])


OK: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"

ANSWERS: Final = {
    "a length": OK + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
    "no body": OK + b"Content-Length: 0\r\n\r\n",
    "chunks": CHUNKED + b"3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\n",
    "a trailer": CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
    "until the end": OK + b"X-Kept: 1\r\n\r\nhello",
    "a length, cut": OK + b"Content-Length: 50\r\n\r\nhello",
    "chunks, cut": CHUNKED + b"5\r\nhello\r\n",
    "a chunk, cut": CHUNKED + b"50\r\nhello",
    "chunks, without the last line": CHUNKED + b"5\r\nhello\r\n0\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no content": b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n",
    "not modified": b'HTTP/1.1 304 Not Modified\r\netag: "1"\r\ncontent-length: 9\r\n\r\n',
    "a continue before": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi",
    "an error": b"HTTP/1.1 529 Site is overloaded\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\n{}",
    "a reason of its own": b"HTTP/1.1 200 Fine, thanks\r\ncontent-length: 0\r\n\r\n",
    "no reason": b"HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n",
    "a redirect": b"HTTP/1.1 302 Found\r\nlocation: http://evil.invalid/\r\n"
    b"content-length: 0\r\n\r\n",
    "a header twice": OK + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n",
    "odd letters": OK + "x-umlaut: ä\r\n".encode() + b"X-Raw: \xe4\r\ncOnTeNt-LeNgTh: 0\r\n\r\n",
    "a header of the connection": OK
    + b"Connection: X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
    "packed, though it was not wanted": OK
    + b"Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n"
    + gzip.compress(b"hello", mtime=0),
    "packed, it says": OK + b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_passed_on_with_its_end(name: str, then: str) -> None:
    answer = ANSWERS[name]
    bodiless = name in ("no content", "not modified")
    async with raw_upstream(answering(answer, then=then)) as upstream:
        direct = seen(*await all_of(upstream.port, asking(upstream.port)), bodiless=bodiless)
        async with relay_to(upstream.url) as relay:
            through = seen(*await all_of(relay.port, asking(relay.port)), bodiless=bodiless)
    if direct.whole and direct.how == "reset":
        # What comes after a whole response is nobody's any more.
        direct = direct._replace(how="eof")
    if name == "until the end" and then == "reset":
        assert through.how == "reset"
    assert through == direct


async def test_the_body_of_a_head_is_not_waited_for() -> None:
    answer = OK + b"Content-Length: 500\r\n\r\n"
    async with raw_upstream(answering(answer)) as upstream, relay_to(upstream.url) as relay:
        got, how = await all_of(relay.port, asking(relay.port, b"HEAD /x HTTP/1.1"))
    assert seen(got, how, bodiless=True) == Seen(
        b"HTTP/1.1 200 OK", [b"Content-Length: 500"], b"", True, "eof"
    )


async def test_an_old_client_gets_an_answer_without_chunks() -> None:
    async with raw_upstream(answering(ANSWERS["chunks"])) as upstream:
        async with relay_to(upstream.url) as relay:
            got, how = await all_of(relay.port, asking(relay.port, b"GET /x HTTP/1.0"))
    assert (got.partition(b"\r\n\r\n")[2], how) == (b"hello", "eof")
    assert b"transfer-encoding" not in got.lower()


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Content-Length: five\r\n\r\nhello",
        b"HELLO\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw",
    ],
)
async def test_an_answer_that_can_be_read_in_two_ways_is_no_answer(answer: bytes) -> None:
    async with raw_upstream(answering(answer)) as upstream, relay_to(upstream.url) as relay:
        got, _ = await all_of(relay.port, asking(relay.port))
    assert b"200" not in got.partition(b"\r\n")[0] and b"hello" not in got and b"raw" not in got


# --- the way up -----------------------------------------------------------------------------------


class Asked:
    """An upstream that says yes, and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.requests.append(await request_of(reader))
                writer.write(OK + b"Content-Length: 3\r\n\r\nyes")
        except asyncio.IncompleteReadError:
            pass

    @property
    def fields(self) -> list[bytes]:
        """The header lines of the only request."""
        ((head, _),) = self.requests
        return head.split(b"\r\n")[1:-2]


async def test_a_request_goes_on_with_all_its_headers() -> None:
    asked = Asked()
    fields = [
        b"X-Api-Key: sk-ant-key",
        b"anthropic-version: 2023-06-01",
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"x-twice: 1",
        b"x-twice: 2",
        b"Accept-Encoding: gzip, br",
        b"User-Agent: mine/1",
        "x-umlaut: ä".encode(),
        b"TE: trailers",
        b"proxy-authorization: Basic x",
        b"Keep-Alive: timeout=5",
        b"x-mine: 1",
    ]
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        request = asking(relay.port, b"POST /v1/messages?beta=true HTTP/1.1", *fields, body=b"{}")
        request = request.replace(
            b"connection: close", b"connection: close, x-mine, content-length"
        )
        await all_of(relay.port, request)
    (head, body) = asked.requests[0]
    assert head.startswith(b"POST /v1/messages?beta=true HTTP/1.1\r\n") and body == b"{}"
    assert sorted(asked.fields, key=bytes.lower) == sorted(
        [
            *fields[:5],
            b"User-Agent: mine/1",
            "x-umlaut: ä".encode(),
            b"accept-encoding: identity",
            b"content-length: 2",
            b"Host: 127.0.0.1:%d" % upstream.port,
        ],
        key=bytes.lower,
    )


async def test_nothing_is_added_to_a_bare_request() -> None:
    asked = Asked()
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        await all_of(relay.port, asking(relay.port))
    assert {field.lower().partition(b":")[0] for field in asked.fields} == {
        *(b"host", b"accept-encoding")
    }


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/messages", b"/v1/messages"),
        (b"/messages?x=1", b"/v1/messages?x=1"),
        (b"/messages/count_tokens", b"/v1/messages/count_tokens"),
        (b"/messagesx", b"/messagesx"),
        (b"/v1//messages", b"/v1//messages"),
        (b"/a/../b/./c", b"/a/../b/./c"),
        (b"/a%2fb%20c?q=%7Bx%7D&y=a+b", b"/a%2fb%20c?q=%7Bx%7D&y=a+b"),
        (b"/model/us.anthropic.claude%3A0/invoke", b"/model/us.anthropic.claude%3A0/invoke"),
    ],
)
async def test_a_path_goes_on_as_it_is(target: bytes, expected: bytes) -> None:
    asked = Asked()
    async with raw_upstream(asked) as upstream, relay_to(upstream.url + "/base/") as relay:
        await all_of(relay.port, asking(relay.port, b"GET " + target + b" HTTP/1.1"))
    assert asked.requests[0][0].split(b" ")[1] == b"/base" + expected


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_goes_on_as_it_came(packed: bool) -> None:
    asked = Asked()
    body = gzip.compress(b'{"a": 1}' * 500) if packed else b"\x00\xff" * 150_000
    field = b"content-encoding: gzip" if packed else b"x: 1"
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        request = asking(relay.port, b"POST /v1/messages HTTP/1.1", field, body=body)
        await all_of(relay.port, request)
        chunked = asking(relay.port, b"POST /v1/messages HTTP/1.1", b"transfer-encoding: chunked")
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:]))
        await all_of(relay.port, chunked + chunks + b"0\r\n\r\n")
    assert [sent for _, sent in asked.requests] == [body, body]
    assert field in asked.requests[0][0]
    assert b"transfer-encoding: chunked" in asked.requests[1][0].lower()
    assert [(heard.body, heard.whole) for heard in relay.tape.heard] == [(body, True)] * 2


async def test_a_client_that_expects_a_word_gets_it() -> None:
    asked = Asked()
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        request = asking(relay.port, b"POST /x HTTP/1.1", b"expect: 100-continue", body=b"{}")
        writer.write(request.removesuffix(b"{}"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await reader.read()).endswith(b"yes")
        writer.close()
    assert asked.requests[0][1] == b"{}" and b"expect" not in asked.requests[0][0].lower()


async def test_requests_one_after_another_share_connections() -> None:
    asked = Asked()
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        for number in range(5):
            line = b"GET /%d HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n" % (number, relay.port)
            writer.write(line)
            assert b"connection" not in (await reader.readuntil(b"\r\n\r\n")).lower()
            assert await reader.readexactly(3) == b"yes"
        writer.close()
        assert (len(asked.requests), upstream.connections) == (5, 1)
        assert relay.forwarder.others == {f"GET /{number}": 1 for number in range(5)}


@pytest.mark.parametrize(
    "fields",
    [
        b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
        b"content-length: 2\r\ncontent-length: 3\r\n\r\n{} ",
        b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"origin: http://evil.example\r\ncontent-length: 2\r\n\r\n{}",
        b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"x-latin: \xe4\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n",
    ],
)
async def test_what_is_refused_never_reaches_the_upstream_whole(fields: bytes) -> None:
    asked = Asked()
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        head = b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n" % relay.port
        got, _ = await all_of(relay.port, head + fields)
        assert got.split(b" ")[1] in (b"400", b"403")
        await until(lambda: not upstream.open)
    assert not asked.requests


async def test_a_strange_host_or_target_never_reaches_the_upstream() -> None:
    asked = Asked()
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        for line, host, status in (
            (b"POST /v1/messages HTTP/1.1", b"evil.example", b"421"),
            (b"GET http://127.0.0.1/ HTTP/1.1", b"127.0.0.1:%d" % relay.port, b"400"),
            (b"CONNECT api.anthropic.com:443 HTTP/1.1", b"127.0.0.1:%d" % relay.port, b"400"),
            (b"GET /\xc3\xa4 HTTP/1.1", b"127.0.0.1:%d" % relay.port, b"400"),
            # Sent on without its fragment, it would be a request for messages that is not recorded.
            (b"POST /v1/messages#x HTTP/1.1", b"127.0.0.1:%d" % relay.port, b"400"),
        ):
            got, _ = await all_of(relay.port, line + b"\r\nhost: " + host + b"\r\n\r\n")
            assert got.split(b" ")[1] == status
    assert not asked.requests and not upstream.connections


# --- what is told ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "then", "how"),
    [("chunks", "close", "eof"), ("chunks, cut", "close", "reset"), ("nothing", "reset", "reset")],
)
async def test_the_tape_is_told_of_an_exchange(answer: str, then: str, how: str) -> None:
    async with raw_upstream(answering(ANSWERS[answer], then=then)) as upstream:
        async with relay_to(upstream.url) as relay:
            line = b"POST /v1/messages HTTP/1.1"
            await all_of(relay.port, asking(relay.port, line, b"x-a: 1", body=b'{"a": 1}'))
            (heard,) = await relay.ended()
    assert (heard.method, heard.target) == ("POST", "/v1/messages")
    assert (b"x-a", b"1") in heard.headers
    assert (heard.body, heard.whole, heard.how) == (b'{"a": 1}', True, how)
    assert b"".join(heard.chunks) == (b"" if answer == "nothing" else b"hello")
    assert relay.forwarder.messages == 1 and not relay.forwarder.others


async def test_all_other_paths_are_counted() -> None:
    asked = Asked()
    lines = [b"GET /v1/models", b"GET /v1/models", b"POST /v1/files", b"GET /v1/messages"]
    lines += [b"GET /v1/sessions/sesn_1/events/stream?x=1"]
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        for line in lines:
            await all_of(relay.port, asking(relay.port, line + b" HTTP/1.1"))
        for number in range(150):
            await all_of(relay.port, asking(relay.port, b"GET /%d HTTP/1.1" % number))
    others = relay.forwarder.others
    assert others["GET /v1/models"] == 2 and others["POST /v1/files"] == 1
    assert any("not decoded" in text for text in others)
    assert sum(others.values()) == 155 and len(others) <= 101
    assert not relay.tape.heard


async def test_a_long_path_is_counted_by_its_beginning() -> None:
    asked = Asked()
    async with raw_upstream(asked) as upstream, relay_to(upstream.url) as relay:
        await all_of(relay.port, asking(relay.port, b"GET /%b HTTP/1.1" % (b"x" * 50_000)))
        await all_of(relay.port, asking(relay.port, b"%b / HTTP/1.1" % (b"Q" * 50)))
    assert b"x" * 50_000 in asked.requests[0][0]
    assert all(len(text) <= 120 for text in relay.forwarder.others)
