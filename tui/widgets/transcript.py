"""The transcript: what was asked, what the model thinks and says, and how it ended."""

from __future__ import annotations

from bisect import bisect_right
from typing import ClassVar, Final, Protocol

from rich.style import Style
from textual.strip import Strip

from tui.core.links import Field
from tui.core.state import Buffer
from tui.core.text import sanitize
from tui.viewmodel import Item, Scope, transcript
from tui.widgets.cell_wrap import wrap
from tui.widgets.line_view import LineView, OriginWanted
from tui.widgets.markdown_lines import MarkdownLines
from tui.widgets.markdown_theme import MarkdownTheme
from tui.widgets.paint import Piece, strip_of, wire
from tui.widgets.source_lines import SourceLines

_BUDGET_NS: Final = 6_000_000
_CARET: Final = "\u258c"
_PLAIN_LIMIT: Final = 200_000
_LABELLED: Final = frozenset({"result", "block", "stop"})


class _Section(Protocol):
    """One item, laid out in rows."""

    @property
    def height(self) -> int: ...

    def take(self, item: Item, width: int, look: _Look) -> bool:
        """Lay the item out; False where more is to be done in the next frame."""
        ...

    def row(self, y: int) -> Strip: ...

    def offset_at(self, y: int, column: int) -> int:
        """Return the code point of the item's body that is drawn there."""
        ...


class _Look:
    """The styles of the pane, and what is unfolded."""

    def __init__(self, pane: Transcript) -> None:
        self.tone = {
            name: pane.style(f"transcript--{name}")
            for name in ("plain", "muted", "good", "warning", "bad")
        }
        self.prompt = pane.style("transcript--prompt")
        self.thinking = pane.style("transcript--thinking")
        self.tool = pane.style("transcript--tool")
        self.caret = pane.style("transcript--caret")
        self.banner = pane.style("transcript--banner")
        self.lit = pane.style("transcript--lit")
        self.unfolded = pane.unfolded
        self.source = pane.source
        self.theme = pane.markdown_theme


class _Plain:
    """Short text under a label: prompts, results, the stop reason, banners."""

    def __init__(self) -> None:
        self._rows: list[Strip] = []
        self._key: tuple[object, ...] = ()

    @property
    def height(self) -> int:
        return len(self._rows)

    def row(self, y: int) -> Strip:
        return self._rows[y]

    def offset_at(self, y: int, column: int) -> int:
        return 0

    def take(self, item: Item, width: int, look: _Look) -> bool:
        body = item.body if isinstance(item.body, str) else item.body.slice(0, _PLAIN_LIMIT)
        key = (item.label, body, item.tone, width, item.open, id(look))
        if key == self._key:
            return True
        self._key = key
        body = body[:_PLAIN_LIMIT]
        tone = look.tone[item.tone]
        if item.kind == "prompt":
            self._rows = _labelled("you", look.prompt, body, look.tone["plain"], width)
        elif item.kind == "banner":
            self._rows = _banner(item, body, tone, width)
        elif item.kind == "tool":
            self._rows = [
                strip_of([("\u2192 ", look.tool), (wire(item.label, width - 2), look.tool)])
            ]
        elif item.kind == "stop":
            self._rows = _labelled("\u25a0", tone, item.label, tone, width)
            if body:
                self._rows += _block(body, look.tone["muted"], width, 2)
        else:
            heading = "\u2261 " + wire(item.label, width - 2)
            self._rows = [strip_of([(heading, look.tone["muted"])])]
            if body:
                self._rows += _block(body, look.tone["muted"], width, 2)
        return True


class _Thinking:
    """Thinking: one row while folded, with the end of what was thought; all of it unfolded."""

    def __init__(self) -> None:
        self._rows: list[Strip] = []
        self._key: tuple[object, ...] = ()
        self._source = SourceLines()
        self._open = False
        self._style = Style()
        self._lit: tuple[int, int] | None = None
        self._lit_style = Style()

    @property
    def height(self) -> int:
        return len(self._rows) + (self._source.height if self._open else 0)

    def row(self, y: int) -> Strip:
        if y < len(self._rows):
            return self._rows[y]
        body = self._source.row(y - len(self._rows), self._style, self._lit, self._lit_style)
        return Strip.join([strip_of([("  ", None)]), body])

    def offset_at(self, y: int, column: int) -> int:
        if y < len(self._rows) or not self._open:
            return 0
        return self._source.offset_at(y - len(self._rows), max(column - 2, 0))

    def take(self, item: Item, width: int, look: _Look) -> bool:
        self._open = look.unfolded and len(item.body) > 0
        self._lit = item.lit
        self._style, self._lit_style = look.tone["muted"], look.lit
        key = (item.label, len(item.body), width, self._open, item.open, item.lit, id(look))
        if key != self._key:
            self._key = key
            mark = "\u25be" if self._open else "\u25b8"
            style = look.thinking + look.lit if item.lit else look.thinking
            pieces: list[Piece] = [(f"{mark} {item.label}", style)]
            if item.open and not self._open and isinstance(item.body, Buffer):
                room = width - len(item.label) - 5
                tail = " ".join(item.body.slice(max(len(item.body) - 200, 0)).split())
                if room > 10 and tail:
                    pieces.append(
                        ("  \u2026" + wire(tail[-(room - 1) :], room), look.tone["muted"])
                    )
            self._rows = [strip_of(pieces, width)]
        if not self._open or isinstance(item.body, str):
            return True
        return self._source.update(item.body, max(width - 2, 1))


class _Text:
    """Text of the answer, as Markdown or as it came."""

    def __init__(self, theme: MarkdownTheme) -> None:
        self._theme = theme
        self._lines = MarkdownLines(theme)
        self._source = SourceLines()
        self._look: _Look | None = None
        self._caret = False
        self._lit: tuple[int, int] | None = None

    @property
    def _as_it_came(self) -> bool:
        return self._look is not None and self._look.source

    @property
    def height(self) -> int:
        rows = self._source.height if self._as_it_came else self._lines.height
        return max(rows, 1 if self._caret else 0)

    def row(self, y: int) -> Strip:
        assert self._look is not None
        if self._as_it_came:
            strip = Strip([])
            if y < self._source.height:
                strip = self._source.row(y, self._look.tone["plain"], self._lit, self._look.lit)
        else:
            strip = self._lines.line(y) if y < self._lines.height else Strip([])
        if self._caret and y == self.height - 1:
            strip = Strip.join([_trimmed(strip), strip_of([(_CARET, self._look.caret)])])
        return strip

    def offset_at(self, y: int, column: int) -> int:
        if self._as_it_came:
            return self._source.offset_at(y, column) if y < self._source.height else 0
        return self._lines.source_range(y)[0] if y < self._lines.height else 0

    def take(self, item: Item, width: int, look: _Look) -> bool:
        if look.theme is not self._theme:
            self._theme = look.theme
            self._lines = MarkdownLines(look.theme)
        self._look = look
        self._caret = item.open
        self._lit = item.lit
        body = item.body if isinstance(item.body, Buffer) else Buffer(item.body)
        if look.source:
            return self._source.update(body, width - 1)
        return self._lines.update(body, width - 1, final=not item.open, budget_ns=_BUDGET_NS)


class Transcript(LineView):
    """The conversation as it is being written. Follows the end until the reader moves."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "transcript--plain",
        "transcript--muted",
        "transcript--good",
        "transcript--warning",
        "transcript--bad",
        "transcript--prompt",
        "transcript--thinking",
        "transcript--tool",
        "transcript--caret",
        "transcript--banner",
        "transcript--lit",
    }

    BINDINGS = [
        ("j,down", "move_caret(1, 0)", "Point a row further down"),
        ("k,up", "move_caret(-1, 0)", "Point a row further up"),
        ("l,right", "move_caret(0, 1)", "Point further right"),
        ("h,left", "move_caret(0, -1)", "Point further left"),
        ("enter,o", "origin", "Go to the event that wrote this"),
    ]

    points = True

    placeholder = "The answer appears here as it arrives"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "Transcript"
        self.unfolded = False
        self.source = False
        self.markdown_theme = MarkdownTheme()
        self._sections: dict[tuple[str, int], _Section] = {}
        self._order: list[_Section] = []
        self._starts: list[int] = []
        self._drawn: tuple[object, ...] = ()
        self._complete = True
        self._look: _Look | None = None
        self._scope: Scope | None = None
        self._keys: list[tuple[str, int]] = []

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._look = None
        self._drawn = ()

    def show(self, scope: Scope) -> None:
        """Draw the transcript of `scope`."""
        width = self.row_width
        status = scope.run.status
        drawn = (scope.key, scope.count, scope.travelling, width, status, scope.failure)
        self._scope = scope
        if drawn == self._drawn and self._complete:
            return
        if self._drawn[:1] != drawn[:1]:
            self._sections.clear()
            self.follow = True
        self._drawn = drawn
        self._lay_out(transcript(scope), width)

    def _lay_out(self, items: list[Item], width: int) -> None:
        look = self._look = self._look or _Look(self)
        order: list[_Section] = []
        starts: list[int] = []
        places: list[tuple[str, int]] = []
        end = -1
        before = ""
        self._complete = True
        for item in items:
            section = self._sections.get(item.key)
            if section is None:
                section = self._sections[item.key] = _new_section(item, look)
            if not section.take(item, width, look):
                self._complete = False
            if section.height == 0:
                continue
            # A blank row between parts, but calls that belong together stand together.
            start = end + (0 if item.kind == before == "tool" else 1)
            order.append(section)
            places.append(item.key)
            starts.append(start)
            end = start + section.height
            before = item.kind
        keys = {item.key for item in items}
        for key in [key for key in self._sections if key not in keys]:
            del self._sections[key]
        self._order = order
        self._keys = places
        self._starts = starts
        self.set_height(max(end, 0))
        self.refresh()

    def row(self, y: int, width: int) -> Strip:
        place = bisect_right(self._starts, y) - 1
        if not 0 <= place < len(self._order):
            return Strip([])
        section = self._order[place]
        inner = y - self._starts[place]
        return section.row(inner) if inner < section.height else Strip([])

    def action_move_caret(self, rows: int, columns: int) -> None:
        """Move the place that is pointed at."""
        self.move_caret(rows, columns)

    def action_origin(self) -> None:
        """Ask for the event that wrote what is pointed at."""
        scope = self._scope
        if scope is None or self.caret is None:
            return
        y, column = self.caret
        number = bisect_right(self._starts, y) - 1
        if not 0 <= number < len(self._order) or self._keys[number][0] != "block":
            return
        place = self._keys[number][1]
        section = self._order[number]
        offset = section.offset_at(y - self._starts[number], column)
        field: Field = "thinking" if isinstance(section, _Thinking) else "text"
        self.post_message(OriginWanted(place, field, offset))

    def toggle_source(self) -> bool:
        """Switch between rendered Markdown and the text as it came; return whether as it came."""
        self.source = not self.source
        self.notify_style_update()
        return self.source

    def toggle_thinking(self) -> bool:
        """Fold or unfold the thinking; return whether it is unfolded now."""
        self.unfolded = not self.unfolded
        self.notify_style_update()
        return self.unfolded


def _new_section(item: Item, look: _Look) -> _Section:
    if item.kind == "text":
        return _Text(look.theme)
    if item.kind == "thinking":
        return _Thinking()
    return _Plain()


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


def _banner(item: Item, text: str, tone: Style, width: int) -> list[Strip]:
    bar: Piece = ("\u258e ", tone)
    rows = [strip_of([bar, (wire(item.label, width - 2), tone + Style(bold=True))])]
    if text:
        for row in _block(text, tone, max(width - 2, 1), 0):
            rows.append(Strip.join([strip_of([bar]), row]))
    return rows


def _trimmed(strip: Strip) -> Strip:
    return strip.crop(0, len(strip.text.rstrip(" ")) and _cells(strip.text.rstrip(" ")))


def _cells(text: str) -> int:
    return strip_of([(text, None)]).cell_length
