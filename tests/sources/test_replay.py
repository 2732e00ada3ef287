"""Files at a made-up pace, and pipes as they come."""

from __future__ import annotations

import asyncio
import gc
import os
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.limits import HANG_S
from tests.manual_clock import ManualClock
from tests.streams import legal_bytes, sse_bytes
from tui.core.records import Chunk
from tui.core.session import Session
from tui.run import Feed
from tui.sources import Source, SourceEnded
from tui.sources import replay as replay_module
from tui.sources.replay import (
    FileSource,
    LargeFileSource,
    PipeSource,
    open_file,
    synthetic_chunks,
)

MS = 1_000_000
S = 1_000_000_000
BODY = pb.wire(pb.message_start(), *pb.text_block(0, "one", "two"), *pb.ending())


def blocks(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def replayed(body: bytes, block: int = 65_536) -> list[Chunk]:
    return list(synthetic_chunks(blocks(body, block), len(body)))


def check(chunks: list[Chunk], body: bytes) -> None:
    """The laws: nothing lost, nothing empty, time goes forward and comes to an end."""
    assert b"".join(chunk.data for chunk in chunks) == body
    assert all(chunk.data for chunk in chunks)
    times = [chunk.t_ns for chunk in chunks]
    assert times == sorted(times)
    assert all(0 <= t <= 30 * S for t in times)


# --- synthetic_chunks -----------------------------------------------------------------------------


@given(body=sse_bytes() | legal_bytes() | st.binary(max_size=300), block=st.integers(1, 400))
def test_any_body_is_replayed_whole_and_in_order(body: bytes, block: int) -> None:
    check(replayed(body, block), body)


@given(
    sizes=st.lists(st.integers(0, 3_000), max_size=60),
    block=st.sampled_from([50, 1_000, 65_536]),
    claimed=st.none() | st.integers(0, 10**9),
)
def test_uneven_bodies_too_and_those_whose_size_was_not_known(
    sizes: list[int], block: int, claimed: int | None
) -> None:
    body = b"".join(
        b"data: " + b"x" * size + b"\n\n" + b"data:\n\n" * (size % 90) for size in sizes
    )
    size = len(body) if claimed is None else claimed
    check(list(synthetic_chunks(blocks(body, block), size)), body)


def test_each_event_is_a_chunk_at_a_readable_pace() -> None:
    chunks = replayed(BODY)
    assert [chunk.data.split(b"\n")[0][7:].decode() for chunk in chunks] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    # A `message_delta` has that in its name.
    assert [chunk.t_ns // MS for chunk in chunks] == [400, 460, 484, 508, 568, 592, 652]


def test_a_long_body_is_quickened_and_shares_chunks() -> None:
    body = pb.wire(pb.message_start(), pb.text_start(), *(pb.text(0, "word") for _ in range(9_000)))
    chunks = replayed(body)
    check(chunks, body)
    assert 25 * S < chunks[-1].t_ns <= 30 * S
    assert 4_000 < len(chunks) < 9_000
    gaps = [b.t_ns - a.t_ns for a, b in zip(chunks, chunks[1:], strict=False)]
    assert min(gaps[:-1]) >= 4 * MS


def test_a_body_whose_first_event_is_its_largest_is_quickened_as_well() -> None:
    start = pb.message_start(note="x" * 60_000)
    body = pb.wire(start, pb.text_start(), *(pb.text(0, "word") for _ in range(9_000)))
    chunks = replayed(body)
    check(chunks, body)
    assert chunks[0].data == pb.sse(start)
    assert chunks[-1].t_ns > 25 * S


def test_a_body_without_events_is_passed_on_in_blocks() -> None:
    body = b"<p>" * 60_000
    chunks = replayed(body)
    assert [(chunk.t_ns, len(chunk.data)) for chunk in chunks] == [
        (0, 65_536),
        (0, 65_536),
        (0, 180_000 - 2 * 65_536),
    ]
    later = body + b"\n\n" + BODY
    check(replayed(later), later)


def test_an_unfinished_event_comes_with_the_last_time() -> None:
    chunks = replayed(BODY + b"data: {")
    assert (chunks[-1].data, chunks[-1].t_ns) == (b"data: {", chunks[-2].t_ns)
    assert replayed(b"data: {") == [Chunk(0, b"data: {")]
    assert replayed(b"") == []


def test_recorded_streams(corpus: list[Path]) -> None:
    for path in corpus:
        body = path.read_bytes()
        chunks = replayed(body)
        check(chunks, body)
        session = Session(timed=False)
        for t_ns, data in chunks:
            session.feed(t_ns, data)
        session.finish(0)
        assert sum(run.state.events for run in session.runs) > 0


# --- FileSource -----------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "answer.sse"
    path.write_bytes(BODY)
    return path


async def test_a_file_is_its_bytes(file: Path) -> None:
    source: Source = FileSource(file)
    assert [chunk async for chunk in source.chunks()] == replayed(BODY)
    await source.aclose()


async def test_a_file_says_what_it_is(file: Path) -> None:
    source = FileSource(file)
    info = source.info
    assert (info.title, info.kind, info.timed, info.paced) == ("answer.sse", "file", False, True)
    assert (info.prompt, info.request, source.sent_ns) == (None, None, None)


async def test_a_closed_file_stops(file: Path) -> None:
    source = FileSource(file)
    got = []
    async for chunk in source.chunks():
        got.append(chunk)
        await source.aclose()
        await source.aclose()
    assert len(got) == 1


async def test_a_large_file_is_read_in_blocks(tmp_path: Path) -> None:
    body = pb.wire(*(pb.text(0, "x" * 500) for _ in range(400)))
    path = tmp_path / "large"
    path.write_bytes(body)
    check([chunk async for chunk in FileSource(path).chunks()], body)


def test_a_file_that_cannot_be_opened_fails_at_once(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileSource(file.with_name("absent"))
    with pytest.raises(IsADirectoryError):
        FileSource(file.parent)


async def test_a_file_that_vanishes_is_an_end_that_is_told(file: Path) -> None:
    source = FileSource(file)
    file.unlink()
    with pytest.raises(SourceEnded, match="Cannot read the file") as caught:
        await anext(source.chunks())
    assert caught.value.how == "interrupted"


# --- LargeFileSource ------------------------------------------------------------------------------

LONG = pb.wire(pb.message_start(), *pb.text_block(0, *["word "] * 1_500), *pb.ending())


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.sse"
    path.write_bytes(LONG)
    return path


def test_a_file_is_played_or_loaded_by_its_size(
    large: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(open_file(large), FileSource)
    monkeypatch.setattr(replay_module, "LARGE", len(LONG) - 1)
    assert isinstance(open_file(large), LargeFileSource)
    assert isinstance(open_file(file), FileSource)
    with pytest.raises(FileNotFoundError):
        open_file(large.with_name("absent"))


async def test_a_large_file_is_loaded_at_once_and_left_where_it_is(large: Path) -> None:
    source = LargeFileSource(large)
    info = source.info
    assert (info.title, info.kind, info.timed, info.paced) == ("large.sse", "file", False, False)
    assert (info.size, source.sent_ns) == (len(LONG), None)
    feed = Feed(source)
    assert feed.progress == 0.0
    seen = []
    reading = asyncio.create_task(feed.run())
    while not reading.done():
        if feed.progress is not None:
            seen.append(feed.progress)
        await asyncio.sleep(0)
    assert feed.runs[0].status == "complete"
    assert seen == sorted(seen) and seen[-1] <= 1.0
    run = feed.runs[0]
    assert run.timeline.raw_event(2) == pb.sse(pb.text(0, "word "))
    assert feed.session.raw.read(0, len(LONG)) == LONG
    assert run.timeline.at(3).blocks[0].text.text() == "word "


async def test_a_source_without_a_size_has_no_progress(file: Path) -> None:
    assert Feed(FileSource(file)).progress is None


async def test_a_large_file_that_shrinks_reads_as_blank(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LargeFileSource(large)
    feed = Feed(source)
    await feed.run()
    timeline = feed.runs[0].timeline
    os.truncate(large, 100)
    for seq in range(len(timeline)):
        timeline.record(seq)
        assert len(timeline.raw_event(seq)) == timeline.span(seq)[1]

    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", broken)
    assert timeline.raw_event(0).strip() == b""
    with pytest.raises(SourceEnded, match="Cannot read the file"):
        await anext(LargeFileSource(large).chunks())


async def test_a_closed_large_file_stops(large: Path) -> None:
    source = LargeFileSource(large)
    chunks = source.chunks()
    assert len((await anext(chunks)).data) == 65_536
    await source.aclose()
    await source.aclose()
    assert await anext(chunks, None) is None


def test_a_large_file_is_let_go_of_with_its_source(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[int] = []
    monkeypatch.setattr(os, "close", closed.append)
    source = LargeFileSource(large)
    descriptor = source._fd
    assert closed == []
    del source
    gc.collect()
    assert closed == [descriptor]
    monkeypatch.undo()
    os.close(descriptor)


# --- PipeSource -----------------------------------------------------------------------------------


class Pipe:
    """What is put in can be read, one `read` each; b"" ends it, an error is raised."""

    def __init__(self, *items: bytes | OSError) -> None:
        self.items: queue.SimpleQueue[bytes | OSError] = queue.SimpleQueue()
        self.reads = 0
        for item in items:
            self.items.put(item)

    def read(self, size: int) -> bytes:
        item = self.items.get(timeout=HANG_S)
        self.reads += 1
        if isinstance(item, OSError):
            raise item
        assert len(item) <= size
        return item


async def following(chunks: AsyncIterator[Chunk]) -> Chunk | None:
    return await asyncio.wait_for(anext(chunks, None), 10)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "stdin"]


async def until_no_reader_is_left() -> None:
    for thread in readers():
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()


async def test_reads_come_as_they_are_with_their_times() -> None:
    manual = ManualClock(100)
    pipe = Pipe()
    source: Source = PipeSource(pipe.read, manual)
    assert source.sent_ns is None
    chunks = source.chunks()
    got = []
    for t_ns, data in ((0, b"a"), (5, b"bc"), (5, b"\xff"), (9, b"d\n\n")):
        waiting = asyncio.create_task(following(chunks))
        await asyncio.sleep(0)
        manual.now_ns = 100 + t_ns
        pipe.items.put(data)
        got.append(await waiting)
    assert got == [Chunk(0, b"a"), Chunk(5, b"bc"), Chunk(5, b"\xff"), Chunk(9, b"d\n\n")]
    assert source.sent_ns == 100
    pipe.items.put(b"")
    assert await following(chunks) is None
    await source.aclose()
    await until_no_reader_is_left()


async def test_a_pipe_says_what_it_is() -> None:
    info = PipeSource(Pipe().read).info
    assert (info.title, info.kind, info.timed, info.paced) == (
        "standard input",
        "stdin",
        True,
        False,
    )


async def test_a_real_pipe() -> None:
    out, into = os.pipe()
    try:
        source = PipeSource(lambda size: os.read(out, size))
        chunks = source.chunks()
        for data in (BODY[:100], BODY[100:]):
            os.write(into, data)
            chunk = await following(chunks)
            assert chunk is not None and chunk.data == data
        os.close(into)
        assert await following(chunks) is None
        await until_no_reader_is_left()
    finally:
        os.close(out)


async def test_a_pipe_that_cannot_be_read_is_an_end_that_is_told() -> None:
    source = PipeSource(Pipe(b"a", OSError(5, "Input/output error")).read)
    chunks = source.chunks()
    assert await following(chunks) is not None
    with pytest.raises(SourceEnded, match="Cannot read standard input.*Input/output"):
        await following(chunks)
    await until_no_reader_is_left()


async def test_a_slow_reader_holds_the_pipe_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "_QUEUE", 3)
    pipe = Pipe(*[b"x"] * 50, b"")
    source = PipeSource(pipe.read)
    chunks = source.chunks()
    total = 0
    while (await following(chunks)) is not None:
        total += 1
        # Three in the queue, and one that waits for its place.
        assert pipe.reads <= total + 4
    assert (total, pipe.reads) == (50, 51)
    await until_no_reader_is_left()


async def test_closed_it_reads_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "_QUEUE", 1)
    pipe = Pipe(*[b"x"] * 50)
    source = PipeSource(pipe.read)
    chunks = source.chunks()
    assert await following(chunks) is not None
    await source.aclose()
    await source.aclose()
    await until_no_reader_is_left()
    assert pipe.reads < 50


async def test_a_read_that_never_returns_keeps_nothing_waiting() -> None:
    pipe = Pipe()
    source = PipeSource(pipe.read)
    waiting = asyncio.create_task(following(source.chunks()))
    while not readers():
        await asyncio.sleep(0)
    assert all(thread.daemon for thread in readers())
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await source.aclose()
    pipe.items.put(b"late")
    await until_no_reader_is_left()


def test_a_read_that_outlives_its_loop_is_dropped() -> None:
    pipe = Pipe()
    source = PipeSource(pipe.read)

    async def begin() -> None:
        waiting = asyncio.create_task(following(source.chunks()))
        while not readers():
            await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(begin())
    (thread,) = readers()
    pipe.items.put(b"late")
    thread.join(10)
    assert not thread.is_alive()
