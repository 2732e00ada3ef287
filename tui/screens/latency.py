"""Where the time of a run went, over the dashboard."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import ComposeResult
from textual.screen import ModalScreen

from tui.core.latency import LatencyScan
from tui.core.session import Run
from tui.viewmodel.latency import latency_lines
from tui.viewmodel.views import VerdictView
from tui.widgets.lines_view import LinesView

_SLICE_S = 0.008
_TICK_S = 1 / 30


class Latency(ModalScreen[int]):
    """Shows the latencies of a run. Its result is the event that the reader wants to see."""

    BINDINGS = [
        ("escape,q,L", "close", "Close"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
        *((str(number), f"jump({number})", f"Gap {number}") for number in range(1, 6)),
    ]

    def __init__(self, run: Run, verdict: Callable[[], VerdictView | None]) -> None:
        """`verdict` tells what there is to say about the time now."""
        super().__init__()
        self._run = run
        self._verdict = verdict
        self._scan = LatencyScan(run)
        self._view = LinesView(id="latency")
        self._shown = -1

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.border_title = "Latency"
        self._view.border_subtitle = "1-5 go to a gap  esc closes"
        self._view.focus()
        self.call_after_refresh(self._tick)
        self.set_interval(_TICK_S, self._tick)

    def _tick(self) -> None:
        """Look at some more of the run; a long one takes several frames, and a live one grows."""
        end = time.perf_counter() + _SLICE_S
        done = self._scan.advance()
        while not done and time.perf_counter() < end:
            done = self._scan.advance()
        if done and self._shown == len(self._run.timeline):
            return
        self._shown = len(self._run.timeline) if done else -1
        percent = "" if done else f"  {self._scan.progress:.0%}"
        self._view.border_title = f"Latency{percent}"
        self._view.show(lambda width: latency_lines(self._run, self._scan, width, self._verdict()))

    def action_jump(self, number: int) -> None:
        """Go to the event that ended a gap."""
        targets = [line.seq for line in self._view.lines if line.seq is not None]
        if number <= len(targets):
            self.dismiss(targets[number - 1])

    def action_close(self) -> None:
        """Close, and stay where the reader was."""
        self.dismiss(None)
