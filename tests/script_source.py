"""A source that plays what a test wrote down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from tests import playbook as pb
from tui.core.records import Chunk, JsonObject
from tui.sources import SourceInfo, SourceKind


class ScriptSource:
    """Yields the chunks it was given, then ends, or raises `end`.

    `given` counts the chunks that were taken, `closed` the calls of `aclose`.
    """

    def __init__(
        self,
        chunks: Iterable[Chunk],
        *,
        paced: bool = True,
        timed: bool = True,
        kind: SourceKind = "demo",
        title: str = "script",
        prompt: str | None = None,
        request: JsonObject | None = None,
        end: BaseException | None = None,
        close: Exception | None = None,
    ) -> None:
        self.info = SourceInfo(title, prompt, request, kind, timed, paced)
        self.sent_ns: int | None = None
        self.given = 0
        self.closed = 0
        self._chunks = list(chunks)
        self._end = end
        self._close = close

    async def chunks(self) -> AsyncIterator[Chunk]:
        for chunk in self._chunks:
            self.given += 1
            yield chunk
        if self._end is not None:
            raise self._end

    async def aclose(self) -> None:
        self.closed += 1
        if self._close is not None:
            raise self._close


def one_each(events: Sequence[JsonObject | bytes], *times_ns: int) -> list[Chunk]:
    """An event a chunk, at these times; when the times run out, at the last of them."""
    rest = [times_ns[-1]] * (len(events) - len(times_ns))
    times = [*times_ns, *rest]
    return [Chunk(t, pb.wire(event)) for t, event in zip(times, events, strict=True)]
