"""What a run spent its time with, as spans from its request on: cut out of the timeline's columns.

Nothing is parsed: a span ends where the kind of delta changes. The time before a delta counts for
its kind, as in the latency view; a stall counts as waiting, but not before tool input, which comes
when a value is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from tui.core.session import Run

WAITING, THINKING, TEXT, TOOL_INPUT = range(4)
_KIND_OF: Final = {
    "thinking_delta": THINKING,
    "signature_delta": THINKING,
    "text_delta": TEXT,
    "citations_delta": TEXT,
    "input_json_delta": TOOL_INPUT,
}
_ALIKE: Final = re.compile(rb"\x01(?:\x00*\x01)*|\x02(?:\x00*\x02)*|\x03(?:\x00*\x03)*")
"""Deltas of one kind, whatever else is between them."""


class TimeSpan(NamedTuple):
    """What was done from `start_ns` to `end_ns`, counted from the request."""

    kind: int
    """WAITING, THINKING, TEXT or TOOL_INPUT."""
    start_ns: int
    end_ns: int


class SpanScan:
    """Cuts the time of a run into spans. Only events that are new are looked at."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seq = 0
        self._stall = 0
        self._last_ns: int | None = None
        """When the last delta so far came."""
        self.spans: list[TimeSpan] = []
        """Without gaps, from the request to the last delta so far; the last may take no time."""

    def advance(self) -> list[TimeSpan]:
        """Look at what is new, and return all spans."""
        timeline = self._run.timeline
        first, last = self._seq, len(timeline)
        if first == last:
            return self.spans
        table = bytes(_KIND_OF.get(label.delta, WAITING) for label in timeline.labels)
        kinds = timeline.look_up(table, first, last)
        for found in _ALIKE.finditer(kinds):
            self._take(kinds[found.start()], first + found.start(), first + found.end() - 1)
        self._seq = last
        return self.spans

    def _take(self, kind: int, first: int, last: int) -> None:
        """Add deltas of one kind, from event `first` to event `last`."""
        times = self._run.timeline.times
        if self._last_ns is None:
            self._add(WAITING, times[first])
        for seq, length_ns in self._stalls(last):
            if seq >= first and kind != TOOL_INPUT:
                self._add(kind, times[seq] - length_ns)
                self._add(WAITING, times[seq])
        self._add(kind, times[last])
        self._last_ns = times[last]

    def _stalls(self, last: int) -> Iterator[tuple[int, int]]:
        """Yield the stalls that event `last` or one before it has ended, each once."""
        stalls = self._run.state.stalls
        while self._stall < len(stalls) and stalls[self._stall][0] <= last:
            yield stalls[self._stall]
            self._stall += 1

    def _add(self, kind: int, end_ns: int) -> None:
        """Have a kind go on until `end_ns`."""
        start_ns = 0
        if self.spans:
            before = self.spans[-1]
            if before.kind == kind:
                self.spans[-1] = before._replace(end_ns=max(end_ns, before.end_ns))
                return
            start_ns = before.end_ns
            if start_ns == before.start_ns and len(self.spans) > 1:
                self.spans.pop()  # It took no time, and something else followed.
                self._add(kind, end_ns)
                return
        self.spans.append(TimeSpan(kind, start_ns, max(end_ns, start_ns)))
