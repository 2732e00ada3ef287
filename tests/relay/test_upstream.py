"""The upstream: what may be one, what is said where it cannot be reached, its certificate."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from pathlib import Path
from typing import Final

import pytest
from yarl import URL

from tests.relay.stage import all_of, answering, raw_upstream, relay_to
from tui.relay.upstream import Upstream, UpstreamRefused, parsed_upstream

REQUEST: Final = (
    b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nconnection: close\r\n"
    b"content-length: 2\r\n\r\n{}"
)

SELF_SIGNED: Final = """\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEILnY1/P2mHdjH2w6Wf6dF7AUSq3wNCnZg86uYGeMx/ptoAoGCCqGSM49
AwEHoUQDQgAEj84NPtPJaK8LtUaDUAo/1NHRpF33uIpz0zn/Gz/EmWFjHnBy2ZIl
KGzdEEnvolj4qo/S8BU1hWmCQALVQv93Fw==
-----END EC PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUGnPs+PmWJzQFXpjQQex0FQ/2UFQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE5NDQyN1oYDzIxMjYxMDI4
MTk0NDI3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASPzg0+08lorwu1RoNQCj/U0dGkXfe4inPTOf8bP8SZYWMecHLZkiUo
bN0QSe+iWPiqj9LwFTWFaYJAAtVC/3cXo28wbTAdBgNVHQ4EFgQUduHz20tpy0OH
UwPQee1kx5FijkYwHwYDVR0jBBgwFoAUduHz20tpy0OHUwPQee1kx5FijkYwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAMQyqQxDABuFtFKv6yh4RfjLEHQmuxUGyhJoZlYNrXRYAiAL
wnC2WdXZ6i2HzcjDbsEAHqH9DCyqs/qzb9x/G+WRRQ==
-----END CERTIFICATE-----
"""
"""A key and a certificate for localhost that nobody has signed but itself."""


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com"),
        ("http://127.0.0.1:8000/base/", "http://127.0.0.1:8000/base/"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_a_base_url_is_taken(text: str, base: str) -> None:
    assert str(parsed_upstream(text)) == str(URL(base))


@pytest.mark.parametrize(
    "text",
    [
        *("", "api.anthropic.com", "ftp://x", "http://", "http://x:99999", "//x", "https://x?a=1"),
        *("https://x#a", "https://me:word@x", "localhost:8000", "http://x:port"),
    ],
)
def test_what_is_no_base_url_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UpstreamRefused) as refused:
        parsed_upstream(text)
    assert "\n" not in str(refused.value)


@pytest.mark.asyncio
async def test_an_upstream_that_is_not_there_is_a_502() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with relay_to(f"http://127.0.0.1:{port}") as relay:
        got, how = await all_of(relay.port, REQUEST % relay.port)
        (heard,) = await relay.ended()
    assert got.startswith(b"HTTP/1.1 502 ") and how == "eof"
    error = json.loads(got.partition(b"\r\n\r\n")[2])["error"]
    assert error["type"] == "api_error"
    message = f"The relay cannot connect to http://127.0.0.1:{port}: connection refused"
    assert error["message"] == message
    assert (heard.how, heard.why) == ("refused", error["message"])


@pytest.mark.asyncio
async def test_a_name_that_does_not_exist_is_a_502() -> None:
    async with relay_to("http://nowhere.invalid") as relay:
        got, _ = await all_of(relay.port, REQUEST % relay.port)
    assert got.startswith(b"HTTP/1.1 502 ") and b"no such host" in got


@pytest.mark.asyncio
async def test_a_certificate_that_nobody_signed_is_a_502(tmp_path: Path) -> None:
    path = tmp_path / "self-signed.pem"
    path.write_text(SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with relay_to(f"https://localhost:{port}") as relay:
        got, _ = await all_of(relay.port, REQUEST % relay.port)
    server.close()
    assert got.startswith(b"HTTP/1.1 502 ") and b"certificate is not trusted: self" in got
    assert not asked


@pytest.mark.asyncio
async def test_an_upstream_that_does_not_take_the_connection_is_a_504() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        # What a backlog of none holds. Whoever comes then is left waiting.
        waiting = [socket.socket() for _ in range(2)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        async with relay_to(f"http://127.0.0.1:{address[1]}", connect_timeout_s=0.05) as relay:
            got, _ = await all_of(relay.port, REQUEST % relay.port)
        for one in waiting:
            one.close()
    assert got.startswith(b"HTTP/1.1 504 ") and b"in time" in got


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "127.0.0.2"])
async def test_a_relay_does_not_ask_itself(host: str) -> None:
    async with relay_to("http://127.0.0.1:1") as relay:
        upstream = Upstream(parsed_upstream(f"http://{host}:{relay.port}"))
        upstream.own_port = relay.port
        with pytest.raises(UpstreamRefused, match="this relay itself"):
            await upstream.check()
        relay.forwarder.upstream = upstream
        async with upstream:
            got, _ = await all_of(relay.port, REQUEST % relay.port)
        assert got.startswith(b"HTTP/1.1 502 ") and b"this relay itself" in got
        assert relay.forwarder.messages == 1


@pytest.mark.asyncio
async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    async with raw_upstream(answering(answer)) as upstream, relay_to(upstream.url) as relay:
        got, _ = await all_of(relay.port, REQUEST % relay.port)
    assert got.startswith(b"HTTP/1.1 200 ")
