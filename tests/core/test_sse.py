"""The decoder against the event-stream grammar of the HTML standard."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.playbook import BOM, cut, is_filling
from tests.streams import cuts, sse_bytes
from tui.core import sse
from tui.core.sse import Decoder, Frame, FrameKind, parse_frame

EVENT, NOTE, TAIL = FrameKind.EVENT, FrameKind.NOTE, FrameKind.TAIL


def decode(*chunks: bytes) -> list[Frame]:
    """All frames of a stream, the unfinished one included."""
    decoder = Decoder()
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return frames + decoder.close()


def contents(*chunks: bytes) -> list[tuple[FrameKind, bytes, bytes]]:
    """Kind, name and data of every frame."""
    return [frame[:3] for frame in decode(*chunks)]


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def by_the_standard(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and data of the events, by the standard's algorithm and nothing else."""
    events = []
    name, buffer = b"", b""
    *lines, _ = re.split(rb"\r\n|\r|\n", data.removeprefix(BOM))
    for line in lines:
        if not line:
            if buffer:
                events.append((name, buffer[:-1]))
            name, buffer = b"", b""
            continue
        if line.startswith(b":"):
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            buffer += value + b"\n"
    return events


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"data: x\n\n", [(EVENT, b"", b"x")], id="data"),
        pytest.param(b"event: a\ndata: x\n\n", [(EVENT, b"a", b"x")], id="name and data"),
        pytest.param(b"data: x\nevent: a\n\n", [(EVENT, b"a", b"x")], id="data before the name"),
        pytest.param(b"data:x\n\n", [(EVENT, b"", b"x")], id="no space after the colon"),
        pytest.param(b"data:  x \n\n", [(EVENT, b"", b" x ")], id="only one space is stripped"),
        pytest.param(b"event:  a\ndata: x\n\n", [(EVENT, b" a", b"x")], id="one space, in a name"),
        pytest.param(b"data: a: b\n\n", [(EVENT, b"", b"a: b")], id="only the first colon"),
        pytest.param(b"data: a\ndata: b\n\n", [(EVENT, b"", b"a\nb")], id="lines join with LF"),
        pytest.param(b"data\n\n", [(EVENT, b"", b"")], id="data without a colon"),
        pytest.param(b"data:\n\n", [(EVENT, b"", b"")], id="empty data line"),
        pytest.param(b"data\ndata\n\n", [(EVENT, b"", b"\n")], id="two empty data lines"),
        pytest.param(b"data: a\ndata\n\n", [(EVENT, b"", b"a\n")], id="trailing empty data line"),
        pytest.param(b"event\ndata: x\n\n", [(EVENT, b"", b"x")], id="name without a colon"),
        pytest.param(
            b"event: a\nevent: b\ndata: x\n\n", [(EVENT, b"b", b"x")], id="last name wins"
        ),
        pytest.param(
            b"event: a\ndata: x\n\ndata: y\n\n",
            [(EVENT, b"a", b"x"), (EVENT, b"", b"y")],
            id="a name is for one event",
        ),
        pytest.param(b": hello\n\n", [(NOTE, b"", b"")], id="a comment alone"),
        pytest.param(b":\n\n", [(NOTE, b"", b"")], id="an empty comment"),
        pytest.param(b": hi\ndata: x\n\n", [(EVENT, b"", b"x")], id="a comment in an event"),
        pytest.param(b"event: a\n\n", [(NOTE, b"a", b"")], id="a name without data"),
        pytest.param(b"event: a\n: hi\n\n", [(NOTE, b"a", b"")], id="a name and a comment"),
        pytest.param(b"foo: bar\n\n", [(NOTE, b"", b"")], id="unknown field"),
        pytest.param(b"Data: x\n\n", [(NOTE, b"", b"")], id="field names are lower case"),
        pytest.param(b" data: x\n\n", [(NOTE, b"", b"")], id="no space before a field"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n\r\r\n\n", [], id="line ends only"),
        pytest.param(b"\n\ndata: x\n\n\n\n", [(EVENT, b"", b"x")], id="extra blank lines"),
        pytest.param(BOM + b"data: x\n\n", [(EVENT, b"", b"x")], id="byte order mark"),
        pytest.param(BOM + b"\ndata: x\n\n", [(EVENT, b"", b"x")], id="mark on a line of its own"),
        pytest.param(BOM, [], id="byte order mark alone"),
        pytest.param(BOM + BOM + b"data: x\n\n", [(NOTE, b"", b"")], id="only one mark is dropped"),
        pytest.param(b"\n" + BOM + b"data: x\n\n", [(NOTE, b"", b"")], id="a mark further on"),
        pytest.param(BOM[:2], [(TAIL, b"", b"")], id="half a mark"),
        pytest.param(BOM + b"data: x", [(TAIL, b"", b"x")], id="mark and unfinished line"),
        pytest.param(b"data: x", [(TAIL, b"", b"x")], id="unfinished line"),
        pytest.param(b"data: x\n", [(TAIL, b"", b"x")], id="missing blank line"),
        pytest.param(b"event: a\ndata: x", [(TAIL, b"a", b"x")], id="unfinished event"),
        pytest.param(b"data: x\n\n: hi", [(EVENT, b"", b"x"), (TAIL, b"", b"")], id="tail comment"),
        pytest.param(b"data: x\r\rdata: y\r\r", [(EVENT, b"", b"x"), (EVENT, b"", b"y")], id="CR"),
        pytest.param(b"data: x\r\n\r\n", [(EVENT, b"", b"x")], id="CRLF"),
        pytest.param(b"data: x\n\r\n", [(EVENT, b"", b"x")], id="LF then CRLF"),
        pytest.param(b"data: x\r\n\n", [(EVENT, b"", b"x")], id="CRLF then LF"),
        pytest.param(b"data: x\r\ndata: y\r\n\r", [(EVENT, b"", b"x\ny")], id="ends with a CR"),
        pytest.param(
            "data: a\u2028b\u2029c\u0085d\x0b\x0c\x1ce\n\n".encode(),
            [(EVENT, b"", "a\u2028b\u2029c\u0085d\x0b\x0c\x1ce".encode())],
            id="other separators are no line ends",
        ),
        pytest.param(b"data: \xff\xfe\n\n", [(EVENT, b"", b"\xff\xfe")], id="not UTF-8"),
        pytest.param(b"data: a\0b\n\n", [(EVENT, b"", b"a\0b")], id="NUL in data"),
    ],
)
def test_grammar(data: bytes, expected: list[tuple[FrameKind, bytes, bytes]]) -> None:
    assert contents(data) == expected
    assert contents(*single_bytes(data)) == expected


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\n"])
def test_spans_reach_from_the_first_line_to_the_blank_one(line_end: bytes) -> None:
    event = b"event: a" + line_end + b"data: x" + line_end
    data = BOM + line_end + event + line_end + line_end + event + line_end
    first, second = decode(data)
    start = len(BOM + line_end)
    # Of a CRLF only the CR is in the frame: when the CR came last, the LF may still be on its way.
    assert data[start : start + first.length] == event + line_end[:1]
    assert first.offset == start
    assert second.offset == start + len(event + line_end + line_end)
    assert data[second.offset :][: second.length] == event + line_end[:1]


def test_a_chunk_that_completes_nothing_gives_nothing() -> None:
    decoder = Decoder()
    assert decoder.feed(b"") == []
    assert decoder.feed(b"event: a") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\ndata: x\n") == []
    assert decoder.feed(b"\n") == [Frame(EVENT, b"a", b"x", 0, 18)]
    assert decoder.close() == []
    assert decoder.close() == []


def test_the_cut_may_be_between_cr_and_lf() -> None:
    chunks = [b"data: x\r", b"\n\r", b"", b"\ndata: y\r", b"data: z\n", b"\r"]
    frames = decode(*chunks)
    assert frames == decode(b"".join(chunks))
    assert [frame.data for frame in frames] == [b"x", b"y\nz"]


def test_a_line_goes_on_after_a_cr_that_ended_a_chunk() -> None:
    assert contents(b"data: x\r", b"data: y", b"\n\n") == [(EVENT, b"", b"x\ny")]


def test_a_frame_of_one_event_is_decoded_again() -> None:
    assert parse_frame(b"event: a\ndata: x\n\n") == Frame(EVENT, b"a", b"x", 0, 18)
    assert parse_frame(b"data: x") == Frame(TAIL, b"", b"x", 0, 7)
    assert parse_frame(BOM + b"data: x\n\n").kind is NOTE


@given(sse_bytes() | st.binary(max_size=60))
def test_events_are_those_of_the_standard(data: bytes) -> None:
    decoder = Decoder()
    frames = decoder.feed(data) + decoder.close()
    found = [(frame.name, frame.data) for frame in frames if frame.kind is EVENT]
    assert found == by_the_standard(data)


@given(sse_bytes().flatmap(cuts))
def test_any_chunks_give_the_same_frames(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    whole = decode(data)
    assert decode(*chunks) == whole
    assert decode(*single_bytes(data)) == whole


@given(sse_bytes().flatmap(cuts), st.integers(0, 8))
def test_lines_that_count_as_long_give_the_same_frames(chunks: list[bytes], short: int) -> None:
    whole = decode(b"".join(chunks))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sse, "_SHORT", short)
        assert decode(*chunks) == whole


@given(sse_bytes())
def test_two_halves_at_every_place_give_the_same_frames(data: bytes) -> None:
    whole = decode(data)
    for place in range(len(data) + 1):
        assert decode(*cut(data, [place])) == whole


@given(sse_bytes() | st.binary(max_size=60))
def test_frames_cover_all_but_line_ends_and_the_mark(data: bytes) -> None:
    at = 0
    frames = decode(data)
    for frame in frames:
        assert frame.offset >= at
        assert frame.length > 0
        assert is_filling(data[at : frame.offset], first=at == 0)
        at = frame.offset + frame.length
    assert at <= len(data)
    assert is_filling(data[at:], first=at == 0)
    assert all(frame.kind is not TAIL for frame in frames[:-1])


@given(sse_bytes())
def test_every_frame_is_decoded_again_from_its_own_bytes(data: bytes) -> None:
    for frame in decode(data):
        again = parse_frame(data[frame.offset : frame.offset + frame.length])
        assert again == frame._replace(offset=0)


LONG = b"x" * 5_000
LONG_STREAMS = [
    b"event: a\ndata: " + LONG + b"\n\n" + b"event: b\ndata: y\n\n" * 3,
    b"event: a\ndata: " + LONG + b"\ndata: z\n\n\n\nevent: b\ndata: y\n\n",
    b"data: y\n" * 1_000 + b"\n" + b": " + LONG + b"\n\nid: 7\n",
    b"event: a\ndata: y\n\n" * 500 + LONG + b"\nevent: b",
    b"event: " + LONG + b"\ndata: y\r\n\r\nevent: b\ndata: y\n\n",
]


@pytest.mark.parametrize("size", [1, 7, 100, 4_096, 5_010])
@pytest.mark.parametrize("data", LONG_STREAMS)
def test_long_frames_are_the_same_in_any_reads(data: bytes, size: int) -> None:
    reads = [data[at : at + size] for at in range(0, len(data), size)]
    assert decode(*reads) == decode(data)
    assert contents(data) == contents(*single_bytes(data))


def test_a_long_frame_may_be_cut_at_its_blank_line() -> None:
    first, second = b"event: a\ndata: " + LONG + b"\n", b"\nevent: b\ndata: y\n\n"
    assert decode(first, second) == decode(first + second)


@given(sse_bytes().flatmap(cuts), st.data())
def test_who_cuts_faster_gets_all_that_begins_a_frame(
    chunks: list[bytes], data: st.DataObject
) -> None:
    decoder = Decoder()
    frames: list[Frame] = []
    for chunk in chunks:
        rest = decoder.uncut_before(chunk)
        if rest is None:
            frames += decoder.feed(chunk)
            continue
        whole = rest + chunk
        alone = Decoder(strip_bom=False).feed(whole)
        assert b"\r" not in whole and b"\n\n" in chunk
        # As many frames as one likes are passed by, the rest is fed.
        count = data.draw(st.integers(0, len(alone)))
        start = decoder.position
        end = sum(alone[count - 1][3:]) if count else 0
        decoder.skip(end)
        assert decoder.position == start + end
        frames += [frame._replace(offset=start + frame.offset) for frame in alone[:count]]
        frames += decoder.feed(whole[end:])
    assert frames + decoder.close() == decode(b"".join(chunks))


@pytest.mark.parametrize(
    ("before", "chunk"),
    [
        (b"", b"data: x\n\n"),  # A byte order mark may still come off.
        (b"data: x\n\n", b"data: x\n"),
        (b"data: x\n\n", b"data: x\r\n\n"),
        (b"data: x\n\r", b"\ndata: x\n\n"),
        (b"data: x\n\n" + b"data: y\n" * 1_000, b"\ndata: x\n\n"),
    ],
    ids=["start", "no end", "CR", "half a line end", "begun"],
)
def test_nothing_is_given_back_where_it_would_not_begin_a_frame(
    before: bytes, chunk: bytes
) -> None:
    decoder = Decoder()
    frames = decoder.feed(before)
    assert decoder.uncut_before(chunk) is None
    assert frames + decoder.feed(chunk) + decoder.close() == decode(before + chunk)


def test_what_is_given_back_is_kept_no_longer() -> None:
    decoder = Decoder()
    assert len(decoder.feed(b"data: x\n\nda")) == 1
    assert decoder.uncut_before(b"ta: y\n\n") == b"da"
    assert decoder.uncut_before(b"ta: y\n\n") == b""
    assert decoder.feed(b"data: y\n\n") == [Frame(EVENT, b"", b"y", 9, 9)]
