"""Whether a call that failed can be made again."""

from __future__ import annotations

from typing import Final

from tui.core.records import JsonObject
from tui.core.state import as_text

_PASSING: Final = frozenset(
    {"api_error", "internal_server_error", "overloaded_error", "rate_limit_error", "timeout_error"}
)
"""Errors within a stream after which the same request can succeed."""
_STANDING: Final = frozenset(
    {
        "authentication_error",
        "billing_error",
        "invalid_request_error",
        "not_found_error",
        "permission_error",
        "request_too_large",
    }
)


def can_help(error: JsonObject | None) -> bool | None:
    """Return whether sending the same request again can help; None when nobody can tell.

    `error` is that of a report: the API's own, or how the connection ended.
    """
    known = (error or {}).get("retryable")
    if isinstance(known, bool):
        return known
    kind = as_text((error or {}).get("type"))
    if kind in _PASSING:
        return True
    return False if kind in _STANDING else None
