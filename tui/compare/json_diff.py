"""Two JSON values, path by path.

Nothing here recurses, so no depth is too much. Elements of a list are matched by what they are
before they are matched by where they stand: one more message at the front is one difference.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from tui.compare.align import Effort, Match, matches
from tui.compare.json_digest import Summed, summed
from tui.compare.text_diff import TextDiff, first_difference, text_diff
from tui.core.steps import Steps

MAX_CHANGES: Final = 1_000
"""Differences that are kept; the others are counted."""
_MAX_TEXTS: Final = 40
_LONG: Final = 60
"""Strings that are longer, or have several lines, are compared as texts."""
_TURN: Final = 2_048

Index: TypeAlias = tuple[int | None, int | None]
"""The place of an element in the left list and in the right one."""
PathStep: TypeAlias = str | Index
_Pairing: TypeAlias = tuple[int | None, int | None, int]
"""So many elements from here on, on the left, on the right, or paired."""
ChangeKind = Literal["added", "removed", "changed"]


class Change(NamedTuple):
    """A value that is on one side only, or another one on each."""

    kind: ChangeKind
    path: tuple[PathStep, ...]
    left: Any
    right: Any
    text: TextDiff | None = None
    """How two long strings differ."""


class JsonDiff(NamedTuple):
    """The differences of two JSON values, in the order of the left one."""

    changes: tuple[Change, ...] = ()
    total: int = 0
    """How many there are, also those that are not kept."""
    too_large: bool = False
    """There are too many values: nothing is known of the differences."""

    @property
    def equal(self) -> bool:
        return not self.total and not self.too_large

    def mirrored(self) -> JsonDiff:
        """Return the diff of the same values the other way round."""
        changes: list[Change] = []
        for _, group in groupby(map(_mirrored, self.changes), _passage):
            # What was removed stands before what was added in its place.
            changes += sorted(group, key=lambda change: change.kind == "added")
        return self._replace(changes=tuple(changes))


class _Node(NamedTuple):
    """Two values that stand for each other, and the way to them."""

    left: Any
    right: Any
    left_sum: Summed | None
    right_sum: Summed | None
    parent: _Node | None = None
    step: PathStep = ""


class _Nothing:
    """What stands where there is no value, as null is one."""


_NOTHING: Final = _Nothing()
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OPPOSITE: Final[dict[ChangeKind, ChangeKind]] = {
    "added": "removed",
    "removed": "added",
    "changed": "changed",
}


def json_diff(
    left: object, right: object, effort: Effort | None = None, *, named: Iterable[str] = ()
) -> Steps[JsonDiff]:
    """Compare two JSON values. The other way round there are the same differences, mirrored.

    `named` are top-level lists whose elements are told apart by their name alone. The values must
    not change meanwhile.
    """
    if left is right:
        return JsonDiff()
    sums = yield from summed(left, right)
    if sums is None:
        return JsonDiff(too_large=True)
    walk = _Walk(effort or Effort(), frozenset(named))
    yield from walk.go(_Node(left, right, *sums))
    return walk.result()


def path_text(path: Sequence[PathStep]) -> str:
    """Return a path as people write it: `$.cities[1].name`, `$["odd key"]`, `$[0→1]`."""
    if len(path) > 40:
        return path_text(path[:8]) + "\u2026" + path_text(path[-24:])[1:]
    parts = ["$"]
    for step in path:
        if isinstance(step, str):
            short = step if len(step) <= 60 else step[:59] + "\u2026"
            plain = _NAME.fullmatch(short) is not None
            parts.append(f".{short}" if plain else f"[{json.dumps(short, ensure_ascii=False)}]")
            continue
        place, other = step
        moved = None not in step and place != other
        parts.append(
            f"[{place}\u2192{other}]" if moved else f"[{other if place is None else place}]"
        )
    return "".join(parts)


def _mirrored(change: Change) -> Change:
    path = tuple(step if isinstance(step, str) else (step[1], step[0]) for step in change.path)
    text = None if change.text is None else change.text.mirrored()
    return Change(_OPPOSITE[change.kind], path, change.right, change.left, text)


def _passage(change: Change) -> tuple[tuple[PathStep, ...], bool]:
    return change.path[:-1], change.kind == "changed"


def _same_scalar(left: object, right: object) -> bool:
    """Whether two values, not both objects or lists, are the same JSON: 1 is 1.0, but not true."""
    if left is right:
        return True
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return False
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return left == right


# --- the walk -------------------------------------------------------------------------------------


class _Walk:
    def __init__(self, effort: Effort, named: frozenset[str]) -> None:
        self._effort = effort
        self._named = named
        self._changes: list[Change] = []
        self._total = 0
        self._texts = 0

    def result(self) -> JsonDiff:
        return JsonDiff(tuple(self._changes), self._total)

    def go(self, root: _Node) -> Steps[None]:
        todo: list[Iterator[_Node]] = [iter([root])]
        steps = 0
        while todo:
            node = next(todo[-1], None)
            if node is None:
                todo.pop()
                continue
            one, other = node.left, node.right
            if isinstance(one, dict) and isinstance(other, dict):
                todo.append(_members(node))
            elif isinstance(one, list) and isinstance(other, list):
                runs = yield from self._runs(node)
                todo.append(_elements(node, runs))
            elif not _same_scalar(one, other):
                yield from self._note(node)
            steps += 1
            if not steps % _TURN:
                yield

    def _note(self, node: _Node) -> Steps[None]:
        self._total += 1
        if self._total > MAX_CHANGES:
            return
        left, right = node.left, node.right
        text = None
        if isinstance(left, str) and isinstance(right, str) and _is_long(left, right):
            self._texts += 1
            if self._texts > _MAX_TEXTS:
                text = yield from first_difference(left, right)
            else:
                text = yield from text_diff(left, right, self._effort)
        kind: ChangeKind = "changed"
        if left is _NOTHING:
            kind, left = "added", None
        elif right is _NOTHING:
            kind, right = "removed", None
        self._changes.append(Change(kind, _path(node), left, right, text))

    def _runs(self, node: _Node) -> Steps[list[_Pairing]]:
        """Pair the elements of two lists, first by what they are, then by name, then in order."""
        left, right = node.left, node.right
        assert node.left_sum is not None and node.right_sum is not None
        sums = yield from node.left_sum.digests()
        others = yield from node.right_sum.digests()
        at_top = node.parent is not None and node.parent.parent is None
        named_only = at_top and node.step in self._named
        runs: list[_Pairing] = []
        at = other_at = 0
        # Always in one order, for which of several equally good alignments is found depends on it.
        turned = others < sums
        found = yield from self._matches(sums, others, turned)
        for place, other, size in [*found, Match(len(left), len(right), 0)]:
            gap = (at, place, other_at, other)
            runs += yield from self._gap(left, right, gap, named_only, turned)
            runs.append((place, other, size))
            at, other_at = place + size, other + size
        return runs

    def _matches(self, left: list[bytes], right: list[bytes], turned: bool) -> Steps[list[Match]]:
        if not turned:
            return (yield from matches(left, right, self._effort))
        found = yield from matches(right, left, self._effort)
        return [Match(place, other, size) for other, place, size in found]

    def _gap(
        self,
        left: list[Any],
        right: list[Any],
        gap: tuple[int, int, int, int],
        named_only: bool,
        turned: bool,
    ) -> Steps[list[_Pairing]]:
        """Pair elements that differ."""
        at, end, other_at, other_end = gap
        runs: list[_Pairing] = []
        found: list[Match] = []
        if at < end and other_at < other_end:
            names = _names(left[at:end], b"left"), _names(right[other_at:other_end], b"right")
            found = yield from self._matches(*names, turned)
        for place, other, size in [*found, Match(end - at, other_end - other_at, 0)]:
            place, other = place + gap[0], other + gap[2]
            both = 0 if named_only else min(place - at, other - other_at)
            runs.append((at, other_at, both))
            runs.append((at + both, None, place - at - both))
            runs.append((None, other_at + both, other - other_at - both))
            runs.append((place, other, size))
            at, other_at = place + size, other + size
        return runs


def _members(node: _Node) -> Iterator[_Node]:
    left, right = node.left, node.right
    for name, item in left.items():
        yield _inner(node, item, right.get(name, _NOTHING), (name, name), name)
    for name, item in right.items():
        if name not in left:
            yield _inner(node, _NOTHING, item, (name, name), name)


def _elements(node: _Node, runs: list[_Pairing]) -> Iterator[_Node]:
    for start, other_start, size in runs:
        for step in range(size):
            place = None if start is None else start + step
            other = None if other_start is None else other_start + step
            left = _NOTHING if place is None else node.left[place]
            right = _NOTHING if other is None else node.right[other]
            yield _inner(node, left, right, (place, other), (place, other))


def _inner(
    node: _Node, left: object, right: object, keys: tuple[Any, Any], step: PathStep
) -> _Node:
    """Return the node of two values in `node`, which have these keys there."""
    assert node.left_sum is not None and node.right_sum is not None
    sums = node.left_sum.inner.get(keys[0]), node.right_sum.inner.get(keys[1])
    return _Node(left, right, *sums, node, step)


def _names(items: list[Any], side: bytes) -> list[bytes]:
    """Return the names of elements; one without a name is like no other."""
    names = []
    for place, item in enumerate(items):
        name = item.get("name") if isinstance(item, dict) else None
        if isinstance(name, str):
            names.append(b"n" + name.encode("utf-8", "surrogatepass"))
        else:
            names.append(b"%d %s" % (place, side))
    return names


def _is_long(left: str, right: str) -> bool:
    return max(len(left), len(right)) > _LONG or "\n" in left or "\n" in right


def _path(node: _Node) -> tuple[PathStep, ...]:
    steps = []
    while node.parent is not None:
        steps.append(node.step)
        node = node.parent
    return tuple(reversed(steps))
