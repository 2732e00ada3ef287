"""The tool calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tui.core.state import Block, as_text
from tui.core.text import format_bytes
from tui.viewmodel.scope import Scope, Tone


@dataclass(frozen=True, slots=True)
class ToolItem:
    """One tool call."""

    key: int
    block: Block
    name: str
    status: str
    tone: Tone
    facts: tuple[str, ...]


_TOOL_STATES: Final[dict[str, tuple[str, Tone]]] = {
    "streaming": ("\u25cf", "plain"),
    "complete": ("\u2713", "good"),
    "invalid": ("\u2717 not valid JSON", "bad"),
    "empty": ("\u2713 no input", "muted"),
}


def tools(scope: Scope) -> list[ToolItem]:
    """Return the tool calls, in order."""
    items = []
    for place, block in enumerate(scope.state.blocks):
        if not block.is_tool:
            continue
        status, tone = _TOOL_STATES[block.tool_state]
        if block.tool_state == "streaming" and scope.done and not scope.travelling:
            status, tone = "\u25cb never finished", "warning"
        count = len(block.fragments)
        facts = [f"{count} fragment{'' if count == 1 else 's'}"]
        if len(block.json):
            facts.append(format_bytes(block.json.byte_size()))
        name = as_text(block.start.get("name")) or block.type
        items.append(ToolItem(place, block, name, status, tone, tuple(facts)))
    return items
