"""What a single line of Markdown says about blocks.

The lines given to these functions have lost their indent and the marks of their containers, and
are not empty. The rules are those of CommonMark and of GitHub's tables.
"""

from __future__ import annotations

import re
from typing import Final

from tui.widgets.markdown.block import Container

_ITEM: Final = re.compile(r"([-+*]|(\d{1,9})([.)]))( +|$)", re.ASCII)
_FENCE: Final = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
_HEADING: Final = re.compile(r"(#{1,6})(?: +|$)")
_DELIMITER: Final = re.compile(r" *:?-+:? *")
_UNDECIDED: Final = re.compile(r"[-*+_=>#|~` ]+")


def is_undecided(line: str) -> bool:
    """Whether an unfinished line has only marks so far, and could become any block."""
    return _UNDECIDED.fullmatch(line) is not None


def is_rule(text: str) -> bool:
    """Whether this is a horizontal rule."""
    if text[0] not in "-_*":
        return False
    marks = text.replace(" ", "")
    return len(marks) >= 3 and not marks.strip(marks[0])


def heading(text: str) -> tuple[int, str] | None:
    """Level and title of a heading that begins with `#`."""
    match = _HEADING.match(text)
    if match is None:
        return None
    title = text[match.end() :].rstrip(" ")
    bare = title.rstrip("#")
    if not bare or bare.endswith(" "):
        title = bare.rstrip(" ")
    return len(match[1]), title


def underline_level(text: str) -> int:
    """The level that this underline gives to the paragraph above it; 0 for any other line."""
    marks = text.rstrip(" ")
    if not marks.strip("="):
        return 1
    return 0 if marks.strip("-") else 2


def fence(text: str) -> tuple[str, str] | None:
    """The marks that open a code fence, and what follows them."""
    match = _FENCE.match(text)
    if match is None:
        return None
    return match[1] or match[3], (match[2] or match[4] or "").strip()


def closes_fence(text: str, marks: str) -> bool:
    """Whether this ends the fence that `marks` opened."""
    return text.startswith(marks) and not text.rstrip(" ").strip(marks[0])


def split_row(line: str) -> list[str]:
    """The cells of a table row: cut at each `|` that no backslash escapes."""
    text = line.strip(" ").removeprefix("|")
    if "\\" not in text:
        return text.removesuffix("|").split("|")
    cells = re.split(r"(?<!\\)\|", text)
    if len(cells) > 1 and not cells[-1].strip(" "):
        cells.pop()
    return [cell.replace("\\|", "|") for cell in cells]


def is_delimiter_row(text: str, header: str) -> bool:
    """Whether this line makes `header`, the line above it, the first row of a table."""
    if "|" not in text:
        return False
    cells = split_row(text)
    if not all(_DELIMITER.fullmatch(cell) for cell in cells):
        return False
    return len(cells) == len(split_row(header))


def container(
    text: str, indent: int, before: Container | None, *, interrupts: bool
) -> tuple[Container, int] | None:
    """The quote or list item that `text` begins, and the length of its mark.

    `indent` blanks stood before `text`. `before` is the container that ends here, if any: a list
    goes on counting from it. A list that `interrupts` a paragraph may not begin with an empty item
    or with another number than one.
    """
    if text[0] == ">":
        return Container(">"), 2 if text.startswith("> ") else 1
    match = _ITEM.match(text)
    if match is None or is_rule(text):
        return None
    mark, digits, delimiter, blanks = match.groups()
    empty = match.end() == len(text)
    if interrupts and (empty or (digits is not None and int(digits) != 1)):
        return None
    skip = len(mark) + 1 if empty or len(blanks) > 4 else match.end()
    if digits is None:
        return Container(mark, indent + skip), skip
    goes_on = before is not None and before.mark == delimiter
    number = before.number + 1 if before is not None and goes_on else int(digits)
    return Container(delimiter, indent + skip, number), skip
