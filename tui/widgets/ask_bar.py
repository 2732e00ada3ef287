"""One line to type into, at the bottom: what to search or to filter events or runs for."""

from __future__ import annotations

from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

_HINTS: Final = {
    "search": "text, or re:expression (RE2: no look-around)",
    "runs": 'stall  warning  error  !healthy  "part of a title, state or model"',
    "filter": 'delta  json  #2  gap>500ms  anomaly  "text"  !ping  a or b',
}


class AskBar(Horizontal):
    """Asks for a search or a filter, and answers while it is typed."""

    BINDINGS = [
        Binding("escape", "leave", "Leave", priority=True),
        Binding("up", "recall(-1)", "Earlier"),
        Binding("down", "recall(1)", "Later"),
    ]

    class Changed(Message):
        """What was typed so far, for `kind` search, filter or runs; `done` when confirmed."""

        def __init__(self, kind: str, text: str, *, done: bool) -> None:
            super().__init__()
            self.kind = kind
            self.text = text
            self.done = done

    class Left(Message):
        """The reader left without confirming: `text` was there before."""

        def __init__(self, kind: str, text: str) -> None:
            super().__init__()
            self.kind = kind
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.kind = "search"
        self._before = ""
        self._history: dict[str, list[str]] = {kind: [] for kind in _HINTS}
        self._recalled = 0

    def compose(self) -> ComposeResult:
        yield Static("", id="ask-label", markup=False)
        yield Input(id="ask-input", compact=True, select_on_focus=True)
        yield Static("", id="ask-error", markup=False)

    def ask(self, kind: str, text: str) -> None:
        """Ask; `text` is what holds now."""
        self.kind, self._before = kind, text
        self._recalled = len(self._history[kind])
        self.query_one("#ask-label", Static).update(f" {kind} ")
        entry = self.query_one(Input)
        entry.placeholder = _HINTS[kind]
        with entry.prevent(Input.Changed):
            entry.value = text
        entry.focus()
        self.complain("")

    def complain(self, problem: str) -> None:
        """Say what is wrong with what was typed, or nothing."""
        self.query_one("#ask-error", Static).update(Content(problem))

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self.kind, event.value, done=False))

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        history = self._history[self.kind]
        if event.value and event.value not in history[-1:]:
            history.append(event.value)
        self.post_message(self.Changed(self.kind, event.value, done=True))

    def action_leave(self) -> None:
        """Leave things as they were."""
        self.post_message(self.Left(self.kind, self._before))

    def action_recall(self, step: int) -> None:
        """Take an earlier text again."""
        history = self._history[self.kind]
        self._recalled = min(max(self._recalled + step, 0), len(history))
        entry = self.query_one(Input)
        entry.value = history[self._recalled] if self._recalled < len(history) else ""
        entry.cursor_position = len(entry.value)
