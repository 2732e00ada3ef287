"""The rows of all runs, each made when it is looked at and kept until it changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from tui.viewmodel.run_filter import RunFilter
from tui.viewmodel.run_rows import (
    COLUMNS,
    MAY_BE_EMPTY,
    KeptRows,
    RunEntry,
    RunRow,
    Sort,
    run_rows,
)
from tui.viewmodel.run_titles import RunTitles
from tui.viewmodel.run_totals import Code, Tally, Totals, share_of


class RunTable:
    """What the list of runs draws from. A look at a row costs the same however many there are."""

    def __init__(self, entry_of: Callable[[Hashable], RunEntry]) -> None:
        """`entry_of` tells what is known of a run now, by its key."""
        self.keys: list[Hashable] = []
        """All runs in the order of their numbers, looked at or not."""
        self.titles = RunTitles()
        self.empty = frozenset(MAY_BE_EMPTY)
        """The columns that had nothing to say of any row so far."""
        self._entry_of = entry_of
        self._rows: dict[Hashable, RunRow] = {}
        self._kept: KeptRows = {}
        self._tally = Tally()
        self._changed: set[Hashable] = set()
        self._values: dict[Hashable, Any] = {}
        """What the rows are sorted by."""
        self._sort: Sort | None = None
        self._filter = RunFilter()
        self._fitting: set[Hashable] = set()
        """The rows that fit a filter, where there is one."""

    def arrange(self, keys: list[Hashable]) -> None:
        """Say which runs there are."""
        # As a rule runs only come: then there is none to take away.
        grown = keys[: len(self.keys)] == self.keys
        for key in () if grown else self._rows.keys() - set(keys):
            share = share_of(self._rows.pop(key))
            self._values.pop(key, None)
            self._fitting.discard(key)
            self._changed.add(key)
            if share is not None:
                self._tally.remove(share)
        self.keys = keys

    def look(self, key: Hashable) -> RunRow:
        """Return the row of a run as it is now."""
        return self.put(run_rows([self._entry_of(key)], self._kept)[0])

    def put(self, row: RunRow) -> RunRow:
        """Take a row in the place of the one with its key."""
        before = self._rows.get(row.key)
        if before == row:
            return row
        self._rows[row.key] = row
        if before is None or before.title != row.title:
            self.titles.add(row.title)
        if told := [name for name in self.empty if MAY_BE_EMPTY[name](row)]:
            self.empty -= set(told)
        self._changed.add(row.key)
        if self._sort is not None:
            self._values[row.key] = COLUMNS[self._sort].value(row)
        if self._filter.text:
            self._note_fit(row)
        old, new = None if before is None else share_of(before), share_of(row)
        if old != new:
            if old is not None:
                self._tally.remove(old)
            if new is not None:
                self._tally.add(new)
        return row

    def row(self, key: Hashable) -> RunRow:
        """Return the row of a run as it was looked at last."""
        known = self._rows.get(key)
        return self.look(key) if known is None else known

    @property
    def unseen(self) -> int:
        """How many runs were never looked at."""
        return len(self.keys) - len(self._rows)

    def totals(self) -> Totals:
        """Return what the runs add up to. Of those that were never looked at nothing has come."""
        return self._tally.totals(self.unseen)

    def codes(self) -> dict[Code, int]:
        """Return how many rows have each finding above `info`."""
        return self._tally.codes()

    def filter_by(self, wanted: RunFilter) -> None:
        """Tell only of rows that fit, in `wanted` and `sorted_keys`."""
        if wanted is not self._filter:
            self._filter = wanted
            self._fitting.clear()
            for row in self._rows.values() if wanted.text else ():
                self._note_fit(row)

    def _note_fit(self, row: RunRow) -> None:
        (self._fitting.add if self._filter.matches(row) else self._fitting.discard)(row.key)

    def wanted(self) -> list[Hashable]:
        """Return the keys of the rows that fit the filter, in the order of their numbers."""
        if not self._filter.text:
            return self.keys[:]
        return [key for key in self.keys if key in self._fitting]

    def changes(self) -> set[Hashable]:
        """Return the keys of rows that came, changed or went since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def sorted_keys(self, sort: Sort, reverse: bool = False) -> Sequence[Hashable]:
        """Return what `wanted` does, by a column. Unknown values come last; equals stay."""
        keys = self.wanted()
        if sort == "number":
            return keys[::-1] if reverse else keys
        if sort != self._sort:
            self._sort = sort
            value = COLUMNS[sort].value
            self._values = {key: value(row) for key, row in self._rows.items()}
        values = self._values
        known = [key for key in keys if values.get(key) is not None]
        known.sort(key=values.__getitem__, reverse=reverse)
        if len(known) < len(keys):
            known += [key for key in keys if values.get(key) is None]
        return known
