"""Where the rows of growing JSON begin."""

from __future__ import annotations

import json
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.core.partial_json import PartialJson
from tui.widgets.json_rows import (
    JsonRows,
    Wrapping,
    full_rows,
    hanging_rows,
    narrow_starts,
    wide_starts,
)

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet="ab \u6f22\n", max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("k", max_size=3), inner),
    max_leaves=8,
)
WRAPPINGS: tuple[Wrapping, ...] = (full_rows, partial(hanging_rows, narrow=False))


def shown(rows: JsonRows) -> list[str]:
    return ["".join(span.text for span in rows.spans(*rows.part(y))) for y in range(rows.height)]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@given(value=VALUES, width=st.integers(4, 60), size=st.integers(1, 20))
def test_rows_of_what_grows_are_those_of_the_whole(
    wrapping: Wrapping, value: object, width: int, size: int
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    growing = PartialJson(width)
    rows = JsonRows(growing, width, wrapping)
    settled = 0
    for start in range(0, len(text), size):
        growing.feed(text[start : start + size])
        rows.forget(settled)
        rows.measure(growing.line_count())
        settled = min(growing.settled_count(), growing.line_count())
    growing.finish()
    rows.forget(settled)
    rows.measure(growing.line_count())
    whole = PartialJson(width)
    whole.feed(text)
    whole.finish()
    at_once = JsonRows(whole, width, wrapping)
    at_once.measure(whole.line_count())
    assert shown(rows) == shown(at_once)
    lines = ["".join(span.text for span in whole.line(n)) for n in range(whole.line_count())]
    assert "".join(shown(rows)) == "".join(lines)
    for line, words in enumerate(lines):
        first = rows.top(line)
        assert rows.part(first) == (line, 0)
        assert rows.row_of(line, 0) == first
        assert rows.row_of(line, len(words)) == rows.top(line + 1) - 1


@given(st.text(alphabet="ab ,\u6f22\u00e9", max_size=120), st.integers(2, 30), st.integers(2, 30))
@example("aa aa\u6f22", 6, 3)
def test_rows_fit_and_nothing_is_lost(text: str, width: int, less: int) -> None:
    room = max(width - less, 2)
    for cut in (narrow_starts, wide_starts) if text.isascii() else (wide_starts,):
        starts = cut(text, width, room)
        rows = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
        assert "".join(rows) == text
        assert all(rows) or not text
        for number, row in enumerate(rows):
            cells = sum(2 if char == "\u6f22" else 1 for char in row)
            # The blank at which a row ends may stand at the edge, where it is not drawn.
            assert cells - row.endswith(" ") <= (room if number else width)
