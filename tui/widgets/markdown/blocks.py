"""Cuts a growing Markdown text into blocks that can be laid out one by one.

The scanner reads whole lines and knows just enough of CommonMark (and tables) to tell where a
block begins and ends. Every list item, paragraph, heading, table and part of a code fence becomes
a block of its own, and none grows beyond a few kilobytes, so work on the open end stays bounded
however long a list, a fence or a single line gets. Where the text is cut depends on the text
alone, never on how it arrived.
"""

from __future__ import annotations

from copy import copy
from typing import Final

from tui.core.text import sanitize
from tui.widgets.markdown import grammar
from tui.widgets.markdown.block import BlockKind, Container, MarkdownBlock

PIECE: Final = 2048
"""Code points of a paragraph, table or line that are laid out at once."""
CODE_PIECE: Final = 1024
"""Code points of a fence in one block; as many again are seen ahead before it is cut."""
_MAX_LINES: Final = 48
_MAX_DEPTH: Final = 12
_STYLED_PIECES: Final = 8
_BOXED: Final = frozenset({BlockKind.HEADING, BlockKind.CODE, BlockKind.TABLE, BlockKind.RULE})


class Scanner:
    """A fold over lines: what was read is in the blocks, what is open is in the scanner."""

    def __init__(self) -> None:
        self.position = 0
        """Offset of the first code point that was not read yet."""
        self.seen = 0
        """The blocks so far are final for every text with at least this many code points."""
        self._containers: tuple[Container, ...] = ()
        self._fresh = 0  # containers from here on have nothing drawn in them yet
        self._blank = False  # a blank line was read since the last block
        self._last: BlockKind | None = None
        self._pieces = 0  # pieces read of a line that is too long to be read at once
        self._blocks: list[MarkdownBlock] = []
        # The line, or piece of a line that is too long, being read.
        self._line_start = 0
        self._line_stop = 0
        self._cut = False  # it is a piece, and more of the line follows
        # The open leaf block.
        self._kind: BlockKind | None = None
        self._lines: list[str] = []
        self._starts: list[int] = []
        self._size = 0
        self._begin = 0
        self._stop = 0
        self._gap = -1
        self._joined = False
        self._info = ""
        self._fence = ""
        self._fence_indent = 0

    def copy(self) -> Scanner:
        """Return an independent scanner in the same state."""
        twin = copy(self)
        twin._lines = self._lines.copy()
        twin._starts = self._starts.copy()
        return twin

    def feed(self, text: str, out: list[MarkdownBlock]) -> int:
        """Read what is complete of `text`, which begins at `position`; append blocks to `out`.

        Returns how many code points were read. The rest is one unfinished line.
        """
        self._blocks = out
        clean = sanitize(text) is text
        base = self.position
        start = 0
        while True:
            feed = text.find("\n", start)
            if feed < 0 or feed - start > PIECE:
                if len(text) - start <= PIECE:
                    break
                blank = text.rfind(" ", start + PIECE // 2, start + PIECE)
                stop = blank + 1 if blank > 0 else start + PIECE
                self.seen = base + start + PIECE + 1
                line, self._cut = text[start:stop], True
            else:
                stop = feed + 1
                self.seen = base + stop
                line, self._cut = text[start:feed].removesuffix("\r"), False
            self._line_start, self._line_stop = base + start, base + stop
            self._read(line if clean else sanitize(line))
            start = stop
        self.position = base + start
        return start

    def finish(self, rest: str, out: list[MarkdownBlock], *, growing: bool) -> None:
        """Take `rest` as the last line and close what is open. The scanner is spent after that.

        With `growing` a last line of nothing but marks is kept apart, so that the blocks before
        it do not change their look for it.
        """
        self._blocks = out
        self._line_start = self.position
        self._line_stop = self.position + len(rest)
        self._cut = False
        if growing:
            rest = rest.removesuffix("\r")
        if growing and not self._pieces and grammar.is_undecided(rest):
            self._finish_pending(rest)
        elif rest or self._pieces:
            self._read(sanitize(rest))
        self._close()

    def _finish_pending(self, rest: str) -> None:
        at, matched = self._match(rest)
        marks = rest[at:].strip(" ")
        in_code = self._kind is BlockKind.CODE and matched == len(self._containers)
        if in_code and (not marks or marks.strip(self._fence[:1])):
            self._read(rest)
            return
        self._close()
        self._keep(matched)
        if marks and not in_code:  # in code these begin the end of the fence
            self._gap = self._gap_before(BlockKind.PENDING)
            self._emit(BlockKind.PENDING, [marks])

    # Lines

    def _read(self, line: str) -> None:
        if "\t" in line:
            line = line.expandtabs(4)
        if self._pieces:
            self._read_piece(line)
            return
        at, matched = self._match(line)
        rest = line[at:]
        in_code = self._kind is BlockKind.CODE and matched == len(self._containers)
        if not (in_code and self._read_code(rest)):
            self._read_blocks(rest, matched)
        self._pieces = int(self._cut)

    def _match(self, line: str) -> tuple[int, int]:
        """How far `line` goes on with the open containers: offset behind their marks, and count."""
        at = 0
        size = len(line)
        for matched, container in enumerate(self._containers):
            text = at
            while text < size and line[text] == " ":
                text += 1
            if container.mark == ">":
                if text - at > 3 or not line.startswith(">", text):
                    return at, matched
                at = text + 2 if line.startswith(" ", text + 1) else text + 1
            elif text - at >= container.indent:
                at += container.indent
            elif text < size:
                return at, matched
        return at, len(self._containers)

    def _read_piece(self, text: str) -> None:
        """Read a further piece of a line that is too long."""
        self._pieces += 1
        if self._kind is BlockKind.CODE:
            if self._lines:
                self._cut_code(len(self._lines))
            self._emit(BlockKind.CODE_LINE, [text], more=self._cut)
        else:
            self._read_text_piece(text)
        if not self._cut:
            self._pieces = 0

    def _read_text_piece(self, text: str) -> None:
        if self._kind is not BlockKind.PARAGRAPH:
            self._close()
            self._kind = BlockKind.PARAGRAPH
        self._joined = True
        if self._pieces > _STYLED_PIECES:
            self._emit(BlockKind.PLAIN, [text], more=self._cut)
        else:
            self._add_text(text)

    def _read_code(self, rest: str) -> bool:
        """Read a line inside code. False: the code ended before it."""
        text = rest.lstrip(" ")
        indent = len(rest) - len(text)
        if self._fence:
            if indent < 4 and grammar.closes_fence(text, self._fence):
                self._stop = self._line_stop
                self._close()
                return True
            rest = rest[min(indent, self._fence_indent) :]
        elif text and indent < 4:
            return False
        else:
            rest = rest[4:]
        if self._cut:
            self._cut_code(len(self._lines))
            self._emit(BlockKind.CODE_LINE, [rest], more=True)
            return True
        self._add(rest + "\n")
        if self._size >= 2 * CODE_PIECE or len(self._lines) >= 2 * _MAX_LINES:
            size = count = 0
            while size < CODE_PIECE and count < _MAX_LINES:
                size += len(self._lines[count])
                count += 1
            self._cut_code(count)
        return True

    def _cut_code(self, count: int) -> None:
        """Make a block of the first `count` lines of the open code."""
        if count or not self._joined:
            lines, ahead = self._lines[:count], self._lines[count:]
            starts = self._starts[count:]
            end = starts[0] if starts else self._stop
            self._emit(BlockKind.CODE, lines, (self._begin, end), ahead="".join(ahead))
            self._lines, self._starts, self._begin = ahead, starts, end
            self._size = sum(map(len, ahead))
        self._joined = True

    def _read_blocks(self, rest: str, matched: int) -> None:
        """Read a line outside code: new containers first, then the leaf that it belongs to."""
        inside = matched == len(self._containers)  # the open leaf may go on
        before = None if inside else self._containers[matched]
        entered = False
        while text := rest.lstrip(" "):
            indent = len(rest) - len(text)
            if indent >= 4:
                if self._kind is BlockKind.PARAGRAPH and not entered:
                    break
                self._open(BlockKind.CODE, matched)
                self._add(rest[4:] + "\n")
                return
            if inside and self._underlined(text):
                return
            interrupts = inside and self._kind is BlockKind.PARAGRAPH
            found = grammar.container(text, indent, before, interrupts=interrupts)
            if found is None or matched >= _MAX_DEPTH:
                if self._read_leaf(text, indent, matched):
                    return
                break
            if not entered:
                self._leave(matched)
                self._begin, self._stop = self._line_start, self._line_stop
            entered, inside, before = True, False, None
            self._containers = (*self._containers, found[0])
            matched += 1
            rest = text[found[1] :]
        if text:
            goes_on = self._kind is BlockKind.PARAGRAPH or (
                self._kind is BlockKind.TABLE and inside
            )
            if entered or not goes_on:
                self._open(BlockKind.PARAGRAPH, matched)
            self._add_text(text)
        elif not entered:
            self._close()
            self._keep(matched)
            self._blank = True

    def _underlined(self, text: str) -> bool:
        """Whether `text` makes the open paragraph a heading, or its last line a table."""
        if self._kind is not BlockKind.PARAGRAPH or not self._lines or text[0] not in "=-|:":
            return False
        if self._joined and len(self._lines) == 1:
            return False  # the rest of a line, not a line
        level = 0 if self._joined else grammar.underline_level(text)
        if level:
            if self._gap < 0:
                self._gap = self._gap_before(BlockKind.HEADING)
            self._emit(BlockKind.HEADING, self._lines, (self._begin, self._line_stop), level=level)
            self._reset()
            return True
        if not grammar.is_delimiter_row(text, self._lines[-1]):
            return False
        header, begin = self._lines.pop(), self._starts.pop()
        if self._lines:
            self._emit(BlockKind.PARAGRAPH, self._lines, (self._begin, begin))
            self._reset()
            self._gap = -1
        if self._gap < 0:
            self._gap = self._gap_before(BlockKind.TABLE)
        self._kind = BlockKind.TABLE
        self._begin, self._stop = begin, self._line_stop
        self._lines, self._starts = [header, text], [begin, self._line_start]
        self._size = len(header) + len(text)
        return True

    def _read_leaf(self, text: str, indent: int, matched: int) -> bool:
        """Read a heading, a fence or a rule. False: the line is none of these."""
        if heading := grammar.heading(text):
            self._open(BlockKind.HEADING, matched)
            self._emit(BlockKind.HEADING, [heading[1]], level=heading[0])
            self._reset()
        elif not self._cut and (fence := grammar.fence(text)):
            self._open(BlockKind.CODE, matched)
            self._fence, self._info = fence
            self._fence_indent = indent
        elif grammar.is_rule(text):
            self._open(BlockKind.RULE, matched)
            self._emit(BlockKind.RULE, [])
            self._reset()
        else:
            return False
        return True

    # The open leaf

    def _open(self, kind: BlockKind, matched: int) -> None:
        """Close what is open and begin a leaf in the first `matched` containers."""
        self._leave(matched)
        self._kind = kind
        self._begin, self._stop = self._line_start, self._line_stop
        self._gap = self._gap_before(kind)
        self._blank = False

    def _add_text(self, text: str) -> None:
        """Add a line to the open paragraph or table; cut it there when it has grown too long."""
        kind = self._kind
        assert kind is not None
        self._add(text if self._cut else text.rstrip(" "))
        if self._cut or self._size >= PIECE or len(self._lines) >= _MAX_LINES:
            more = self._cut and kind is BlockKind.PARAGRAPH
            self._emit(kind, self._lines, (self._begin, self._stop), more=more)
            self._reset()
            self._kind = kind
            self._joined = True

    def _add(self, line: str) -> None:
        if self._joined and not self._lines:
            self._begin = self._line_start
        self._lines.append(line)
        self._starts.append(self._line_start)
        self._size += len(line)
        self._stop = self._line_stop

    def _gap_before(self, kind: BlockKind) -> int:
        """Where a blank line goes before a new block: as in the source, and around boxes."""
        if self._last is None:
            return -1
        fresh = self._fresh
        boxed = kind in _BOXED or self._last in _BOXED
        quoted = fresh < len(self._containers) and self._containers[fresh].mark == ">"
        return fresh if self._blank or (fresh == 0 and (boxed or quoted)) else -1

    def _leave(self, matched: int) -> None:
        """Close the open leaf, and all containers but the first `matched`."""
        if self._kind is not None or matched < len(self._containers):
            self._close()
            self._keep(matched)

    def _keep(self, matched: int) -> None:
        self._containers = self._containers[:matched]
        self._fresh = min(self._fresh, matched)

    def _close(self) -> None:
        """Make a block of what is open, if there is anything to draw."""
        kind = self._kind
        if kind is None:
            if any(item.mark != ">" for item in self._containers[self._fresh :]):
                self._gap = self._gap_before(BlockKind.PARAGRAPH)
                self._emit(BlockKind.PARAGRAPH, [], (self._begin, self._stop))
            return
        lines = self._lines
        blank = False
        if kind is BlockKind.CODE and not self._fence:
            while lines and not lines[-1].strip():
                lines.pop()
                blank = True
        if lines or not self._joined:
            self._emit(kind, lines, (self._begin, self._stop))
        self._blank = blank
        self._reset()

    def _reset(self) -> None:
        self._kind = None
        self._lines, self._starts = [], []
        self._size = 0
        self._joined = False
        self._info = self._fence = ""

    def _emit(
        self,
        kind: BlockKind,
        lines: list[str],
        span: tuple[int, int] | None = None,
        *,
        level: int = 0,
        ahead: str = "",
        more: bool = False,
    ) -> None:
        """Make a block; without a `span` it covers the line being read."""
        start, end = span or (self._line_start, self._line_stop)
        text = ("" if kind is BlockKind.CODE else "\n").join(lines)
        gap = -1 if self._joined else self._gap
        info = self._info if kind is BlockKind.CODE else ""
        place, joined = (self._containers, self._fresh, gap), self._joined
        block = MarkdownBlock(kind, start, end, text, *place, level, info, ahead, joined, more)
        self._blocks.append(block)
        self._fresh = len(self._containers)
        self._last = kind
        self._blank = False
