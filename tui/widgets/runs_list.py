"""The list of runs: one row a run, as a process monitor has them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Set
from typing import ClassVar, Final

from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.viewmodel.run_filter import RunFilter
from tui.viewmodel.run_table import RunTable
from tui.viewmodel.runs import (
    COLUMNS,
    SORTS,
    RunRow,
    Sort,
    codes_parts,
    totals_fitting,
    totals_parts,
)
from tui.widgets.line_view import LineView
from tui.widgets.paint import StyledText, strip_of, wire
from tui.widgets.runs_columns import ColumnSlot, aligned, cell_style, columns

RESORT_NS: Final = 1_000_000_000
"""Rows change their places no more often than this, and not so soon after the reader moved."""

_NO_RUNS: Final = "No runs yet. Each request gets a row here: state, latency, rate, tokens"
_NONE_FIT: Final = "No run fits the filter: f changes it, backspace shows all"
_STEADY: Final[frozenset[Sort]] = frozenset({"number", "title"})
_UP: Final = "\u25b2"
_DOWN: Final = "\u25bc"
_RISING: Final[frozenset[Sort]] = frozenset({"number", "state", "title", "why", "model"})
"""Sorted from the smallest or the most severe at first. Of the others one looks for the largest."""


class RunsList(LineView):
    """A row of heads that stays, and a row a run below it. The cursor is on the run in the panes.

    Rows are told by their key, so that none moves under the reader: new ones come in at the end or
    where they are sorted, and the view stays on what it shows.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "runs--head",
        "runs--sorted",
        "runs--number",
        "runs--plain",
        "runs--muted",
        "runs--good",
        "runs--warning",
        "runs--bad",
        "runs--title",
        "runs--value",
        "runs--cursor",
    }

    BINDINGS = [
        ("j,down", "move(1)", "Next run"),
        ("k,up", "move(-1)", "Previous run"),
        ("pagedown", "page(1)", "Page down"),
        ("pageup", "page(-1)", "Page up"),
        ("g,home", "first", "First run"),
        ("G,end", "last", "Last run"),
        ("enter", "open", "Show the run"),
        ("s", "sort", "Sort by the next column"),
        ("S", "reverse", "Turn the order round"),
        ("f", "app.find('ask', 'runs')", "Filter the runs"),
        ("backspace", "show_all", "Show all runs again"),
    ]

    class Picked(Message):
        """The reader wants to see the run with this key; `opened` is whether by enter."""

        def __init__(self, key: Hashable, opened: bool = False) -> None:
            super().__init__()
            self.key = key
            self.opened = opened

    placeholder = _NO_RUNS

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.sort: Sort = "number"
        self.reverse = False
        self.filter = RunFilter()
        self._table: RunTable | None = None
        self._keys: list[Hashable] = []
        """The runs in the order of their numbers, as they were drawn last."""
        self._dirty = False
        """Whether rows have changed since they were sorted."""
        self._order: Sequence[Hashable] = []
        self._at: dict[Hashable, int] = {}
        """ColumnSlot of each key in the order."""
        self._shown: Hashable | None = None
        self._cursor: Hashable | None = None
        self._now_ns = 0
        self._sorted_ns = self._picked_ns = -RESORT_NS
        self._digits = 0
        self._drawn: object = None
        """What all rows depend on, as they were drawn last."""
        self._kept_in_view = True
        """Whether the cursor is in view, and therefore kept there."""
        self.follow = False

    def validate_follow(self, follow: bool) -> bool:
        """A list of runs has no tail to follow."""
        return False

    def show(self, table: RunTable, shown_key: Hashable | None, now_ns: int) -> None:
        """Draw the rows of a table. `now_ns` is the time on any clock that only rises."""
        self._now_ns = now_ns
        self._table = table
        rows = table.changes()
        changed = bool(rows)
        self._dirty |= changed
        others = table.keys is not self._keys
        due = now_ns - self._sorted_ns >= RESORT_NS and self.text_selection is None
        anew = others or (due and self._dirty)
        if anew:
            self._keys = table.keys
            self._arrange(sort=due or self.sort in _STEADY)
        if shown_key != self._cursor and not self._is_pending(shown_key):
            anew = True
            self._cursor = shown_key
            if self._kept_in_view and shown_key is not None:
                self._reveal(shown_key)
        self._shown = shown_key
        digits = len(str(table.row(table.keys[-1]).number)) if table.keys else 1
        if changed or anew:
            self._entitle()
        drawn = (digits, table.empty, table.titles.version)
        if anew or drawn != self._drawn:
            self._digits, self._drawn = digits, drawn
            self.refresh()
        elif changed:
            self._refresh_rows(rows)
        self._note_view()

    def _refresh_rows(self, keys: Set[Hashable]) -> None:
        """Draw those of these rows again that are in view."""
        for line, key in enumerate(self.keys_in_view(), 1):
            if key in keys:
                self.refresh(Region(0, line, self.size.width, 1))

    def keys_in_view(self) -> list[Hashable]:
        """Return the runs whose rows are seen."""
        top = self.scroll_offset.y
        return list(self._order[top : top + self._page])

    def _is_pending(self, shown_key: Hashable | None) -> bool:
        """Return whether what the reader picked may still be on its way into the panes."""
        fresh = self._now_ns - self._picked_ns < RESORT_NS
        return fresh and shown_key == self._shown and self._cursor in self._at

    # --- order --------------------------------------------------------------------------------

    def _arrange(self, *, sort: bool, anchored: bool = True) -> None:
        """Put the rows in order. What the reader looks at stays where it is."""
        # Who looks at the first rows of a ranking looks at the first rows, whichever they are.
        anchored = anchored and (self.scroll_offset.y > 0 or self.sort in _STEADY)
        anchor = self._anchor() if anchored else None
        line = 0 if anchor is None else self._at[anchor] - self.scroll_offset.y
        assert self._table is not None
        self._table.filter_by(self.filter)
        if sort:
            self._sorted_ns, self._dirty = self._now_ns, False
            self._order = self._table.sorted_keys(self.sort, self.reverse)
        else:
            wanted = self._table.wanted()
            there = set(wanted)
            kept = [key for key in self._order if key in there]
            self._order = kept + [key for key in wanted if key not in self._at]
        self.placeholder = _NONE_FIT if self._keys and not self._order else _NO_RUNS
        self._at = {key: place for place, key in enumerate(self._order)}
        self.set_height(len(self._order) + 1 if self._order else 0)
        if anchor is not None and anchor in self._at:
            self._scroll(self._at[anchor] - line)

    def _anchor(self) -> Hashable | None:
        """Return the row that must not move: the cursor's, or where that is out of view the top."""
        if self._in_view(self._cursor):
            return self._cursor
        top = self.scroll_offset.y
        return self._order[top] if top < len(self._order) else None

    def _resort(self) -> None:
        """Sort at once, and show the first: the reader asked for it."""
        if self._table is None:
            return
        self._arrange(sort=True, anchored=False)
        self._scroll(0)
        self._entitle()
        self.refresh()

    def action_sort(self) -> None:
        """Sort by the next column."""
        place = SORTS.index(self.sort)
        self._sort_by(SORTS[(place + 1) % len(SORTS)])

    def _sort_by(self, sort: Sort) -> None:
        self.sort = sort
        self.reverse = sort not in _RISING
        self._resort()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.reverse = not self.reverse
        self._resort()

    def filter_by(self, text: str) -> None:
        """Show only the runs that fit a text: see RunFilter; an empty one shows all."""
        self.filter = RunFilter(text)
        self._resort()

    def action_show_all(self) -> None:
        """Show all runs again."""
        self.filter_by("")

    # --- the view -----------------------------------------------------------------------------

    def _note_view(self) -> None:
        # Hidden, it has no rows in view, and keeps what it is to do when it is back.
        if self._page:
            self._kept_in_view = self._cursor is None or self._in_view(self._cursor)

    def _in_view(self, key: Hashable | None) -> bool:
        if key is None or key not in self._at:
            return False
        place, top = self._at[key], self.scroll_offset.y
        return top <= place < top + self._page

    @property
    def _page(self) -> int:
        """Rows in view below the heads."""
        return max(self.size.height - 1, 0)

    def _reveal(self, key: Hashable) -> None:
        """Have a run in view."""
        if self._page and key in self._at and not self._in_view(key):
            # The heads cover one row more than the view reckons with.
            line = self._at[key] + 1
            self.show_row(line - 1 if line <= self.scroll_offset.y + 1 else line)

    def _scroll(self, top: int) -> None:
        if top != self.scroll_offset.y:
            self.scroll_to(y=max(top, 0), animate=False, force=True, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._note_view()

    def on_resize(self) -> None:
        if self._kept_in_view and self._cursor is not None:
            self._reveal(self._cursor)
        self._entitle()

    def _entitle(self) -> None:
        sign = _DOWN if self.reverse else _UP
        head = COLUMNS[self.sort].head
        parts = [f"Runs \u00b7 by {'number' if head == '#' else head} {sign}"]
        if self.filter.text:
            some = f"{len(self._order)} of {len(self._keys)}"
            parts.append(f"filter: {wire(self.filter.text, 24)} ({some})")
        room = self.size.width - 4
        table = self._table
        title = totals_fitting(
            parts if table is None else [*parts, *codes_parts(table.codes())], room
        )
        below = "" if table is None else totals_fitting(totals_parts(table.totals()), room)
        if self.border_title != title:
            # As content: what runs are filtered by may look like markup.
            vars(Widget)["border_title"].__set__(self, Content(title))
        if self.border_subtitle != below:
            self.border_subtitle = below

    # --- drawing ------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        # The heads are the first row, and stay when the others are scrolled.
        return super().render_line(y if y else -self.scroll_offset.y)

    def row(self, y: int, width: int) -> Strip:
        if y == 0:
            return self._heads(width)
        assert self._table is not None
        row = self._table.row(self._order[y - 1])
        pieces: list[StyledText] = []
        for column in self._columns(width):
            text, style = self._cell(row, column)
            if row.replaced:
                style = style + Style(dim=True)
            pieces.append((text, style))
            pieces.append((" ", None))
        strip = strip_of(pieces[:-1], width)
        if row.key != self._cursor:
            return strip
        cursor = self.style("runs--cursor")
        strip = strip.adjust_cell_length(width)
        return strip_of([(text, (own or Style()) + cursor) for text, own, _ in strip])

    def _columns(self, width: int) -> tuple[ColumnSlot, ...]:
        table = self._table
        # What the rows are sorted by is seen, even if they say nothing of it.
        empty = frozenset() if table is None else table.empty - {self.sort}
        return columns(width, self._digits, empty)

    def _heads(self, width: int) -> Strip:
        pieces: list[StyledText] = []
        for column in self._columns(width):
            head = COLUMNS[column.name].head
            style = "runs--head"
            if column.name == self.sort:
                sign = _DOWN if self.reverse else _UP
                head = f"{sign}{head}" if COLUMNS[column.name].right else f"{head} {sign}"
                style = "runs--sorted"
            pieces.append((aligned(head, column), self.style(style)))
            pieces.append((" ", None))
        return strip_of(pieces[:-1], width)

    def _cell(self, row: RunRow, column: ColumnSlot) -> tuple[str, Style]:
        text = COLUMNS[column.name].text(row)
        if column.name == "title" and self._table is not None:
            text = self._table.titles.fitted(text, row.about, column.width)
        else:
            text = wire(text, column.width)
        return aligned(text, column), self.style(f"runs--{cell_style(row, column.name, text)}")

    # --- the reader ---------------------------------------------------------------------------

    def _pick(self, place: int, *, opened: bool = False) -> None:
        if not self._order:
            return
        key = self._order[min(max(place, 0), len(self._order) - 1)]
        self._cursor = key
        self._picked_ns = self._now_ns
        # The order rests while the reader moves in it.
        self._sorted_ns = max(self._sorted_ns, self._now_ns)
        self._reveal(key)
        self.refresh()
        self.post_message(self.Picked(key, opened))

    def _here(self) -> int:
        return -1 if self._cursor is None else self._at.get(self._cursor, -1)

    def action_move(self, step: int) -> None:
        """Show the run `step` rows further down."""
        self._pick(self._here() + step)

    def action_page(self, direction: int) -> None:
        """Show the run a page further."""
        self._pick(self._here() + direction * max(self._page - 1, 1))

    def action_first(self) -> None:
        """Show the run in the first row."""
        self._pick(0)

    def action_last(self) -> None:
        """Show the run in the last row."""
        self._pick(len(self._order) - 1)

    def action_open(self) -> None:
        """Show the run at the cursor, and leave the list for it."""
        self._pick(self._here(), opened=True)

    def on_click(self, event: events.Click) -> None:
        """Show the run in the row that was clicked, or sort by the head."""
        place = event.get_content_offset(self)
        if place is None or self.text_selection is not None:
            return
        if place.y == 0 and self._order:
            self._click_head(place.x)
        elif 0 < place.y + self.scroll_offset.y <= len(self._order):
            self._pick(place.y + self.scroll_offset.y - 1)

    def _click_head(self, x: int) -> None:
        places = self._columns(self.row_width)
        name = [place.name for place in places if place.start <= x][-1]
        if name == self.sort:
            self.action_reverse()
        else:
            self._sort_by(name)
