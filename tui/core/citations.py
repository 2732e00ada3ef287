"""Citations: what an answer cites, numbered, and the text that they split joined again.

The API splits a sentence into text blocks wherever a citation begins or ends. For reading these
are one text, with a mark such as `[1]` behind what is cited.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from tui.core.buffer import Buffer
from tui.core.state import Block, as_text
from tui.core.text import clip

MARK: Final = re.compile(r"(\[[0-9]{1,4}\])")
"""The number of a source, behind what is cited."""
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^]/?#]*\]|[^/?#:\[]+)")
_FENCES: Final = ("```", "~~~")
_LONGEST_TITLE: Final = 200
_LAST_LINE: Final = 200
"""Code points in which the marks of a fence are looked for."""


class CitedSource(NamedTuple):
    """A source of an answer. Its texts are what the wire has."""

    number: int
    title: str
    place: str
    """Its URL, or what a search result gives as its source; empty for a document."""

    @property
    def host(self) -> str:
        """The host of its URL; a place that is no URL as it is."""
        return host_of(self.place)


class CitedSources:
    """The sources of an answer, numbered in the order in which they are first cited."""

    def __init__(self) -> None:
        self.listed: list[CitedSource] = []
        self._numbers: dict[str, int] = {}

    def number(self, citation: Any) -> int:  # noqa: ANN401
        """Return the number of what is cited; one that is cited for the first time is listed."""
        key, title, place = _identity(citation)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers) + 1
            self.listed.append(CitedSource(number, title, place))
        return number

    def marks(self, block: Block) -> str:
        """Return the marks for the citations of a block: `[1][3]`, each number once."""
        numbers = dict.fromkeys(map(self.number, block.citations or ()))
        return "".join(f"[{number}]" for number in numbers)


def joins(before: Block | None, block: Block) -> bool:
    """Whether a text goes on from the block before it, which has ended."""
    if before is None or before.type != "text" or block.type != "text":
        return False
    return before.citations is not None or isinstance(block.start.get("citations"), list)


def is_cited(block: Block) -> bool:
    """Whether a text block has citations, or is about to have some."""
    return block.type == "text" and block.citations is not None


def sources_of(blocks: Iterable[Block]) -> CitedSources:
    """Return the sources that blocks cite."""
    sources = CitedSources()
    for block in _in_order(blocks):
        sources.marks(block)
    return sources


def cited_texts(blocks: Iterable[Block], number: int) -> list[str]:
    """Return what the blocks cite of a source, each text once."""
    sources = CitedSources()
    found: dict[str, None] = {}
    for block in _in_order(blocks):
        for citation in block.citations or ():
            if sources.number(citation) == number and isinstance(citation, dict):
                text = as_text(citation.get("cited_text"))
                if text:
                    found[text] = None
    return list(found)


def _in_order(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks that cite. Numbers count in texts: what else has citations comes last."""
    return sorted((block for block in blocks if block.citations), key=lambda b: b.type != "text")


def source_line(source: CitedSource) -> str:
    """Return a source on one line: its number, title and host."""
    return "  ".join(filter(None, [f"[{source.number}] {source.title}", source.host]))


def host_of(place: str) -> str:
    """Return the host of a URL without `www.`; what is none as it is."""
    found = _URL.match(place)
    return (found[1].lower() if found else place).removeprefix("www.")


class _Piece(NamedTuple):
    start: int
    """Where in the joined text."""
    position: int
    offset: int
    """Where in the text of the block."""
    size: int


class CitedText:
    """Text blocks as one text that grows, with marks behind what is cited.

    It knows what stands where in that text, and does not keep it.
    """

    def __init__(self, sources: CitedSources) -> None:
        self._sources = sources
        self._size = 0
        self._line = ""
        """The last line so far, or its beginning."""
        self._parts: list[_Piece] = []
        self._open: Block | None = None
        self._read = 0
        """Code points taken of the open block."""
        self._marked = False
        """Whether the text ends with a mark."""

    def take(self, block: Block, shown: Buffer, *, over: bool) -> str:
        """Return what comes next: what is new of a block's text; once it is `over`, its marks too.

        Blanks at the end are held back until then: the marks go before them.
        """
        if block is not self._open:
            self._open, self._read = block, 0
        new = shown.slice(self._read)
        kept = new.rstrip()
        text = self._add(block.position, kept)
        if over:
            text += self._mark(self._sources.marks(block))
            text += self._add(block.position, new[len(kept) :])
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CitedText) and self._parts == other._parts

    __hash__ = None  # type: ignore[assignment]  # mutable

    def _add(self, position: int, text: str) -> str:
        if not text:
            return ""
        # In Markdown these would make a link of the mark.
        apart = self._put(" ") if self._marked and text[0] in "([:" else ""
        self._marked = False
        part = _Piece(self._size, position, self._read, len(text))
        last = self._parts[-1] if self._parts else None
        if last is not None and (last.position, last.start + last.size) == (position, part.start):
            self._parts[-1] = last._replace(size=last.size + part.size)
        else:
            self._parts.append(part)
        self._read += len(text)
        return apart + self._put(text)

    def _mark(self, marks: str) -> str:
        if not marks:
            return ""
        # Behind the end of a fence they would open it again.
        apart = self._put("\n") if self._line.lstrip().startswith(_FENCES) else ""
        self._marked = True
        return apart + self._put(marks)

    def _put(self, text: str) -> str:
        self._size += len(text)
        _, feed, last = text.rpartition("\n")
        self._line = (last if feed else self._line + last)[:_LAST_LINE]
        return text

    def origin(self, offset: int) -> tuple[int, int]:
        """Return the block's position, and the code point in it, that stand at an offset.

        For a mark, the end of what it is behind.
        """
        if not self._parts:
            return (self._open.position if self._open else 0), 0
        number = bisect_right(self._parts, offset, key=lambda part: part.start) - 1
        part = self._parts[max(number, 0)]
        return part.position, part.offset + min(max(offset - part.start, 0), part.size - 1)

    def has(self, position: int) -> bool:
        """Whether text of a block is in it."""
        return any(part.position == position for part in self._parts)

    def place(self, position: int, offset: int) -> int:
        """Return where a code point of a block stands."""
        found = 0
        for part in self._parts:
            if part.position == position and part.offset <= offset:
                found = part.start + min(offset - part.offset, part.size)
        return found


def _identity(citation: Any) -> tuple[str, str, str]:  # noqa: ANN401
    """Return what tells a source from others, its title, and its place."""
    fields: dict[str, Any] = citation if isinstance(citation, dict) else {}
    title = as_text(fields.get("title")) or as_text(fields.get("document_title")) or ""
    place = as_text(fields.get("url")) or as_text(fields.get("source")) or ""
    index = fields.get("document_index")
    if place:
        return f"place {place}", title or place, place
    if isinstance(index, int):
        return f"document {index}", title or f"Document {index + 1}", ""
    if title:
        return f"title {title}", title, ""
    # Nothing says where it is from: what is cited has to tell.
    known = json.dumps(citation, sort_keys=True, default=str)
    text = as_text(fields.get("cited_text")) or known
    return f"other {known}", clip(text, _LONGEST_TITLE), ""
