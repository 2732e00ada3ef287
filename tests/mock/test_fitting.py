"""Scenarios fitted to the requests they answer, and the cutting and joining that it takes."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.script_source import one_each
from tui.core.records import Chunk, JsonObject
from tui.core.session import Run, Session
from tui.mock.fitting import Order, fitted
from tui.mock.splice import Edit, cut, part_of, read, replace, spliced
from tui.mock.usage import Counted
from tui.scenarios import Scenario, load, names

ODD = ("fallback", "compaction", "unknown", "hostile")
MS = 1_000_000


def order(most: int = 100_000, *stops: str, counted: Counted | None = None) -> Order:
    return Order(
        model="claude-x",
        counted=counted or Counted(77),
        max_tokens=most,
        stop_sequences=stops,
        request_id="req_01" + "a" * 22,
        rng=random.Random(1),
    )


def run_of(scenario: Scenario) -> Run:
    session = Session()
    for chunk in scenario.chunks:
        session.feed(chunk.t_ns, chunk.data)
    session.finish(scenario.duration_ns, "reset" if scenario.how == "reset" else "eof")
    return session.runs[0]


def message_of(scenario: Scenario) -> dict[str, Any]:
    message = run_of(scenario).state.message_json()
    assert message is not None
    return message


def text_of(scenario: Scenario) -> str:
    return "".join(block.get("text", "") for block in message_of(scenario)["content"])


def streamed(*events: JsonObject | bytes, model: str = "m") -> Scenario:
    chunks = one_each(events, *range(0, MS * len(events), MS))
    return Scenario("s", "S", "", "?", {"model": model}, tuple(chunks), "eof", chunks[-1].t_ns)


# Splicing


def wire(*data: bytes) -> tuple[Chunk, ...]:
    return tuple(Chunk(at, part) for at, part in enumerate(data))


def test_an_edit_changes_its_bytes_alone() -> None:
    chunks = wire(b"abc", b"def", b"ghi")
    assert spliced(chunks, []) == chunks
    assert spliced(chunks, [Edit(4, 5, b"XX")]) == wire(b"abc", b"dXXf", b"ghi")
    assert spliced(chunks, [Edit(0, 1, b""), Edit(8, 9, b"Z")]) == wire(b"bc", b"def", b"ghZ")
    assert spliced(chunks, [Edit(1, 3, b"X"), Edit(3, 4, b"Y")])[1] == Chunk(1, b"Yef")


def test_a_chunk_that_loses_all_is_left_out() -> None:
    assert spliced(wire(b"abc", b"def", b"ghi"), [Edit(3, 6, b"")]) == (
        Chunk(0, b"abc"),
        Chunk(2, b"ghi"),
    )


def test_an_event_in_several_chunks_is_replaced_in_the_last_of_them() -> None:
    assert spliced(wire(b"abc", b"def", b"ghi"), [Edit(2, 7, b"XX")]) == (
        Chunk(0, b"ab"),
        Chunk(2, b"XXhi"),
    )


def test_a_cut_ends_the_stream_where_it_is() -> None:
    chunks = wire(b"abc", b"def")
    assert cut(chunks, 4, b"X") == wire(b"abc", b"dX")
    assert cut(chunks, 3, b"X") == wire(b"abc", b"X")
    assert cut(chunks, 0, b"X") == wire(b"X")
    assert cut(chunks, 6, b"X") == (*chunks, Chunk(1, b"X"))
    assert cut((), 0, b"X") == wire(b"X")


@given(st.binary(min_size=1, max_size=60), st.data())
def test_splicing_is_the_same_for_any_chunks(data: bytes, draw: st.DataObject) -> None:
    places = st.lists(st.integers(0, len(data)), max_size=6, unique=True)
    bounds = sorted(draw.draw(places))
    edits = [
        Edit(start, end, draw.draw(st.binary(max_size=4)))
        for start, end in zip(bounds[::2], bounds[1::2], strict=False)
    ]
    expected, at = b"", 0
    for start, end, new in edits:
        expected += data[at:start] + new
        at = end
    expected += data[at:]
    steps = sorted(draw.draw(places))
    parts = [data[a:b] for a, b in zip([0, *steps], [*steps, len(data)], strict=True)]
    chunks = tuple(Chunk(n, part) for n, part in enumerate(parts) if part)
    assert b"".join(chunk.data for chunk in spliced(chunks, edits)) == expected


def test_events_are_read_with_their_places() -> None:
    scenario = load("two-tools")
    data = b"".join(chunk.data for chunk in scenario.chunks)
    records = read(scenario.chunks)
    assert b"".join(data[r.offset : r.offset + r.length] for r in records) == data
    assert spliced(scenario.chunks, [replace(r, b"") for r in records]) == ()
    kinds = {piece.kind for record in records if (piece := part_of(record)) is not None}
    assert kinds == {"text_delta", "input_json_delta"}


# Fitting


@pytest.mark.parametrize("name", [name for name in names() if name not in ODD])
def test_an_answer_is_from_the_model_asked_and_counts_the_request(name: str) -> None:
    scenario = load(name)
    answer = fitted(scenario, order())
    said, was = message_of(answer), message_of(scenario)
    first = read(scenario.chunks)[0].payload or {}
    begun = first["message"]["usage"]["input_tokens"]
    assert said["model"] == "claude-x"
    # What a web search has read is counted on top.
    assert said["usage"]["input_tokens"] == 77 + was["usage"]["input_tokens"] - begun
    assert said["usage"]["output_tokens"] == was["usage"]["output_tokens"]
    assert said["stop_reason"] == was["stop_reason"]
    assert [chunk.t_ns for chunk in answer.chunks] == [chunk.t_ns for chunk in scenario.chunks]
    assert (answer.how, answer.duration_ns) == (scenario.how, scenario.duration_ns)
    before, after = run_of(scenario).state, run_of(answer).state
    assert before.anomalies == after.anomalies and before.counts == after.counts


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_on_purpose_stays_as_it_is(name: str) -> None:
    assert fitted(load(name), order(1, "e")) is load(name)


def test_no_two_answers_share_an_id() -> None:
    asked = order()
    ids: list[str] = []
    for _ in range(2):
        message = message_of(fitted(load("web-search"), asked))
        search, found = message["content"][1:3]
        assert found["tool_use_id"] == search["id"]
        assert search["id"].startswith("srvtoolu_01")
        ids += (message["id"], search["id"])
    assert len(set(ids)) == 4
    error = run_of(fitted(load("overloaded"), asked)).state
    assert asked.request_id.encode() in fitted(load("overloaded"), asked).chunks[-1].data
    assert error.error is not None and error.error["type"] == "overloaded_error"


def test_what_the_cache_does_is_told() -> None:
    message = message_of(
        fitted(load("markdown"), order(counted=Counted(5, 300, {"1h": 1500, "5m": 500})))
    )
    usage = message["usage"]
    assert usage["input_tokens"] == 5
    assert usage["cache_creation_input_tokens"] == 2000
    assert usage["cache_read_input_tokens"] == 300
    assert usage["cache_creation"] == {
        "ephemeral_5m_input_tokens": 500,
        "ephemeral_1h_input_tokens": 1500,
    }


@pytest.mark.parametrize("name", ["plain", "tour", "two-tools", "thinking-tool", "fine-grained"])
@pytest.mark.parametrize("most", [1, 7, 60, 150])
def test_an_answer_that_is_too_long_ends_early(name: str, most: int) -> None:
    whole, short = load(name), fitted(load(name), order(most))
    run, message = run_of(short), message_of(short)
    if message_of(whole)["usage"]["output_tokens"] <= most:
        assert message["stop_reason"] == message_of(whole)["stop_reason"]
        return
    assert run.status == "complete"
    assert {anomaly.code for anomaly in run.state.anomalies} <= {"invalid_tool_json"}
    assert (message["stop_reason"], message["stop_details"]) == ("max_tokens", None)
    assert message["usage"]["output_tokens"] == most
    thinking = message["usage"].get("output_tokens_details", {}).get("thinking_tokens", 0)
    assert thinking <= most
    assert text_of(whole).startswith(text_of(short))
    assert all(block.stopped for block in run.state.blocks)
    assert short.duration_ns == short.chunks[-1].t_ns <= whole.duration_ns
    # Up to the end everything comes when it always does.
    times = [chunk.t_ns for chunk in whole.chunks]
    assert [chunk.t_ns for chunk in short.chunks] == times[: len(short.chunks)]


@pytest.mark.parametrize("name", ["plain", "tour", "two-tools", "thinking-tool", "refusal"])
def test_where_nothing_is_to_be_written_nothing_is(name: str) -> None:
    short = fitted(load(name), order(0, "e"))
    run, message = run_of(short), message_of(short)
    assert (run.status, run.state.anomalies) == ("complete", [])
    assert (message["content"], message["stop_reason"]) == ([], "max_tokens")
    assert message["usage"]["output_tokens"] == 0 and message["usage"]["input_tokens"] == 77


def test_a_stop_sequence_ends_an_answer_before_itself() -> None:
    whole = text_of(load("plain"))
    for stop in ("Dust", "the universe", "13.8", "**.\n\n", whole[-3:]):
        message = message_of(fitted(load("plain"), order(100_000, "never said", stop)))
        assert message["content"][0]["text"] == whole[: whole.index(stop)]
        assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", stop)
        assert 1 <= message["usage"]["output_tokens"] <= 239
    untouched = message_of(fitted(load("plain"), order(100_000, "never said")))
    assert untouched["stop_reason"] == "end_turn"


def test_a_stop_sequence_is_not_looked_for_in_thinking_and_tools() -> None:
    message = message_of(fitted(load("thinking-tool"), order(100_000, "doomsday works", "1969-07")))
    assert message["stop_reason"] == "tool_use"


def test_what_comes_first_ends_the_answer() -> None:
    short = message_of(fitted(load("plain"), order(20, "Darkness")))
    assert short["stop_reason"] == "max_tokens"
    stopped = message_of(fitted(load("plain"), order(200, "If the universe")))
    assert stopped["stop_reason"] == "stop_sequence"


@given(st.text("abc ", min_size=1, max_size=40), st.text("abc", min_size=1, max_size=4), st.data())
def test_stop_sequences_are_found_across_deltas(said: str, stop: str, draw: st.DataObject) -> None:
    places = draw.draw(st.lists(st.integers(0, len(said)), max_size=6))
    steps = sorted(places)
    pieces = [said[a:b] for a, b in zip([0, *steps], [*steps, len(said)], strict=True)]
    scenario = streamed(pb.message_start(model="m"), *pb.text_block(0, *pieces), *pb.ending())
    answer = fitted(scenario, order(100_000, stop))
    assert text_of(answer) == said.partition(stop)[0]
    assert (message_of(answer)["stop_reason"] == "stop_sequence") is (stop in said)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [b"data: x\n\n"],
        [pb.text_start(), pb.message_start(model="m")],
        [pb.message_start(model="other"), *pb.ending()],
        [pb.message_start(model="m", usage=None), *pb.ending()],
        [pb.message_start(model="m", usage=5), *pb.ending()],
        [pb.message_start(model="m", usage={"output_tokens": 1}), *pb.ending()],
        [pb.message_start(model="m", usage={"input_tokens": "5"}), *pb.ending()],
        [pb.message_start(model="m"), {"type": "message_delta", "delta": {}}],
        [pb.message_start(model="m"), {"type": "new"}, *pb.ending()],
        [pb.message_start(model="m"), pb.message_start(model="m"), *pb.ending()],
        [{"type": "message_start"}],
    ],
)
def test_what_is_no_ordinary_message_stays_as_it_is(events: list[JsonObject | bytes]) -> None:
    scenario = streamed(*events) if events else load("plain")
    if not events:
        scenario = Scenario("s", "S", "", "?", {"model": "m"}, (), "eof", 0)
    assert fitted(scenario, order(1, "x")) is scenario


def test_an_end_without_a_message_delta_is_no_end_to_change() -> None:
    stop = {"type": "message_stop"}
    scenario = streamed(pb.message_start(model="m"), *pb.text_block(0, "abc"), stop)
    assert text_of(fitted(scenario, order(1, "b"))) == "abc"


def test_the_same_order_gives_the_same_bytes() -> None:
    assert fitted(load("tour"), order(50)) == fitted(load("tour"), order(50))
    assert json.dumps(message_of(fitted(load("tour"), order())))
