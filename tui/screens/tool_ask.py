"""A call of a tool that waits for the reader's word, over the dashboard."""

from __future__ import annotations

from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui.core.text import one_line, sanitize
from tui.messages.turns import Decision, DecisionKind
from tui.screens.request import JsonView
from tui.viewmodel.parameters import json_text
from tui.widgets.composer import Entry
from tui.widgets.paint import wire

_SHOWN_DESCRIPTION: Final = 4_000
_RESULT: Final = "What the tool gives back, as text"


class ToolAsk(ModalScreen[Decision | None]):
    """Asks whether a tool may run. Its result is the decision, None where it was put off."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium")]
    BINDINGS = [
        ("escape", "back", "Back, or decide later"),
        ("y,enter", "decide('run')", "Run it"),
        ("a", "decide('always')", "Always run tools in this conversation"),
        ("n", "decide('refuse')", "Refuse"),
        ("h", "write", "Answer by hand"),
        # Before the text area, in which they have a meaning of their own.
        Binding("ctrl+s", "send", "Send the result", priority=True),
        Binding("ctrl+e", "toggle_error", "The result is an error", priority=True),
    ]

    def __init__(
        self,
        name: str,
        input: object,
        *,
        number: tuple[int, int] = (1, 1),
        description: str = "",
        runnable: bool = True,
        deaf_s: float = 0.0,
    ) -> None:
        """Take a call, and which of how many in its answer it is. Without `runnable` it can only be
        refused or answered by hand. For `deaf_s` seconds keys decide nothing: they may have been
        meant for what was there before.
        """
        super().__init__()
        self._tool = name
        self._call = input
        self._number, self._count = number
        self._description = description
        self._runnable = runnable
        self._deaf_s = deaf_s
        self._listening = not deaf_s
        self._writing = False
        self._is_error = False
        self._view = JsonView(id="tool-ask-input")
        self._entry = Entry(placeholder=_RESULT, id="tool-ask-result")

    def compose(self) -> ComposeResult:
        with Vertical(id="tool-ask"):
            yield Static(Content(one_line(self._tool)), id="tool-ask-name")
            if self._description.strip():
                text = sanitize(self._description[:_SHOWN_DESCRIPTION].strip()).expandtabs(4)
                with VerticalScroll(id="tool-ask-description", can_focus=False):
                    yield Static(Content(text))
            yield self._view
            if not self._runnable:
                missing = f"No function {wire(self._tool, 40)} to run: answer by hand, or refuse."
                yield Static(missing, id="tool-ask-problem", markup=False)
            yield self._entry
            with Horizontal(id="tool-ask-question", classes="tool-ask-buttons"):
                if self._runnable:
                    yield _button("y", "run it", "run")
                    yield _button("a", "always run", "always")
                yield _button("n", "refuse", "refuse")
                yield _button("h", "by hand", "hand")
            with Horizontal(id="tool-ask-hand", classes="tool-ask-buttons"):
                yield _button("ctrl+s", "send", "send")
                yield _button("ctrl+e", "result", "error")
                yield _button("esc", "back", "back")

    def on_mount(self) -> None:
        where = f"  {self._number} of {self._count}" if self._count > 1 else ""
        box = self.query_one("#tool-ask")
        box.border_title = Content(f"Tool call{where}")
        self._view.show(json_text(self._call))
        self._view.focus()
        self._draw()
        if self._deaf_s:
            self.set_timer(self._deaf_s, self._listen)

    def _listen(self) -> None:
        self._listening = True

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """Leave what is long a part of the height. (A part given as a style does not count in a box
        that is as high as what is in it.)"""
        height = self.size.height
        quarter = max(height // 4, 2)
        self._view.styles.max_height = quarter if self._writing else max(height // 2 - 2, 3)
        self._entry.styles.max_height = quarter

    def _draw(self) -> None:
        """Show the question, or the place to write a result in."""
        self.set_class(self._writing, "-writing")
        self._fit()
        button = self.query_one("#error", Button)
        button.label = _label("ctrl+e", "error" if self._is_error else "result")
        button.set_class(self._is_error, "-on")
        hint = "esc decides later"
        if self._writing:
            what = "an error" if self._is_error else "the result"
            hint = f"sent as {what} of {wire(self._tool, 40)}"
        self.query_one("#tool-ask").border_subtitle = Content(hint)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters decide only while the question is asked, and only what can be done."""
        if action in ("send", "toggle_error"):
            return self._writing
        if action == "decide":
            return not self._writing and (self._runnable or parameters == ("refuse",))
        return action != "write" or not self._writing

    @on(Button.Pressed)
    async def _on_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        actions = {"hand": "write", "send": "send", "error": "toggle_error", "back": "back"}
        button = event.button.id or ""
        await self.run_action(actions.get(button, f"decide({button!r})"))

    def action_decide(self, kind: DecisionKind) -> None:
        """Close with a decision."""
        if self._listening:
            self.dismiss(Decision(kind))

    def action_write(self) -> None:
        """Have the reader write the result."""
        if not self._listening:
            return
        self._writing = True
        self._draw()
        self._entry.focus()

    def action_send(self) -> None:
        """Close with what was written."""
        self.dismiss(Decision("hand", self._entry.value, self._is_error))

    def action_toggle_error(self) -> None:
        """Say that what is written is an error, or that it is none."""
        self._is_error = not self._is_error
        self._draw()

    def action_back(self) -> None:
        """Return to the question; from there, decide later."""
        if not self._writing:
            self.dismiss(None)
            return
        self._writing = False
        self._draw()
        self._view.focus()


def _button(key: str, what: str, id: str) -> Button:
    return Button(_label(key, what), id=id, compact=True, classes="key-button")


def _label(key: str, what: str) -> Content:
    return Content.assemble((f"{key} ", "$accent bold"), what)
