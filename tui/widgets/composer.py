"""The place to write the next prompt, at the bottom of the dashboard; and text fields to paste in.

What is pasted is never drawn raw, and never all of it when it is large: control codes become
symbols, and a large paste one short mark that stands for it until the text is read.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, Literal

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.document._document import EditResult, Location
from textual.document._edit import Edit
from textual.message import Message
from textual.widgets import Input, Static, TextArea

from tui.core.text import one_line, sanitize

_ASK: Final = "Ask something \u2014 enter sends, ctrl+j new line, esc leaves"
_BUSY: Final = "An answer is arriving: esc, then esc again cancels it"
_SYMBOLS: Final = "control characters became symbols, and are sent as such"

_MOST_BYTES: Final = 50_000
"""UTF-8 bytes in a field: with more, and in one line, every key would take a frame and longer."""
_MOST_LINES: Final = 5_000
_LEAST_FOLD: Final = 1_000
"""Characters below which a paste is not folded, whatever is there already."""
_FOLD: Final = re.compile(r"\[pasted [0-9,]+ characters(?: #[0-9]+)?\]")


def clean(text: str) -> str:
    """Return `text` as it may stand in a field: LF at line ends, control codes as symbols."""
    return sanitize(text.replace("\r\n", "\n").replace("\r", "\n"))


def is_large(text: str) -> bool:
    """Tell whether a field could not be edited fluently with `text` in it."""
    if len(text) > _MOST_BYTES or text.count("\n") > _MOST_LINES:
        return True
    return len(text) * 4 > _MOST_BYTES and len(text.encode("utf-8", "replace")) > _MOST_BYTES


class LineEntry(Input):
    """One line to type into; control codes in what is pasted become symbols."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(one_line(value), placeholder=placeholder, id=id, compact=True)
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        """Take the first line that is not blank."""
        event.stop()
        event.prevent_default()
        self._insert(event.text)

    def action_paste(self) -> None:
        """Paste what was copied in this app."""
        self._insert(self.app.clipboard)

    def _insert(self, text: str) -> None:
        first = clean(text[:_MOST_BYTES]).strip("\n").split("\n")[0]
        self.replace(one_line(first), *self.selection)


class Entry(TextArea):
    """Some lines to type into; `value` is the text with what was folded."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"entry--fold"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j,shift+enter,alt+enter", "new_line", "New line", show=False)
    ]

    class Altered(Message):
        """Something was pasted that had control codes in it."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        self._folds: dict[str, str] = {}
        super().__init__(
            id=id, compact=True, highlight_cursor_line=False, placeholder=Content(placeholder)
        )
        self.cursor_blink = False
        self.match_cursor_bracket = False  # Looks for the other one in all of the text.
        if value:
            self.value = value

    @property
    def value(self) -> str:
        """The text, with what was folded in its place. Setting it forgets what can be undone."""
        return _FOLD.sub(lambda found: self._folds.get(found[0], found[0]), self.text)

    @value.setter
    def value(self, text: str) -> None:
        text = clean(text)
        for mark, body in self._folds.items():
            text = text.replace(body, mark)
        self.load_text(self._fold(text) if is_large(text) else text)

    def put(self, text: str) -> None:
        """Insert `text` as if it was pasted."""
        safe = clean(text)
        if len(safe) >= _LEAST_FOLD and is_large(self.text + safe):
            inserted = self._fold(safe)
        else:
            inserted = safe
        self.replace(inserted, *self.selection, maintain_selection_offset=False)
        if safe != text.replace("\r\n", "\n").replace("\r", "\n"):
            self.post_message(self.Altered())

    def action_new_line(self) -> None:
        """Begin a new line."""
        self.replace("\n", *self.selection, maintain_selection_offset=False)

    def action_paste(self) -> None:
        """Paste what was copied in this app."""
        self.put(self.app.clipboard)

    def on_paste(self, event: events.Paste) -> None:
        """Insert what the terminal pasted."""
        event.stop()
        event.prevent_default()
        self.put(event.text)

    # --- folds --------------------------------------------------------------------------------

    def _fold(self, text: str) -> str:
        """Return the mark that stands for `text`."""
        name = mark = f"[pasted {len(text):,} characters]"
        number = 1
        while self._folds.setdefault(mark, text) != text:
            number += 1
            mark = f"{name[:-1]} #{number}]"
        return mark

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end in self._marks(line_index):
            line.stylize(self.get_component_rich_style("entry--fold", partial=True), start, end)
        return line

    def edit(self, edit: Edit) -> EditResult:
        # A mark is whole or it is gone: half of one would stand for nothing.
        top, bottom = sorted((edit.from_location, edit.to_location))
        edit.from_location, edit.to_location = self._beside(top, -1), self._beside(bottom, 1)
        return super().edit(edit)

    def clamp_visitable(self, location: Location) -> Location:
        place = super().clamp_visitable(location)
        return self._beside(place, 1 if self.selection.end < place else -1)

    def _beside(self, location: Location, side: Literal[-1, 1]) -> Location:
        """Return `location`, or where it is inside a mark that mark's start (-1) or end (1)."""
        row, column = location
        for start, end in self._marks(row):
            if start < column < end:
                return row, end if side > 0 else start
        return location

    def _marks(self, row: int) -> list[tuple[int, int]]:
        if not self._folds or not 0 <= row < self.document.line_count:
            return []
        found = _FOLD.finditer(self.document.get_line(row))
        return [mark.span() for mark in found if mark[0] in self._folds]


class Prompt(Entry):
    """The prompt that is being written: enter sends, the arrows walk through earlier ones."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the text area takes it for a new line.
        Binding("enter", "send", "Send", show=False, priority=True)
    ]

    class Ready(Message):
        """What was written is to be sent."""

    def __init__(self, history: list[str], *, id: str | None = None) -> None:
        super().__init__(placeholder=_ASK, id=id)
        self._history = history
        self._place: int | None = None
        """Which earlier prompt is shown, None for the one that is being written."""
        self._changed: dict[int | None, str] = {}
        """What was shown, and perhaps changed, at the places that were left."""

    def begin_anew(self) -> None:
        """Be empty, after what was written was sent."""
        self._place = None
        self._changed.clear()
        self.load_text("")

    def take_back(self, text: str) -> None:
        """Hold `text`, and behind it what is being written by now."""
        if self._place is not None:
            self._go(None)
        now = self.value
        self.value = f"{text}\n{now}" if now.strip() else text
        self.move_cursor(self.document.end)

    def action_send(self) -> None:
        """Send what was written."""
        self.post_message(self.Ready())

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up; on the first row go to the prompt before."""
        if select or not self.navigator.is_first_wrapped_line(self.cursor_location):
            super().action_cursor_up(select)
            return
        before = (len(self._history) if self._place is None else self._place) - 1
        if before >= 0:
            self._go(before)
            if self.wrapped_document.height > 1:
                self.move_cursor((0, 0))  # So that the same key goes on.

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down; on the last row go to the prompt after."""
        if (
            select
            or self._place is None
            or not self.navigator.is_last_wrapped_line(self.cursor_location)
        ):
            super().action_cursor_down(select)
            return
        after = self._place + 1
        self._go(after if after < len(self._history) else None)

    def _go(self, place: int | None) -> None:
        self._changed[self._place] = self.value
        self._place = place
        kept = self._changed.get(place)
        if kept is None:
            kept = "" if place is None else self._history[place]
        self.value = kept
        self.move_cursor(self.document.end)


class Composer(Horizontal):
    """Takes the next prompt. What was written stays until it is sent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("ctrl+o", "settings", "Settings", show=False),
    ]

    class Sent(Message):
        """A prompt to send. Whoever cannot send it gives it back with `restore`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The reader goes back to reading. The draft stays."""

    class SettingsWanted(Message):
        """The reader wants to see what else is sent."""

    def __init__(self, history: list[str] | None = None, *, id: str | None = None) -> None:
        """Take the prompts of this session; what is sent is appended to the list."""
        super().__init__(id=id)
        self.history: list[str] = [] if history is None else history
        self._note = ""
        self._ready = False
        self._prompt = Prompt(self.history, id="composer-prompt")

    def compose(self) -> ComposeResult:
        yield Static("\u203a", id="composer-label", markup=False)
        yield self._prompt
        yield Static("", id="composer-note", markup=False)

    def on_mount(self) -> None:
        self._ready = True
        self._remark(self._note)

    def show(self, note: str, busy: bool) -> None:
        """Say what a prompt will be sent to, and whether an answer is arriving."""
        self._prompt.placeholder = Content(_BUSY if busy else _ASK)
        self.set_class(busy, "-busy")
        if note != self._note:
            self._note = note
            self._remark(note)

    def restore(self, text: str) -> None:
        """Take a prompt back that was not sent; what was typed meanwhile stays behind it."""
        self._prompt.take_back(text)

    def focus_text(self) -> None:
        """Begin to write."""
        self._prompt.focus()

    def on_click(self) -> None:
        self.focus_text()

    @on(Prompt.Ready)
    def _on_ready(self, message: Prompt.Ready) -> None:
        message.stop()
        text = self._prompt.value
        if not text.strip():
            return
        if self.history[-1:] != [text]:
            self.history.append(text)
        self._prompt.begin_anew()
        self.post_message(self.Sent(text))

    @on(Entry.Altered)
    def _on_altered(self, message: Entry.Altered) -> None:
        message.stop()
        self._remark(_SYMBOLS)

    @on(TextArea.Changed)
    def _on_changed(self, message: TextArea.Changed) -> None:
        message.stop()
        self._remark(self._note)

    def _remark(self, text: str) -> None:
        if self._ready:
            content = Content(one_line(text))
            self.border_subtitle = content
            self.query_one("#composer-note", Static).update(content)

    def action_leave(self) -> None:
        """Go back to reading."""
        self.post_message(self.Left())

    def action_settings(self) -> None:
        """Ask for the settings."""
        self.post_message(self.SettingsWanted())
