"""The transcript: prompt, content blocks, stop reason and how the run ended."""

from __future__ import annotations

from typing import Final

from tui.core.buffer import Buffer
from tui.core.citations import (
    CitedSources,
    CitedText,
    is_cited,
    joins,
    source_line,
    sources_of,
)
from tui.core.failures import can_help
from tui.core.records import JsonObject
from tui.core.state import Block, Phase, RunState, as_text
from tui.core.text import one_line
from tui.viewmodel.compact import compact
from tui.viewmodel.lines import StyledLine
from tui.viewmodel.media import DESCRIBED, describe_part, opaque_size, told_size, unread_fields
from tui.viewmodel.next_steps import next_steps
from tui.viewmodel.results import result_form
from tui.viewmodel.views import Moment, Tone, TranscriptItem, TranscriptView

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
        self._sources = CitedSources()
        self._joined: _Joined | None = None
        """The last text with citations."""

    def of(self, view: TranscriptView) -> list[TranscriptItem]:
        """Return the items, in order: the same objects as before where nothing changed."""
        moment = view.moment
        state = moment.state
        # What protocol forbids, such as a delta after the stop of its block, is an anomaly.
        made_of = (moment.run, state, view.turns, view.prompt, len(state.anomalies))
        if not _same(made_of, self._made_of) or moment.travelling:
            self._begin(view)
            self._made_of = made_of
        paced = view.paced_text or {}
        items, size = self._items, self._size
        settled = True
        for position in range(self._blocks, len(state.blocks)):
            block = state.blocks[position]
            before = state.blocks[position - 1] if position else None
            shown = paced.get(position)
            is_over = block.stopped or state.end is not None
            is_over = is_over and (shown is None or len(shown) == len(block.text))
            follows = settled  # all blocks before it are over
            if settled and not is_over:
                settled, items = False, items.copy()
            size += len(block.text)
            goes_on = follows and joins(before, block)
            item = _item(view, position, shown, size > _RENDERED)
            if follows and (goes_on or is_cited(block)):
                item = self._join(view, before if goes_on else None, block, item, is_over)
                if goes_on:
                    items.pop()
            items.append(item)
            if settled:
                self._blocks, self._size = position + 1, size
        return [*items, *_sources(moment), *_endings(view)]

    def _begin(self, view: TranscriptView) -> None:
        self._items = list(view.turns)
        if view.prompt and not self._items:
            self._items.append(TranscriptItem(("prompt", 0), "prompt", "you", view.prompt, False))
        self._blocks = self._size = 0
        self._sources, self._joined = CitedSources(), None

    def _join(
        self,
        view: TranscriptView,
        before: Block | None,
        block: Block,
        item: TranscriptItem,
        is_over: bool,
    ) -> TranscriptItem:
        """Return the item of a text with citations, which goes on from the block `before`."""
        joined = self._joined
        if joined is None or (before or block).position not in joined.positions:
            joined = self._joined = _Joined(self._sources, len(view.moment.state.anomalies))
            if before is not None:
                joined.take(before, before.text, over=True)
        assert not isinstance(item.body, str)
        joined.take(block, item.body, over=is_over)
        highlight = item.highlight
        if highlight is not None:
            place = joined.text.place
            start, end = (place(block.position, at) for at in (highlight[0], highlight[1] - 1))
            highlight = start, end + 1
        return item._replace(
            key=("block", joined.positions[0]),
            body=joined.body,
            highlight=highlight,
            cited=joined.text,
            version=joined.version,
        )


class _Joined:
    """A text that citations split, as it grows."""

    def __init__(self, sources: CitedSources, anomalies: int) -> None:
        self.text = CitedText(sources)
        self.body = Buffer()
        self.version = 1 + anomalies
        """What breaks the protocol may have changed what stands before the end."""
        self.positions: list[int] = []

    def take(self, block: Block, shown: Buffer, *, over: bool) -> None:
        if block.position not in self.positions[-1:]:
            self.positions.append(block.position)
        self.body.append(self.text.take(block, shown, over=over))


def _same(first: tuple[object, ...], second: tuple[object, ...]) -> bool:
    return len(first) == len(second) and all(
        one is other or (isinstance(one, (int, str)) and one == other)
        for one, other in zip(first, second, strict=True)
    )


def _item(
    view: TranscriptView, position: int, paced: Buffer | None, is_long: bool
) -> TranscriptItem:
    moment = view.moment
    block = moment.state.blocks[position]
    highlight = moment.highlight
    item = _block_item(moment.state, position, block, moment.travelling or not moment.done)
    if paced is not None:
        item = item._replace(body=paced, open=item.open or len(paced) < len(block.text))
    if highlight is not None and highlight.position == position and highlight.field != "json":
        item = item._replace(highlight=(highlight.start, highlight.end))
    return item._replace(long=True) if is_long else item


def _block_item(state: RunState, position: int, block: Block, growing: bool) -> TranscriptItem:
    key = ("block", position)
    is_open = growing and not block.stopped
    if block.type == "text":
        return TranscriptItem(key, "text", "", block.text, is_open)
    if block.type == "thinking":
        size = len(block.thinking)
        label = f"thinking  {size} chars" if size else "thinking  (not shown by the API)"
        return TranscriptItem(key, "thinking", label, block.thinking, is_open)
    if block.is_tool:
        name = as_text(block.start.get("name")) or block.type
        where = "" if block.type == "tool_use" else f"  {block.type.removesuffix('_tool_use')}"
        return TranscriptItem(key, "tool", f"{name}  #{block.index}{where}", "", is_open)
    if block.type.endswith("tool_result"):
        form = result_form(block, state.blocks[:position])
        return TranscriptItem(
            key,
            "result",
            form.label,
            form.text,
            is_open,
            form.tone,
            lines=form.lines,
            markdown=True,
            value=block.to_json,
        )
    label, body, tone = _other(block)
    return TranscriptItem(key, "block", label, body, is_open, tone, value=block.to_json)


def _other(block: Block) -> tuple[str, str, Tone]:
    """Return what is said of a block of another type: what it is, how large, and what is in it."""
    fields = block.to_json()
    if block.type == "fallback":
        trigger = fields.get("trigger")
        why = as_text(trigger.get("type")) if isinstance(trigger, dict) else None
        label = "another model goes on" + (f" after a {why}" if why else "")
        return label, _fallback(block), "warning"
    if block.type == "compaction":
        body = as_text(fields.get("content")) or ""
        facts = ["conversation compacted", told_size(body) if body else ""]
        hidden = as_text(fields.get("encrypted_content"))
        facts.append(f"{opaque_size(hidden)} encrypted" if hidden else "")
        return "  ".join(filter(None, facts)), body, "muted"
    if block.type in DESCRIBED:
        return describe_part(fields), "", "muted"
    return f"{block.type} block", unread_fields(fields), "muted"


def _sources(moment: Moment) -> list[TranscriptItem]:
    """Return the list of what the answer cites, once the answer is there."""
    is_over = moment.done and moment.count == moment.head
    if not is_over and moment.state.phase is not Phase.STOPPED:
        return []
    listed = sources_of(moment.state.blocks).listed
    if not listed:
        return []
    lines = tuple(
        StyledLine(
            ((one_line(source.title), "plain"), (f"  {one_line(source.host)}", "muted")),
            f"[{source.number}] ".ljust(len(str(len(listed))) + 3),
            "path",
        )
        for source in listed
    )
    body = "\n".join(map(source_line, listed))
    return [TranscriptItem(("sources", 0), "sources", "sources", body, False, lines=lines)]


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
    "refusal": ("warning", "the model declined"),
    "model_context_window_exceeded": ("warning", "the context window is full"),
}


def _endings(view: TranscriptView) -> list[TranscriptItem]:
    moment = view.moment
    state = moment.state
    items = _notes(state)
    reason = state.stop_reason
    if reason is not None:
        tone, meaning = _STOPS.get(reason, ("plain", "a stop reason this version does not know"))
        body = _stop_details((state.message or {}).get("stop_details"), reason)
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
    if view.showed and moment.done and not moment.travelling:
        items.append(next_steps(*view.showed))
    return items


def _stop_details(details: object, reason: str) -> str:
    """Return why it stopped, as the API explains it, and below that what else it says."""
    if not isinstance(details, dict):
        return compact(details) if details else ""
    explanation = as_text(details.get("explanation")) or ""
    others = [
        f"{one_line(name)}: {as_text(value) or compact(value)}"
        for name, value in details.items()
        if value is not None and value != explanation and (name, value) != ("type", reason)
    ]
    return "\n".join(filter(None, [explanation, "  ".join(others)]))


def _notes(state: RunState) -> list[TranscriptItem]:
    """Return a line each on what the message has beside its content."""
    fields = state.message or {}
    notes: list[tuple[str, str]] = []
    container = fields.get("container")
    if isinstance(container, dict):
        until = (as_text(container.get("expires_at")) or "")[:16].replace("T", " ")
        known = [as_text(container.get("id")), until and f"expires {until}"]
        notes.append(("container", "  ".join(filter(None, known))))
    management = fields.get("context_management")
    edits = management.get("applied_edits") if isinstance(management, dict) else None
    if edits:
        notes.append(("context edited", compact(edits)))
    if fields.get("input_transformations"):
        notes.append(("input changed", compact(fields["input_transformations"])))
    return [
        TranscriptItem(("note", number), "block", label, body, False, "muted")
        for number, (label, body) in enumerate(notes)
    ]


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
        lost = moment.broke_off
        label = "Connection lost" if lost else "Error" if moment.state.error else "Stream failed"
        hint = _HINTS[can_help(error)] if view.kind == "live" and view.stage is None else ""
        if lost and error is not None:
            message = describe_error(error | {"type": None}).removeprefix(f"{label}: ")
        text = "\n".join(filter(None, [message, hint]))
        # What will be tried again has not failed yet; of what broke off a part is there.
        tone: Tone = "warning" if lost or view.stage is not None else "bad"
        return TranscriptItem(key, "banner", label, text, False, tone)
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
