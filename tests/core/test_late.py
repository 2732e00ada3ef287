"""Fields that are worked out when they are looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tui.core.late import late, when_looked_at


@late("body")
@dataclass(frozen=True, slots=True)
class Letter:
    """A record with a field that may be late."""

    name: str
    body: str | None
    size: int = 0


def test_a_value_is_itself() -> None:
    letter = Letter("a", "text")
    assert letter == Letter("a", "text") != Letter("a", None)
    assert letter.body == "text" and replace(letter, name="b").body == "text"
    assert repr(letter).endswith("Letter(name='a', body='text', size=0)")


def test_what_is_late_is_made_at_each_look_and_never_before() -> None:
    looks: list[int] = []

    def make() -> str:
        looks.append(1)
        return "text"

    letter = Letter("a", when_looked_at(make))
    assert (letter.name, letter.size, looks) == ("a", 0, [])
    assert letter.body == "text" and letter.body == "text"
    assert len(looks) == 2
    assert letter == Letter("a", "text")


def test_it_stays_frozen() -> None:
    with pytest.raises(AttributeError):
        setattr(Letter("a", None), "body", "text")  # noqa: B010


def test_the_class_has_the_field_itself() -> None:
    name = "body"
    assert getattr(Letter, name) is vars(Letter)[name]
