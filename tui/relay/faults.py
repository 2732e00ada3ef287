"""What a client can ask to go wrong with a response of the mock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tui.core.records import Chunk
from tui.relay.playback import Plan

GARBAGE: Final = b"\xff\xfe\x00 not an event \xc3\n\nevent: content_block_delta\ndata: {]\n\n"


@dataclass(frozen=True, slots=True)
class Faults:
    """What a client asked to go wrong, from the header `x-streamscope-fault`.

    Written as `name` or `name:value`, several with `;` between them. Times are in real seconds,
    whatever the speed.
    """

    status: int | None = None
    retry_after: str | None = None
    cut: int | None = None
    eof: int | None = None
    stall: float = 0.0
    slow_start: float = 0.0
    garbage: bool = False
    chunk: int | None = None

    @classmethod
    def parse(cls, header: str) -> Faults:
        """The faults in `header`. Raises ValueError with the part that is not understood."""
        values: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in header.split(";"))):
            name, _, value = part.partition(":")
            try:
                values[name.strip().replace("-", "_")] = _PARSERS[name.strip()](value.strip())
            except (KeyError, ValueError):
                known = ", ".join(_PARSERS)
                raise ValueError(f"no such fault: {part!r} (there are: {known})") from None
        return cls(**values)

    def apply(self, plan: Plan) -> Plan:
        """`plan` with these faults in it."""
        chunks, how, end_ns = plan
        if self.garbage and chunks:
            middle = len(chunks) // 2
            extra = Chunk(chunks[middle].t_ns, GARBAGE)
            chunks = (*chunks[:middle], extra, *chunks[middle:])
        if self.chunk is not None:
            chunks = _rechunked(chunks, self.chunk)
        if self.stall or self.slow_start:
            first, later = _ns(self.slow_start), _ns(self.slow_start + self.stall)
            middle = max(1, len(chunks) // 2)
            chunks = tuple(
                Chunk(chunk.t_ns + (first if at < middle else later), chunk.data)
                for at, chunk in enumerate(chunks)
            )
            end_ns += later
        for limit, ending in ((self.eof, "eof"), (self.cut, "reset")):
            if limit is not None and sum(len(chunk.data) for chunk in chunks) > limit:
                chunks = _limited(chunks, limit)
                how = "eof" if ending == "eof" else "reset"
                end_ns = chunks[-1].t_ns if chunks else end_ns
        return Plan(chunks, how, end_ns)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(text)
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _error_status(text: str) -> int:
    value = int(text)
    if not 400 <= value <= 599:
        raise ValueError(text)
    return value


def _printable(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError(text)
    return text


def _flag(text: str) -> bool:
    if text:
        raise ValueError(text)
    return True


_PARSERS: Final[dict[str, Callable[[str], object]]] = {
    "status": _error_status,
    "retry-after": _printable,
    "cut": _natural,
    "eof": _natural,
    "stall": _seconds,
    "slow-start": _seconds,
    "garbage": _flag,
    "chunk": _positive,
}


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000_000)


def _rechunked(chunks: Sequence[Chunk], size: int) -> tuple[Chunk, ...]:
    out: list[Chunk] = []
    held = b""
    for chunk in chunks:
        held += chunk.data
        whole = len(held) - len(held) % size
        out += (Chunk(chunk.t_ns, held[at : at + size]) for at in range(0, whole, size))
        held = held[whole:]
    return (*out, Chunk(chunks[-1].t_ns, held)) if held else tuple(out)


def _limited(chunks: Sequence[Chunk], limit: int) -> tuple[Chunk, ...]:
    out: list[Chunk] = []
    for chunk in chunks:
        data = chunk.data[:limit]
        limit -= len(data)
        if data:
            out.append(Chunk(chunk.t_ns, data))
    return tuple(out)
