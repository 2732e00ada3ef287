"""Files and folders that are opened together."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests import playbook as pb
from tests.recorded import json_lines
from tui.core.records import Chunk
from tui.run import Feed
from tui.sources import Opened
from tui.sources.opened import MOST_PLAYED, open_pipe, open_together

BODY = pb.wire(pb.message_start(), *pb.text_block(0, "one"), *pb.ending())


def recorded_run(name: str) -> bytes:
    """The lines of a capture's run."""
    return json_lines(
        {"k": "request", "run": name, "t": 0, "body": {"model": "m"}},
        {"k": "chunk", "run": name, "t": 1, "data": BODY.decode()},
        {"k": "end", "run": name, "t": 2, "how": "eof", "error": None},
    )


def write(folder: Path, *names: str, content: bytes = BODY) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return paths


def titles(found: list[Opened]) -> list[str]:
    return [stream.source().info.title for one in found for stream in one.streams]


async def read(found: Opened) -> list[Chunk]:
    return [chunk async for chunk in found.streams[0].source().chunks()]


def test_files_below_a_folder_are_named_from_there_and_loaded(tmp_path: Path) -> None:
    write(tmp_path, "b.sse", "a/b.sse", "a/other.json", content=BODY)
    write(tmp_path, "notes.json", content=b'{"name": "notes"}')
    found = list(open_together([tmp_path]))
    assert titles(found) == ["a/b.sse", "b.sse"]
    for one in found:
        (stream,) = one.streams
        loaded, played = stream.source().info, stream.again().info
        assert (loaded.paced, loaded.size, played.paced) == (False, len(BODY), True)
        assert loaded.title == played.title


async def test_what_is_loaded_is_what_is_played(tmp_path: Path) -> None:
    write(tmp_path, "a.sse")
    (found,) = open_together([tmp_path])
    feed = Feed(found.streams[0].source())
    assert feed.progress == 0
    await feed.run()
    assert feed.runs[0].status == "complete"
    assert b"".join(chunk.data for chunk in await read(found)) == BODY


def test_a_few_files_are_played_and_many_are_loaded(tmp_path: Path) -> None:
    paths = write(tmp_path, *(f"{number}.sse" for number in range(MOST_PLAYED + 1)))
    for some, played in ((paths[1:], True), (paths, False)):
        sources = [one.streams[0].source() for one in open_together(some)]
        assert [source.info.paced for source in sources] == [played] * len(some)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    paths = write(tmp_path, "x/a.sse", "y/a.sse")
    assert titles(list(open_together(paths))) == ["x/a.sse", "y/a.sse"]


def test_runs_of_a_capture_keep_their_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        "in/talk.jsonl",
        content=b'{"streamscope": 1}\n' + recorded_run("r1") + recorded_run("r2"),
    )
    assert titles(list(open_together([tmp_path]))) == ["in/talk.jsonl r1", "in/talk.jsonl r2"]


async def test_a_bad_file_says_why_and_stops_no_other(tmp_path: Path) -> None:
    first, last = write(tmp_path, "a.sse", "z.sse")
    (bad,) = write(tmp_path, "bad.har", content=b"{")
    absent = tmp_path / "absent.sse"
    found = list(open_together([first, bad, absent, last]))
    assert [one.problem is None for one in found] == [True, False, False, True]
    feed = Feed(found[2].streams[0].source())
    await feed.run()
    assert feed.runs[0].error is not None
    assert feed.runs[0].error["message"] == "no such file"
    feed = Feed(found[1].streams[0].source())
    await feed.run()
    assert feed.runs[0].error is not None and "JSON" in feed.runs[0].error["message"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_locked_file_in_a_folder_is_a_row(tmp_path: Path) -> None:
    (path,) = write(tmp_path, "a.sse")
    path.chmod(0)
    (found,) = open_together([tmp_path])
    assert isinstance(found.problem, PermissionError)


def test_a_folder_without_streams_has_none(tmp_path: Path) -> None:
    write(tmp_path, "a.json", content=b"{}")
    assert list(open_together([tmp_path])) == []


def test_no_file_stays_open(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number}.sse" for number in range(64)))
    before = len(os.listdir("/dev/fd"))
    found = list(open_together([tmp_path]))
    feeds = [Feed(one.streams[0].source()) for one in found]
    assert len(os.listdir("/dev/fd")) == before
    asyncio.run(feeds[0].run())
    assert len(os.listdir("/dev/fd")) == before


def test_a_pipe_that_cannot_be_understood_is_a_stream_that_says_so() -> None:
    parts = [b'{"streamscope": 99}\n', b""]
    (found,) = open_pipe(lambda size: parts.pop(0), "standard input")
    assert isinstance(found.problem, ValueError)
    assert list(found.warnings) == [str(found.problem)]
    assert len(found.streams) == 1
