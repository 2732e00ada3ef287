"""The styles that drawn Markdown uses."""

from __future__ import annotations

from typing import NamedTuple

from rich.style import Style


def _style(definition: str) -> Style:
    return Style.parse(definition)


class MarkdownTheme(NamedTuple):
    """One Rich style for each part of drawn Markdown.

    The defaults use the terminal's own sixteen colours, so they follow its light or dark scheme.
    A `code_block` with a background colour fills code lines up to the full width. No style may
    carry a link or meta data: text from the wire must never become clickable.
    """

    text: Style = Style.null()
    title: Style = _style("bold cyan")
    """Headings of the first and second level."""
    heading: Style = _style("bold")
    """Headings of the third level and below."""
    strong: Style = _style("bold")
    emphasis: Style = _style("italic")
    strike: Style = _style("strike dim")
    code: Style = _style("yellow")
    """Code inside a paragraph."""
    link: Style = _style("underline")
    url: Style = _style("dim")
    image: Style = _style("italic")
    html: Style = _style("dim")
    quote: Style = _style("italic")
    quote_bar: Style = _style("dim cyan")
    marker: Style = _style("cyan")
    """Bullets and numbers of lists."""
    rule: Style = _style("dim")
    """Horizontal rules, table lines, and the line under a title."""
    table_header: Style = _style("bold")
    citation: Style | None = None
    """Numbers of sources, `[1]`, in a text that has some."""
    pending: Style = _style("dim")
    """A line that has only begun, so that its meaning is still open."""

    code_block: Style = Style.null()
    code_bar: Style = _style("dim")
    code_label: Style = _style("dim italic")
    keyword: Style = _style("magenta")
    string: Style = _style("green")
    comment: Style = _style("dim italic")
    number: Style = _style("cyan")
    name: Style = _style("blue")
    """Names being defined: functions, classes, tags, attributes, keys."""
    builtin: Style = _style("cyan")
    inserted: Style = _style("green")
    deleted: Style = _style("red")
