"""Inline Markdown as styled runs."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from tui.core.text import sanitize
from tui.widgets.markdown import inline as markdown_inline
from tui.widgets.markdown.inline import inline_runs
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import StyledText

THEME = MarkdownTheme()
BASE = Style.null()


def runs(text: str, *, growing: bool = False) -> list[StyledText]:
    return inline_runs(text, BASE, THEME, growing=growing)


def shown(text: str, *, growing: bool = False) -> str:
    return "".join(part for part, _ in runs(text, growing=growing))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("plain\ntext", [("plain\ntext", BASE)]),
        ("**a**", [("a", THEME.strong)]),
        ("*a* b_c_d", [("a", THEME.emphasis), (" b_c_d", BASE)]),
        ("***a***", [("a", THEME.emphasis + THEME.strong)]),
        ("~~a~~", [("a", THEME.strike)]),
        ("`**a**`", [("**a**", THEME.code)]),
        ("**`a`**", [("a", THEME.strong + THEME.code)]),
        ("[a](http://b)", [("a", THEME.link), (" (http://b)", THEME.url)]),
        ("<http://b>", [("http://b", THEME.link)]),
        ("<me@b.c>", [("me@b.c", THEME.link)]),
        ("[](http://b)", [("http://b", THEME.link)]),
        ("![a](b)", [("a", THEME.image), (" (b)", THEME.url)]),
        ("![](b)", [("image", THEME.image), (" (b)", THEME.url)]),
        ("<i>", [("<i>", THEME.html)]),
        ("`a`<br/>`b`", [("a", THEME.code), ("\n", BASE), ("b", THEME.code)]),
        ("`a`\n`b`", [("a", THEME.code), ("\n", BASE), ("b", THEME.code)]),
    ],
)
def test_runs(text: str, expected: list[StyledText]) -> None:
    assert runs(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&amp;&copy;", "&©"),
        ("\\*a\\*", "*a*"),
        ("[a][b]", "[a][b]"),
        ("[red]a[/red]", "[red]a[/red]"),
        ("[@click=app.quit]a[/]", "[@click=app.quit]a[/]"),
        ("&#27;[0m", "\ufffd[0m"),
        ("&#x202e;a&#8203;b", "<U+202E>a<U+200B>b"),
        ("a&#10;b&#9;c", "a b c"),
        ("[" * 300 + "**a**", "[" * 300 + "**a**"),
    ],
)
def test_text(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**a", [("a", THEME.strong)]),
        ("*a b", [("a b", THEME.emphasis)]),
        ("**a *b", [("a ", THEME.strong), ("b", THEME.strong + THEME.emphasis)]),
        ("*a **b", [("a ", THEME.emphasis), ("b", THEME.emphasis + THEME.strong)]),
        ("`a", [("a", THEME.code)]),
        ("`a` **", [("a", THEME.code), (" ", BASE)]),
        ("a ** b", [("a ** b", BASE)]),
    ],
)
def test_open_marks_of_a_growing_text(text: str, expected: list[StyledText]) -> None:
    assert runs(text, growing=True) == expected


def test_a_parser_that_fails_leaves_the_text_plain() -> None:
    with patch.object(markdown_inline, "_parser", side_effect=ValueError):
        assert runs("**a**") == [("**a**", BASE)]


@given(st.text(st.sampled_from("a b*_`~[]()<>!&#;\\\n\"'1:/.@é\u202e"), max_size=60), st.booleans())
def test_any_text_is_drawn_and_safe(text: str, growing: bool) -> None:
    clean = sanitize(text)
    drawn = shown(clean, growing=growing)
    assert sanitize(drawn) == drawn
    for _, style in runs(clean, growing=growing):
        assert style is not None and style.link is None and not style.meta
