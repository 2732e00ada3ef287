"""Tool input of any size: its stop and its past take no longer than those of a short one."""

from __future__ import annotations

import json

import pytest

from tests import playbook as pb
from tui.compare.comparison import compare
from tui.core import buffer, reducer
from tui.core.json_check import JsonCheck
from tui.core.records import EventRecord, from_frame
from tui.core.session import Run, Session
from tui.core.sse import Decoder
from tui.core.state import RunState
from tui.core.steps import finish

FRAGMENT = 50_000
VALUE = {"files": [{"path": f"src/{number}.py", "line": number} for number in range(80_000)]}


@pytest.fixture(scope="module")
def huge() -> tuple[Run, str]:
    """A run whose tool call has some megabytes of input, without its stop, and the input."""
    text = json.dumps(VALUE)
    session = Session()
    session.feed(0, pb.wire(pb.message_start(), pb.tool_start(0)))
    for at in range(0, len(text), FRAGMENT):
        session.feed(0, pb.wire(pb.fragment(0, text[at : at + FRAGMENT])))
    return session.run, text


def test_the_stop_has_little_left_to_read(
    huge: tuple[Run, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, text = huge
    state = run.timeline.at(len(run.timeline))
    fed: list[int] = []
    feed = JsonCheck.feed

    def counted(self: JsonCheck, piece: str) -> None:
        fed.append(len(piece))
        feed(self, piece)

    monkeypatch.setattr(JsonCheck, "feed", counted)
    record = pb.record(len(run.timeline), pb.block_stop(0))
    reducer.apply(state, record)
    assert sum(fed) <= buffer.PIECE + FRAGMENT
    block = state.blocks[0]
    assert (block.tool_state, block.input_size) == ("complete", len(text))
    assert block.input == VALUE


def test_the_past_is_folded_from_nearby(
    huge: tuple[Run, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, text = huge
    folded: list[int] = []
    apply = reducer.apply

    def counted(state: RunState, record: EventRecord) -> None:
        folded.append(record.length)
        apply(state, record)

    monkeypatch.setattr(reducer, "apply", counted)
    for count in (len(run.timeline), len(run.timeline) - 1, 20, 50, 49):
        folded.clear()
        state = run.timeline.at(count)
        assert state.blocks[0].json.text() == text[: (count - 2) * FRAGMENT]
        assert sum(folded) < 5 * 1024 * 1024


def test_values_are_not_parsed_where_that_takes_long() -> None:
    sides = []
    for last in ("1", "2"):
        session = Session()
        text = json.dumps(VALUE)[:-1] + f', "last": {last}}}'
        session.feed(0, pb.wire(pb.message_start(), *pb.tool_block(0, text), *pb.ending()))
        sides.append(session.run)
    assert sides[0].state.tool_reports(1_000_000)[0].input is None
    (tool,) = finish(compare(sides[0], sides[1], None, None)).tools
    assert tool.input is None
    assert tool.raw is not None and not tool.raw.equal


def test_a_number_of_many_digits_everywhere() -> None:
    number = 10**4_000
    usage = {"input_tokens": number, "output_tokens": number, "cache_read_input_tokens": number}
    pb.play(
        pb.message_start(usage=usage, odd=number),
        pb.text_start(0) | {"index": number},
        pb.text(0, "a", odd=number) | {"odd": number},
        *pb.tool_block(1, json.dumps({"a": number})),
        pb.message_delta(usage=usage),
        pb.message_stop(),
    ).expect_tool(state="complete", value={"a": number}, raw=json.dumps({"a": number}), fragments=1)


def test_an_event_that_is_too_large_is_kept_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.core.records.LONGEST", 2_000)
    large = pb.text(0, "x" * 2_000)
    played = pb.play(
        pb.message_start(),
        pb.text_start(0),
        large,
        pb.text(0, "on"),
        pb.block_stop(0),
        *pb.ending(),
    ).expect(text="on", anomalies=["too_large"])
    assert played.run.timeline.raw_event(2) == pb.sse(large)
    assert played.run.timeline.label(2).type == "content_block_delta"
    (frame,) = Decoder().feed(pb.sse(large, ""))
    assert from_frame(frame, 0, 0).type == "untyped"


def test_a_tail_that_is_too_large_was_never_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.core.records.LONGEST", 2_000)
    tail = pb.sse(pb.text(0, "x" * 2_000))[:-1]
    pb.play(pb.message_start(), pb.text_start(0), tail).expect(
        status="truncated", text="", anomalies=["too_large"]
    )
