"""Fields of a record that are worked out when they are looked at: most of them never are."""

from __future__ import annotations

from collections.abc import Callable
from types import MemberDescriptorType
from typing import Generic, TypeVar, cast

T = TypeVar("T")


class _Late(Generic[T]):
    """Stands in a field for its value."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], T]) -> None:
        self.make = make


class _Field:
    """A field of a dataclass with slots that makes its value where a `_Late` stands for it."""

    def __init__(self, slot: MemberDescriptorType) -> None:
        self._slot = slot

    def __get__(self, record: object, owner: type | None = None) -> object:
        if record is None:
            return self
        value = self._slot.__get__(record, owner)
        return value.make() if type(value) is _Late else value

    def __set__(self, record: object, value: object) -> None:
        self._slot.__set__(record, value)


def when_looked_at(make: Callable[[], T]) -> T:
    """Return what stands for the value of a late field: each look at the field calls `make`."""
    return cast(T, _Late(make))


def late(*names: str) -> Callable[[type[T]], type[T]]:
    """Decorate a dataclass with slots: these fields of it may be given `when_looked_at`."""

    def decorate(record: type[T]) -> type[T]:
        for name in names:
            setattr(record, name, _Field(record.__dict__[name]))
        return record

    return decorate
