"""Imports VCR cassettes, in YAML or JSON: what vcrpy and its relatives record in test suites."""

from __future__ import annotations

from typing import Final

from tui.captures.in_memory_file import Readable
from tui.captures.recording import (
    Gathering,
    ImportFailure,
    Loaded,
    RecordedExchange,
    as_status,
    from_base64,
    headers_of,
)
from tui.captures.yaml_tree import YamlError, load_yaml
from tui.core.records import JsonObject, strict_loads
from tui.core.report import dumps

FORMAT: Final = "VCR cassette"


def load_cassette(file: Readable) -> Loaded:
    """Return the answers of the Messages API in a cassette; it has no times.

    Raises ImportFailure, and OSError where the file cannot be read.
    """
    data = file.read_bytes()
    try:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            value = strict_loads(data.decode("utf-8-sig"))
        else:
            value = load_yaml(data)
    except YamlError as error:
        raise ImportFailure(str(error)) from None
    except ValueError as error:
        raise ImportFailure(f"not a cassette: {error}") from None
    interactions = None
    if isinstance(value, dict):
        interactions = value.get("interactions", value.get("http_interactions"))
    if not isinstance(interactions, list):
        raise ImportFailure("not a cassette: it has no interactions")
    gathering = Gathering(FORMAT, file.name, "interaction")
    gathering.add_pairs(interactions, _exchange)
    return gathering.loaded()


def _exchange(request: JsonObject, response: JsonObject) -> RecordedExchange:
    url = request.get("uri", request.get("url"))
    method = request.get("method")
    status = response.get("status", response.get("status_code"))
    code = status.get("code") if isinstance(status, dict) else status
    sent = request.get("body")
    if isinstance(sent, dict):
        sent = sent.get("string")
    return RecordedExchange(
        body=_body(response),
        method=str(method).upper() if isinstance(method, str) else "POST",
        url=url if isinstance(url, str) else None,
        headers=headers_of(request.get("headers")),
        request=request.get("parsed_body") if sent is None else sent,
        status=as_status(code),
        response_headers=headers_of(response.get("headers")),
    )


def _body(response: JsonObject) -> bytes:
    # vcrpy: body.string, its older httpx stub: content. A serialiser of test suites parses JSON
    # bodies and puts them beside; others keep what is not text as base64.
    body = response.get("body", response.get("content"))
    if isinstance(body, dict):
        encoded = body.get("base64_string")
        if isinstance(encoded, str):
            return from_base64(encoded)
        body = body.get("string")
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    parsed = response.get("parsed_body")
    return dumps(parsed).encode() if isinstance(parsed, dict) else b""
