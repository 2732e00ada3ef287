"""The body of a run in a capture: its chunks, a block of lines at once."""

from __future__ import annotations

import json
import tempfile
from itertools import accumulate
from pathlib import Path
from typing import Final, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captures import capture_body, capture_file
from tui.captures.capture_body import CaptureBody
from tui.captures.codec import MAX_T_NS, CaptureReader, ChunkLine, EndLine, Problem, encode_line
from tui.captures.recording import ImportFailure
from tui.core.records import Chunk

RUN: Final = 'r"1'
DATA: Final = st.one_of(
    st.text('a"\\\n\u00e9\U0001f30d\t\0{}', max_size=6).map(str.encode), st.binary(max_size=3)
)
USUAL: Final = st.builds(ChunkLine, st.just(RUN), st.integers(0, 50), DATA).map(encode_line)


def line(text: str) -> bytes:
    """A chunk of the run, as somebody else may write it."""
    return b'{"k":"chunk","run":"r\\"1",' + text.encode() + b"\n"


ODD: Final = [
    encode_line(ChunkLine("other", 3, b"x")),
    encode_line(ChunkLine(RUN, MAX_T_NS, b"late")),
    encode_line(EndLine(RUN, 3, "eof", None)),
    json.dumps({"k": "chunk", "run": RUN, "t": 4, "data": "spaced"}).encode() + b"\n",
    line('"t":5,"data":"x","data":"y"}'),
    line('"t":5,"data":"x","more":"y"}'),
    line('"t":5,"data":"x","more":1}'),
    line('"t":5,"more":"x","data":"y"}'),
    line('"t":5,"more":1}'),
    line('"t":05,"data":"x"}'),
    line('"t":-5,"data":"x"}'),
    line('"t":5.0,"data":"x"}'),
    line('"t": 5,"data":"x"}'),
    line('"t":,"data":"x"}'),
    line('"t":9223372036854775808,"data":"x"}'),
    line('"t":5,"data":"\\ud800"}'),
    line('"t":5,"data":"\\"}'),
    line('"t":5,"data":""quoted"}'),
    line('"t":5,"data":"x"} '),
    line('"t":5,"data":"torn'),
    *(b"\n", b"not JSON\n", b"\r\n"),
]


def body(path: Path, data: bytes) -> CaptureBody:
    path.write_bytes(data)
    return CaptureBody(path, RUN, 0, len(data))


def as_the_reader_reads(data: bytes) -> tuple[list[Chunk], list[Problem]]:
    reader = CaptureReader(only=RUN)
    found = [*reader.feed(data), *reader.close()]
    own = [line for line in found if isinstance(line, ChunkLine) and line.run == RUN]
    times = accumulate([line.t_ns for line in own], max)
    return list(map(Chunk, times, [line.data for line in own])), reader.problems


@given(
    st.lists(USUAL | st.sampled_from(ODD), max_size=9),
    st.sampled_from([1, 30, 120, 65_536]),
    st.integers(0, 30),
)
def test_lines_are_read_together_as_each_alone(lines: list[bytes], block: int, cut: int) -> None:
    data = b"".join(lines)
    data = data[: len(data) - cut]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture_body, "BLOCK", block)
        place = body(Path(folder) / "c.jsonl", data)
        chunks, problems = as_the_reader_reads(data)
        batches = list(place.batches())
        assert list(place.chunks()) == chunks
        assert place.problems == problems
        assert [c for batch in batches for c in map(Chunk, *batch)] == chunks
        assert all(batch.reads for batch in batches)
        whole = b"".join(chunk.data for chunk in chunks)
        for start in range(0, len(whole), 7):
            assert place.read_at(start, 9) == whole[start : start + 9].ljust(9)


@pytest.mark.parametrize("number", range(len(ODD)))
def test_one_line_that_is_odd(tmp_path: Path, number: int) -> None:
    usual = encode_line(ChunkLine(RUN, 3, b"x"))
    for lines in ([ODD[number]], [usual, ODD[number], usual], [ODD[number], usual, ODD[number]]):
        place = body(tmp_path / "c.jsonl", b"".join(lines))
        chunks, problems = as_the_reader_reads(b"".join(lines))
        assert (list(place.chunks()), place.problems) == (chunks, problems)


@pytest.mark.parametrize("other", [[], [encode_line(ChunkLine("other", 9, b"\xff"))]])
def test_usual_lines_are_read_a_block_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: list[bytes]
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("lines were read one by one")

    monkeypatch.setattr(CaptureReader, "feed", refuse)
    lines = [encode_line(ChunkLine(RUN, number, b'{"a":"\n"}')) for number in range(3_000)]
    place = body(tmp_path / "c.jsonl", b"".join([*lines[:999], *other * 2_000, *lines[999:]]))
    assert list(place.chunks()) == [Chunk(number, b'{"a":"\n"}') for number in range(3_000)]
    assert place.read_at(26_991, 9) == b'{"a":"\n"}'
    assert place.read_at(8_982, 18) == b'{"a":"\n"}' * 2


def test_while_it_is_read_no_more_is_decoded_than_is_looked_at(tmp_path: Path) -> None:
    lines = [encode_line(ChunkLine(RUN, number, b"%08d " % number)) for number in range(9_000)]
    place = body(tmp_path / "c.jsonl", b"".join(lines))
    batches = place.batches()
    seen = b"".join(next(batches).reads)
    assert place.read_at(len(seen) - 9, 9) == seen[-9:]
    assert sum(map(len, place._decoded.values())) < 2 * len(seen)
    whole = seen + b"".join(read for batch in batches for read in batch.reads)
    for at in (0, len(seen) - 5, len(seen), len(whole) // 2, len(whole) - 30):
        assert place.read_at(at, 20) == whole[at : at + 20]
    assert place.read_at(0, len(whole)) == whole


RUNS: Final = ("r1", "r2", 'r"3')
MIXED: Final = st.one_of(
    st.builds(ChunkLine, st.sampled_from(RUNS), st.integers(0, 50), DATA).map(encode_line),
    st.builds(EndLine, st.sampled_from(RUNS), st.integers(0, 50), st.just("eof"), st.none()).map(
        encode_line
    ),
    st.sampled_from(
        [
            b'{"k":"chunk","run":"r1","t":5,"data":"torn\n',
            b'{"run":"r2","t":7,"data":"moved","k":"chunk"}\n',
            b"not JSON\n",
        ]
    ),
)


@given(
    st.lists(MIXED, max_size=14),
    st.sampled_from([1, 30, 120, 65_536]),
    st.sampled_from([0, 1 << 24]),
    st.integers(0, 20),
)
def test_runs_of_one_time_are_told_apart_by_the_index(
    lines: list[bytes], block: int, checked: int, cut: int
) -> None:
    data = b'{"streamscope":1}\n' + b"".join(lines)
    data = data[: len(data) - cut]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture_body, "BLOCK", block)
        patch.setattr(capture_file, "_BLOCK", block)
        patch.setattr(capture_file, "CHECKED_SIZE", checked)
        path = Path(folder) / "c.jsonl"
        path.write_bytes(data)
        try:
            recordings = capture_file.load_capture(path).recordings
        except ImportFailure:
            recordings = []
        for recording in recordings:
            place = recording.body
            assert place is not None
            reader = CaptureReader(only=recording.run)
            found = [*reader.feed(data), *reader.close()]
            own = [one for one in found if isinstance(one, ChunkLine) and one.run == recording.run]
            times = accumulate([one.t_ns for one in own], max)
            assert list(place.chunks()) == list(map(Chunk, times, [one.data for one in own]))
            assert place.read_share() in (0.0, 1.0)
            whole = b"".join(one.data for one in own)
            for at in range(0, len(whole), 3):
                assert place.read_at(at, 7)[: len(whole) - at] == whole[at : at + 7]
            if not checked:
                assert {bad.detail for bad in place.problems} == {
                    bad.detail for bad in reader.problems
                }
