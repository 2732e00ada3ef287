"""The help: what the keys do."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class Help(ModalScreen[None]):
    """A list of keys over the dashboard. Any of esc, q, ? closes it."""

    BINDINGS = [
        ("escape,q,question_mark,f1", "dismiss", "Close"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, groups: list[tuple[str, list[tuple[str, str]]]]) -> None:
        """Take groups of (key, what it does) under a title."""
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            width = max(len(key) for _, rows in self._groups for key, _ in rows) + 3
            for title, rows in self._groups:
                yield Static(Content(title), classes="help-title")
                for key, what in rows:
                    yield Static(
                        Content.assemble((f"{key:<{width}}", "$accent"), what), classes="help-row"
                    )
