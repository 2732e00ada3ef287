"""Notes: what has just happened, said where it covers nothing."""

from __future__ import annotations

from typing import Any, Final

from textual.app import App
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widget import Widget

from tui.screens.dashboard import Dashboard

NOTE_S: Final = 2.0
COMPLAINT_S: Final = 8.0


class Notes:
    """Shows one note at a time: in the lower border of a pane, or of the modal that is open.

    A failure has a row of its own, since it may be long and has to be read.
    """

    def __init__(self, app: App[Any], dashboard: Dashboard) -> None:
        self.text = ""
        """What is being said; empty when nothing is."""
        self._app = app
        self._dashboard = dashboard
        self._box: tuple[Widget, str | None] | None = None
        """Where the note stands, and what stood there before, as markup."""
        self._timer: Timer | None = None

    def say(self, text: str, seconds: float = NOTE_S) -> None:
        """Say something small."""
        self.clear()
        screen = self._app.screen
        box = self._dashboard.note_box
        if isinstance(screen, ModalScreen) and screen.children:
            box = screen.children[0]
        self._box = (box, box.border_subtitle)
        _subtitle(box, f" {text} ")
        self._keep(text, seconds)

    def complain(self, text: str, seconds: float = COMPLAINT_S) -> None:
        """Say what went wrong."""
        self.clear()
        self._dashboard.complain(text)
        self._keep(text, seconds)

    def clear(self) -> None:
        """Take the note away."""
        self.text = ""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._box is not None:
            box, before = self._box
            self._box = None
            box.border_subtitle = before
        self._dashboard.complain("")

    def _keep(self, text: str, seconds: float) -> None:
        self.text = text
        self._timer = self._app.set_timer(seconds, self.clear)


def _subtitle(box: Widget, text: str) -> None:
    # As content: what is said may hold names that look like markup.
    vars(Widget)["border_subtitle"].__set__(box, Content(text))
