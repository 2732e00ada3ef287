"""Reading through without holding: the text is handed on once, all else is as it always is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.fuzz import _thresholds
from tests.fuzz.sessions import ENDS, fed
from tests.streams import timed_reads
from tui.core.session import Run, Session
from tui.core.skim import SkimSession
from tui.core.state import End


def skimmed(groups: list[list[tuple[int, bytes]]], how: End) -> tuple[SkimSession, list[str]]:
    """Skim reads, a group at a time; return the session and the texts it handed on."""
    parts: list[str] = []
    session = SkimSession(parts.append)
    for group in groups:
        if len(group) == 1:
            session.feed(*group[0])
        else:
            session.feed_many([t_ns for t_ns, _ in group], [read for _, read in group])
    session.finish(10**12, how)
    return session, parts


def facts(run: Run) -> list[object]:
    """What is known of a run without its text and its bytes."""
    state = run.state
    return [
        *(run.status, run.error, run.size, run.first_offset, run.first_byte_ns, run.last_byte_ns),
        *(run.metrics(), state.phase, state.counts, state.usage, state.anomalies),
        *(state.gaps_ns, state.stalls, state.pulse, state.tool_reports(), state.content_chars),
        [(len(block.text), len(block.thinking)) for block in state.blocks],
        *(pb.spans(run.timeline), run.timeline.times, run.timeline.indexes),
        [run.timeline.label(seq) for seq in range(len(run.timeline))],
    ]


@given(timed_reads(), ENDS, _thresholds.drawn(), st.data())
def a_skim_knows_the_same(
    reads: list[tuple[int, bytes]], how: End, thresholds: dict[str, int], data: st.DataObject
) -> None:
    """Everything but the text is what a session that holds it has; the text came past once."""
    held: Session = fed(reads, how)
    groups = []
    at = 0
    while at < len(reads):
        groups.append(reads[at : at + data.draw(st.integers(1, 30))])
        at += len(groups[-1])
    with _thresholds.set_to(thresholds):
        skim, parts = skimmed(groups, how)
    assert [facts(run) for run in skim.runs] == [facts(run) for run in held.runs]
    texts = [block.text.text() for run in held.runs for block in run.state.blocks]
    assert sorted("".join(parts).replace("\n", "")) == sorted("".join(texts).replace("\n", ""))
    assert not any(block.text.text() for run in skim.runs for block in run.state.blocks)
    whole = "\n".join(text for text in texts if text)
    if all(_in_order(run) for run in held.runs) and "\n" not in "".join(texts):
        assert "".join(parts) == whole


def _in_order(run: Run) -> bool:
    """Whether no text block goes on after another one began."""
    seen: list[int] = []
    for record in run.timeline.records():
        if record.block_index >= 0 and record.block_index not in seen[-1:]:
            seen.append(record.block_index)
    return len(seen) == len(set(seen)) and -1 not in run.timeline.indexes


LAWS = [a_skim_knows_the_same]
