"""Reads captures of any size: an index of the runs first, their chunks when they are wanted."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from tui.captures.answer_body import AnswerBody
from tui.captures.capture_body import CaptureBody, Parts, lines_before
from tui.captures.codec import (
    CHUNK_HEAD,
    MAX_PROBLEMS,
    CaptureError,
    CaptureLine,
    ChunkLine,
    EndLine,
    RequestLine,
    ResponseLine,
    UnknownVersion,
    decode_line,
)
from tui.captures.eventstream import CONTENT_TYPE, Unwrapper, fault_lines, unwrapped
from tui.captures.in_memory_file import Readable, size_of
from tui.captures.like import Restorer
from tui.captures.recording import ImportFailure, Loaded, Recording, header_of, title_for
from tui.captures.stored_request import StoredRequest, StoredRequests, head_of
from tui.core.late import when_looked_at
from tui.core.records import Chunk, JsonObject
from tui.core.text import one_line

FORMAT: Final = "capture"
CHECKED_SIZE: Final = 16 << 20
"""Captures up to this size are read to their end before anything is shown, so that what is wrong
with them is said at the start. Of larger ones the index reads only the lines that are no chunks."""
_BLOCK: Final = 1 << 18
_SHOWN: Final = 3
_ERRORS: Final = 400
_NO_END: Final[JsonObject] = {
    "type": "interrupted",
    "message": "the capture ends before the response did",
}
_CHUNKS: Final = re.compile(
    b"(" + re.escape(CHUNK_HEAD) + rb'"[^"\\\n]{1,200}",)[^\n]*+\n(?:\1[^\n]*+\n)*+'
)
"""Lines of one run in a row, which all begin as the first of them does."""


@dataclass(slots=True)
class _Seen:
    """What the index knows of a run: its lines lie from `first` up to `after`."""

    run: str
    first: int
    after: int
    parts: Parts = field(default_factory=lambda: Parts(array("Q"), array("Q")))
    """Where its chunks lie."""
    size: int = 0
    last_ns: int = 0
    disordered: bool = False
    request: RequestLine | None = None
    stored: StoredRequest | None = None
    """What reads the body of the request, where that is left in the file."""
    body: object = None
    """Of the request, restored. None where that cannot be done, and where it is not read yet."""
    fault: str | None = None
    """Why not."""
    response: ResponseLine | None = None
    end: EndLine | None = None


class _Index:
    """Goes over a capture once and finds its runs."""

    def __init__(self, requests: StoredRequests, *, checking: bool) -> None:
        """Read a capture, whose requests `requests` reads again. `checking`: line by line."""
        self.runs: dict[str, _Seen] = {}
        self.bad: list[tuple[int, str]] = []
        """Offset and fault of each bad line, the first ones."""
        self.bad_count = 0
        self.torn = False
        self._requests = requests
        self._checking = checking
        self._heads: dict[bytes, _Seen] = {}
        self._restorer = Restorer()

    def read(self, file: BinaryIO) -> None:
        """Take a file from its beginning. Raises UnknownVersion."""
        offset = 0
        held: list[bytes] = []
        while block := file.read(_BLOCK):
            whole = block.rfind(b"\n") + 1
            if not whole:
                held.append(block)
                continue
            lines = b"".join([*held, block[:whole]])
            held = [block[whole:]]
            self._take(lines, offset)
            offset += len(lines)
        rest = b"".join(held)
        if rest:
            try:
                self._note(decode_line(rest), offset, offset + len(rest))
            except UnknownVersion:
                raise
            except CaptureError:
                self.torn = True

    def _take(self, block: bytes, offset: int) -> None:
        at = 0
        while at < len(block):
            # Past all chunks of a run in one go, where they are written as this program does: a
            # capture can hold a million, and its index must not take as long as reading them.
            found = None if self._checking else _CHUNKS.match(block, at)
            if found is None:
                end = block.index(b"\n", at) + 1
                self._line(block[at:end], offset + at)
            else:
                end = found.end()
                head = found[1]
                seen = self._heads.get(head)
                if seen is None:
                    run = head[len(CHUNK_HEAD) + 1 : -2].decode("utf-8", "replace")
                    seen = self._heads[head] = self._run(run, offset + at)
                seen.after = offset + end
                seen.parts.add(offset + at, seen.after)
            at = end

    def _run(self, run: str, first: int) -> _Seen:
        seen = self.runs.get(run)
        if seen is None:
            seen = self.runs[run] = _Seen(run, first, first)
        return seen

    def _line(self, raw: bytes, offset: int) -> None:
        try:
            head = None if self._checking else head_of(raw)
            self._note(head or decode_line(raw), offset, offset + len(raw))
            if head is not None and self.runs[head.run].request is head:
                stored = StoredRequest(self._requests, offset, len(raw))
                self.runs[head.run].stored = stored
        except UnknownVersion:
            raise
        except CaptureError as error:
            self.bad_count += 1
            if len(self.bad) < MAX_PROBLEMS:
                self.bad.append((offset, str(error)))

    def _note(self, line: CaptureLine | None, offset: int, after: int) -> None:
        if not isinstance(line, (RequestLine, ResponseLine, ChunkLine, EndLine)):
            return
        seen = self._run(line.run, offset)
        seen.after = max(seen.after, after)
        if isinstance(line, ChunkLine):
            seen.parts.add(offset, after)
            seen.size += len(line.data)
            seen.disordered |= line.t_ns < seen.last_ns
            seen.last_ns = max(seen.last_ns, line.t_ns)
        elif isinstance(line, RequestLine):
            self._note_request(seen, line)
        elif isinstance(line, ResponseLine):
            seen.response = seen.response or line
        else:
            seen.end = seen.end or line

    def _note_request(self, seen: _Seen, line: RequestLine) -> None:
        if seen.request is not None:
            return
        seen.request = line
        if line.like is None:
            seen.body = line.body
        else:
            earlier = self.runs.get(line.like.run)
            if earlier is not None and earlier.body is None and earlier.stored is not None:
                # From now on it is kept: what requests have in common they share.
                earlier.body = earlier.stored()
            try:
                seen.body = self._restorer.restore(
                    line.body, line.like, None if earlier is None else earlier.body
                )
            except CaptureError as error:
                seen.fault = str(error)


def load_capture(file: Readable) -> Loaded:
    """Return the runs of a capture, in the order in which they begin.

    Raises ImportFailure where it has none or is too new, OSError where it cannot be read.
    """
    checked = size_of(file) <= CHECKED_SIZE
    index = _Index(StoredRequests(file), checking=checked)
    with file.open("rb") as opened:
        try:
            index.read(opened)
        except UnknownVersion as error:
            raise ImportFailure(str(error)) from error
    warnings = _warnings(index, file)
    if not index.runs:
        detail = f": {warnings[0]}" if warnings else ""
        raise ImportFailure(f"nothing is recorded in this capture{detail}")
    several = len(index.runs) > 1
    found = [_recording(seen, file, checked, several) for seen in index.runs.values()]
    for recording in found:
        warnings += [
            f"run {one_line(recording.run)}: {text}" for text in fault_lines([*recording.faults])
        ]
    return Loaded(FORMAT, found, warnings)


def _warnings(index: _Index, file: Readable) -> list[str]:
    lines = lines_before(file, [offset for offset, _ in index.bad[:_SHOWN]])
    faults = [fault for _, fault in index.bad]
    warnings = [
        f"line {line + 1} left out: {fault}" for line, fault in zip(lines, faults, strict=False)
    ]
    if index.bad_count > len(warnings):
        warnings.append(f"{index.bad_count - len(warnings)} more lines left out")
    if index.torn:
        warnings.append("the last line breaks off and is left out")
    unknown = [seen for seen in index.runs.values() if seen.fault is not None]
    warnings += [
        f"run {one_line(seen.run)}: its request is left out: {one_line(seen.fault or '')}"
        for seen in unknown[:_SHOWN]
    ]
    if len(unknown) > _SHOWN:
        warnings.append(f"{len(unknown) - _SHOWN} more requests left out")
    for seen in index.runs.values():
        if seen.disordered:
            warnings.append(
                f"run {one_line(seen.run)}: times that go back are taken as standing still"
            )
    return warnings


def _recording(seen: _Seen, file: Readable, checked: bool, several: bool) -> Recording:
    """Return the recording of a run, called by its name where there are `several`."""
    request, response, end = seen.request, seen.response, seen.end
    body = CaptureBody(file, seen.run, seen.first, seen.after, seen.parts)
    stored = seen.stored if seen.body is None else None
    label = seen.run if several else ""
    recording = Recording(
        run=seen.run,
        title=title_for(file.name, label),
        chunks=body.chunks,
        body=body,
        request=_request_of(seen),
        stored=stored,
        at_ns=None if request is None else request.at_ns,
        timed=request is None or request.timed,
        how="interrupted" if end is None else end.how,
        error=_NO_END if end is None else end.error,
        end_ns=None if end is None else max(end.t_ns, seen.last_ns),
        size=seen.size if checked else None,
        method=(request.method if request is not None else None) or "POST",
        url=None if request is None else request.url,
        headers={} if request is None else request.headers,
        status=None if response is None else response.status,
        response_headers={} if response is None else response.headers,
        response_ns=0 if response is None else response.t_ns,
    )
    kind = header_of(recording.response_headers, "content-type")
    if CONTENT_TYPE in kind:
        return _as_events(recording)
    if response is not None and "json" in kind and response.status < _ERRORS:
        return _as_stream(recording, response.status, title_for(file.name, label, False))
    return recording


def _request_of(seen: _Seen) -> JsonObject | None:
    if seen.body is None and seen.stored is not None:
        return when_looked_at(seen.stored)
    return seen.body if isinstance(seen.body, dict) else None


def _as_stream(recording: Recording, status: int, title: str) -> Recording:
    """Return a recording of an answer that did not stream as the stream it would have been."""

    def chunks() -> Iterator[Chunk]:
        body = AnswerBody(status, recording.response_headers, recording.url)
        t_ns = 0
        for t_ns, data in recording.chunks():
            if events := body.feed(data):
                yield Chunk(t_ns, events)
        if rest := body.close():
            yield Chunk(t_ns, rest)

    size = None if recording.size is None else sum(len(data) for _, data in chunks())
    return replace(
        recording,
        title=title,
        request=_as_late(recording),
        body=None,
        chunks=chunks,
        raw=recording.chunks,
        size=size,
        streamed=False,
    )


def _as_late(recording: Recording) -> JsonObject | None:
    """Return the request for a copy, without a look at it where it is left in the file."""
    return recording.request if recording.stored is None else when_looked_at(recording.stored)


def _as_events(recording: Recording) -> Recording:
    """Return a recording of a binary event stream as one of the events in it."""
    size: int | None = None
    unwrapper = Unwrapper()
    if recording.size is not None:
        size = sum(len(unwrapper.feed(data)) for _, data in recording.chunks())
        size += len(unwrapper.close())
    return replace(
        recording,
        request=_as_late(recording),
        # Its bytes are not those of the file: none of them can be read there again.
        body=None,
        raw=recording.chunks,
        chunks=lambda: unwrapped(recording.chunks()),
        size=size,
        faults=tuple(unwrapper.faults),
    )
