"""What a run can be exported as. All but the response's own bytes goes through redaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from tui.captures.codec import (
    CaptureHead,
    ChunkLine,
    EndLine,
    RequestLine,
    ResponseLine,
    encode_line,
)
from tui.captures.export_http import to_curl, to_har, to_python
from tui.captures.export_text import to_asciicast, to_markdown
from tui.captures.material import Material, NotAvailable, file_name, pretty
from tui.captures.redact import redact_headers, redact_json
from tui.core.records import JsonObject
from tui.core.report import dumps
from tui.core.sse import FrameKind

__all__ = ["EXPORTS", "Export", "Material", "NotAvailable", "export", "file_name"]

_RUN: Final = "r1"


class Export(NamedTuple):
    """A kind of file. `write` may raise NotAvailable, and nothing else."""

    extension: str
    title: str
    write: Callable[[Material], bytes]


def to_capture(material: Material) -> bytes:
    """Return the run as a capture: it replays with the same chunks, times and end."""
    run = material.run
    body = None if material.request is None else material.sent()
    url = None if material.url is None else material.address()
    headers = redact_headers(material.headers)
    lines = [
        encode_line(CaptureHead(created=material.created, tool=material.tool)),
        encode_line(RequestLine(_RUN, 0, material.method, url, headers, body, run.timed)),
    ]
    if material.status is not None:
        answered = redact_headers(material.response_headers)
        first_ns = run.first_byte_ns or 0
        lines.append(encode_line(ResponseLine(_RUN, first_ns, material.status, answered)))
    lines += [encode_line(ChunkLine(_RUN, t_ns, data)) for t_ns, data in material.chunks()]
    if run.state.end is not None:
        error = redact_json(run.state.end_error)
        lines.append(encode_line(EndLine(_RUN, run.last_byte_ns or 0, run.state.end, error)))
    return b"".join(lines)


def to_sse(material: Material) -> bytes:
    """Return the bytes of the response as they came."""
    return material.body


def to_message(material: Material) -> bytes:
    """Return the message that the API would have returned without streaming.

    Raises NotAvailable before there is one.
    """
    message = material.run.state.message_json()
    if message is None:
        raise NotAvailable("this run has no message")
    return pretty(redact_json(message)).encode() + b"\n"


def to_events(material: Material) -> bytes:
    """Return the data of each event, one JSON object a line.

    An event without readable data becomes `{"type": ..., "raw": ...}`; comments are left out.
    """
    lines = []
    timeline = material.run.timeline
    for record in timeline.records():
        payload = record.payload
        if payload is None:
            if record.kind is FrameKind.NOTE or record.type == "[DONE]":
                continue
            raw = timeline.raw_event(record.seq).decode("utf-8", "replace")
            payload = {"type": record.type, "raw": raw}
        masked: JsonObject = redact_json(payload)
        lines.append(dumps(masked) + "\n")
    return "".join(lines).encode()


EXPORTS: Final[dict[str, Export]] = {
    "capture": Export(".jsonl", "Capture, with all times", to_capture),
    "sse": Export(".sse", "Response as it came", to_sse),
    "message": Export(".json", "Final message as JSON", to_message),
    "markdown": Export(".md", "Transcript as Markdown", to_markdown),
    "events": Export(".events.jsonl", "Events as JSON lines", to_events),
    "har": Export(".har", "HTTP archive (HAR)", to_har),
    "asciicast": Export(".cast", "Terminal recording (asciicast)", to_asciicast),
    "curl": Export(".sh", "Request as curl", to_curl),
    "python": Export(".py", "Request as Python", to_python),
}
"""In the order of a menu."""


def export(kind: str, material: Material) -> tuple[str, bytes]:
    """Return a name for the file and its bytes. Raises NotAvailable, KeyError for no such kind."""
    found = EXPORTS[kind]
    return file_name(material, found.extension), found.write(material)
