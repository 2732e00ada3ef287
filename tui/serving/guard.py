"""Which requests a server on loopback answers: only those that a local program meant for it.

A web page can send requests to 127.0.0.1, directly or through a name that resolves to it (DNS
rebinding). Both are told apart by headers that the browser sets and the page cannot change.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from aiohttp import HttpVersion11, web

NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
MAX_HEADER_BYTES: Final = 64 * 1024


class Refusal(NamedTuple):
    """Why a request is not answered: a status, and a type and message as the API has them."""

    status: int
    kind: str
    message: str


class Refused(Exception):
    """Raised by a handler to have a request refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refusal(
    request: web.BaseRequest, port: int, *, own_page: bool = False, websocket: bool = False
) -> Refusal | None:
    """What is wrong with a request to the server on `port`, None if it may go on.

    What is meant for the server's `own_page` may come from a page of this very server, and from no
    other; a `websocket` may only come from there.
    """
    headers = request.headers
    if not request.raw_path.startswith("/"):
        return bad_request("only requests for a path are answered: this is no proxy")
    if sum(len(name) + len(value) for name, value in request.raw_headers) > MAX_HEADER_BYTES:
        return HEAD_TOO_LARGE
    if "content-length" in headers and "transfer-encoding" in headers:
        # Two readers could disagree about where the body ends.
        return bad_request("a length and a transfer encoding at once")
    if len(headers.getall("content-length", ())) > 1:
        return bad_request("more than one length")
    if headers.get("transfer-encoding", "chunked").lower() != "chunked":
        return bad_request("no transfer encoding but chunked")
    asked_for = ["websocket"] if websocket else []
    if headers.getall("upgrade", []) != asked_for or request.method == "CONNECT":
        return bad_request("the connection cannot be upgraded")
    hosts = headers.getall("host", ())
    if len(hosts) > 1 or (not hosts and request.version >= HttpVersion11):
        return bad_request("exactly one Host header is needed")
    if not hosts or not _local(hosts[0], port):
        return Refusal(
            421,
            "invalid_request_error",
            "the Host header has to be 127.0.0.1, localhost or [::1], with the server's port",
        )
    # A browser leaves `Origin` out where a page only reads; it says then from whose server, and
    # `none` is what the user opens. Local programs send neither.
    if any(site not in ("same-origin", "none") for site in headers.getall("sec-fetch-site", [])):
        return _FOREIGN
    if not own_page:
        return _FOREIGN if "origin" in headers else None
    origins = headers.getall("origin", [])
    if websocket or origins:
        if [origin.lower() for origin in origins] != [f"http://{hosts[0]}".lower()]:
            return _FOREIGN
    return None


def bad_request(message: str) -> Refusal:
    """A refusal with status 400."""
    return Refusal(400, "invalid_request_error", message)


_FOREIGN: Final = Refusal(403, "permission_error", "requests from other web pages are refused")
HEAD_TOO_LARGE: Final = Refusal(
    431, "invalid_request_error", f"the headers are larger than {MAX_HEADER_BYTES // 1024} KiB"
)


def _local(host: str, bound: int) -> bool:
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not name:
        name, port = host, ""
    return name.lower() in NAMES and (port or "80") == str(bound)


def error_body(refused: Refusal) -> bytes:
    """A refusal in the API's error shape."""
    error = {"type": refused.kind, "message": refused.message}
    return json.dumps({"type": "error", "error": error}).encode()


def refuse(refused: Refusal) -> web.Response:
    """The response for a refusal; the connection is closed after it."""
    response = web.Response(
        status=refused.status, body=error_body(refused), content_type="application/json"
    )
    response.force_close()
    return response
