"""Whether a failure can pass, and how it is said."""

from __future__ import annotations

import pytest

from tui.core.failures import can_help


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
        ({"type": "something_new"}, None),
        ({"type": ["odd"]}, None),
        ({"type": "api_error", "retryable": "yes"}, True),
        ({}, None),
        (None, None),
    ],
)
def test_what_can_pass(error: dict[str, object] | None, helps: bool | None) -> None:
    assert can_help(error) is helps
