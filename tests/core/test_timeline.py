"""The log: what was appended comes back, at any point of its past."""

from __future__ import annotations

from array import array
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.playbook import DONE, ending, message_start, sse, text, text_block, wire
from tests.streams import broken_events, cuts, legal_bytes, sse_bytes
from tui.core import timeline as timeline_module
from tui.core.bursts import template_of
from tui.core.records import COMMENT, CUT_OFF, EventRecord, JsonObject, from_frame
from tui.core.reducer import fold
from tui.core.session import Session
from tui.core.sse import Decoder, FrameKind
from tui.core.state import RunState
from tui.core.timeline import BorrowedStore, Label, RawStore, Timeline


def log(data: bytes) -> tuple[Timeline, list[EventRecord]]:
    """A timeline of a whole stream, and the records that went into it."""
    decoder = Decoder()
    frames = decoder.feed(data) + decoder.close()
    records = [from_frame(frame, seq, seq * 7) for seq, frame in enumerate(frames)]
    timeline = Timeline()
    timeline.raw.append(0, data)
    timeline.extend(records)
    return timeline, records


def store(*chunks: bytes) -> RawStore:
    raw = RawStore()
    for number, chunk in enumerate(chunks):
        raw.append(number * 10, chunk)
    return raw


# --- bytes ----------------------------------------------------------------------------------------


@given(
    st.lists(
        st.binary(max_size=5) | st.integers(0, 255).map(lambda at: bytes([at]) * 40_000), max_size=9
    ),
    st.data(),
)
def test_bytes_are_read_as_from_one_piece(chunks: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(chunks)
    raw = store(*chunks)
    assert raw.size == len(whole)
    for _ in range(5):
        offset = data.draw(st.integers(0, len(whole)))
        length = data.draw(st.integers(0, len(whole) - offset))
        assert raw.read(offset, length) == whole[offset : offset + length]
    assert raw.read(0, len(whole)) == whole


@given(st.lists(st.binary(max_size=5), max_size=9), st.integers(0, 3))
def test_chunks_come_back(chunks: list[bytes], large: int) -> None:
    chunks = [*chunks, *[b"x" * 70_000] * large, *chunks]
    raw = store(*chunks)
    assert [raw.chunk(number) for number in range(len(chunks))] == [
        (number * 10, chunk) for number, chunk in enumerate(chunks)
    ]
    ends = list(accumulate(len(chunk) for chunk in chunks))
    for number, (chunk, end) in enumerate(zip(chunks, ends, strict=True)):
        for offset in {end - len(chunk), end - 1} if chunk else ():
            assert raw.chunk_at(offset) == number


def test_reads_across_blocks() -> None:
    chunks = [bytes([number]) * 50_000 for number in range(7)]
    raw, whole = store(*chunks), b"".join(chunks)
    for offset in range(0, len(whole), 9_999):
        for length in (0, 1, 9_999, 100_000, 200_000, len(whole) - offset):
            assert raw.read(offset, length) == whole[offset : offset + length]


@given(st.lists(st.binary(max_size=5), max_size=9), st.booleans(), st.data())
def test_many_reads_are_kept_as_each(
    chunks: list[bytes], borrowed: bool, data: st.DataObject
) -> None:
    whole = b"".join(chunks)
    borrowed_from = BorrowedStore(lambda offset, length: whole[offset : offset + length])
    raw = borrowed_from if borrowed else RawStore()
    at = 0
    while at < len(chunks):
        group = chunks[at : at + data.draw(st.integers(1, 4))]
        times = [number * 10 for number in range(at, at + len(group))]
        assert raw.extend(times, group) == b"".join(group)
        at += len(group)
    assert [raw.chunk(number) for number in range(len(chunks))] == [
        (number * 10, chunk) for number, chunk in enumerate(chunks)
    ]
    assert raw.size == len(whole)
    assert raw.read(0, len(whole)) == whole


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=9), st.data())
def test_times_of_arrival(chunks: list[bytes], data: st.DataObject) -> None:
    raw = store(b"x", *chunks)
    places = st.lists(st.integers(1, raw.size), min_size=1, max_size=9, unique=True).map(sorted)
    every_chunk = sorted({*accumulate(map(len, [b"x", *chunks]))})
    for ends in (data.draw(places), every_chunk, every_chunk[1:] or [1]):
        found = raw.arrivals(array("Q", ends))
        assert list(found) == [raw.chunk_times[raw.chunk_at(end - 1)] for end in ends]


def test_as_many_events_as_reads_that_are_not_aligned() -> None:
    raw = store(b"aaaa", b"bbbb", b"cccc")
    assert list(raw.arrivals(array("Q", [4, 8, 9]))) == [0, 10, 20]
    assert list(raw.arrivals(array("Q", [1, 2, 9]))) == [0, 0, 20]


# --- events ---------------------------------------------------------------------------------------


def test_a_timeline_begins_empty() -> None:
    timeline = Timeline()
    assert len(timeline) == 0
    assert list(timeline.records()) == []
    assert timeline.at(5) == RunState()


def test_rows_are_known_without_parsing() -> None:
    timeline, records = log(
        wire(b": hi\n\n", message_start(), *text_block(4, "a"), DONE, b'data: {"type":"mess')
    )
    event = FrameKind.EVENT
    assert [timeline.label(seq) for seq in range(len(timeline))] == [
        Label(FrameKind.NOTE, COMMENT, ""),
        Label(event, "message_start", ""),
        Label(event, "content_block_start", ""),
        Label(event, "content_block_delta", "text_delta"),
        Label(event, "content_block_stop", ""),
        Label(event, "[DONE]", ""),
        Label(FrameKind.TAIL, CUT_OFF, ""),
    ]
    assert [timeline.index(seq) for seq in range(len(timeline))] == [-1, -1, 4, 4, 4, -1, -1]
    assert list(timeline.times) == [record.t_ns for record in records]


def test_a_row_of_its_own_type_is_no_comment() -> None:
    events: list[JsonObject] = [
        {"type": COMMENT},
        {"type": COMMENT, "delta": 1},
        {"type": CUT_OFF, "delta": 2},
    ]
    timeline, _ = log(wire(b": hi\n\n", *events, b": hi\n\n"))
    kinds = [timeline.label(seq).kind for seq in range(5)]
    assert kinds == [FrameKind.NOTE, *[FrameKind.EVENT] * 3, FrameKind.NOTE]


@pytest.mark.parametrize("delta", [5, None, [], {}, {"type": []}, {"type": {}}, {"type": 5}])
def test_a_delta_without_a_type_has_an_empty_label(delta: object) -> None:
    timeline, _ = log(wire({"type": "x", "delta": delta}, {"type": "x", "delta": delta}))
    assert timeline.label(0) == timeline.label(1) == Label(FrameKind.EVENT, "x", "")


def test_the_bytes_of_an_event() -> None:
    timeline, _ = log(wire(b": hi\n\n", message_start(), text(0, "a")))
    assert timeline.raw_event(0) == b": hi\n\n"
    assert timeline.raw_event(2) == sse(text(0, "a"))
    assert timeline.span(1) == (6, len(sse(message_start())))


def test_events_may_be_appended_one_by_one() -> None:
    timeline, records = log(wire(message_start(), *text_block(0, "a"), *ending()))
    other = Timeline(timeline.raw)
    for record in records:
        other.append(record)
    assert list(other.records()) == records


def test_a_range_of_records() -> None:
    timeline, records = log(wire(message_start(), *text_block(0, "a", "b"), *ending()))
    assert list(timeline.records(2, 4)) == records[2:4]
    assert list(timeline.records(3)) == records[3:]
    assert list(timeline.records(5, 99)) == records[5:]


def test_types_without_end_share_the_last_label() -> None:
    names = [f"type-{number}" for number in range(4_100)]
    timeline, _ = log(wire(*({"type": name} for name in names), {"type": names[0]}))
    assert timeline.label(4_095).type == "type-4095"
    assert timeline.label(4_099).type == "type-4095"
    assert timeline.record(4_099).type == "type-4099"
    assert timeline.label(4_100).type == "type-0"


@given(sse_bytes() | legal_bytes() | broken_events().map(lambda events: wire(*events)))
def test_a_record_is_what_was_appended(data: bytes) -> None:
    timeline, records = log(data)
    assert [timeline.record(seq) for seq in range(len(timeline))] == records
    for seq, record in enumerate(records):
        label = timeline.label(seq)
        assert (label.kind, label.type) == (record.kind, record.type)
        assert timeline.index(seq) == record.block_index
        assert timeline.raw_event(seq) == data[record.offset :][: record.length]


@given(broken_events(), st.data())
def test_any_point_of_the_past_is_the_fold_up_to_there(
    events: list[JsonObject], data: st.DataObject
) -> None:
    timeline, records = log(wire(*events))
    places = st.integers(-2, len(records) + 2)
    for count in data.draw(st.lists(places, min_size=1, max_size=8)):
        assert timeline.at(count) == fold(records[: max(count, 0)])


@given(sse_bytes().flatmap(cuts))
def test_the_past_does_not_change_when_the_log_grows(chunks: list[bytes]) -> None:
    decoder, timeline = Decoder(), Timeline()
    kept: list[EventRecord] = []
    for chunk in chunks:
        timeline.raw.append(0, chunk)
        frames = decoder.feed(chunk)
        kept += [from_frame(frame, seq, 0) for seq, frame in enumerate(frames, len(kept))]
        timeline.extend(kept[len(timeline) :])
        assert list(timeline.records()) == kept
        assert timeline.at(len(kept) // 2) == fold(kept[: len(kept) // 2])


@pytest.mark.parametrize("types", [3, 300])
def test_labels_are_looked_up_for_many_events_at_once(types: int) -> None:
    names = [f"type-{number}" for number in range(types)]
    events: list[JsonObject] = [{"type": name} for name in [*names, *names]]
    timeline, _ = log(wire(*events))
    table = bytes(label.type.endswith("2") for label in timeline.labels)
    wanted = [timeline.label(seq).type.endswith("2") for seq in range(1, 2 * types - 1)]
    assert list(timeline.look_up(table, 1, 2 * types - 1)) == wanted
    assert timeline.look_up(table, 2, 2) == b""


def test_events_of_a_type_are_found_as_the_log_grows() -> None:
    whole, records = log(wire(b": hi\n\n", {"type": COMMENT}, *text_block(0, "a"), *ending()))
    timeline = Timeline(whole.raw)
    for count, record in enumerate(records):
        timeline.append(record)
        for kind_of in (COMMENT, "content_block_stop", "message_stop"):
            wanted = [r.seq for r in records[: count + 1] if r.kind == FrameKind.EVENT]
            wanted = [seq for seq in wanted if records[seq].type == kind_of]
            assert list(timeline.seqs(kind_of)) == wanted
    assert list(timeline.seqs(COMMENT)) == [1]


def test_columns_are_those_of_the_records() -> None:
    timeline, records = log(wire(message_start(), *text_block(3, "a"), *ending()))
    assert list(timeline.indexes) == [record.block_index for record in records]
    assert list(timeline.offsets) == [record.offset for record in records]
    assert list(timeline.lengths) == [record.length for record in records]


def test_deltas_that_are_alike_are_appended_at_once() -> None:
    deltas = [text(3, "a"), text(3, ""), text(3, "b")]
    events: list[JsonObject | bytes] = [message_start(), text(3, "0"), *deltas]
    for known in (1, 2):
        whole, records = log(wire(*events))
        timeline = Timeline(whole.raw)
        timeline.extend(records[:known])
        (frame,) = Decoder().feed(sse(deltas[0]))
        template = template_of(frame, from_frame(frame, 0, 0))
        assert template is not None
        at = records[known].offset
        burst = template.cut(whole.raw.read(0, whole.raw.size), at, at)
        assert burst is not None
        timeline.extend_burst(burst, array("q", [record.t_ns for record in records[known:]]))
        assert list(timeline.records()) == records
        assert [timeline.label(seq) for seq in range(5)] == [whole.label(seq) for seq in range(5)]


def test_a_long_event_is_not_parsed_again_at_once() -> None:
    timeline, records = log(wire(text(0, "x" * 70_000), text(0, "y")))
    long = timeline.record(0)
    assert timeline.record(0) is long
    assert [timeline.record(1), timeline.record(0)] == [records[1], records[0]]


@pytest.mark.parametrize("at_once", [1, 7, 500])
def test_offsets_take_eight_bytes_from_where_four_are_too_few(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    events = [pb.wire(pb.text(0, f"word {number}")) for number in range(300)]
    reads = [pb.wire(pb.message_start()), pb.wire(pb.text_start()), *events]

    def session() -> Session:
        found = Session()
        for at in range(0, len(reads), at_once):
            group = reads[at : at + at_once]
            found.feed_many(range(at, at + len(group)), group)
        return found

    small = session()
    monkeypatch.setattr(timeline_module, "_SMALL", 9_000)
    large = session()
    assert [small.run.timeline.offsets.typecode, large.run.timeline.offsets.typecode] == ["I", "Q"]
    assert [small.raw.chunk_offsets.typecode, large.raw.chunk_offsets.typecode] == ["I", "Q"]
    assert small.run.timeline.offsets == large.run.timeline.offsets
    assert small.raw.chunk_offsets == large.raw.chunk_offsets
    assert list(small.run.timeline.records()) == list(large.run.timeline.records())
    assert small.run.state == large.run.state
