"""The transcript: what was asked, what the model thinks and says, and how it ended."""

from __future__ import annotations

from bisect import bisect_right
from typing import ClassVar, Final, Protocol

from rich.style import Style
from textual.strip import Strip

from tui.core.state import Buffer
from tui.core.text import sanitize
from tui.viewmodel import Item, Scope, transcript
from tui.widgets.cell_wrap import wrap
from tui.widgets.line_view import LineView
from tui.widgets.markdown_lines import MarkdownLines
from tui.widgets.markdown_theme import MarkdownTheme
from tui.widgets.paint import Piece, strip_of, wire

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
        self._lines = MarkdownLines()
        self._open = False

    @property
    def height(self) -> int:
        return len(self._rows) + (self._lines.height if self._open else 0)

    def row(self, y: int) -> Strip:
        if y < len(self._rows):
            return self._rows[y]
        body = self._lines.line(y - len(self._rows))
        return Strip.join([strip_of([("  ", None)]), body.apply_style(Style(dim=True))])

    def take(self, item: Item, width: int, look: _Look) -> bool:
        self._open = look.unfolded and len(item.body) > 0
        key = (item.label, len(item.body), width, self._open, item.open, id(look))
        if key != self._key:
            self._key = key
            mark = "\u25be" if self._open else "\u25b8"
            pieces: list[Piece] = [(f"{mark} {item.label}", look.thinking)]
            if item.open and not self._open and isinstance(item.body, Buffer):
                room = width - len(item.label) - 5
                tail = " ".join(item.body.slice(max(len(item.body) - 200, 0)).split())
                if room > 10 and tail:
                    tail = tail[-(room - 1) :]
                    pieces.append(("  \u2026" + wire(tail, room), look.tone["muted"]))
            self._rows = [strip_of(pieces, width)]
        if not self._open or isinstance(item.body, str):
            return True
        return self._lines.update(
            item.body, max(width - 2, 1), final=not item.open, budget_ns=_BUDGET_NS
        )


class _Text:
    """Text of the answer, as Markdown or as it came."""

    def __init__(self, theme: MarkdownTheme) -> None:
        self._theme = theme
        self._lines = MarkdownLines(theme)
        self._source: list[Strip] = []
        self._source_key: tuple[object, ...] = ()
        self._show_source = False
        self._caret: Style | None = None

    @property
    def height(self) -> int:
        rows = len(self._source) if self._show_source else self._lines.height
        return max(rows, 1 if self._caret is not None else 0)

    def row(self, y: int) -> Strip:
        if self._show_source:
            strip = self._source[y] if y < len(self._source) else Strip([])
        else:
            strip = self._lines.line(y) if y < self._lines.height else Strip([])
        if self._caret is not None and y == self.height - 1:
            strip = Strip.join([_trimmed(strip), strip_of([(_CARET, self._caret)])])
        return strip

    def take(self, item: Item, width: int, look: _Look) -> bool:
        if look.theme is not self._theme:
            self.__init__(look.theme)  # type: ignore[misc]
        self._caret = look.caret if item.open else None
        self._show_source = look.source
        body = item.body if isinstance(item.body, Buffer) else Buffer(item.body)
        if look.source:
            key = (len(body), width, id(look))
            if key != self._source_key:
                self._source_key = key
                self._source = _block(body.text()[-_PLAIN_LIMIT:], look.tone["plain"], width, 0)
            return True
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
    }

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

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._look = None
        self._drawn = ()

    def show(self, scope: Scope) -> None:
        """Draw the transcript of `scope`."""
        width = self.row_width
        status = scope.run.status
        drawn = (scope.key, scope.count, scope.travelling, width, status, scope.failure)
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
            starts.append(start)
            end = start + section.height
            before = item.kind
        keys = {item.key for item in items}
        for key in [key for key in self._sections if key not in keys]:
            del self._sections[key]
        self._order = order
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
