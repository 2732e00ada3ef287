"""Imports the results of a Message Batch: one JSON object a line, in any order."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.captures.in_memory_file import Readable
from tui.captures.json_values import values_of
from tui.captures.message_events import is_message, to_wire
from tui.captures.recording import Gathering, Loaded, Recording
from tui.captures.whole_messages import whole
from tui.core.records import Chunk, JsonObject
from tui.core.state import End

FORMAT: Final = "file of batch results"
_NOT_RUN: Final[dict[str, tuple[End, str]]] = {
    "canceled": ("cancelled", "Cancelled: the batch was cancelled before this request was run"),
    "expired": ("timeout", "Expired: the batch ended before this request was run"),
}
"""How a result without an answer ended, and what is said of it."""


def is_result(value: object) -> bool:
    """Whether a JSON value is a line of such a file."""
    if not isinstance(value, dict) or not isinstance(value.get("custom_id"), str):
        return False
    result = value.get("result")
    return isinstance(result, dict) and isinstance(result.get("type"), str)


def load_batch(file: Readable) -> Loaded:
    """Return the answers and failures of a batch, each named by its `custom_id`.

    Raises ImportFailure, and OSError where the file cannot be read.
    """
    gathering = Gathering(FORMAT, file.name, "result")
    for place, value, _ in values_of(file):
        recording = _recording(value["result"]) if is_result(value) else None
        if recording is None:
            gathering.skip("not a result of a batch", place)
        else:
            gathering.add_recording(recording, value["custom_id"])
    return gathering.loaded()


def _recording(result: JsonObject) -> Recording | None:
    kind = result["type"]
    if is_message(result.get("message")):
        return whole(result["message"])
    if kind in _NOT_RUN:
        how, told = _NOT_RUN[kind]
        error: JsonObject = {"type": kind, "message": told}
        return replace(_failed(b""), how=how, error=error)
    found = result.get("error")
    if not isinstance(found, dict):
        return None
    # The error is that of a response, which itself holds one; in older files it stands by itself.
    event = found if isinstance(found.get("error"), dict) else {"error": found}
    return _failed(to_wire([{**event, "type": "error"}]))


def _failed(body: bytes) -> Recording:
    chunk = Chunk(0, body)
    return Recording("r1", "", lambda: iter([chunk]), size=len(body), streamed=False)
