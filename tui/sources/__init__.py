"""Where the bytes of a run come from: one protocol for demos, files, pipes and live calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from tui.core.late import late
from tui.core.records import Chunk

__all__ = [
    "Answer",
    "Answered",
    "Awaited",
    "Damaged",
    "EndedHow",
    "Opened",
    "OpenedStream",
    "Opening",
    "Source",
    "SourceEnded",
    "SourceFactory",
    "SourceInfo",
    "SourceKind",
    "Unopened",
    "Unreadable",
]

SourceKind = Literal["demo", "file", "stdin", "live", "followed"]
"""Of these, what is `followed` is somebody else's, and read while it is written."""
EndedHow = Literal["reset", "timeout", "refused", "cancelled", "interrupted", "http_error"]


@late("prompt", "request")
@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before its first byte."""

    title: str
    prompt: str | None
    request: dict[str, Any] | None
    """The body of the request, where it is known."""
    kind: SourceKind
    timed: bool
    """Whether the chunks' times are real, so that latencies can be measured from them."""
    paced: bool
    """Whether the reader has to wait for each chunk's time; False when chunks come as they come."""
    size: int | None = None
    """Bytes of the whole body, where they are known before."""
    read_share: Callable[[], float] | None = None
    """Tells how much of it was read, 0 to 1, where the size is not known before."""
    read_at: Callable[[int, int], bytes] | None = None
    """Reads bytes of the body again, by offset and length; None where they have to be kept."""
    at_ns: int | None = None
    """The time of day of the request, in nanoseconds since 1970, where a file tells it."""
    url: str | None = None
    """Where the request goes, where that is known."""
    resolution_ns: int = 1
    """How coarse the chunks' times are."""
    bare: bool = False
    """Whether the source has events alone: how they stood on the wire is not known."""


class Source(Protocol):
    """A response body as timed chunks."""

    @property
    def info(self) -> SourceInfo:
        """What the source is."""
        ...

    @property
    def sent_ns(self) -> int | None:
        """When the request was sent, on the source's monotonic clock; None before, and for replays.

        The zero of the chunks' times.
        """
        ...

    def chunks(self) -> AsyncIterator[Chunk]:
        """Yield each read of the body, in order of time.

        To run out is the clean end of the body, whether or not the message in it was complete.
        Raises SourceEnded when the body ends in any other way.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and files. May be called at any time, and more than once."""
        ...


SourceFactory = Callable[[], Source]
"""Makes a source anew, so that it can be read again."""


class OpenedStream(NamedTuple):
    """A stream in a file or a pipe."""

    source: SourceFactory
    again: SourceFactory
    """Has it played, whether it is loaded at first or not."""


class Opened(NamedTuple):
    """What is in one file or pipe."""

    name: str
    streams: list[OpenedStream]
    """One that says what is wrong, where it cannot be read; none where it holds none."""
    warnings: Sequence[str] = ()
    """What was left out of it."""
    problem: OSError | ValueError | None = None
    """Why it cannot be read."""


Opening = Iterator[Opened]
"""Looks into files, one at each step; or waits until a pipe tells what it holds. Raises nothing."""


class Answer(NamedTuple):
    """The head of a response, and that of the request it answers."""

    t_ns: int
    """Nanoseconds since the request was sent."""
    status: int
    headers: Mapping[str, str]
    sent_headers: Mapping[str, str] = {}
    """The headers of the request, as they were sent: secrets included."""


@runtime_checkable
class Answered(Protocol):
    """A source that knows the head of its response."""

    @property
    def answer(self) -> Answer | None:
        """The head of the response, None before there is one."""
        ...


@runtime_checkable
class Damaged(Protocol):
    """A source that tells what of its file it could not read."""

    @property
    def damage(self) -> tuple[str, str] | None:
        """How much is missing, in a few words, and what it was; None as long as nothing is."""
        ...


class SourceEnded(Exception):
    """The body did not end by itself; what arrived before stays valid."""

    # A record that can be raised: every parameter is one of its fields.
    def __init__(
        self,
        how: EndedHow,
        label: str,
        detail: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{label}: {detail}" if detail else label)
        self.how: EndedHow = how
        self.label = label
        """A few words, such as `Connection lost`."""
        self.detail = detail
        """One line that says more; may be empty."""
        self.status = status
        """The HTTP status, when there was a response."""
        self.request_id = request_id
        self.retryable = retryable
        """Whether sending the request again can help; None when nobody can tell."""
        self.retry_after_s = retry_after_s
        """How long the API asks to wait before the next call."""
        self.error = error
        """What the API says of it: type, message, details."""


class Unreadable(Exception):
    """There is nothing to read at all; the message is one line that says why."""


class Unopened:
    """Stands for what could not be read at all; its run says why."""

    def __init__(self, title: str, why: str) -> None:
        self.info = SourceInfo(
            title=title, prompt=None, request=None, kind="file", timed=False, paced=False
        )
        self.sent_ns: int | None = None
        self.why = why

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Raise Unreadable."""
        none: tuple[Chunk, ...] = ()
        for chunk in none:
            yield chunk
        raise Unreadable(self.why)

    async def aclose(self) -> None:
        """Nothing is open."""


class Awaited:
    """Stands for what has not come yet; nothing ever comes from it."""

    def __init__(self, title: str) -> None:
        self.info = SourceInfo(
            title=title, prompt=None, request=None, kind="followed", timed=True, paced=False
        )
        self.sent_ns: int | None = None

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield nothing."""
        none: tuple[Chunk, ...] = ()
        for chunk in none:
            yield chunk

    async def aclose(self) -> None:
        """Nothing is open."""
