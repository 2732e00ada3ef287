"""Exports to read and to watch: the transcript as Markdown, and as a terminal recording."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Final

from tui.captures.material import Material, pretty
from tui.captures.redact import redact_json, redact_text
from tui.core import reducer
from tui.core.citations import CitedSource, source_line
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import Block, RunState, as_text
from tui.core.text import clip, format_ns, one_line, sanitize
from tui.core.transcript_text import TranscriptText, call_line

_TICKS: Final = re.compile(r"`+")
_WIDTH: Final = 80
_HEIGHT: Final = 24


def to_markdown(material: Material) -> bytes:
    """Return the conversation: what was sent, where it is known, and the answer."""
    parts = [f"# {one_line(material.title)}", "\n".join(f"- {fact}" for fact in _facts(material))]
    request = material.request or {}
    if request.get("system"):
        parts += ["## System", *_content(request["system"])]
    messages = request.get("messages")
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict):
            role = as_text(message.get("role")) or "message"
            parts += [f"## {one_line(role).capitalize()}", *_content(message.get("content"))]
    parts.append("## Answer")
    parts += _answer(material.run.state)
    if material.run.error is not None:
        parts += ["## Error", _fenced(pretty(redact_json(material.run.error)), "json")]
    if material.findings:
        parts += ["## Findings", "\n".join(map(_finding, material.findings))]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return sanitize(redact_text(text)).encode("utf-8", "replace")


def _finding(finding: JsonObject) -> str:
    line = f"- **{finding['level']}** {_inline(finding['code'])} {one_line(finding['text'])}"
    advice = as_text(finding["advice"])
    return line if advice is None else f"{line} *{one_line(advice)}*"


def _facts(material: Material) -> list[str]:
    run = material.run
    state, metrics = run.state, run.metrics()
    facts = [f"Status: {run.status}"]
    if state.model is not None:
        facts.insert(0, f"Model: {one_line(state.model)}")
    if state.stop_reason is not None:
        facts.append(f"Stop reason: {one_line(state.stop_reason)}")
    counts = (("in", "input_tokens"), ("out", "output_tokens"))
    tokens = [f"{state.usage[name]} {way}" for way, name in counts if name in state.usage]
    if tokens:
        facts.append(f"Tokens: {one_line(', '.join(tokens))}")
    if run.timed:
        facts.append(f"First token: {format_ns(metrics.ttft)}, total: {format_ns(metrics.e2e)}")
    else:
        facts.append("Times: not known")
    return facts


def _answer(state: RunState) -> list[str]:
    """Return the blocks, text that citations split as one, and the sources."""
    told = TranscriptText()
    parts: list[str] = []
    for gain in told.take(state, whole=True):
        if gain.block.type != "text":
            parts += _part(_as_json(gain.block))
        elif gain.begins:
            parts.append(gain.text)
        else:
            parts[-1] += gain.text
    if told.sources.listed:
        parts += ["## Sources", "\n".join(map(_source, told.sources.listed))]
    return parts


def _source(source: CitedSource) -> str:
    place = f" <{one_line(source.place)}>" if source.place else ""
    return f"{source.number}. {one_line(source.title)}{place}"


def _as_json(block: Block) -> JsonObject:
    value = block.to_json()
    if len(block.json) and not (block.stopped and block.input_error is None):
        # What arrived of the input, as it stands.
        value["input"] = block.json.text()
    return value


def _content(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts: list[str] = []
    for item in content if isinstance(content, list) else []:
        parts += _part(item) if isinstance(item, dict) else [str(item)]
    return parts


def _part(block: JsonObject) -> list[str]:
    kind = block.get("type")
    if kind == "text":
        return [as_text(block.get("text")) or ""]
    if kind == "thinking":
        thinking = as_text(block.get("thinking")) or "(not shown by the API)"
        return ["\n".join(f"> {line}".rstrip() for line in ["*Thinking*", "", *_lines(thinking)])]
    if "input" in block:
        name = as_text(block.get("name")) or str(kind)
        value = block["input"]
        shown = value if isinstance(value, str) else pretty(redact_json(value))
        return [f"**Tool call** {_inline(name)}", _fenced(shown, "json")]
    if kind == "tool_result" or (isinstance(kind, str) and kind.endswith("_tool_result")):
        content = block.get("content")
        if isinstance(content, str):
            return ["**Tool result**", _fenced(content, "")]
        return ["**Tool result**", _fenced(pretty(redact_json(content)), "json")]
    return [f"**{one_line(str(kind))}**", _fenced(clip(pretty(redact_json(block)), 4000), "json")]


def _lines(text: str) -> list[str]:
    return text.split("\n")


def _inline(text: str) -> str:
    return f"`{one_line(text).replace('`', chr(39))}`"


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}{language}\n{text}\n{fence}"


# --- a terminal recording -------------------------------------------------------------------------


def to_asciicast(material: Material) -> bytes:
    """Return an asciicast v2 of the answer: at each time, what the transcript gained."""
    run = material.run
    pieces = [(t_ns, sanitize(text)) for t_ns, text in _gains(run)]
    whole = "".join(text for _, text in pieces)
    masked = redact_text(whole)
    if masked != whole:
        # A secret can lie across two pieces: by whole lines then, each when it was finished.
        pieces = _by_lines(pieces, masked)
    title = one_line(redact_text(material.title))
    header: JsonObject = {"version": 2, "width": _WIDTH, "height": _HEIGHT, "title": title}
    if not run.timed:
        header["title"] = f"{title} (synthetic timing)"
    started = _timestamp(material.created)
    if started is not None:
        header["timestamp"] = started
    lines = [json.dumps(header)]
    for t_ns, text in pieces:
        event = [round(t_ns / 1e9, 6), "o", text.replace("\n", "\r\n")]
        lines.append(json.dumps(event))
    return "\n".join([*lines, ""]).encode()


def _by_lines(pieces: list[tuple[int, str]], masked: str) -> list[tuple[int, str]]:
    finished: list[int] = []
    for t_ns, text in pieces:
        finished += [t_ns] * text.count("\n")
    last = pieces[-1][0]
    lines = masked.split("\n")
    ends = [*finished, *([last] * len(lines))]
    texts = [*(f"{line}\n" for line in lines[:-1]), lines[-1]]
    return [(t_ns, text) for t_ns, text in zip(ends, texts, strict=False) if text]


def _timestamp(created: str) -> int | None:
    try:
        return int(datetime.fromisoformat(created).timestamp())
    except (ValueError, OverflowError):
        return None


def _gains(run: Run) -> list[tuple[int, str]]:
    state = RunState()
    told = _Told()
    gains: list[tuple[int, str]] = []
    for record in run.timeline.records():
        reducer.apply(state, record)
        gained = told.gained(state)
        if gained:
            gains.append((record.t_ns, gained))
    reducer.end(state, run.state.end or "interrupted")
    gained = told.gained(state) + told.sources()
    if gained:
        gains.append((run.last_byte_ns or 0, gained))
    return gains


class _Told:
    """A message as lines that grow."""

    def __init__(self) -> None:
        self._text = TranscriptText()
        self._in_line = False

    def gained(self, state: RunState) -> str:
        """Return what is new."""
        pieces: list[str] = []
        for block, new, over, begins in self._text.take(state):
            call = over and block.is_tool
            if (call or (begins and block.type == "text")) and self._in_line:
                pieces.append("\n")
                self._in_line = False
            if block.type == "text":
                pieces.append(new)
                self._in_line = self._in_line or bool(new)
            elif call:
                pieces += (call_line(block), "\n")
        return "".join(pieces)

    def sources(self) -> str:
        """Return the end of the last line, and the sources."""
        listed = self._text.sources.listed
        lines = ["", *(one_line(source_line(source)) for source in listed)] if listed else []
        return "\n" * self._in_line + "".join(f"{line}\n" for line in lines)
