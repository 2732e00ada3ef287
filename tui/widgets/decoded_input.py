"""Tool input as it is meant: strings of several lines with real line breaks, as code in colours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from jiter import from_json
from textual.strip import Strip

from tui.core.state import Buffer
from tui.core.text import one_line, sanitize
from tui.viewmodel.json_lines import value_lines
from tui.viewmodel.lines import LineStyle
from tui.widgets.lines_view import LineStyles, wrapped_line
from tui.widgets.markdown.block import BlockKind, MarkdownBlock
from tui.widgets.markdown.draw import Painter
from tui.widgets.paint import strip_of

_LARGEST: Final = 200_000
"""Code points of input from which on it is shown as JSON."""
_GROWING: Final = 10_000
"""The same while it grows, and is decoded anew for each frame."""
_COLOURED: Final = 20_000
"""Code points of one string that are coloured."""
_STEP: Final = 2
"""Cells by which the members of a value stand deeper."""
_DEEPEST: Final = 4
"""Objects and arrays in each other whose strings are looked for."""
_LANGUAGES: Final = {
    **{"py": "python", "js": "javascript", "ts": "typescript", "rs": "rust", "rb": "ruby"},
    **{"sh": "bash", "yml": "yaml", "md": "markdown", "kt": "kotlin", "h": "c", "htm": "html"},
}
"""Languages by the ends of file names that are not their short names themselves."""
_KEYS: Final = {"command": "bash", "sql": "sql", "query": "sql", "html": "html", "css": "css"}
"""What strings of several lines are written in, by their keys."""


def decoded_rows(
    text: Buffer, width: int, styles: LineStyles, painter: Painter, *, whole: bool
) -> list[Strip] | None:
    """Return the rows of an input; None where decoding it would show nothing more than JSON does.

    That is where no string has several lines, or where it is too large.
    """
    if len(text) > (_LARGEST if whole else _GROWING):
        return None
    try:
        value = from_json(text.text().encode("utf-8"), partial_mode="trailing-strings")
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not _has_lines(value):
        return None
    return list(_members(value, width, styles, painter))


def _members(
    value: dict[str, Any], width: int, styles: LineStyles, painter: Painter, depth: int = 0
) -> Iterator[Strip]:
    """Yield the rows of an object's members, or of an array's, which are named by their places."""
    for key, part in value.items():
        name = one_line(key)
        if not _has_lines(part, depth):
            first, *others = value_lines(part)
            head: tuple[str, LineStyle] = (f"{name}: ", "key")
            for line in (first._replace(pieces=(head, *first.pieces)), *others):
                yield from wrapped_line(line, width, styles)
            continue
        yield strip_of([(f"{name}:", styles("key"))], width)
        if isinstance(part, str):
            language = _language(key, value) if len(part) <= _COLOURED else ""
            yield from _code(part, language, width, painter)
            continue
        inner = part if isinstance(part, dict) else _by_place(part)
        for row in _members(inner, max(width - _STEP, 1), styles, painter, depth + 1):
            yield Strip.join([strip_of([(" " * _STEP, None)]), row])


def _by_place(array: list[Any]) -> dict[str, Any]:
    return {f"[{place}]": part for place, part in enumerate(array)}


def place_of(row: str, text: str) -> int:
    """Return where in the JSON text stands what a decoded row shows, 0 where that is unknown."""
    words = row.strip().lstrip("\u2502\u250a ").rstrip()
    for spelled in (json.dumps(words, ensure_ascii=False), json.dumps(words)):
        found = text.find(spelled[1:-1])
        if words and found >= 0:
            return found
    return 0


def _has_lines(value: Any, depth: int = 0) -> bool:  # noqa: ANN401
    """Whether a value is a string of several lines, or holds one that is not too deep in it."""
    if isinstance(value, str):
        return "\n" in value
    if depth == _DEEPEST or not isinstance(value, (dict, list)):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return any(_has_lines(part, depth + 1) for part in parts)


def _code(text: str, language: str, width: int, painter: Painter) -> list[Strip]:
    code = sanitize(text).expandtabs(4)
    code = code if code.endswith("\n") else code + "\n"
    block = MarkdownBlock(BlockKind.CODE, 0, len(code), code, info=language)
    lines, _ = painter.draw(block, width)
    return [Strip(line) for line in (lines[1:] if language else lines)]


def _language(key: str, value: dict[str, Any]) -> str:
    """Return what code is written in: what the call says, a file's name, or the key."""
    said = value.get("language")
    if isinstance(said, str) and said.isalnum():
        return said
    for name in ("path", "file_path", "filename", "file"):
        path = value.get(name)
        if isinstance(path, str) and key not in _KEYS:
            end = PurePosixPath(path).suffix.removeprefix(".").lower()
            return _LANGUAGES.get(end, end)
    return _KEYS.get(key, "python" if key == "code" else "")
