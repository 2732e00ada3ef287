"""Records of one read folded together: the same as one by one."""

from __future__ import annotations

from array import array
from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.batch import apply_all, apply_texts, in_order
from tui.core.records import EventRecord, Flaw, JsonObject
from tui.core.reducer import fold
from tui.core.state import PULSE_NS, STALL_NS, RunState

START: list[JsonObject] = [
    pb.message_start(),
    pb.text_start(0),
    pb.thinking_start(1),
    pb.tool_start(2),
]
# The same few deltas come often, so that there are runs, and what ends a run comes now and then.
RUNS = st.sampled_from([pb.text(0, "a"), pb.thinking(1, "b"), pb.fragment(2, '{"c":')])
ODD = st.sampled_from(
    [
        pb.text(0, ""),
        pb.text(0, "x", extra=1),
        pb.text(1, "on the wrong block"),
        pb.text(7, "never started"),
        pb.text(-1, "no index"),
        pb.fragment(0, "1"),
        pb.fragment(2, ""),
        pb.delta(0, "text_delta"),
        pb.delta(0, "text_delta", text=1),
        pb.delta(0, "new_delta", text="?"),
        pb.signature(1, "s"),
        {"type": "content_block_delta", "index": 0},
        {"type": "content_block_delta", "index": 0, "delta": {"type": ["text_delta"], "text": "x"}},
        {"type": "content_block_delta", "index": 0, "delta": "text_delta"},
        {"type": "other", "delta": {"type": "text_delta", "text": "x"}},
        pb.ping(),
        pb.block_stop(0),
        pb.text_start(0),
        pb.message_stop(),
        pb.error(),
    ]
)
GAPS = st.sampled_from([0, 0, 0, 0, 1, PULSE_NS, STALL_NS + 1, -1])


@st.composite
def reads(draw: st.DrawFn) -> list[list[EventRecord]]:
    """Records in reads, mostly with one time each."""
    events = draw(st.lists(st.one_of(RUNS, RUNS, RUNS, ODD), max_size=30))
    if draw(st.booleans()):
        events = START + events
    out: list[list[EventRecord]] = [[]]
    now = 0
    for seq, event in enumerate(events):
        now += draw(GAPS)
        record = pb.record(seq, event, now)
        if draw(st.integers(0, 20)) == 0:
            record = record._replace(flaws=(Flaw("type_mismatch", "as an example"),))
        out[-1].append(record)
        if draw(st.integers(0, 12)) == 0:
            out.append([])
    return out


@given(reads())
def test_the_same_as_one_by_one(groups: list[list[EventRecord]]) -> None:
    state = RunState()
    for group in groups:
        apply_all(state, group)
    assert state == fold(record for group in groups for record in group)


@pytest.mark.parametrize(
    "deltas",
    [
        [pb.text(0, f"t{number}") for number in range(9)],
        [pb.thinking(1, f"t{number}") for number in range(9)],
        [pb.fragment(2, f"t{number}") for number in range(9)],
        [pb.text(0, "a")] * 5 + [pb.thinking(1, "b")] * 5 + [pb.text(0, "c")] * 5,
        [pb.text(0, "a")] * 5 + [pb.text(0, "")] + [pb.text(0, "c")] * 5,
        [pb.text(0, "a")] * 5 + [pb.ping()] + [pb.text(0, "c")] * 5,
    ],
)
def test_runs(deltas: list[JsonObject]) -> None:
    records = [pb.record(seq, event, 5) for seq, event in enumerate(START + deltas)]
    state = RunState()
    apply_all(state, records)
    assert state == fold(records)
    assert not state.anomalies
    assert state.records == len(records)


KINDS = {
    "text_delta": (0, pb.text),
    "thinking_delta": (1, pb.thinking),
    "input_json_delta": (2, pb.fragment),
}


@example([("", 0), ("a", 0)], "text_delta", [pb.text(0, "x")], STALL_NS + 1)
@example([("", 0), ("", 1)], "text_delta", [], None)
@example([("", 0), ("a", 1)], "text_delta", [], None)
@example([("a", 0), ("bcd", 1)], "text_delta", [pb.text(0, "x"), pb.text(0, "y")], None)
@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "bcd"]), GAPS), min_size=1, max_size=9),
    st.sampled_from(sorted(KINDS)),
    st.lists(RUNS, max_size=3),
    st.none() | GAPS,
)
def test_texts_alone_are_the_same_as_their_records(
    chunks: list[tuple[str, int]], kind: str, before: list[JsonObject], at_once: int | None
) -> None:
    index, make = KINDS[kind]
    records = [pb.record(seq, event, 7) for seq, event in enumerate(START + before)]
    state = fold(records)
    block = in_order(state, kind, index)
    assert block is state.by_index[index]
    texts = [text for text, _ in chunks]
    gaps = [gap for _, gap in chunks]
    if at_once is not None:
        gaps = [at_once, *[0] * (len(gaps) - 1)]
    times = array("q", accumulate(gaps, initial=7))[1:]
    seq = len(records)
    apply_texts(state, block, kind, seq, times, texts)
    for number, (text, now) in enumerate(zip(texts, times, strict=True), seq):
        records.append(pb.record(number, make(index, text), now))
    assert state == fold(records)


def test_only_deltas_in_order_are_taken_so() -> None:
    def state(*events: JsonObject) -> RunState:
        return fold(pb.record(seq, event) for seq, event in enumerate(events))

    assert in_order(state(*START), "text_delta", 0) is not None
    assert in_order(state(*START), "text_delta", 1) is None
    assert in_order(state(*START), "text_delta", 3) is None
    assert in_order(state(*START), "text_delta", -1) is None
    assert in_order(state(*START, pb.block_stop(0)), "text_delta", 0) is None
    assert in_order(state(*START, pb.error()), "text_delta", 0) is None
    assert in_order(state(*START), "input_json_delta", 0) is not None


def test_long_texts_are_kept_in_parts() -> None:
    state = fold(pb.record(seq, event) for seq, event in enumerate(START))
    texts = [f"text {number}" for number in range(100)]
    block = state.by_index[0]
    apply_texts(state, block, "text_delta", 4, array("q", [0]) * 100, texts)
    assert block.text.text() == "".join(texts)
    assert (state.records, state.counts["content_block_delta"]) == (104, 100)
