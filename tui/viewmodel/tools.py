"""The tool calls."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from tui.core.state import Block, Buffer, RunState, as_text
from tui.core.text import format_bytes
from tui.viewmodel.views import Moment, Tone


class ToolItem(NamedTuple):
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


def input_text(block: Block) -> tuple[Buffer, bool]:
    """Return the input of a call as JSON text, and whether it came with the start of its block."""
    given = block.start.get("input")
    if len(block.json) or not given:
        return block.json, False
    return Buffer(json.dumps(given, ensure_ascii=False)), True


def tools(moment: Moment) -> list[ToolItem]:
    """Return the tool calls, in order."""
    return ToolItems().of(moment)


class ToolItems:
    """The calls of an answer that grows. Those that ended are made once."""

    def __init__(self) -> None:
        self._run: object = None
        self._state: RunState | None = None
        self._anomalies = 0
        self._items: list[ToolItem] = []
        self._blocks = 0
        """How many blocks the items are made of. Nothing will be added to these."""

    def of(self, moment: Moment) -> list[ToolItem]:
        """Return the calls, in order: the same objects as before where nothing changed."""
        state = moment.state
        # What protocol forbids, such as a delta after the stop of its block, is an anomaly.
        known = self._run is moment.run and self._state is state
        if not known or self._anomalies != len(state.anomalies) or moment.travelling:
            self._run, self._state, self._anomalies = moment.run, state, len(state.anomalies)
            self._items, self._blocks = [], 0
        items = self._items
        for position in range(self._blocks, len(state.blocks)):
            block = state.blocks[position]
            if items is self._items and not block.stopped:
                items = items.copy()
            if block.is_tool:
                items.append(_item(moment, position, block))
            if items is self._items:
                self._blocks = position + 1
        return items


def _item(moment: Moment, position: int, block: Block) -> ToolItem:
    status, tone = _TOOL_STATES[block.tool_state]
    if block.tool_state == "streaming" and moment.done and not moment.travelling:
        status, tone = "\u25cb never finished", "warning"
    count = len(block.fragments)
    text, came_whole = input_text(block)
    facts = ["came whole" if came_whole else f"{count} fragment{'' if count == 1 else 's'}"]
    if len(text):
        facts.append(format_bytes(text.byte_size()))
    name = as_text(block.start.get("name")) or block.type
    return ToolItem(position, block, name, status, tone, tuple(facts))
