"""Bytes to runs: however they are cut and however many are taken at once, the runs are the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.fuzz import _thresholds
from tests.streams import timed_reads
from tui.core.session import Session
from tui.core.state import End

ENDS = st.sampled_from(["eof", "reset", "timeout", "cancelled", "interrupted", "http_error"])


def fed(reads: list[tuple[int, bytes]], how: End) -> Session:
    """Take reads one by one."""
    session = Session()
    for t_ns, data in reads:
        session.feed(t_ns, data)
    session.finish(10**12, how)
    return session


@given(timed_reads(), ENDS, _thresholds.drawn(), st.data())
def any_cut_is_the_same(
    reads: list[tuple[int, bytes]], how: End, thresholds: dict[str, int], data: st.DataObject
) -> None:
    """Whole, cut anywhere, many at a time: one outcome, and each record has its own bytes."""
    body = b"".join(read for _, read in reads)
    one = fed(reads, how)
    pb.check_laws(one, body)
    with _thresholds.set_to(thresholds):
        whole = fed([(0, body)], how)
        again = fed(reads, how)
        many = Session()
        at = 0
        while at < len(reads):
            group = reads[at : at + data.draw(st.integers(1, 100))]
            many.feed_many([t_ns for t_ns, _ in group], [read for _, read in group])
            at += len(group)
        many.finish(10**12, how)
        pb.check_laws(whole, body)
        pb.check_laws(many, body)
    pb.assert_same_runs(whole, one)
    pb.assert_same_to_the_last_detail(again, one)
    pb.assert_same_to_the_last_detail(many, one)


LAWS = [any_cut_is_the_same]
