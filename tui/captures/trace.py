"""Imports logs of claude-trace: a pair of request and response as JSON on each line."""

from __future__ import annotations

from typing import Final

from tui.captures.in_memory_file import Readable
from tui.captures.json_values import values_of
from tui.captures.recording import Gathering, Loaded, RecordedExchange, as_status, headers_of
from tui.captures.time_of_day import moment_of
from tui.core.records import JsonObject
from tui.core.report import dumps

TRACE: Final = "claude-trace"


def load_trace(file: Readable) -> Loaded:
    """Return the answers in a claude-trace log: one pair of request and response a line.

    It has the time of each response, not of its events, so the recordings are untimed. Raises
    ImportFailure, and OSError where the file cannot be read.
    """
    gathering = Gathering(TRACE, file.name, "line")
    for place, value, _ in values_of(file):
        if not isinstance(value, dict):
            gathering.skip("not a JSON object", place)
            continue
        request, response = value.get("request"), value.get("response")
        if isinstance(request, dict) and response is None:
            gathering.skip("a request without its response", place)
        elif not isinstance(request, dict) or not isinstance(response, dict):
            gathering.skip("it has no request and response", place)
        else:
            gathering.add(_exchange(request, response), place)
    return gathering.loaded()


def _exchange(request: JsonObject, response: JsonObject) -> RecordedExchange:
    url, method = request.get("url"), request.get("method")
    raw = response.get("body_raw")
    body = raw.encode("utf-8", "replace") if isinstance(raw, str) else b""
    if not body and isinstance(response.get("body"), dict):
        body = dumps(response["body"]).encode()
    return RecordedExchange(
        body=body,
        method=method if isinstance(method, str) else "POST",
        url=url if isinstance(url, str) else None,
        headers=headers_of(request.get("headers")),
        request=request.get("body"),
        status=as_status(response.get("status_code", response.get("status"))),
        response_headers=headers_of(response.get("headers")),
        at_ns=moment_of(request.get("timestamp")),
    )
