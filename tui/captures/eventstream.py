"""Amazon's binary event stream, in which Bedrock wraps the events of the Messages API.

    4 bytes  length of the whole message     } the prelude
    4 bytes  length of the headers           }
    4 bytes  CRC-32 of the prelude so far
    headers  name length, name, type, value
    payload  for an event: {"bytes": base64 of an event's JSON, "p": padding}
    4 bytes  CRC-32 of all before

Numbers are big-endian. A message of the type `exception` or `error` is an error in the stream.
"""

from __future__ import annotations

import binascii
import re
import struct
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from zlib import crc32

from tui.captures.message_events import as_name, to_wire, wire_event
from tui.core.records import Chunk, JsonObject, strict_loads

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_PRELUDE: Final = struct.Struct(">III")
_SMALLEST: Final = _PRELUDE.size + 4
_LARGEST: Final = 1 << 25
"""More than any service sends: the format's own limit is 16 MiB a message, and 24 with it."""
_MOST_HEADERS: Final = 1 << 17
_PERHAPS: Final = re.compile(rb"(?=((?![\0]{3}[\0-\x0f])[\0\1].{3}[\0][\0\1]..)(.{4}))", re.DOTALL)
"""Lengths that a message can have, and their checksum: one pass, with little to do for each."""
_MARK: Final = b":message-type\x07"
_HEAD: Final = 4096
_FIXED: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Header values by type: how many bytes. 0 and 1 are true and false themselves."""
_SIZED: Final = frozenset({6, 7})
"""Header values that say their length themselves: bytes and text."""
_SHOWN: Final = 3


class Fault(NamedTuple):
    """Bytes that are no message."""

    offset: int
    detail: str


def looks_like_eventstream(head: bytes, content_type: str = "") -> bool:
    """Whether a body is such a stream: its first message says so, whatever it is called."""
    if len(head) >= _PRELUDE.size and _message_size(head, 0) is not None:
        return True
    return _MARK in head[:_HEAD] or (CONTENT_TYPE in content_type.lower() and b"\0" in head[:_HEAD])


def _message_size(data: bytes | bytearray, at: int) -> int | None:
    """Return the size of the message that begins at `at`, None where none does."""
    total, headers, checksum = _PRELUDE.unpack_from(data, at)
    if not _SMALLEST + headers <= total <= _LARGEST or headers > _MOST_HEADERS:
        return None
    return total if crc32(data[at : at + 8]) == checksum else None


class Unwrapper:
    """Turns the bytes of such a stream, cut anywhere, into server-sent events. Never raises."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._held = bytearray()
        self._offset = 0
        self._lost = False

    @property
    def problems(self) -> list[str]:
        """Lines on what could not be read."""
        return fault_lines(self.faults)

    def feed(self, data: bytes) -> bytes:
        """Take some bytes; return the events that they complete."""
        held = self._held
        held += data
        events: list[bytes] = []
        at = 0
        while len(held) - at >= _PRELUDE.size:
            size = _message_size(held, at)
            if size is None:
                at = self._search(at, events)
                continue
            self._lost = False
            if len(held) - at < size:
                break
            message = bytes(held[at : at + size])
            if crc32(message[:-4]) == int.from_bytes(message[-4:], "big"):
                events.append(_unwrapped(message))
            else:
                events.append(self._fault(at, "the checksum of a message is wrong"))
            at += size
        del held[:at]
        self._offset += at
        return b"".join(events)

    def close(self) -> bytes:
        """Return what is to be told of bytes that are left."""
        if not self._held or self._lost:
            return b""
        return self._fault(0, "the last message breaks off")

    def _search(self, at: int, events: list[bytes]) -> int:
        """Return where the next message may begin, which is after `at`.

        There is at most one checksum to compute for each byte that is passed over.
        """
        if not self._lost:
            self._lost = True
            events.append(self._fault(at, "no message begins here"))
        held = self._held
        after = len(held) - _PRELUDE.size + 1
        for found in _PERHAPS.finditer(held, at + 1):
            if crc32(found[1]) != int.from_bytes(found[2], "big"):
                continue
            if _message_size(held, found.start()) is not None:
                return found.start()
        return max(after, at + 1)

    def _fault(self, at: int, detail: str) -> bytes:
        fault = Fault(self._offset + at, detail)
        self.faults.append(fault)
        # A comment: it stands in the log where the bytes are missing.
        return f": left out at byte {fault.offset}: {detail}\n\n".encode()


def _unwrapped(message: bytes) -> bytes:
    """Return the event in a message whose checksums are right."""
    headers_size = int.from_bytes(message[4:8], "big")
    after = _PRELUDE.size + headers_size
    headers = _headers(message[_PRELUDE.size : after])
    payload = message[after:-4]
    kind = headers.get(":message-type", "event")
    if kind in ("exception", "error"):
        return to_wire([_error(headers, payload)])
    value = _json(payload)
    wrapped = None if value is None else value.get("bytes")
    if isinstance(wrapped, str):
        try:
            payload = b64decode(wrapped, validate=True)
        except (binascii.Error, ValueError):
            return b": left out: a payload that is not base64\n\n"
        value = _json(payload)
        name = as_name(None if value is None else value.get("type"))
        return wire_event(name, payload)
    # Another vocabulary, such as that of Converse: shown as it is.
    return wire_event(as_name(headers.get(":event-type")), payload) if payload else b""


def _error(headers: dict[str, str], payload: bytes) -> JsonObject:
    found = _json(payload)
    kind = headers.get(":exception-type") or headers.get(":error-code") or "error"
    told = headers.get(":error-message") or payload.decode("utf-8", "replace")
    error: JsonObject = {"type": kind, "message": told}
    if found is not None:
        message = found.get("message", found.get("Message"))
        error = {**found, "type": kind, "message": message if isinstance(message, str) else told}
    return {"type": "error", "error": error}


def _json(payload: bytes) -> JsonObject | None:
    try:
        value = strict_loads(payload.decode("utf-8"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _headers(data: bytes) -> dict[str, str]:
    """Return the headers that are text; what cannot be read ends them."""
    headers: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        if name_end >= len(data):
            break
        name = data[at + 1 : name_end].decode("utf-8", "replace")
        kind, at = data[name_end], name_end + 1
        if kind in _SIZED:
            size = int.from_bytes(data[at : at + 2], "big")
            if kind == 7:
                headers[name] = data[at + 2 : at + 2 + size].decode("utf-8", "replace")
            at += 2 + size
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            break
    return headers


def unwrap(body: bytes) -> tuple[bytes, list[Fault]]:
    """Return a whole body as server-sent events, and what of it could not be read."""
    unwrapper = Unwrapper()
    events = unwrapper.feed(body) + unwrapper.close()
    return events, unwrapper.faults


def unwrapped(chunks: Iterable[Chunk], unwrapper: Unwrapper | None = None) -> Iterator[Chunk]:
    """Yield the events that each of some chunks completes, at its time."""
    unwrapper = unwrapper or Unwrapper()
    t_ns = 0
    for t_ns, data in chunks:
        events = unwrapper.feed(data)
        if events:
            yield Chunk(t_ns, events)
    rest = unwrapper.close()
    if rest:
        yield Chunk(t_ns, rest)


def fault_lines(faults: list[Fault]) -> list[str]:
    """Return lines on what could not be read."""
    lines = [f"left out at byte {offset}: {detail}" for offset, detail in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        lines.append(f"left out at {len(faults) - _SHOWN} more places")
    return lines
