"""Imports whole Messages: answers that did not stream, shown as streams all the same."""

from __future__ import annotations

from typing import Final

from tui.captures.in_memory_file import Readable
from tui.captures.json_values import values_of
from tui.captures.message_events import is_message, message_wire
from tui.captures.recording import Gathering, Loaded, Recording
from tui.core.records import Chunk, JsonObject

FORMAT: Final = "file of whole messages"


def load_messages(file: Readable) -> Loaded:
    """Return the messages in a file: one, one a line, or an array of them.

    Raises ImportFailure, and OSError where the file cannot be read.
    """
    gathering = Gathering(FORMAT, file.name, "message")
    for place, value, _ in values_of(file):
        if is_message(value):
            gathering.add_recording(whole(value))
        else:
            gathering.skip("not a whole message", place)
    return gathering.loaded()


def whole(message: JsonObject, request: JsonObject | None = None) -> Recording:
    """Return an answer that did not stream as an untimed recording."""
    chunk = Chunk(0, message_wire(message))
    return Recording(
        "r1",
        "",
        lambda: iter([chunk]),
        request=request,
        size=len(chunk.data),
        streamed=False,
    )
