"""Standard input, and other pipes: streams are drawn as they arrive, other formats read whole."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Final, Literal, Protocol, TypeVar

from tui.captures.event_list import EventLines, is_event
from tui.captures.eventstream import Unwrapper, looks_like_eventstream
from tui.captures.in_memory_file import InMemoryFile
from tui.captures.json_values import BOM, parse_object
from tui.captures.sniffing import HEAD, is_stream_start, sniff_format
from tui.core.records import Chunk
from tui.core.sniff import looks_like_events
from tui.sources import Source, SourceInfo
from tui.sources.replay import Begun, PipeSource

T = TypeVar("T")
Read = Callable[[int], bytes]
"""Takes a size; waits for bytes, and returns b"" at the end. May raise OSError."""
PipeLayout = Literal["stream", "eventstream", "lines", "whole"]
_READ: Final = 65_536
_ENOUGH: Final = 12
"""Bytes that tell whether a binary event stream begins."""
_LOOKS: Final = 1_000
"""After so many looks at what came so far there is one only when it has doubled."""


class Translator(Protocol):
    """Turns bytes, cut anywhere, into those of an event stream. Never raises."""

    @property
    def problems(self) -> list[str]:
        """Lines on what could not be read."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Take some bytes; return the events that they complete."""
        ...

    def close(self) -> bytes:
        """Return what is left at the end."""
        ...


class TranslatedSource:
    """A pipe in another format, drawn as it arrives."""

    def __init__(self, pipe: PipeSource, translator: Translator) -> None:
        self._pipe = pipe
        self._translator = translator

    @property
    def info(self) -> SourceInfo:
        """That of the pipe."""
        return self._pipe.info

    @property
    def sent_ns(self) -> int | None:
        """When reading began."""
        return self._pipe.sent_ns

    @property
    def damage(self) -> tuple[str, str] | None:
        """What could not be read."""
        problems = self._translator.problems
        if not problems:
            return None
        return "part of the input could not be read", "\n".join(problems)

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the events that each read completes. Raises SourceEnded where reading fails."""
        t_ns = 0
        async for t_ns, data in self._pipe.chunks():
            events = self._translator.feed(data)
            if events:
                yield Chunk(t_ns, events)
        rest = self._translator.close()
        if rest:
            yield Chunk(t_ns, rest)

    async def aclose(self) -> None:
        """Take no more reads."""
        await self._pipe.aclose()


TRANSLATORS: Final[dict[PipeLayout, Callable[[], Translator]]] = {
    "eventstream": Unwrapper,
    "lines": EventLines,
}


def layout_of(head: bytes, *, ended: bool) -> PipeLayout | None:
    """Tell how a pipe is to be read by what came so far, None where that does not say yet.

    `whole`: all of it has to be there before it can be understood.
    """
    start = head.removeprefix(BOM).lstrip()
    ended = ended or len(head) >= HEAD
    if is_stream_start(start):
        return "stream"
    if start[:1] in (b"{", b"["):
        return _layout_of_json(start, ended=ended)
    if len(head) >= _ENOUGH and looks_like_eventstream(head):
        return "eventstream"
    if sniff_format(head, "") != "body":
        return "whole"
    # Text before the first field, such as the head of a response, does no harm.
    lines = head[: head.rfind(b"\n") + 1]
    return "stream" if ended or (lines and looks_like_events(lines)) else None


def _layout_of_json(start: bytes, *, ended: bool) -> PipeLayout | None:
    """Lines that are events can be drawn as they arrive; nothing else in JSON can."""
    lines = start.split(b"\n")
    if not ended:
        lines.pop()
    for line in lines:
        value = parse_object(line) if line.strip() else {}
        if value is None:
            return "whole"
        if is_event(value):
            return "lines"
        if value and sniff_format(line, "") != "events":
            return "whole"
    return "whole" if ended else None


async def waited_for(work: Callable[[], T]) -> T:
    """Do work that may wait for ever in a thread that does not keep the program from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def post(settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # The loop is gone, and so is whoever waited.
            loop.call_soon_threadsafe(lambda: None if done.done() else settle())

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            post(partial(done.set_exception, error))
        else:
            post(partial(done.set_result, result))

    threading.Thread(target=run, name="waiting", daemon=True).start()
    return await done


def piped(
    read: Read,
    title: str,
    *,
    now: Callable[[], int] = time.monotonic_ns,
) -> Source | InMemoryFile:
    """Return the source for a pipe, or all of it where it has to be read whole.

    Waits until the first bytes have told what it is. Raises OSError where it cannot be read.
    """
    begun = Begun(now(), [])
    head = bytearray()
    layout: PipeLayout | None = None
    looks = following = 0
    while layout is None:
        data = read(_READ)
        if data:
            begun.reads.append(Chunk(now() - begun.start_ns, data))
            head += data
        if not data or len(head) >= following or (b"\n" in data and looks < _LOOKS):
            layout = layout_of(bytes(head), ended=not data)
            looks, following = looks + 1, 2 * len(head)
        if not data:
            layout = layout or "stream"
    if layout == "whole":
        while data and (data := read(_READ)):
            head += data
        return InMemoryFile(bytes(head), title)
    source = PipeSource(read, now, title=title, begun=begun)
    make = TRANSLATORS.get(layout)
    return source if make is None else TranslatedSource(source, make())
