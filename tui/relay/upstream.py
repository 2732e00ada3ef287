"""The one server that a relay forwards to, and what is said where it cannot be reached."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address
from typing import Any, Final

import aiohttp
from yarl import URL

from tui.serving.guard import MAX_HEADER_BYTES, Refusal

PUBLIC_API: Final = "https://api.anthropic.com"
CONNECT_TIMEOUT_S: Final = 30.0
_KEPT_OPEN_S: Final = 4.0
"""How long a connection waits for the next request. Servers close theirs later than clients do: a
request that crosses the end of its connection would fail, and must not be sent a second time."""
_ADDED_BY_THE_LIBRARY: Final = ("accept", "accept-encoding", "content-type", "user-agent")
_MAX_FIELDS: Final = 1_000
_READ_BYTES: Final = 256 * 1024
"""As much as is read at once: with less, each read of a fast stream would stop the next one. Twice
that is held of a response whose client does not read."""

AddressInfo = tuple[Any, Any, Any, Any, tuple[Any, ...]]
"""What `socket.getaddrinfo` returns a list of."""


class UpstreamRefused(ValueError):
    """An upstream that cannot be one. The message is one line."""


def parsed_upstream(text: str) -> URL:
    """Return the base URL of an upstream, without a slash at its end. Raises UpstreamRefused."""
    try:
        url = URL(text)
        usable = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
    except ValueError:
        usable = False
    if not usable:
        raise UpstreamRefused(f"{text!r} is no base URL: give one as {PUBLIC_API}")
    if url.query_string or url.fragment or url.user or url.password:
        raise UpstreamRefused(f"{text!r}: a base URL has no query, fragment, name or password")
    return url


class Upstream:
    """Sends requests on, while its `async with` block runs.

    Redirects are not followed, cookies not kept, certificates verified. `proxy` is the address of
    an HTTP proxy, never one for an upstream on this machine. Connections to the relay's own `port`
    are refused: its requests would go round in circles.
    """

    def __init__(
        self,
        base: URL,
        *,
        proxy: str | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self.base = base
        self.own_port = 0
        self._prefix = str(base.origin()) + base.raw_path.rstrip("/")
        self._proxy = proxy
        self._connect_timeout_s = connect_timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=_KEPT_OPEN_S, socket_factory=self._socket
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout_s),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_ADDED_BY_THE_LIBRARY,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=_MAX_FIELDS,
            read_bufsize=_READ_BYTES,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: AsyncIterator[bytes] | None,
    ) -> aiohttp.ClientResponse:
        """Return the response, once its head is there. It has to be closed.

        Raises what aiohttp raises, and OSError.
        """
        assert self._session is not None
        return await self._session.request(
            method,
            URL(self._prefix + target, encoded=True),
            headers=headers,
            data=body,
            allow_redirects=False,
            proxy=self._proxy,
        )

    async def check(self) -> None:
        """Raise UpstreamRefused where the upstream is the relay itself, by any of its names."""
        loop = asyncio.get_running_loop()
        host, port = self.base.host, self.base.port
        if self._proxy is not None or port != self.own_port:
            return
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return  # Each request will say so.
        if any(self._is_ours(info[4]) for info in found):
            raise UpstreamRefused(
                f"the upstream {self.base} is this relay itself: name another with --upstream"
            )

    def _is_ours(self, address: tuple[Any, ...]) -> bool:
        host, port = ip_address(str(address[0]).partition("%")[0]), address[1]
        inner = getattr(host, "ipv4_mapped", None) or host
        return port == self.own_port and (inner.is_loopback or inner.is_unspecified)

    def _socket(self, info: AddressInfo) -> socket.socket:
        # Asked at each connection: what a name stands for may change.
        if self._is_ours(info[4]):
            raise OSError(errno.ELOOP, "the upstream is this relay itself")
        return socket.socket(family=info[0], type=info[1], proto=info[2])


def unreachable(error: Exception, base: URL) -> Refusal:
    """Return the answer for a request that did not get to the upstream: 502 or 504."""
    where = str(base)
    if isinstance(error, aiohttp.ConnectionTimeoutError | TimeoutError):
        return Refusal(504, "timeout_error", f"The relay cannot connect to {where} in time")
    return Refusal(502, "api_error", f"The relay cannot connect to {where}: {_why(error)}")


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no such host"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found = error.certificate_error
        reason = found.verify_message if isinstance(found, ssl.SSLCertVerificationError) else ""
        return f"its certificate is not trusted: {reason or found}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "no TLS connection can be made"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and cause.errno:
        # Its own text names an address, or a call.
        own = cause.strerror if cause.errno == errno.ELOOP else None
        return own or os.strerror(cause.errno).lower()
    return str(cause) or type(cause).__name__


def never_connected(error: Exception) -> bool:
    """Whether a request failed before any of it was sent."""
    kinds = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
    return isinstance(error, kinds | aiohttp.ClientHttpProxyError)
