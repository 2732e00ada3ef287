"""What can be asked to go wrong with a response of the mock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import replace as altered
from typing import Any, Final

from tui.core.records import Chunk, EventRecord
from tui.mock.playback import Plan
from tui.mock.splice import Edit, cut, frame, part_of, read, replace, spliced
from tui.scenarios import Scenario

GARBAGE: Final = b"\xff\xfe\x00 not an event \xc3\n\nevent: content_block_delta\ndata: {]\n\n"


HALF_WAY: Final = -1
_LONGEST_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Faults:
    """What was asked to go wrong with an answer.

    Written as `name` or `name:value`, several with `;` between them. Times are in real seconds,
    whatever the speed. `alter` changes the events of an answer, `apply` its bytes and times.

    | fault | what happens |
    |---|---|
    | `status:429` | the request fails with this status |
    | `retry-after:2` | ... and this header |
    | `fail:2` | only the first 2 requests with this body do; by itself with 529 |
    | `overloaded`, `overloaded:5` | an error event half-way, or after 5 content deltas |
    | `fragments:900` | deltas are joined until they have 900 characters |
    | `cut:500`, `eof:500` | the connection breaks, or the response ends, after 500 bytes |
    | `stall:5`, `slow-start:5` | a silence of 5 seconds half-way, or before the first byte |
    | `garbage` | bytes that are no event, half-way |
    | `chunk:7` | the same bytes in chunks of 7 |
    """

    status: int | None = None
    retry_after: str | None = None
    fail: int | None = None
    overloaded: int | None = None
    fragments: int | None = None
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

    def alter(self, scenario: Scenario, request_id: str) -> Scenario:
        """The scenario with these faults among its events."""
        if self.overloaded is not None:
            chunks = _overloaded(scenario.chunks, self.overloaded, request_id)
            scenario = altered(scenario, chunks=chunks, how="eof", duration_ns=chunks[-1].t_ns)
        if self.fragments is not None:
            scenario = altered(scenario, chunks=_in_fragments(scenario.chunks, self.fragments))
        return scenario

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


def _overloaded(chunks: tuple[Chunk, ...], after: int, request_id: str) -> tuple[Chunk, ...]:
    records = read(chunks)
    deltas = [at for at, record in enumerate(records) if part_of(record) is not None]
    after = len(deltas) // 2 if after == HALF_WAY else after
    if after < len(deltas):
        at = deltas[after]
    else:
        # Fewer deltas than that: after the last of them, and in any case before the end.
        ends = (at for at, record in enumerate(records) if record.type == "message_delta")
        at = deltas[-1] + 1 if deltas else next(ends, len(records))
    offset = records[at].offset if at < len(records) else sum(len(data) for _, data in chunks)
    error = {"details": None, "type": "overloaded_error", "message": "Overloaded"}
    return cut(chunks, offset, frame({"type": "error", "error": error, "request_id": request_id}))


def _in_fragments(chunks: tuple[Chunk, ...], least: int) -> tuple[Chunk, ...]:
    edits: list[Edit] = []
    held: dict[int, list[EventRecord]] = {}  # by block: they may take turns
    texts: dict[int, str] = {}

    def join(index: int) -> None:
        """Put the text of all that a block holds where the last of it was."""
        records, text = held.pop(index, []), texts.pop(index, "")
        if len(records) < 2 or (piece := part_of(records[-1])) is None:
            return
        edits.extend(replace(record, b"") for record in records[:-1])
        delta = {"type": piece.kind, piece.field: text}
        edits.append(replace(records[-1], frame({**(records[-1].payload or {}), "delta": delta})))

    for record in read(chunks):
        piece, index = part_of(record), record.block_index
        if piece is None:
            # What belongs to no block ends them all, but for a ping, which may be anywhere.
            for at in list(held) if index < 0 and record.type != "ping" else [index]:
                join(at)
            continue
        if index in held and (last := part_of(held[index][-1])) and last.kind != piece.kind:
            join(index)
        held.setdefault(index, []).append(record)
        texts[index] = texts.get(index, "") + piece.text
        if len(texts[index]) >= least:
            join(index)
    for index in list(held):
        join(index)
    return spliced(chunks, edits)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= _LONGEST_S:
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


def _natural_or_half(text: str) -> int:
    return _natural(text) if text else HALF_WAY


_PARSERS: Final[dict[str, Callable[[str], object]]] = {
    "status": _error_status,
    "retry-after": _printable,
    "fail": _positive,
    "overloaded": _natural_or_half,
    "fragments": _positive,
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
