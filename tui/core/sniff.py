"""Says what a response body is when it is no event stream."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tui.core.records import JsonObject, strict_loads
from tui.core.text import clip

# A comment counts at the start only: in a page's style sheet a line may begin with a colon.
_FIELD_LINE: Final = re.compile(
    rb"\A(?:\xef\xbb\xbf)?[\r\n]*:|(?:\A|[\r\n])(?:\xef\xbb\xbf)?(?:event|data|id|retry):"
)
_FIELDS: Final = (b"event", b"data", b"id", b"retry")
_HEAD: Final = 65_536


class Verdict(NamedTuple):
    """What the body is. `code` is one of `html`, `json_error`, `json_body`, `binary`, `text`."""

    code: str
    detail: str
    error: JsonObject


def looks_like_events(head: bytes) -> bool:
    """Whether `head` has a line that is a field of an event stream.

    Also true where it begins with a comment, or ends within the name of its first field.
    """
    if _FIELD_LINE.search(head[:_HEAD]) is not None:
        return True
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    return any(name.startswith(start) for name in _FIELDS)


def classify(body: bytes) -> Verdict:
    """Name what `body` is. For bodies from which no event could be read."""
    head = body[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] in (b"{", b"["):
        verdict = _classify_json(body)
        if verdict is not None:
            return verdict
    lowered = head[:512].lower()
    if lowered.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in lowered:
        return _verdict("html", "an HTML page, not an event stream")
    if lowered.startswith(b"<"):
        return _verdict("text", "markup, not an event stream")
    if b"\0" in head or _share_of_control(head) > 0.1:
        return _verdict("binary", "binary data, not an event stream")
    return _verdict("text", "plain text, not an event stream")


def _classify_json(body: bytes) -> Verdict | None:
    try:
        value = strict_loads(body.decode("utf-8-sig", "replace"))
    except ValueError:
        return None
    if isinstance(value, dict):
        error = value.get("error")
        if isinstance(error, dict):
            label = f"{error.get('type', 'error')}: {error.get('message', '')}"
            detail = f"a JSON error body, not an event stream ({clip(label, 160)})"
            if isinstance(value.get("request_id"), str):
                error = {**error, "request_id": value["request_id"]}
            return Verdict("json_error", detail, error)
        if value.get("type") == "message":
            return _verdict("json_body", "a whole Message as JSON, not an event stream")
    return _verdict("json_body", "a JSON body, not an event stream")


def _verdict(code: str, detail: str) -> Verdict:
    return Verdict(code, detail, {"type": "not_sse", "message": detail})


def _share_of_control(head: bytes) -> float:
    sample = head[:2048]
    control = sum(byte < 9 or 13 < byte < 32 for byte in sample)
    return control / max(len(sample), 1)
