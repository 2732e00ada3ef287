"""What is found in a long run once it has ended."""

from __future__ import annotations

from functools import partial

from tests.bench import data
from tests.bench.measure import Row, at_most, duration, in_turn, seconds
from tui.core.session import Session
from tui.findings import Evidence, diagnose

_EVENTS = 100_000
_REQUEST = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "Hi."}]}
_READS = {"a read each": 120, "eight a read": 960}
_PACE_NS = 20_000_000


def findings(rounds: int) -> list[Row]:
    """All rules over 100k text deltas that came at their pace."""
    rows = []
    for name, size in _READS.items():
        session = Session()
        at_ns = 400_000_000
        for read in data.reads(data.text_stream(_EVENTS), size):
            session.feed(at_ns, read)
            at_ns += _PACE_NS
        session.finish(at_ns)
        evidence = Evidence(session.run, request=_REQUEST)
        if diagnose(evidence)[-1].code != "healthy":
            raise AssertionError("a finding on a healthy stream")
        judge = partial(diagnose, evidence)
        (mine,) = in_turn(rounds, partial(seconds, judge))
        work = f"all findings of a run of 100k events, {name}"
        rows.append(Row(work, duration(mine), value=mine * 1000, limit=at_most(5, " ms")))
    return rows
