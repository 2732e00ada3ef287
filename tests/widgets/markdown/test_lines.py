"""Laws of the incremental Markdown layout, and what it draws."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.sweeps import exhaustive, sampled
from tui.core.text import sanitize
from tui.widgets.markdown import blocks as markdown_blocks
from tui.widgets.markdown import fences
from tui.widgets.markdown import lines as markdown_lines
from tui.widgets.markdown.lines import MarkdownLines
from tui.widgets.markdown.theme import MarkdownTheme


class Text(str):
    """A text with the interface of the application's buffers."""

    def slice(self, start: int, end: int) -> str:
        return self[start:end]


class CountingText:
    """Remembers how much of it was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.read = 0

    def __len__(self) -> int:
        return len(self.text)

    def slice(self, start: int, end: int) -> str:
        part = self.text[start:end]
        self.read += len(part)
        return part


def strips(lines: MarkdownLines) -> list[Strip]:
    return [lines.line(y) for y in range(lines.height)]


def segments(lines: MarkdownLines) -> list[list[Segment]]:
    return [list(strip) for strip in strips(lines)]


def rendered(text: str, width: int = 60, *, final: bool = True) -> MarkdownLines:
    lines = MarkdownLines()
    assert lines.update(Text(text), width, final=final)
    return lines


def drawn(text: str, width: int = 60, *, final: bool = True) -> list[str]:
    return [strip.text.rstrip() for strip in strips(rendered(text, width, final=final))]


def style_of(lines: MarkdownLines, word: str) -> Style:
    """The style of the first segment that has `word` in it."""
    found = [part for line in segments(lines) for part in line if word in part.text]
    assert found, word
    return found[0].style or Style.null()


@contextmanager
def small_pieces(size: int = 24) -> Iterator[None]:
    """Make blocks break where otherwise only long texts do."""
    with (
        patch.object(markdown_blocks, "PIECE", size),
        patch.object(markdown_blocks, "CODE_PIECE", size),
        patch.object(markdown_blocks, "_MAX_LINES", 4),
        patch.object(markdown_blocks, "_STYLED_PIECES", 2),
        patch.object(markdown_lines, "_SLICE", 4 * size),
        patch.object(markdown_lines, "_CHECKPOINT_EVERY", 3 * size),
        patch.object(markdown_lines, "_KEPT_LINES", 12),
        patch.object(fences, "_MAX_PENDING", 2 * size),
    ):
        yield


DOCUMENT = """# Title

Text with **bold** and `code`, and a long line of 日本語 that has to be cut into pieces.
Underlined **with more than one
line**
---
- item
  ```py
  def f(x):
      \"\"\"Long string
      over lines.\"\"\"
      return {x: [1, 2, 3]}

  ```
- [x] done with a line that is much too long to be read at once 👩‍💻👩‍💻👩‍💻👩‍💻
---
  1. one

  2. two
lazy
> quote
> > deeper
> ```
> xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
> end
| a | b |
|:-:|--:|
| 1 | 2 | 3 and more |
| a cell that is too wide |

    indented	code

***
&#27;[31m&#x202e; <br> ![image](http://x.y) [0m
~~~
"""

FRAGMENTS = st.one_of(
    st.sampled_from(
        [
            "\n",
            "\n\n",
            "\n",
            " ",
            "  ",
            "    ",
            "\t",
            "\r\n",
            "\r",
            "# ",
            "### ",
            "- ",
            "* ",
            "1. ",
            "7) ",
        ]
        + [
            "> ",
            ">",
            "---\n",
            "===\n",
            "***\n",
            "```",
            "```py\n",
            "```\n",
            "~~~~ js\n",
            "`",
            "*",
            "**",
        ]
        + ["_", "~~", "[", "](http://x.y/z)", "]", "![", "<br>", "<b>", "<!--", "http://a.b", "\\"]
        + ["| a | b |\n|---|:-:|\n", "| c ", "|", "- [ ] ", "- [x] ", '"""', "/*", "*/", "'", "#"]
        + ["&#27;", "&#x202e;", "&amp;", "&#10;", "\x1b[31m", "\u202e", "\u200b", "\ud800", "\x00"]
        + [
            "日本語",
            "。",
            "e\u0301",
            "👩\u200d💻",
            "\u200d",
            "\ufe0f",
            "☺\ufe0f",
            "🇫🇷",
            "def f(x):\n",
        ]
        + ["abc", "word ", "a b c d e f g h i j k l m n o p", "x" * 30, "if (a) { b = 1 }\n"]
    ),
    st.text(max_size=6),
)
SOURCES = st.lists(FRAGMENTS, max_size=40).map("".join)
WIDTHS = st.one_of(st.integers(1, 12), st.integers(13, 100))


@st.composite
def cuts(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A text, and the lengths at which it is looked at on the way, in any order."""
    text = draw(SOURCES)
    return text, draw(st.lists(st.integers(0, len(text)), max_size=12))


class TestLaws:
    @given(cuts(), WIDTHS)
    @example(("a\n\n" * 40 + "```py\n" + "x = 1\n" * 40, [100, 20, 200, 3]), 20)
    @example(("- a\n" * 9 + "word " * 60, [300, 40, 250]), 8)
    def test_lines_depend_on_the_text_not_on_its_arrival(
        self, case: tuple[str, list[int]], width: int
    ) -> None:
        text, lengths = case
        for size in (24, 2048):
            with small_pieces(size):
                whole = rendered(text, width)
                lines = MarkdownLines()
                for length in sorted(lengths):
                    assert lines.update(Text(text[:length]), width, final=False)
                for length in lengths:  # back and forth, as in time travel
                    assert lines.update(Text(text[:length]), width, final=False)
                    again = rendered(text[:length], width, final=False)
                    assert segments(lines) == segments(again)
                lines.update(Text(text), width, final=True)
                assert segments(lines) == segments(whole)

    @given(SOURCES, WIDTHS, WIDTHS)
    def test_a_change_of_width_is_as_good_as_a_new_layout(
        self, text: str, before: int, after: int
    ) -> None:
        lines = rendered(text, before)
        lines.update(Text(text), after, final=True)
        assert segments(lines) == segments(rendered(text, after))

    @pytest.mark.parametrize("piece", [24, 60, 2048])
    def test_every_prefix_of_a_document(self, piece: int) -> None:
        with small_pieces(piece):
            lines = MarkdownLines()
            want = {}
            lengths = sampled(range(len(DOCUMENT) + 1), f"prefixes {piece}", 120)
            for length in lengths:
                want[length] = segments(rendered(DOCUMENT[:length], 30, final=False))
                lines.update(Text(DOCUMENT[:length]), 30, final=False)
                assert segments(lines) == want[length]
            for length in reversed(lengths):
                lines.update(Text(DOCUMENT[:length]), 30, final=False)
                assert segments(lines) == want[length]

    @pytest.mark.parametrize("piece", [24, 2048])
    def test_a_document_fits_every_width(self, piece: int) -> None:
        with small_pieces(piece):
            for width in sampled(range(1, 60), f"widths {piece}", 30):
                for strip in strips(rendered(DOCUMENT, width)):
                    assert strip.cell_length <= width
                    assert sanitize(strip.text) == strip.text

    @given(SOURCES, WIDTHS, st.booleans())
    def test_every_line_fits_and_is_safe(self, text: str, width: int, final: bool) -> None:
        for size in (24, 2048):
            with small_pieces(size):
                for strip in strips(rendered(text, width, final=final)):
                    assert strip.cell_length <= width
                    assert sanitize(strip.text) == strip.text
                    assert "\n" not in strip.text and "\t" not in strip.text
                    for segment in strip:
                        style = segment.style or Style.null()
                        assert not style.meta and style.link is None and not segment.control

    @given(st.lists(st.from_regex(r"[a-zà-ü]{1,14}", fullmatch=True), min_size=1, max_size=60))
    def test_paragraphs_show_every_word(self, words: list[str]) -> None:
        for size in (24, 2048):
            with small_pieces(size):
                shown = " ".join(drawn(" ".join(words), 30))
        assert shown.split() == words

    @given(st.lists(FRAGMENTS, max_size=30), WIDTHS)
    def test_markdown_of_any_kind_shows_every_word(self, parts: list[str], width: int) -> None:
        words = [f"q{number:03d}z" for number in range(len(parts))]
        text = "".join(part + word for part, word in zip(parts, words, strict=True))
        table = "|" in text  # in a narrow column a word is broken over several lines
        for size in (2048,) if table else (24, 2048):
            with small_pieces(size):
                lines = drawn(text, 400 if table else width)
            shown = re.sub(r"[^0-9a-z]", "", "".join(lines))
            assert [word for word in words if word not in shown] == []

    @given(cuts(), WIDTHS)
    def test_a_budget_only_spreads_the_work(self, case: tuple[str, list[int]], width: int) -> None:
        text, lengths = case
        with small_pieces():
            lines = MarkdownLines()
            for length in lengths:
                lines.update(Text(text[:length]), width, final=False, budget_ns=0)
                strips(lines)
            while not lines.update(Text(text), width, final=True, budget_ns=0):
                strips(lines)
            assert segments(lines) == segments(rendered(text, width))

    @given(SOURCES, WIDTHS)
    def test_each_line_knows_where_it_comes_from(self, text: str, width: int) -> None:
        with small_pieces():
            lines = rendered(text, width)
            last = 0
            for y in range(lines.height):
                start, end = lines.source_range(y)
                assert last <= start <= end <= len(text)
                last = start


class TestUpdates:
    def test_nothing_new_costs_nothing(self) -> None:
        lines = MarkdownLines()
        source = CountingText("Some *text*\n\nand more")
        lines.update(source, 40, final=False)
        before = source.read
        assert lines.update(source, 40, final=False)
        assert source.read == before

    @pytest.mark.parametrize(
        "block",
        ["A paragraph of text.\n\n", "- an item of a long list\n", "  - nested item\n", "> quote\n"]
        + ["| a | b |\n", "one endless line without any end ", "x" * 50],
    )
    @pytest.mark.parametrize("opening", ["", "```python\n", "- list\n"])
    def test_the_text_is_read_a_constant_number_of_times(self, opening: str, block: str) -> None:
        text = opening + block * ((60_000 if exhaustive() else 24_000) // len(block))
        source = CountingText("")
        lines = MarkdownLines()
        steps = 0
        with patch.object(lines, "_painter", wraps=lines._painter) as painter:
            for length in range(0, len(text), 1500):
                source.text = text[:length]
                lines.update(source, 80, final=False)
                steps += 1
        assert source.read < len(text) + steps * 3 * markdown_blocks.PIECE
        drawn_text = sum(len(call.args[0].text) for call in painter.draw.call_args_list)
        assert drawn_text < len(text) + steps * 3 * markdown_blocks.PIECE

    def test_blocks_are_bounded(self) -> None:
        for text in ("x" * 100_000, "```\n" + "y" * 100_000, "- " + "z " * 50_000, "[" * 50_000):
            lines = rendered(text)
            ends = [lines.source_range(y) for y in range(lines.height)]
            assert max(end - start for start, end in ends) <= 2 * markdown_blocks.PIECE

    def test_an_endless_line_wraps_without_seams(self) -> None:
        for opening in ("", "```\n", "a | b\n\n"):
            body = drawn(opening + "0123456789" * 3000, 77)[:-1]
            full = [line for line in body if "0123456789" in line]
            assert len({len(line) for line in full[1:]}) == 1

    def test_lines_are_drawn_again_after_they_were_dropped(self) -> None:
        text = "".join(f"- item {number}\n" for number in range(500))
        with patch.object(markdown_lines, "_KEPT_LINES", 20):
            lines = rendered(text)
            assert [lines.line(y).text for y in (0, 250, 499, 0)] == [
                "• item 0",
                "• item 250",
                "• item 499",
                "• item 0",
            ]

    def test_changes_of_width_leave_room_for_lines_to_be_kept(self) -> None:
        text = Text("".join(f"- item {number}\n" for number in range(30)))
        with patch.object(markdown_lines, "_KEPT_LINES", 50):
            lines = MarkdownLines()
            for width in range(20, 40):
                lines.update(text, width, final=True)
            with patch.object(lines, "_painter", wraps=lines._painter) as painter:
                strips(lines)
            assert not painter.draw.called

    def test_going_back_keeps_what_is_complete(self) -> None:
        text = "".join(f"Paragraph number {number}.\n\n" for number in range(1000))
        lines = rendered(text, final=False)
        with patch.object(lines, "_painter", wraps=lines._painter) as painter:
            lines.update(Text(text[: len(text) // 2]), 60, final=False)
        again = sum(len(call.args[0].text) for call in painter.draw.call_args_list)
        assert again < 3 * markdown_blocks.PIECE

    def test_parsers_are_imported_late(self) -> None:
        code = (
            "import sys, tui.widgets.markdown.lines as m; m.MarkdownLines();"
            "print({'markdown_it', 'pygments', 'rich.markdown'} & set(sys.modules))"
        )
        shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert shown.stdout == "set()\n"

    def test_reset_forgets(self) -> None:
        lines = rendered("# Old")
        lines.reset()
        assert lines.height == 0
        lines.update(Text("new"), 60, final=True)
        assert strips(lines)[0].text == "new"

    def test_no_text_has_no_lines(self) -> None:
        assert rendered("").height == 0
        assert rendered("\n\n \n").height == 0

    def test_the_theme_is_used(self) -> None:
        lines = MarkdownLines(MarkdownTheme(strong=Style(color="red")))
        lines.update(Text("a **b**"), 20, final=True)
        assert style_of(lines, "b") == Style(color="red")


class TestGrowingEnd:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a **bold", "a bold"),
            ("a **bold ", "a bold"),
            ("a **bold*", "a bold"),
            ("a `code", "a code"),
            ("an *emphasis", "an emphasis"),
            ("2 ** 3", "2 ** 3"),
            ("2 * 3", "2 * 3"),
        ],
    )
    def test_open_emphasis_looks_closed(self, text: str, shown: str) -> None:
        assert drawn(text, final=False) == [shown]

    @pytest.mark.parametrize("mark", ["-", "=", "--", "#", "|", "```", ">", "*"])
    def test_a_lone_mark_changes_nothing_before_it(self, mark: str) -> None:
        shown = drawn("Some text\n" + mark, final=False)
        assert shown[0] == "Some text"
        assert shown[-1] == mark

    def test_the_end_is_drawn_again_when_it_is_final(self) -> None:
        lines = rendered("a **bold", final=False)
        lines.update(Text("a **bold"), 60, final=True)
        assert strips(lines)[0].text == "a **bold"

    def test_what_stays_open_is_shown_as_it_is(self) -> None:
        assert drawn("a **bold", final=True) == ["a **bold"]

    def test_a_fence_that_is_about_to_close_does_not_show_its_end(self) -> None:
        assert drawn("```\ncode\n``", final=False) == ["│ code"]
        assert drawn("```\ncode\n``", final=True) == ["│ code", "│ ``"]
        assert drawn("```\ncode\n--", final=False) == ["│ code", "│ --"]

    def test_an_open_fence_is_code(self) -> None:
        assert drawn("```py\nx = 1\ny =", final=False) == ["│ py", "│ x = 1", "│ y ="]
