"""The fuzz targets, for a moment each, and the runner that searches for longer."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.__main__ import main, search
from tests.fuzz.targets import laws, names


@pytest.mark.parametrize("name", names())
def test_no_law_is_broken_at_once(name: str) -> None:
    found = laws(name)
    assert found
    for law in found:
        law()


def test_the_search_goes_on_until_the_time_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    drawn: list[int] = []

    @given(st.integers(0, 10**9))
    def anything(number: int) -> None:
        drawn.append(number)

    clock = count()
    assert search("target", [anything], None, 2, lambda: float(next(clock)))
    assert "no law broken" in capsys.readouterr().out
    assert len(set(drawn)) > 40  # One seed after another, not one again and again.


def test_a_broken_law_is_told_with_the_seed_that_shows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @given(st.integers(0, 10**9))
    def small(number: int) -> None:
        assert number < 1_000

    assert not search("target", [small], 7, 0, lambda: 0.0)
    out = capsys.readouterr().out
    assert "again: python -m tests.fuzz target --seed 7" in out
    assert "number=1_000" in out or "number=1000" in out


def test_a_target_that_is_not_there() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["nothing"])
    assert stopped.value.code == 2
