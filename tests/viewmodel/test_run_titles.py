"""What runs are called in a list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.viewmodel.run_titles import RunTitles, end_cut, middle_cut

TITLES = st.lists(st.text("ab/ -.\u6f22", max_size=20).map("recorded-answers/".__add__), min_size=1)


def titles(*names: str) -> RunTitles:
    found = RunTitles()
    for name in names:
        found.add(name)
    return found


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["a-long-name/x.sse"], ""),
        (["a-long-name/x.sse"] * 2, ""),
        (["a-long-name/x.sse", "a-long-name/y.sse"], "a-long-name/"),
        (["talk-of-today.jsonl r1", "talk-of-today.jsonl r2"], "talk-of-today.jsonl "),
        (["recorded-1.sse", "recorded-1.sse (did not stream)"], ""),
        (["a-longer-name-1", "a-longer-name-1-2"], "a-longer-name-"),
        (["a-long-name/x.sse", "other"], ""),
        (["short/x", "short/y"], ""),
    ],
)
def test_what_all_begin_with_is_cut_behind_a_word(names: list[str], common: str) -> None:
    assert titles(*names).common == common


@given(TITLES, st.text("ab \u6f22", max_size=30), st.integers(1, 60))
def test_a_title_fits_and_says_something(names: list[str], about: str, width: int) -> None:
    known = titles(*names)
    for name in names:
        assert name.startswith(known.common)
        fitted = known.fitted(name, about, width)
        assert cell_len(fitted) <= width
        assert fitted.strip()
        if len(set(names)) > 1:
            assert name != known.common


def test_names_are_cut_in_the_middle_and_prompts_at_the_end() -> None:
    assert middle_cut("recorded-answer-17.sse", 12) == "reco\u2026-17.sse"
    assert end_cut("Why is the sky dark?", 12) == "Why is the\u2026"
    assert middle_cut("\u6f22\u5b57\u6f22\u5b57", 5) == "\u2026\u6f22\u5b57"
    assert RunTitles().fitted("talk.jsonl r1", "Why is the sky dark?", 30) == (
        "talk.jsonl r1 \u00b7 Why is the sk\u2026"
    )
    assert RunTitles().fitted("a \x1b[31m\nb", "c\td", 40).isprintable()


def test_a_sentence_is_cut_at_its_end() -> None:
    assert RunTitles().fitted("Why is the sky dark at night?", "", 14) == "Why is the sk\u2026"


def test_what_the_files_of_a_folder_begin_with_is_left_out_too() -> None:
    names = [f"day-{day}/answer-of-the-gateway-{n}.sse" for day in "12" for n in "45"]
    known = titles("talk.jsonl r1", *names, "day-3/answer-of-the-gateway.sse")
    assert [known.fitted(name, "", 40) for name in names] == [
        "day-1/\u20264.sse",
        "day-1/\u20265.sse",
        "day-2/\u20264.sse",
        "day-2/\u20265.sse",
    ]
    assert known.fitted("day-3/answer-of-the-gateway.sse", "", 40).endswith("gateway.sse")
    assert known.fitted(names[0], "", 8) == "\u20264.sse"
    before = known.version
    known.add("day-1/question.sse")
    assert known.version > before and known.fitted(names[0], "", 40) == names[0]
