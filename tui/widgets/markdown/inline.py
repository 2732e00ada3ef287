"""Inline Markdown to styled runs: emphasis, code, links, images, entities."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from rich.style import Style

from tui.core.citations import MARK
from tui.core.text import sanitize
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.paint import StyledText

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MARKS: Final = re.compile(r"[\\`*_<\[&~]")
_MAX_BRACKETS: Final = 200  # each bracket that opens nothing costs the parser a search
_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_LAST_EMPHASIS: Final = re.compile(r"(?:^|(?<=[\s(]))([*_])(?=[^\s*_])(?:[^*_]|\*\*)*$")


def inline_runs(
    text: str, base: Style, theme: MarkdownTheme, *, growing: bool = False
) -> list[StyledText]:
    """Return the runs of a paragraph; its line feeds stay line feeds.

    With `growing` the text will go on, and code and emphasis that are still open are shown as if
    they ended here.
    """
    if growing:
        text = _closed(text)
    if _MARKS.search(text) is None or text.count("[") > _MAX_BRACKETS:
        return [(text, base)] if text else []
    try:
        tokens = _parser().parseInline(text)[0].children or []
    except Exception:  # the text is a stranger's: better plain than no screen at all
        return [(text, base)]
    return _Styler(base, theme).runs(tokens)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable("strikethrough")


class _Styler:
    """Turns tokens into runs."""

    def __init__(self, base: Style, theme: MarkdownTheme) -> None:
        self._theme = theme
        self._styles = [base]
        self._out: list[StyledText] = []
        self._links: list[tuple[str, int]] = []

    def runs(self, tokens: list[Token]) -> list[StyledText]:
        theme = self._theme
        opening = {
            "strong_open": theme.strong,
            "em_open": theme.emphasis,
            "s_open": theme.strike,
            "link_open": theme.link,
        }
        for token in tokens:
            kind = token.type
            if kind == "text":
                self._put_text(token.content)
            elif kind == "code_inline":
                self._put(token.content, theme.code)
            elif kind in ("softbreak", "hardbreak"):
                self._out.append(("\n", self._styles[-1]))
            elif kind in opening:
                if kind == "link_open":
                    self._links.append((str(token.attrGet("href") or ""), len(self._out)))
                self._styles.append(self._styles[-1] + opening[kind])
            elif kind.endswith("_close"):
                if len(self._styles) > 1:
                    self._styles.pop()
                if kind == "link_close" and self._links:
                    self._end_link(*self._links.pop())
            elif kind == "image":
                self._put(token.content or "image", theme.image)
                self._put_url(str(token.attrGet("src") or ""))
            elif kind == "html_inline" and _BREAK.fullmatch(token.content):
                self._out.append(("\n", self._styles[-1]))
            else:
                self._put(token.content, theme.html if kind == "html_inline" else None)
        return self._out

    def _put_text(self, text: str) -> None:
        citation = self._theme.citation
        # With the group in it, every other part is a mark.
        parts = [text] if citation is None else MARK.split(text)
        for number, part in enumerate(parts):
            self._put(part, citation if number % 2 else None)

    def _put(self, text: str, style: Style | None = None) -> None:
        """Add text. It is made safe here once more, for an entity can stand for any character."""
        if text:
            text = sanitize(text).replace("\t", " ").replace("\n", " ")
            top = self._styles[-1]
            self._out.append((text, top if style is None else top + style))

    def _put_url(self, url: str) -> None:
        if url:
            self._put(f" ({url})", self._theme.url)

    def _end_link(self, url: str, first: int) -> None:
        shown = "".join(text for text, _ in self._out[first:])
        if not shown:
            self._put(url, self._theme.link)
        elif url.removeprefix("mailto:") != shown:
            self._put_url(url)


def _closed(text: str) -> str:
    """`text` with an end for the code and the emphasis that are still open."""
    text = text.rstrip("*_~`")  # may still become longer, and mean something else
    body = text.rstrip()
    if text.count("`") % 2:
        return body + "`" + text[len(body) :]
    ends: list[tuple[int, str]] = []
    strong = text.rfind("**")
    if text.count("**") % 2 and not text[strong + 2].isspace():
        ends.append((strong, "**"))
    if emphasis := _LAST_EMPHASIS.search(text):
        ends.append((emphasis.start(), emphasis[1]))
    ends.sort(reverse=True)
    return body + "".join(mark for _, mark in ends) + text[len(body) :]
