"""Pipes: what can be drawn as it arrives is, the rest is read whole, and both give the same."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.recorded import BODY, EVENTS, MESSAGE, SESSION, bedrock, json_lines, whole_files
from tui.captures.importers import InMemoryFile, load, sniff
from tui.core.session import Session
from tui.run import INSTANT, Clock, Feed
from tui.sources import Damaged, Source
from tui.sources.capture import from_pipe, recorded
from tui.sources.piped import TranslatedSource, layout_of, piped
from tui.sources.replay import PipeSource

FILES = whole_files()
LIVE = {"body.sse", "lines.jsonl", "parts.jsonl", "bedrock.bin"}


def reader(pieces: list[bytes]) -> Callable[[int], bytes]:
    """A pipe that gives these pieces, and then its end."""
    left = iter([piece for piece in pieces if piece])
    return lambda size: next(left, b"")


def messages_of(sources: list[Source]) -> list[object]:
    async def play() -> list[object]:
        found: list[object] = []
        for source in sources:
            feed = Feed(source, clock=Clock(speed=INSTANT))
            await feed.run()
            assert feed.failure is None
            assert [run.status for run in feed.runs] == ["complete"] * len(feed.runs)
            found += [run.state.message_json() for run in feed.runs]
        return found

    return asyncio.run(play())


def messages_in(data: bytes, name: str) -> list[object]:
    """What a file has, read by the importers alone."""
    found: list[object] = []
    for recording in load(InMemoryFile(data, name)).recordings:
        session = Session()
        for t_ns, piece in recording.chunks():
            session.feed(t_ns, piece)
        session.finish(0)
        found.append(session.run.state.message_json())
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_gives_what_its_file_does(name: str) -> None:
    data = FILES[name]
    for places in ([], [1, 2, 3], [5, 40, 41, 700], list(range(0, len(data), 97))):
        factories, warnings = from_pipe(reader(pb.cut(data, places)), "standard input")
        assert warnings == []
        assert messages_of([make() for make in factories]) == messages_in(data, name)


@pytest.mark.parametrize("name", sorted(LIVE))
def test_what_can_be_is_drawn_as_it_arrives(name: str) -> None:
    data = FILES[name]
    half = len(data) // 2
    given: list[bytes] = [data[:half]]

    def read(size: int) -> bytes:
        # Nothing more is asked for before the pipe is known.
        return given.pop()

    source = piped(read, "standard input")
    assert not isinstance(source, InMemoryFile)
    assert (source.info.kind, source.info.timed) == ("stdin", True)

    async def first() -> bytes:
        return (await anext(source.chunks())).data

    assert b"message_start" in asyncio.run(first())


def test_times_count_from_the_first_wait() -> None:
    now = iter(range(100, 10_000, 100))
    source = piped(reader([BODY[:9], BODY[9:300], BODY[300:]]), "x", now=lambda: next(now))
    assert isinstance(source, PipeSource)

    async def times() -> list[int]:
        return [t_ns async for t_ns, _ in source.chunks()]

    assert asyncio.run(times()) == [100, 200, 300]
    assert source.sent_ns == 100


def test_lines_that_are_no_events_are_told() -> None:
    data = json_lines(EVENTS[0]) + b"noise\n" + json_lines(*EVENTS[1:])
    source = piped(reader([data]), "x")
    assert isinstance(source, TranslatedSource) and isinstance(source, Damaged)
    assert source.damage is None
    assert len(messages_of([source])) == 1
    assert source.damage == (
        "part of the input could not be read",
        "line 2 left out: not a JSON object with a type",
    )


HEADERS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "layout"),
    [
        (b"", None),
        (b" \n", None),
        (b"ev", None),
        (b"event:", "stream"),
        (b"\xef\xbb\xbf: hi", "stream"),
        (HEADERS, None),
        (HEADERS + b"event: message_start\r\n", "stream"),
        (b'{"type":"message_st', None),
        (b'{"type":"system"}\n', None),
        (b'{"type":"system"}\n\n{"type":"stream_event"}\n', "lines"),
        (json_lines(EVENTS[0]), "lines"),
        (json_lines(SESSION[1]), "whole"),
        (json_lines(*SESSION[:2]), "whole"),
        (json_lines(MESSAGE), "whole"),
        (json.dumps(EVENTS, indent=1).encode()[:30], "whole"),
        (bedrock()[:11], None),
        (bedrock()[:12], "eventstream"),
        (FILES["flows.mitm"][:80], "whole"),
        (b"---\ninteractions:\n- request:", "whole"),
        (b"<!doctype html>", None),
    ],
)
def test_how_a_pipe_is_read(head: bytes, layout: str | None) -> None:
    assert layout_of(head, ended=False) == layout
    if layout is not None:
        assert layout_of(head + b"x" * 400_000, ended=False) == layout


@pytest.mark.parametrize("data", [b"", b"<html>", b"{", b"hello\n", b'{"type":"error"}', b"ev"])
def test_what_is_no_stream_is_passed_on(data: bytes) -> None:
    (make,), warnings = from_pipe(reader([data]), "x")
    assert warnings == []

    async def body() -> bytes:
        return b"".join([piece async for _, piece in make().chunks()])

    assert asyncio.run(body()) == data


def test_very_many_small_reads_take_no_time() -> None:
    data = b'{"type":"system","x":"' + b"y" * 300_000 + b'"}\n' + json_lines(*EVENTS)
    source = piped(reader([data[at : at + 1] for at in range(len(data))]), "x")
    assert isinstance(source, InMemoryFile)
    assert sniff(source) == "events"


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_settled_at_the_end(data: bytes, ended: bool) -> None:
    found = layout_of(data, ended=ended)
    assert found is not None or not ended


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Callable[[bytes], Path]]:
    """A FIFO that somebody writes to."""
    threads = []

    def make(data: bytes) -> Path:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        threads.append(Thread(target=path.write_bytes, args=(data,), daemon=True))
        threads[-1].start()
        return path

    yield make
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize("name", ["body.sse", "message.json", "bedrock.bin"])
def test_a_fifo_is_a_pipe(fifo: Callable[[bytes], Path], name: str) -> None:
    factories, _ = recorded(fifo(FILES[name]))
    assert messages_of([make() for make in factories]) == messages_in(FILES[name], name)
