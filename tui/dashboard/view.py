"""From what is watched to what each pane draws."""

from __future__ import annotations

from tui.core.state import as_count
from tui.dashboard.app_settings import AppSettings
from tui.dashboard.waiting import is_queued, waits_for
from tui.dashboard.watched import Shown, Watchlist
from tui.find.finder import Finder
from tui.find.links import contribution
from tui.sources import Damaged
from tui.viewmodel import DashboardView, EventsView, HeaderView, Moment, TranscriptView


def dashboard_view(
    watchlist: Watchlist, finder: Finder, settings: AppSettings
) -> DashboardView | None:
    """Return what is to be drawn now; None before anything is watched."""
    shown = watchlist.shown
    if shown is None:
        return None
    moment = _moment(watchlist, shown)
    watched, run = shown
    feed, info = watched.feed, watched.feed.info
    asked = info.request or {}
    model = asked.get("model")
    failure = feed.failure if run is feed.runs[-1] else None
    smooth = None if moment.travelling else settings.smooth
    return DashboardView(
        moment,
        HeaderView(
            moment,
            title=info.title,
            kind=info.kind,
            model=model if isinstance(model, str) else None,
            place=watchlist.position,
            paced=info.paced,
            paused=watchlist.paused,
            speed=feed.clock.speed,
            progress=feed.progress,
            queued=is_queued(watched),
            failure=failure,
        ),
        TranscriptView(
            moment,
            kind=info.kind,
            prompt=info.prompt,
            turns=watched.turns,
            paced_text=smooth and watched.paced_text(run, smooth, settings.now()),
            stage=None if moment.travelling else waits_for(watched, run),
            failure=failure,
            recording_failure=None if feed.recorder is None else feed.recorder.failure,
            damage=feed.source.damage if isinstance(feed.source, Damaged) else None,
        ),
        EventsView(moment, finder.found(run), info.paced),
        max_tokens=as_count(asked.get("max_tokens")),
    )


def _moment(watchlist: Watchlist, shown: Shown) -> Moment:
    run = shown.run
    count = watchlist.count()
    state = watchlist.state()
    assert state is not None
    travelling = watchlist.cursor is not None
    now_ns = shown.feed.elapsed_ns()
    if travelling or run.state.end is not None:
        now_ns = run.timeline.times[count - 1] if count else 0
        if not travelling and run.last_byte_ns is not None:
            now_ns = run.last_byte_ns
    highlight = None
    if travelling and count:
        highlight = contribution(state, run.timeline.record(count - 1))
    return Moment(run, state, count, travelling, now_ns, highlight)
