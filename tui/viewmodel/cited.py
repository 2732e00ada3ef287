"""A closer look at a source of an answer."""

from __future__ import annotations

from collections.abc import Sequence

from tui.core.citations import cited_texts, sources_of
from tui.core.state import Block
from tui.core.text import one_line
from tui.viewmodel.lines import StyledLine, line_of


def source_lines(blocks: Sequence[Block], number: int) -> list[StyledLine]:
    """Return a source's title and place, and what blocks cite of it; empty if there is none."""
    listed = sources_of(blocks).listed
    if not 1 <= number <= len(listed):
        return []
    source = listed[number - 1]
    lines = [line_of((one_line(source.title), "heading"))]
    if source.place:
        lines.append(line_of((one_line(source.place), "path")))
    for text in cited_texts(blocks, number):
        lines.append(StyledLine())
        lines += [
            StyledLine(((part, "plain"),), "\u258e ", "bar")
            for part in text.strip("\n").split("\n")
        ]
    if len(lines) < 3:
        lines += [StyledLine(), line_of(("No text of it came with the answer", "muted"))]
    return lines
