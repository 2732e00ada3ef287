"""Files of every format that is imported, made here: one answer in each, whole and untouched."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final
from zlib import crc32

from tests import playbook as pb
from tui.core.records import JsonObject

URL: Final = "https://api.anthropic.com/v1/messages"
REQUEST: Final[JsonObject] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "What is it?"}],
}
EVENTS: Final[list[JsonObject]] = [
    pb.message_start(),
    *pb.text_block(0, "h\u00e9 ", "two"),
    *pb.tool_block(1, '{"a"', ": 1}"),
    *pb.ending("tool_use"),
]
BODY: Final = pb.wire(*EVENTS)
MESSAGE: Final[JsonObject] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
        {"type": "text", "text": "h\u00e9 two", "citations": None},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": [1, "\u2028"]}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 4},
}
ERROR: Final[JsonObject] = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
}


def json_lines(*values: object) -> bytes:
    """One value a line."""
    return "".join(json.dumps(value) + "\n" for value in values).encode()


# --- Bedrock --------------------------------------------------------------------------------------


def frame(payload: bytes, headers: JsonObject) -> bytes:
    """A message of Amazon's event stream; headers are text."""
    packed = b"".join(
        struct.pack(">B", len(name))
        + name.encode()
        + b"\x07"
        + struct.pack(">H", len(str(text).encode()))
        + str(text).encode()
        for name, text in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    prelude += struct.pack(">I", crc32(prelude))
    message = prelude + packed + payload
    return message + struct.pack(">I", crc32(message))


def chunk_frame(event: JsonObject) -> bytes:
    """A message with an event of the Messages API in it."""
    encoded = b64encode(json.dumps(event).encode()).decode()
    payload = json.dumps({"bytes": encoded, "p": "abcd"}).encode()
    kind = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return frame(payload, kind)


def exception_frame(kind: str, message: str) -> bytes:
    """A message that says what went wrong."""
    headers = {":exception-type": kind, ":message-type": "exception"}
    return frame(json.dumps({"message": message}).encode(), headers)


def bedrock(events: Iterable[JsonObject] = EVENTS) -> bytes:
    """The body of a response of Bedrock."""
    return b"".join(map(chunk_frame, events))


# --- mitmproxy ------------------------------------------------------------------------------------


def netstring(value: object) -> bytes:
    """A typed netstring."""
    if value is None:
        return b"0:~"
    if isinstance(value, bool):
        return b"4:true!" if value else b"5:false!"
    if isinstance(value, (list, tuple)):
        body, kind = b"".join(map(netstring, value)), b"]"
    elif isinstance(value, dict):
        body = b"".join(netstring(key) + netstring(item) for key, item in value.items())
        kind = b"}"
    else:
        kinds: dict[type, bytes] = {bytes: b",", str: b";", int: b"#", float: b"^"}
        kind = kinds[type(value)]
        body = value if isinstance(value, bytes) else str(value).encode()
    return str(len(body)).encode() + b":" + body + kind


def flow(body: bytes, url_path: bytes = b"/v1/messages", **response: object) -> JsonObject:
    """A flow as mitmproxy keeps it."""
    return {
        "websocket": None,
        "response": {
            "http_version": b"HTTP/1.1",
            "headers": [[b"content-type", b"text/event-stream"], [b"x", b"1"], [b"x", b"2"]],
            "content": body,
            "timestamp_start": 1763640001.5,
            "status_code": 200,
            **response,
        },
        "request": {
            "method": b"POST",
            "scheme": b"https",
            "host": "api.anthropic.com",
            "port": 443,
            "path": url_path,
            "headers": [[b"x-api-key", b"sk-ant-x"]],
            "content": json.dumps(REQUEST).encode(),
        },
        "error": None,
        "version": 21,
        "type": "http",
        "intercepted": False,
    }


# --- the rest -------------------------------------------------------------------------------------


def turn(role: str, content: object, **fields: object) -> JsonObject:
    """A line of a session of Claude Code."""
    message: JsonObject = {"role": role, "content": content}
    if role == "assistant":
        message |= {"type": "message", "model": "claude-sonnet-5-5", "usage": MESSAGE["usage"]}
    message |= {name: fields.pop(name) for name in ("id", "stop_reason") if name in fields}
    return {"type": role, "message": message, "sessionId": "s", **fields}


SESSION: Final = [
    {"type": "summary", "summary": "A question"},
    turn("user", "What is it?", uuid="u1", parentUuid=None),
    turn("assistant", [{"type": "text", "text": "h\u00e9 two"}], uuid="a1", id="msg_1"),
    turn("assistant", [MESSAGE["content"][2]], uuid="a2", id="msg_1", stop_reason="tool_use"),
    turn(
        "user",
        [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "3"}],
        uuid="u2",
    ),
    turn("assistant", [{"type": "text", "text": "Done."}], uuid="a3", id="msg_2"),
]
BATCH: Final[list[JsonObject]] = [
    {"custom_id": "first", "result": {"type": "succeeded", "message": MESSAGE}},
    {"custom_id": "second", "result": {"type": "errored", "error": {**ERROR, "request_id": "r"}}},
    {"custom_id": "third", "result": {"type": "expired"}},
    {"custom_id": "fourth", "result": {"type": "canceled"}},
]
EXCHANGE: Final[JsonObject] = {
    "request": {"method": "POST", "url": URL, "headers": {"a": "b"}, "body": REQUEST},
    "response": {
        "status": 200,
        "headers": {"content-type": "text/event-stream"},
        "body": BODY.decode(),
    },
}
HAR: Final[JsonObject] = {
    "log": {
        "entries": [
            {
                "request": {"method": "POST", "url": URL},
                "response": {"status": 200, "content": {"text": BODY.decode()}},
            }
        ]
    }
}


def whole_files() -> dict[str, bytes]:
    """A file of every format, each with one complete answer (`session`: two), by its name."""
    exchange: dict[str, Any] = {
        "status": 200,
        "headers": {"content-type": "application/vnd.amazon.eventstream"},
        "body": b64encode(bedrock()).decode(),
        "isBase64Encoded": True,
    }
    return {
        "body.sse": BODY,
        "capture.jsonl": json_lines(
            {"streamscope": 1},
            {"k": "request", "run": "r1", "t": 0, "method": "POST", "url": URL, "body": REQUEST},
            {"k": "chunk", "run": "r1", "t": 5, "data": BODY.decode()},
            {"k": "end", "run": "r1", "t": 9, "how": "eof", "error": None},
        ),
        "lines.jsonl": json_lines(*EVENTS),
        "array.json": json.dumps(EVENTS, indent=1).encode(),
        "pretty.txt": "\n".join(json.dumps(event, indent=2) for event in EVENTS).encode(),
        "parts.jsonl": json_lines(
            *({"event": item["type"], "data": json.dumps(item)} for item in EVENTS)
        ),
        "message.json": json.dumps(MESSAGE, indent=2).encode(),
        "session.jsonl": json_lines(*SESSION),
        "batch.jsonl": json_lines(BATCH[0]),
        "bedrock.bin": bedrock(),
        "trace.jsonl": json_lines(
            {
                "request": {"timestamp": 1, "url": URL, "body": REQUEST},
                "response": {"status_code": 200, "body_raw": BODY.decode()},
            }
        ),
        "har.har": json.dumps(HAR).encode(),
        "cassette.json": json.dumps(
            {
                "interactions": [
                    {
                        "request": {"uri": URL, "method": "POST", "body": json.dumps(REQUEST)},
                        "response": {"status": {"code": 200}, "body": {"string": BODY.decode()}},
                    }
                ]
            }
        ).encode(),
        "response.json": json.dumps(EXCHANGE["response"]).encode(),
        "exchanges.json": json.dumps({"exchanges": [EXCHANGE]}).encode(),
        "base64.json": json.dumps(exchange).encode(),
        "flows.mitm": netstring(flow(BODY)),
    }
