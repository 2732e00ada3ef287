"""The tests' own surroundings: nothing of the user's is read, nobody outside is called."""

from __future__ import annotations

import asyncio
import os
import socket
import warnings
from pathlib import Path

import pytest

from tests.conftest import NetworkBlocked

# Reserved for documentation (RFC 5737, RFC 3849): never anybody's host.
OUTSIDE_4 = "192.0.2.1"
OUTSIDE_6 = "2001:db8::1"


def test_the_users_settings_are_out_of_sight() -> None:
    names = {name.upper() for name in os.environ}
    assert not [name for name in names if name.startswith("ANTHROPIC_") or name.endswith("_PROXY")]
    assert names.isdisjoint({"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"})
    assert Path.home().name.startswith("streamscope-home-")
    assert Path(os.environ["XDG_DATA_HOME"]).is_relative_to(Path.home())


def test_a_connection_to_another_host_is_refused() -> None:
    with socket.socket() as sock, pytest.raises(NetworkBlocked):
        sock.connect((OUTSIDE_4, 443))
    with socket.socket() as sock, pytest.raises(NetworkBlocked):
        sock.connect_ex((OUTSIDE_4, 443))
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(NetworkBlocked):
        sock.sendto(b"x", (OUTSIDE_4, 53))
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(NetworkBlocked):
        sock.sendto(b"x", 0, (OUTSIDE_4, 53))
    if socket.has_ipv6:
        with socket.socket(socket.AF_INET6) as sock, pytest.raises(NetworkBlocked):
            sock.connect((OUTSIDE_6, 443))


def test_a_name_look_up_is_refused() -> None:
    with pytest.raises(NetworkBlocked):
        socket.getaddrinfo("example.com", 443)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("host.invalid", 443)


async def test_asyncio_is_held_to_it() -> None:
    with pytest.raises(NetworkBlocked):
        await asyncio.open_connection(OUTSIDE_4, 443)
    with pytest.raises(NetworkBlocked):
        await asyncio.open_connection("example.com", 443)


async def test_loopback_works() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(2))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            reader, writer = await asyncio.open_connection(host, port, family=socket.AF_INET)
            writer.write(b"hi")
            assert await reader.read() == b"hi"
            writer.close()
            await writer.wait_closed()


def test_warnings_are_errors() -> None:
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)


def test_corpus_is_sorted_paths_of_streams(corpus: list[Path]) -> None:
    assert corpus == sorted(corpus)
    assert {path.suffix for path in corpus} == {".sse"}
