"""Tables as rows of text with thin lines, fitted to a width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.style import Style

from tui.widgets.cell_wrap import width_of, wrap
from tui.widgets.markdown.grammar import split_row
from tui.widgets.markdown.inline import inline_runs
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import StyledText

_SEPARATOR: Final = " \u2502 "
_MIN_COLUMN: Final = 4

Alignment: TypeAlias = Literal["left", "center", "right"]
TableCell: TypeAlias = list[StyledText]


class TableColumns(NamedTuple):
    """How a part of a table was drawn; the next part follows suit as far as its cells fit."""

    widths: tuple[int, ...]
    alignments: tuple[Alignment, ...]
    names: tuple[str, ...]
    ruled: bool
    """Lines between the rows, because some cells need several lines."""


def table_lines(
    text: str, width: int, base: Style, theme: MarkdownTheme, columns: TableColumns | None
) -> tuple[list[list[StyledText]], TableColumns]:
    """Draw the rows in `text` to lines of at most `width` cells.

    Without `columns` the first two rows are the header and the delimiters. A table that has no
    room for its columns is drawn as a list of `header: value` lines for each row.
    """
    rows = [split_row(line) for line in text.split("\n")]
    header: list[TableCell] = []
    if columns is None:
        names = tuple(name.strip(" ") for name in rows[0])
        alignments = tuple(_alignment(cell.strip(" ")) for cell in rows[1])
        header = [inline_runs(name, base + theme.table_header, theme) for name in names]
        columns = TableColumns((), alignments, names, ruled=False)
        del rows[:2]
    cells = [_row(row, len(columns.names), base, theme) for row in rows]
    if header or columns.widths:
        columns = _fitted(columns, [header, *cells] if header else cells, width)
    if not columns.widths:
        return _records(cells, bool(header), width, base, theme, columns), columns
    lines: list[list[StyledText]] = []
    joined = "\u2500\u253c\u2500".join("\u2500" * room for room in columns.widths)
    rule: list[StyledText] = [(joined, theme.rule)]
    if header:
        lines += _draw_row(header, columns, theme)
        lines.append(rule)
    for number, row in enumerate(cells):
        if columns.ruled and (number or not header):
            lines.append(rule)
        lines += _draw_row(row, columns, theme)
    return lines, columns


def _alignment(delimiter: str) -> Alignment:
    if delimiter.endswith(":"):
        return "center" if delimiter.startswith(":") else "right"
    return "left"


def _row(texts: list[str], count: int, base: Style, theme: MarkdownTheme) -> list[TableCell]:
    """The cells of one row. What is too many for the header goes to the last cell."""
    if len(texts) > count:
        texts = [*texts[: count - 1], " | ".join(text.strip(" ") for text in texts[count - 1 :])]
    cells = [inline_runs(text.strip(" "), base, theme) for text in texts]
    return cells + [[] for _ in range(count - len(cells))]


def _fitted(columns: TableColumns, rows: Sequence[list[TableCell]], width: int) -> TableColumns:
    """`columns` made wide enough for `rows`, or as wide as there is room.

    Columns that are narrow enough keep their width, the others share the rest evenly. There are no
    widths at all when there is no room for them.
    """
    count = len(columns.names)
    room = width - len(_SEPARATOR) * (count - 1)
    before = columns.widths or (1,) * count
    wanted = [
        max(before[number], *(width_of(row[number]) for row in rows)) for number in range(count)
    ]
    if sum(wanted) <= room:
        return columns._replace(widths=tuple(wanted))
    if room < _MIN_COLUMN * count:
        return columns._replace(widths=())
    widths = [0] * count
    for place, number in enumerate(sorted(range(count), key=wanted.__getitem__)):
        widths[number] = min(wanted[number], room // (count - place))
        room -= widths[number]
    return columns._replace(widths=tuple(widths), ruled=True)


def _draw_row(
    row: list[TableCell], columns: TableColumns, theme: MarkdownTheme
) -> list[list[StyledText]]:
    wrapped = [wrap(cell, room) for cell, room in zip(row, columns.widths, strict=True)]
    lines = []
    for number in range(max(map(len, wrapped))):
        line: list[StyledText] = []
        for column, cell in enumerate(wrapped):
            if column:
                line.append((_SEPARATOR, theme.rule))
            part = cell[number] if number < len(cell) else []
            blanks = columns.widths[column] - sum(cell_len(text) for text, _ in part)
            alignment = columns.alignments[column]
            left = {"left": 0, "center": blanks // 2, "right": blanks}[alignment]
            line.append((" " * left, theme.text))
            line.extend(part)
            line.append((" " * (blanks - left), theme.text))
        lines.append([run for run in line if run[0]])
    return lines


def _records(
    rows: list[list[TableCell]],
    first: bool,
    width: int,
    base: Style,
    theme: MarkdownTheme,
    columns: TableColumns,
) -> list[list[StyledText]]:
    """Each row as lines of `header: value`."""
    names = [inline_runs(name, base + theme.table_header, theme) for name in columns.names]
    if first and not rows:
        return [line for name in names for line in wrap(name, width)]
    lines: list[list[StyledText]] = []
    for row in rows:
        if lines or not first:
            lines.append([("\u2500" * width, theme.rule)])
        for name, cell in zip(names, row, strict=True):
            lines += wrap([*name, (": ", theme.rule), *cell], width)
    return lines
