"""The transcript: prompt, content blocks, stop reason and how the run ended."""

from __future__ import annotations

from typing import Final

from tui.core.buffer import Buffer
from tui.core.failures import can_help
from tui.core.records import JsonObject
from tui.core.state import Block, as_text
from tui.core.text import clip
from tui.viewmodel.compact import compact
from tui.viewmodel.views import Tone, TranscriptItem, TranscriptView

_RENDERED: Final = 400_000
"""Code points of text up to which a transcript is rendered as Markdown."""


def transcript(view: TranscriptView) -> list[TranscriptItem]:
    """Return the transcript's items, in order."""
    return TranscriptItems().of(view)


class TranscriptItems:
    """The items of a transcript that grows. Those of blocks that ended are made once."""

    def __init__(self) -> None:
        self._made_of: tuple[object, ...] = ()
        self._items: list[TranscriptItem] = []
        self._blocks = 0
        """How many blocks the items are made of. Nothing will be added to these."""
        self._size = 0

    def of(self, view: TranscriptView) -> list[TranscriptItem]:
        """Return the items, in order: the same objects as before where nothing changed."""
        moment = view.moment
        state = moment.state
        # What protocol forbids, such as a delta after the stop of its block, is an anomaly.
        made_of = (moment.run, state, view.turns, view.prompt, len(state.anomalies))
        if not _same(made_of, self._made_of) or moment.travelling:
            self._items = list(view.turns)
            if view.prompt and not self._items:
                self._items.append(
                    TranscriptItem(("prompt", 0), "prompt", "you", view.prompt, False)
                )
            self._made_of = made_of
            self._blocks = self._size = 0
        paced = view.paced_text or {}
        items, size = self._items, self._size
        settled = True
        for position in range(self._blocks, len(state.blocks)):
            block = state.blocks[position]
            shown = paced.get(position)
            is_over = block.stopped and (shown is None or len(shown) == len(block.text))
            if settled and not is_over:
                settled, items = False, items.copy()
            size += len(block.text)
            items += _parts(view, position, block, shown, size > _RENDERED)
            if settled:
                self._blocks, self._size = position + 1, size
        return [*items, *_endings(view)]


def _same(first: tuple[object, ...], second: tuple[object, ...]) -> bool:
    return len(first) == len(second) and all(
        one is other or (isinstance(one, (int, str)) and one == other)
        for one, other in zip(first, second, strict=True)
    )


def _parts(
    view: TranscriptView, position: int, block: Block, paced: Buffer | None, is_long: bool
) -> list[TranscriptItem]:
    moment = view.moment
    highlight = moment.highlight
    parts = _block_items(position, block, moment.travelling or not moment.done)
    if paced is not None:
        is_open = parts[0].open or len(paced) < len(block.text)
        parts[0] = parts[0]._replace(body=paced, open=is_open)
    if highlight is not None and highlight.position == position and highlight.field != "json":
        parts[0] = parts[0]._replace(highlight=(highlight.start, highlight.end))
    if is_long:
        parts[0] = parts[0]._replace(long=True)
    return parts


def _block_items(position: int, block: Block, growing: bool) -> list[TranscriptItem]:
    key = ("block", position)
    is_open = growing and not block.stopped
    if block.type == "text":
        return [TranscriptItem(key, "text", "", block.text, is_open), *_citations(position, block)]
    if block.type == "thinking":
        size = len(block.thinking)
        label = f"thinking  {size} chars" if size else "thinking  (not shown by the API)"
        return [TranscriptItem(key, "thinking", label, block.thinking, is_open)]
    if block.type == "redacted_thinking":
        return [TranscriptItem(key, "block", "thinking, redacted", "", is_open, "muted")]
    if block.is_tool:
        name = as_text(block.start.get("name")) or block.type
        where = "" if block.type == "tool_use" else f"  {block.type.removesuffix('_tool_use')}"
        return [TranscriptItem(key, "tool", f"{name}  #{block.index}{where}", "", is_open)]
    if block.type.endswith("_tool_result"):
        return [
            TranscriptItem(
                key, "result", block.type.removesuffix("_tool_result"), _results(block), False
            )
        ]
    if block.type == "fallback":
        return [
            TranscriptItem(
                key, "block", "another model goes on", _fallback(block), False, "warning"
            )
        ]
    if block.type == "compaction":
        body = as_text(block.to_json().get("content")) or ""
        return [TranscriptItem(key, "block", "conversation compacted", body, is_open, "muted")]
    label = f"{block.type} block"
    return [TranscriptItem(key, "block", label, compact(_without_type(block)), is_open, "muted")]


def _without_type(block: Block) -> JsonObject:
    return {name: value for name, value in block.to_json().items() if name != "type"}


def _citations(position: int, block: Block) -> list[TranscriptItem]:
    if not block.citations:
        return []
    lines = [f"[{number}] {_cited(item)}" for number, item in enumerate(block.citations, 1)]
    return [TranscriptItem(("citations", position), "result", "citations", "\n".join(lines), False)]


def _cited(citation: object) -> str:
    if not isinstance(citation, dict):
        return compact(citation)
    title = as_text(citation.get("title")) or as_text(citation.get("document_title"))
    place = as_text(citation.get("url"))
    known = [part for part in (title, place) if part]
    return "  ".join(known) or clip(as_text(citation.get("cited_text")) or compact(citation), 200)


def _results(block: Block) -> str:
    content = block.start.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return compact(content)
    lines = []
    for item in content if isinstance(content, list) else []:
        if isinstance(item, dict) and as_text(item.get("title")):
            lines.append(f"{item['title']}  {as_text(item.get('url')) or ''}".rstrip())
        elif isinstance(item, dict) and as_text(item.get("text")):
            lines.append(item["text"])
        else:
            lines.append(compact(item))
    return "\n".join(lines)


def _fallback(block: Block) -> str:
    def model(name: str) -> str:
        value = block.start.get(name)
        return (as_text(value.get("model")) if isinstance(value, dict) else None) or "?"

    return f"{model('from')} \u2192 {model('to')}"


_STOPS: Final[dict[str, tuple[Tone, str]]] = {
    "end_turn": ("good", "the answer is complete"),
    "tool_use": ("good", "waiting for tool results"),
    "stop_sequence": ("good", "a stop sequence was reached"),
    "max_tokens": ("warning", "cut off at max_tokens"),
    "pause_turn": ("warning", "paused, to be continued"),
    "compaction": ("plain", "the conversation was compacted"),
    "refusal": ("bad", "the model declined"),
    "model_context_window_exceeded": ("warning", "the context window is full"),
}


def _endings(view: TranscriptView) -> list[TranscriptItem]:
    moment = view.moment
    state = moment.state
    items: list[TranscriptItem] = []
    reason = state.stop_reason
    if reason is not None:
        tone, meaning = _STOPS.get(reason, ("plain", "a stop reason this version does not know"))
        details = (state.message or {}).get("stop_details")
        body = compact(details) if details else ""
        items.append(TranscriptItem(("stop", 0), "stop", f"{reason}  {meaning}", body, False, tone))
    if view.damage is not None:
        items.append(TranscriptItem(("banner", 3), "banner", *view.damage, False, "warning"))
    if view.recording_failure is not None:
        text = f"{view.recording_failure}; the stream goes on"
        items.append(
            TranscriptItem(("banner", 1), "banner", "Not recorded any more", text, False, "warning")
        )
    if moment.travelling and moment.count < moment.head:
        return items
    banner = _banner(view)
    if banner is not None:
        items.append(banner)
    if view.stage is not None:
        items.append(TranscriptItem(("banner", 2), "banner", *view.stage, False, "warning"))
    return items


_HINTS: Final = {
    True: "It may pass: r sends the request again",
    False: "The same request will fail again: e shows it, to be changed",
    None: "r sends the request again",
}


def _banner(view: TranscriptView) -> TranscriptItem | None:
    key = ("banner", 0)
    if view.failure is not None:
        text = f"streamscope failed while reading: {view.failure}"
        return TranscriptItem(key, "banner", "Internal error", text, False, "bad")
    moment = view.moment
    status = moment.run.status
    error = moment.run.error
    message = describe_error(error)
    if status == "error":
        label = "Error" if moment.state.error else "Stream failed"
        hint = _HINTS[can_help(error)] if view.kind == "live" and view.stage is None else ""
        return TranscriptItem(
            key, "banner", label, "\n".join(filter(None, [message, hint])), False, "bad"
        )
    if status == "truncated":
        text = "the response ended without message_stop; what arrived is kept"
        return TranscriptItem(key, "banner", "Truncated", text, False, "warning")
    if status == "cancelled" and error is not None:
        # Not by the reader: a file or a pipe could not be read on.
        return TranscriptItem(key, "banner", "Interrupted", message, False, "bad")
    if status == "cancelled":
        billed = ", and may still be billed" if view.kind == "live" and view.stage is None else ""
        text = f"stopped before the end; what arrived is kept{billed}"
        return TranscriptItem(key, "banner", "Cancelled", text, False, "warning")
    if status == "not_sse":
        verdict = moment.run.verdict
        detail = verdict.detail if verdict else message
        return TranscriptItem(key, "banner", "Not an event stream", detail, False, "bad")
    if status == "empty":
        return TranscriptItem(key, "banner", "Empty", "the response has no bytes", False, "bad")
    return None


def describe_error(error: JsonObject | None) -> str:
    """Return an error object as one line: type, message, and the request id where known."""
    if error is None:
        return ""
    parts = [as_text(error.get("type")), as_text(error.get("message"))]
    known = ": ".join(part for part in parts if part) or compact(error)
    request_id = as_text(error.get("request_id"))
    return f"{known}  ({request_id})" if request_id else known
