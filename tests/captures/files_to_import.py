"""A recorded exchange, and files of it to import."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

from tests import playbook as pb
from tui.captures.codec import (
    CaptureHead,
    CaptureLine,
    ChunkLine,
    EndLine,
    RequestLine,
    ResponseLine,
    encode_line,
)
from tui.captures.importers import (
    Recording,
)
from tui.core.session import Run, Session

URL: Final = "https://api.anthropic.com/v1/messages"
REQUEST: Final = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "stream": True,
    "messages": [{"role": "user", "content": "h\u00e9llo"}],
}
BODY: Final = pb.wire(
    pb.message_start(),
    pb.ping(),
    *pb.text_block(0, "h\u00e9 ", "\u2028two\n"),
    *pb.tool_block(1, '{"a"', ": 1}"),
    *pb.ending("tool_use"),
)
MESSAGE: Final = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [{"type": "text", "text": "whole"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 4},
}
ERROR: Final = {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}


def body_of(recording: Recording) -> bytes:
    return b"".join(data for _, data in recording.chunks())


def replay(recording: Recording) -> Run:
    session = Session(timed=recording.timed)
    t_ns = 0
    for t_ns, data in recording.chunks():
        session.feed(t_ns, data)
    session.finish(t_ns, recording.how, recording.error)
    return session.run


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def capture(*lines: CaptureLine) -> bytes:
    return b"".join(map(encode_line, lines))


TWO_RUNS: Final[list[CaptureLine]] = [
    CaptureHead(),
    RequestLine("r1", 0, "POST", URL, {}, REQUEST),
    ChunkLine("r1", 5, b"one "),
    RequestLine("b", 0, "POST", URL, {}, {"model": 5}, timed=False),
    ChunkLine("b", 1, b"other"),
    ResponseLine("b", 1, 200, {"a": "b"}),
    ChunkLine("r1", 7, b"two"),
    EndLine("b", 3, "timeout", {"message": "Timed out: x"}),
    ChunkLine("r1", 9, b"\xff"),
    EndLine("r1", 12, "eof", None),
]

CASSETTE: Final = """\
interactions:
- request:
    body: '{"model": "claude-sonnet-5-5", "stream": true, "messages":
      [{"role": "user", "content": "hi"}]}'
    headers:
      anthropic-version: &id001
      - '2023-06-01'
      x-again: *id001
      x-none:
      x-binary: !!binary |
        aGk=
    method: post
    uri: https://api.anthropic.com/v1/messages
  response:
    body:
      string: 'event: message_start

        data: {"type":"message_start","message":{"id":"msg_1","type":"message",
        "role":"assistant","model":"m","content":[],"usage":{"input_tokens":1}}}


        event: content_block_start

        data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"yes"}}


        event: content_block_stop

        data: {"type":"content_block_stop","index":0}


        event: message_delta

        data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}


        event: message_stop

        data: {"type":"message_stop"}


        '
    headers:
      Content-Type:
      - text/event-stream; charset=utf-8
      Date: 2026-11-20
    status:
      code: 200
      message: OK
- request: {body: null, headers: {}, method: GET, uri: 'https://example.com/'}
  response: {body: {string: nothing}, headers: {}, status: {code: 200, message: OK}}
version: 1
"""


def interaction(response: dict[str, Any], **request: object) -> dict[str, Any]:
    return {
        "request": {"method": "POST", "uri": URL, "headers": {}, **request},
        "response": response,
    }


def ok(**response: object) -> dict[str, Any]:
    return {"status": {"code": 200, "message": "OK"}, "headers": {}, **response}


BODIES: Final[dict[str, dict[str, Any]]] = {
    "string": ok(body={"string": BODY.decode()}),
    "base64": ok(body={"encoding": "ASCII-8BIT", "base64_string": b64encode(BODY).decode()}),
    "packed": ok(body={"base64_string": b64encode(gzip.compress(BODY)).decode()}),
    "httpx": {"status_code": 200, "headers": {}, "content": BODY.decode()},
}
