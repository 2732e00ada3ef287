"""Draws one block of Markdown to lines of a given width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment

from tui.widgets.cell_wrap import chop, trimmed, width_of, wrap
from tui.widgets.hanging_indent import hang_of, hung
from tui.widgets.markdown.block import BlockKind, Container, MarkdownBlock
from tui.widgets.markdown.fences import Highlighter, LexState
from tui.widgets.markdown.inline import inline_runs
from tui.widgets.markdown.table import TableColumns, table_lines
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import StyledText

_BAR: Final = "\u258e "
_CODE_BAR: Final = "\u2502 "
_CODE_BAR_WRAPPED: Final = "\u250a "
_BULLETS: Final = ("\u2022 ", "\u25e6 ", "\u25aa ")
_TASKS: Final = {"[ ] ": "\u2610 ", "[x] ": "\u2611 ", "[X] ": "\u2611 "}
_MIN_ROOM: Final = 8
_MIN_CODE: Final = 16
"""Cells from which on code is wrapped at blanks: in less it is cut where the edge falls."""


Line: TypeAlias = list[Segment]


class Carry(NamedTuple):
    """What a block hands on to the next, if that goes on where it ends."""

    runs: tuple[StyledText, ...] = ()
    """The last line of a text that breaks off within the line: it was not drawn yet."""
    columns: TableColumns | None = None
    lexer: LexState | None = None
    hang: int = 0
    """The indent of what goes on with a line of code."""


class Painter:
    """Draws blocks by one theme."""

    def __init__(self, theme: MarkdownTheme) -> None:
        self._theme = theme
        self._highlighter = Highlighter(theme)

    def draw(
        self, block: MarkdownBlock, width: int, carry: Carry | None = None, *, growing: bool = False
    ) -> tuple[list[Line], Carry | None]:
        """Return the lines of `block`, at most `width` cells each (1 or more), and what goes on.

        `carry` comes from the block before; it counts only where `block` is joined to that one.
        `growing` says that the end of `block` is the end of a text that has not ended.
        """
        if not block.joined:
            carry = None
        first, rest = self._margins(block, width)
        room = width - sum(cell_len(text) for text, _ in rest)
        lines, carry = self._lines(block, room, carry or Carry(), growing)
        drawn = []
        if block.gap >= 0:
            drawn.append(_line(self._margin(block.containers[: block.gap], width)))
        for line in lines:
            drawn.append(_line([*first, *line]))
            first = rest
        return drawn, carry

    def _lines(
        self, block: MarkdownBlock, room: int, carry: Carry, growing: bool
    ) -> tuple[list[list[StyledText]], Carry | None]:
        theme = self._theme
        kind = block.kind
        quoted = any(container.mark == ">" for container in block.containers)
        base = theme.text + theme.quote if quoted else theme.text
        if kind is BlockKind.CODE or kind is BlockKind.CODE_LINE:
            return self._code(block, room, carry)
        if kind is BlockKind.TABLE:
            lines, columns = table_lines(block.text, room, base, theme, carry.columns)
            return lines, Carry(columns=columns)
        if kind is BlockKind.RULE:
            return [[("\u2500" * room, theme.rule)]], None
        if kind is BlockKind.PENDING:
            return wrap([(block.text, theme.pending)], room), None
        if kind is BlockKind.HEADING:
            style = base + (theme.title if block.level < 3 else theme.heading)
            lines = wrap(inline_runs(block.text, style, theme, growing=growing), room)
            if block.level == 1:
                length = max(map(width_of, lines))
                lines.append([("\u2500" * length, theme.rule)])
            return lines, None
        text = block.text
        if kind is BlockKind.PLAIN:
            runs: list[StyledText] = [(text, base)]
        else:
            if _task(block):
                text = text[4:]
            runs = inline_runs(text, base, theme, growing=growing)
        lines = wrap([*carry.runs, *runs], room, keep_tail=block.more)
        if block.more:
            return lines[:-1], Carry(runs=tuple(lines[-1]))
        return lines, None

    def _code(
        self, block: MarkdownBlock, room: int, carry: Carry
    ) -> tuple[list[list[StyledText]], Carry]:
        theme = self._theme
        bar, wrapped = (_CODE_BAR, theme.code_bar), (_CODE_BAR_WRAPPED, theme.code_bar)
        if room <= len(_CODE_BAR) + 1:
            bar = wrapped = ("", theme.code_bar)
        inner = room - len(bar[0])
        out: list[list[StyledText]] = []
        if block.kind is BlockKind.CODE_LINE:
            # A row that a further piece will fill up is carried on.
            runs = [*carry.runs, (block.text, theme.code_block)]
            rows, hang = _code_rows(runs, inner, carry.hang if carry.runs else None)
            behind = Carry(runs=tuple(rows.pop()), hang=hang) if block.more else Carry()
            out = self._hung(rows, hang, bar, wrapped, begun=bool(carry.runs))
        else:
            code, state = self._highlighter.lines(block.info, block.text, block.ahead, carry.lexer)
            behind = Carry(lexer=state)
            if not block.joined:
                if block.info:
                    rows = chop([(block.info, theme.code_label)], inner)
                    out += [[bar, *row] for row in rows]
                elif not code:
                    code = [[]]
            for line in code:
                out += self._hung(*_code_rows(line, inner), bar, wrapped)
        if theme.code_block.bgcolor is not None:
            for line in out:
                blanks = room - sum(cell_len(text) for text, _ in line)
                line.append((" " * blanks, theme.code_block))
        return out, behind

    def _hung(
        self,
        rows: Sequence[list[StyledText]],
        hang: int,
        first: StyledText,
        others: StyledText,
        *,
        begun: bool = False,
    ) -> list[list[StyledText]]:
        """Put the bar before the rows of a line, and the indent before all but its first."""
        blanks = (" " * hang, self._theme.code_block)
        lines = []
        for number, row in enumerate(rows):
            goes_on = number > 0 or begun
            front = [others, blanks] if goes_on else [first]
            lines.append([*front, *trimmed(row)])
        return lines

    def _margins(
        self, block: MarkdownBlock, width: int
    ) -> tuple[list[StyledText], list[StyledText]]:
        """What stands left of the first line of `block`, and of its other lines."""
        rest = self._margin(block.containers, width)
        if block.fresh >= len(block.containers) or not rest:
            return rest, rest
        first = list(rest)
        shift = len(block.containers) - len(rest)  # outer containers that found no room
        for index in range(max(block.fresh, shift), len(block.containers)):
            container = block.containers[index]
            if container.mark != ">":
                mark = _mark(block.containers[: index + 1])
                if index == len(block.containers) - 1:
                    mark = _task(block) or mark
                first[index - shift] = (mark, self._theme.marker)
        return first, rest

    def _margin(self, containers: Sequence[Container], width: int) -> list[StyledText]:
        """What stands left of a line inside `containers`; the innermost ones if room is short."""
        room = width - min(_MIN_ROOM, width)
        runs: list[StyledText] = []
        for count in range(len(containers), 0, -1):
            if containers[count - 1].mark == ">":
                run = (_BAR, self._theme.quote_bar)
            else:
                run = (" " * len(_mark(containers[:count])), self._theme.text)
            room -= len(run[0])
            if room < 0:
                break
            runs.insert(0, run)
        return runs


def _code_rows(
    line: Sequence[StyledText], width: int, hang: int | None = None
) -> tuple[list[list[StyledText]], int]:
    """Cut a line of code into rows; return them, and the indent of all but the first.

    Of a line that goes on, `hang` is known: then all rows have that indent.
    """
    if width < _MIN_CODE:
        return chop(line, width), 0
    first = width
    if hang is None:
        hang = hang_of("".join(text for text, _ in line), width)
    else:
        first = width - hang
    return hung(line, first, width - hang), hang


def _mark(containers: Sequence[Container]) -> str:
    """The bullet or number of the innermost of `containers`, an item."""
    item = containers[-1]
    if item.mark in ".)":
        return f"{item.number}{item.mark} "
    depth = sum(container.mark in "-+*" for container in containers)
    return _BULLETS[(depth - 1) % len(_BULLETS)]


def _task(block: MarkdownBlock) -> str:
    """The box that stands for the bullet of a task, if `block` begins one."""
    containers = block.containers
    if block.kind is not BlockKind.PARAGRAPH or block.fresh >= len(containers):
        return ""
    return _TASKS.get(block.text[:4], "") if containers[-1].mark in "-+*" else ""


def _line(runs: Sequence[StyledText]) -> Line:
    return [Segment(text, style) for text, style in runs if text]
