"""The fold on whatever comes: every field with every wrong type, broken streams, any prefix."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import ABSENT, WRONG, Path, broken_events, legal_events, paths, replaced
from tui.core.records import JsonObject
from tui.core.reducer import apply, fold
from tui.core.state import RunState

CANON: Final = [
    pb.message_start(),
    pb.thinking_start(0),
    pb.thinking(0, "hm"),
    pb.signature(0, "s"),
    pb.block_stop(0),
    pb.ping(),
    pb.tool_start(1),
    pb.fragment(1, '{"a":'),
    pb.fragment(1, "1}"),
    pb.block_stop(1),
    pb.block_start(2, "compaction", content=None),
    pb.delta(2, "compaction_delta", content="x", encrypted_content="y"),
    pb.block_stop(2),
    pb.text_start(3),
    pb.text(3, "hi"),
    pb.citation(3, {"type": "char_location"}),
    pb.block_stop(3),
    pb.message_delta(),
    pb.message_stop(),
]
"""Every event and delta type once; each event is damaged in turn."""

NEEDED: Final[dict[Path, tuple[type, ...]]] = {
    ("type",): (str,),
    ("index",): (int,),
    ("message",): (dict,),
    ("message", "usage"): (dict,),
    ("message", "content"): (list, type(None)),
    ("content_block",): (dict,),
    ("content_block", "type"): (str,),
    ("delta",): (dict,),
    ("delta", "type"): (str,),
    ("delta", "text"): (str,),
    ("delta", "thinking"): (str,),
    ("delta", "signature"): (str,),
    ("delta", "partial_json"): (str,),
    ("delta", "citation"): (dict,),
    ("usage",): (dict,),
}
"""What the fold cannot do without, and the types it takes."""


def is_broken(path: Path, value: object) -> bool:
    """Whether the fold has to note that `path` holds `value`."""
    if path not in NEEDED or (path == ("message", "content") and value is ABSENT):
        return False
    if isinstance(value, bool) or (isinstance(value, int) and not 0 <= value < 2**31):
        return True
    return not isinstance(value, NEEDED[path])


@pytest.mark.parametrize("number", range(len(CANON)), ids=lambda at: f"{at}-{CANON[at]['type']}")
def test_every_field_with_every_wrong_type(number: int) -> None:
    event = CANON[number]
    for path in paths(event):
        for value in WRONG:
            # The `event:` field stays as it was before the event was damaged.
            broken = pb.sse(replaced(event, path, value), event["type"])
            later = [*pb.text_block(9, "later"), pb.ping()]
            session = pb.run([pb.wire(*CANON[:number], broken, *CANON[number + 1 :], *later)])
            state = session.run.state
            codes = {anomaly.code for anomaly in state.anomalies}
            # The block at the end comes after the message's stop, which is noted in any case.
            noted = codes - {"event_after_stop"}
            assert not is_broken(path, value) or noted, (path, value)
            assert any(block.text.text() == "later" for block in state.blocks), (path, value)
            assert state.counts["ping"] >= 1


def test_the_undamaged_stream_is_clean() -> None:
    pb.Played(pb.run([pb.wire(*CANON)])).expect(text="hi", stop_reason="end_turn")


@given(legal_events())
def test_legal_streams_have_no_anomalies(events: list[JsonObject]) -> None:
    state = fold([pb.record(seq, event) for seq, event in enumerate(events)])
    assert state.anomalies == []
    assert state.status == "complete"
    assert all(tool.state in ("complete", "empty") for tool in state.tool_reports())


@given(broken_events(), st.data())
def test_the_fold_of_a_prefix_is_the_state_after_as_many_steps(
    events: list[JsonObject], data: st.DataObject
) -> None:
    records = [pb.record(seq, event, seq * 10**8) for seq, event in enumerate(events)]
    live = RunState()
    for seq, item in enumerate(records):
        assert fold(records[:seq]) == live
        apply(live, item)
    assert fold(records) == live
    assert live.records == len(records)
    place = data.draw(st.integers(0, len(records)))
    assert fold(iter(records[:place])) == fold(records[:place])


@given(broken_events())
def test_broken_streams_never_raise(events: list[JsonObject]) -> None:
    pb.play(*events)


def test_a_missing_field_is_named() -> None:
    broken = replaced(CANON[0], ("message",), ABSENT)
    state = fold([pb.record(0, broken)])
    assert "missing" in state.anomalies[0].detail
    state = fold([pb.record(0, replaced(CANON[0], ("message",), 5))])
    assert "int" in state.anomalies[0].detail
