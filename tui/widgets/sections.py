"""The parts of the transcript, laid out in rows: prompts, thinking, text, marks and banners."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rich.style import Style
from textual.strip import Strip

from tui.core.state import Buffer
from tui.core.text import clip, one_line, sanitize
from tui.viewmodel import TranscriptItem
from tui.widgets.cell_wrap import wrap, wrapped_text
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import StyledText, strip_of, wire
from tui.widgets.source_lines import SourceLines

if TYPE_CHECKING:
    from tui.widgets.lines_view import LineStyles

_BAR: Final = "\u258e "
_AT_ONCE: Final = 8_000
"""Code points of plain text that are laid out at once: a few milliseconds."""
_LABEL_LIMIT: Final = 200
INDENT: Final = 2
"""Blanks before what stands under a heading."""


class Section:
    """One item, laid out in rows."""

    @property
    def height(self) -> int:
        """The number of rows."""
        raise NotImplementedError

    def take(self, item: TranscriptItem, width: int, styles: SectionStyles, budget_ns: int) -> bool:
        """Lay the item out; False where the budget did not suffice and more is to be done."""
        raise NotImplementedError

    def row(self, y: int) -> Strip:
        """Draw a row."""
        raise NotImplementedError

    def offset_at(self, y: int, column: int) -> int:
        """Return the code point of the item's body that is drawn there."""
        return 0

    def source_at(self, y: int, column: int) -> int | None:
        """Return the number of the source that is named there."""
        return None

    @property
    def folds(self) -> bool:
        """Whether it has more than is shown while it is folded."""
        return False

    def is_fold(self, y: int) -> bool:
        """Whether a row is the one that says what is folded away."""
        return False

    def toggle(self) -> None:
        """Fold it, or unfold it; to be taken again after that."""

    def margin_of(self, y: int) -> int:
        """Return the blanks before a row that only goes on with the row above, else -1."""
        return -1

    def place_at(self, y: int) -> float:
        """Return where in the item a row begins: about, in a measure that is the section's own."""
        return y

    def row_at(self, place: float) -> int:
        """Return the row where that is now."""
        return min(int(place), max(self.height - 1, 0))


class SectionStyles:
    """The styles of the pane, and what is unfolded."""

    def __init__(
        self,
        style: Callable[[str], Style],
        line: LineStyles,
        theme: MarkdownTheme,
        *,
        unfolded: bool,
        source: bool,
    ) -> None:
        """Take what looks up the styles of the pane, and those of lines."""
        tones = ("plain", "muted", "good", "warning", "bad")
        self.tone = {name: style(name) for name in tones}
        self.prompt = style("prompt")
        self.thinking = style("thinking")
        self.tool = style("tool")
        self.caret = style("caret")
        self.highlight = style("highlight")
        self.line = line
        self.theme = theme
        self.cited = theme._replace(citation=theme.marker)
        """The theme for text with citations."""
        self.unfolded = unfolded
        self.source = source


class PlainSection(Section):
    """Text under a label: prompts, results, the stop reason, banners."""

    def __init__(self) -> None:
        self._rows: list[Strip] = []
        self._long: SourceLines | None = None
        """A body that is too long to be laid out at once, under the rows."""
        self._body = ""
        self._fronts: tuple[StyledText, StyledText] = (("", None), ("", None))
        """What stands before the first and before every other row of a long body."""
        self._style = Style()

    @property
    def height(self) -> int:
        return len(self._rows) + (self._long.height if self._long else 0)

    def row(self, y: int) -> Strip:
        if self._long is None or y < len(self._rows):
            return self._rows[y]
        y -= len(self._rows)
        front = strip_of([self._fronts[y > 0]])
        return Strip.join([front, self._long.row(y, self._style, None, self._style)])

    def margin_of(self, y: int) -> int:
        y -= len(self._rows)
        wrapped = self._long is not None and y > 0 and self._long.goes_on(y)
        return len(self._fronts[1][0]) if wrapped else -1

    def take(self, item: TranscriptItem, width: int, styles: SectionStyles, budget_ns: int) -> bool:
        body = item.body if isinstance(item.body, str) else item.body.text()
        tone = styles.tone[item.tone]
        if len(body) > _AT_ONCE:
            return self._take_long(item, body, width, styles, budget_ns)
        self._long = None
        if item.kind == "prompt":
            self._rows = _labelled("you", styles.prompt, body, styles.tone["plain"], width)
        elif item.kind == "banner":
            self._rows = _banner(item, body, tone, width)
        else:
            self._rows = self._heading(item, width, styles)
            if body and item.kind != "tool":
                self._rows += _block(body, styles.tone["muted"], width, INDENT)
        return True

    def _take_long(
        self, item: TranscriptItem, body: str, width: int, styles: SectionStyles, budget_ns: int
    ) -> bool:
        """Lay out as much of a long body as there is time for."""
        if self._long is None or not body.startswith(self._body):
            self._long = SourceLines()
        self._body = body
        margin: StyledText = (" " * INDENT, None)
        self._fronts = (margin, margin)
        self._style = styles.tone["muted"]
        if item.kind == "prompt":
            self._rows = []
            self._style = styles.tone["plain"]
            self._fronts = (("you  ", styles.prompt), (" " * len("you  "), None))
        elif item.kind == "banner":
            self._rows = _banner(item, "", styles.tone[item.tone], width)
            self._style = styles.tone[item.tone]
            self._fronts = ((_BAR, self._style), (_BAR, self._style))
        else:
            self._rows = self._heading(item, width, styles)
        room = max(width - len(self._fronts[0][0]), 1)
        return self._long.update(Buffer(body), room, budget_ns=budget_ns)

    def _heading(self, item: TranscriptItem, width: int, styles: SectionStyles) -> list[Strip]:
        tone = styles.tone[item.tone]
        if item.kind == "tool":
            return heading("\u2192 ", item.label, styles.tool, width)
        if item.kind == "stop":
            return _labelled("\u25a0", tone, item.label, tone, width)
        return heading("\u2261 ", item.label, styles.tone["muted"], width)


class ThinkingSection(Section):
    """Thinking: one row while folded, with the end of what was thought; all of it unfolded."""

    def __init__(self) -> None:
        self._rows: list[Strip] = []
        self._source = SourceLines()
        self._open = False
        self._style = Style()
        self._highlight: tuple[int, int] | None = None
        self._highlight_style = Style()

    @property
    def height(self) -> int:
        return len(self._rows) + (self._source.height if self._open else 0)

    def row(self, y: int) -> Strip:
        if y < len(self._rows):
            return self._rows[y]
        body = self._source.row(
            y - len(self._rows), self._style, self._highlight, self._highlight_style
        )
        return Strip.join([strip_of([(" " * INDENT, None)]), body])

    def offset_at(self, y: int, column: int) -> int:
        y -= len(self._rows)
        if not self._open or not 0 <= y < self._source.height:
            return 0
        return self._source.offset_at(y, max(column - INDENT, 0))

    def margin_of(self, y: int) -> int:
        y -= len(self._rows)
        return INDENT if y > 0 and self._source.goes_on(y) else -1

    def place_at(self, y: int) -> float:
        return self.offset_at(y, 0) if y >= len(self._rows) else -1

    def row_at(self, place: float) -> int:
        if place < 0 or not self._open:
            return 0
        return len(self._rows) + self._source.row_of(int(place))

    def take(self, item: TranscriptItem, width: int, styles: SectionStyles, budget_ns: int) -> bool:
        self._open = styles.unfolded and len(item.body) > 0
        self._highlight = item.highlight
        self._style, self._highlight_style = styles.tone["muted"], styles.highlight
        sign = "\u25be" if self._open else "\u25b8"
        style = styles.thinking + styles.highlight if item.highlight else styles.thinking
        pieces: list[StyledText] = [(f"{sign} {item.label}", style)]
        if item.open and not self._open and isinstance(item.body, Buffer):
            room = width - len(item.label) - 5
            tail = " ".join(item.body.slice(max(len(item.body) - 200, 0)).split())
            if room > 10 and tail:
                last = "  \u2026" + wire(tail[-(room - 1) :], room)
                pieces.append((last, styles.tone["muted"]))
        self._rows = [strip_of(pieces, width)]
        if not self._open or isinstance(item.body, str):
            return True
        return self._source.update(item.body, max(width - INDENT, 1), budget_ns=budget_ns)


def heading(sign: str, label: str, style: Style, width: int) -> list[Strip]:
    """Return a label under a sign: as many rows as it takes, for its end can be what tells most."""
    rows = wrapped_text(clip(one_line(label), _LABEL_LIMIT), max(width - len(sign), 1))
    blank = " " * len(sign)
    return [
        strip_of([(blank if number else sign, style), (row, style)], width)
        for number, row in enumerate(rows)
    ]


def _block(text: str, style: Style, width: int, indent: int) -> list[Strip]:
    margin = " " * indent
    safe = sanitize(text).expandtabs(4)
    rows = wrap([(safe, style)], max(width - indent, 1))
    return [strip_of([(margin, None), *row]) for row in rows]


def _labelled(label: str, label_style: Style, text: str, style: Style, width: int) -> list[Strip]:
    indent = len(label) + 2
    rows = _block(text, style, width, indent)
    first = strip_of([(label + "  ", label_style)])
    return [Strip.join([first, rows[0].crop(indent)]), *rows[1:]]


def _banner(item: TranscriptItem, text: str, tone: Style, width: int) -> list[Strip]:
    bar: StyledText = (_BAR, tone)
    room = max(width - len(_BAR), 1)
    rows = _block(clip(one_line(item.label), _LABEL_LIMIT), tone + Style(bold=True), room, 0)
    if text:
        rows += _block(text, tone, room, 0)
    return [Strip.join([strip_of([bar]), row]) for row in rows]
