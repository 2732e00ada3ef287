"""Following a capture while it is written: every run, from its request to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.limits import HANG_S
from tests.playbook import message_start, message_stop, text_block, wire
from tui.captures.codec import CaptureHead, encode_line
from tui.captures.writer import CaptureWriter
from tui.core.session import Session
from tui.sources import Answered, Source, SourceEnded
from tui.sources.followed import CaptureFollower

pytestmark = pytest.mark.asyncio

MESSAGE = b"".join(wire(item) for item in (message_start(), *text_block(0, "hi"), message_stop()))
SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


class Following:
    """A capture that a test writes, and the sources of its runs as they begin."""

    def __init__(self, path: Path) -> None:
        self.writer = CaptureWriter(path)
        self._looked = asyncio.Event()
        self._go = asyncio.Event()
        self._follower = CaptureFollower(path, wait=self._wait, now=lambda: 10_000)
        self.sources: list[Source] = []
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for factory in self._follower.runs():
            self.sources.append(factory())

    async def _wait(self) -> None:
        self._looked.set()
        await self._go.wait()
        self._go.clear()

    async def look(self) -> list[Source]:
        """Have the file read to where it is now; return the sources so far."""
        self._looked.clear()
        self._go.set()
        async with asyncio.timeout(HANG_S):
            await self._looked.wait()
        return self.sources

    async def begin(self) -> None:
        async with asyncio.timeout(HANG_S):
            await self._looked.wait()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.writer.close()


@pytest.fixture
async def following(tmp_path: Path) -> AsyncIterator[Following]:
    found = Following(tmp_path / "growing.jsonl")
    await found.begin()
    yield found
    await found.stop()


async def read(source: Source) -> tuple[bytes, str]:
    """All of a source, and how it ended."""
    data = b""
    try:
        async for chunk in source.chunks():
            data += chunk.data
    except SourceEnded as end:
        return data, end.how
    return data, "eof"


def ask(text: str, *before: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [*before, {"role": "user", "content": text}]}


async def test_a_run_is_there_with_its_request(following: Following) -> None:
    run = following.writer.begin()
    run.request(ask("Hello"), url="https://x/v1/messages", at_ns=5_000_000)
    (source,) = await following.look()
    assert (source.info.request, source.info.prompt) == (ask("Hello"), "Hello")
    assert (source.info.title, source.info.at_ns) == ("Hello", 5_000_000)
    assert source.sent_ns == 10_000 and not source.info.paced
    reading = asyncio.create_task(read(source))
    run.response(500, 200, SSE)
    run.chunk(600, MESSAGE[:50])
    await following.look()
    assert isinstance(source, Answered) and source.answer is not None
    assert source.answer.status == 200 and source.sent_ns == 10_000 - 600
    run.chunk(700, MESSAGE[50:])
    run.end(800, "eof", None)
    await following.look()
    assert await reading == (MESSAGE, "eof")


async def test_many_runs_at_once_do_not_mix(following: Following) -> None:
    runs = [following.writer.begin() for _ in range(20)]
    for number, run in enumerate(runs):
        run.request(ask(f"Question {number}"))
        run.response(1, 200, SSE)
    for at in range(0, len(MESSAGE), 37):
        for number, run in enumerate(runs):
            run.chunk(at, b": %d\n\n" % number + MESSAGE[at : at + 37])
    for run in runs:
        run.end(10_000, "reset", {"type": "connection_lost", "message": "Connection lost: x"})
    sources = await following.look()
    for number, source in enumerate(sources):
        data, how = await read(source)
        mark = b": %d\n\n" % number
        assert data.replace(mark, b"") == MESSAGE and how == "reset"
        assert source.info.prompt == f"Question {number}"
    assert len(sources) == 20


async def test_what_is_shared_with_an_earlier_request_is_restored(following: Following) -> None:
    turns: list[dict[str, Any]] = []
    for number in range(3):
        turns += [{"role": "user", "content": f"{number}"}]
        following.writer.begin().request({"model": "m", "system": "Be kind", "messages": turns})
        turns += [{"role": "assistant", "content": "yes"}]
    following.writer.begin().request({**ask("0"), "system": "Name it"})
    sources = await following.look()
    assert '"like"' in following.writer.path.read_text()
    requests = [source.info.request or {} for source in sources]
    assert [len(request["messages"]) for request in requests] == [1, 3, 5, 1]
    assert [source.info.title for source in sources] == ["0", "1", "2", "0"]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (
            "/v1/messages",
            b'{"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]}',
            "a",
        ),
        ("/v1/messages/count_tokens", b'{"input_tokens": 12}', "12 input tokens"),
    ],
)
async def test_an_answer_that_did_not_stream_is_shown(
    following: Following, path: str, body: bytes, expected: str
) -> None:
    run = following.writer.begin()
    run.request(ask("Hello"), url=f"https://x{path}")
    run.response(500, 200, JSON)
    run.chunk(600, body[:9])
    run.chunk(700, body[9:])
    run.end(800, "eof", None)
    (source,) = await following.look()
    session = Session()
    data, _ = await read(source)
    session.feed(0, data)
    session.finish(0)
    message = session.run.state.message_json()
    assert session.run.state.status == "complete" and message is not None
    assert message["content"][0]["text"] == expected
    assert ("count_tokens" in source.info.title) is ("count" in path)


async def test_what_was_over_before_is_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "growing.jsonl"
    writer = CaptureWriter(path)
    for number in range(2):
        run = writer.begin()
        run.request(ask(f"{number}"))
        run.chunk(5, MESSAGE)
        run.end(6, "eof", None)
    going = writer.begin()
    going.request(ask("2"))
    going.chunk(5, MESSAGE[:60])
    writer._open.clear()  # Killed, as it were.
    writer.close()
    found = Following(path)
    await found.begin()
    assert [source.info.prompt for source in found.sources] == ["0", "1", "2"]
    assert (await read(found.sources[1]))[0] == MESSAGE
    await found.stop()


async def test_a_file_that_is_cut_ends_its_runs(following: Following) -> None:
    following.writer.begin().request(ask("Hello"))
    (source,) = await following.look()
    reading = asyncio.create_task(read(source))
    following.writer.path.write_bytes(encode_line(CaptureHead()))
    following._go.set()
    async with asyncio.timeout(HANG_S):
        assert await reading == (b"", "interrupted")


async def test_a_source_that_is_closed_waits_no_more(following: Following) -> None:
    following.writer.begin().request(ask("Hello"))
    (source,) = await following.look()
    reading = asyncio.create_task(read(source))
    await asyncio.sleep(0)
    await source.aclose()
    async with asyncio.timeout(HANG_S):
        assert await reading == (b"", "eof")
