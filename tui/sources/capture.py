"""Recorded runs as sources: played at their own times, loaded at once, or followed as they grow."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final

from tui.captures.capture_body import CaptureBody
from tui.captures.capture_file import load_capture
from tui.captures.codec import (
    MAX_PROBLEMS,
    CaptureLine,
    CaptureReader,
    ChunkLine,
    EndLine,
    RequestLine,
    ResponseLine,
    UnknownVersion,
)
from tui.captures.importers import HEAD, InMemoryFile, load, sniff, sniff_format
from tui.captures.recording import ImportFailure, Loaded, Recording
from tui.core.late import when_looked_at
from tui.core.records import Batch, Chunk, JsonObject
from tui.core.state import End
from tui.messages.request import prompt_of
from tui.sources import Answer, SourceEnded, SourceFactory, SourceInfo
from tui.sources.piped import Read, piped
from tui.sources.replay import LARGE, open_file, synthetic_chunks

_POLL_S: Final = 0.05
_READ: Final = 65_536


class CaptureSource:
    """A recording. Played at its times, or a made-up pace; a large one is read as fast as it can be
    and its bytes are left in the file."""

    def __init__(self, recording: Recording, *, title: str = "", played: bool = True) -> None:
        """`title` stands for its own. Not `played`, it is loaded whatever its size."""
        size = recording.size
        self._recording = recording
        self._closed = False
        self._played = played and size is not None and size <= LARGE
        self.sent_ns: int | None = None
        body = recording.body
        request, prompt = _asked(recording)
        self.info = SourceInfo(
            title=title or recording.title,
            prompt=prompt,
            request=request,
            kind="file",
            timed=recording.timed,
            paced=self._played,
            size=None if self._played else size,
            read_share=None if body is None or size is not None else body.read_share,
            read_at=None if self._played or body is None else body.read_at,
            at_ns=recording.at_ns,
            url=recording.url,
            resolution_ns=recording.resolution_ns,
            bare=recording.bare or not recording.streamed,
        )
        self.answer: Answer | None = None
        if recording.status is not None:
            heads = recording.response_headers, recording.headers
            self.answer = Answer(recording.response_ns, recording.status, *heads)

    @property
    def recording(self) -> Recording:
        """What is played."""
        return self._recording

    @property
    def damage(self) -> tuple[str, str] | None:
        """The lines that turned out to be bad while they were read."""
        problems = self._recording.problems
        if not problems:
            return None
        others = len(problems) - 1
        many = len(problems) == MAX_PROBLEMS
        count = f"{len(problems)} line{'s' * (others > 0)}{' or more' * many}"
        detail = f"line {problems[0].line}: {problems[0].detail}"
        if others:
            detail += "\nand many more" if many else f"\nand {others} more"
        return f"{count} of the capture could not be read", detail

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield each read. Raises SourceEnded where the run was not ended by the server."""
        async for times, reads in self.batches():
            for chunk in map(Chunk, times, reads):
                if self._closed:
                    return
                yield chunk

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the reads as `chunks` does, many at once where they are not played."""
        last_ns = 0
        try:
            for batch in self._batches():
                if self._closed:
                    return
                last_ns = batch.times[-1]
                yield batch
        except OSError as error:
            raise SourceEnded("interrupted", "Cannot read the file", str(error)) from error
        end_ns = self._recording.end_ns
        if self._recording.timed and end_ns is not None and end_ns > last_ns:
            # Nothing came any more, but it took until then to end: a time-out is waited for.
            yield Batch([end_ns], [b""])
        if not self._closed:
            raise_end(self._recording.how, self._recording.error)

    def _batches(self) -> Iterator[Batch]:
        body = self._recording.body
        if body is not None and not self._played:
            yield from body.batches()
            return
        for t_ns, data in self._reads():
            if self._played or self._recording.timed or len(data) <= _READ:
                yield Batch([t_ns], [data])
                continue
            # Some logs have a body in one piece: nothing could be drawn until all of it is read.
            for at in range(0, len(data), _READ):
                yield Batch([t_ns], [data[at : at + _READ]])

    def _reads(self) -> Iterator[Chunk]:
        reads = self._recording.chunks()
        if self._recording.timed or not self._played:
            return reads
        return synthetic_chunks((data for _, data in reads if data), self._recording.size or 0)

    async def aclose(self) -> None:
        """Stop before the next chunk."""
        self._closed = True


def _asked(recording: Recording) -> tuple[JsonObject | None, str | None]:
    """Return the request and its prompt, without a look at them where they are left in a file."""

    def prompt() -> str | None:
        request = recording.request
        return None if request is None else prompt_of(request)

    stored = recording.stored
    if stored is None:
        return recording.request, prompt()
    return when_looked_at(stored), when_looked_at(prompt)


def raise_end(how: End, error: JsonObject | None) -> None:
    """Raise the SourceEnded of a recorded end; return where it was a clean one."""
    if how == "eof":
        return
    known = error or {}
    message, status = known.get("message"), known.get("status")
    request_id, retryable = known.get("request_id"), known.get("retryable")
    label, _, detail = (message if isinstance(message, str) else how).partition(": ")
    raise SourceEnded(
        how,
        label,
        detail,
        status=status if isinstance(status, int) else None,
        request_id=request_id if isinstance(request_id, str) else None,
        retryable=retryable if isinstance(retryable, bool) else None,
        error=known["error"] if isinstance(known.get("error"), dict) else None,
    )


async def poll() -> None:
    """Wait until the next look at a file."""
    await asyncio.sleep(_POLL_S)


async def grown_lines(
    path: Path, offset: int, wait: Callable[[], Awaitable[None]]
) -> AsyncGenerator[list[CaptureLine], None]:
    """Yield the lines of a capture that is being written, from `offset` on, a list for each read.

    Never ends by itself; yields nothing new after each wait. Raises OSError and UnknownVersion, and
    SourceEnded where the file was cut.
    """
    reader = CaptureReader(offset=offset)
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while True:
            block = file.read(_READ)
            if not block:
                await wait()
                if path.stat().st_size < reader.offset:
                    raise SourceEnded("interrupted", "The capture was cut", "")
                # A last line without its end may be cut back and written anew.
                reader.drop_held()
                file.seek(reader.offset)
            yield reader.feed(block)


class FollowSource:
    """The newest run of a capture that is being written, as it grows.

    That is the last one in the file that has not ended; where all have, the next one to begin.
    """

    def __init__(
        self,
        path: Path,
        *,
        wait: Callable[[], Awaitable[None]] = poll,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Take a file. `wait` passes the time between two looks at it.

        Raises OSError where it cannot be opened, ImportFailure where it is too new.
        """
        self._path = path
        self._wait = wait
        self._now = now
        self._closed = False
        self.sent_ns: int | None = None
        self.answer: Answer | None = None
        self.run: str | None = None
        """The run that is followed, None before there is one."""
        self._over: set[str] = set()
        self._start = 0
        request: JsonObject | None = None
        self._sent_headers: Mapping[str, str] = {}
        for recording, body in existing_runs(path):
            self._over.add(recording.run)
            if self.run is None:
                self._start = max(self._start, body.after)
            if recording.end_ns is None:
                self.run, request = recording.run, recording.request
                self._start = body.first
        self.info = SourceInfo(
            title=path.name,
            prompt=None if request is None else prompt_of(request),
            request=request,
            kind="file",
            timed=True,
            paced=False,
        )

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield each read once it is in the file, until the run's end is.

        Raises SourceEnded where that is not a clean one, or the file is cut or cannot be read.
        """
        async for times, reads in self.batches():
            for chunk in map(Chunk, times, reads):
                yield chunk

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the reads as `chunks` does, as many at once as there are in a block of the file."""
        last_ns = 0
        try:
            async with aclosing(grown_lines(self._path, self._start, self._wait)) as grown:
                async for lines in grown:
                    if self._closed:
                        return
                    batch, end = Batch([], []), None
                    for line in lines:
                        if not self._is_ours(line):
                            continue
                        if isinstance(line, EndLine):
                            end = line
                            break
                        self._note_head(line)
                        if isinstance(line, ChunkLine):
                            last_ns = max(last_ns, line.t_ns)
                            batch.times.append(last_ns)
                            batch.reads.append(line.data)
                    if batch.reads:
                        yield batch
                    if end is not None:
                        raise_end(end.how, end.error)
                        return
        except (OSError, UnknownVersion) as error:
            raise SourceEnded("interrupted", "Cannot read the capture", str(error)) from error

    def _note_head(self, line: CaptureLine) -> None:
        if isinstance(line, RequestLine):
            self._sent_headers = line.headers
        elif isinstance(line, ResponseLine):
            self.answer = Answer(line.t_ns, line.status, line.headers, self._sent_headers)

    def _is_ours(self, line: CaptureLine) -> bool:
        if not isinstance(line, (RequestLine, ResponseLine, ChunkLine, EndLine)):
            return False
        if self.run is None and line.run not in self._over:
            self.run = line.run
        if line.run != self.run:
            return False
        # The line was written a moment ago at the latest: the smallest of these is nearest.
        sent_ns = self._now() - line.t_ns
        self.sent_ns = sent_ns if self.sent_ns is None else min(self.sent_ns, sent_ns)
        return True

    async def aclose(self) -> None:
        """Stop looking."""
        self._closed = True


def existing_runs(path: Path) -> list[tuple[Recording, CaptureBody]]:
    """Return the runs that a capture has now. Raises OSError, ImportFailure where it is too new."""
    try:
        found = load_capture(path).recordings
        return [(item, item.body) for item in found if item.body is not None]
    except ImportFailure as failure:
        if isinstance(failure.__cause__, UnknownVersion):
            raise
        return []


def recorded(path: Path) -> tuple[list[SourceFactory], list[str]]:
    """Return a source for each run in a file, and lines on what was left out of it.

    Raises OSError where it cannot be read, ImportFailure where it cannot be understood.
    """
    # A pipe cannot be looked into and then read from its beginning.
    if not path.is_file():
        fd = os.open(path, os.O_RDONLY)
        return from_pipe(lambda size: os.read(fd, size), path.name)
    if sniff(path) == "body":
        open_file(path)
        return [partial(open_file, path)], []
    return _sources(load(path))


def from_pipe(read: Read, title: str) -> tuple[list[SourceFactory], list[str]]:
    """Return what `recorded` does for a pipe, which is waited for until it tells what it holds."""
    found = piped(read, title)
    return _sources(load(found)) if isinstance(found, InMemoryFile) else ([lambda: found], [])


def _sources(loaded: Loaded) -> tuple[list[SourceFactory], list[str]]:
    return [partial(CaptureSource, recording) for recording in loaded.recordings], loaded.warnings


def following(path: Path) -> tuple[list[SourceFactory], list[str]]:
    """Return the source that follows a capture.

    Raises what `FollowSource` does, and ImportFailure for a file that is something else.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if b"\n" in head and sniff_format(head, path.name) != "capture":
        raise ImportFailure("only a capture can be followed")
    FollowSource(path)
    return [partial(FollowSource, path)], []
