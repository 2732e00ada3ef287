"""Recordings as sources: at their own times, loaded at once, and followed while they grow."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests import playbook as pb
from tui.captures.capture_file import load_capture
from tui.captures.codec import (
    CaptureHead,
    CaptureLine,
    ChunkLine,
    EndLine,
    RequestLine,
    encode_line,
)
from tui.captures.importers import load
from tui.captures.recording import ImportFailure, Recording
from tui.captures.writer import CaptureWriter
from tui.core.records import Batch, Chunk
from tui.core.state import End
from tui.run import INSTANT, Clock, Feed
from tui.sources import SourceEnded, SourceInfo
from tui.sources import capture as sources
from tui.sources.capture import CaptureSource, FollowSource, following, recorded
from tui.sources.replay import FileSource

BODY: Final = pb.wire(pb.message_start(), *pb.text_block(0, "hi", " there"), *pb.ending())
REQUEST: Final = {"model": "m", "messages": [{"role": "user", "content": "Say hi"}]}
CHUNKS: Final = [Chunk(5, BODY[:40]), Chunk(7, BODY[40:200]), Chunk(9, BODY[200:])]


def recording(**known: Any) -> Recording:  # noqa: ANN401
    defaults: dict[str, Any] = {
        "run": "r1",
        "title": "c.jsonl",
        "chunks": lambda: iter(CHUNKS),
        "request": REQUEST,
        "timed": True,
        "size": len(BODY),
    }
    return Recording(**(defaults | known))


async def drain(source: CaptureSource | FollowSource) -> list[Chunk]:
    return [chunk async for chunk in source.chunks()]


async def drain_to_end(source: CaptureSource | FollowSource) -> tuple[list[Chunk], SourceEnded]:
    found: list[Chunk] = []
    with pytest.raises(SourceEnded) as raised:
        async for chunk in source.chunks():
            found.append(chunk)
    return found, raised.value


# --- replaying ------------------------------------------------------------------------------------


async def test_a_recording_is_played_at_its_times() -> None:
    source = CaptureSource(recording())
    assert source.info == SourceInfo(
        title="c.jsonl", prompt="Say hi", request=REQUEST, kind="file", timed=True, paced=True
    )
    assert source.sent_ns is None
    assert source.recording.run == "r1"
    assert await drain(source) == CHUNKS
    assert await drain(source) == CHUNKS


async def test_a_recording_without_times_gets_a_pace() -> None:
    source = CaptureSource(recording(timed=False, request=None))
    assert (source.info.timed, source.info.paced, source.info.prompt) == (False, True, None)
    found = await drain(source)
    assert b"".join(data for _, data in found) == BODY
    assert len({t_ns for t_ns, _ in found}) > 3


async def test_it_can_be_closed_on_the_way() -> None:
    source = CaptureSource(recording(how="reset"))
    reads = source.chunks()
    assert await anext(reads) == CHUNKS[0]
    await source.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(reads)
    late = CaptureSource(recording(how="reset", chunks=lambda: iter([])))
    await late.aclose()
    assert await drain(late) == []


ENDS: Final[dict[End, str]] = {
    "reset": "connection_lost",
    "timeout": "timeout",
    "refused": "refused",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
    "http_error": "http_error",
}


@pytest.mark.parametrize("how", ENDS)
async def test_an_end_is_replayed_as_it_was(how: End) -> None:
    error = {
        "type": ENDS[how],
        "message": "Some label: and: more",
        "status": 529,
        "request_id": "req_1",
        "retryable": True,
    }
    feed = Feed(CaptureSource(recording(how=how, error=error)), clock=Clock(speed=INSTANT))
    await feed.run()
    assert feed.session.run.state.end == how
    assert feed.session.run.error == error
    assert feed.end is not None
    assert (feed.end.label, feed.end.detail) == ("Some label", "and: more")


@pytest.mark.parametrize("error", [None, {}, {"message": 5, "status": "x", "retryable": 1}])
async def test_an_end_that_says_little(error: dict[str, Any] | None) -> None:
    _, end = await drain_to_end(CaptureSource(recording(how="reset", error=error)))
    assert (end.how, end.label, end.status, end.retryable) == ("reset", "reset", None, None)


async def test_the_wait_before_an_end_is_waited_for() -> None:
    source = CaptureSource(recording(how="timeout", end_ns=60_000_000_000))
    found, end = await drain_to_end(source)
    assert found == [*CHUNKS, Chunk(60_000_000_000, b"")]
    assert end.how == "timeout"
    assert await drain(CaptureSource(recording(end_ns=9))) == CHUNKS


async def test_a_file_that_is_gone() -> None:
    def gone() -> Any:  # noqa: ANN401
        raise FileNotFoundError("gone")

    _, end = await drain_to_end(CaptureSource(recording(chunks=gone)))
    assert (end.how, end.label, end.detail) == ("interrupted", "Cannot read the file", "gone")


# --- loading what is large ------------------------------------------------------------------------


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGE", 10)
    monkeypatch.setattr("tui.captures.capture_file.CHECKED_SIZE", 10)


async def test_a_large_capture_is_loaded_and_its_bytes_stay_in_the_file(
    tmp_path: Path, all_large: None
) -> None:
    path = tmp_path / "c.jsonl"
    lines: list[CaptureLine] = [CaptureHead(), begin()]
    lines += [ChunkLine("r1", t_ns, data) for t_ns, data in CHUNKS]
    path.write_bytes(b"".join(map(encode_line, lines)))
    (source,) = [CaptureSource(found) for found in load_capture(path).recordings]
    assert (source.info.timed, source.info.paced) == (True, False)
    assert source.info.size is None and source.info.read_share is not None
    assert source.info.read_share() == 0.0
    feed = Feed(source)
    await feed.run()
    run = feed.session.run
    assert (run.status, run.state.end) == ("complete", "interrupted")
    assert run.metrics().ttfb == 5
    assert [run.timeline.raw_event(seq) for seq in range(3)] == [
        pb.sse(event) for event in (pb.message_start(), *pb.text_block(0, "hi")[:2])
    ]
    assert run.timeline.raw.read(0, len(BODY)) == BODY
    assert run.timeline.at(3).blocks[0].text.text() == "hi"
    path.unlink()
    assert CaptureSource(source.recording).info.size is None


async def test_a_large_capture_is_handed_over_many_chunks_at_once(
    tmp_path: Path, all_large: None
) -> None:
    path = tmp_path / "c.jsonl"
    lines: list[CaptureLine] = [
        CaptureHead(),
        begin(),
        *[chunk(t_ns) for t_ns in range(5_000)],
        eof(),
    ]
    path.write_bytes(b"".join(map(encode_line, lines)))
    (source,) = [CaptureSource(found) for found in load_capture(path).recordings]
    batches = [batch async for batch in source.batches()]
    assert 2 < len(batches) < 10
    assert await drain(source) == [c for batch in batches for c in map(Chunk, *batch)]
    assert [t_ns for batch in batches for t_ns in batch.times] == list(range(5_000))


async def test_loading_can_be_stopped_within_a_batch(tmp_path: Path, all_large: None) -> None:
    path = tmp_path / "c.jsonl"
    lines: list[CaptureLine] = [CaptureHead(), begin(), *[chunk(t_ns) for t_ns in range(5_000)]]
    path.write_bytes(b"".join(map(encode_line, lines)))
    (source,) = [CaptureSource(found) for found in load_capture(path).recordings]
    reads = source.chunks()
    assert await anext(reads) == chunk(0)[1:]
    await source.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(reads)
    batches = source.batches()
    with pytest.raises(StopAsyncIteration):
        await anext(batches)


async def test_a_large_recording_without_a_place(all_large: None) -> None:
    source = CaptureSource(recording(timed=False))
    assert (source.info.paced, source.info.size, source.info.read_at) == (False, len(BODY), None)
    assert await drain(source) == CHUNKS
    assert [batch async for batch in source.batches()] == [
        Batch([t_ns], [data]) for t_ns, data in CHUNKS
    ]
    assert CaptureSource(recording(size=None)).info.size is None


@pytest.mark.parametrize("timed", [True, False])
async def test_a_large_body_in_one_piece(all_large: None, timed: bool) -> None:
    data = bytes(range(256)) * 1_000
    source = CaptureSource(recording(timed=timed, chunks=lambda: iter([Chunk(0, data)])))
    found = await drain(source)
    assert b"".join(chunk.data for chunk in found) == data
    assert (len(found) == 1) == timed
    assert timed or max(len(chunk.data) for chunk in found) <= 65_536


# --- following ------------------------------------------------------------------------------------


class Wait:
    """Passes no time: at each look something is done to the file, until the script ends."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)
        self.looks = 0

    async def __call__(self) -> None:
        self.looks += 1
        if not self.steps:
            raise AssertionError("nothing more will be written")
        self.steps.pop(0)()


class File:
    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, *lines: CaptureLine) -> None:
        self.raw(b"".join(map(encode_line, lines)))

    def raw(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "c.jsonl")


def begin(run: str = "r1") -> RequestLine:
    return RequestLine(run, 0, "POST", None, {}, REQUEST)


def chunk(t_ns: int, data: bytes = b"x", run: str = "r1") -> ChunkLine:
    return ChunkLine(run, t_ns, data)


def eof(run: str = "r1") -> EndLine:
    return EndLine(run, 9, "eof", None)


async def test_a_growing_capture_is_followed(file: File) -> None:
    file.add(CaptureHead(), begin(), chunk(1, b"a"))
    last = encode_line(chunk(4, "\u00e9".encode()))
    wait = Wait(
        lambda: file.add(chunk(2, b"b"), chunk(3, b"c")),
        lambda: None,
        lambda: file.raw(last[:20]),
        lambda: file.raw(last[20:]),
        lambda: file.add(eof(), chunk(9, b"late")),
    )
    clock = iter(range(1_000, 10_000, 10))
    source = FollowSource(file.path, wait=wait, now=lambda: next(clock))
    assert source.info == SourceInfo(
        title="c.jsonl", prompt="Say hi", request=REQUEST, kind="file", timed=True, paced=False
    )
    assert source.run == "r1"
    found = await drain(source)
    assert found == [(1, b"a"), (2, b"b"), (3, b"c"), (4, "\u00e9".encode())]
    assert wait.looks == 5
    assert source.sent_ns is not None and 990 < source.sent_ns < 1_010


async def test_what_is_there_already_is_handed_over_at_once(file: File) -> None:
    file.add(CaptureHead(), begin(), chunk(1, b"a"), chunk(2, b"b"))
    wait = Wait(lambda: None, lambda: file.add(chunk(3, b"c"), chunk(1, b"d"), eof(), chunk(5)))
    source = FollowSource(file.path, wait=wait)
    found = [batch async for batch in source.batches()]
    assert found == [Batch([1, 2], [b"a", b"b"]), Batch([3, 3], [b"c", b"d"])]


async def test_it_is_torn_and_mended_before_it_goes_on(file: File) -> None:
    file.add(CaptureHead(), begin(), chunk(1, b"a"))
    size = file.path.stat().st_size
    file.raw(b'{"k":"chunk","run":"r1","t":2,"da')

    def mend() -> None:
        # As a writer does that goes on after a crash, all between two looks.
        os.truncate(file.path, size)
        file.add(chunk(3, b"b" * 100), eof())

    source = FollowSource(file.path, wait=Wait(lambda: None, mend))
    assert await drain(source) == [(1, b"a"), (3, b"b" * 100)]


async def test_a_file_that_is_cut_into_what_was_read(file: File) -> None:
    file.add(CaptureHead(), begin(), chunk(1, b"a"))
    source = FollowSource(file.path, wait=Wait(lambda: os.truncate(file.path, 10)))
    found, end = await drain_to_end(source)
    assert (found, end.label) == ([(1, b"a")], "The capture was cut")


async def test_a_file_that_vanishes(file: File) -> None:
    file.add(CaptureHead(), begin())
    source = FollowSource(file.path, wait=Wait(file.path.unlink))
    _, end = await drain_to_end(source)
    assert (end.how, end.label) == ("interrupted", "Cannot read the capture")


async def test_the_newest_run_that_goes_on_is_followed(file: File) -> None:
    file.add(CaptureHead(), begin("a"), begin("b"), chunk(1, b"1", "a"), begin("c"))
    file.add(chunk(1, b"2", "b"), eof("c"), chunk(2, b"3", "a"))
    source = FollowSource(file.path, wait=Wait(lambda: file.add(eof("a"), eof("b"))))
    assert source.run == "b"
    assert await drain(source) == [(1, b"2")]


async def test_where_all_runs_have_ended_the_next_one_is_followed(file: File) -> None:
    file.add(CaptureHead(), begin("a"), chunk(1, b"1", "a"), eof("a"))
    line = encode_line(begin("b"))
    file.raw(line[:30])
    wait = Wait(
        lambda: file.raw(line[30:]),
        lambda: file.add(chunk(1, b"2", "b"), chunk(2, b"3", "a"), eof("b")),
    )
    source = FollowSource(file.path, wait=wait)
    assert (source.run, source.info.request) == (None, None)
    assert await drain(source) == [(1, b"2")]
    assert source.run == "b"


@pytest.mark.parametrize("start", [b"", encode_line(CaptureHead()), encode_line(CaptureHead())[:9]])
async def test_a_capture_that_has_hardly_begun(file: File, start: bytes) -> None:
    file.raw(start)
    header = encode_line(CaptureHead())
    wait = Wait(
        lambda: file.raw(header[len(start) :]),
        lambda: file.raw(b"not a record\n\n"),
        lambda: file.add(begin(), chunk(5, b"x"), chunk(3, b"y"), eof()),
    )
    assert await drain(FollowSource(file.path, wait=wait)) == [(5, b"x"), (5, b"y")]


async def test_an_end_that_was_no_clean_one(file: File) -> None:
    file.add(CaptureHead(), begin(), chunk(1, b"a"))
    error = {"type": "connection_lost", "message": "Connection lost: x"}
    wait = Wait(lambda: file.add(EndLine("r1", 2, "reset", error)))
    found, end = await drain_to_end(FollowSource(file.path, wait=wait))
    assert (found, end.how, end.label, end.detail) == ([(1, b"a")], "reset", "Connection lost", "x")


async def test_it_can_be_closed_while_it_waits(file: File) -> None:
    file.add(CaptureHead(), begin(), chunk(1, b"a"))

    async def wait() -> None:
        await source.aclose()

    source = FollowSource(file.path, wait=wait)
    assert await drain(source) == [(1, b"a")]


async def test_it_waits_without_holding_up_the_loop(file: File) -> None:
    file.add(CaptureHead(), begin())
    feed = Feed(FollowSource(file.path))
    reading = asyncio.create_task(feed.run())
    await asyncio.sleep(0)
    writer = asyncio.to_thread(file.add, *(chunk(t, d) for t, d in CHUNKS), eof())
    await writer
    await asyncio.wait_for(reading, 60)
    assert feed.session.run.status == "complete"


async def test_a_writer_is_followed_as_it_writes(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "c.jsonl")
    run = writer.begin()
    run.request(REQUEST)
    steps = [partial(run.chunk, t_ns, data) for t_ns, data in CHUNKS]
    source = FollowSource(writer.path, wait=Wait(*steps, writer.close))
    found, end = await drain_to_end(source)
    assert (found, end.how) == (CHUNKS, "interrupted")


async def test_a_format_that_is_too_new(file: File) -> None:
    file.raw(b'{"streamscope":2}\n')
    with pytest.raises(ImportFailure, match="capture format 2"):
        FollowSource(file.path)
    file.path.write_bytes(b"")
    wait = Wait(lambda: file.raw(b'{"streamscope":2}\n'))
    _, end = await drain_to_end(FollowSource(file.path, wait=wait))
    assert "capture format 2" in end.detail


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FollowSource(tmp_path / "none.jsonl")


# --- any file -------------------------------------------------------------------------------------


def test_files_become_sources(tmp_path: Path) -> None:
    stream = tmp_path / "a.sse"
    stream.write_bytes(BODY)
    (factory,), warnings = recorded(stream)
    assert isinstance(factory(), FileSource)
    assert warnings == []

    capture = tmp_path / "c.jsonl"
    lines: list[CaptureLine] = [CaptureHead(), begin("a"), eof("a"), begin("b"), eof("b")]
    capture.write_bytes(b"".join(map(encode_line, lines)) + b"torn")
    factories, warnings = recorded(capture)
    assert [factory().info.title for factory in factories] == ["c.jsonl a", "c.jsonl b"]
    assert warnings == ["the last line breaks off and is left out"]
    (factory,), warnings = following(capture)
    assert isinstance(factory(), FollowSource)

    with pytest.raises(ImportFailure, match="only a capture"):
        following(stream)

    broken = tmp_path / "x.har"
    broken.write_bytes(b"{")
    with pytest.raises(ImportFailure):
        recorded(broken)
    with pytest.raises(FileNotFoundError):
        recorded(tmp_path / "none")


async def test_a_log_is_played_and_recorded_again(tmp_path: Path) -> None:
    pair = {
        "request": {
            "url": "https://api.anthropic.com/v1/messages",
            "timestamp": 1,
            "body": REQUEST,
        },
        "response": {"status_code": 200, "body_raw": BODY.decode()},
    }
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(pair))
    writer = CaptureWriter(tmp_path / "c.jsonl")
    (factory,), _ = recorded(log)
    feed = Feed(factory(), clock=Clock(speed=INSTANT), recorder=writer.begin())
    await feed.run()
    writer.close()
    (found,) = load(writer.path).recordings
    # The pace was made up, and the capture knows.
    assert not found.timed
    assert b"".join(data for _, data in found.chunks()) == BODY
    assert (found.how, found.request) == ("eof", REQUEST)
