"""Text diffs: both texts can be read back out of one, and swapping them mirrors it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.compare import text_diff as module
from tui.compare.align import Effort
from tui.compare.text_diff import (
    LINE_CHARS,
    LINE_COUNT,
    WORD_CHARS,
    First,
    TextDiff,
    first_difference,
    text_diff,
)
from tui.core.steps import finish

WORDS = st.sampled_from(["a", "be", "sea", ",", " ", "\n", "\t", "\u65e5", "e\u0301", "\r", "\x1b"])
TEXTS = st.lists(WORDS, max_size=40).map("".join) | st.text(max_size=40)


def diff(left: str, right: str, effort: Effort | None = None) -> TextDiff:
    return finish(text_diff(left, right, effort))


def sides(result: TextDiff) -> tuple[str, str]:
    """Read both texts out of the lines of a diff."""
    left = [line for band in result.bands for line in band.left]
    right = [line for band in result.bands for line in band.right]
    return "\n".join(left), "\n".join(right)


def shown(left: str, right: str) -> list[str]:
    """Write a diff as lines: ` ` equal, `-` removed, `+` added, `~` changed with [old|new]."""
    out = []
    for band in diff(left, right).bands:
        if band.kind == "changed":
            pieces = (p.left if p.equal else f"[{p.left}|{p.right}]" for p in band.pieces)
            out.append("~" + "".join(pieces))
        else:
            mark = {"equal": " ", "removed": "-", "added": "+"}[band.kind]
            out += [mark + line for line in band.left or band.right]
    return out


# --- laws -----------------------------------------------------------------------------------------


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_back(left: str, right: str) -> None:
    result = diff(left, right)
    assert result.equal == (left == right)
    assert (result.left.chars, result.right.chars) == (len(left), len(right))
    if result.equal:
        assert result.bands == ()
        return
    assert sides(result) == (left, right)
    assert any(band.kind != "equal" for band in result.bands)
    for band in result.bands:
        if band.kind == "changed":
            assert "".join(piece.left for piece in band.pieces) == band.left[0]
            assert "".join(piece.right for piece in band.pieces) == band.right[0]
            assert any(not piece.equal for piece in band.pieces)
        if band.kind == "equal":
            assert band.left == band.right


@given(TEXTS, TEXTS)
def test_swapping_mirrors(left: str, right: str) -> None:
    assert diff(right, left) == diff(left, right).mirrored()
    assert diff(left, right).mirrored().mirrored() == diff(left, right)


@given(TEXTS, TEXTS, st.integers(0, 50))
def test_so_it_is_with_little_effort_and_without_words(left: str, right: str, effort: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WORD_CHARS", 20)
        patch.setattr(module, "_PAIRS", 2)
        patch.setattr(module, "_TURN", 1)
        result = diff(left, right, Effort(effort))
        assert result.equal or sides(result) == (left, right)
        assert diff(right, left, Effort(effort)) == result.mirrored()


@given(TEXTS, TEXTS)
def test_the_first_difference_is_where_the_texts_part(left: str, right: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STRIDE", 3)
        result = finish(first_difference(left, right))
    assert result.equal == (left == right)
    if result.first is not None:
        line, offset, *_ = result.first
        assert left[:offset] == right[:offset]
        assert left[offset : offset + 1] != right[offset : offset + 1]
        assert line == left[:offset].count("\n") + 1


# --- lines and words ------------------------------------------------------------------------------


def test_a_changed_word_is_marked_in_its_line() -> None:
    assert shown("one\nthe quick fox\nthree", "one\nthe slow fox\nthree") == [
        " one",
        "~the [quick|slow] fox",
        " three",
    ]


def test_a_blank_between_two_changes_is_part_of_them() -> None:
    assert shown("keep a b this", "keep x y this") == ["~keep [a b|x y] this"]


def test_lines_that_have_little_in_common_are_two_lines() -> None:
    assert shown("alpha beta gamma", "one two three") == ["-alpha beta gamma", "+one two three"]


def test_words_alone_do_not_make_a_line_that_changed() -> None:
    assert shown("abcdefgh i j", "i xxxxxxxxxx abcdefgh yyyyyyyyyyyyyyyyyyyyyyyyyy")[0][0] == "-"


def test_a_new_line_does_not_move_its_neighbours() -> None:
    assert shown("a b c\nd e f", "new words here\na b X\nd e Y") == [
        "+new words here",
        "~a b [c|X]",
        "~d e [f|Y]",
    ]


def test_letters_without_blanks_are_words() -> None:
    assert shown("\u65e5\u672c\u8a9e\u306e", "\u65e5\u672c\u6587\u306e") == [
        "~\u65e5\u672c[\u8a9e|\u6587]\u306e"
    ]


def test_a_mark_stays_with_its_letter() -> None:
    assert shown("say cafe\u0301 now", "say cafe now") == ["~say [cafe\u0301|cafe] now"]


def test_punctuation_stands_alone() -> None:
    assert shown("well, yes", "well. yes") == ["~well[,|.] yes"]


def test_many_lines_are_paired_in_order() -> None:
    left = "\n".join(f"row {number} old" for number in range(60))
    right = "\n".join(f"row {number} new" for number in range(60))
    lines = shown(left, right)
    assert lines[0] == "~row 0 [old|new]"
    assert len(lines) == 60
    right = "\n".join(f"{number}" * 3 for number in range(60))
    assert [line[0] for line in shown(left, right)] == ["-"] * 60 + ["+"] * 60


# --- bounds ---------------------------------------------------------------------------------------


def test_long_texts_are_compared_by_lines() -> None:
    left = "a b c\n" * (WORD_CHARS // 6) + "the end of it"
    result = diff(left, left + "!")
    assert result.mode == "lines"
    assert [band.kind for band in result.bands] == ["equal", "removed", "added"]
    assert sides(result) == (left, left + "!")


@pytest.mark.parametrize("text", ["x" * LINE_CHARS, "x\n" * LINE_COUNT])
def test_longer_ones_are_read_to_the_first_difference(text: str) -> None:
    result = diff(text + "old", text + "new")
    assert result.mode == "first"
    assert result.bands == ()
    assert result.first is not None
    assert result.first.offset == len(text)
    assert result.first.line == text.count("\n") + 1
    assert result.first.left.endswith("old")
    assert result.first.right.endswith("new")
    assert diff(text + "new", text + "old") == result.mirrored()
    assert diff(text + "old", text + "old").equal


def test_the_first_difference_may_be_an_end() -> None:
    result = finish(first_difference("ab", "abc"))
    assert result.first == First(1, 2, "ab", "abc")
