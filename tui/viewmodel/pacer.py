"""The smoothed text of a run, for reading along."""

from __future__ import annotations

from tui.core.state import Buffer, RunState
from tui.viewmodel.smooth import Reveal, Smoother


class Pacer:
    """Keeps how much of each text block of one run may be shown now."""

    def __init__(self, kind: Reveal) -> None:
        self.kind = kind
        self._smoothers: dict[int, Smoother] = {}
        self._texts: dict[int, Buffer] = {}

    def update(self, state: RunState, now_ns: int) -> dict[int, Buffer]:
        """Return the shown texts, by the blocks' places. They only grow."""
        for position, block in enumerate(state.blocks):
            if block.type != "text":
                continue
            smoother = self._smoothers.get(position)
            if smoother is None:
                smoother = self._smoothers[position] = Smoother(self.kind)
                self._texts[position] = Buffer()
            over = block.stopped or state.end is not None
            length = smoother.reveal(len(block.text), block.text.slice, now_ns, over)
            text = self._texts[position]
            if length > len(text):
                text.append(block.text.slice(len(text), length))
        return self._texts
