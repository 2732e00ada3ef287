"""Which headers a relay passes on: all but those that belong to one connection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

RawHeaders = Iterable[tuple[bytes, bytes]]

_OF_THE_CONNECTION: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer"),
        *(b"transfer-encoding", b"upgrade", b"proxy-authenticate", b"proxy-authorization"),
    }
)
_FRAMING: Final = frozenset({b"content-length", b"host"})
"""What `Connection` cannot name: without it, nobody could tell where a message ends."""
_REPLACED: Final = frozenset({b"host", b"accept-encoding", b"expect"})


def end_to_end(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the headers that go on: none of the connection's own, none that it names."""
    headers = list(headers)
    named = {
        option.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for option in value.split(b",")
    }
    dropped = _OF_THE_CONNECTION | (named - _FRAMING)
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def upstream_headers(headers: RawHeaders) -> list[tuple[str, str]]:
    """Return the headers of a request as the upstream gets them.

    The host is left to the client library, what a client expects of the next hop is answered
    here, and the answer is wanted as it is: packed, nobody could look into it on its way. Raises
    ValueError for what is not UTF-8.
    """
    kept = [pair for pair in end_to_end(headers) if pair[0].lower() not in _REPLACED]
    return [
        *((name.decode("ascii"), value.decode()) for name, value in kept),
        ("accept-encoding", "identity"),
    ]


def head_bytes(status: int, reason: str, headers: RawHeaders) -> bytes:
    """Return the head of a response, up to the blank line and with it."""
    line = f"HTTP/1.1 {status} {reason}".encode("utf-8", "surrogateescape")
    fields = [name + b": " + value for name, value in headers]
    return b"\r\n".join([line, *fields, b"", b""])
