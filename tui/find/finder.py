"""What the reader looks for in the shown run: a filter, a search, and marks of their own."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.core.session import Run

# The engines are imported when somebody looks for something: not before the first paint.
if TYPE_CHECKING:
    from tui.find.query import Filter, Matcher
    from tui.find.search import Searcher

_SLICE_S: Final = 0.003


class FinderView(NamedTuple):
    """What the reader looks for, and what of it was found."""

    rows: array[int] | None = None
    """The events that match the filter, None without one."""
    filter: str = ""
    searcher: Searcher | None = None
    search: str = ""
    progress: float = 1.0
    marks: frozenset[int] = frozenset()


class Finder:
    """Keeps filter and search up to date with the shown run, a few milliseconds at a time."""

    def __init__(self) -> None:
        self.filter: Filter | None = None
        self.needle = ""
        self._run: Run | None = None
        self._matcher: Matcher | None = None
        self._searcher: Searcher | None = None
        self._marks: dict[Run, set[int]] = {}

    def set_filter(self, text: str) -> None:
        """Show only what matches; an empty text shows everything. Raises FilterError."""
        from tui.find.query import parse_filter

        parsed = parse_filter(text)
        self.filter = None if parsed.is_empty else parsed
        self._matcher = None

    def set_search(self, text: str, run: Run) -> None:
        """Look for text, or `re:` and an expression; empty for nothing. Raises SearchError."""
        from tui.find.search import Searcher

        searcher = Searcher(text, run) if text else None
        self.needle, self._searcher = text, searcher

    def marks(self, run: Run) -> set[int]:
        """Return the reader's marks in a run."""
        return self._marks.setdefault(run, set())

    def toggle_mark(self, run: Run, seq: int) -> bool:
        """Mark an event, or take its mark away; return whether it is marked now."""
        marks = self.marks(run)
        marks ^= {seq}
        return seq in marks

    def turn_to(self, run: Run) -> None:
        """Look at this run from now on."""
        if run is not self._run:
            self._run, self._matcher = run, None
            if self._searcher is not None:
                self.set_search(self.needle, run)
        if self.filter is not None and self._matcher is None:
            from tui.find.query import Matcher

            self._matcher = Matcher(self.filter, run, self.marks(run))

    def advance(self, run: Run) -> bool:
        """Look at what is new in the shown run; return whether nothing is left to look at."""
        self.turn_to(run)
        stop = _stop_after(_SLICE_S)
        done = self._matcher is None or self._matcher.advance(stop)
        if self._searcher is not None:
            done &= self._searcher.advance(stop)
        return done

    def found(self, run: Run) -> FinderView:
        """Return what the log of a run shows of all this."""
        return FinderView(
            rows=self.rows,
            filter=self.filter.text if self.filter else "",
            searcher=self.searcher,
            search=self.needle,
            progress=self.progress,
            marks=frozenset(self.marks(run)),
        )

    @property
    def rows(self) -> array[int] | None:
        """The events that match the filter, ascending; None without one."""
        return self._matcher.matches if self._matcher is not None else None

    @property
    def searcher(self) -> Searcher | None:
        """The search, None without one."""
        return self._searcher

    @property
    def progress(self) -> float:
        """How much of the run was looked at, 0 to 1."""
        parts = [part.progress for part in (self._matcher, self._searcher) if part is not None]
        return min(parts, default=1.0)


def _stop_after(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end
