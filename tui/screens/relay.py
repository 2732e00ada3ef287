"""The relay, over the dashboard: what is known of it, and what becomes of its command."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.core.text import sanitize
from tui.viewmodel.lines import StyledLine
from tui.widgets.lines_view import LinesView

_TICK_S = 0.5


class RelayFacts(ModalScreen[None]):
    """What the relay does, and what the command printed, as it goes on."""

    BINDINGS = [
        ("escape,q,O", "dismiss", "Close"),
        ("ctrl+c", "app.interrupt", "Leave"),
    ]

    def __init__(self, make: Callable[[int], Sequence[StyledLine]]) -> None:
        super().__init__()
        self._make = make
        self._view = LinesView(id="relay", wraps=True)

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.border_title = "Relay"
        self._view.border_subtitle = "esc closes"
        self._view.focus()
        self._view.show(self._make)
        self.set_interval(_TICK_S, self._again)

    def _again(self) -> None:
        self._view.show(self._make)


class LeaveRelay(ModalScreen[str | None]):
    """Asks what becomes of a command that is running. The result is `end`, `leave`, or None."""

    BINDINGS = [
        ("escape,n", "dismiss", "Stay"),
        ("e", "choose('end')", "End it"),
        ("l", "choose('leave')", "Leave it running"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._command = name

    def compose(self) -> ComposeResult:
        with Vertical(id="leave-relay") as box:
            box.border_title = "Quit"
            yield Static(Content(f"{sanitize(self._command)} is still running."))
            for key, what in (
                ("e", "end it, and quit"),
                ("l", "leave it and its relay running, and quit"),
                ("esc", "stay"),
            ):
                yield Static(Content.assemble((f"{key:<5}", "$accent"), what))

    def action_choose(self, choice: str) -> None:
        """End with a choice."""
        self.dismiss(choice)
