"""What the list of runs is made from: every run, with what its exchange is doing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from tui.core.session import Run
from tui.dashboard.watched import Watched
from tui.findings import Finding
from tui.run import Feed
from tui.viewmodel.runs import RunEntry

if TYPE_CHECKING:
    from tui.conversation.exchange import Exchange

_NOTES: Final = {
    "queued": "waiting",
    "asking": "asks for tools",
    "tools": "runs tools",
    "held": "held",
}


def _not_judged(watched: Watched, run: Run) -> tuple[Finding, ...]:
    return ()


def run_entries(
    streams: Iterable[Watched],
    findings_of: Callable[[Watched, Run], tuple[Finding, ...]] = _not_judged,
) -> list[RunEntry]:
    """Return an entry for every run of these streams, in their order."""
    entries: list[RunEntry] = []
    for watched in streams:
        feed, exchange = watched.feed, watched.exchange
        model = (feed.info.request or {}).get("model")
        for run in feed.runs:
            over = run.state.end is not None
            entries.append(
                RunEntry(
                    key=run,
                    number=len(entries) + 1,
                    run=run,
                    title=feed.info.title,
                    model=model if isinstance(model, str) else None,
                    attempt=1 if exchange is None else attempt_of(exchange, feed),
                    replaced=exchange is not None and feed in exchange.replaced,
                    note=_note(exchange, feed),
                    now_ns=(run.last_byte_ns or 0) if over else feed.elapsed_ns(),
                    findings=findings_of(watched, run),
                )
            )
    return entries


def attempt_of(exchange: Exchange, feed: Feed) -> int:
    """Return which attempt at its request a feed is, from one."""
    attempt = 1
    for one in exchange.feeds:
        if one is feed:
            break
        attempt = attempt + 1 if one in exchange.replaced else 1
    return attempt


def _note(exchange: Exchange | None, feed: Feed) -> str:
    if exchange is None or exchange.feed is not feed:
        return ""
    left = exchange.wait_left_s()
    return _NOTES.get(exchange.stage.kind, "") if left is None else f"retry in {left:.0f} s"
