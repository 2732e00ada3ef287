"""Highlighting of code piece by piece, with the lexer's state carried from one to the next.

A fence is never lexed as a whole. Each piece is lexed once, together with a little of the code
that follows it, and hands on the lexer's stack of states at its end. Where a token (a long comment
or string) runs over that end, its beginning is lexed again with the next piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from rich.style import Style

from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import StyledText

if TYPE_CHECKING:
    from pygments.lexer import Lexer, LexerContext
    from pygments.token import _TokenType

_MAX_PENDING: Final = 2048


_MAX_LINE: Final = 400  # some lexers take time that grows with the square of a line
_ROOT: Final = ("root",)


class LexState(NamedTuple):
    """What the next piece of a fence needs to know of those before it."""

    stack: tuple[str, ...] = _ROOT
    pending: str = ""
    """The end of the code so far that has to be lexed again, with what follows."""


class Highlighter:
    """Colours code by the styles of one theme."""

    def __init__(self, theme: MarkdownTheme) -> None:
        self._theme = theme
        self._styles: dict[_TokenType, Style] = {}

    def lines(
        self, info: str, code: str, ahead: str = "", state: LexState | None = None
    ) -> tuple[list[list[StyledText]], LexState]:
        """Return the lines of `code` as runs, and the state behind it.

        `code` is whole lines, each with its line feed. `info` is what stood behind the opening
        marks of the fence, `ahead` is code that comes after: context, not drawn. An unknown
        language gives plain lines.
        """
        lexer = _lexer(language(info))
        if lexer is None or _has_long_line(code):
            return self._plain(code), LexState()
        if _has_long_line(ahead):
            ahead = ""
        before = state or LexState()
        source = before.pending + code + ahead
        begin = len(before.pending)
        end = begin + len(code)
        for stack in (before.stack, None):
            try:
                return self._lex(lexer, source, begin, end, stack)
            except Exception:  # lexers are many, and the code is a stranger's
                continue
        return self._plain(code), LexState()

    def _plain(self, code: str) -> list[list[StyledText]]:
        base = self._theme.code_block
        return [[(line, base)] if line else [] for line in code.split("\n")[:-1]]

    def _lex(
        self, lexer: Lexer, source: str, begin: int, end: int, stack: tuple[str, ...] | None
    ) -> tuple[list[list[StyledText]], LexState]:
        """Colour `source[begin:end]`, lexing from `stack`; without one, in the lexer's own way."""
        lines: list[list[StyledText]] = [[]]
        reached = begin
        safe, states = 0, stack or _ROOT
        context, tokens = _tokens(lexer, source, stack)
        for start, kind, value in tokens:
            # A token that is the first of its line is a place to begin again, if the lexer stood
            # there with all of its state on the stack.
            settled = context is None or context.pos == start
            if settled and not source[source.rfind("\n", 0, start) + 1 : start].strip():
                if start < end:
                    safe, states = start, tuple(context.stack) if context else _ROOT
                elif not source[end:start].strip():
                    safe, states = end, tuple(context.stack) if context else _ROOT
            if start >= end:
                break
            stop = min(start + len(value), end)
            if stop > reached:
                if start > reached:
                    _put(lines, source[reached:start], self._theme.code_block)
                _put(lines, source[max(start, reached) : stop], self._style(kind))
                reached = stop
        if reached < end:
            _put(lines, source[reached:end], self._theme.code_block)
        lines.pop()
        if end - safe > _MAX_PENDING:
            return lines, LexState()
        return lines, LexState(states, source[safe:end])

    def _style(self, kind: _TokenType) -> Style:
        style = self._styles.get(kind)
        if style is None:
            style = self._theme.code_block + _token_style(kind, self._theme)
            self._styles[kind] = style
        return style


def language(info: str) -> str:
    """The name of the language in what follows the opening marks of a fence."""
    words = info.replace("{", " ").replace("}", " ").replace(",", " ").split()
    return words[0].lstrip(".").partition(":")[0] if words else ""


def _has_long_line(code: str) -> bool:
    return any(len(line) > _MAX_LINE for line in code.split("\n"))


def _put(lines: list[list[StyledText]], text: str, style: Style) -> None:
    """Add `text` to the last line; each line feed begins a new one."""
    first, *others = text.split("\n")
    if first:
        lines[-1].append((first, style))
    for other in others:
        lines.append([(other, style)] if other else [])


def _tokens(
    lexer: Lexer, source: str, stack: tuple[str, ...] | None
) -> tuple[LexerContext | None, Iterator[tuple[int, _TokenType, str]]]:
    """Begin to lex: the context in which the lexer's state can be read, and the tokens.

    The context is None where the lexer keeps its state to itself.
    """
    from pygments.lexer import ExtendedRegexLexer, LexerContext, RegexLexer

    own = type(lexer).get_tokens_unprocessed is not ExtendedRegexLexer.get_tokens_unprocessed
    extended = isinstance(lexer, ExtendedRegexLexer)
    if stack is None or not isinstance(lexer, RegexLexer) or (extended and own):
        return None, lexer.get_tokens_unprocessed(source)
    context = LexerContext(source, 0, list(stack))
    # Its loop runs the rules of any regex lexer, and alone leaves the stack where it can be seen.
    resumable = cast("ExtendedRegexLexer", lexer)
    return context, ExtendedRegexLexer.get_tokens_unprocessed(resumable, context=context)


@cache
def _aliases() -> dict[str, str]:
    from pygments.lexers import get_all_lexers

    return {
        alias.lower(): name
        for name, aliases, _, _ in get_all_lexers(plugins=False)
        for alias in aliases
    }


@lru_cache(maxsize=64)
def _lexer(name: str) -> Lexer | None:
    """The lexer for a language by one of its short names, or None."""
    lexer_name = _aliases().get(name.lower())
    if lexer_name is None:
        return None  # before any search among plugins, which is slow
    from pygments.lexers import find_lexer_class

    lexer_class = find_lexer_class(lexer_name)
    return lexer_class(stripnl=False, ensurenl=False) if lexer_class else None


def _token_style(kind: _TokenType, theme: MarkdownTheme) -> Style:
    """The style for a kind of token, or for the nearest kind above it that has one."""
    from pygments.token import Token

    styles = {
        Token.Keyword: theme.keyword,
        Token.Keyword.Constant: theme.number,
        Token.Operator.Word: theme.keyword,
        Token.Literal.String: theme.string,
        Token.Literal.String.Interpol: theme.builtin,
        Token.Literal.Number: theme.number,
        Token.Comment: theme.comment,
        Token.Comment.Preproc: theme.keyword,
        Token.Name.Function: theme.name,
        Token.Name.Class: theme.name,
        Token.Name.Tag: theme.name,
        Token.Name.Attribute: theme.builtin,
        Token.Name.Decorator: theme.builtin,
        Token.Name.Builtin: theme.builtin,
        Token.Name.Exception: theme.builtin,
        Token.Name.Constant: theme.number,
        Token.Generic.Inserted: theme.inserted,
        Token.Generic.Deleted: theme.deleted,
        Token.Generic.Heading: theme.name,
        Token.Generic.Subheading: theme.keyword,
        Token.Generic.Prompt: theme.comment,
        Token.Generic.Strong: theme.strong,
        Token.Generic.Emph: theme.emphasis,
    }
    nearest: _TokenType | None = kind
    while nearest is not None:
        if nearest in styles:
            return styles[nearest]
        nearest = nearest.parent
    return Style.null()
