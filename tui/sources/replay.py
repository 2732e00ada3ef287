"""Streams that were recorded or are piped in: files and standard input."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol, runtime_checkable

from tui.core.records import Batch, Chunk
from tui.core.sse import Decoder
from tui.sources import SourceEnded, SourceInfo

LARGE: Final = 8_000_000
"""Bytes from which on a file is loaded instead of played."""
_READ: Final = 65_536
_LONGEST_NS: Final = 30_000_000_000
_FIRST_NS: Final = 400_000_000
_CONTENT_NS: Final = 24_000_000
_OTHER_NS: Final = 60_000_000
_GROUP_NS: Final = 4_000_000
_QUEUE: Final = 64


@runtime_checkable
class Batched(Protocol):
    """A source that can hand over many chunks at once, for a reader who waits for none of them."""

    def batches(self) -> AsyncIterator[Batch]:
        """Yield the chunks that `chunks` would, and end as it does."""
        ...


class FileSource:
    """A file with the bytes of a response body, without times: played at a made-up pace, or loaded.

    Raises OSError where the file cannot be opened.
    """

    def __init__(self, path: Path, *, title: str = "", played: bool = True) -> None:
        """`title` stands for its name."""
        self._path = path
        self._size = path.stat().st_size
        self._played = played
        self.sent_ns: int | None = None
        self._closed = False
        with path.open("rb"):
            pass  # An unreadable file must fail here, before there is a screen.
        self.info = SourceInfo(
            title=title or path.name,
            prompt=None,
            request=None,
            kind="file",
            timed=False,
            paced=played,
            size=None if played else self._size,
        )

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the file cut at its events, or in blocks. Raises SourceEnded if unreadable."""
        try:
            with self._path.open("rb") as file:
                blocks = iter(lambda: file.read(_READ), b"")
                loaded = (Chunk(0, block) for block in blocks)
                for chunk in synthetic_chunks(blocks, self._size) if self._played else loaded:
                    if self._closed:
                        return
                    yield chunk
        except OSError as error:
            raise SourceEnded("interrupted", "Cannot read the file", str(error)) from error

    async def aclose(self) -> None:
        """Stop before the next chunk."""
        self._closed = True


class LargeFileSource:
    """A file too large to be played: read as fast as it can be, its bytes left where they are.

    Raises OSError where the file cannot be opened.
    """

    def __init__(self, path: Path, *, title: str = "") -> None:
        """`title` stands for its name."""
        self._fd = os.open(path, os.O_RDONLY)
        # For as long as the source is held: its bytes are read again for drawing.
        weakref.finalize(self, os.close, self._fd)
        self.sent_ns: int | None = None
        self._closed = False
        self.info = SourceInfo(
            title=title or path.name,
            prompt=None,
            request=None,
            kind="file",
            timed=False,
            paced=False,
            size=os.fstat(self._fd).st_size,
            read_at=self._read_at,
        )

    def _read_at(self, offset: int, length: int) -> bytes:
        try:
            data = os.pread(self._fd, length, offset)
        except OSError:
            data = b""
        # What has been cut off the file since it was read is blank: the log has its extent.
        return data.ljust(length)

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the file in blocks. Raises SourceEnded if unreadable."""
        offset = 0
        try:
            while not self._closed and (block := os.pread(self._fd, _READ, offset)):
                offset += len(block)
                yield Chunk(0, block)
        except OSError as error:
            raise SourceEnded("interrupted", "Cannot read the file", str(error)) from error

    async def aclose(self) -> None:
        """Stop before the next block."""
        self._closed = True


def open_file(path: Path, *, title: str = "", played: bool = True) -> FileSource | LargeFileSource:
    """Return the source for a file of its size. Raises OSError where it cannot be opened."""
    if path.stat().st_size > LARGE:
        return LargeFileSource(path, title=title)
    return FileSource(path, title=title, played=played)


def synthetic_chunks(blocks: Iterator[bytes], size: int) -> Iterator[Chunk]:
    """Cut a body of `size` bytes at its events and give each a made-up time.

    Joined, the chunks are the body. Where there are too many events for the pace, it is quickened,
    so that all takes 30 s at most, and events that fall into the same 4 ms share a chunk.
    """
    decoder = Decoder()
    held = bytearray()  # bytes from `start` on, not yielded yet
    start = seen = 0
    t_ns = chunk_ns = 0
    paced = False
    for block in blocks:
        held += block
        frames = decoder.feed(block)
        gaps = [_CONTENT_NS if b"_delta" in frame.data else _OTHER_NS for frame in frames]
        pace = 1.0
        if gaps:
            if not paced:
                paced = True
                gaps[0] = _FIRST_NS
            # What is left of the time is shared out as if the rest were like this block.
            rest = sum(gaps) * max((size - seen) / len(block), 1.0)
            pace = min(pace, (_LONGEST_NS - t_ns) / rest)
        seen += len(block)
        for frame, gap in zip(frames, gaps, strict=True):
            t_ns += int(gap * pace)
            if t_ns - chunk_ns >= _GROUP_NS or not start:
                end = frame.offset + frame.length - start
                yield Chunk(t_ns, bytes(held[:end]))
                del held[:end]
                start += end
                chunk_ns = t_ns
        if not paced and len(held) >= _READ:
            # No events at all so far: nothing to pace by.
            yield Chunk(t_ns, bytes(held))
            start += len(held)
            held.clear()
    if held:
        yield Chunk(t_ns, bytes(held))


class Begun(NamedTuple):
    """What was read of a pipe to see what it is."""

    start_ns: int
    """When reading began, on the clock of the source; the zero of the reads' times."""
    reads: list[Chunk]


class PipeSource:
    """Bytes from a descriptor as they arrive, with the times at which they were read."""

    def __init__(
        self,
        read: Callable[[int], bytes],
        now: Callable[[], int] = time.monotonic_ns,
        *,
        title: str = "standard input",
        begun: Begun | None = None,
    ) -> None:
        """Take a blocking `read(size)` that returns b"" at the end, and what was read before."""
        self._read = read
        self._now = now
        self._begun = begun
        self.sent_ns: int | None = None
        self._closed = threading.Event()
        self._room = threading.Semaphore(_QUEUE)
        self.info = SourceInfo(
            title=title, prompt=None, request=None, kind="stdin", timed=True, paced=False
        )

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield each read. Raises SourceEnded where reading fails."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Chunk | OSError] = asyncio.Queue()
        begun = self._begun or Begun(self._now(), [])
        self._begun = None  # Its reads come once, as those that follow do.
        start = self.sent_ns = begun.start_ns
        for chunk in begun.reads:
            yield chunk

        def post(item: Chunk | OSError) -> bool:
            try:
                loop.call_soon_threadsafe(queue.put_nowait, item)
            except RuntimeError:  # The loop is gone, and so is the reader.
                return False
            return True

        def pull() -> None:
            while not self._closed.is_set():
                try:
                    data = self._read(_READ)
                except OSError as error:
                    post(error)
                    return
                chunk = Chunk(self._now() - start, data)
                self._room.acquire()
                if not post(chunk) or not data:
                    return

        # A daemon: a read that never returns must not keep the program from ending.
        threading.Thread(target=pull, name="stdin", daemon=True).start()
        while True:
            item = await queue.get()
            if isinstance(item, OSError):
                raise SourceEnded("interrupted", "Cannot read standard input", str(item))
            self._room.release()
            if not item.data:
                return
            yield item

    async def aclose(self) -> None:
        """Take no more reads; the one that is waiting ends with its pipe."""
        self._closed.set()
        self._room.release()
