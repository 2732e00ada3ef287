"""The time of day as files have it: RFC 3339, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000
_EARLIEST: Final = 946_684_800
"""The year 2000 in seconds."""
_MILLISECONDS: Final = 100_000_000_000
"""Larger numbers count milliseconds."""
_RFC_3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d{0,20})?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def time_of_day(at_ns: int) -> str:
    """Return nanoseconds since 1970 as text, as exact as they are: `2026-11-20T12:00:00.123Z`."""
    seconds, rest = divmod(at_ns, _NS_PER_S)
    digits = f"{rest:09}"
    while len(digits) > 3 and digits.endswith("000"):
        digits = digits[:-3]
    whole = _EPOCH + timedelta(seconds=seconds)
    return f"{whole.replace(tzinfo=None).isoformat()}.{digits}Z"


def parse_time_of_day(text: str) -> int | None:
    """Return nanoseconds since 1970 from a time of day in any zone, None from anything else."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    date, time, fraction, zone = found.groups()
    try:
        since = datetime.fromisoformat(f"{date}T{time}{zone.upper()}") - _EPOCH
    except (ValueError, OverflowError):
        return None
    return since // timedelta(seconds=1) * _NS_PER_S + int((fraction or "0").ljust(9, "0"))


def moment_of(value: object) -> int | None:
    """Return nanoseconds since 1970 from what a log has: text, seconds or milliseconds."""
    if isinstance(value, str):
        return parse_time_of_day(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not _EARLIEST <= value < _MILLISECONDS * 1_000:
        return None  # A count from some other beginning, or not a number.
    return round(value * (_NS_PER_S if value < _MILLISECONDS else _NS_PER_MS))
