"""What the application sets up once: the garbage collector, and its styles."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from textual.css.stylesheet import Stylesheet
from textual.theme import BUILTIN_THEMES

from tui.dashboard.start import calm_collector, find_styles, lean, leave_alone, read_styles


@pytest.fixture
def own_collector() -> Iterator[None]:
    """Have the collector's thresholds as they were afterwards."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_what_exists_is_not_looked_through(own_collector: None) -> None:
    looked: list[str] = []

    def note(phase: str, _: dict[str, int]) -> None:
        looked.append(phase)

    gc.callbacks.append(note)
    try:
        kept: list[list[int]] = [[] for _ in range(1_000)]
        before = gc.get_freeze_count()
        calm_collector()
        assert gc.get_freeze_count() - before >= len(kept)
        assert gc.get_objects(generation=2) == []
        assert not looked
    finally:
        gc.callbacks.remove(note)


def test_few_new_objects_are_looked_through_at_a_time(own_collector: None) -> None:
    calm_collector()
    young, middle, old = gc.get_threshold()
    assert young * (middle + 1) <= 30_000
    assert young * middle * old >= 400_000


class Ring:
    """Holds itself."""

    def __init__(self) -> None:
        self.ring = self


def test_rings_that_lived_for_a_while_do_not_pile_up(own_collector: None) -> None:
    calm_collector()
    ring = Ring()
    gone = weakref.ref(ring)
    for _ in range(2):
        gc.collect(1)  # It is among the oldest now, which are looked through last.
    del ring
    kept: list[list[int]] = []
    while gone() is not None and len(kept) < 2_000_000:
        kept.append([])
    assert gone() is None


def test_objects_left_alone_are_freed_when_they_go() -> None:
    class Thing:
        gone = 0

        def __del__(self) -> None:
            Thing.gone += 1

    thing = Thing()
    leave_alone()
    del thing
    assert Thing.gone == 1


def _rules(*styles: str) -> str:
    sheet = Stylesheet(variables=BUILTIN_THEMES["textual-dark"].to_color_system().generate())
    for number, part in enumerate(styles):
        sheet.add_source(part, read_from=("styles.tcss", str(number)))
    return sheet.css


def test_lean_parts_of_the_styles_say_the_same_as_the_whole() -> None:
    parts = read_styles(find_styles())
    lean_parts = [lean(part) for part in parts]
    assert len(parts) > 2
    assert _rules(*lean_parts) == _rules(find_styles().read_text(encoding="utf-8"))
    assert not any("/*" in part or ": " in part or "\n" in part for part in lean_parts)
