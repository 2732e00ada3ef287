"""Styles that are built from the theme's colours."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color, ColorParseError

from tui.widgets.markdown_theme import MarkdownTheme


def markdown_theme(variables: Mapping[str, str]) -> MarkdownTheme:
    """Return the Markdown styles for a theme's CSS variables."""
    background = _parse(variables.get("background", ""))

    def style(
        name: str,
        *,
        alpha: float = 1.0,
        bold: bool | None = None,
        italic: bool | None = None,
        underline: bool | None = None,
    ) -> Style:
        color = _parse(variables.get(name, ""))
        if color is not None and alpha < 1.0 and background is not None:
            color = background.blend(color, alpha)
        rich_color = None if color is None else color.rich_color
        return Style(color=rich_color, bold=bold, italic=italic, underline=underline)

    muted = style("foreground", alpha=0.6)
    return MarkdownTheme(
        title=style("accent", bold=True),
        heading=style("primary", bold=True),
        code=style("warning"),
        link=style("primary", underline=True),
        url=muted,
        image=style("secondary", italic=True),
        html=muted,
        quote=style("foreground", alpha=0.8, italic=True),
        quote_bar=style("primary"),
        marker=style("accent"),
        rule=style("foreground", alpha=0.35),
        table_header=style("primary", bold=True),
        pending=muted,
        code_bar=style("primary", alpha=0.6),
        code_label=style("foreground", alpha=0.5, italic=True),
        keyword=style("secondary", bold=True),
        string=style("success"),
        comment=style("foreground", alpha=0.5, italic=True),
        number=style("warning"),
        name=style("primary"),
        builtin=style("accent"),
        inserted=style("success"),
        deleted=style("error"),
    )


def _parse(text: str) -> Color | None:
    try:
        color = Color.parse(text)
    except ColorParseError:
        return None
    return None if color.ansi is not None else color
