"""Highlighting piece by piece."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.markdown import fences
from tui.widgets.markdown.fences import Highlighter, LexState, language
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import StyledText

THEME = MarkdownTheme()

PYTHON = '''def f(x):
    """A docstring

    over several lines.
    """
    return {"a": 1, "b": [x, None]}  # done

text = """
not a docstring
"""
'''
JAVASCRIPT = """/* A comment
 * over lines.
 */
class A {
    run(b) {
        const x = `text ${b}
            more`; // end
        return /re/.test(x);
    }
}
"""


def characters(lines: list[list[StyledText]]) -> list[tuple[str, str]]:
    """Each visible character with its style."""
    return [(c, str(style)) for line in lines for text, style in line for c in text if c != " "]


def in_pieces(info: str, code: str, size: int, ahead: int) -> list[list[StyledText]]:
    highlighter = Highlighter(THEME)
    rows = code.splitlines(keepends=True)
    state = None
    lines: list[list[StyledText]] = []
    for start in range(0, len(rows), size):
        piece, after = rows[start : start + size], rows[start + size : start + size + ahead]
        part, state = highlighter.lines(info, "".join(piece), "".join(after), state)
        assert len(part) == len(piece)
        lines += part
    return lines


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("info", "code"), [("python", PYTHON), ("js", JAVASCRIPT), ("c", JAVASCRIPT)]
)
def test_pieces_look_like_the_whole(info: str, code: str, size: int) -> None:
    whole, _ = Highlighter(THEME).lines(info, code)
    assert characters(in_pieces(info, code, size, ahead=5)) == characters(whole)


def test_a_state_goes_on_without_code_ahead() -> None:
    highlighter = Highlighter(THEME)
    _, state = highlighter.lines("python", 'x = """\n', "more\n")
    lines, _ = highlighter.lines("python", "for in\n", "", state)
    assert lines == [[("for in", THEME.string)]]


def test_a_token_over_the_cut_is_begun_again() -> None:
    _, state = Highlighter(THEME).lines("js", "a;\n/* one\n", "two */\n")
    assert state.pending == "/* one\n"


def test_what_is_begun_again_is_bounded() -> None:
    with patch.object(fences, "_MAX_PENDING", 4):
        _, state = Highlighter(THEME).lines("js", "a;\n/* one\n", "two */\n")
    assert state == LexState()


@pytest.mark.parametrize("info", ["", "no-such-language", "text"])
def test_plain_lines(info: str) -> None:
    lines, _ = Highlighter(THEME).lines(info, "if x\n\ny\n")
    assert ["".join(text for text, _ in line) for line in lines] == ["if x", "", "y"]


def test_long_lines_are_plain() -> None:
    code = "x = [" + "1, " * 400 + "]\n"
    assert Highlighter(THEME).lines("python", code)[0] == [[(code[:-1], THEME.code_block)]]
    assert Highlighter(THEME).lines("python", "x = 1\n", code)[0][0][0] == ("x", THEME.code_block)


def test_a_lexer_that_fails_leaves_the_code_plain() -> None:
    with patch.object(fences, "_tokens", side_effect=RuntimeError):
        assert Highlighter(THEME).lines("python", "if x\n")[0] == [[("if x", THEME.code_block)]]


def test_code_that_a_lexer_leaves_out_is_plain() -> None:
    from pygments.token import Token

    tokens = [(1, Token.Keyword, "b"), (3, Token.Keyword, "d")]
    with patch.object(fences, "_tokens", return_value=(None, iter(tokens))):
        lines, _ = Highlighter(THEME).lines("python", "abcde\n")
    plain, keyword = THEME.code_block, THEME.keyword
    assert lines == [[("a", plain), ("b", keyword), ("c", plain), ("d", keyword), ("e", plain)]]


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ("python", "python"),
        ("Python title=x", "Python"),
        ("{.py}", "py"),
        ("js:a.js", "js"),
        (" ", ""),
    ],
)
def test_language(info: str, name: str) -> None:
    assert language(info) == name


@pytest.mark.parametrize(
    "info",
    [
        "python",
        "js",
        "tsx",
        "bash",
        "json",
        "yaml",
        "html",
        "css",
        "markdown",
        "ruby",
        "php",
        "diff",
    ],
)
@given(
    code=st.lists(
        st.sampled_from(
            ["\n", "\n", "a", '"', "'", "/*", "*/", "`", "{", "}", "<b>", "#", "- ", "é", '"""']
        )
    ).map("".join)
)
def test_code_stays_as_it_is(info: str, code: str) -> None:
    code += "\n"
    for ahead in (0, 3):
        lines = in_pieces(info, code, 2, ahead)
        assert "".join("".join(text for text, _ in line) + "\n" for line in lines) == code
