"""A block: the part of a Markdown text that is laid out at once."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class BlockKind(Enum):
    """What a block is drawn as."""

    PARAGRAPH = auto()
    PLAIN = auto()
    """More of a line so long that it is no longer read as Markdown."""
    HEADING = auto()
    CODE = auto()
    """Whole lines of code, each with its line feed."""
    CODE_LINE = auto()
    """A piece of one overlong line of code."""
    TABLE = auto()
    RULE = auto()
    PENDING = auto()
    """A last line of nothing but marks, which may still become anything."""


class Container(NamedTuple):
    """A block quote or a list item around a block."""

    mark: str
    """`>` for a quote; the bullet of an item, or `.` or `)` behind its number."""
    indent: int = 0
    """Blanks that each further line of the item begins with."""
    number: int = 0
    """The number of an ordered item."""


class MarkdownBlock(NamedTuple):
    """A part of the text that is laid out at once."""

    kind: BlockKind
    start: int
    end: int
    """Offsets into the source, in code points."""
    text: str
    """Sanitised, without the marks of its containers; tabs are expanded."""
    containers: tuple[Container, ...] = ()
    fresh: int = 0
    """`containers[fresh:]` begin with this block."""
    gap: int = -1
    """-1, or a blank line goes first and lies inside `containers[:gap]`."""
    level: int = 0
    """1 to 6 for a heading."""
    info: str = ""
    """What follows the opening marks of a fence."""
    ahead: str = ""
    """Code that follows in the next block: context for highlighting."""
    joined: bool = False
    """Goes on from the block before: the same paragraph, table or fence."""
    more: bool = False
    """Breaks off within a line; the next block has the rest."""
