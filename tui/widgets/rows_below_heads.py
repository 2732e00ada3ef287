"""Rows below a row of heads that stays: which one was clicked, and how one comes into view."""

from __future__ import annotations

from textual import events

from tui.widgets.line_view import LineView


def row_clicked(view: LineView, event: events.Click, count: int) -> int | None:
    """Return which of `count` rows was clicked; None for the heads, and after selecting text."""
    place = event.get_content_offset(view)
    if place is None or place.y == 0 or view.text_selection is not None:
        return None
    number = place.y + view.scroll_offset.y - 1
    return number if number < count else None


def bring_into_view(view: LineView, number: int) -> None:
    """Scroll as little as shows row `number`. The heads cover the first row of the view."""
    line, top, page = number + 1, view.scroll_offset.y, max(view.size.height, 2)
    if line <= top or line >= top + page:
        top = line - 1 if line <= top else line - page + 1
        view.scroll_to(y=max(top, 0), animate=False, force=True, immediate=True)
