"""Times of day in files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captures.time_of_day import moment_of, parse_time_of_day, time_of_day

NOON = 1_795_176_000_000_000_000


@given(st.integers(-62_135_596_800_000_000_000, 253_402_300_799_999_999_999))
def test_a_time_is_read_as_it_was_written(at_ns: int) -> None:
    assert parse_time_of_day(time_of_day(at_ns)) == at_ns


@pytest.mark.parametrize(
    ("text", "at_ns"),
    [
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20t12:00:00z", NOON),
        ("2026-11-20 13:30:00+01:30", NOON),
        ("2026-11-20T12:00:00.123Z", NOON + 123_000_000),
        ("2026-11-20T12:00:00.1234567891Z", NOON + 123_456_789),
        ("2026-11-20T12:00:00", None),
        ("2026-11-31T12:00:00Z", None),
        ("2026-11-20T12:00:61Z", None),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000_000_000),
        ("", None),
    ],
)
def test_what_others_write(text: str, at_ns: int | None) -> None:
    assert parse_time_of_day(text) == at_ns


def test_as_short_as_it_can_be() -> None:
    assert time_of_day(NOON) == "2026-11-20T12:00:00.000Z"
    assert time_of_day(NOON + 1_000) == "2026-11-20T12:00:00.000001Z"


@pytest.mark.parametrize(
    ("value", "at_ns"),
    [
        ("2026-11-20T12:00:00Z", NOON),
        (NOON // 10**9, NOON),
        (NOON / 10**9 + 0.5, NOON + 500_000_000),
        (NOON // 10**6, NOON),
        (1, None),
        (12.5, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        (-(10**30), None),
        (10**400, None),
        (None, None),
        ([5], None),
    ],
)
def test_what_logs_have(value: object, at_ns: int | None) -> None:
    assert moment_of(value) == at_ns
