"""The manners of the Messages API: keys, bodies, headers, errors."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from aiohttp import web

from tui.core.records import strict_loads
from tui.serving.guard import Refused

MAX_BODY_BYTES: Final = 32 * 1024 * 1024

_BRIEF: Final = 400

KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
STATUSES: Final = {kind: status for status, kind in KINDS.items()}


class ApiError(Exception):
    """An answer in the API's error shape."""

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "",
        retry_after: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind or KINDS.get(status, "api_error" if status >= 500 else KINDS[400])
        self.retry_after = retry_after
        self.details = details


def brief(text: str) -> str:
    """`text` as a message repeats it: what a client sends may be of any length."""
    if len(text) <= _BRIEF:
        return text
    return f"{text[: _BRIEF // 2]}…{text[-_BRIEF // 2 :]}"


def authenticate(request: web.BaseRequest) -> None:
    """Raises ApiError unless the request names the API's version and a key.

    Any key will do, but for those that stand for a wrong one: `invalid`, what begins with
    `sk-invalid`, and `forbidden`.
    """
    bearer = request.headers.get("authorization", "").removeprefix("Bearer").strip()
    key = request.headers.get("x-api-key") or bearer
    if not key:
        raise ApiError(401, "x-api-key header is required")
    if key == "invalid" or key.startswith("sk-invalid"):
        raise ApiError(401, "invalid x-api-key")
    if key == "forbidden":
        raise ApiError(403, "Your API key does not have permission to use the specified resource.")
    if "anthropic-version" not in request.headers:
        raise ApiError(400, "anthropic-version: header is required")


def parsed(raw: bytes) -> dict[str, Any]:
    """The JSON object in the body of a request. Raises ApiError."""
    try:
        body = strict_loads(raw.decode())
        if b"\\u" in raw:
            # Half a surrogate pair can be written as an escape, and never be sent back as UTF-8.
            json.dumps(body, ensure_ascii=False).encode()
    except ValueError as error:
        raise ApiError(400, f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The request body has to be a JSON object")
    return body


def new_request_id() -> str:
    """An id such as `req_01…`."""
    return "req_01" + secrets.token_hex(11)


def api_headers(asked: int = 0, request_id: str = "", *, used_up: bool = False) -> dict[str, str]:
    """The headers of every answer: an id, and the rate limits after `asked` input tokens.

    The limits are far away, and told as `used_up` only where an answer says so.
    """
    now = int(time.time())
    reset = _reset_time(now)
    headers = {
        "request-id": request_id or new_request_id(),
        "anthropic-organization-id": "00000000-0000-0000-0000-000000000000",
        "date": _date(now),
    }
    for name, limit, used in (
        ("requests", 4_000, 1),
        ("input-tokens", 2_000_000, asked),
        ("output-tokens", 400_000, 0),
        ("tokens", 2_400_000, asked),
    ):
        headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
        headers[f"anthropic-ratelimit-{name}-remaining"] = str(
            0 if used_up else max(0, limit - used)
        )
        headers[f"anthropic-ratelimit-{name}-reset"] = reset
    return headers


@lru_cache(1)
def _date(now: int) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))


@lru_cache(1)
def _reset_time(now: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 1))


def json_response(value: object, headers: Mapping[str, str], status: int = 200) -> web.Response:
    """`value` as a response."""
    # All in ASCII: a message may hold a lone surrogate, which UTF-8 cannot.
    content = json.dumps(value, separators=(",", ":")).encode()
    return web.Response(
        status=status, body=content, headers=headers, content_type="application/json"
    )


def refused_response(refused: Refused) -> web.Response:
    """A refusal in the API's shape, after which the connection closes."""
    status, kind, message = refused.refusal
    response = error_response(ApiError(status, message, kind))
    response.force_close()
    return response


def error_response(error: ApiError) -> web.Response:
    """An error in the API's shape."""
    request_id = new_request_id()
    headers = api_headers(0, request_id, used_up=error.status == 429)
    if error.retry_after:
        headers["retry-after"] = error.retry_after
    what: dict[str, Any] = {"type": error.kind, "message": error.message}
    if error.details is not None:
        what["details"] = error.details
    shape = {"type": "error", "error": what, "request_id": request_id}
    return json_response(shape, headers, error.status)
