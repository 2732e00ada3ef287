"""One event in full: what it is, what it changed, its JSON and its bytes."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from tui.core.anomalies import explain
from tui.core.records import EventRecord
from tui.core.session import Run
from tui.core.sse import parse_frame
from tui.core.state import RunState
from tui.core.text import clip, format_bytes, format_ns, one_line
from tui.viewmodel.compact import compact
from tui.viewmodel.events import outline
from tui.viewmodel.json_lines import json_lines
from tui.viewmodel.lines import LineStyle, StyledLine
from tui.viewmodel.usage_words import usage_words

_SHOWN_BYTES: Final = 65_536
_SHOWN_LINES: Final = 2_000
_SHOWN_VALUE: Final = 300
_PARSED: Final = 65_536
"""Characters of tool input up to which its value is shown; of more, the beginning of the text."""
_GOES_ON: Final = "\u21aa "
"""Stands before the rest of a line of bytes that is wider than the view: no line ends there."""
_ABSENT: Final = "\u2013"


def detail(
    run: Run, seq: int, *, as_hex: bool, width: int = 80, request_id: str | None = None
) -> list[StyledLine]:
    """Return all there is to say about event `seq` of a run. Bounded, whatever its size.

    `width` is the room that a row of hex has. The bytes come last, under the last heading.
    """
    record = outline(run.timeline, seq)
    raw = run.timeline.raw.read(record.offset, min(record.length, _SHOWN_BYTES))
    lines = _facts(run, record)
    if request_id is not None:
        lines.append(_line("plain", one_line(request_id), "request  "))
    lines.append(_line("plain", ""))
    known = run.state.anomalies
    first, last = (bisect_left(known, number, key=lambda one: one.seq) for number in (seq, seq + 1))
    anomalies = known[first:last]
    for anomaly in anomalies:
        lines.append(_line("warning", f"{anomaly.code}: {anomaly.detail}", "\u26a0 "))
        if explain(anomaly.code):
            lines.append(_line("muted", explain(anomaly.code), "  "))
    if anomalies:
        lines.append(_line("plain", ""))
    lines.append(_line("heading", "Changed"))
    changes = changed(run, record)
    lines += [
        _line("plain", f"{before} \u2192 {after}", f"{name}  ") for name, before, after in changes
    ]
    if not changes:
        lines.append(_line("muted", "nothing in the message"))
    if any(name.startswith("usage.") for name, _, _ in changes):
        usage = run.timeline.at(seq + 1).usage
        lines += [_line("plain", words, "usage  ") for words in usage_words(usage)]
    if record.payload is not None:
        lines += [_line("plain", ""), _line("heading", "JSON"), *_pretty(raw, record.length)]
    title = "Bytes, in hex" if as_hex else "Bytes, as received"
    lines += [_line("plain", ""), _line("heading", title)]
    return lines + (_hex(raw, record.length, width) if as_hex else _bytes(raw, record.length))


def _line(style: LineStyle, text: str, label: str = "") -> StyledLine:
    return StyledLine(((text, style),), label, "label")


def _facts(run: Run, record: EventRecord) -> list[StyledLine]:
    timeline = run.timeline
    times = timeline.times
    chunk = run.timeline.raw.chunk_at(record.offset + max(record.length - 1, 0))
    gap = record.t_ns - times[record.seq - 1] if record.seq else None
    size = format_bytes(record.length)
    lines = [
        _line(
            "heading", record.type + ("" if record.block_index < 0 else f"  #{record.block_index}")
        ),
        _line("plain", f"{record.seq}, {size} at offset {record.offset}", "event    "),
    ]
    if run.timed:
        lines.append(_line("plain", f"{record.t_ns / 1e9:.6f} s after the request", "arrived  "))
        lines.append(_line("plain", format_ns(gap), "gap      "))
    shared = len(_neighbours(run, record.seq, chunk))
    reads = len(timeline.raw.chunk_times)
    with_it = f", with {shared - 1} other{'s' * (shared != 2)}" if shared > 1 else ""
    lines.append(_line("plain", f"{chunk + 1} of {reads}{with_it}", "read     "))
    return lines


def _neighbours(run: Run, seq: int, chunk: int) -> list[int]:
    """Return the events that were completed by the same read, looking no further than 1,000."""
    timeline = run.timeline

    def same(other: int) -> bool:
        offset, length = timeline.span(other)
        return timeline.raw.chunk_at(offset + max(length - 1, 0)) == chunk

    found = [seq]
    for step in (-1, 1):
        other = seq + step
        while 0 <= other < len(timeline) and abs(other - seq) < 1_000 and same(other):
            found.append(other)
            other += step
    return found


def changed(run: Run, record: EventRecord) -> list[tuple[str, str, str]]:
    """Return what an event changed in the state: (field, before, after)."""
    before = _snapshot(run.timeline.at(record.seq), record)
    after = _snapshot(run.timeline.at(record.seq + 1), record)
    names = [*before, *(name for name in after if name not in before)]
    return [
        (name, before.get(name, _ABSENT), after.get(name, _ABSENT))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _snapshot(state: RunState, record: EventRecord) -> dict[str, str]:
    """Return the parts of a state that one event can change, as short texts."""
    facts = {"phase": state.phase.name.lower()}
    for name, value in state.fields().items():
        if name != "content":
            facts[f"message.{name}"] = clip(compact(value), _SHOWN_VALUE)
    for name, value in state.usage.items():
        facts[f"usage.{name}"] = clip(compact(value), _SHOWN_VALUE)
    if state.error is not None:
        facts["error"] = clip(compact(state.error), _SHOWN_VALUE)
    if record.type == "message_start":
        facts["content"] = f"{len(state.blocks)} blocks"
    block = state.by_index.get(record.block_index)
    if block is None:
        return facts
    prefix = f"content[{state.blocks.index(block)}]"
    facts[f"{prefix}.type"] = block.type
    facts[f"{prefix}"] = "stopped" if block.stopped else "open"
    for name, buffer in (("text", block.text), ("thinking", block.thinking), ("json", block.json)):
        if len(buffer):
            tail = buffer.slice(max(len(buffer) - 40, 0))
            start = "\u2026" if len(buffer) > 40 else ""
            facts[f"{prefix}.{name}"] = f"{len(buffer)} chars {start}{tail!r}"
    if len(block.fragments):
        facts[f"{prefix}.fragments"] = str(len(block.fragments))
    if block.citations:
        facts[f"{prefix}.citations"] = str(len(block.citations))
    if block.stopped and len(block.json):
        short = len(block.json) <= _PARSED
        shown = compact(block.input) if short else block.json.slice(0, _SHOWN_VALUE + 1)
        facts[f"{prefix}.input"] = clip(shown, _SHOWN_VALUE)
    for name, value in block.extras.onto(block.patch).items():
        facts[f"{prefix}.{name}"] = clip(compact(value), _SHOWN_VALUE)
    return facts


def _pretty(raw: bytes, length: int) -> list[StyledLine]:
    """Lay out the JSON of an event of `length` bytes, of which `raw` are the first."""
    data = parse_frame(raw if len(raw) == length else raw + b"\n\n").data
    return json_lines(data.decode("utf-8", "replace"), length if len(raw) < length else None)


def _bytes(raw: bytes, length: int) -> list[StyledLine]:
    """Show the bytes of an event of `length` bytes, of which `raw` are the first."""
    pieces = raw.split(b"\n")
    shown = raw if len(pieces) <= _SHOWN_LINES else b"\n".join(pieces[:_SHOWN_LINES])
    text = shown.decode("utf-8", "backslashreplace")
    lines = [StyledLine(((line, "code"),), cut=_GOES_ON) for line in text.rstrip("\n").split("\n")]
    return lines + _left_out(length - len(shown))


def _hex(raw: bytes, length: int, width: int) -> list[StyledLine]:
    """Show the same in hex: as many bytes in a row as fit, of 16, 8 and 4."""
    shown = raw[: _SHOWN_BYTES // 4]
    count = next((count for count in (16, 8) if len(_hex_row(b"", 0, count)) + count <= width), 4)
    lines = [_line("code", _hex_row(shown, at, count)) for at in range(0, len(shown), count)]
    return lines + _left_out(length - len(shown))


def _hex_row(data: bytes, at: int, count: int) -> str:
    row = data[at : at + count]
    size = min(count, 8)
    groups = [row[place : place + size] for place in range(0, count, size)]
    shown = "  ".join(f"{group.hex(' '):<{3 * size - 1}}" for group in groups)
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
    return f"{at:06x}  {shown}  {text}"


def _left_out(size: int) -> list[StyledLine]:
    return [_line("muted", f"and {format_bytes(size)} more")] if size else []
