"""Lines of a closer look: text, and the name of the style that each part of it has."""

from __future__ import annotations

from typing import Literal, TypeAlias

LineStyle: TypeAlias = Literal[
    "heading",
    "plain",
    "muted",
    "warning",
    "json",
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
