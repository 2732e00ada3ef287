"""The fuzz targets, for a moment each, and the runner that searches for longer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import pytest
from hypothesis import given, settings
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


class Runs:
    """Stands for runs of pytest that end with these statuses."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = iter(statuses)
        self.seen: list[tuple[Sequence[str], Mapping[str, str]]] = []

    def __call__(self, arguments: Sequence[str], variables: Mapping[str, str]) -> int:
        self.seen.append((arguments, variables))
        return next(self.statuses)


@pytest.mark.usefixtures("profile")
def test_all_laws_are_searched_until_the_time_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    clock, runs = count(), Runs(0, 0, 0)
    assert main(["laws", "--seconds", "3"], lambda: float(next(clock)), runs) == 0
    (first, variables), *more = runs.seen
    assert len(first) == 1 and variables["HYPOTHESIS_PROFILE"] == "fuzz"
    # Sweeps have no seed: they are made in full once.
    assert [arguments[1:] for arguments, _ in more] == [["-m", "hypothesis"]] * 2
    assert len({arguments[0] for arguments, _ in runs.seen}) == 3
    assert "600 examples of each" in capsys.readouterr().out


@pytest.mark.usefixtures("profile")
def test_all_laws_are_searched_for_100_000_examples_where_no_time_is_told() -> None:
    runs = Runs(*[0] * 500)
    assert main(["laws"], lambda: 0.0, runs) == 0
    assert sum(int(variables["FUZZ_EXAMPLES"]) for _, variables in runs.seen) == 100_000


@pytest.mark.usefixtures("profile")
def test_a_broken_law_of_the_tests_is_told_with_its_seed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = Runs(1)
    assert main(["laws", "--seed", "7"], lambda: 0.0, runs) == 1
    assert runs.seen[0][0] == ["--hypothesis-seed=7"]
    assert "again: python -m tests.fuzz laws --seed 7" in capsys.readouterr().out


@pytest.fixture
def profile() -> Iterator[None]:
    """Has the profile of the tests stand again when a search has loaded its own."""
    before = settings.get_current_profile_name()
    yield
    settings.load_profile(before)
