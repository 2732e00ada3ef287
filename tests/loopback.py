"""Requests to a server on loopback, byte by byte as a test wants them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

KEY: Final = {"x-api-key": "k", "anthropic-version": "2023-06-01"}


def request_bytes(
    port: int, line: str, body: str = "", headers: Mapping[str, str] | None = None
) -> bytes:
    """A request with a host, a length and `headers` (a key, without any)."""
    fields = {"host": f"127.0.0.1:{port}", "content-length": str(len(body))}
    fields |= headers or KEY
    lines = [line, *(f"{name}: {value}" for name, value in fields.items()), "", body]
    return "\r\n".join(lines).encode()


async def exchange(
    port: int,
    line: str,
    *,
    body: str = "",
    headers: Mapping[str, str] | None = None,
    close: bool = False,
) -> bytes:
    """All that the server answers to a request, until it closes the connection."""
    extra = {"connection": "close"} if close else {}
    return await said(port, request_bytes(port, line, body, {**KEY, **(headers or {}), **extra}))


async def said(port: int, data: bytes) -> bytes:
    """All that the server answers to these bytes, until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.close()
        # It may be broken on purpose.
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
