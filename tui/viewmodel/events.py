"""The rows of the event log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jiter import from_json

from tui.core.citations import host_of
from tui.core.records import EventRecord, JsonObject
from tui.core.sse import parse_frame
from tui.core.state import as_text
from tui.core.text import clip
from tui.core.timeline import Timeline
from tui.core.usage import token_counts
from tui.viewmodel.compact import compact
from tui.viewmodel.transcript import describe_error

_SUMMARY: Final = 400
"""Code points of a payload that a row of the log can show at most."""
_LONG: Final = 16_384
"""Bytes from which on only the beginning of an event is read: a row shows no more of it."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of the event log."""

    seq: int
    t_ns: int
    gap_ns: int
    glyph: str
    style: str
    type: str
    index: int
    what: str
    payload: str


_GLYPHS: Final[dict[str, tuple[str, str]]] = {
    "message_start": ("\u25c6", "message"),
    "content_block_start": ("\u250f", "block"),
    "content_block_delta": ("\u2503", "unknown"),
    "content_block_stop": ("\u2517", "block"),
    "message_delta": ("\u25c7", "message"),
    "message_stop": ("\u25a0", "message"),
    "ping": ("\u00b7", "ping"),
    "error": ("\u2717", "error"),
    "[DONE]": ("\u25a0", "ping"),
    "comment": (":", "ping"),
    "cut-off": ("\u2702", "error"),
}
_DELTA_STYLES: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "json",
    "citations_delta": "citation",
}


def event_row(timeline: Timeline, seq: int) -> EventRow:
    """Return one row of the log. Parses the one event, of a long one the beginning."""
    label = timeline.label(seq)
    t_ns = timeline.times[seq]
    gap = t_ns - timeline.times[seq - 1] if seq else 0
    glyph, style = _GLYPHS.get(label.type, ("?", "unknown"))
    if label.type == "content_block_delta":
        style = _DELTA_STYLES.get(label.delta, "unknown")
    what, payload = summarise(outline(timeline, seq), timeline)
    # Each clipped: a type or a delta's type can be as long as the sender likes.
    return EventRow(
        seq,
        t_ns,
        gap,
        glyph,
        style,
        clip(label.type, _SUMMARY),
        timeline.index(seq),
        clip(what, _SUMMARY),
        clip(payload, _SUMMARY),
    )


def outline(timeline: Timeline, seq: int) -> EventRecord:
    """Return an event; one that is long with no more of its payload than its beginning has.

    The cost is bounded, whatever the length. Flaws are left out of a long one.
    """
    offset, length = timeline.span(seq)
    if length <= _LONG:
        return timeline.record(seq)
    label = timeline.label(seq)
    data = parse_frame(timeline.raw.read(offset, _LONG) + b"\n\n").data
    payload: JsonObject | None = None
    try:
        found = from_json(data, partial_mode="trailing-strings", allow_inf_nan=False)
    except ValueError:
        pass
    else:
        payload = found if isinstance(found, dict) else None
    index, t_ns = timeline.index(seq), timeline.times[seq]
    return EventRecord(seq, t_ns, label.kind, label.type, index, payload, offset, length)


def summarise(record: EventRecord, timeline: Timeline) -> tuple[str, str]:
    """Return what an event says: a short word (such as the delta type) and the essence."""
    payload = record.payload
    if payload is None:
        raw = timeline.raw.read(record.offset, min(record.length, 2 * _SUMMARY))
        return "", " ".join(raw.decode("utf-8", "replace").split("\n")).strip()
    kind_of = record.type
    if kind_of == "content_block_delta":
        return _summarise_delta(payload.get("delta"))
    if kind_of == "content_block_start":
        block = payload.get("content_block")
        if isinstance(block, dict):
            rest = {k: v for k, v in block.items() if k != "type" and v not in ("", None, {}, [])}
            name = as_text(rest.pop("name", None)) if "name" in rest else None
            return compact(block.get("type")), "  ".join(filter(None, [name, compact(rest, "")]))
    if kind_of == "message_start":
        message = payload.get("message")
        if isinstance(message, dict):
            facts = [as_text(message.get("model")), _tokens(message.get("usage"), _AT_START)]
            return "", "  ".join(filter(None, [*facts, as_text(message.get("id"))]))
    if kind_of == "message_delta":
        delta = payload.get("delta")
        reason = as_text(delta.get("stop_reason")) if isinstance(delta, dict) else None
        return reason or "", _tokens(payload.get("usage"))
    if kind_of == "error":
        return "", describe_error(
            payload["error"] if isinstance(payload.get("error"), dict) else payload
        )
    rest = {k: v for k, v in payload.items() if k not in ("type", "index")}
    return "", compact(rest, "")


_AT_START: Final = ("in", "read", "written")
_AT_END: Final = ("out", *_AT_START, "thinking")


def _tokens(usage: object, names: Sequence[str] = _AT_END) -> str:
    """Return how many tokens of each kind there are; a usage without any as it is."""
    if not isinstance(usage, dict):
        return compact(usage, "")
    counts = token_counts(usage)
    known = {
        "in": counts.input,
        "out": counts.output,
        "read": counts.cache_read,
        "written": counts.cache_write,
        "thinking": counts.thinking,
    }
    told = [f"{name} {known[name]}" for name in names if known[name]]
    return "  ".join(told) or compact(usage, "")


def _summarise_delta(delta: object) -> tuple[str, str]:
    if not isinstance(delta, dict):
        return "", compact(delta)
    kind_of = compact(delta.get("type")).removesuffix("_delta")
    for name in ("text", "partial_json", "thinking"):
        value = delta.get(name)
        if isinstance(value, str):
            return kind_of, value
    cited = delta.get("citation")
    if isinstance(cited, dict) and as_text(cited.get("cited_text")):
        source = host_of(as_text(cited.get("url")) or "") or as_text(cited.get("document_title"))
        return kind_of, "  ".join(filter(None, [source, as_text(cited.get("cited_text"))]))
    return kind_of, compact({k: v for k, v in delta.items() if k != "type"}, "")
