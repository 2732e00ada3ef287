"""From what is watched to what each pane draws."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tui.core.records import JsonObject
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
    moment = moment_at(shown, watchlist.cursor)
    watched, run = shown
    found = finder.found(run)
    findings = verdicts.of(watched, run)
    evidence = evidence_of(findings)
    header = header_view(watched, moment, findings)
    return DashboardView(
        moment,
        header._replace(place=watchlist.position, paused=watchlist.paused),
        transcript_view(watched, moment, settings),
        EventsView(
            moment,
            found,
            watched.feed.info.paced,
            frozenset(seq for seq, _ in evidence),
            _marker_of(moment, found.marks, evidence),
        ),
        _verdict(moment, watched, verdicts, findings),
        max_tokens=limit_of(watched.feed.info.request),
    )


def limit_of(request: JsonObject | None) -> int | None:
    """Return how many tokens a request allows."""
    return as_count((request or {}).get("max_tokens"))


def header_view(watched: Watched, moment: Moment, findings: Findings) -> HeaderView:
    """Return what is said of a run in a row. It stands alone, and nothing is paused."""
    feed, run = watched.feed, moment.run
    is_newest = run is feed.runs[-1]
    return HeaderView(
        moment,
        title=watched.title,
        kind=feed.info.kind,
        model=watched.model,
        place=(1, 1),
        paced=feed.info.paced,
        paused=False,
        speed=feed.clock.speed,
        progress=feed.progress,
        pending=pending(watched) if is_newest else "",
        concern=ending_concern(findings),
        failure=feed.failure if is_newest else None,
    )


def transcript_view(watched: Watched, moment: Moment, settings: AppSettings) -> TranscriptView:
    """Return what the transcript shows of a run."""
    feed, info, run = watched.feed, watched.feed.info, moment.run
    smooth = None if moment.travelling else settings.smooth
    return TranscriptView(
        moment,
        kind=info.kind,
        prompt=info.prompt,
        turns=watched.turns,
        paced_text=smooth and watched.paced_text(run, smooth, settings.now()),
        stage=None if moment.travelling else waits_for(watched, run),
        failure=feed.failure if run is feed.runs[-1] else None,
        recording_failure=None if feed.recorder is None else feed.recorder.failure,
        damage=feed.source.damage if isinstance(feed.source, Damaged) else None,
        showed=settings.showed if info.kind == "demo" else None,
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


def moment_at(shown: Shown, cursor: int | None) -> Moment:
    """Return a run after its first `cursor` events, or at its live end."""
    run = shown.run
    head = len(run.timeline)
    count = head if cursor is None else min(cursor, head)
    state = run.state if cursor is None else run.timeline.at(cursor)
    travelling = cursor is not None
    now_ns = shown.feed.elapsed_ns()
    if travelling or run.state.end is not None:
        now_ns = run.timeline.times[count - 1] if count else 0
        if not travelling and run.last_byte_ns is not None:
            now_ns = run.last_byte_ns
    highlight = None
    if travelling and count:
        highlight = contribution(state, run.timeline.record(count - 1))
    return Moment(run, state, count, travelling, now_ns, highlight)
