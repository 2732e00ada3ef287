"""Whether a failure can pass, and how it is said."""

from __future__ import annotations

import pytest

from tui.core.failures import can_help, error_code

SPENT = {"error_code": "enforced_spend_limit_reached"}


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        ({"type": "overloaded_error"}, True),
        ({"type": "api_error"}, True),
        ({"type": "rate_limit_error"}, True),
        ({"type": "timeout_error"}, True),
        ({"type": "invalid_request_error"}, False),
        ({"type": "authentication_error"}, False),
        ({"type": "permission_error"}, False),
        ({"type": "not_found_error"}, False),
        ({"type": "http_error", "retryable": True}, True),
        ({"type": "overloaded_error", "retryable": False}, False),
        ({"type": "rate_limit_error", "details": SPENT}, False),
        ({"type": "http_error", "retryable": True, "error": {"details": SPENT}}, False),
        ({"type": "rate_limit_error", "details": {"error_code": "tokens_per_minute"}}, True),
        ({"type": "rate_limit_error", "details": [SPENT]}, True),
        ({"type": "something_new"}, None),
        ({"type": ["odd"]}, None),
        ({"type": "api_error", "retryable": "yes"}, True),
        ({}, None),
        (None, None),
    ],
)
def test_what_can_pass(error: dict[str, object] | None, helps: bool | None) -> None:
    assert can_help(error) is helps


def test_the_code_is_found_in_the_report_of_an_error_too() -> None:
    inner = {"type": "rate_limit_error", "details": SPENT}
    assert error_code(inner) == error_code({"error": inner}) == SPENT["error_code"]
    assert error_code({"error": "odd", "details": {"error_code": 3}}) is None
    assert error_code(None) is None
