"""What can be asked to go wrong with a response of the mock."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from dataclasses import replace as altered
from typing import Any, Final

from tui.mock import byte_faults, event_faults
from tui.mock.event_faults import HALF_WAY
from tui.mock.playback import Plan
from tui.scenarios import Scenario

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
    | `invalid-json`, `invalid-json:3` | a tool's input broken half-way, or by its 3rd fragment |
    | `no-usage`, `no-event-names` | no `usage` anywhere, no `event:` lines |
    | `other-model`, `other-model:NAME` | another model answers |
    | `fragments:900` | deltas are joined until they have 900 characters |
    | `hold-tools`, `hold-tools:5` | a tool's input comes when it is whole, or 5 s after that |
    | `bunch:20` | 20 events a write |
    | `buffer` | all in one write, at the end |
    | `compress` | packed with gzip, whether that was asked for or not |
    | `cut:500`, `eof:500` | the connection breaks, or the response ends, after 500 bytes |
    | `stall:5`, `slow-start:5` | a silence of 5 seconds half-way, or before the first byte |
    | `linger:5` | the connection stays open for 5 seconds after the last byte |
    | `garbage` | bytes that are no event, half-way |
    | `chunk:7` | the same bytes in chunks of 7 |
    """

    status: int | None = None
    retry_after: str | None = None
    fail: int | None = None
    overloaded: int | None = None
    invalid_json: int | None = None
    no_usage: bool = False
    no_event_names: bool = False
    other_model: str | None = None
    fragments: int | None = None
    hold_tools: float | None = None
    bunch: int | None = None
    buffer: bool = False
    compress: bool = False
    cut: int | None = None
    eof: int | None = None
    stall: float = 0.0
    slow_start: float = 0.0
    linger: float = 0.0
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
        chunks, how, duration_ns = scenario.chunks, scenario.how, scenario.duration_ns
        if self.overloaded is not None:
            chunks, how = event_faults.overloaded(chunks, self.overloaded, request_id), "eof"
            duration_ns = chunks[-1].t_ns
        if self.invalid_json is not None:
            chunks = event_faults.with_invalid_json(chunks, self.invalid_json)
        if self.no_usage:
            chunks = event_faults.without_usage(chunks)
        if self.other_model is not None:
            chunks = event_faults.from_model(chunks, self.other_model)
        if self.fragments is not None:
            chunks = event_faults.in_fragments(chunks, self.fragments)
        if self.hold_tools is not None and chunks:
            last_ns = chunks[-1].t_ns
            chunks = event_faults.tools_held(chunks, _ns(self.hold_tools))
            duration_ns += chunks[-1].t_ns - last_ns
        if self.bunch is not None:
            chunks = event_faults.bunched(chunks, self.bunch)
        if self.no_event_names:
            chunks = event_faults.without_names(chunks)
        if chunks is scenario.chunks:
            return scenario
        return altered(scenario, chunks=chunks, how=how, duration_ns=duration_ns)

    def apply(self, plan: Plan, headers: MutableMapping[str, str]) -> Plan:
        """`plan` with these faults in it; the headers are those of its response."""
        chunks, how, end_ns = plan
        if self.garbage and chunks:
            chunks = byte_faults.with_garbage(chunks)
        if self.buffer and chunks:
            chunks = byte_faults.buffered(chunks)
        if self.compress and chunks:
            chunks = byte_faults.packed(chunks)
            headers["content-encoding"] = "gzip"
        if self.chunk is not None:
            chunks = byte_faults.rechunked(chunks, self.chunk)
        if self.stall or self.slow_start:
            chunks = byte_faults.later(chunks, _ns(self.slow_start), _ns(self.stall))
            end_ns += _ns(self.slow_start + self.stall)
        for limit, ending in ((self.eof, "eof"), (self.cut, "reset")):
            if limit is not None and sum(len(chunk.data) for chunk in chunks) > limit:
                chunks = byte_faults.limited(chunks, limit)
                how = "eof" if ending == "eof" else "reset"
                end_ns = chunks[-1].t_ns if chunks else end_ns
        return Plan(chunks, how, end_ns + _ns(self.linger))


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


def _positive_or_half(text: str) -> int:
    return _positive(text) if text else HALF_WAY


def _seconds_or_none(text: str) -> float:
    return _seconds(text) if text else 0.0


def _printable_or_any(text: str) -> str:
    return _printable(text) if text else ""


_PARSERS: Final[dict[str, Callable[[str], object]]] = {
    "status": _error_status,
    "retry-after": _printable,
    "fail": _positive,
    "overloaded": _natural_or_half,
    "invalid-json": _positive_or_half,
    "no-usage": _flag,
    "no-event-names": _flag,
    "other-model": _printable_or_any,
    "fragments": _positive,
    "hold-tools": _seconds_or_none,
    "bunch": _positive,
    "buffer": _flag,
    "compress": _flag,
    "cut": _natural,
    "eof": _natural,
    "stall": _seconds,
    "slow-start": _seconds,
    "linger": _seconds,
    "garbage": _flag,
    "chunk": _positive,
}


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
