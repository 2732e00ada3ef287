"""Event records: what one frame says, with its place and time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, NoReturn

from jiter import from_json

from tui.core.json_grammar import MAX_DEPTH
from tui.core.sse import Frame, FrameKind

JsonObject = dict[str, Any]


class Chunk(NamedTuple):
    """The bytes out of one network read."""

    t_ns: int
    """Nanoseconds since the request was sent, from a monotonic clock."""
    data: bytes


class Batch(NamedTuple):
    """Some chunks at once: their times and their bytes."""

    times: list[int]
    reads: list[bytes]


class Flaw(NamedTuple):
    """Something wrong with a single frame, seen before any state is looked at."""

    code: str
    detail: str


class EventRecord(NamedTuple):
    """One row of the log. `payload` is the parsed JSON object, None when there is none."""

    seq: int
    t_ns: int
    kind: FrameKind
    type: str
    block_index: int
    """The content block's index on the wire, -1 when absent or not usable."""
    payload: JsonObject | None
    offset: int
    length: int
    flaws: tuple[Flaw, ...] = ()


DONE: Final = "[DONE]"
COMMENT: Final = "comment"
CUT_OFF: Final = "cut-off"
UNTYPED: Final = "untyped"
MAX_INDEX: Final = 2**31 - 1
LONGEST: Final = 32 * 1024 * 1024
"""Bytes of data in one event that are read. The API takes no larger request, so no answer that has
more in one event could be sent back; a longer one would hold everything else up."""
_EVENT: Final = FrameKind.EVENT
_new: Final = tuple.__new__


def strict_loads(text: str) -> object:
    """Parse JSON as the standard says: no NaN, no Infinity.

    Raises ValueError for everything that is not JSON, also where the parser gives up (nesting too
    deep, an integer with too many digits).
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if "digits" in str(error):
            raise ValueError("a number has too many digits") from None
        raise
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_too_deep(value):
        raise ValueError("nested too deeply")
    return value


def _is_too_deep(value: object) -> bool:
    level: list[Iterable[object]] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item.values() if isinstance(item, dict) else item
            for items in level
            for item in items
            if isinstance(item, (dict, list))
        ]
    return bool(level)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def from_frame(frame: Frame, seq: int, t_ns: int) -> EventRecord:
    """Read a frame into a record. Total: any bytes give a record, faults become flaws."""
    kind, name, data, offset, length = frame
    if kind is _EVENT and len(data) <= LONGEST:
        try:
            payload = from_json(data, allow_inf_nan=False)
            kind_of = payload["type"]
            if name == kind_of.encode() or not name:
                index = payload.get("index")
                if type(index) is not int or not 0 <= index <= MAX_INDEX:
                    index = -1
                return _new(
                    EventRecord, (seq, t_ns, _EVENT, kind_of, index, payload, offset, length, ())
                )
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
    return _read_slowly(frame, seq, t_ns)


def _read_slowly(frame: Frame, seq: int, t_ns: int) -> EventRecord:
    kind, name_bytes, data, offset, length = frame
    name = name_bytes.decode("utf-8", "replace")
    if len(data) > LONGEST:
        detail = f"{len(data):,} bytes of data; no more than {LONGEST:,} are read"
        kind_of = CUT_OFF if kind == FrameKind.TAIL else name or UNTYPED
        flaw = Flaw("too_large", detail)
        return EventRecord(seq, t_ns, kind, kind_of, -1, None, offset, length, (flaw,))
    if kind == FrameKind.NOTE:
        return EventRecord(seq, t_ns, kind, COMMENT, -1, None, offset, length)
    flaws: list[Flaw] = []
    text = _decode(data, flaws)
    payload: JsonObject | None = None
    if text.strip() == DONE:
        return EventRecord(seq, t_ns, _EVENT, DONE, -1, None, offset, length, tuple(flaws))
    try:
        value = strict_loads(text)
    except ValueError as error:
        if kind == FrameKind.TAIL:
            flaws.append(Flaw("cut_off", "the response ended inside an event"))
            return EventRecord(seq, t_ns, kind, CUT_OFF, -1, None, offset, length, tuple(flaws))
        flaws.append(Flaw("bad_json", f"the data is not JSON: {error}"))
    else:
        if isinstance(value, dict):
            payload = value
        else:
            flaws.append(Flaw("not_an_object", f"the data is a JSON {_json_name(value)}"))
    if kind == FrameKind.TAIL:
        # Whole but for its blank line: the event is there, and dropping it would lose the answer.
        kind = _EVENT
        flaws.append(Flaw("unterminated_event", "the final blank line is missing"))
    kind_of = _type_of(payload, name, flaws)
    index = (payload or {}).get("index")
    if type(index) is not int or not 0 <= index <= MAX_INDEX:
        index = -1
    return EventRecord(seq, t_ns, kind, kind_of, index, payload, offset, length, tuple(flaws))


def _decode(data: bytes, flaws: list[Flaw]) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        flaws.append(Flaw("invalid_utf8", f"byte {error.start} of the data is not UTF-8"))
        return data.decode("utf-8", "replace")


def _type_of(payload: JsonObject | None, name: str, flaws: list[Flaw]) -> str:
    kind_of = None if payload is None else payload.get("type")
    if isinstance(kind_of, str):
        if name and name != kind_of:
            flaws.append(Flaw("type_mismatch", f"the event field says {name!r}"))
        return kind_of
    if payload is not None:
        flaws.append(Flaw("missing_type", "the data has no type"))
    return name or UNTYPED


def _json_name(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")
