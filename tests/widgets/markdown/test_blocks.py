"""Where a growing Markdown text is cut, and what the pieces are."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from tui.widgets.markdown import blocks as markdown_blocks
from tui.widgets.markdown.block import BlockKind, Container, MarkdownBlock
from tui.widgets.markdown.blocks import Scanner


def scan(text: str, *, growing: bool = False) -> list[MarkdownBlock]:
    scanner = Scanner()
    blocks: list[MarkdownBlock] = []
    read = scanner.feed(text, blocks)
    scanner.finish(text[read:], blocks, growing=growing)
    return blocks


def outline(text: str, *, growing: bool = False) -> list[str]:
    """Each block as `marks kind text`; new containers have a plus, blank lines above are `_`."""
    rows = []
    for block in scan(text, growing=growing):
        marks = "".join(
            ("+" if index >= block.fresh else "") + (str(item.number or "") + item.mark)
            for index, item in enumerate(block.containers)
        )
        gap = "_" if block.gap >= 0 else ""
        kind = block.kind.name.lower() + (str(block.level) if block.level else "")
        rows.append(" ".join(filter(None, [gap, marks, kind, repr(block.text)])))
    return rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a\nb\n\nc", ["paragraph 'a\\nb'", "_ paragraph 'c'"]),
        ("# a #\nb", ["heading1 'a'", "_ paragraph 'b'"]),
        ("#a\n####### b", ["paragraph '#a\\n####### b'"]),
        ("a\n===\nb\n---", ["heading1 'a'", "_ heading2 'b'"]),
        ("a\n\n---\n* * *", ["paragraph 'a'", "_ rule ''", "_ rule ''"]),
        ("    a\n\n    b\n\nc", ["code 'a\\n\\nb\\n'", "_ paragraph 'c'"]),
        ("a\n    b", ["paragraph 'a\\nb'"]),
        ("```py\na\n\n  b\n````\nc", ["code 'a\\n\\n  b\\n'", "_ paragraph 'c'"]),
        ("~~~\n```\n~~~", ["code '```\\n'"]),
        ("```a`b\nc", ["paragraph '```a`b\\nc'"]),
        ("  ```\n   a\n  ```", ["code ' a\\n'"]),
        ("```\n```", ["code ''"]),
        ("a|b\n-|-\nc|d\n\ne", ["table 'a|b\\n-|-\\nc|d'", "_ paragraph 'e'"]),
        ("x\na|b\n-|-", ["paragraph 'x'", "_ table 'a|b\\n-|-'"]),
        ("a|b\n-|-|-", ["paragraph 'a|b\\n-|-|-'"]),
        ("\ta", ["code 'a\\n'"]),
        ("a\r\nb\r\n", ["paragraph 'a\\nb'"]),
        ("\x1b[0m", ["paragraph '␛[0m'"]),
    ],
)
def test_leaf_blocks(text: str, rows: list[str]) -> None:
    assert outline(text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("- a\n- b\n  c", ["+- paragraph 'a'", "+- paragraph 'b\\nc'"]),
        ("- a\n\n- b", ["+- paragraph 'a'", "_ +- paragraph 'b'"]),
        ("- a\n  - b\n- c", ["+- paragraph 'a'", "-+- paragraph 'b'", "+- paragraph 'c'"]),
        ("- - a", ["+-+- paragraph 'a'"]),
        ("- a\n\n  b\n\nc", ["+- paragraph 'a'", "_ - paragraph 'b'", "_ paragraph 'c'"]),
        ("- a\nlazy", ["+- paragraph 'a\\nlazy'"]),
        ("7. a\n7. b\n1) c", ["+7. paragraph 'a'", "+8. paragraph 'b'", "+1) paragraph 'c'"]),
        ("-\n- a", ["+- paragraph ''", "+- paragraph 'a'"]),
        ("-\n  a", ["+- paragraph 'a'"]),
        ("-     a", ["+- code 'a\\n'"]),
        ("a\n- b", ["paragraph 'a'", "+- paragraph 'b'"]),
        ("a\n2. b", ["paragraph 'a\\n2. b'"]),
        ("a\n-\nb", ["heading2 'a'", "_ paragraph 'b'"]),
        ("a\n*\nb", ["paragraph 'a\\n*\\nb'"]),
        (
            "1. a\n   ```\n   b\n   ```\n2. c",
            ["+1. paragraph 'a'", "1. code 'b\\n'", "_ +2. paragraph 'c'"],
        ),
        ("- ```\n  a\nb", ["+- code 'a\\n'", "_ paragraph 'b'"]),
        ("- # a", ["+- heading1 'a'"]),
        ("- a\n***", ["+- paragraph 'a'", "_ rule ''"]),
    ],
)
def test_lists(text: str, rows: list[str]) -> None:
    assert outline(text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("> a\n> b\nc\n\nd", ["+> paragraph 'a\\nb\\nc'", "_ paragraph 'd'"]),
        ("> a\n>\n> b", ["+> paragraph 'a'", "_ > paragraph 'b'"]),
        ("> a\n\n> b", ["+> paragraph 'a'", "_ +> paragraph 'b'"]),
        (">\n> a", ["+> paragraph 'a'"]),
        ("> - a\n> - b", ["+>+- paragraph 'a'", ">+- paragraph 'b'"]),
        ("> ```\n> a\nb", ["+> code 'a\\n'", "_ paragraph 'b'"]),
        ("- > a", ["+-+> paragraph 'a'"]),
        ("a\n> b", ["paragraph 'a'", "_ +> paragraph 'b'"]),
    ],
)
def test_quotes(text: str, rows: list[str]) -> None:
    assert outline(text) == rows


def test_depth_is_limited() -> None:
    (block,) = scan(">" * 100 + "a")
    assert len(block.containers) == 12
    assert block.text == ">" * 88 + "a"


def test_offsets_cover_what_is_drawn() -> None:
    text = "# a\n\n- b\n  c\n\n```\nd\n```\ne"
    assert [text[block.start : block.end] for block in scan(text)] == [
        "# a\n",
        "- b\n  c\n",
        "```\nd\n```\n",
        "e",
    ]


def test_containers_hold_the_indent_of_further_lines() -> None:
    (block,) = scan(" 10.  a")
    assert block.containers == (Container(".", indent=6, number=10),)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a\n-", ["paragraph 'a'", "pending '-'"]),
        ("a\n\n-", ["paragraph 'a'", "_ pending '-'"]),
        ("> a\n> *", ["+> paragraph 'a'", "> pending '*'"]),
        ("a\n  ", ["paragraph 'a'"]),
        ("```\na\n``", ["code 'a\\n'"]),
        ("```\na\n#", ["code 'a\\n#\\n'"]),
        ("a\r", ["paragraph 'a'"]),
    ],
)
def test_an_undecided_end(text: str, rows: list[str]) -> None:
    assert outline(text, growing=True) == rows


def test_an_unfinished_line_is_not_read() -> None:
    scanner = Scanner()
    blocks: list[MarkdownBlock] = []
    assert scanner.feed("a\n\nb", blocks) == 3
    assert [block.text for block in blocks] == ["a"]
    assert (scanner.position, scanner.seen) == (3, 3)


def test_an_endless_line_is_cut_at_blanks() -> None:
    with (
        patch.object(markdown_blocks, "PIECE", 10),
        patch.object(markdown_blocks, "_STYLED_PIECES", 2),
    ):
        blocks = scan("aaaaaa bbbbbb cccccc dddddd\ne")
        assert [(block.text, block.joined, block.more) for block in blocks] == [
            ("aaaaaa ", False, True),
            ("bbbbbb ", True, True),
            ("cccccc ", True, True),
            ("dddddd", True, False),
            ("e", True, False),
        ]
        assert blocks[-2].kind is BlockKind.PLAIN


def test_the_rest_of_an_endless_line_is_never_a_title_or_a_header() -> None:
    with patch.object(markdown_blocks, "PIECE", 8):
        assert outline("aaaaa bbbbb\n---") == [
            "paragraph 'aaaaa '",
            "paragraph 'bbbbb'",
            "_ rule ''",
        ]
        assert outline("aaaaa bbbbb\nc\n===")[1:] == ["paragraph 'bbbbb\\nc\\n==='"]
        assert outline("aaaaa bbb|b\n-|-")[1:] == ["paragraph 'bbb|b\\n-|-'"]


def test_an_endless_line_of_code_is_cut() -> None:
    with patch.object(markdown_blocks, "PIECE", 4):
        blocks = scan("```\na\nbbbbbbbb\nc\n```")
        assert [(block.kind, block.text) for block in blocks] == [
            (BlockKind.CODE, "a\n"),
            (BlockKind.CODE_LINE, "bbbb"),
            (BlockKind.CODE_LINE, "bbbb"),
            (BlockKind.CODE, "c\n"),
        ]


def test_a_fence_is_cut_with_code_ahead() -> None:
    with patch.object(markdown_blocks, "CODE_PIECE", 4):
        blocks = scan("```py\n" + "aa\n" * 6 + "```\n")
        assert [(block.text, block.ahead, block.joined) for block in blocks] == [
            ("aa\naa\n", "aa\n", False),
            ("aa\naa\n", "aa\n", True),
            ("aa\naa\n", "", True),
        ]
        assert {block.info for block in blocks} == {"py"}


def test_long_paragraphs_and_tables_are_cut_between_lines() -> None:
    with patch.object(markdown_blocks, "PIECE", 8):
        assert outline("aaaa\nbbbb\ncccc") == ["paragraph 'aaaa\\nbbbb'", "paragraph 'cccc'"]
        rows = [
            block
            for block in scan("a|b\n-|-\n1|2\n3|4\n5|6\n7|8\n")
            if block.kind is BlockKind.TABLE
        ]
        assert [block.text for block in rows] == ["a|b\n-|-\n1|2", "3|4\n5|6\n7|8"]
        assert [block.joined for block in rows] == [False, True]
