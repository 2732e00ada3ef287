"""What a sweep tries, and that a search tries all of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sweeps import exhaustive, sampled


@given(st.integers(0, 500), st.integers(6, 100))
def test_a_sample_is_in_order_and_has_the_edges(size: int, most: int) -> None:
    values = range(size)
    found = sampled(values, "a", most)
    assert len(found) == min(size, most)
    assert found == sorted(set(found))
    assert set(found) >= {*values[:3], *values[-3:]}
    assert found == sampled(values, "a", most)


def test_another_key_is_another_sample() -> None:
    assert sampled(range(500), "a") != sampled(range(500), "b")


def test_a_search_tries_every_value() -> None:
    before = settings.get_current_profile_name()
    try:
        settings.load_profile("fuzz")
        assert exhaustive()
        assert sampled(range(500), "a", 6) == list(range(500))
    finally:
        settings.load_profile(before)
