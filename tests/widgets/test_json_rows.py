"""Where the rows of growing JSON begin."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.core.partial_json import PartialJson
from tui.widgets import json_rows
from tui.widgets.json_rows import JsonRows
from tui.widgets.row_starts import row_starts

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet="ab \u6f22\n", max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("k", max_size=3), inner),
    max_leaves=8,
)


def shown(rows: JsonRows) -> list[str]:
    return ["".join(span.text for span in rows.spans(*rows.part(y))) for y in range(rows.height)]


@given(value=VALUES, width=st.integers(4, 60), size=st.integers(1, 20))
def test_rows_of_what_grows_are_those_of_the_whole(value: object, width: int, size: int) -> None:
    text = json.dumps(value, ensure_ascii=False)
    growing = PartialJson(width)
    rows = JsonRows(growing, width)
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
    at_once = JsonRows(whole, width)
    at_once.measure(whole.line_count())
    assert shown(rows) == shown(at_once)
    lines = ["".join(span.text for span in whole.line(n)) for n in range(whole.line_count())]
    assert "".join(shown(rows)) == "".join(lines)
    for line, words in enumerate(lines):
        first = rows.top(line)
        assert rows.part(first) == (line, 0)
        assert rows.row_of(line, 0) == first
        assert rows.row_of(line, len(words)) == rows.top(line + 1) - 1


def long_line(text: str, width: int, size: int) -> tuple[JsonRows, int]:
    """The rows of a string that arrived bit by bit, and how many of its code points were read."""
    json_text = json.dumps({"key": text}, ensure_ascii=False)
    layout = PartialJson(width)
    rows = JsonRows(layout, width)
    settled = 0
    for start in range(0, len(json_text), size):
        layout.feed(json_text[start : start + size])
        rows.forget(settled)
        rows.measure(layout.line_count())
        settled = layout.settled_count()
    return rows, len(json_text)


@pytest.mark.parametrize(
    "words", ["plain words ", "\u6f22\u5b57 mixed words ", "nothing-to-break-at"]
)
def test_a_long_line_is_cut_at_the_width_and_not_in_a_word(words: str) -> None:
    rows, size = long_line(words * 400, 40, 900)
    found = shown(rows)
    assert "".join(found).count(words[:-1]) == 400
    for row in found[2:-2]:
        assert 36 - len(words) * 2 < cell_len(row.rstrip()) <= 36
        assert row.endswith(" ") or " " not in words
    assert size // 36 < rows.height


def test_what_grows_is_not_read_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []

    def counted(text: str, *args: object, **more: object) -> list[int]:
        looked_at.append(len(text))
        return row_starts(text, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(json_rows, "row_starts", counted)
    _, size = long_line("some words " * 5_000, 40, 500)
    assert sum(looked_at) < 2 * size
