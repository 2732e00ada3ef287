"""Imports flows that mitmproxy saved: typed netstrings, one flow after another.

A value is its length in digits, a colon, that many bytes, and a sign for its type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from tui.captures.in_memory_file import Readable
from tui.captures.recording import Gathering, ImportFailure, Loaded, RecordedExchange, as_status
from tui.captures.time_of_day import moment_of

FORMAT: Final = "mitmproxy file"
_START: Final = re.compile(rb"[0-9]{1,12}:(?=[0-9]{1,3}:[a-z_]{2,40}[;,])")
_LENGTH: Final = re.compile(rb"([0-9]{1,12}):")
_MOST_NESTED: Final = 32
_EXPORT: Final = "export it as HAR: mitmdump -nr FILE --set hardump=flows.har"


class _Broken(ValueError):
    """Bytes that are no typed netstring."""


def looks_like_flows(head: bytes) -> bool:
    """Whether a file begins as such a file does: with a dictionary whose first key is a name."""
    return _START.match(head) is not None


def load_flows(file: Readable) -> Loaded:
    """Return the answers of the Messages API among the flows of a file.

    The times in it are those of whole responses, so the recordings are untimed. Raises
    ImportFailure, and OSError where the file cannot be read.
    """
    data = memoryview(file.read_bytes())
    gathering = Gathering(FORMAT, file.name, "flow")
    at = flows = 0
    while at < len(data):
        try:
            value, at = _value(data, at, 0)
        except _Broken as broken:
            # Where the next flow would begin is not known.
            reason = f"{broken}; {_EXPORT}" if not flows else str(broken)
            gathering.skip(f"the file cannot be read from byte {at} on: {reason}")
            break
        flows += 1
        try:
            gathering.add(_exchange(value))
        except ImportFailure as failure:
            gathering.skip(str(failure))
    return gathering.loaded()


def _exchange(flow: object) -> RecordedExchange | None:
    if not isinstance(flow, dict) or not isinstance(flow.get("request"), dict):
        return None
    request, response, error = flow["request"], flow.get("response"), flow.get("error")
    told = error.get("msg") if isinstance(error, dict) else None
    found = response if isinstance(response, dict) else {}
    body = found.get("content")
    if not found and told is None:
        raise ImportFailure("a request without its response")
    return RecordedExchange(
        body=body if isinstance(body, bytes) else b"",
        method=_text(request.get("method")) or "POST",
        url=_url(request),
        headers=_headers(request.get("headers")),
        request=request.get("content"),
        status=as_status(found.get("status_code", 0)),
        response_headers=_headers(found.get("headers")),
        note=_text(told),
        at_ns=moment_of(request.get("timestamp_start")),
    )


def _url(request: dict[Any, Any]) -> str | None:
    names = ("scheme", "host", "path")
    scheme, host, path = (_text(request.get(name)) for name in names)
    if not scheme or not host or path is None:
        return None
    port = request.get("port")
    usual = {"https": 443, "http": 80}.get(scheme)
    where = host if port in (None, usual) else f"{host}:{port}"
    return f"{scheme}://{where}{path}"


def _headers(value: object) -> dict[str, str]:
    headers: dict[str, str] = {}
    for item in value if isinstance(value, list) else []:
        if isinstance(item, list) and len(item) == 2:
            name, text = _text(item[0]), _text(item[1])
            if name is not None and text is not None:
                headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


# --- typed netstrings -----------------------------------------------------------------------------


def _value(data: memoryview, at: int, depth: int) -> tuple[Any, int]:
    """Return the value that begins at `at`, and where it ends."""
    found = _LENGTH.match(data, at, min(at + 14, len(data)))
    if found is None:
        raise _Broken("no length where one is due")
    start = found.end()
    end = start + int(found[1])
    if end >= len(data):
        raise _Broken("it breaks off")
    if depth > _MOST_NESTED:
        raise _Broken("nested too deeply")
    body, kind = data[start:end], bytes(data[end : end + 1])
    read = _SCALARS.get(kind)
    if read is not None:
        try:
            return read(bytes(body)), end + 1
        except ValueError:
            raise _Broken("a value that is not of its type") from None
    if kind not in b"]}":
        raise _Broken("a type that is not known")
    items: list[Any] = []
    place = 0
    while place < len(body):
        item, place = _value(body, place, depth + 1)
        items.append(item)
    if kind == b"]":
        return items, end + 1
    if len(items) % 2:
        raise _Broken("a key without its value")
    return {_text(key): value for key, value in zip(items[::2], items[1::2], strict=True)}, end + 1


_SCALARS: Final[dict[bytes, Callable[[bytes], Any]]] = {
    b",": bytes,
    b";": lambda body: body.decode("utf-8"),
    b"#": lambda body: int(body) if len(body) < 32 else 0,
    b"^": lambda body: float(body) if len(body) < 64 else 0.0,
    b"!": lambda body: body == b"true",
    b"~": lambda body: None,
}
