"""The verdict on the shown run: one line above the counters."""

from __future__ import annotations

from typing import ClassVar

from tui.viewmodel import VerdictView
from tui.widgets.bars import Row
from tui.widgets.paint import wire


class VerdictBar(Row):
    """Says what is wrong, and the key that says why. Hidden while there is nothing to say."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "verdict--plain",
        "verdict--muted",
        "verdict--good",
        "verdict--warning",
        "verdict--bad",
        "verdict--key",
        "verdict--why",
    }

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: VerdictView | None = None

    def show(self, view: VerdictView | None) -> None:
        """Draw the verdict, None for nothing."""
        if view == self._view:
            return
        self._view = view
        self.display = view is not None
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    async def on_click(self) -> None:
        """Show why."""
        await self.app.run_action("app.open('why')")

    def _draw(self) -> None:
        view = self._view
        if view is None:
            return
        more = f"  \u00b7 {view.more} more" if view.more else ""
        right: list[tuple[str, str | None]] = [
            (f"{more}  ", "verdict--why"),
            ("d ", "verdict--key"),
            ("why ", "verdict--why"),
        ]
        room = (self.size.width or self.app.size.width) - sum(len(text) for text, _ in right) - 4
        style = f"verdict--{view.tone}"
        self.put([(f" {view.glyph} ", style), (wire(view.text, max(room, 1)), style)], right)
