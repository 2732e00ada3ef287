"""Imports JSON lines: logs of claude-trace, and stream events as an SDK or a CLI printed them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from jiter import from_json

from tui.captures.recording import (
    Exchange,
    Gathering,
    Loaded,
    NoStreams,
    Recording,
    as_status,
    headers_of,
)
from tui.core.records import Chunk, JsonObject, strict_loads
from tui.core.reducer import HANDLERS
from tui.core.report import dumps

TRACE: Final = "claude-trace"
EVENTS: Final = "JSON lines of events"
_BOM: Final = b"\xef\xbb\xbf"
_NAME: Final = re.compile(r"[\w.\-]{1,100}", re.ASCII)
_BATCH: Final = 1 << 16
_SHOWN: Final = 3


def load_trace(path: Path) -> Loaded:
    """Return the answers in a claude-trace log: one pair of request and response a line.

    It has the time of each response, not of its events, so the recordings are untimed. Raises
    ImportFailure, and OSError where the file cannot be read.
    """
    gathering = Gathering(TRACE, path.name, "line")
    for line in _lines(path):
        if not line.strip():
            gathering.add(None)
            continue
        value = parse_object(line)
        if value is None:
            gathering.skip("not a JSON object")
            continue
        request, response = value.get("request"), value.get("response")
        if isinstance(request, dict) and response is None:
            gathering.skip("a request without its response")
        elif not isinstance(request, dict) or not isinstance(response, dict):
            gathering.skip("it has no request and response")
        else:
            gathering.add(_exchange(request, response))
    return gathering.loaded()


def _exchange(request: JsonObject, response: JsonObject) -> Exchange:
    url, method = request.get("url"), request.get("method")
    raw = response.get("body_raw")
    body = raw.encode("utf-8", "replace") if isinstance(raw, str) else b""
    if not body and isinstance(response.get("body"), dict):
        body = dumps(response["body"]).encode()
    return Exchange(
        body=body,
        method=method if isinstance(method, str) else "POST",
        url=url if isinstance(url, str) else None,
        headers=headers_of(request.get("headers")),
        request=request.get("body"),
        status=as_status(response.get("status_code", response.get("status"))),
        response_headers=headers_of(response.get("headers")),
    )


def load_events(path: Path) -> Loaded:
    """Return the stream in a file with one event object a line, as server-sent events again.

    The lines may be wrapped as `{"type": "stream_event", "event": {...}}`, among other lines, as
    `claude --output-format stream-json` prints them. Raises ImportFailure, and OSError.
    """
    warnings: list[str] = []
    bad = size = 0
    found = False
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        event = _event(line)
        if event is None:
            bad += 1
            if bad <= _SHOWN:
                warnings.append(f"line {number} left out: not a JSON object with a type")
        elif event:
            found = found or event.startswith(_KNOWN)
            size += len(event)
    if bad > _SHOWN:
        warnings.append(f"{bad - _SHOWN} more lines left out")
    if not found:
        detail = f": {warnings[0]}" if warnings else ""
        raise NoStreams(f"no stream events in this file{detail}")
    recording = Recording("r1", path.name, partial(_event_chunks, path), size=size, bare=True)
    return Loaded(EVENTS, [recording], warnings)


def _event_chunks(path: Path) -> Iterator[Chunk]:
    held = bytearray()
    for line in _lines(path):
        held += _event(line) or b""
        if len(held) >= _BATCH:
            yield Chunk(0, bytes(held))
            held.clear()
    if held:
        yield Chunk(0, bytes(held))


def _event(line: bytes) -> bytes | None:
    """Return a line's event as it would be on the wire, empty for another line of such a log."""
    value = parse_object(line)
    kind = None if value is None else value.get("type")
    if value is None or not isinstance(kind, str):
        return None
    data = line.strip().removeprefix(_BOM)
    if kind == "stream_event":
        event = value.get("event")
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            return None
        kind, data = event["type"], dumps(event).encode()
    elif kind in _OTHER:
        return b""
    # A CR outside of strings is a blank to JSON, and would end the line of an event stream.
    data = data.replace(b"\r", b" ")
    name = f"event: {kind}\n".encode() if _NAME.fullmatch(kind) else b""
    return name + b"data: " + data + b"\n\n"


_KNOWN: Final = tuple(
    f"event: {kind}\n".encode() for kind in HANDLERS if kind not in ("ping", "error")
)
"""How a line begins without which a file of typed objects is no stream."""
_OTHER: Final = frozenset({"system", "user", "assistant", "result", "rate_limit_event"})
"""What `claude --output-format stream-json` prints besides events."""


def parse_object(line: bytes) -> JsonObject | None:
    """Return a line's JSON object, None where it holds none."""
    try:
        value = from_json(line, allow_inf_nan=False)
    except ValueError:
        try:
            value = strict_loads(line.removeprefix(_BOM).decode("utf-8"))
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
