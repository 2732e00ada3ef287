"""The manners of the Messages API: what it asks of a request, its headers, its errors."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MAX_BODY_BYTES: Final = 32 * 1024 * 1024

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

    def __init__(self, status: int, message: str, kind: str = "", retry_after: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind or KINDS.get(status, "api_error" if status >= 500 else KINDS[400])
        self.retry_after = retry_after


def estimate_tokens(body: Mapping[str, Any]) -> int:
    """About how many input tokens a request has: a quarter of its characters, and its frame."""
    messages = body.get("messages", [])
    parts = (body.get("system", ""), body.get("tools", []), messages)
    return max(1, sum(map(_characters, parts)) // 4 + 3 * len(messages) + 4)


def _characters(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(len(str(key)) + _characters(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(map(_characters, value))
    return 4


async def body_of(request: Request) -> bytes:
    """The request's body. Raises ApiError when it is larger than the API takes."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise ApiError(413, "Request exceeds the maximum size")
        parts.append(part)
    return b"".join(parts)


def authenticate(request: Request) -> None:
    """Raises ApiError unless the request names a key, any key, and the API's version."""
    bearer = request.headers.get("authorization", "")
    if not request.headers.get("x-api-key") and not bearer.removeprefix("Bearer").strip():
        raise ApiError(401, "x-api-key header is required")
    if "anthropic-version" not in request.headers:
        raise ApiError(400, "anthropic-version: header is required")


def checked(request: Request, raw: bytes, required: tuple[str, ...]) -> dict[str, Any]:
    """The JSON body of a request, with the fields that matter here checked. Raises ApiError."""
    authenticate(request)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The request body has to be a JSON object")
    for name in required:
        if name not in body:
            raise ApiError(400, f"{name}: Field required")
    for name, kind, called in (
        ("model", str, "a string"),
        ("max_tokens", int, "a whole number"),
        ("messages", list, "a list"),
        ("stream", bool, "true or false"),
    ):
        if name in body and (type(body[name]) is not kind):
            raise ApiError(400, f"{name}: Input should be {called}")
    if body.get("max_tokens", 1) < 1:
        raise ApiError(400, "max_tokens: Input should be greater than or equal to 1")
    if not body["messages"]:
        raise ApiError(400, "messages: at least one message is required")
    for at, message in enumerate(body["messages"]):
        if not isinstance(message, dict) or "role" not in message or "content" not in message:
            raise ApiError(400, f"messages.{at}: a message needs a role and content")
    return body


def _request_id() -> str:
    return "req_01" + secrets.token_hex(11)


def api_headers(body: Mapping[str, Any], request_id: str = "") -> list[tuple[bytes, bytes]]:
    """The headers of every answer: an id, and rate limits that are never used up."""
    now = time.time()
    asked = estimate_tokens(body)
    headers = {
        "request-id": request_id or _request_id(),
        "anthropic-organization-id": "00000000-0000-0000-0000-000000000000",
        "date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now)),
    }
    for name, limit, used in (
        ("requests", 4_000, 1),
        ("input-tokens", 2_000_000, asked),
        ("output-tokens", 400_000, 0),
        ("tokens", 2_400_000, asked),
    ):
        headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
        headers[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, limit - used))
        headers[f"anthropic-ratelimit-{name}-reset"] = time.strftime(
            "%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 1)
        )
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def json_response(value: object, headers: list[tuple[bytes, bytes]], status: int = 200) -> Response:
    """`value` as a response."""
    # All in ASCII: a message may hold a lone surrogate, which UTF-8 cannot.
    content = json.dumps(value, separators=(",", ":"))
    response = Response(content, status, media_type="application/json")
    response.raw_headers += headers
    return response


async def on_api_error(request: Request, error: Exception) -> Response:
    """An ApiError in the API's shape."""
    assert isinstance(error, ApiError)
    request_id = _request_id()
    headers = api_headers({}, request_id)
    if error.retry_after:
        headers.append((b"retry-after", error.retry_after.encode()))
    shape = {
        "type": "error",
        "error": {"type": error.kind, "message": error.message},
        "request_id": request_id,
    }
    return json_response(shape, headers, error.status)


async def on_http_error(request: Request, error: Exception) -> Response:
    """A path or method that does not exist, in the API's shape."""
    assert isinstance(error, HTTPException)
    return await on_api_error(request, ApiError(error.status_code, error.detail))


async def on_crash(request: Request, error: Exception) -> Response:
    """A fault of the mock itself, in the API's shape and without its details."""
    return await on_api_error(request, ApiError(500, "Internal server error"))
