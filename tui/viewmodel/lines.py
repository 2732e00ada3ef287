"""Lines of a closer look: text, and the name of the style that each part of it has."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

_EIGHTHS: Final = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"

LineStyle: TypeAlias = Literal[
    "heading",
    "plain",
    "muted",
    "warning",
    "key",
    "string",
    "number",
    "literal",
    "punct",
    "invalid",
    "code",
    "label",
    "bar",
    "full",
    "track",
    "good",
    "path",
    "added",
    "removed",
    "changed",
    "better",
    "worse",
    "added-word",
    "removed-word",
]
"""A component class of the view that draws the line, without the view's name."""

Pieces: TypeAlias = tuple[tuple[str, LineStyle], ...]


class StyledLine(NamedTuple):
    """A line, and what stands before it. Where it takes several rows, blanks stand there."""

    pieces: Pieces = ()
    mark: str = ""
    mark_style: LineStyle = "plain"
    indent: int = 0
    """Blanks before the mark."""
    hang: int = 0
    """Blanks more before what goes on, in a line of code or JSON."""
    seq: int | None = None
    """The event that the line leads to."""
    cut: str = ""
    """Cut wherever a row is full, and this stands before what goes on; empty wraps at blanks."""


def bar(eighths: int) -> str:
    """Return a bar that is so many eighths of a cell long."""
    whole, rest = divmod(eighths, 8)
    return "\u2588" * whole + (_EIGHTHS[rest] if rest else "")


def line_of(*pieces: tuple[str, LineStyle]) -> StyledLine:
    """Return a line of these pieces."""
    return StyledLine(pieces)
