"""What is sent with every prompt of a conversation, to be looked at and changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from tui.core.records import JsonObject
from tui.core.text import one_line
from tui.messages.turns import ToolMode
from tui.viewmodel.parameters import Fields, fields_of, parse
from tui.widgets.composer import Entry, LineEntry

T = TypeVar("T", bound=str)

_HINTS: Final = {
    "max_tokens": "a whole number",
    "thinking": "off, adaptive, or a budget in tokens",
    "tools": "",
    "other": 'any other parameter, as {"temperature": 0.5}',
}
_MODES: Final[dict[ToolMode, str]] = {
    "ask": "ask before running",
    "always": "run always",
    "hand": "answer by hand",
}
_WHY: Final = {"": "not asked", "why": "ask why it missed"}
_GAP: Final = "   "
_TOOLS: Final = {"": "unchanged", "none": "none", "demo": "demo", "file": "from a file"}


@dataclass(frozen=True, slots=True)
class Setup:
    """What is sent with every prompt, and how tools are treated.

    `tools` is empty to keep those of the conversation, else `none`, `demo` or the path of a file;
    `parameters` has the tools only where they are kept.
    """

    parameters: JsonObject
    tool_mode: ToolMode
    tools: str


class Pick(Widget, Generic[T], can_focus=True):
    """One of a few values, shown as words; the arrows, the space bar or a click choose."""

    BINDINGS = [("left,h", "step(-1)", "The one before"), ("right,l,space", "step(1)", "The next")]

    class Changed(Message):
        """Another one was chosen."""

    def __init__(self, words: Mapping[T, str], value: T, *, id: str) -> None:
        """Take the words for the values, and which one is chosen."""
        super().__init__(id=id)
        self._words = words
        self.value = value

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(width))

    def render(self) -> Content:
        rows = self._rows(self.size.width)
        return Content("\n").join(Content(_GAP).join(map(self._word, row)) for row in rows)

    def _rows(self, width: int) -> list[list[T]]:
        """Break between the words only."""
        rows: list[list[T]] = [[]]
        used = 0
        for value, word in self._words.items():
            cells = len(_GAP) + 2 + len(word)
            if rows[-1] and used + cells > width + len(_GAP):
                rows.append([])
                used = 0
            rows[-1].append(value)
            used += cells
        return rows

    def _word(self, value: T) -> Content:
        if value == self.value:
            text, look = "\u25cf ", "$accent bold" if self.has_focus else "bold"
        else:
            text, look = "\u25cb ", "$foreground 60%"
        word = Content.assemble((text + self._words[value], look))
        return word.stylize(Style.from_meta({"pick": value}))

    def choose(self, value: T) -> None:
        """Choose one."""
        if value != self.value:
            self.value = value
            self.refresh()
            self.post_message(self.Changed())

    def action_step(self, step: int) -> None:
        """Choose a neighbour."""
        values = list(self._words)
        self.choose(values[(values.index(self.value) + step) % len(values)])

    def on_click(self, event: events.Click) -> None:
        chosen = event.style.meta.get("pick")
        for value in self._words:
            if value == chosen:
                self.choose(value)


class ModelPicker(Vertical):
    """A line to type a model's name into, over a list of those that are known."""

    BINDINGS = [("down", "point(1)", "The next model"), ("up", "point(-1)", "The model before")]

    def __init__(self, model: str, models: Sequence[str], note: str) -> None:
        super().__init__(id="picker")
        self._models = [one_line(known) for known in models]
        self._note = note
        self._found: list[str] = []
        self._ready = False
        self._typed = ""
        self._taken = one_line(model)
        """What the line held before it was typed into: it filters nothing."""
        self._entry = LineEntry(model, placeholder="default", id="set-model")
        self._list = OptionList(id="models", markup=False, compact=True)
        # The keys go to the line above.
        self._list.can_focus = False
        self._said = Static("", classes="hint", markup=False)

    def compose(self) -> ComposeResult:
        yield self._entry
        yield self._list
        yield self._said

    def on_mount(self) -> None:
        self._ready = True
        self._fill()

    def offer(self, models: Sequence[str], note: str) -> None:
        """List other models; `note` says where they are from."""
        self._models, self._note = [one_line(known) for known in models], note
        if self._ready:
            self._fill()

    def _fill(self) -> None:
        """List the models that have in their name what was typed."""
        found = [model for model in self._models if self._typed.casefold() in model.casefold()]
        self._found = found
        self._list.clear_options()
        self._list.add_options(Option(Content(model)) for model in found)
        value = self._entry.value
        self._list.highlighted = found.index(value) if value in found else None
        note = self._note if found or not self._models else "no known model has this in its name"
        self._said.update(Content(one_line(f"{note} \u00b7 any name can be typed")))

    @on(Input.Changed)
    def _on_changed(self) -> None:
        value = self._entry.value
        self._typed = "" if value == self._taken else value.strip()
        self._fill()

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        number = self._list.highlighted
        if number is not None and self._found[number] != self._entry.value:
            event.stop()
            self._take(number)

    @on(OptionList.OptionSelected)
    def _on_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(event.option_index)
        self._entry.focus()

    def _take(self, number: int) -> None:
        self._taken = self._entry.value = self._found[number]
        self._entry.cursor_position = len(self._taken)

    def action_point(self, step: int) -> None:
        """Go to another model in the list; enter takes it."""
        last = len(self._found) - 1
        if last >= 0:
            here = self._list.highlighted
            start = (-1 if step > 0 else last + 1) if here is None else here
            self._list.highlighted = min(max(start + step, 0), last)


class SettingsScreen(ModalScreen[Setup | None]):
    """Changes what is sent with every prompt. Its result is None where it was left."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
    BINDINGS = [("escape", "leave", "Leave"), ("ctrl+s", "keep", "Save")]

    def __init__(
        self,
        parameters: JsonObject,
        *,
        tool_mode: ToolMode = "ask",
        models: Sequence[str] = (),
        models_note: str = "asking which models there are\u2026",
    ) -> None:
        """Take a request's body; its turns are neither shown nor in the result."""
        super().__init__()
        self._parameters = parameters
        self._given = fields_of(parameters)
        self._tool_mode: ToolMode = tool_mode
        self._offered = list(models), models_note
        self._picker: ModelPicker | None = None
        self._left: set[str] = set()
        """The fields that the reader has left: their mistakes are shown."""

    def compose(self) -> ComposeResult:
        given = self._given
        self._picker = picker = ModelPicker(given.model, *self._offered)
        self._system = Entry(given.system, placeholder="none", id="set-system")
        self._other = Entry(given.other, placeholder="none", id="set-other")
        self._mode = Pick(_MODES, self._tool_mode, id="set-mode")
        self._why = Pick(_WHY, "why" if given.asks_why else "", id="set-why")
        self._tools = Pick(_TOOLS, "", id="set-tools")
        self._drawn = (one_line(given.model), self._system.value)
        """Model and system prompt as they are shown: without control codes."""
        with VerticalScroll(id="settings", can_focus=False) as box:
            box.border_title = "Settings"
            box.border_subtitle = "empty fields are not sent"
            yield _row("Model", picker)
            yield _row("System", self._system).add_class("-apart")
            number = LineEntry(given.max_tokens, placeholder="default", id="set-max_tokens")
            yield _row("Max tokens", number, _hint("max_tokens"), across=True)
            budget = LineEntry(given.thinking, placeholder="default", id="set-thinking")
            yield _row("Thinking", budget, _hint("thinking"), across=True)
            path = LineEntry(placeholder="path of a file with tools", id="set-path")
            yield _row("Tools", self._tools, path, _hint("tools"))
            yield _row("Tool calls", self._mode)
            yield _row("Prompt cache", self._why)
            yield _row("Other", self._other, _hint("other"))
            with Horizontal(id="settings-buttons"):
                yield _button("ctrl+s", "save", "keep")
                yield _button("esc", "leave", "leave")

    def on_mount(self) -> None:
        self._check()
        self.query_one("#set-model").focus()

    def offer(self, models: Sequence[str], note: str) -> None:
        """List these models; `note` says where they are from, in a few words."""
        self._offered = list(models), note
        if self._picker is not None:
            self._picker.offer(*self._offered)

    # --- what was typed -----------------------------------------------------------------------

    def _line(self, name: str) -> str:
        return self.query_one(f"#set-{name}", LineEntry).value

    def _fields(self) -> Fields:
        model, system = self._line("model"), self._system.value
        if model == self._drawn[0]:
            model = self._given.model
        if system == self._drawn[1]:
            system = self._given.system
        numbers = self._line("max_tokens"), self._line("thinking")
        return Fields(model, system, *numbers, self._other.value, bool(self._why.value))

    def _tools_wanted(self) -> str:
        path = self._line("path").strip()
        if self._tools.value != "file":
            return self._tools.value
        return f"./{path}" if path in _TOOLS else path

    def _check(self) -> tuple[JsonObject, dict[str, str]]:
        """Return what the fields say and what is wrong, and say so beside those that were left."""
        parameters, mistakes = parse(self._fields())
        if self._tools.value == "file" and not self._line("path").strip():
            mistakes["tools"] = "name the file"
        self.set_class(self._tools.value == "file", "-from-file")
        for name, hint in _HINTS.items():
            said = self.query_one(f"#hint-{name}", Static)
            wrong = name in self._left and name in mistakes
            if name == "tools" and not hint:
                hint = self._names()
            said.update(Content(one_line(mistakes[name] if wrong else hint)))
            said.set_class(wrong, "-wrong")
        return parameters, mistakes

    def _names(self) -> str:
        """Say which tools there are now."""
        tools = self._parameters.get("tools")
        names = [
            str(tool.get("name") or tool.get("type") or "?")
            for tool in (tools if isinstance(tools, list) else [])
            if isinstance(tool, dict)
        ]
        return f"now: {', '.join(names)}" if names else "now: none"

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Pick.Changed)
    def _on_changed(self, event: Message) -> None:
        event.stop()
        self._check()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        name = (event.widget.id or "").removeprefix("set-")
        self._left.add("tools" if name == "path" else name)
        self._check()

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    # --- the end ------------------------------------------------------------------------------

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "keep":
            self.action_keep()
        else:
            self.action_leave()

    def action_keep(self) -> None:
        """Close with what was typed, or go to the first field in which there is a mistake."""
        self._left.update(_HINTS)
        parameters, mistakes = self._check()
        if mistakes:
            first = next(name for name in _HINTS if name in mistakes)
            self.query_one("#set-path" if first == "tools" else f"#set-{first}").focus()
            return
        tools = self._tools_wanted()
        if not tools and "tools" in self._parameters:
            parameters["tools"] = self._parameters["tools"]
        if self._given.asks_why and self._why.value:
            parameters["diagnostics"] = self._parameters["diagnostics"]
        ordered = {name: parameters.pop(name) for name in self._parameters if name in parameters}
        mode: ToolMode = self._mode.value
        self.dismiss(Setup({**ordered, **parameters}, mode, tools))

    def action_leave(self) -> None:
        """Close and change nothing."""
        self.dismiss(None)


def _row(label: str, *widgets: Widget, across: bool = False) -> Horizontal:
    kind = Horizontal if across else Vertical
    return Horizontal(
        Static(label, classes="setting-label", markup=False),
        kind(*widgets, classes="setting-across" if across else "setting-field"),
        classes="setting",
    )


def _hint(name: str) -> Static:
    return Static("", id=f"hint-{name}", classes="hint", markup=False)


def _button(key: str, what: str, id: str) -> Button:
    label = Content.assemble((f"{key} ", "$accent bold"), what)
    return Button(label, id=id, compact=True, classes="key-button")
