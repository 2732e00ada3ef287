"""Draws one chunk of Markdown to lines of a given width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment

from tui.widgets.cell_wrap import Run, chop, width_of, wrap
from tui.widgets.markdown.chunk import Chunk, Container, Kind
from tui.widgets.markdown.fences import Highlighter, LexState
from tui.widgets.markdown.inline import inline_runs
from tui.widgets.markdown.table import Columns, table_lines
from tui.widgets.markdown.theme import MarkdownTheme

_BAR: Final = "\u258e "
_CODE_BAR: Final = "\u2502 "
_CODE_BAR_WRAPPED: Final = "\u250a "
_BULLETS: Final = ("\u2022 ", "\u25e6 ", "\u25aa ")
_TASKS: Final = {"[ ] ": "\u2610 ", "[x] ": "\u2611 ", "[X] ": "\u2611 "}
_MIN_ROOM: Final = 8


Line: TypeAlias = list[Segment]


class Carry(NamedTuple):
    """What a chunk hands on to the next, if that goes on where it ends."""

    runs: tuple[Run, ...] = ()
    """The last line of a text that breaks off within the line: it was not drawn yet."""
    columns: Columns | None = None
    lexer: LexState | None = None


class Painter:
    """Draws chunks by one theme."""

    def __init__(self, theme: MarkdownTheme) -> None:
        self._theme = theme
        self._highlighter = Highlighter(theme)

    def draw(
        self, chunk: Chunk, width: int, carry: Carry | None = None, *, growing: bool = False
    ) -> tuple[list[Line], Carry | None]:
        """Return the lines of `chunk`, at most `width` cells each (1 or more), and what goes on.

        `carry` comes from the chunk before; it counts only where `chunk` is joined to that one.
        `growing` says that the end of `chunk` is the end of a text that has not ended.
        """
        if not chunk.joined:
            carry = None
        first, rest = self._margins(chunk, width)
        room = width - sum(cell_len(text) for text, _ in rest)
        lines, carry = self._lines(chunk, room, carry or Carry(), growing)
        drawn = []
        if chunk.gap >= 0:
            drawn.append(_line(self._margin(chunk.containers[: chunk.gap], width)))
        for line in lines:
            drawn.append(_line([*first, *line]))
            first = rest
        return drawn, carry

    def _lines(
        self, chunk: Chunk, room: int, carry: Carry, growing: bool
    ) -> tuple[list[list[Run]], Carry | None]:
        theme = self._theme
        kind = chunk.kind
        quoted = any(container.mark == ">" for container in chunk.containers)
        base = theme.text + theme.quote if quoted else theme.text
        if kind is Kind.CODE or kind is Kind.CODE_LINE:
            return self._code(chunk, room, carry)
        if kind is Kind.TABLE:
            lines, columns = table_lines(chunk.text, room, base, theme, carry.columns)
            return lines, Carry(columns=columns)
        if kind is Kind.RULE:
            return [[("\u2500" * room, theme.rule)]], None
        if kind is Kind.PENDING:
            return wrap([(chunk.text, theme.pending)], room), None
        if kind is Kind.HEADING:
            style = base + (theme.title if chunk.level < 3 else theme.heading)
            lines = wrap(inline_runs(chunk.text, style, theme, growing=growing), room)
            if chunk.level == 1:
                length = max(map(width_of, lines))
                lines.append([("\u2500" * length, theme.rule)])
            return lines, None
        text = chunk.text
        if kind is Kind.PLAIN:
            runs = [(text, base)]
        else:
            if _task(chunk):
                text = text[4:]
            runs = inline_runs(text, base, theme, growing=growing)
        lines = wrap([*carry.runs, *runs], room, keep_tail=chunk.more)
        if chunk.more:
            return lines[:-1], Carry(runs=tuple(lines[-1]))
        return lines, None

    def _code(self, chunk: Chunk, room: int, carry: Carry) -> tuple[list[list[Run]], Carry]:
        theme = self._theme
        bar, wrapped = (_CODE_BAR, theme.code_bar), (_CODE_BAR_WRAPPED, theme.code_bar)
        if room <= len(_CODE_BAR) + 1:
            bar = wrapped = ("", theme.code_bar)
        inner = room - len(bar[0])
        out: list[list[Run]] = []
        if chunk.kind is Kind.CODE_LINE:
            # A row that a further piece will fill up is carried on.
            rows = chop([*carry.runs, (chunk.text, theme.code_block)], inner)
            behind = Carry(runs=tuple(rows.pop()) if chunk.more else ())
            out = [[bar if not chunk.joined else wrapped, *row] for row in rows]
        else:
            code, state = self._highlighter.lines(chunk.info, chunk.text, chunk.ahead, carry.lexer)
            behind = Carry(lexer=state)
            if not chunk.joined:
                if chunk.info:
                    rows = chop([(chunk.info, theme.code_label)], inner)
                    out += [[bar, *row] for row in rows]
                elif not code:
                    code = [[]]
            for line in code:
                start = bar
                for row in chop(line, inner):
                    out.append([start, *row])
                    start = wrapped
        if theme.code_block.bgcolor is not None:
            for line in out:
                blanks = room - sum(cell_len(text) for text, _ in line)
                line.append((" " * blanks, theme.code_block))
        return out, behind

    def _margins(self, chunk: Chunk, width: int) -> tuple[list[Run], list[Run]]:
        """What stands left of the first line of `chunk`, and of its other lines."""
        rest = self._margin(chunk.containers, width)
        if chunk.fresh >= len(chunk.containers) or not rest:
            return rest, rest
        first = list(rest)
        shift = len(chunk.containers) - len(rest)  # outer containers that found no room
        for index in range(max(chunk.fresh, shift), len(chunk.containers)):
            container = chunk.containers[index]
            if container.mark != ">":
                mark = _mark(chunk.containers[: index + 1])
                if index == len(chunk.containers) - 1:
                    mark = _task(chunk) or mark
                first[index - shift] = (mark, self._theme.marker)
        return first, rest

    def _margin(self, containers: Sequence[Container], width: int) -> list[Run]:
        """What stands left of a line inside `containers`; the innermost ones if room is short."""
        room = width - min(_MIN_ROOM, width)
        runs: list[Run] = []
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


def _mark(containers: Sequence[Container]) -> str:
    """The bullet or number of the innermost of `containers`, an item."""
    item = containers[-1]
    if item.mark in ".)":
        return f"{item.number}{item.mark} "
    depth = sum(container.mark in "-+*" for container in containers)
    return _BULLETS[(depth - 1) % len(_BULLETS)]


def _task(chunk: Chunk) -> str:
    """The box that stands for the bullet of a task, if `chunk` begins one."""
    containers = chunk.containers
    if chunk.kind is not Kind.PARAGRAPH or chunk.fresh >= len(containers):
        return ""
    return _TASKS.get(chunk.text[:4], "") if containers[-1].mark in "-+*" else ""


def _line(runs: Sequence[Run]) -> Line:
    return [Segment(text, style) for text, style in runs if text]
