"""Our message against the one that the official SDK accumulates from the same bytes.

The SDK reads the bytes with its own decoder and folds them with its own `accumulate_event`. Nulls
and absent keys count as the same. Where the SDK is known to drop something, exactly that is taken
out of ours before comparing; where it raises, the reason must be one that is known, and we must
have a message all the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import httpx2
import pytest
from anthropic._models import construct_type_unchecked
from anthropic._streaming import SSEDecoder
from anthropic.lib.streaming._beta_messages import accumulate_event
from anthropic.types.beta import BetaRawMessageStreamEvent
from anthropic.types.beta.parsed_beta_message import ParsedBetaMessage
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import cuts, legal_bytes
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import TOOL_TYPES, Block, RunState

EVENT_TYPE: Final = cast(Any, BetaRawMessageStreamEvent)
DELTA_FIELDS: Final = {"stop_reason", "stop_sequence", "stop_details", "container"}
DELTA_EXTRAS: Final = {"context_management", "input_transformations"}
DELTA_USAGE: Final = {
    *("output_tokens", "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
    *("server_tool_use", "output_tokens_details", "iterations", "fallback_credit"),
}
"""What the SDK takes over from a `message_delta`; everything else in one is dropped."""


class SdkRaised(Exception):
    """The SDK gave up on the stream; the text says how."""


def sdk_events(data: bytes) -> list[JsonObject]:
    """The events that the SDK's own decoder hands to its accumulation."""
    events: list[JsonObject] = []
    for found in SSEDecoder().iter_bytes(iter([data])):
        if found.event in (None, "ping") or not found.data or found.data == "[DONE]":
            continue
        if found.event == "error":
            raise SdkRaised("APIStatusError")
        events.append(found.json())
    return events


def sdk_message(events: list[JsonObject]) -> JsonObject:
    """The message that the SDK makes of the events."""
    snapshot: ParsedBetaMessage[None] | None = None
    buffers: dict[int, bytes] = {}
    try:
        for event in events:
            built: Any = construct_type_unchecked(type_=EVENT_TYPE, value=event)
            snapshot = accumulate_event(
                event=built,
                current_snapshot=snapshot,
                json_bufs=buffers,
                request_headers=httpx2.Headers(),
            )
    except Exception as problem:
        raise SdkRaised(f"{type(problem).__name__}: {problem}") from problem
    if snapshot is None:
        raise SdkRaised("no event")
    return snapshot.to_dict(mode="json", warnings=False)


class Ours(NamedTuple):
    """Our message, without what the SDK is known to drop."""

    message: JsonObject
    dropped: Counter[str]


def without_what_the_sdk_drops(state: RunState, events: list[JsonObject]) -> Ours:
    """Take out of our message what the events brought and the SDK does not keep."""
    dropped: Counter[str] = Counter()
    message: JsonObject = json.loads(json.dumps(state.message_json()))
    starts = [event for event in events if event["type"] == "message_start"]
    begun: JsonObject = starts[0]["message"] if starts else {}
    for event in events:
        kind = event["type"]
        extras: set[str] = set()
        if kind == "message_start":
            extras = set(event) - {"type", "message"}
        elif kind == "message_delta":
            extras = (set(event) - {"type", "delta", "usage"} - DELTA_EXTRAS) | (
                set(event["delta"]) - DELTA_FIELDS
            )
            for name in set(event["usage"]) - DELTA_USAGE:
                dropped["usage." + name] += 1
                message["usage"].pop(name, None)
                if name in begun["usage"]:
                    message["usage"][name] = begun["usage"][name]
        elif kind == "message_stop":
            extras = set(event) - {"type"}
        elif kind.startswith("content_block_"):
            extras = set(event) - {"type", "index", "content_block", "delta"}
        for name in extras:
            dropped[name] += 1
            message.pop(name, None)
            if name in begun:
                message[name] = begun[name]
    for block, made in zip(state.blocks, message["content"], strict=True):
        for name in ["unknown_deltas", *block.extras.onto(block.patch)]:
            if name in made and name not in ("signature", "content", "encrypted_content"):
                dropped[name] += 1
                del made[name]
        if is_partly_parsed(block):
            dropped["partial input"] += 1
            del made["input"]
        elif len(block.json) and block.type not in TOOL_TYPES:
            dropped["input of a block that is no tool"] += 1
            del made["input"]
    return Ours(message, dropped)


def is_partly_parsed(block: Block) -> bool:
    """Whether the SDK shows a partial parse where the block keeps the input it began with."""
    if block.type not in TOOL_TYPES or not len(block.json):
        return False
    return not block.stopped or block.input_error is not None


def without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def compare(part: Run, data: bytes) -> Counter[str]:
    """Compare a run with the SDK's reading of its bytes; return what the SDK dropped."""
    events = sdk_events(data)
    theirs = sdk_message(events)
    ours, dropped = without_what_the_sdk_drops(part.state, events)
    for block, made in zip(part.state.blocks, theirs["content"], strict=True):
        if is_partly_parsed(block):
            del made["input"]
    assert without_nulls(ours) == without_nulls(theirs)
    return dropped


REASONS: Final[dict[str, Callable[[RunState], bool]]] = {
    r"APIStatusError": lambda state: state.error is not None,
    r'RuntimeError: Unexpected event order, got .* before "message_start"': lambda state: (
        "event_before_start" in codes(state)
    ),
    r"IndexError: list index out of range": lambda state: (
        bool(codes(state) & {"unknown_index", "missing_index"}) or not is_contiguous(state)
    ),
    r"AttributeError: .*usage.*": lambda state: "missing_usage" in codes(state),
    r"AttributeError: 'NoneType' object has no attribute '.*_tokens'": lambda state: (
        "missing_usage" in codes(state)
    ),
    r"ValueError: Unable to parse tool parameter JSON.*": lambda state: (
        "invalid_tool_json" in codes(state)
    ),
}
"""How the SDK raises, and what our state has to say about the same stream."""


def codes(state: RunState) -> set[str]:
    return {anomaly.code for anomaly in state.anomalies}


def is_contiguous(state: RunState) -> bool:
    """Whether position and index of every block are the same, as the SDK takes for granted."""
    return [block.index for block in state.blocks] == list(range(len(state.blocks)))


def explain(raised: SdkRaised, state: RunState) -> str:
    """The reason why the SDK raised; fails where it is not a known one."""
    for pattern, holds in REASONS.items():
        if re.match(pattern, str(raised), re.DOTALL):
            assert holds(state), (pattern, codes(state))
            return pattern
    raise AssertionError(f"the SDK raised for a reason that is not known: {raised}")


# --- recorded streams -----------------------------------------------------------------------------


def test_recorded_streams(corpus: list[Path]) -> None:
    compared, raised = 0, Counter[str]()
    for path in corpus:
        data = path.read_bytes()
        session = pb.run([data])
        pb.check_laws(session, data)
        part = session.run
        message = part.state.message_json()
        if len(session.runs) > 1:
            raised["the SDK takes several messages for one"] += 1
            continue
        try:
            compare(part, data)
        except SdkRaised as problem:
            raised[explain(problem, part.state)] += 1
            assert message is not None or part.error is not None, path.name
        except AssertionError as difference:
            raise AssertionError(path.name) from difference
        else:
            compared += 1
            assert message is not None
    assert compared + raised.total() == len(corpus)
    assert compared > 0.9 * len(corpus), raised


def test_recorded_streams_have_sane_statuses(corpus: list[Path]) -> None:
    for path in corpus:
        data = path.read_bytes()
        for part in pb.run([data]).runs:
            if part.state.error is not None:
                assert part.status == "error", path.name
            elif "message_stop" in part.state.counts:
                assert part.status == "complete", path.name
            else:
                assert part.status == "truncated", path.name
                assert b'"message_stop"' not in data, path.name


# --- generated streams ----------------------------------------------------------------------------


@given(legal_bytes(), st.data())
def test_legal_streams(data: bytes, draw: st.DataObject) -> None:
    session = pb.run(draw.draw(cuts(data)))
    (part,) = session.runs
    assert part.status == "complete"
    assert part.state.anomalies == []
    # Line ends of one kind, as the SDK's decoder knows them; ours has read the bytes as they are.
    events = [found.payload for found in part.timeline.records() if found.payload is not None]
    assert not compare(part, pb.wire(*events))


# --- where the SDK is not followed ----------------------------------------------------------------


def dropped(*events: JsonObject) -> list[str]:
    data = pb.wire(*events)
    return sorted(compare(pb.run([data]).run, data))


def test_what_the_sdk_drops() -> None:
    usage = {"output_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 1}, "cost": 2}
    events = [
        pb.message_start() | {"trace": 1},
        pb.thinking_start(0),
        pb.thinking(0, "hm", estimated_tokens=3),
        pb.delta(0, "new_delta", a=1),
        pb.block_stop(0),
        pb.message_delta("end_turn", usage, provider_metadata={"a": 1}),
        pb.message_stop(**{"amazon-bedrock-invocationMetrics": {"a": 1}}),
    ]
    assert dropped(*events) == [
        "amazon-bedrock-invocationMetrics",
        "estimated_tokens",
        "provider_metadata",
        "trace",
        "unknown_deltas",
        "usage.cache_creation",
        "usage.cost",
    ]


def test_tool_input_for_a_block_that_is_no_tool_is_kept() -> None:
    search = pb.block_start(0, "web_search_tool_result", tool_use_id="srvtoolu_1", content=[])
    events = [pb.message_start(), search, pb.fragment(0, '{"a":1}'), pb.block_stop(0), *pb.ending()]
    assert dropped(*events) == ["input of a block that is no tool"]


def test_a_partial_parse_is_no_input() -> None:
    events = [pb.message_start(), *pb.tool_block(0, '{"a": 1, "b'), *pb.ending("max_tokens")]
    assert dropped(*events) == ["partial input"]
    assert sdk_message(events)["content"][0]["input"] == {"a": 1}
    assert pb.run([pb.wire(*events)]).run.state.tool_reports()[0].input is None


@pytest.mark.parametrize(
    ("events", "pattern"),
    [
        ([pb.message_start(), pb.error()], "APIStatusError"),
        (pb.text_block(0, "a"), "RuntimeError"),
        ([pb.message_start(), pb.text(3, "a"), *pb.ending()], "IndexError"),
        ([pb.message_start(), *pb.text_block(3, "a"), *pb.ending()], "IndexError"),
        ([pb.message_start(), *pb.tool_block(0, "{oops}"), *pb.ending()], "ValueError"),
        ([pb.message_start(usage=None), *pb.text_block(0, "a"), *pb.ending()], "AttributeError"),
        (
            [pb.message_start(), *pb.text_block(0, "a"), pb.message_delta(usage=None)],
            "AttributeError",
        ),
    ],
)
def test_where_the_sdk_raises_we_have_a_message(events: list[JsonObject], pattern: str) -> None:
    data = pb.wire(*events)
    part = pb.run([data]).run
    with pytest.raises(SdkRaised) as raised:
        compare(part, data)
    assert explain(raised.value, part.state).startswith(pattern)
    assert part.state.message_json() is not None


def test_the_sdk_loses_an_event_without_its_blank_line() -> None:
    data = pb.wire(pb.message_start(), *pb.text_block(0, "a"), pb.message_delta()).rstrip(b"\n")
    assert sdk_message(sdk_events(data))["stop_reason"] is None
    message = pb.run([data]).run.state.message_json()
    assert message is not None
    assert message["stop_reason"] == "end_turn"


def test_the_sdk_ignores_a_second_message() -> None:
    data = pb.wire(
        pb.message_start(), *pb.ending(), pb.message_start(id="msg_2"), *pb.text_block(0, "a")
    )
    assert sdk_message(sdk_events(data))["id"] == "msg_1"
    assert len(pb.run([data]).runs) == 2


def test_blocks_are_named_by_index_not_by_position() -> None:
    events = [
        pb.message_start(),
        pb.block_start(1, "text", text=""),
        pb.block_start(0, "text", text=""),
        pb.text(1, "one"),
        pb.text(0, "zero"),
        pb.block_stop(0),
        pb.block_stop(1),
        *pb.ending(),
    ]
    message = pb.run([pb.wire(*events)]).run.state.message_json()
    assert message is not None
    assert [block["text"] for block in message["content"]] == ["one", "zero"]
    assert [block["text"] for block in sdk_message(events)["content"]] == ["zero", "one"]
