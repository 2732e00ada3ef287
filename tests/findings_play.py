"""Streams with times, and what is found in them.

`timed((0.4, message_start()), (0.5, *text_block(0, "hi")))` is a run of reads, each at its time in
seconds; `told(run)` are its findings by code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests import playbook as pb
from tui.core.records import JsonObject
from tui.core.report import dumps
from tui.core.session import Run, Session
from tui.core.state import End
from tui.findings import Evidence, Finding, diagnose

Part = JsonObject | bytes
Read = tuple[Any, ...]
"""A time in seconds, then events and bytes."""


def ns(value: float) -> int:
    """Return seconds as nanoseconds, exactly to the microsecond."""
    return round(value * 1_000_000) * 1_000


def timed(
    *reads: Read,
    how: End = "eof",
    error: JsonObject | None = None,
    ended: float | None = None,
    known: bool = True,
) -> Run:
    """Read at these times, and end; `known` is whether the times count."""
    session = Session(timed=known)
    for at, *parts in reads:
        session.feed(ns(at), pb.wire(*parts))
    last = reads[-1][0] if reads else 0.0
    session.finish(ns(last if ended is None else ended), how, error)
    return session.run


def untimed(*parts: Part, how: End = "eof", error: JsonObject | None = None) -> Run:
    """Read everything at once, without times."""
    return timed((0.0, *parts), how=how, error=error, known=False)


def found(run: Run | Evidence, **known: object) -> list[Finding]:
    """Return the findings of a run, with what else is `known` of it."""
    evidence = run if isinstance(run, Evidence) else Evidence(run, **known)  # type: ignore[arg-type]
    findings = diagnose(evidence)
    check(evidence, findings)
    return findings


def check(evidence: Evidence, findings: Sequence[Finding]) -> None:
    """Hold findings to what is true of all of them."""
    order = ["error", "warning", "notice", "info"]
    levels = [order.index(finding.level) for finding in findings]
    assert levels == sorted(levels)
    if evidence.ended:
        assert findings, "a run that ended has a verdict"
        bad = any(finding.level in ("error", "warning") for finding in findings)
        assert bad != any(finding.code == "healthy" for finding in findings)
    for finding in findings:
        assert "\n" not in finding.text and finding.text.endswith(".")
        assert all(0 <= seq < max(len(evidence.run.timeline), 1) for seq in finding.events)
        pb.strict(dumps(finding.to_json()))


def told(run: Run | Evidence, **known: object) -> Mapping[str, Finding]:
    """Return the findings of a run by code, the last of each."""
    return {finding.code: finding for finding in found(run, **known)}


def codes(run: Run | Evidence, **known: object) -> list[str]:
    """Return the codes of a run's findings, most severe first."""
    return [finding.code for finding in found(run, **known)]


def words(count: int, index: int = 0) -> list[JsonObject]:
    """Return text deltas of four characters each."""
    return [pb.text(index, "word") for _ in range(count)]


def answer(*parts: Part, stop: str | None = "end_turn", **usage: int) -> list[Part]:
    """Return a whole message around some events."""
    counts = {"output_tokens": 15, **usage}
    return [pb.message_start(), *parts, pb.message_delta(stop, counts), pb.message_stop()]


def exchange(request: JsonObject, *parts: Part, **known: Any) -> Evidence:  # noqa: ANN401
    """Return the evidence of an untimed run with its request."""
    return Evidence(untimed(*parts), request=request, **known)
