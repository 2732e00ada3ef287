"""Imports HAR files: browsers' network panels, mitmproxy, Charles and others save these."""

from __future__ import annotations

from tui.captures.in_memory_file import Readable
from tui.captures.recording import (
    Gathering,
    ImportFailure,
    Loaded,
    RecordedExchange,
    as_status,
    from_base64,
)
from tui.core.records import JsonObject, strict_loads

FORMAT = "HAR"


def load_har(file: Readable) -> Loaded:
    """Return the answers of the Messages API in a HAR file.

    The times in it are those of whole responses, so the recordings are untimed. Raises
    ImportFailure, and OSError where the file cannot be read.
    """
    try:
        value = strict_loads(file.read_bytes().decode("utf-8-sig"))
    except ValueError as error:
        raise ImportFailure(f"not a HAR file: {_why(error)}") from None
    log = value.get("log") if isinstance(value, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise ImportFailure("not a HAR file: it has no log.entries")
    gathering = Gathering(FORMAT, file.name, "entry")
    gathering.add_pairs(entries, _exchange)
    return gathering.loaded()


def _why(error: ValueError) -> str:
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"not JSON: {error}"


def _exchange(request: JsonObject, response: JsonObject) -> RecordedExchange:
    url = request.get("url")
    method = request.get("method")
    posted = request.get("postData")
    content = response.get("content")
    note = response.get("_error") or response.get("statusText")
    return RecordedExchange(
        body=_body(content if isinstance(content, dict) else {}),
        method=method if isinstance(method, str) else "POST",
        url=url if isinstance(url, str) else None,
        headers=_headers(request.get("headers")),
        request=posted.get("text") if isinstance(posted, dict) else None,
        status=as_status(response.get("status")),
        response_headers=_headers(response.get("headers")),
        note=note if isinstance(note, str) else None,
    )


def _body(content: JsonObject) -> bytes:
    text = content.get("text")
    if not isinstance(text, str):
        return b""
    if content.get("encoding") == "base64":
        return from_base64(text)
    return text.encode("utf-8", "replace")


def _headers(value: object) -> dict[str, str]:
    headers: dict[str, str] = {}
    for item in value if isinstance(value, list) else []:
        name, text = (item.get("name"), item.get("value")) if isinstance(item, dict) else (0, 0)
        if isinstance(name, str) and isinstance(text, str):
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers
