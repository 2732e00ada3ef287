"""A message as text that grows: blocks come one after another, as they began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tui.core.state import Block, Buffer, RunState, as_text
from tui.core.text import one_line


class Gain(NamedTuple):
    """A block, what is new of its text, and whether all of it was told."""

    block: Block
    text: str
    over: bool


class TranscriptText:
    """Tells what a message gained. It waits for a block to end before it goes on to the next one:
    two texts must not run into each other.
    """

    def __init__(self) -> None:
        self._position = 0
        self._told = 0

    def take(self, state: RunState, texts: Mapping[int, Buffer] | None = None) -> Iterator[Gain]:
        """Yield what is new since the last call. `texts` holds some blocks' text back, by position:
        only so much of it is told.
        """
        while self._position < len(state.blocks):
            block = state.blocks[self._position]
            text = (texts or {}).get(self._position, block.text)
            over = (block.stopped or state.end is not None) and len(text) == len(block.text)
            new = text.slice(self._told)
            self._told = len(text)
            if over:
                self._position += 1
                self._told = 0
            yield Gain(block, new, over)
            if not over:
                return


def call_line(block: Block, note: str = "") -> str:
    """Return a tool call on one line, safe to print: its name, and its input as it came."""
    name = as_text(block.start.get("name")) or block.type
    return f"\u2192 {one_line(name)} {one_line(block.json.text())}{note}".rstrip()
