"""A capture that is being written, all of its runs: each one a source from when its request is in.

One reader for the whole file. A run that was over when the following began is a recording.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from tui.captures.answer_body import AnswerBody, is_counting
from tui.captures.codec import (
    CaptureError,
    CaptureLine,
    ChunkLine,
    EndLine,
    RequestLine,
    ResponseLine,
    UnknownVersion,
)
from tui.captures.like import Restorer
from tui.core.records import Batch, Chunk, JsonObject
from tui.core.text import one_line
from tui.messages.request import prompt_of, title_of
from tui.sources import Answer, Source, SourceEnded, SourceFactory, SourceInfo
from tui.sources.capture import CaptureSource, existing_runs, grown_lines, poll, raise_end


class FollowedRun:
    """One run of a growing capture, given its lines by the follower."""

    def __init__(self, line: RequestLine, body: JsonObject | None, title: str) -> None:
        prompt = None if body is None else prompt_of(body)
        self.run = line.run
        self.sent_ns: int | None = None
        self.answer: Answer | None = None
        self.info = SourceInfo(
            title=title,
            prompt=prompt,
            request=body,
            kind="followed",
            timed=line.timed,
            paced=False,
            at_ns=line.at_ns,
            url=line.url,
        )
        self._sent_headers = line.headers
        self._body: AnswerBody | None = None
        self._batch = Batch([], [])
        self._end: EndLine | None = None
        self._changed = asyncio.Event()
        self._closed = False

    def take(self, line: CaptureLine, now_ns: int) -> None:
        """Take a line of this run that was read at `now_ns`."""
        if not isinstance(line, (RequestLine, ResponseLine, ChunkLine, EndLine)):
            return
        # The line was written a moment ago at the latest: the smallest of these is nearest.
        sent_ns = now_ns - line.t_ns
        self.sent_ns = sent_ns if self.sent_ns is None else min(self.sent_ns, sent_ns)
        if isinstance(line, ResponseLine):
            self.answer = Answer(line.t_ns, line.status, line.headers, self._sent_headers)
            self._body = AnswerBody(line.status, line.headers, self.info.url)
        elif isinstance(line, ChunkLine):
            self._add(line.t_ns, line.data if self._body is None else self._body.feed(line.data))
        elif isinstance(line, EndLine):
            self._add(line.t_ns, b"" if self._body is None else self._body.close())
            self._end = line
            self._changed.set()

    def lost(self, how: str) -> None:
        """End the run: nothing more of it can be read."""
        error: JsonObject = {"type": "interrupted", "message": how}
        self._end = self._end or EndLine(self.run, 0, "interrupted", error)
        self._changed.set()

    def _add(self, t_ns: int, data: bytes) -> None:
        if data:
            last = self._batch.times[-1] if self._batch.times else 0
            self._batch.times.append(max(last, t_ns))
            self._batch.reads.append(data)
            self._changed.set()

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield each read once it is in the file, until the run's end is.

        Raises SourceEnded where that is not a clean one.
        """
        async for times, reads in self.batches():
            for chunk in map(Chunk, times, reads):
                yield chunk

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the reads as `chunks` does, as many at once as there are."""
        while not self._closed:
            batch, self._batch = self._batch, Batch([], [])
            end = self._end
            if batch.reads:
                yield batch
            elif end is not None:
                raise_end(end.how, end.error)
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    async def aclose(self) -> None:
        """Wait for nothing more."""
        self._closed = True
        self._changed.set()


class CaptureFollower:
    """Follows a capture that is being written; `runs` yields each run as it begins."""

    def __init__(
        self,
        path: Path,
        *,
        wait: Callable[[], Awaitable[None]] = poll,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Take a capture that is there. `wait` passes the time between two looks at it."""
        self.path = path
        self._wait = wait
        self._now = now
        self._bodies: dict[str, JsonObject | None] = {}
        self._restorer = Restorer()
        self._going: dict[str, FollowedRun] = {}
        self._over: set[str] = set()
        self.caught_up = False
        """Whether all runs that were over at the beginning have been yielded."""

    async def runs(self) -> AsyncIterator[SourceFactory]:
        """Yield what makes the source of each run. Raises OSError, ImportFailure at the beginning.

        What goes wrong later ends the runs that are going on.
        """
        start = 0
        first = None
        for recording, body in existing_runs(self.path):
            start = max(start, body.after)
            if recording.end_ns is None:
                first = body.first if first is None else min(first, body.first)
                continue
            self._bodies[recording.run] = recording.request
            self._over.add(recording.run)
            title = _title(recording.url, recording.request)
            yield partial(CaptureSource, replace(recording, title=title))
        self.caught_up = True
        offset = start if first is None else first
        try:
            async with aclosing(grown_lines(self.path, offset, self._wait)) as grown:
                async for lines in grown:
                    for line in lines:
                        begun = self._take(line)
                        if begun is not None:
                            yield partial(_same, begun)
        except (OSError, UnknownVersion, SourceEnded) as error:
            for run in self._going.values():
                run.lost(one_line(f"Cannot read the capture: {error}"))

    def _take(self, line: CaptureLine) -> FollowedRun | None:
        """Give a line to its run; return the run if it begins here."""
        if not isinstance(line, (RequestLine, ResponseLine, ChunkLine, EndLine)):
            return None
        if line.run in self._over:
            return None
        begun = None
        run = self._going.get(line.run)
        if run is None:
            if not isinstance(line, RequestLine):
                # A capture that somebody cut: what is there of the run is shown all the same.
                line_of_request = RequestLine(line.run, 0, None, None, {}, None)
            else:
                line_of_request = line
            begun = run = self._begin(line_of_request)
        run.take(line, self._now())
        if isinstance(line, EndLine):
            del self._going[line.run]
            self._over.add(line.run)
        return begun

    def _begin(self, line: RequestLine) -> FollowedRun:
        body = line.body
        if line.like is not None:
            earlier = self._bodies.get(line.like.run)
            body = None
            with suppress(CaptureError):
                body = self._restorer.restore(line.body, line.like, earlier)
        request = body if isinstance(body, dict) else None
        self._bodies[line.run] = request
        run = FollowedRun(line, request, _title(line.url, request))
        self._going[line.run] = run
        return run


def _title(url: str | None, request: JsonObject | None) -> str:
    if is_counting(url):
        return "count_tokens"
    return "request" if request is None else one_line(title_of(request))


def _same(run: FollowedRun) -> Source:
    return run
