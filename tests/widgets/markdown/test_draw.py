"""How blocks of Markdown look."""

from __future__ import annotations

from textwrap import dedent

import pytest
from rich.style import Style

from tui.widgets.markdown.block import MarkdownBlock
from tui.widgets.markdown.blocks import Scanner
from tui.widgets.markdown.draw import Carry, Line, Painter
from tui.widgets.markdown.theme import MarkdownTheme


def paint(text: str, width: int, theme: MarkdownTheme | None = None) -> list[Line]:
    blocks: list[MarkdownBlock] = []
    scanner = Scanner()
    scanner.finish(text[scanner.feed(text, blocks) :], blocks, growing=False)
    painter = Painter(theme or MarkdownTheme())
    lines: list[Line] = []
    carry: Carry | None = None
    for block in blocks:
        drawn, carry = painter.draw(block, width, carry)
        lines += drawn
    return lines


def look(text: str, width: int = 24) -> str:
    lines = ["".join(part.text for part in line).rstrip() for line in paint(text, width)]
    return "\n".join(lines)


def test_headings() -> None:
    assert look("# One\n## Two\n### Three") == "One\n───\n\nTwo\n\nThree"


def test_line_breaks_stay() -> None:
    assert look("Roses are red\nViolets are blue") == "Roses are red\nViolets are blue"


def test_lists_hang() -> None:
    text = dedent("""\
        - one item that is wrapped
          - nested
            - deeper
        - [ ] open task
        - [x] done

        9. nine

           more of nine
        9. ten
        """)
    assert look(text, 20) == dedent("""\
        • one item that is
          wrapped
          ◦ nested
            ▪ deeper
        ☐ open task
        ☑ done

        9. nine

           more of nine
        10. ten""")


def test_an_empty_item_shows_its_mark() -> None:
    assert look("-\n- a") == "•\n• a"


def test_quotes_have_a_bar() -> None:
    text = "> one quote that is wrapped\n>\n> - item\n> > deeper\n\nafter"
    assert look(text, 18) == dedent("""\
        ▎ one quote that
        ▎ is wrapped
        ▎
        ▎ • item
        ▎ ▎ deeper

        after""")


def test_rules_span_the_width() -> None:
    assert look("---\n- ***", 10) == "──────────\n\n• ────────"


def test_code_has_a_bar_and_a_label() -> None:
    text = "```py\nx = 1\n\n    y = 'a long line'\n```\n\n- ```\n  z\n  ```"
    assert look(text, 16) == dedent("""\
        │ py
        │ x = 1
        │
        │     y = 'a lon
        ┊ g line'

        • │ z""")


def test_code_is_wrapped_at_blanks_below_itself() -> None:
    text = "```py\nif x:\n    y = 'a line that is long and longer'\n```\n\n    plain block of words"
    assert look(text, 20) == dedent("""\
        │ py
        │ if x:
        │     y = 'a line
        ┊       that is long
        ┊       and longer'

        │ plain block of
        ┊   words""")


def test_an_empty_fence_is_seen() -> None:
    assert look("```\n```") == "│"
    assert look("```py\n```") == "│ py"


def test_a_background_fills_code_lines() -> None:
    theme = MarkdownTheme(code_block=Style(bgcolor="blue"))
    lines = paint("```\na\n\nlonger\n```", 12, theme)
    assert [sum(len(part.text) for part in line) for line in lines] == [12, 12, 12]


@pytest.mark.parametrize("width", range(1, 12))
def test_deep_containers_leave_room_for_text(width: int) -> None:
    lines = paint("> - > 1. > - word", width)
    assert "".join(part.text for line in lines for part in line).endswith("d")
    assert all(sum(len(part.text) for part in line) <= width for line in lines)


def test_titles_and_headings_have_their_styles() -> None:
    theme = MarkdownTheme()
    lines = paint("## Two\n#### Four", 20)
    assert lines[0][0].style == theme.title
    assert lines[2][0].style == theme.heading
