"""Imports stream events as an SDK or a command printed them, in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from tui.captures.in_memory_file import Readable
from tui.captures.json_values import BOM, parse, values_of
from tui.captures.message_events import as_name, wire_event
from tui.captures.recording import Loaded, NoStreams, Recording
from tui.core.records import Chunk, JsonObject
from tui.core.reducer import HANDLERS
from tui.core.report import dumps

FORMAT: Final = "JSON events"
NOT_AN_EVENT: Final = "not a JSON object with a type"
_BATCH: Final = 1 << 16
_SHOWN: Final = 3
_OTHER: Final = frozenset({"system", "user", "assistant", "result", "rate_limit_event"})
"""What `claude --output-format stream-json` prints besides events."""
_KNOWN: Final = frozenset(HANDLERS) - {"ping", "error"}
"""What there must be one of, or an error, for a file of typed objects to be a stream."""


_CERTAIN: Final = frozenset(HANDLERS) - {"error"}
"""What no other file has: an error by itself can be the body of a response."""


def event_of(value: object) -> JsonObject | None:
    """Return the event that a JSON value is or wraps, empty for another line of such a log.

    None for what is neither. Wrapped is it as `{"type": "stream_event", "event": {...}}`, and as
    the parts of a server-sent event: `{"event": "ping", "data": {...}}`, the data perhaps as text.
    """
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    if kind == "stream_event":
        return _typed(value.get("event"))
    if isinstance(kind, str):
        return {} if kind in _OTHER else value
    if not isinstance(value.get("event"), str):
        return None
    data = value.get("data")
    if not isinstance(data, str):
        return _typed(data)
    try:
        return _typed(parse(data.encode("utf-8", "replace")))
    except ValueError:
        return {} if data.strip() == "[DONE]" else None


def _typed(value: object) -> JsonObject | None:
    return value if isinstance(value, dict) and isinstance(value.get("type"), str) else None


def is_event(value: object) -> bool:
    """Whether a JSON value is an event of the Messages API, and can be nothing else."""
    if isinstance(value, dict) and value.get("type") == "stream_event":
        return True
    event = event_of(value)
    return bool(event) and (event or {}).get("type") in _CERTAIN


def is_known(event: JsonObject) -> bool:
    """Whether an event makes a file of typed objects a stream."""
    kind = event["type"]
    return kind in _KNOWN or (kind == "error" and isinstance(event.get("error"), dict))


def line_as_wire(line: bytes) -> bytes | None:
    """Return the event on a line as on the wire; empty where it has another line, None for none."""
    try:
        value = parse(line)
    except ValueError:
        return None
    return _as_wire(value, line)


class EventLines:
    """Turns lines of events, cut anywhere, into server-sent events. Never raises."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._line = 0
        self._bad: list[int] = []
        self._bad_count = 0

    @property
    def problems(self) -> list[str]:
        """Lines on what was left out."""
        told = [f"line {line} left out: {NOT_AN_EVENT}" for line in self._bad]
        more = self._bad_count - len(told)
        return [*told, f"{more} more left out"] if more else told

    def feed(self, data: bytes) -> bytes:
        """Take some bytes; return the events that they complete."""
        self._held += data
        if b"\n" not in data:
            return b""
        lines = self._held.split(b"\n")
        self._held = lines.pop()
        return b"".join(map(self._event, lines))

    def close(self) -> bytes:
        """Return the event on a last line that has no end."""
        rest, self._held = self._held, bytearray()
        return self._event(rest)

    def _event(self, line: bytes | bytearray) -> bytes:
        self._line += 1
        if not line.strip():
            return b""
        event = line_as_wire(bytes(line))
        if event is None:
            self._bad_count += 1
            if len(self._bad) < _SHOWN:
                self._bad.append(self._line)
        return event or b""


def _as_wire(value: object, raw: bytes | None) -> bytes | None:
    event = event_of(value)
    if not event:
        return None if event is None else b""
    # One that is not wrapped is kept as it was written.
    kept = raw if event is value else None
    data = dumps(event).encode() if kept is None else kept.strip().removeprefix(BOM)
    return wire_event(as_name(event["type"]), data)


def load_events(file: Readable) -> Loaded:
    """Return the stream in a file of events, as server-sent events again.

    Raises ImportFailure, and OSError where the file cannot be read.
    """
    warnings: list[str] = []
    bad = size = 0
    found = False
    kept: list[bytes] = []
    for each in values_of(file):
        place, value, raw = each
        event = event_of(value)
        if event is None:
            bad += 1
            if bad <= _SHOWN:
                warnings.append(f"{place} left out: {NOT_AN_EVENT}")
        elif event:
            found = found or is_known(event)
            data = _as_wire(value, raw) or b""
            size += len(data)
            if not each.on_a_line:
                kept.append(data)
    if bad > _SHOWN:
        warnings.append(f"{bad - _SHOWN} more left out")
    if not found:
        detail = f": {warnings[0]}" if warnings else ""
        raise NoStreams(f"no stream events in this file{detail}")
    # Lines are read again, which takes no memory; the whole file would be parsed again.
    chunks = partial(iter, list(_batches(kept))) if kept else partial(_chunks, file)
    recording = Recording("r1", file.name, chunks, size=size, bare=True)
    return Loaded(FORMAT, [recording], warnings)


def _chunks(file: Readable) -> Iterator[Chunk]:
    return _batches(_as_wire(value, raw) or b"" for _, value, raw in values_of(file))


def _batches(events: Iterable[bytes]) -> Iterator[Chunk]:
    held = bytearray()
    for event in events:
        held += event
        if len(held) >= _BATCH:
            yield Chunk(0, bytes(held))
            held.clear()
    if held:
        yield Chunk(0, bytes(held))
