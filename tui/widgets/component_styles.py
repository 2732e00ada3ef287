"""Styles that are built from the theme's colours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rich.style import Style
from textual.color import Color, ColorParseError
from textual.css.styles import RenderStyles
from textual.dom import DOMNode
from textual.widget import Widget

from tui.widgets.markdown.theme import MarkdownTheme


class ComponentStyles(Widget):
    """A widget that draws in the styles of its component classes.

    Textual works all of them out whenever the style sheet is applied, which is four fifths of what
    it has to apply before the first frame. Here each is worked out when it is first drawn with.
    """

    # Textual's own is wrapped in a cache.
    @classmethod
    def _get_component_classes(cls) -> frozenset[str]:  # type: ignore[override]
        return frozenset()

    def get_component_styles(self, *names: str) -> RenderStyles:
        for name in names:
            if name not in self._component_styles and name in component_classes(type(self)):
                component = DOMNode(classes=name)
                component._attach(self)
                self.app.stylesheet.apply(component)
                self._component_styles[name] = component.styles
        return super().get_component_styles(*names)

    def style(self, name: str) -> Style:
        """Return the style of a component class, to be laid over the widget's own.

        Textual's partial styles drop a colour's alpha and know no `auto` colours; here both are
        blended with the background first.
        """
        cached: dict[str, Style] = self.__dict__.setdefault("_component_cache", {})
        style = cached.get(name)
        if style is None:
            style = cached[name] = self._blend(name)
        return style

    def base_style(self) -> Style:
        """Return the widget's own style, which is slow to work out, once for all rows."""
        cached: dict[str, Style] = self.__dict__.setdefault("_component_cache", {})
        style = cached.get("")
        if style is None:
            style = cached[""] = self.rich_style
        return style

    def _blend(self, name: str) -> Style:
        component = self.get_component_styles(name)
        background = self.background_colors[1]
        bgcolor = None
        if component.has_rule("background"):
            background = background + component.background
            bgcolor = background.rich_color
        color = None
        if component.has_rule("auto_color") and component.auto_color:
            color = (background + background.get_contrast_text(component.color.a)).rich_color
        elif component.has_rule("color"):
            color = (background + component.color).rich_color
        return Style(color=color, bgcolor=bgcolor) + component.text_style

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.__dict__.pop("_component_cache", None)
        if self._component_styles:
            self._component_styles.clear()
            # They may have changed though nothing else of the widget has.
            self.refresh()


@cache
def component_classes(kind: type[ComponentStyles]) -> frozenset[str]:
    """Return the component classes of a widget and of what it is made from."""
    return frozenset().union(*(vars(base).get("COMPONENT_CLASSES", ()) for base in kind.__mro__))


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
        if color is not None and color.ansi is None and background is not None and alpha < 1.0:
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
        image=style("text-secondary", italic=True),
        html=muted,
        quote=style("foreground", alpha=0.8, italic=True),
        quote_bar=style("primary"),
        marker=style("accent"),
        rule=style("foreground", alpha=0.35),
        table_header=style("primary", bold=True),
        pending=muted,
        code_bar=style("primary", alpha=0.6),
        code_label=style("foreground", alpha=0.5, italic=True),
        keyword=style("text-secondary", bold=True),
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
        return Color.parse(text)
    except ColorParseError:
        return None
