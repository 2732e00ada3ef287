"""A short list to choose from, over the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.core.text import one_line


class MenuItem(NamedTuple):
    """An entry: what it returns, what it is called, and what is said about it."""

    id: str
    title: str
    note: str = ""


class Menu(ModalScreen[str]):
    """Offers choices; its result is the chosen id, None when it was left."""

    BINDINGS = [("escape,q", "leave", "Close"), ("j", "down", "Down"), ("k", "up", "Up")]

    def __init__(
        self,
        title: str,
        choices: list[MenuItem],
        *,
        at: str | None = None,
        look: Callable[[str], None] | None = None,
    ) -> None:
        """`at` is the id to begin at. `look` is called with each id that the reader comes to."""
        super().__init__()
        self._title = title
        self._choices = choices
        self._at = at
        self._look = look

    def compose(self) -> ComposeResult:
        width = max((len(choice.title) for choice in self._choices), default=0)
        options = [
            Option(
                Content.assemble(
                    f"{one_line(choice.title):<{width}}", (f"  {one_line(choice.note)}", "dim")
                ),
                id=choice.id,
            )
            for choice in self._choices
        ]
        box = OptionList(*options, id="menu", markup=False)
        box.border_title = self._title
        box.border_subtitle = "enter chooses  esc closes"
        yield box

    def on_mount(self) -> None:
        box = self.query_one(OptionList).focus()
        if self._at is not None:
            box.highlighted = box.get_option_index(self._at)

    @on(OptionList.OptionHighlighted)
    def _on_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if self._look is not None and event.option_id is not None:
            self._look(event.option_id)

    @on(OptionList.OptionSelected)
    def _on_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_down(self) -> None:
        """Go to the next entry."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """Go to the entry before."""
        self.query_one(OptionList).action_cursor_up()

    def action_leave(self) -> None:
        """Close without a choice."""
        self.dismiss(None)
