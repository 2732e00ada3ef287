"""One event in full, over the dashboard."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.strip import Strip

from tui.core.session import Run
from tui.core.text import sanitize
from tui.viewmodel.detail import Line, detail
from tui.widgets.cell_wrap import wrap
from tui.widgets.line_view import LineView
from tui.widgets.paint import strip_of


class DetailView(LineView):
    """The lines of one event, wrapped."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "detail--heading",
        "detail--plain",
        "detail--muted",
        "detail--warning",
        "detail--json",
        "detail--code",
        "detail--label",
    }

    # An event has no live end.
    BINDINGS = [("end", "bottom", "Bottom")]

    def __init__(self) -> None:
        super().__init__(id="detail")
        self._lines: list[Line] = []
        self._rows: list[Strip] = []
        self._tops: list[int] = []
        """Where the rows of each line begin."""
        self.follow = False

    def show(self, lines: list[Line], *, first: int = 0) -> None:
        """Draw these lines, from the top; line `first` is in the first row, where it can be."""
        self._lines = lines
        self.drop_selection()
        self._lay_out()
        self.scroll_to(y=self._tops[first], animate=False)

    def on_resize(self) -> None:
        self._lay_out()

    def row(self, y: int, width: int) -> Strip:
        return self._rows[y] if y < len(self._rows) else Strip([])

    def _lay_out(self) -> None:
        self._rows = []
        self._tops = []
        label_style = self.style("detail--label")
        for look, text, label in self._lines:
            style = self.style(f"detail--{look}")
            room = max(self.row_width - len(label), 1)
            self._tops.append(len(self._rows))
            for number, row in enumerate(wrap([(sanitize(text).expandtabs(4), style)], room)):
                margin = label if number == 0 else " " * len(label)
                self._rows.append(strip_of([(sanitize(margin), label_style), *row]))
        self.follow = False
        self.set_height(len(self._rows))
        self.refresh()


class Detail(ModalScreen[int]):
    """Shows an event; n and p go to the next and the previous one. Its result is the last shown."""

    BINDINGS = [
        ("escape,q,enter", "close", "Close"),
        ("n,right,full_stop,right_square_bracket", "turn(1)", "Next event"),
        ("p,left,comma,left_square_bracket", "turn(-1)", "Previous event"),
        ("x", "hex", "Hex"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, run: Run, seq: int) -> None:
        super().__init__()
        self._run = run
        self._seq = seq
        self._as_hex = False
        self._view = DetailView()

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.border_subtitle = "n next  p previous  x hex  esc closes"
        self._view.focus()
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        if self._as_hex:
            self.call_after_refresh(self._show)

    def _show(self, *, bytes_first: bool = False) -> None:
        if not self._view.is_attached:
            return  # Closed before it was drawn.
        self._view.border_title = f"Event {self._seq}"
        width = self._view.row_width
        lines = detail(self._run, self._seq, as_hex=self._as_hex, width=width)
        heads = [number for number, line in enumerate(lines) if line.look == "heading"]
        self._view.show(lines, first=heads[-1] if bytes_first else 0)

    def action_turn(self, step: int) -> None:
        """Show the next or the previous event."""
        self._seq = min(max(self._seq + step, 0), len(self._run.timeline) - 1)
        self._show()

    def action_hex(self) -> None:
        """Show the bytes in hex, or as text."""
        self._as_hex = not self._as_hex
        self._show(bytes_first=True)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(self._seq)
