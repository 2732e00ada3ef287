"""Where the rows of a line begin."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tui.core.text import one_line
from tui.widgets.row_starts import row_starts


def rows_of(text: str, first: int, others: int, least: int = 0) -> list[str]:
    starts = row_starts(text, first, others, one_line, least=least)
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


@given(
    st.text(alphabet="ab ,\u6f22\u00e9\x1b", max_size=120),
    st.integers(2, 30),
    st.integers(2, 30),
    st.sampled_from([0, 33]),
)
@example("aa aa\u6f22", 6, 3, 33)
def test_rows_fit_and_nothing_is_lost(text: str, width: int, less: int, least: int) -> None:
    room = max(width - less, 2)
    rows = rows_of(text, width, room, least)
    assert "".join(rows) == text
    assert all(rows) or not text
    for number, row in enumerate(rows):
        cells = sum(2 if char == "\u6f22" else 1 for char in row)
        # The blank at which a row ends may stand at the edge, where it is not drawn.
        assert cells - row.endswith(" ") <= (room if number else width)


def test_words_stay_whole_where_they_have_room() -> None:
    assert rows_of("one two three", 8, 6) == ["one two ", "three"]
    assert rows_of("  \u6f22\u5b57 two three", 8, 6) == ["  \u6f22\u5b57 ", "two ", "three"]
    assert rows_of("    indented", 6, 6) == ["    in", "dented"]
    assert rows_of('"k": abcdefghijkl', 9, 9, 60) == ['"k": abcd', "efghijkl"]
    assert rows_of("", 5, 5) == [""]


def test_code_is_cut_behind_a_sign_rather_than_in_a_word() -> None:
    code = 'levels = pd.read_csv("gauges.csv", index_col="day")'
    cut = ["levels = pd.read_csv(", '"gauges.csv", ', 'index_col="day")']
    assert rows_of(code, 31, 25, 33) == cut
    assert rows_of("levels = pd.read_csv(\u6f22(gauges.csv)", 31, 25, 33)[1:] == ["gauges.csv)"]
    # Not behind one in the first half, nor between two signs.
    assert rows_of("f(abcdefghijklmnop", 12, 12, 33) == ["f(abcdefghij", "klmnop"]
    assert rows_of("abcdefghij===k", 12, 12, 33) == ["abcdefghij==", "=k"]
    # In prose signs are no place to end a row.
    assert rows_of("abcdefgh,ijklmnop", 12, 12) == ["abcdefgh,ijk", "lmnop"]


def test_marks_that_take_no_cells_make_no_endless_row() -> None:
    rows = rows_of("a" + "\u0301" * 500, 4, 4)
    assert "".join(rows) == "a" + "\u0301" * 500


def test_what_is_written_out_takes_its_cells() -> None:
    # Three of these are 24 cells.
    assert len(rows_of("\u202e" * 9, 24, 24)) == 3
