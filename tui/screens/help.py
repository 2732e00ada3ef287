"""The help: what the keys do, in two columns where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from textwrap import wrap
from typing import Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

KeyGroup = tuple[str, Sequence[tuple[str, str]]]
"""A title, and under it keys and what each does."""

_TWO_COLUMNS: Final = 96
_COLUMN: Final = 52
_BETWEEN: Final = 3


class Help(ModalScreen[None]):
    """A list of keys over the dashboard. Any of esc, q, ? closes it."""

    BINDINGS = [
        ("escape,q,question_mark,f1", "dismiss", "Close"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, groups: Sequence[KeyGroup]) -> None:
        super().__init__()
        self._groups = groups
        self._text = Static("", markup=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            yield self._text

    def on_resize(self) -> None:
        """Lay the keys out for this width."""
        width = self.app.size.width
        roomy = width >= _TWO_COLUMNS
        column = _COLUMN if roomy else max(min(_COLUMN, width - 8), 16)
        keys = max(len(key) for _, rows in self._groups for key, _ in rows) + 2
        blocks = [_block(group, keys, column) for group in self._groups]
        total = 2 * column + _BETWEEN if roomy else column
        self.query_one("#help").styles.width = total + 6
        if not roomy:
            self._text.update(Content("\n").join(line for block in blocks for line in block))
            return
        # Whole groups stand in a column; the longer column is as short as can be.
        sums = list(accumulate(map(len, blocks)))
        split = min(
            range(1, len(sums) + 1),
            key=lambda place: max(sums[place - 1], sums[-1] - sums[place - 1]),
        )
        left = [line for block in blocks[:split] for line in block]
        right = [line for block in blocks[split:] for line in block]
        rows = max(len(left), len(right))
        blank = Content("")
        left += [blank] * (rows - len(left))
        right += [blank] * (rows - len(right))
        pairs = zip(left, right, strict=True)
        beside = (one.pad_right(column + _BETWEEN - one.cell_length) + two for one, two in pairs)
        self._text.update(Content("\n").join(beside))


def _block(group: KeyGroup, keys: int, width: int) -> list[Content]:
    """Return a group as lines of at most `width` cells: what is long goes on below itself."""
    title, rows = group
    lines = [Content.styled(title, "bold $text-muted")]
    for key, what in rows:
        first, *more = wrap(what, max(width - keys, 8)) or [""]
        lines.append(Content.assemble((f"{key:<{keys}}", "$accent"), first))
        lines += [Content(" " * keys + part) for part in more]
    return [*lines, Content("")]
