"""One event in full, over the dashboard."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen

from tui.core.session import Run
from tui.viewmodel.detail import detail
from tui.widgets.lines_view import LinesView


class Detail(ModalScreen[int]):
    """Shows an event; n and p go to the next and the previous one. Its result is the last shown."""

    BINDINGS = [
        ("escape,q,enter", "close", "Close"),
        ("n,right,full_stop,right_square_bracket", "turn(1)", "Next event"),
        ("p,left,comma,left_square_bracket", "turn(-1)", "Previous event"),
        ("x", "hex", "Hex"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, run: Run, seq: int, request_id: str | None = None) -> None:
        super().__init__()
        self._run = run
        self._seq = seq
        self._request_id = request_id
        self._as_hex = False
        self._view = LinesView(id="detail", wraps=True)

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.border_subtitle = "n next  p previous  x hex  esc closes"
        self._view.focus()
        self.call_after_refresh(self._show)

    def _show(self, *, bytes_first: bool = False) -> None:
        if not self._view.is_attached:
            return  # Closed before it was drawn.
        self._view.border_title = f"Event {self._seq}"
        run, seq, as_hex = self._run, self._seq, self._as_hex
        self._view.drop_selection()
        self._view.show(
            lambda width: detail(run, seq, as_hex=as_hex, width=width, request_id=self._request_id)
        )
        heads = [
            number for number, line in enumerate(self._view.lines) if line.pieces[0][1] == "heading"
        ]
        self._view.scroll_to_line(heads[-1] if bytes_first else 0)

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
