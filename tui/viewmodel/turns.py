"""The turns before an answer, as the request holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.viewmodel.compact import compact
from tui.viewmodel.media import describe_part
from tui.viewmodel.views import Tone, TranscriptItem

_SHOWN: Final = 16
"""Turns before the answer that are shown; of what came before them only the number is."""
_LONGEST: Final = 20_000
"""Code points shown of one part of a turn."""


def turn_items(
    request: JsonObject | None, printed: Mapping[str, str] | None = None
) -> tuple[TranscriptItem, ...]:
    """Return the turns of a request, oldest first; empty when it holds none.

    `printed` has what tools printed, by the ids of their calls; it stands before their results.
    """
    messages = (request or {}).get("messages")
    if not isinstance(messages, list):
        return ()
    items: list[TranscriptItem] = []
    hidden = max(len(messages) - _SHOWN, 0)
    if hidden:
        label = f"{hidden} earlier turn{'s' if hidden > 1 else ''} in the request"
        items.append(TranscriptItem(("turn", 0), "block", label, "", False, "muted"))
    names = _tool_names(messages)
    for message in messages[hidden:]:
        for item in _turn(message, names, printed or {}):
            items.append(TranscriptItem(("turn", len(items)), *item))
    return tuple(items)


_Parts = tuple[Any, str, str, bool, Tone]


def _turn(message: object, names: dict[str, str], printed: Mapping[str, str]) -> Iterator[_Parts]:
    if not isinstance(message, dict):
        return
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    asks = message.get("role") == "user"
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, dict):
            id = as_text(block.get("tool_use_id")) or ""
            if block.get("type") == "tool_result" and id in printed:
                label = f"{names.get(id, 'tool')} printed"
                yield ("result", label, _clip(printed[id]), False, "muted")
            yield _part(block, asks, names)


def _part(block: JsonObject, asks: bool, names: dict[str, str]) -> _Parts:
    kind = as_text(block.get("type")) or "?"
    text = _clip(as_text(block.get("text")) or "")
    if kind == "text":
        return (
            ("prompt", "you", text, False, "plain") if asks else ("text", "", text, False, "plain")
        )
    if kind == "tool_result":
        name = names.get(as_text(block.get("tool_use_id")) or "", "tool")
        failed = block.get("is_error") is True
        label = f"{name} {'failed' if failed else 'result'}"
        return ("result", label, _clip(_result(block.get("content"))), False, "muted")
    if kind.endswith("tool_use"):
        call = f"{as_text(block.get('name')) or kind}  {_clip(compact(block.get('input')))}"
        return ("tool", call, "", False, "plain")
    if kind == "thinking":
        size = len(as_text(block.get("thinking")) or "")
        return ("block", f"thinking  {size} chars, sent back", "", False, "muted")
    if kind.endswith("tool_result"):
        # Of a tool that the API ran: its answer was shown when it came.
        return (
            "block",
            f"{kind.removesuffix('_tool_result')} result, sent back",
            "",
            False,
            "muted",
        )
    return ("block", describe_part(block), "", False, "muted")


def _result(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [] if content is None else [content]
    return "\n".join(
        as_text(part.get("text")) or describe_part(part)
        if isinstance(part, dict)
        else compact(part)
        for part in parts
    )


def _tool_names(messages: list[Any]) -> dict[str, str]:
    names: dict[str, str] = {}
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and block.get("type") == "tool_use":
                names[as_text(block.get("id")) or ""] = as_text(block.get("name")) or "tool"
    return names


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " \u2026"
