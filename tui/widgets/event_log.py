"""The raw event log: one row an event, drawn straight from the timeline."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.core.text import format_count, format_ns
from tui.viewmodel import EventsView, Moment, event_row
from tui.widgets.line_view import LineView
from tui.widgets.paint import StyledText, strip_of, wire

_SLOW_NS = 500_000_000
_WIDE = 70
_LIVE = -1
_WAITING = "Events appear here, a row each"
_PATIENCE = 3
"""Frames after which what was asked for is given up."""


class EventLog(LineView):
    """Number, time, gap, kind, index and payload of each event; follows the tail."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "event-log--number",
        "event-log--time",
        "event-log--gap",
        "event-log--slow",
        "event-log--type",
        "event-log--payload",
        "event-log--cursor",
        "event-log--anomaly",
        "event-log--mark",
        "event-log--evidence",
        "event-log--hit",
        "event-log--message",
        "event-log--block",
        "event-log--text",
        "event-log--thinking",
        "event-log--json",
        "event-log--citation",
        "event-log--ping",
        "event-log--error",
        "event-log--unknown",
    }

    BINDINGS = [
        ("j,down", "move(1)", "Next event"),
        ("k,up", "move(-1)", "Previous event"),
        ("pagedown", "page(1)", "Page down"),
        ("pageup", "page(-1)", "Page up"),
        ("g,home", "first", "First event"),
        ("G", "last", "Last event"),
        ("enter", "detail", "Show the event in full"),
    ]

    placeholder = _WAITING

    class Moved(Message):
        """The reader wants to see the state after `count` events."""

        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

    class Followed(Message):
        """The reader wants the live end."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: EventsView | None = None
        self._drawn: tuple[object, ...] = ()
        self._flagged: set[int] = set()
        self._flag_source: tuple[object, int] = (None, 0)
        self._rows: array[int] | None = None
        self._filtered = ""
        self._aim: int | None = None
        """The count of events, or the live end, that was asked for and is not shown yet.

        Keys come faster than frames: the next one begins there.
        """
        self._patience = 0
        self._opens = False
        self.title = "Events"

    def show(self, view: EventsView) -> None:
        """Draw the log of `view`."""
        moment = view.moment
        self._patience -= 1
        if self._patience <= 0 or self._aim == (moment.count if moment.travelling else _LIVE):
            self._aim = None
        if self._opens and self._aim is None:
            self.call_later(self.action_detail)
        state = moment.run.state
        same_rows = self._rows is view.found.rows
        self._rows = view.found.rows
        shown = moment.head if self._rows is None else len(self._rows)
        found = view.found
        hits = found.searcher.count if found.searcher is not None else -1
        sought = (shown, found.search, hits, found.marks, view.evidence, moment.done)
        drawn = (
            moment.run,
            moment.head,
            moment.count,
            moment.travelling,
            len(state.anomalies),
            sought,
        )
        if same_rows and drawn == self._drawn:
            return
        returned = self._drawn[3:4] == (True,) and not moment.travelling
        if self._drawn[:1] != drawn[:1] or returned:
            self.follow = True
        # What arrives behind the cursor must not take the view back to it.
        moved = self._drawn[:1] + self._drawn[2:4] != drawn[:1] + drawn[2:4]
        grown_only = same_rows and self._drawn[:1] == drawn[:1] and self._drawn[3:] == drawn[3:]
        moved = moved or self._filtered != found.filter
        if self._drawn[:1] != drawn[:1] or self._filtered != found.filter:
            self.drop_selection()
        self._filtered = found.filter
        self._drawn = drawn
        self._view = view
        self._flag(moment)
        before = self.scroll_offset.y
        self.set_height(shown)
        if moment.travelling:
            self.follow = False
            if moved:
                self.show_row(max(self._row_of(moment.count - 1), 0))
        visible_end = before + self.size.height
        if not grown_only or self.follow or self.height_in_rows <= visible_end:
            self.refresh()
        self._entitle(view)
        self.placeholder = _nothing(view)

    def _seq(self, y: int) -> int:
        """Return the event in a row."""
        return y if self._rows is None else self._rows[y]

    def _row_of(self, seq: int) -> int:
        """Return the row of an event; where it is filtered out, the last one before it."""
        return seq if self._rows is None else bisect_right(self._rows, seq) - 1

    def _flag(self, moment: Moment) -> None:
        run, known = self._flag_source
        anomalies = moment.run.state.anomalies
        if run is not moment.run:
            self._flagged, known = set(), 0
        self._flagged.update(anomaly.seq for anomaly in anomalies[known:])
        self._flag_source = (moment.run, len(anomalies))

    def _entitle(self, view: EventsView) -> None:
        moment, found = view.moment, view.found
        parts = [f"Events  {format_count(moment.head)}"]
        if found.rows is not None:
            parts.append(f"filter: {wire(found.filter, 40)} ({format_count(len(found.rows))})")
        if found.searcher is not None:
            place = found.searcher.rank(moment.count - 1) if moment.travelling else 0
            count = found.searcher.count
            parts.append(f"search: {wire(found.search, 30)} {place}/{format_count(count)}")
        if found.progress < 1.0:
            parts.append(f"looking {found.progress:.0%}")
        if moment.travelling:
            parts.append(f"at {moment.count} of {format_count(moment.head)}")
            if view.marker:
                parts.append(wire(view.marker, 80))
        elif self.follow:
            parts.append("FOLLOW")
        if self._flagged:
            count = len(moment.run.state.anomalies)
            parts.append(f"{count} anomal{'y' if count == 1 else 'ies'}")
        self.title = " \u00b7 ".join(parts)

    def heads(self) -> str:
        """Return the column heads for the width the log has now."""
        timed = self._view is None or self._view.moment.run.timed or self._view.paced
        time = f"{'+time':>9} " if timed else ""
        if self.row_width >= _WIDE:
            return f"{'#':>6} {time}{chr(0x0394):>7}    {'type':<20}{'idx':>3}  payload"
        return f"{'#':>4} {time}   {'type':<14}{'idx':>3}  payload"

    def watch_follow(self) -> None:
        if self._view is not None:
            self._entitle(self._view)

    def row(self, y: int, width: int) -> Strip:
        view = self._view
        if view is None or y >= self.height_in_rows:
            return Strip([])
        moment = view.moment
        seq = self._seq(y)
        row = event_row(moment.timeline, seq)
        kind = self.style(f"event-log--{row.style}")
        pieces: list[StyledText] = []
        wide = width >= _WIDE
        number = f"{row.seq:>6} " if wide else f"{row.seq:>4} "
        pieces.append((number, self.style("event-log--number")))
        if moment.run.timed or view.paced:
            pieces.append((f"{row.t_ns / 1e9:>8.3f}s ", self.style("event-log--time")))
        if wide:
            slow = row.gap_ns >= _SLOW_NS
            gap_style = self.style("event-log--slow" if slow else "event-log--gap")
            pieces.append((f"{format_ns(row.gap_ns):>7} ", gap_style))
        pieces.append(self._sign(view, seq))
        name = row.type if wide else row.type.replace("content_block_", "")
        name_width = 20 if wide else 14
        pieces.append((f"{row.glyph} ", kind))
        label = wire(name, name_width)
        pieces.append((label + " " * (name_width - cell_len(label)), self.style("event-log--type")))
        index = "" if row.index < 0 else str(row.index)
        pieces.append((f"{index:>3}  ", self.style("event-log--number")))
        used = sum(cell_len(text) for text, _ in pieces)
        if row.what:
            what = wire(row.what, min(14, max(width - used, 0)))
            pieces.append((f"{what}  ", kind))
            used += cell_len(what) + 2
        payload = self.style("event-log--payload")
        searcher = view.found.searcher
        if searcher is not None and searcher.is_hit(seq):
            payload = payload + self.style("event-log--hit")
        pieces.append((wire(row.payload, width - used), payload))
        strip = strip_of(pieces, width)
        if moment.travelling and seq == moment.count - 1:
            strip = strip.adjust_cell_length(width)
            cursor = self.style("event-log--cursor")
            return strip_of([(text, (own or Style()) + cursor) for text, own, _ in strip])
        if moment.travelling and seq >= moment.count:
            dim = Style(dim=True)
            return strip_of([(text, (own or Style()) + dim) for text, own, _ in strip])
        return strip

    def _sign(self, view: EventsView, seq: int) -> StyledText:
        """Return what stands before the kind: an anomaly, a mark, a match."""
        if seq in view.found.marks:
            return "\u25b6", self.style("event-log--mark")
        if seq in self._flagged:
            return "\u26a0", self.style("event-log--anomaly")
        if seq in view.evidence:
            return "\u25b2", self.style("event-log--evidence")
        searcher = view.found.searcher
        if searcher is not None and searcher.is_hit(seq):
            return "\u2022", self.style("event-log--hit")
        return " ", None

    # --- moving -------------------------------------------------------------------------------

    def _go(self, count: int) -> None:
        self._aim, self._patience = count, _PATIENCE
        self.post_message(self.Moved(count))

    def action_move(self, step: int) -> None:
        """Move the cursor by `step` rows."""
        view = self._view
        if view is None or not self.height_in_rows:
            return
        moment = view.moment
        aim = (moment.count if moment.travelling else _LIVE) if self._aim is None else self._aim
        if aim == _LIVE and step > 0:
            return
        here = self._row_of((moment.head if aim == _LIVE else aim) - 1)
        target = min(max(here + step, 0), self.height_in_rows - 1)
        self._go(self._seq(target) + 1)

    def action_page(self, direction: int) -> None:
        """Move the cursor by a page."""
        self.action_move(direction * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        """Go to the first event."""
        if self.height_in_rows:
            self._go(self._seq(0) + 1)

    def action_last(self) -> None:
        """Go to the live end and follow."""
        self._aim, self._patience = _LIVE, _PATIENCE
        self.action_bottom()
        self.post_message(self.Followed())

    async def action_detail(self) -> None:
        """Have the event at the cursor shown in full, once the cursor is where it is to be."""
        self._opens = self._aim is not None
        if not self._opens:
            await self.app.run_action("open('detail')")

    def on_click(self, event: events.Click) -> None:
        """Show the state as of the event that was clicked."""
        if self._view is None or self.text_selection is not None:
            return
        place = event.get_content_offset(self)
        y = -1 if place is None else place.y + self.scroll_offset.y
        if 0 <= y < self.height_in_rows and event.chain == 1:
            self._go(self._seq(y) + 1)


def _nothing(view: EventsView) -> str:
    """Return why there are no rows, and what can be done."""
    if view.found.filter and view.moment.head:
        return "No event matches the filter\nbackspace shows all of them"
    return "No event arrived" if view.moment.done else _WAITING
