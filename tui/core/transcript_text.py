"""A message as text that grows: blocks come one after another, as they began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tui.core.citations import CitedSources, CitedText, joins, source_line
from tui.core.state import Block, Buffer, RunState, as_text
from tui.core.text import one_line


class Gain(NamedTuple):
    """A block, what is new of its text, and whether all of it was told."""

    block: Block
    text: str
    over: bool
    begins: bool
    """Whether a line begins with it: text that citations split goes on in its line."""


class TranscriptText:
    """Tells what a message gained. It waits for a block to end before it goes on to the next one:
    two texts must not run into each other. Behind what is cited stand the numbers of its sources.
    """

    def __init__(self) -> None:
        self.sources = CitedSources()
        """What was cited so far."""
        self._position = 0
        self._begun = -1
        self._cited = CitedText(self.sources)
        """The text that the block belongs to."""

    def take(
        self,
        state: RunState,
        texts: Mapping[int, Buffer] | None = None,
        *,
        whole: bool = False,
    ) -> Iterator[Gain]:
        """Yield what is new since the last call. `texts` holds some blocks' text back, by position:
        only so much of it is told. `whole` takes blocks that are open as if they had ended.
        """
        while self._position < len(state.blocks):
            block = state.blocks[self._position]
            text = (texts or {}).get(self._position, block.text)
            over = whole or block.stopped or state.end is not None
            over = over and len(text) == len(block.text)
            begins = False
            if self._begun != self._position:
                self._begun = self._position
                before = state.blocks[self._position - 1] if self._position else None
                begins = not joins(before, block)
                if begins:
                    self._cited = CitedText(self.sources)
            new = self._cited.take(block, text, over=over) if block.type == "text" else ""
            if over:
                self._position += 1
            yield Gain(block, new, over, begins)
            if not over:
                return


def call_line(block: Block, note: str = "") -> str:
    """Return a tool call on one line, safe to print: its name, and its input as it came."""
    name = as_text(block.start.get("name")) or block.type
    return f"\u2192 {one_line(name)} {one_line(block.json.text())}{note}".rstrip()


def answer_text(state: RunState) -> str:
    """Return the text of an answer so far, in paragraphs, and the sources of it."""
    told = TranscriptText()
    paragraphs: list[str] = []
    for gain in told.take(state, whole=True):
        if gain.block.type != "text":
            continue
        if gain.begins:
            paragraphs.append("")
        paragraphs[-1] += gain.text
    if told.sources.listed:
        paragraphs.append("\n".join(map(source_line, told.sources.listed)))
    return "\n\n".join(filter(None, paragraphs))
