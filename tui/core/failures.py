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


_HOPELESS: Final = ("spend_limit", "billing", "billable", "on_hold", "not_member", "too_old")
"""Parts of an error code that says that the same request cannot succeed later."""


def error_code(error: JsonObject | None) -> str | None:
    """Return the code with which the API refines the type of an error.

    `error` is the API's own, or that of a report with the API's own in it.
    """
    told = error or {}
    for one in (told, told.get("error")):
        details = one.get("details") if isinstance(one, dict) else None
        code = as_text(details.get("error_code")) if isinstance(details, dict) else None
        if code:
            return code
    return None


def is_hopeless(error: JsonObject | None) -> bool:
    """Whether an error has a code by which it stays, though its type is one that passes."""
    code = error_code(error)
    return code is not None and any(part in code for part in _HOPELESS)


def can_help(error: JsonObject | None) -> bool | None:
    """Return whether sending the same request again can help; None when nobody can tell.

    `error` is that of a report: the API's own, or how the connection ended.
    """
    if is_hopeless(error):
        return False  # A spend limit comes as a rate limit, and does not pass by itself.
    known = (error or {}).get("retryable")
    if isinstance(known, bool):
        return known
    kind = as_text((error or {}).get("type"))
    if kind in _PASSING:
        return True
    return False if kind in _STANDING else None
