"""From what is watched to what each pane draws."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tui.core.state import as_count
from tui.dashboard.app_settings import AppSettings
from tui.dashboard.verdicts import Findings, Verdicts
from tui.dashboard.waiting import pending, waits_for
from tui.dashboard.watched import Shown, Watched, Watchlist
from tui.find.finder import Finder
from tui.find.links import contribution
from tui.find.markers import marker_at
from tui.sources import Damaged
from tui.viewmodel import DashboardView, EventsView, HeaderView, Moment, TranscriptView, VerdictView
from tui.viewmodel.verdict import ending_concern, evidence_of, verdict_view


def dashboard_view(
    watchlist: Watchlist, finder: Finder, verdicts: Verdicts, settings: AppSettings
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
    findings = verdicts.of(watched, run)
    evidence = evidence_of(findings)
    found = finder.found(run)
    return DashboardView(
        moment,
        HeaderView(
            moment,
            title=watched.title,
            kind=info.kind,
            model=model if isinstance(model, str) else None,
            place=watchlist.position,
            paced=info.paced,
            paused=watchlist.paused,
            speed=feed.clock.speed,
            progress=feed.progress,
            pending=pending(watched) if run is feed.runs[-1] else "",
            concern=ending_concern(findings),
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
            showed=settings.showed if info.kind == "demo" else None,
        ),
        EventsView(
            moment,
            found,
            info.paced,
            frozenset(seq for seq, _ in evidence),
            _marker_of(moment, found.marks, evidence),
        ),
        _verdict(moment, watched, verdicts, findings),
        max_tokens=as_count(asked.get("max_tokens")),
    )


def _verdict(
    moment: Moment, watched: Watched, verdicts: Verdicts, findings: Findings
) -> VerdictView | None:
    """Return the verdict on the shown run. Its past keeps the row, without its words."""
    if moment.travelling and moment.count < moment.head:
        return VerdictView("", "muted", "", 0) if findings else None
    if findings:
        return verdict_view(findings)
    found = verdicts.now(watched, moment.run)
    return None if found is None else verdict_view([found])


def _marker_of(moment: Moment, marks: Collection[int], evidence: Sequence[tuple[int, str]]) -> str:
    if not (moment.travelling and moment.count):
        return ""
    marker = marker_at(moment.run, moment.count - 1, marks, evidence)
    return marker.label if marker is not None else ""


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
