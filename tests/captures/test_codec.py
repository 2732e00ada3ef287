"""The capture format: what is written is read back, what is no record is told and passed over."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.streams import cuts, json_values
from tests.sweeps import few
from tui.captures import codec
from tui.captures.codec import (
    CaptureError,
    CaptureHead,
    CaptureLine,
    CaptureReader,
    ChunkLine,
    EndLine,
    RequestLine,
    ResponseLine,
    UnknownVersion,
    decode_line,
    encode_line,
)

BODY: Final = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "h\u00e9\n"}]}
EVERY: Final[list[CaptureLine]] = [
    CaptureHead(1, "2026-11-20T12:00:00Z", "streamscope 0.1.0"),
    RequestLine("r1", 0, "POST", "https://host/v1/messages", {"a": "b"}, BODY),
    ResponseLine("r1", 5, 200, {"request-id": "req_1"}),
    ChunkLine("r1", 6, b"event: ping\ndata: {}\n\n"),
    RequestLine("r2", 0, None, None, {}, None, timed=False),
    ChunkLine("r2", 1, '\u2028\u0085\ufeff\x00\U0001f30d"\\\r'.encode()),
    ChunkLine("r1", 9, b"\xff\xfe half \xe2\x80"),
    ChunkLine("r2", 2**63 - 1, b""),
    EndLine("r2", 2**63 - 1, "eof", None),
    EndLine("r1", 10, "reset", {"type": "connection_lost", "message": "x"}),
]
FILE: Final = b"".join(map(encode_line, EVERY))


def read(data: bytes, **options: Any) -> tuple[list[CaptureLine], CaptureReader]:  # noqa: ANN401
    reader = CaptureReader(**options)
    return [*reader.feed(data), *reader.close()], reader


# --- the format -----------------------------------------------------------------------------------


def test_the_lines_are_those_of_the_format() -> None:
    found = [json.loads(line) for line in FILE.splitlines()]
    assert found[0] == {
        "streamscope": 1,
        "created": "2026-11-20T12:00:00Z",
        "tool": "streamscope 0.1.0",
    }
    assert list(found[1]) == ["k", "run", "t", "method", "url", "headers", "body"]
    assert found[3] == {"k": "chunk", "run": "r1", "t": 6, "data": "event: ping\ndata: {}\n\n"}
    assert found[4]["timed"] is False
    assert found[6] == {"k": "chunk", "run": "r1", "t": 9, "b64": "//4gaGFsZiDigA=="}
    assert found[9]["how"] == "reset"


def test_every_kind_of_line_is_read_back() -> None:
    assert read(FILE)[0] == EVERY
    for line in EVERY:
        assert decode_line(encode_line(line)) == line
        assert decode_line(encode_line(line).rstrip(b"\n")) == line


def test_lines_are_broken_by_lf_alone() -> None:
    assert FILE.count(b"\n") == len(EVERY)
    assert "\u2028".encode() in FILE


RUNS: Final = st.sampled_from(["r1", "r2", "r10", 'a"b\\', "\u00e9", "\ud800"])
TIMES: Final = st.integers(0, 2**63 - 1)
CHUNKS: Final = st.lists(
    st.builds(ChunkLine, RUNS, TIMES, st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
)


@settings(max_examples=few(15))
@given(CHUNKS, st.data())
def test_any_chunks_come_back_whatever_the_blocks(
    chunks: list[ChunkLine], data: st.DataObject
) -> None:
    written = b"".join(map(encode_line, chunks))
    reader = CaptureReader()
    found: list[CaptureLine] = []
    for block in data.draw(cuts(written)):
        found += reader.feed(block)
    assert found == chunks
    assert (reader.bad, reader.line, reader.offset) == (0, len(chunks), len(written))
    assert reader.close() == []
    assert not reader.torn


@settings(max_examples=few(15))
@given(st.text().map(str.encode) | st.binary(), st.integers(0, 3))
def test_large_chunks_are_written_as_small_ones_are(piece: bytes, spare: int) -> None:
    data = piece * (codec._LARGE // max(len(piece), 1) + spare)
    large = encode_line(ChunkLine("r1", 5, data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "_LARGE", len(data) + 1)
        assert encode_line(ChunkLine("r1", 5, data)) == large
    assert decode_line(large) == ChunkLine("r1", 5, data)


@given(CHUNKS, RUNS)
def test_one_run_of_several(chunks: list[ChunkLine], run: str) -> None:
    found, reader = read(b"".join(map(encode_line, chunks)), only=run)
    assert found == [chunk for chunk in chunks if chunk.run == run]
    assert reader.line == len(chunks)


@given(
    st.dictionaries(st.text(), json_values()),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5)),
    TIMES,
)
def test_any_request_comes_back(body: dict[str, Any], headers: dict[str, str], t_ns: int) -> None:
    sent = RequestLine("r1", t_ns, "POST", "u", headers, body)
    assert decode_line(encode_line(sent)) == sent
    end = EndLine("r1", t_ns, "http_error", body)
    assert decode_line(encode_line(end)) == end


def test_what_json_cannot_say_is_written_as_text() -> None:
    body = {"a": float("inf"), "b": "\ud800", "c": 1e999}
    line = encode_line(RequestLine("r1", 0, None, None, {}, body))
    assert line.isascii()
    found = decode_line(line)
    assert isinstance(found, RequestLine)
    assert found.body == {"a": "inf", "b": "\ud800", "c": "inf"}
    with pytest.raises(TypeError):
        encode_line(RequestLine("r1", 0, None, None, {}, {"a": object()}))


# --- what is tolerated ----------------------------------------------------------------------------


def test_cut_at_every_byte_all_earlier_lines_are_read() -> None:
    ends = [0]
    for line in EVERY:
        ends.append(ends[-1] + len(encode_line(line)))
    for length in range(len(FILE) + 1):
        whole = sum(end <= length for end in ends) - 1
        # A last line that lacks nothing but its LF is whole.
        whole += length + 1 in ends
        found, reader = read(FILE[:length])
        assert found == EVERY[:whole]
        assert reader.bad == 0
        assert reader.torn == (length not in ends and length + 1 not in ends)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"  \t\r",
        b"\xef\xbb\xbf",
        b'{"k":"mark","run":"r1","t":5}',
        b'{"k":5}',
        b'{"k":["chunk"]}',
        b"{}",
    ],
)
def test_blank_lines_and_unknown_kinds_are_ignored(line: bytes) -> None:
    assert decode_line(line) is None
    found, reader = read(FILE + line + b"\n" + FILE)
    assert found == EVERY * 2
    assert (reader.bad, reader.problems) == (0, [])


def test_unknown_keys_are_ignored() -> None:
    for line in EVERY:
        value = json.loads(encode_line(line))
        assert decode_line(json.dumps({"new": [1], **value}).encode()) == line


def test_another_writers_blanks_order_and_escapes_do_not_matter() -> None:
    line = b' { "data" : "\\u0061\\ud83c\\udf0d" , "t" : 7 , "run" : "r1" , "k" : "chunk" } \r'
    assert decode_line(line) == ChunkLine("r1", 7, "a\U0001f30d".encode())
    assert read(line + b"\n")[0] == read(line)[0]
    assert decode_line(b"\xef\xbb\xbf" + encode_line(EVERY[0])) == EVERY[0]


def test_absent_fields_that_may_be_absent() -> None:
    assert decode_line(b'{"k":"request","run":"a","t":0}') == RequestLine(
        "a", 0, None, None, {}, None
    )
    assert decode_line(b'{"k":"end","run":"a","t":0,"how":"eof"}') == EndLine("a", 0, "eof", None)
    assert decode_line(b'{"streamscope":1}') == CaptureHead()
    found = decode_line(b'{"k":"response","run":"a","t":0,"status":200,"headers":{"a":[1],"b":2}}')
    assert found == ResponseLine("a", 0, 200, {"a": "[1]", "b": "2"})


# --- what is refused ------------------------------------------------------------------------------

HOSTILE: Final = [
    b"{",
    b"null",
    b"[1]",
    b'"k"',
    b"\xff",
    b'{"k":NaN}',
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"1" * 5_000,
    *(
        b'{"k":"chunk","run":"r1","t":%s,"data":""}' % t
        for t in (
            b"-1",
            b"1.5",
            b"1e3",
            b"true",
            b"null",
            b'"1"',
            b"1" + b"0" * 30,
            b"[]",
            b"2" * 4_400,
        )
    ),
    *(
        b'{"k":"chunk","run":%s,"t":0,"data":""}' % run
        for run in (b"null", b"5", b'""', b"[]", b"true")
    ),
    b'{"k":"chunk","t":0,"data":""}',
    b'{"k":"chunk","run":"r1","data":""}',
    b'{"k":"chunk","run":"r1","t":0}',
    b'{"k":"chunk","run":"r1","t":0,"data":5}',
    b'{"k":"chunk","run":"r1","t":0,"data":null,"b64":7}',
    b'{"k":"chunk","run":"r1","t":0,"b64":"a"}',
    b'{"k":"chunk","run":"r1","t":0,"b64":"a b="}',
    '{"k":"chunk","run":"r1","t":0,"b64":"\u00e9"}'.encode(),
    b'{"k":"chunk","run":"r1","t":0,"data":"\\ud800"}',
    b'{"k":"request","run":"r1","t":0,"headers":[]}',
    b'{"k":"request","run":"r1","t":0,"url":5}',
    b'{"k":"request","run":"r1","t":0,"method":[]}',
    b'{"k":"response","run":"r1","t":0,"status":"200"}',
    b'{"k":"response","run":"r1","t":0,"status":1000}',
    b'{"k":"response","run":"r1","t":0,"status":true}',
    b'{"k":"end","run":"r1","t":0}',
    b'{"k":"end","run":"r1","t":0,"how":"bored"}',
    b'{"k":"end","run":"r1","t":0,"how":["eof"]}',
    b'{"k":"end","run":"r1","t":0,"how":"eof","error":"x"}',
    b'{"streamscope":"1"}',
    b'{"streamscope":true}',
    b'{"streamscope":-1}',
    b'{"streamscope":1,"tool":5}',
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: repr(line[:60]))
def test_a_hostile_line_is_told_and_the_rest_is_read(line: bytes) -> None:
    with pytest.raises(CaptureError) as raised:
        decode_line(line)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300
    found, reader = read(FILE + line + b"\n" + FILE)
    assert found == EVERY * 2
    assert [problem.line for problem in reader.problems] == [len(EVERY) + 1]
    assert reader.bad == 1


def test_bad_lines_of_one_run_of_several() -> None:
    bad = [b"{", b'{"k":"chunk","run":"r2","t":-1}', b'{"k":"chunk","run":"r1","t":-1}']
    found, reader = read(FILE + b"\n".join(bad) + b"\n", only="r1")
    assert [line for line in found if isinstance(line, ChunkLine)] == [EVERY[3], EVERY[6]]
    assert [problem.line for problem in reader.problems] == [len(EVERY) + 3]


def test_many_bad_lines_are_counted_and_some_described() -> None:
    found, reader = read(b"x\n" * 1000 + FILE)
    assert found == EVERY
    assert reader.bad == 1000
    assert [problem.line for problem in reader.problems] == list(range(1, codec.MAX_PROBLEMS + 1))


@pytest.mark.parametrize("version", [0, 2, 10**15])
def test_a_newer_format_is_not_guessed_at(version: int) -> None:
    with pytest.raises(UnknownVersion, match=str(version)):
        read(b'{"streamscope":%d}\n' % version)


@given(st.binary(max_size=60) | json_values().map(lambda value: json.dumps(value).encode()))
def test_no_line_raises_anything_else(line: bytes) -> None:
    try:
        decode_line(line)
    except CaptureError:
        pass


FIELDS: Final = st.fixed_dictionaries(
    {"k": st.sampled_from(["request", "response", "chunk", "end", "x", 5])},
    optional={
        name: json_values() | st.sampled_from(["r1", 5, "eof", 200])
        for name in ("run", "t", "data", "b64", "how", "error", "status", "headers", "url", "body")
    },
)


@given(FIELDS)
def test_a_record_with_anything_in_its_fields(value: dict[str, Any]) -> None:
    line = json.dumps(value).encode()
    try:
        found = decode_line(line)
    except CaptureError:
        return
    if found is not None:
        # What is let in can be written and read again.
        assert decode_line(encode_line(found)) == found


def test_a_torn_line_that_is_held_can_be_dropped() -> None:
    reader = CaptureReader()
    assert reader.feed(encode_line(EVERY[3]) + b'{"k":"ch') == [EVERY[3]]
    assert reader.offset == len(encode_line(EVERY[3]))
    reader.drop_held()
    assert reader.feed(encode_line(EVERY[3])) == [EVERY[3]]
    assert (reader.bad, reader.line) == (0, 2)


def test_a_line_over_many_blocks() -> None:
    line = ChunkLine("r1", 1, b"x" * 300_000)
    reader = CaptureReader()
    found: list[CaptureLine] = []
    data = encode_line(line)
    for at in range(0, len(data), 1000):
        found += reader.feed(data[at : at + 1000])
    assert found == [line]
