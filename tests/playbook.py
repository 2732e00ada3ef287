"""Streams written by hand: `play(message_start(), *text_block(0, "hi")).expect(text="hi")`.

The builders return events as JSON objects, with the names the protocol gives them. `play` writes
them as server-sent events and reads them back; bytes among the events stay as they are. Whatever is
played is held to the laws in `check_laws` and read byte by byte as well: the result does not depend
on the chunks, the log gives back what went in, and every report is strict JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

from tui.core.records import EventRecord, JsonObject, from_frame
from tui.core.reducer import fold
from tui.core.report import dumps, file_report
from tui.core.session import Run, Session
from tui.core.sse import Decoder, Frame, FrameKind
from tui.core.state import End, RunState
from tui.core.timeline import Timeline

BOM: Final = b"\xef\xbb\xbf"
DONE: Final = b"data: [DONE]\n\n"
NAMED_DONE: Final = b"event: data\ndata: [DONE]\n\n"

_UNSET: Final = object()

# --- events ---------------------------------------------------------------------------------------


def message_start(*content: object, **fields: object) -> JsonObject:
    """Begin a message; `fields` replace or add to what it has."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": list(content),
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 1},
    }
    return {"type": "message_start", "message": message | fields}


def block_start(index: int, kind: str, **fields: object) -> JsonObject:
    """Begin a content block of any type."""
    return {
        "type": "content_block_start",
        "index": index,
        "content_block": {"type": kind} | fields,
    }


def text_start(index: int = 0) -> JsonObject:
    return block_start(index, "text", text="")


def thinking_start(index: int = 0) -> JsonObject:
    return block_start(index, "thinking", thinking="", signature="")


def tool_start(index: int = 0, name: str = "get_weather", **fields: object) -> JsonObject:
    return block_start(
        index, "tool_use", **({"id": f"toolu_{index}", "name": name, "input": {}} | fields)
    )


def delta(index: int, kind: str, **fields: object) -> JsonObject:
    """A delta of any type."""
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": kind} | fields,
    }


def text(index: int, value: str, **extras: object) -> JsonObject:
    return delta(index, "text_delta", text=value, **extras)


def thinking(index: int, value: str, **extras: object) -> JsonObject:
    return delta(index, "thinking_delta", thinking=value, **extras)


def signature(index: int, value: str, **extras: object) -> JsonObject:
    return delta(index, "signature_delta", signature=value, **extras)


def fragment(index: int, value: str, **extras: object) -> JsonObject:
    """A piece of a tool's input."""
    return delta(index, "input_json_delta", partial_json=value, **extras)


def citation(index: int, value: object, **extras: object) -> JsonObject:
    return delta(index, "citations_delta", citation=value, **extras)


def block_stop(index: int = 0) -> JsonObject:
    return {"type": "content_block_stop", "index": index}


def message_delta(
    stop_reason: str | None = "end_turn", usage: object = _UNSET, **extras: object
) -> JsonObject:
    """End the answer; `extras` stand beside `delta`, not in it."""
    counts = {"output_tokens": 15} if usage is _UNSET else usage
    ending = {"stop_reason": stop_reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": ending, "usage": counts} | extras


def message_stop(**extras: object) -> JsonObject:
    return {"type": "message_stop"} | extras


def ping() -> JsonObject:
    return {"type": "ping"}


def error(kind: str = "overloaded_error", message: str = "Overloaded") -> JsonObject:
    return {"type": "error", "error": {"type": kind, "message": message}}


def text_block(index: int, *pieces: str) -> list[JsonObject]:
    """A whole text block."""
    return [text_start(index), *(text(index, piece) for piece in pieces), block_stop(index)]


def tool_block(
    index: int, *fragments: str, name: str = "get_weather", **fields: object
) -> list[JsonObject]:
    """A whole tool call."""
    pieces = (fragment(index, piece) for piece in fragments)
    return [tool_start(index, name, **fields), *pieces, block_stop(index)]


def ending(stop_reason: str | None = "end_turn") -> list[JsonObject]:
    return [message_delta(stop_reason), message_stop()]


# --- the wire -------------------------------------------------------------------------------------


def sse(event: object, name: str | None = None, line_end: bytes = b"\n") -> bytes:
    """Write one event. Its name is its type unless another is given; empty for none."""
    data = event if isinstance(event, str) else json.dumps(event)
    if name is None:
        kind = event.get("type") if isinstance(event, dict) else None
        # A type with a line end or half a surrogate pair in it cannot stand in an `event:` line.
        name = kind if isinstance(kind, str) and kind.isprintable() else ""
    lines = [f"event: {name}"] if name else []
    lines += [f"data: {line}" for line in data.split("\n")]
    return b"".join(line.encode() + line_end for line in [*lines, ""])


def wire(*items: JsonObject | bytes) -> bytes:
    """Write events one after another; bytes stay as they are."""
    return b"".join(item if isinstance(item, bytes) else sse(item) for item in items)


def record(seq: int, event: JsonObject, t_ns: int = 0) -> EventRecord:
    """An event as a record, without the wire."""
    return from_frame(Frame(FrameKind.EVENT, b"", json.dumps(event).encode(), 0, 1), seq, t_ns)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut `data` at `places`, in any order, also twice at the same one."""
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in zip(edges, edges[1:], strict=False)]


def run(chunks: Sequence[bytes], how: End = "eof", detail: JsonObject | None = None) -> Session:
    """Feed a session, a chunk each millisecond, and end it."""
    session = Session()
    for number, chunk in enumerate(chunks):
        session.feed(number * 1_000_000, chunk)
    session.finish(len(chunks) * 1_000_000, how, detail)
    return session


# --- laws -----------------------------------------------------------------------------------------


def check_laws(session: Session, data: bytes) -> None:
    """Hold an ended session that was fed `data` to what is true of all of them."""
    report = file_report(None, session.runs)
    assert strict(dumps(report)) is not None
    assert session.raw.read(0, len(data)) == data
    assert sum(part.size for part in session.runs) == len(data)
    check_records(session, data)
    at = 0
    for part in session.runs:
        for seq in range(len(part.timeline)):
            offset, length = part.timeline.span(seq)
            assert length > 0
            assert is_filling(data[at:offset], first=at == 0)
            at = offset + length
        records = list(part.timeline.records())
        assert [record.seq for record in records] == list(range(len(records)))
        assert_same_fold(part, fold(records))
        assert_same_fold(part, part.timeline.at(len(records)))
    assert is_filling(data[at:], first=at == 0)


def check_records(session: Session, data: bytes) -> None:
    """Each record has bytes of its own, and they say what was decoded from the whole."""
    decoder = Decoder()
    frames = [*decoder.feed(data), *decoder.close()]
    first = 0
    for part in session.runs:
        count = len(part.timeline)
        for seq, frame in enumerate(frames[first : first + count]):
            record = part.timeline.record(seq)
            assert record == from_frame(frame, seq, record.t_ns)
            raw = part.timeline.raw_event(seq)
            assert raw[:1] not in b"\r\n"
            # A BOM inside of the stream is part of a field's name.
            assert data.startswith(raw, record.offset)
        first += count
    assert first == len(frames)


def assert_same_fold(part: Run, state: RunState) -> None:
    """The state grew from the records alone: only the end and what is said of it come on top."""
    live = part.state
    assert state.message_json() == live.message_json()
    assert (state.phase, state.counts, state.usage) == (live.phase, live.counts, live.usage)
    assert (state.blocks, state.gaps_ns) == (live.blocks, live.gaps_ns)
    if part.verdict is None:
        assert live.anomalies[: len(state.anomalies)] == state.anomalies


def is_filling(gap: bytes, *, first: bool) -> bool:
    """Bytes that belong to no frame: line ends, and a byte order mark in front of everything."""
    return not (gap.removeprefix(BOM) if first else gap).strip(b"\r\n")


def strict(document: str) -> object:
    """Parse JSON as other languages do."""

    def refuse(name: str) -> NoReturn:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(document, parse_constant=refuse)


def assert_same_runs(left: Session, right: Session) -> None:
    """Two sessions saw the same, times aside."""
    assert len(left.runs) == len(right.runs)
    for one, other in zip(left.runs, right.runs, strict=True):
        assert (one.status, one.size, one.error) == (other.status, other.size, other.error)
        assert one.state.anomalies == other.state.anomalies
        assert one.state.counts == other.state.counts
        assert one.state.message_json() == other.state.message_json()
        assert one.state.tool_reports() == other.state.tool_reports()
        assert spans(one.timeline) == spans(other.timeline)


def assert_same_to_the_last_detail(left: Session, right: Session) -> None:
    assert_same_runs(left, right)
    assert left.raw.chunk_times == right.raw.chunk_times
    assert left.raw.chunk_offsets == right.raw.chunk_offsets
    for one, other in zip(left.runs, right.runs, strict=True):
        assert one.state == other.state
        assert one.metrics() == other.metrics()
        for name in ("first_offset", "size", "first_byte_ns", "last_byte_ns", "verdict"):
            assert getattr(one, name) == getattr(other, name)
        assert one.timeline.times == other.timeline.times
        assert one.timeline.indexes == other.timeline.indexes
        for seq in range(len(one.timeline)):
            assert one.timeline.label(seq) == other.timeline.label(seq)


def spans(timeline: Timeline) -> list[tuple[int, int]]:
    return [timeline.span(seq) for seq in range(len(timeline))]


# --- the play -------------------------------------------------------------------------------------


class Played:
    """What became of a stream; `number` says which of its runs is looked at."""

    def __init__(self, session: Session, number: int = 0) -> None:
        self.session = session
        self.run = session.runs[number]
        self.state = self.run.state

    def second(self) -> Played:
        """The second message of the stream."""
        return Played(self.session, 1)

    @property
    def message(self) -> JsonObject:
        message = self.state.message_json()
        assert message is not None
        return message

    @property
    def content(self) -> list[JsonObject]:
        content = self.message["content"]
        assert isinstance(content, list)
        return content

    def expect(
        self,
        *,
        status: str = "complete",
        anomalies: Sequence[str] = (),
        text: str | None = None,
        content: Sequence[JsonObject] | None = None,
        usage: JsonObject | None = None,
        runs: int | None = None,
        **fields: object,
    ) -> Played:
        """Compare with the run. What is not named here is complete and without anomalies.

        `text` is all text joined, `content` the content with the named keys only, `fields` are
        fields of the message.
        """
        assert self.run.status == status
        assert [anomaly.code for anomaly in self.state.anomalies] == list(anomalies)
        if text is not None:
            assert "".join(block.text.text() for block in self.state.blocks) == text
        if content is not None:
            assert len(self.content) == len(content)
            for block, wanted in zip(self.content, content, strict=True):
                assert {name: block.get(name, "absent") for name in wanted} == wanted
        if usage is not None:
            assert self.message["usage"] == usage
        if runs is not None:
            assert len(self.session.runs) == runs
        for name, value in fields.items():
            assert self.message.get(name) == value
        return self

    def expect_tool(
        self, number: int = 0, *, state: str, value: object = None, raw: str, fragments: int
    ) -> Played:
        """Compare with the report on one tool call."""
        report = self.state.tool_reports()[number]
        found = (report.state, report.input, report.raw, report.fragments)
        assert found == (state, value, raw, fragments)
        return self


def play(
    *items: JsonObject | bytes,
    how: End = "eof",
    detail: JsonObject | None = None,
) -> Played:
    """Send events, or raw bytes, down the wire and read what comes out of it."""
    data = wire(*items)
    whole = run([data], how, detail)
    check_laws(whole, data)
    bytewise = run([data[at : at + 1] for at in range(len(data))], how, detail)
    check_laws(bytewise, data)
    assert_same_runs(whole, bytewise)
    return Played(whole)
