"""What an answer cites of a source, over the dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.screen import ModalScreen

from tui.viewmodel.lines import StyledLine
from tui.widgets.lines_view import LinesView


class Cited(ModalScreen[None]):
    """Shows lines on a source, and goes away again."""

    BINDINGS = [
        ("escape,q,enter", "close", "Close"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, number: int, lines: Sequence[StyledLine]) -> None:
        super().__init__()
        self._lines = lines
        self._view = LinesView(id="cited", wraps=True)
        self._view.border_title = f"Source {number}"

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.border_subtitle = "esc closes"
        self._view.focus()
        self.call_after_refresh(self._view.show, lambda width: self._lines)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
