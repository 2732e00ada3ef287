"""A scenario made to fit the request it answers: model, ids, usage, and where the answer ends.

Only what has to change is changed, in place: the chunks and their times stay. A scenario that is
odd on purpose stays as it is, to the byte.
"""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from tui.core.records import Chunk, EventRecord, JsonObject
from tui.mock.splice import Edit, cut, part_of, read, spliced
from tui.mock.splice import replace as put
from tui.mock.usage import LIFETIMES_NS, Counted
from tui.scenarios import Scenario
from tui.scenarios.frame_writer import FrameWriter

_KNOWN: Final = frozenset(
    "message_start content_block_start content_block_delta content_block_stop message_delta "
    "message_stop ping error cut-off".split()
)
_COUNTING: Final = ("message_start", "message_delta")
_ANY_ID: Final = re.compile(rb"\b(msg|toolu|srvtoolu|req)_01[1-9A-Za-z]{22}\b")


@dataclass(frozen=True, slots=True)
class Order:
    """What a request asks of its answer."""

    model: str
    counted: Counted
    max_tokens: int
    stop_sequences: tuple[str, ...]
    request_id: str
    rng: random.Random
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields that the message has besides."""


class _Cut(NamedTuple):
    """Where an answer ends early: before this event, but for so many characters of it."""

    at: int
    kept: int
    reason: str
    sequence: str | None


class _Stretch(NamedTuple):
    """Chunks that lie side by side and differ from answer to answer: where, and their offset."""

    first: int
    end: int
    offset: int


class AnswerTemplate:
    """A scenario that was read once, to be fitted to any number of requests.

    One that is not to be `changed`, or is odd on purpose, stays as it is. What is kept is small,
    and most of an answer is shared with all others: only the chunks with ids or with usage are new.
    """

    def __init__(self, scenario: Scenario, *, changed: bool = True) -> None:
        self.scenario = scenario
        records = read(scenario.chunks) if changed else []
        self._fits = _ordinary(scenario, records)
        self._ends = bool(records) and records[-1].type == "message_stop"
        self._counting = [each for each in records if each.type in _COUNTING]
        self._stretches = _stretches(scenario.chunks, self._counting)

    def fit(self, order: Order) -> Scenario:
        """The scenario as the answer to a request."""
        scenario = self.scenario
        if not self._fits:
            return scenario
        wire = FrameWriter(order.rng.random, ascii_only=False)
        ids = _Ids(order.request_id, wire)
        edits, finish = self._edits(order, ids, wire)
        # An id and the one in its place are of one length: the records' places stay right.
        chunks = list(scenario.chunks)
        for first, end, offset in reversed(self._stretches):
            renewed = [Chunk(t_ns, ids.renewed(data)) for t_ns, data in chunks[first:end]]
            size = sum(len(data) for _, data in renewed)
            inside = [
                Edit(edit.start - offset, edit.end - offset, edit.data)
                for edit in edits
                if 0 <= edit.start - offset < size
            ]
            chunks[first:end] = spliced(renewed, inside)
        if finish and self._ends and _may_end_early(finish, order):
            # What the events are after that is looked up anew: seldom, and so it is not kept.
            return _ended(scenario, chunks, order, wire)
        return replace(scenario, chunks=tuple(chunks))

    def _edits(self, order: Order, ids: _Ids, wire: FrameWriter) -> tuple[list[Edit], JsonObject]:
        """The events with model and usage of the request, and the one that ends the message."""
        edits: list[Edit] = []
        finish: JsonObject = {}
        begun = 0
        for record in self._counting:
            payload = record.payload or {}
            if record.type == "message_start":
                message = payload["message"]
                begun = message["usage"]["input_tokens"]
                usage = _counted(message["usage"], order.counted, begun)
                usage["output_tokens"] = min(usage["output_tokens"], order.max_tokens)
                said = {**message, **order.extra, "model": order.model, "usage": usage}
                payload = {**payload, "message": said}
            else:
                usage = _counted(payload["usage"], order.counted, begun)
                finish = payload = {**payload, "usage": usage}
            edits.append(put(record, ids.renewed(wire.frame(payload))))
        return edits, finish


def _stretches(chunks: Sequence[Chunk], counting: Sequence[EventRecord]) -> list[_Stretch]:
    runs: list[_Stretch] = []
    offset = 0
    for at, (_, data) in enumerate(chunks):
        end = offset + len(data)
        counts = any(
            record.offset < end and record.offset + record.length > offset for record in counting
        )
        if counts or _ANY_ID.search(data):
            if runs and runs[-1].end == at:
                runs[-1] = runs[-1]._replace(end=at + 1)
            else:
                runs.append(_Stretch(at, at + 1, offset))
        offset = end
    return runs


def _may_end_early(finish: JsonObject, order: Order) -> bool:
    return bool(order.stop_sequences) or finish["usage"]["output_tokens"] > order.max_tokens


def _ended(
    scenario: Scenario, chunks: Sequence[Chunk], order: Order, wire: FrameWriter
) -> Scenario:
    """The answer in `chunks`, ended early where the request has it so."""
    records = read(chunks)
    finish = next(each for each in reversed(records) if each.type == "message_delta").payload or {}
    if not order.max_tokens:
        # Nothing was read on the way either.
        begun = (records[0].payload or {})["message"]["usage"]
        finish = {**finish, "usage": {key: begun[key] for key in finish["usage"] if key in begun}}
    if (end := _end(records, finish, order)) is None:
        return replace(scenario, chunks=tuple(chunks))
    tail = b"".join(wire.frame(event) for event in _ending(records, end, finish, order.max_tokens))
    chunks = cut(chunks, records[end.at].offset, tail)
    return replace(scenario, chunks=chunks, how="eof", duration_ns=chunks[-1].t_ns)


def fitted(scenario: Scenario, order: Order) -> Scenario:
    """The scenario as the answer to one request; see `AnswerTemplate`."""
    return AnswerTemplate(scenario).fit(order)


class _Ids:
    """Every id another one, the same wherever it is repeated: two answers never share one."""

    def __init__(self, request_id: str, wire: FrameWriter) -> None:
        self._fresh: dict[bytes, bytes] = {}
        self._request_id = request_id.encode()
        self._wire = wire

    def renewed(self, data: bytes) -> bytes:
        """`data` with other ids in place of its own."""
        return _ANY_ID.sub(self._new, data)

    def _new(self, match: re.Match[bytes]) -> bytes:
        kind = match[1].decode()
        if kind == "req":
            return self._request_id
        if match[0] not in self._fresh:
            self._fresh[match[0]] = self._wire.new_id(f"{kind}_").encode()
        return self._fresh[match[0]]


def _ordinary(scenario: Scenario, records: Sequence[EventRecord]) -> bool:
    """Whether it is one plain message: every event known, the model and the usage as usual."""
    if not records or records[0].type != "message_start":
        return False
    message = (records[0].payload or {}).get("message")
    if not isinstance(message, dict) or message.get("model") != scenario.request.get("model"):
        return False
    usages = [message.get("usage")]
    for record in records[1:]:
        if record.type not in _KNOWN or record.type == "message_start":
            return False
        if record.type == "message_delta":
            usages.append((record.payload or {}).get("usage"))
    # `iterations` counts several models or passes, which one estimate says nothing about.
    counted = all(
        isinstance(usage, dict)
        and type(usage.get("input_tokens", 0)) is int
        and type(usage.get("output_tokens")) is int
        and "iterations" not in usage
        for usage in usages
    )
    return counted and "input_tokens" in message["usage"]


def _counted(usage: JsonObject, counted: Counted, begun: int) -> JsonObject:
    """`usage` with the tokens of the request; what the answer itself has read comes on top."""
    new = dict(usage)
    if "input_tokens" in usage:
        new["input_tokens"] = counted.input + usage["input_tokens"] - begun
    if "cache_creation_input_tokens" in usage:
        new["cache_creation_input_tokens"] = sum(counted.written.values())
    if "cache_read_input_tokens" in usage:
        new["cache_read_input_tokens"] = counted.read
    if "cache_creation" in usage:
        new["cache_creation"] = {
            f"ephemeral_{ttl}_input_tokens": counted.written.get(ttl, 0) for ttl in LIFETIMES_NS
        }
    return new


def _end(records: Sequence[EventRecord], finish: JsonObject, order: Order) -> _Cut | None:
    """Where the request has the answer end, None where it may go on to its own end."""
    if not order.max_tokens:
        # Only read, for the cache: not even a block is begun.
        return _Cut(_after_start(records), 0, "max_tokens", None)
    ends = [_at_stop_sequence(records, order.stop_sequences)]
    written = finish["usage"]["output_tokens"]
    if written > order.max_tokens:
        ends.append(_at_characters(records, _characters(records) * order.max_tokens // written))
    found = [end for end in ends if end is not None]
    return min(found, key=lambda end: (end.at, end.kept)) if found else None


def _after_start(records: Sequence[EventRecord]) -> int:
    return next(at for at, record in enumerate(records) if record.type == "message_start") + 1


def _characters(records: Sequence[EventRecord]) -> int:
    return sum(len(piece.text) for record in records if (piece := part_of(record)) is not None)


def _at_characters(records: Sequence[EventRecord], allowed: int) -> _Cut | None:
    for at, record in enumerate(records):
        if (piece := part_of(record)) is None:
            continue
        if len(piece.text) > allowed:
            return _Cut(at, allowed, "max_tokens", None)
        allowed -= len(piece.text)
    return None


def _at_stop_sequence(records: Sequence[EventRecord], sequences: Sequence[str]) -> _Cut | None:
    if not sequences:
        return None
    texts: defaultdict[int, str] = defaultdict(str)
    begins: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    longest = max(map(len, sequences), default=0)
    for at, record in enumerate(records):
        piece, index = part_of(record), record.block_index
        if piece is None or piece.kind != "text_delta":
            continue
        old = len(texts[index])
        begins[index].append((old, at))
        texts[index] += piece.text
        since = max(0, old - longest + 1)
        places = ((texts[index].find(sequence, since), sequence) for sequence in sequences)
        found = min((place for place in places if place[0] >= 0), default=None)
        if found is not None:
            begin, holder = max(pair for pair in begins[index] if pair[0] <= found[0])
            return _Cut(holder, found[0] - begin, "stop_sequence", found[1])
    return None


def _ending(
    records: Sequence[EventRecord], end: _Cut, finish: JsonObject, allowed: int
) -> list[JsonObject]:
    """The events of an early end: the rest of a delta, the open blocks closed, the message too."""
    before = records[: end.at]
    open_blocks: dict[int, None] = {}
    for record in before:
        if record.type == "content_block_start":
            open_blocks[record.block_index] = None
        elif record.type == "content_block_stop":
            open_blocks.pop(record.block_index, None)
    events: list[JsonObject] = []
    holder = records[end.at]
    if end.kept and (piece := part_of(holder)) is not None:
        delta = {"type": piece.kind, piece.field: piece.text[: end.kept]}
        events.append({**(holder.payload or {}), "delta": delta})
    events += ({"type": "content_block_stop", "index": index} for index in open_blocks)
    stopped = {"stop_reason": end.reason, "stop_sequence": end.sequence, "stop_details": None}
    usage = _usage_at(records, end, finish["usage"], allowed)
    events.append({**finish, "delta": {**finish.get("delta", {}), **stopped}, "usage": usage})
    events.append({"type": "message_stop"})
    return events


def _usage_at(
    records: Sequence[EventRecord], end: _Cut, usage: dict[str, Any], allowed: int
) -> JsonObject:
    written = usage["output_tokens"]
    share = (_characters(records[: end.at]) + end.kept) / max(1, _characters(records))
    tokens = max(min(1, allowed), math.ceil(written * share))
    new = {**usage, "output_tokens": tokens}
    if isinstance(details := usage.get("output_tokens_details"), dict):
        thinking = min(details.get("thinking_tokens", 0), tokens)
        new["output_tokens_details"] = {**details, "thinking_tokens": thinking}
    return new
