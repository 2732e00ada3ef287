"""Imports recordings of requests and responses as test suites and loggers write them, in JSON.

One object, one a line, an array, or a list inside an object such as `{"exchanges": [...]}`. Each is
a pair under one of the usual names, or a response alone: `{"status": 200, "headers": {...},
"body": ...}`. A body is text, base64, JSON, or a list of its chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tui.captures.event_list import event_of
from tui.captures.in_memory_file import Readable
from tui.captures.json_values import values_of
from tui.captures.message_events import to_wire
from tui.captures.recording import (
    Gathering,
    ImportFailure,
    Loaded,
    RecordedExchange,
    as_status,
    from_base64,
    headers_of,
)
from tui.captures.time_of_day import moment_of
from tui.core.records import JsonObject
from tui.core.report import dumps

FORMAT: Final = "recording of requests and responses"
_REQUEST: Final = ("request", "req")
_RESPONSE: Final = ("response", "res", "resp", "reply")
_STATUS: Final = ("status", "status_code", "statusCode", "code")
_HEADERS: Final = ("headers", "rawHeaders", "raw_headers")
_TEXT: Final = ("body_raw", "body", "content", "text", "data", "string", "chunk", "raw")
_CHUNKS: Final = ("chunks", "body_chunks", "bodyChunks", "events")
_BASE64: Final = ("base64", "b64", "body_base64", "bodyBase64", "body_b64", "base64_string")
_PACKED: Final = ("isBase64", "base64Encoded", "isBase64Encoded", "is_base64")
_PREFIX: Final = "base64:"
_LABEL: Final = ("name", "title", "id", "test")
_WHEN: Final = ("timestamp", "started_at", "startedAt", "created_at", "createdAt", "time")
_DEEP: Final = 4


def is_exchange(value: object) -> bool:
    """Whether a JSON value is a pair of request and response, or a response alone."""
    if not isinstance(value, dict):
        return False
    response = first_of(value, _RESPONSE)
    if isinstance(response, dict):
        return isinstance(first_of(value, _REQUEST), dict) or _has_body(response)
    return _is_response(value)


def _is_response(value: JsonObject) -> bool:
    return _has_body(value) and as_status(_code(value)) is not None


def _has_body(value: JsonObject) -> bool:
    return any(name in value for name in (*_TEXT, *_CHUNKS, *_BASE64))


def exchanges_in(value: object) -> list[Any]:
    """Return the list of exchanges in an object, empty where it has none."""
    for items in value.values() if isinstance(value, dict) else ():
        if isinstance(items, list) and any(is_exchange(item) for item in items):
            return items
    return []


def first_of(value: JsonObject, names: tuple[str, ...]) -> object:
    """Return the field that has the first of some names."""
    return next((value[name] for name in names if value.get(name) is not None), None)


def load_exchanges(file: Readable) -> Loaded:
    """Return the answers of the Messages API in such a file, untimed.

    Raises ImportFailure, and OSError where the file cannot be read.
    """
    gathering = Gathering(FORMAT, file.name, "exchange")
    for place, value in _entries(file):
        if not is_exchange(value):
            gathering.skip("it has no response", place)
            continue
        try:
            gathering.add(_exchange(value), place)
        except ImportFailure as failure:
            gathering.skip(str(failure), place)
    return gathering.loaded()


def _entries(file: Readable) -> Iterator[tuple[str, Any]]:
    for place, value, _ in values_of(file):
        items = [] if is_exchange(value) else exchanges_in(value)
        if not items:
            yield place, value
        for number, item in enumerate(items, 1):
            yield f"exchange {number}", item


def _exchange(value: JsonObject) -> RecordedExchange:
    sent, got = first_of(value, _REQUEST), first_of(value, _RESPONSE)
    request: JsonObject = sent if isinstance(sent, dict) else {}
    response: JsonObject = got if isinstance(got, dict) else value
    url = first_of(request, ("url", "uri")) or value.get("url")
    method, label = request.get("method"), first_of(value, _LABEL)
    headers = headers_of(_paired(first_of(response, _HEADERS)))
    return RecordedExchange(
        body=_body_of(response, _packed(response), _DEEP),
        method=method.upper() if isinstance(method, str) else "POST",
        url=url if isinstance(url, str) else None,
        headers=headers_of(_paired(first_of(request, _HEADERS))),
        request=_asked(request),
        status=as_status(_code(response)),
        response_headers=headers,
        label=label if isinstance(label, str) else "",
        at_ns=moment_of(first_of(value, _WHEN) or first_of(request, _WHEN)),
    )


def _asked(request: JsonObject) -> object:
    """Return what was sent: its own body, or itself where that is the body."""
    if isinstance(request.get("messages"), list):
        return request
    body = first_of(request, ("body", "json", "data", "content", "parsed_body"))
    if isinstance(body, dict) and "messages" not in body:
        return first_of(body, ("json", "string", "text"))
    if isinstance(body, str) and body.startswith(_PREFIX):
        return from_base64(body.removeprefix(_PREFIX))
    return from_base64(body) if isinstance(body, str) and _packed(request) else body


def _code(response: JsonObject) -> object:
    status = first_of(response, _STATUS)
    return status.get("code") if isinstance(status, dict) else status


def _paired(headers: object) -> object:
    """Return headers as an object, also where they are a list of pairs or of names and values."""
    if not isinstance(headers, list):
        return headers
    if all(isinstance(item, str) for item in headers):
        return dict(zip(headers[::2], headers[1::2], strict=False))
    pairs: dict[str, Any] = {}
    for item in headers:
        if isinstance(item, dict):
            item = [first_of(item, ("name", "key")), item.get("value")]
        if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str):
            pairs[item[0]] = item[1]
    return pairs


def _packed(holder: JsonObject) -> bool:
    """Whether an object says that its body is base64."""
    if any(holder.get(name) is True for name in _PACKED):
        return True
    names = ("encoding", "bodyEncoding", "body_encoding")
    return any(holder.get(name) == "base64" for name in names)


def _body_of(holder: JsonObject, packed: bool, deep: int) -> bytes:
    encoded = first_of(holder, _BASE64)
    if isinstance(encoded, str):
        return from_base64(encoded)
    found = first_of(holder, _CHUNKS)
    if not isinstance(found, list):
        found = first_of(holder, _TEXT)
    return _bytes(found, packed, deep)


def _bytes(value: object, packed: bool, deep: int) -> bytes:
    """Return a body, or a chunk of one. Raises ImportFailure."""
    if isinstance(value, str):
        if value.startswith(_PREFIX):
            return from_base64(value.removeprefix(_PREFIX))
        return from_base64(value) if packed else value.encode("utf-8", "replace")
    if not deep:
        return b""
    if isinstance(value, list):
        if value and all(type(item) is int and 0 <= item < 256 for item in value):
            return bytes(value)
        return b"".join(_chunk(item, packed, deep - 1) for item in value)
    if isinstance(value, dict):
        # node's Buffer is {"type": "Buffer", "data": [...]}; else a wrapper, or JSON as it came.
        if value.get("type") == "Buffer" or not ({"type", "error"} & value.keys()):
            found = _body_of(value, packed or _packed(value), deep - 1)
            if found or not value:
                return found
        return dumps(value).encode()
    return b""


def _chunk(item: object, packed: bool, deep: int) -> bytes:
    event = event_of(item)
    if event and event["type"] != "Buffer":
        return to_wire([event])
    return _bytes(item, packed, deep)
