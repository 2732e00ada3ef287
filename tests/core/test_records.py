"""What one frame says: payload, type, index and flaws."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import json_values
from tui.core.json_grammar import MAX_DEPTH
from tui.core.records import (
    COMMENT,
    CUT_OFF,
    DONE,
    MAX_INDEX,
    UNTYPED,
    Chunk,
    EventRecord,
    from_frame,
    strict_loads,
)
from tui.core.sse import Frame, FrameKind


def read(data: bytes, name: bytes = b"", kind: FrameKind = FrameKind.EVENT) -> EventRecord:
    return from_frame(Frame(kind, name, data, 10, 20), 3, 7)


def codes(record: EventRecord) -> list[str]:
    return [flaw.code for flaw in record.flaws]


def nested(depth: int) -> str:
    """An object that holds lists, `depth` levels in all."""
    return '{"type":"x","a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


def test_an_event() -> None:
    record = read(b'{"type":"content_block_stop","index":2}', b"content_block_stop")
    payload = {"type": "content_block_stop", "index": 2}
    assert record == EventRecord(
        3, 7, FrameKind.EVENT, "content_block_stop", 2, payload, 10, 20, ()
    )


def test_a_chunk_has_a_time() -> None:
    assert Chunk(5, b"x") == (5, b"x")


def test_without_an_event_field_the_type_is_in_the_json() -> None:
    record = read(b'{"type":"ping"}')
    assert (record.type, codes(record)) == ("ping", [])


def test_where_both_differ_the_json_wins() -> None:
    record = read(b'{"type":"ping","index":1}', b"message_stop")
    assert (record.type, record.block_index, codes(record)) == ("ping", 1, ["type_mismatch"])
    assert "message_stop" in record.flaws[0].detail


@pytest.mark.parametrize(
    "data", [b'{"index":4}', b'{"type":null,"index":4}', b'{"type":{},"index":4}']
)
def test_without_a_type_in_the_json_the_event_field_counts(data: bytes) -> None:
    record = read(data, b"message_stop")
    assert (record.type, record.block_index) == ("message_stop", 4)
    assert codes(record) == ["missing_type"]
    assert read(data).type == UNTYPED


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ("0", 0),
        (str(MAX_INDEX), MAX_INDEX),
        (str(MAX_INDEX + 1), -1),
        ("-1", -1),
        ("1" * 400, -1),
        ("1.0", -1),
        ("true", -1),
        ("null", -1),
        ('"1"', -1),
        ("[1]", -1),
    ],
)
@pytest.mark.parametrize("name", [b"", b"other"])
def test_only_a_whole_number_is_an_index(index: str, expected: int, name: bytes) -> None:
    record = read(b'{"type":"x","index":' + index.encode() + b"}", name)
    assert record.block_index == expected


@pytest.mark.parametrize("data", [b"[DONE]", b" [DONE] ", b"[DONE]\n"])
@pytest.mark.parametrize("name", [b"", b"data"])
def test_done_is_no_fault(data: bytes, name: bytes) -> None:
    record = read(data, name)
    assert (record.type, record.kind, record.payload) == (DONE, FrameKind.EVENT, None)
    assert record.flaws == ()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"null", "null"),
        (b"true", "boolean"),
        (b"1", "number"),
        (b"1.5", "number"),
        (b'"x"', "string"),
        (b"[]", "array"),
    ],
)
def test_json_that_is_no_object(data: bytes, word: str) -> None:
    record = read(data, b"ping")
    assert (record.type, record.payload, codes(record)) == ("ping", None, ["not_an_object"])
    assert word in record.flaws[0].detail


@pytest.mark.parametrize(
    "data", [b"", b"{", b"{} {}", b"NaN", b"[Infinity]", b"-Infinity", b"1" * 5000, b'"\n"']
)
def test_data_that_is_no_json(data: bytes) -> None:
    record = read(data, b"ping")
    assert (record.type, record.payload, codes(record)) == ("ping", None, ["bad_json"])
    assert read(data).type == UNTYPED


def test_bytes_that_are_not_utf8_are_replaced_and_flagged() -> None:
    record = read(b'{"type":"ping","a":"\xff"}')
    assert record.payload == {"type": "ping", "a": "\ufffd"}
    assert codes(record) == ["invalid_utf8"]
    assert codes(read(b"\xff")) == ["invalid_utf8", "bad_json"]


def test_a_name_that_is_not_utf8() -> None:
    record = read(b'{"type":"ping"}', b"\xff")
    assert (record.type, codes(record)) == ("ping", ["type_mismatch"])
    assert read(b"1", b"a\xff").type == "a\ufffd"


@pytest.mark.parametrize(
    "data", [b'{"type":"ping","a":"\\ud800"}', b'{"type":"p\\udfff","a":"\\ud83d\\ude00"}']
)
def test_lone_surrogates_are_kept(data: bytes) -> None:
    record = read(data)
    assert record.payload == json.loads(data)
    assert record.flaws == ()


def test_a_comment() -> None:
    record = read(b"", b"ping", FrameKind.NOTE)
    assert record == EventRecord(3, 7, FrameKind.NOTE, COMMENT, -1, None, 10, 20, ())


def test_a_tail_that_lacks_only_its_blank_line_is_an_event() -> None:
    record = read(b'{"type":"message_stop"}', b"message_stop", FrameKind.TAIL)
    assert (record.kind, record.type) == (FrameKind.EVENT, "message_stop")
    assert codes(record) == ["unterminated_event"]


@pytest.mark.parametrize("data", [b"", b'{"type":"mess', b"[DON"])
def test_a_tail_that_was_cut_off(data: bytes) -> None:
    record = read(data, b"message_stop", FrameKind.TAIL)
    assert (record.kind, record.type, record.payload) == (FrameKind.TAIL, CUT_OFF, None)
    assert codes(record) == ["cut_off"]


def test_a_tail_with_both_faults() -> None:
    assert codes(read(b"\xff", kind=FrameKind.TAIL)) == ["invalid_utf8", "cut_off"]
    assert codes(read(b"[1]", kind=FrameKind.TAIL)) == ["not_an_object", "unterminated_event"]


@pytest.mark.parametrize("name", [b"", b"other"])
def test_how_deep_json_may_be_nested(name: bytes) -> None:
    assert read(nested(MAX_DEPTH).encode(), name).payload is not None
    for depth in (MAX_DEPTH + 1, 500, 100_000):
        record = read(nested(depth).encode(), name)
        assert record.payload is None
        assert "nested too deeply" in record.flaws[0].detail


def test_many_brackets_are_not_deep() -> None:
    value = strict_loads(json.dumps([{"a": []}] * 300))
    assert value == [{"a": []}] * 300


def test_strict_loads_takes_no_constants() -> None:
    for text in ("NaN", '{"a": Infinity}', "[-Infinity]"):
        with pytest.raises(ValueError, match="is not JSON"):
            strict_loads(text)
    assert strict_loads("1e999") == math.inf


def objects() -> st.SearchStrategy[dict[str, object]]:
    """JSON objects with a type; strings may hold lone surrogates."""
    values = json_values(st.text(max_size=6))
    return st.dictionaries(st.text(max_size=3) | st.just("index"), values, max_size=4).map(
        lambda fields: fields | {"type": "ping"}
    )


@given(objects(), st.booleans())
def test_the_quick_way_reads_as_the_slow_one(value: dict[str, object], escape: bool) -> None:
    data = json.dumps(value, ensure_ascii=escape).encode("utf-8", "surrogatepass")
    quick, slow = read(data, b"ping"), read(data, b"other")
    assert quick.flaws == slow.flaws[:-1]
    assert quick == slow._replace(flaws=quick.flaws)
    if not quick.flaws:
        assert quick.payload == value
        assert repr(quick.payload) == repr(slow.payload)


@given(
    st.binary(max_size=40) | json_values().map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=8),
    st.sampled_from(FrameKind),
)
def test_any_bytes_give_a_record(data: bytes, name: bytes, kind: FrameKind) -> None:
    record = read(data, name, kind)
    assert (record.seq, record.t_ns, record.offset, record.length) == (3, 7, 10, 20)
    assert record.payload is None or isinstance(record.payload, dict)
    assert -1 <= record.block_index <= MAX_INDEX
    assert isinstance(record.type, str)
