"""What importers return: recordings, each a response body and what is known of its request."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from tui.captures.capture_body import CaptureBody
from tui.captures.codec import Problem
from tui.captures.eventstream import Fault, fault_lines, looks_like_eventstream, unwrap
from tui.captures.message_events import is_message, message_wire
from tui.captures.packed import PackedError, Unpacker
from tui.captures.stored_request import StoredRequest
from tui.captures.time_of_day import moment_of
from tui.core.late import late
from tui.core.records import Batch, Chunk, JsonObject, strict_loads
from tui.core.sniff import looks_like_events
from tui.core.state import End
from tui.core.text import format_bytes, one_line

_HEAD: Final = 65_536
_UNREADABLE: Final = frozenset({"br", "zstd", "deflate", "compress"})
_SHOWN: Final = 3
NOT_STREAMED: Final = "(did not stream)"
_CLOUDS: Final = ("/invoke", "/invoke-with-response-stream", ":rawPredict", ":streamRawPredict")
"""How paths end that take the same requests elsewhere; the model stands before."""


class ImportFailure(ValueError):
    """A file that cannot be read as what it seems to be. The message is one line."""


class NoStreams(ImportFailure):
    """A file that is what it seems to be, and holds no answer of the Messages API."""


@late("request")
@dataclass(frozen=True, slots=True)
class Recording:
    """One run: a response body as timed chunks."""

    run: str
    title: str
    chunks: Callable[[], Iterator[Chunk]]
    """Begins to read the body again with each call. Times never go back. May raise OSError."""
    request: JsonObject | None = None
    """The body of the request, where it is known; as it was in the file, secrets included."""
    timed: bool = False
    """Whether the times are real. Otherwise they are 0, and metrics make no sense."""
    how: End = "eof"
    error: JsonObject | None = None
    end_ns: int | None = None
    """When the body ended, None where that is not known."""
    size: int | None = None
    """Bytes of the body, None where nothing counted them yet."""
    method: str = "POST"
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the request."""
    status: int | None = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response_ns: int = 0
    """When the head of the response came."""
    at_ns: int | None = None
    """The time of day of the request, in nanoseconds since 1970."""
    resolution_ns: int = 1
    """How coarse the times are."""
    bare: bool = False
    """Whether the file holds events alone: how they stood on the wire is not known."""
    streamed: bool = True
    """False for an answer that came whole, and is shown as the stream it would have been."""
    faults: tuple[Fault, ...] = ()
    """What of the body could not be read, where that is a binary event stream."""
    raw: Callable[[], Iterator[Chunk]] | None = field(default=None, compare=False)
    """Reads the body as it came, where `chunks` has it in another form."""
    body: CaptureBody | None = field(default=None, compare=False)
    """Its lines in a capture: read again from any offset; knows which were bad."""
    stored: StoredRequest | None = field(default=None, compare=False)
    """What reads the request, where that stays in the file until it is looked at."""

    @property
    def problems(self) -> list[Problem]:
        """Lines of a large capture that turned out to be bad while its chunks were read.

        Those of a small one are among the warnings of its import.
        """
        unread = None if self.stored is None else self.stored.problem
        bad = [] if self.body is None or self.size is not None else self.body.problems
        return bad if unread is None else [unread, *bad]

    def batches(self) -> Iterator[Batch]:
        """Yield the reads as `chunks` does, those that were found together at once."""
        if self.body is not None:
            return self.body.batches()
        return (Batch([t_ns], [data]) for t_ns, data in self.chunks())

    @property
    def model(self) -> str | None:
        """The model that was asked for."""
        model = (self.request or {}).get("model")
        return model if isinstance(model, str) else None


class Loaded(NamedTuple):
    """What a file holds. `warnings` are lines for the reader: what was left out, and why."""

    format: str
    recordings: list[Recording]
    warnings: list[str]


class RecordedExchange(NamedTuple):
    """A request and its response as an HTTP log has them."""

    body: bytes
    """Of the response, perhaps still compressed."""
    method: str = "POST"
    url: str | None = None
    headers: Mapping[str, str] = {}
    request: Any = None
    """The body of the request: parsed JSON, text or bytes."""
    status: int | None = None
    response_headers: Mapping[str, str] = {}
    note: str | None = None
    """Why there is no status, where the log says."""
    label: str = ""
    """What the log calls it, for its title."""
    at_ns: int | None = None
    """The time of day of the request, in nanoseconds since 1970."""


def recording_of(
    exchange: RecordedExchange, run: str, title: str, unpacker: Unpacker | None = None
) -> Recording | None:
    """Return an exchange as an untimed recording, None where it is no answer of a Messages API.

    A whole Message in JSON becomes the stream it would have been. The bodies of one file are given
    the same unpacker. Raises ImportFailure where the response cannot be read.
    """
    asked = is_asked(exchange.url)
    if not asked and not exchange.body:
        return None
    try:
        body = (unpacker or Unpacker()).unpack(exchange.body)
    except PackedError as packed:
        if not asked:
            return None
        raise ImportFailure(str(packed)) from None
    packing = header_of(exchange.response_headers, "content-encoding")
    body, faults = _unwrapped(exchange, body)
    is_stream = looks_like_events(body[:_HEAD])
    found = None if is_stream else _json_object(body)
    message = found if is_message(found) else None
    if not asked and message is None and not (is_stream and b'"message_start"' in body):
        return None
    if not is_stream and found is None and packing in _UNREADABLE and not body.isascii():
        raise ImportFailure(f"a body packed with {packing}, which cannot be unpacked here")
    status = exchange.status
    if not body and status is not None and 200 <= status < 300:
        raise ImportFailure("a response without its body")
    how, error = ending_of(status, found, exchange.note)
    if message is not None:
        body = message_wire(message)
    chunk = Chunk(0, body)
    return Recording(
        run=run,
        title=title,
        chunks=lambda: iter([chunk]),
        request=_json_object(exchange.request),
        how=how,
        error=error,
        size=len(body),
        method=exchange.method,
        url=exchange.url,
        headers=exchange.headers,
        status=status,
        response_headers=exchange.response_headers,
        at_ns=exchange.at_ns,
        streamed=message is None,
        faults=tuple(faults),
    )


def _unwrapped(exchange: RecordedExchange, body: bytes) -> tuple[bytes, list[Fault]]:
    kind = header_of(exchange.response_headers, "content-type")
    return unwrap(body) if looks_like_eventstream(body, kind) else (body, [])


def is_asked(url: str | None) -> bool:
    """Whether a URL is that of a Messages API, so that whatever it answers is of interest."""
    try:
        path = urlsplit(url or "").path.rstrip("/")
    except ValueError:
        return False
    return path.endswith("/v1/messages") or ("anthropic" in path and path.endswith(_CLOUDS))


def header_of(headers: Mapping[str, str], name: str) -> str:
    """Return a header by its name in small letters, itself in small letters."""
    return next((value for key, value in headers.items() if key.lower() == name), "").lower()


def _json_object(value: object) -> JsonObject | None:
    if isinstance(value, dict):
        return value
    if isinstance(value, bytes):
        value = value.decode("utf-8-sig", "replace")
    if not isinstance(value, str):
        return None
    try:
        parsed = strict_loads(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def ending_of(
    status: int | None, body: JsonObject | None, note: str | None
) -> tuple[End, JsonObject | None]:
    """Return how a response with this status and JSON body ended, and with which error.

    A status below 100 stands for no response at all; `note` says why.
    """
    if status is None or 200 <= status < 400:
        return "eof", None
    if status < 100:
        text = note or "the log has no status for this response"
        return "reset", {"type": "connection_lost", "message": f"Connection lost: {text}"}
    error = (body or {}).get("error")
    detail = ""
    if isinstance(error, dict):
        detail = f": {error.get('type', 'error')}: {error.get('message', '')}"
    found: JsonObject = {"type": "http_error", "message": f"HTTP {status}{detail}"}
    inner = {"error": error} if isinstance(error, dict) else {}
    return "http_error", {**found, "status": status, **inner}


def from_base64(text: str) -> bytes:
    """Return the bytes of a base64 text, blanks allowed. Raises ImportFailure."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImportFailure(f"a body that is not base64: {error}") from None


def headers_of(value: object) -> dict[str, str]:
    """Return headers as one text each, from whatever mapping a log has."""
    if not isinstance(value, dict):
        return {}
    return {str(name): _header_text(item) for name, item in value.items()}


def _header_text(item: object) -> str:
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    if isinstance(item, list):
        return ", ".join(_header_text(part) for part in item)
    return item if isinstance(item, str) else json.dumps(item, default=str)


def as_status(value: object) -> int | None:
    """Return an HTTP status if `value` is one, or 0 where the log has no response."""
    if isinstance(value, str) and len(value) < 4 and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 999:
        return value
    return None


class Gathering:
    """Collects the recordings of a file whose entries may be broken, each on its own."""

    def __init__(self, format_name: str, file_name: str, unit: str) -> None:
        """`unit` is what an entry is called, such as `entry`."""
        self._format = format_name
        self._name = file_name
        self._unit = unit
        self._seen = 0
        self._other = 0
        self._broken: list[str] = []
        self._cut: list[str] = []
        self._unpacker = Unpacker()
        self._found: list[Recording] = []
        self._labels: list[str] = []

    def add(self, exchange: RecordedExchange | None, place: str = "") -> None:
        """Take an entry, None for one that is of no interest.

        `place` is where it is, where that is not just its number.
        """
        self._seen += 1
        place = place or f"{self._unit} {self._seen}"
        number = len(self._found) + 1
        if exchange is None:
            self._other += 1
            return
        try:
            recording = recording_of(exchange, f"r{number}", "", self._unpacker)
        except ImportFailure as failure:
            self._broken.append(f"{place}: {failure}")
            return
        if recording is None:
            self._other += 1
            return
        self._broken += [f"{place}: {text}" for text in _faults(recording)]
        self._found.append(recording)
        self._labels.append(exchange.label)
        if self._unpacker.was_cut:
            size = format_bytes(recording.size or 0)
            self._cut.append(f"{place} unpacks to more than {size}: cut there")

    def add_recording(self, recording: Recording, label: str = "") -> None:
        """Take an entry that is a recording already."""
        self._seen += 1
        self._found.append(replace(recording, run=f"r{len(self._found) + 1}"))
        self._labels.append(label)

    def add_pairs(
        self, entries: list[Any], read: Callable[[JsonObject, JsonObject], RecordedExchange | None]
    ) -> None:
        """Take entries that hold a request and a response each; `read` may raise ImportFailure."""
        for entry in entries:
            request = entry.get("request") if isinstance(entry, dict) else None
            response = entry.get("response") if isinstance(entry, dict) else None
            if not isinstance(request, dict) or not isinstance(response, dict):
                self.skip("it has no request and response")
                continue
            try:
                exchange = read(request, response)
                when = entry.get("startedDateTime", entry.get("recorded_at"))
                self.add(exchange and exchange._replace(at_ns=moment_of(when)))
            except ImportFailure as failure:
                self.skip(str(failure))

    def skip(self, reason: str, place: str = "") -> None:
        """Take note of an entry that cannot be read."""
        self._seen += 1
        self._broken.append(f"{place or f'{self._unit} {self._seen}'}: {reason}")

    def loaded(self) -> Loaded:
        """Return what was found. Raises ImportFailure where that is nothing."""
        broken = self._broken
        if not self._found:
            if broken:
                raise ImportFailure(f"no response can be read: {broken[0]}{_more(len(broken) - 1)}")
            raise NoStreams(
                f"no answer of the Messages API in this {self._format} ({self._seen} looked at)"
            )
        warnings = [f"left out, {text}" for text in broken[:_SHOWN]]
        if len(broken) > _SHOWN:
            warnings.append(f"left out, {len(broken) - _SHOWN} more")
        warnings += self._cut[:_SHOWN]
        if len(self._cut) > _SHOWN:
            warnings.append(f"{len(self._cut) - _SHOWN} more are cut")
        return Loaded(self._format, titled(self._found, self._name, self._labels), warnings)


def titled(recordings: list[Recording], name: str, labels: Sequence[str] = ()) -> list[Recording]:
    """Return recordings with the file's name as their title, with the run if there are several.

    A label takes the place of the run; one that did not stream says so.
    """
    labels = labels or [""] * len(recordings)
    named = []
    for item, label in zip(recordings, labels, strict=True):
        label = label or (item.run if len(recordings) > 1 else "")
        named.append(replace(item, title=title_for(name, label, item.streamed)))
    return named


def title_for(name: str, label: str, streamed: bool = True) -> str:
    """Return what a recording is called: by its file, and by its label where it has one."""
    parts = [name, label, "" if streamed else NOT_STREAMED]
    return one_line(" ".join(part for part in parts if part))


def _faults(recording: Recording) -> list[str]:
    return fault_lines(list(recording.faults))


def _more(count: int) -> str:
    return f" (and {count} more)" if count > 0 else ""
