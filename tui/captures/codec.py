"""The capture format: one JSON object a line, append-only, so that a crash costs the last line.

    {"streamscope":1,"created":"2026-11-20T12:00:00Z","tool":"streamscope 0.1.0"}
    {"k":"request","run":"r1","t":0,"at":"2026-11-20T12:00:00.123Z","method":"POST",
     "url":"...","headers":{...},"body":{...}}
    {"k":"response","run":"r1","t":398112004,"status":200,"headers":{...}}
    {"k":"chunk","run":"r1","t":412034511,"data":"event: message_start\\ndata: {...}\\n\\n"}
    {"k":"end","run":"r1","t":2140000000,"how":"eof","error":null}

`t` counts nanoseconds from the run's request on a monotonic clock. A chunk is the bytes of one read
of the response body, in `data` where they are UTF-8 and as base64 in `b64` where they are not.
`at` is the time of day of the request, so that the runs of a file stand on one axis; `like` (see
`like.py`) names an earlier request that it goes on from. Older files have neither.
Runs may be interleaved. Unknown keys and unknown kinds are ignored.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Any, Final, NamedTuple, get_args

from jiter import from_json

from tui.captures.time_of_day import parse_time_of_day, time_of_day
from tui.core.records import JsonObject, strict_loads
from tui.core.report import dumps
from tui.core.state import End

VERSION: Final = 1
MAX_T_NS: Final = 2**63 - 1
MAX_PROBLEMS: Final = 20
"""How many bad lines are described; the rest is counted."""
_BOM: Final = b"\xef\xbb\xbf"
CHUNK_HEAD: Final = b'{"k":"chunk","run":'
_ENDS: Final[dict[str, End]] = {how: how for how in get_args(End)}
_new: Final = tuple.__new__
_LARGE: Final = 4096
_encode_text: Final = json.JSONEncoder(ensure_ascii=False).encode


class CaptureError(ValueError):
    """A line that is no record of a capture."""


class UnknownVersion(CaptureError):
    """A capture in a format that is newer than this program."""


class CaptureHead(NamedTuple):
    """The first line."""

    version: int = VERSION
    created: str | None = None
    tool: str | None = None


class Like(NamedTuple):
    """What a request has from an earlier one of the file: the first messages, and perhaps more."""

    run: str
    system: bool
    tools: bool
    messages: int


class RequestLine(NamedTuple):
    """What was sent, secrets masked."""

    run: str
    t_ns: int
    method: str | None
    url: str | None
    headers: dict[str, str]
    body: Any
    timed: bool = True
    """False where the times of the run were made up. Absent in the file where True."""
    at_ns: int | None = None
    """The time of day, in nanoseconds since 1970 UTC."""
    like: Like | None = None
    """What the body has from an earlier one; the body holds the rest."""


class ResponseLine(NamedTuple):
    """The head of the response."""

    run: str
    t_ns: int
    status: int
    headers: dict[str, str]


class ChunkLine(NamedTuple):
    """The bytes of one read."""

    run: str
    t_ns: int
    data: bytes


class EndLine(NamedTuple):
    """How the body ended. A run without one was still going on, or its recorder was killed."""

    run: str
    t_ns: int
    how: End
    error: JsonObject | None


CaptureLine = CaptureHead | RequestLine | ResponseLine | ChunkLine | EndLine


class Problem(NamedTuple):
    """A line that was left out. `line` counts from one."""

    line: int
    detail: str


# --- writing --------------------------------------------------------------------------------------


def encode_line(line: CaptureLine) -> bytes:
    """Return a record as its line, with the LF.

    Raises TypeError for a body that is not made of JSON values.
    """
    if isinstance(line, ChunkLine):
        head, data = _chunk_head(line.run), line.data
        try:
            text = _large_text(data) if len(data) >= _LARGE else _text_of(data)
        except UnicodeDecodeError:
            return b"".join((head, b'"t":%d,"b64":"' % line.t_ns, b64encode(data), b'"}\n'))
        return b"".join((head, b'"t":%d,"data":' % line.t_ns, text, b"}\n"))
    return dumps(_as_json(line)).encode() + b"\n"


def _text_of(data: bytes) -> bytes:
    """Return UTF-8 as a JSON string. Raises UnicodeDecodeError for what is not UTF-8."""
    return _encode_text(data.decode()).encode()


def _large_text(data: bytes) -> bytes:
    # Twice as quick, and to the byte the same; but it takes its time to be imported.
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json(data)
    except PydanticSerializationError:
        return _text_of(data)


@lru_cache(1_000)
def _chunk_head(run: str) -> bytes:
    return CHUNK_HEAD + json.dumps(run).encode() + b","


def _as_json(line: CaptureHead | RequestLine | ResponseLine | EndLine) -> JsonObject:
    if isinstance(line, CaptureHead):
        return {"streamscope": line.version, "created": line.created, "tool": line.tool}
    known: JsonObject = {"run": line.run, "t": line.t_ns}
    if isinstance(line, RequestLine):
        at = {} if line.at_ns is None else {"at": time_of_day(line.at_ns)}
        sent = {"method": line.method, "url": line.url, "headers": line.headers}
        like = {} if line.like is None else {"like": line.like._asdict()}
        made_up = {} if line.timed else {"timed": False}
        return {"k": "request", **known, **at, **sent, **like, "body": line.body, **made_up}
    if isinstance(line, ResponseLine):
        return {"k": "response", **known, "status": line.status, "headers": line.headers}
    return {"k": "end", **known, "how": line.how, "error": line.error}


# --- reading --------------------------------------------------------------------------------------


def decode_line(line: bytes) -> CaptureLine | None:
    """Read one line, with or without its LF. None for a blank line and for an unknown kind.

    Raises CaptureError for everything else that is no record, and nothing but that.
    """
    try:
        value = from_json(line, allow_inf_nan=False)
    except ValueError:
        line = line.removeprefix(_BOM)
        if not line.strip():
            return None
        try:
            value = strict_loads(line.decode("utf-8"))
        except ValueError as error:
            raise CaptureError(f"not JSON: {_why(error)}") from None
    if type(value) is not dict:
        raise CaptureError("not a JSON object")
    kind = value.get("k")
    if kind == "chunk":
        return ChunkLine(_run(value), _time(value), _data(value))
    if kind == "request":
        body = value.get("body")
        headers, timed = _headers(value), value.get("timed") is not False
        method, url = _text(value, "method"), _text(value, "url")
        like, at_ns = _like(value), _at(value)
        return RequestLine(
            _run(value), _time(value), method, url, headers, body, timed, at_ns, like
        )
    if kind == "response":
        status = _whole(value, "status", 999)
        return ResponseLine(_run(value), _time(value), status, _headers(value))
    if kind == "end":
        return EndLine(_run(value), _time(value), _how(value), _error(value))
    if "streamscope" in value:
        return _header(value)
    return None


def _why(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return str(error)


def _header(value: JsonObject) -> CaptureHead:
    version = _whole(value, "streamscope", MAX_T_NS)
    if version != VERSION:
        raise UnknownVersion(f"capture format {version}; this program reads format {VERSION}")
    return CaptureHead(version, _text(value, "created"), _text(value, "tool"))


def _run(value: JsonObject) -> str:
    run = value.get("run")
    if type(run) is str and run:
        return run
    raise CaptureError("run should be a name")


def _time(value: JsonObject) -> int:
    t_ns = value.get("t")
    if type(t_ns) is int and 0 <= t_ns <= MAX_T_NS:
        return t_ns
    return _whole(value, "t", MAX_T_NS)


def _at(value: JsonObject) -> int | None:
    at = value.get("at")
    return parse_time_of_day(at) if type(at) is str else None


def _like(value: JsonObject) -> Like | None:
    like = value.get("like")
    if like is None:
        return None
    if type(like) is not dict:
        raise CaptureError("like should be an object")
    messages = _whole(like, "messages", MAX_T_NS) if "messages" in like else 0
    return Like(_run(like), like.get("system") is True, like.get("tools") is True, messages)


def _whole(value: JsonObject, name: str, most: int) -> int:
    number = value.get(name)
    if type(number) is not int or not 0 <= number <= most:
        raise CaptureError(f"{name} should be a whole number from 0 to {most}")
    return number


def _text(value: JsonObject, name: str) -> str | None:
    text = value.get(name)
    if text is None or type(text) is str:
        return text
    raise CaptureError(f"{name} should be a string")


def _data(value: JsonObject) -> bytes:
    text = value.get("data")
    try:
        if type(text) is str:
            return text.encode("utf-8")
        encoded = value.get("b64")
        if type(encoded) is str:
            return b64decode(encoded, validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError) as error:
        raise CaptureError(f"the bytes cannot be read: {error}") from None
    raise CaptureError("a chunk needs data or b64")


def _headers(value: JsonObject) -> dict[str, str]:
    headers = value.get("headers")
    if headers is None:
        return {}
    if type(headers) is not dict:
        raise CaptureError("headers should be an object")
    return {name: item if type(item) is str else dumps(item) for name, item in headers.items()}


def _how(value: JsonObject) -> End:
    how = value.get("how")
    if type(how) is str and how in _ENDS:
        return _ENDS[how]
    raise CaptureError(f"how should be one of {', '.join(sorted(_ENDS))}")


def _error(value: JsonObject) -> JsonObject | None:
    error = value.get("error")
    if error is None or type(error) is dict:
        return error
    raise CaptureError("error should be an object")


class CaptureReader:
    """Cuts blocks of a capture into records, whatever the blocks: for replaying and following.

    `feed` returns the records of the lines that a block completes, `close` what a last line without
    LF holds. Bad lines are left out, described in `problems` and counted in `bad`.
    """

    def __init__(self, *, only: str | None = None, offset: int = 0) -> None:
        """Take where in the file the first block begins.

        With `only`, chunks of other runs are passed over unread, and of bad lines those are told
        that begin as a chunk of this run does: the others belong to no run.
        """
        self.problems: list[Problem] = []
        self.bad = 0
        self.line = 0
        """How many whole lines there were."""
        self.offset = offset
        """Where the first line that is not whole begins."""
        self.torn = False
        """Whether `close` found a last line that breaks off."""
        self._held: list[bytes] = []
        self._own = None if only is None else _chunk_head(only)

    def feed(self, block: bytes) -> list[CaptureLine]:
        """Take some bytes. Raises UnknownVersion, and nothing else."""
        if b"\n" not in block:
            self._held.append(block)
            return []
        if self._held:
            block = b"".join([*self._held, block])
            self._held.clear()
        lines = block.split(b"\n")
        rest = lines.pop()
        if rest:
            self._held.append(rest)
        records: list[CaptureLine] = []
        own, append = self._own, records.append
        for number, line in enumerate(lines, self.line + 1):
            if own is not None and line.startswith(CHUNK_HEAD) and not line.startswith(own):
                continue
            try:
                # The line that nearly all of a capture is made of, without a call for each field.
                value = from_json(line, allow_inf_nan=False)
                run, t_ns, text = value["run"], value["t"], value["data"]
                if (
                    value["k"] == "chunk"
                    and type(t_ns) is int
                    and 0 <= t_ns <= MAX_T_NS
                    and type(run) is str
                    and run
                ):
                    append(_new(ChunkLine, (run, t_ns, text.encode())))
                    continue
            except (ValueError, KeyError, TypeError, AttributeError):
                pass
            record = self._decode(line, number)
            if record is not None:
                append(record)
        self.line += len(lines)
        self.offset += len(block) - len(rest)
        return records

    def close(self) -> list[CaptureLine]:
        """Take the bytes after the last LF for a line, if they are one."""
        rest = b"".join(self._held)
        self._held.clear()
        try:
            record = decode_line(rest)
        except CaptureError:
            self.torn = True
            return []
        if rest:
            self.line += 1
            self.offset += len(rest)
        return [] if record is None else [record]

    def drop_held(self) -> None:
        """Forget the bytes after the last LF: the file was cut back to `offset`."""
        self._held.clear()

    def _decode(self, line: bytes, number: int) -> CaptureLine | None:
        try:
            return decode_line(line)
        except UnknownVersion:
            raise
        except CaptureError as error:
            if self._own is not None and not line.startswith(self._own):
                return None
            self.bad += 1
            if len(self.problems) < MAX_PROBLEMS:
                self.problems.append(Problem(number, str(error)))
            return None
