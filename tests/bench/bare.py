"""The yardstick of start-up: the least that Textual needs to draw three panes. Run as a script."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static


class Bare(App[None]):
    """Three panes with a word in each."""

    CSS = "Static { border: round white; width: 1fr; height: 1fr; }"

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("Transcript")
            yield Static("Tool calls")
        yield Static("Events")


if __name__ == "__main__":
    Bare().run()
