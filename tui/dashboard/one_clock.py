"""When runs began, on one clock: live calls have a monotonic one, recordings the time of day."""

from __future__ import annotations

from collections.abc import Sequence

from tui.core.session import Run
from tui.run import Feed


def offset_of(feeds: Sequence[Feed]) -> int | None:
    """Return how far the time of day is ahead of the clock, None where all are by the clock."""
    if all(feed.info.kind == "live" for feed in feeds):
        return None
    both = (feed for feed in feeds if feed.info.kind == "live" and feed.at_ns is not None)
    return next((_ahead_ns(feed) for feed in both), 0)


def start_of(feed: Feed, run: Run, offset_ns: int | None) -> int | None:
    """Return when a run began; a later one of a body begins with its first byte."""
    later = (run.first_byte_ns or 0) if run.first_offset else 0
    sent_ns = feed.source.sent_ns if feed.info.kind == "live" else None
    if sent_ns is not None and offset_ns is None:
        return sent_ns + later
    if feed.at_ns is not None:
        return feed.at_ns + later
    return None if sent_ns is None else sent_ns + (offset_ns or 0) + later


def _ahead_ns(feed: Feed) -> int:
    return (feed.at_ns or 0) - (feed.source.sent_ns or 0)
