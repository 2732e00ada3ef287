"""What a run waits for, in words, and what the reader can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.core.session import Run
from tui.core.text import one_line
from tui.dashboard.watched import Watched
from tui.sources import Answered

if TYPE_CHECKING:
    from tui.conversation.exchange import Exchange

SILENCE_NS: Final = 60_000_000_000
"""After so long without content the reader is warned. The stream is never ended for it."""

_PENDING: Final = {"queued": "\u2026 WAITING", "held": "\u21bb RETRY?"}

Waiting = tuple[str, str] | None
"""A heading, and what can be done."""


def waits_for(watched: Watched, run: Run) -> Waiting:
    """Return what the newest run of a stream waits for; None where there is nothing to say."""
    if watched.notice is not None:
        return watched.notice()
    exchange = watched.exchange
    if exchange is not None and exchange.feed is watched.feed:
        found = _of_exchange(exchange)
        if found is not None:
            return found
    return _silence(watched, run)


def pending(watched: Watched) -> str:
    """Return in a word or two why a request is not on its way yet; empty when it is, or was."""
    exchange = watched.exchange
    stage = exchange.stage.kind if exchange is not None and exchange.feed is watched.feed else ""
    if exchange is not None and stage == "waiting":
        return f"\u21bb RETRY IN {exchange.wait_left_s() or 0.0:.0f} S"
    if stage in _PENDING:
        return _PENDING[stage]
    return "\u2026 CONNECTING" if _is_connecting(watched) else ""


def _is_connecting(watched: Watched) -> bool:
    """Whether a live call has no response yet: the SDK is imported, the request is on its way."""
    feed = watched.feed
    if feed.info.kind != "live" or feed.done or feed.session.raw.size:
        return False
    return isinstance(feed.source, Answered) and feed.source.answer is None


def _silence(watched: Watched, run: Run) -> Waiting:
    feed = watched.feed
    if feed.info.paced or feed.done:
        return None
    age_ns = feed.elapsed_ns() - (run.state.last_content_ns or 0)
    if age_ns < SILENCE_NS:
        return None
    pings = feed.elapsed_ns() - (run.last_byte_ns or 0) < SILENCE_NS
    note = "pings still arrive" if pings else "nothing arrives"
    return f"No content for {age_ns // 1_000_000_000} s", f"{note}; esc cancels"


def _of_exchange(exchange: Exchange) -> Waiting:
    kind, note, attempt, attempts = exchange.stage
    if kind == "waiting":
        left = exchange.wait_left_s() or 0.0
        head = f"Retrying in {left:.0f} s  ({attempt} of {attempts - 1})"
        return head, "; ".join(filter(None, [note, "r sends it now, esc gives up"]))
    if kind == "held":
        return "Waiting for you to retry", f"{note}; r sends it now, esc gives up"
    if kind == "asking":
        return (
            f"{one_line(note)} is waiting for you",
            "a runs, refuses or answers it; esc leaves it open",
        )
    if kind == "tools":
        return "Running tools", f"{note}; esc stops waiting"
    if kind == "done" and note:
        if exchange.conversation.continuing() is not None:
            note += "; c continues"
        return "Not finished", note
    if kind == "done" and exchange.conversation.failure:
        return "Conversation not saved", exchange.conversation.failure
    return None
