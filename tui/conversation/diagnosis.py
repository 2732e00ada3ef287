"""Findings of feeds and recordings: gathers the evidence on each run, and has it diagnosed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.captures.answer_body import is_counting
from tui.captures.redact import redact_json
from tui.core.session import Run
from tui.findings import Evidence, Finding, diagnose, linked
from tui.sources import Answered

if TYPE_CHECKING:
    from tui.captures.recording import Recording
    from tui.run import Feed


def of_run(feed: Feed, run: Run) -> Evidence:
    """Return what is known of one run of a feed."""
    source, info = feed.source, feed.source.info
    answer = source.answer if isinstance(source, Answered) else None
    known = Evidence(
        run,
        request=info.request,
        status=None if answer is None else answer.status,
        headers={} if answer is None else _lower(answer.headers),
        sent_ns=feed.at_ns,
        resolution_ns=info.resolution_ns,
        bare=info.bare,
        counts=is_counting(info.url),
    )
    return replace(known, mask=redact_json) if info.kind in ("file", "followed") else known


def request_id_of(feed: Feed, run: Run) -> str | None:
    """Return the id that the API gave the request of a run, None where that is not known."""
    said = (run.error or {}).get("request_id")
    return of_run(feed, run).headers.get("request-id") or (said if isinstance(said, str) else None)


def of_feed(feed: Feed) -> list[Evidence]:
    """Return what is known of each run of a feed."""
    known = of_run(feed, feed.runs[0])
    return [replace(known, run=run) for run in feed.runs]


def of_recording(recording: Recording, runs: Sequence[Run]) -> list[Evidence]:
    """Return what is known of the runs in a recording."""
    return [
        Evidence(
            run,
            request=recording.request,
            status=recording.status,
            headers=_lower(recording.response_headers),
            sent_ns=recording.at_ns,
            resolution_ns=recording.resolution_ns,
            bare=recording.bare or not recording.streamed,
            counts=is_counting(recording.url),
            mask=redact_json,
        )
        for run in runs
    ]


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def findings_of(known: Sequence[Evidence]) -> list[list[Finding]]:
    """Return the findings of runs that may belong together, in the order in which they began."""
    return [diagnose(evidence) for evidence in linked(known)]


def findings_of_feed(feed: Feed, earlier: Sequence[Feed] = ()) -> list[list[Finding]]:
    """Return the findings of each run of a feed; `earlier` ones may be of its conversation."""
    before = [evidence for one in earlier for evidence in of_feed(one)]
    return findings_of([*before, *of_feed(feed)])[len(before) :]


def findings_of_linked(known: Sequence[Evidence]) -> list[list[Finding]]:
    """Return the findings of runs whose neighbours were found already."""
    return [diagnose(evidence) for evidence in known]
