"""Which requests a server on loopback answers: only those that a local program meant for it.

A web page can send requests to 127.0.0.1, directly or through a name that resolves to it (DNS
rebinding). Both are told apart by headers that the browser sets and the page cannot change.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
MAX_HEADER_BYTES: Final = 64 * 1024


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    kind: str
    message: str


def refusal(scope: Scope) -> Refusal | None:
    """What is wrong with the request in an ASGI `scope`, None if it may go on."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    if not scope.get("raw_path", scope["path"].encode()).startswith(b"/"):
        return Refusal(
            400, "invalid_request_error", "only requests for a path are answered: this is no proxy"
        )
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        return Refusal(431, "invalid_request_error", "the headers are larger than 64 KiB")
    if b"content-length" in headers and b"transfer-encoding" in headers:
        # Two readers could disagree about where the body ends.
        return Refusal(400, "invalid_request_error", "a length and a transfer encoding at once")
    if b"upgrade" in headers:
        return Refusal(400, "invalid_request_error", "the connection cannot be upgraded")
    if not _local(headers.get(b"host", b"").decode("latin-1"), scope.get("server")):
        return Refusal(
            421,
            "invalid_request_error",
            "the Host header has to be 127.0.0.1, localhost or [::1], with the server's port",
        )
    if b"origin" in headers:
        return Refusal(403, "permission_error", "requests from web pages are refused")
    return None


def _local(host: str, server: tuple[str, int | None] | None) -> bool:
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not name:
        name, port = host, ""
    bound = server[1] if server else None
    return name.lower() in NAMES and (bound is None or (port or "80") == str(bound))


class Guard:
    """Answers what `refusal` refuses, and passes everything else to the app behind it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = refusal(scope) if scope["type"] == "http" else None
        if refused is None:
            await self.app(scope, receive, send)
            return
        error = {"type": refused.kind, "message": refused.message}
        body = json.dumps({"type": "error", "error": error}).encode()
        await send(
            {
                "type": "http.response.start",
                "status": refused.status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                    (b"connection", b"close"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})
