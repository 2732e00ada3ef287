"""Digests of JSON values: equal values have equal ones, so that lists can be aligned by them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

from tui.core.steps import Steps

MAX_VALUES: Final = 400_000
"""Values of both documents together; where there are more, they are not compared."""
_TURN: Final = 2_048
_SAMPLE: Final = 4_096
_SUM_BYTES: Final = 16


class Summed:
    """An object or a list with its digest. Equal values have equal ones; the reverse is likely.

    Long strings count by their length and their ends, so equal digests say only what to look at.
    """

    __slots__ = ("digest", "inner", "value")

    def __init__(self, value: dict[str, Any] | list[Any]) -> None:
        self.value = value
        self.digest = b""
        self.inner: dict[str | int, Summed] = {}
        """The objects and lists right in it, by name or place."""

    def digests(self) -> Steps[list[bytes]]:
        """Return the digests of the values in it, in their order."""
        inner, found = self.inner, list[bytes]()
        for name, item in _items(self.value):
            known = inner.get(name)
            found.append(_scalar_digest(item) if known is None else known.digest)
            if not len(found) % _TURN:
                yield
        return found

    def sum_up(self) -> Steps[None]:
        """Make its digest from those of the values in it."""
        sums = yield from self.digests()
        if isinstance(self.value, list):
            listed = blake2b(b"list", digest_size=_SUM_BYTES)
            for at in range(0, len(sums), _TURN):
                listed.update(b"".join(sums[at : at + _TURN]))
                yield
            self.digest = listed.digest()
            return
        # Members have no order, and adding them up needs none.
        total = len(sums)
        for place, (name, digest) in enumerate(zip(self.value, sums, strict=True)):
            member = b"dict" + _scalar_digest(name) + digest
            total += int.from_bytes(blake2b(member, digest_size=_SUM_BYTES).digest(), "big")
            if place % _TURN == _TURN - 1:
                yield
        self.digest = (total % 256**_SUM_BYTES).to_bytes(_SUM_BYTES, "big")


def summed(left: object, right: object) -> Steps[tuple[Summed | None, Summed | None] | None]:
    """Sum up all objects and lists; None when there are too many values."""
    one = Summed(left) if isinstance(left, (dict, list)) else None
    other = Summed(right) if isinstance(right, (dict, list)) else None
    found = one, other
    todo = [(root, False) for root in found if root is not None]
    seen = 0
    while todo:
        node, is_known = todo.pop()
        if is_known:
            yield from node.sum_up()
            continue
        value = node.value
        seen += 1 + len(value)
        if seen > MAX_VALUES:
            return None
        todo.append((node, True))
        for place, (name, item) in enumerate(_items(value)):
            if isinstance(item, (dict, list)):
                inner = node.inner[name] = Summed(item)
                todo.append((inner, False))
            if not place % _TURN:
                yield
    return found


def _items(value: dict[str, Any] | list[Any]) -> Iterable[tuple[str | int, Any]]:
    return value.items() if isinstance(value, dict) else enumerate(value)


def _scalar_digest(value: object) -> bytes:
    if isinstance(value, str):
        ends = value if len(value) <= 2 * _SAMPLE else value[:_SAMPLE] + value[-_SAMPLE:]
        data = f"s{len(value)} {ends}".encode("utf-8", "surrogatepass")
    elif isinstance(value, int) and not isinstance(value, bool):
        data = f"n{value:x}".encode()
    elif isinstance(value, float) and value.is_integer():
        data = f"n{int(value):x}".encode()
    else:
        data = repr(value).encode()
    return blake2b(data, digest_size=_SUM_BYTES).digest()
