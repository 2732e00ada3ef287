"""JSON diffs: empty where the values are equal, mirrored when swapped, never too deep."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.compare import json_diff as module
from tui.compare import json_digest
from tui.compare.json_diff import Change, JsonDiff, json_diff, path_text
from tui.core.steps import finish

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats(allow_nan=False, width=16)
    | st.sampled_from(["", "a", "b", "two\nlines", "x" * 70])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "name", "tools"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def diff(left: object, right: object, *named: str) -> JsonDiff:
    return finish(json_diff(left, right, named=named))


def shown(left: object, right: object, *named: str) -> list[str]:
    """Write a diff as lines: `- path value`, `+ path value`, `~ path old new`."""
    return [line_of(change) for change in diff(left, right, *named).changes]


def line_of(change: Change) -> str:
    path = path_text(change.path)
    left, right = json.dumps(change.left), json.dumps(change.right)
    if change.kind == "changed":
        return f"~ {path} {left} {right}"
    return f"- {path} {left}" if change.kind == "removed" else f"+ {path} {right}"


def same(left: object, right: object) -> bool:
    """Whether two values are the same JSON: Python takes True for 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


# --- laws -----------------------------------------------------------------------------------------


@given(JSON, JSON)
def test_it_is_empty_where_the_values_are_equal(left: object, right: object) -> None:
    result = diff(left, right)
    assert result.equal == same(left, right)
    assert result.total == len(result.changes)


@given(JSON)
def test_a_value_is_equal_to_itself_and_to_its_copy(value: object) -> None:
    assert diff(value, value).equal
    assert diff(value, json.loads(json.dumps(value))).equal


@given(JSON, JSON)
def test_swapping_mirrors(left: object, right: object) -> None:
    there, back = diff(left, right, "tools"), diff(right, left, "tools")
    assert sorted(map(repr, back.changes)) == sorted(map(repr, there.mirrored().changes))
    assert back.total == there.total


@given(JSON, JSON)
def test_every_change_has_its_values_where_its_path_leads(left: object, right: object) -> None:
    for change in diff(left, right).changes:
        if change.kind != "added":
            assert at(left, change, 0) == change.left
        if change.kind != "removed":
            assert at(right, change, 1) == change.right


def at(value: Any, change: Change, side: int) -> object:  # noqa: ANN401
    for step in change.path:
        value = value[step if isinstance(step, str) else step[side]]
    return value


@given(JSON, JSON)
def test_small_steps_make_no_difference(left: object, right: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_TURN", 1)
        patch.setattr(json_digest, "_TURN", 1)
        small = diff(left, right)
    assert small == diff(left, right)


# --- objects --------------------------------------------------------------------------------------


def test_members_that_come_go_and_change() -> None:
    assert shown({"a": 1, "b": 2}, {"b": 3, "c": None}) == ["- $.a 1", "~ $.b 2 3", "+ $.c null"]


def test_swapping_mirrors_where_two_alignments_are_as_good() -> None:
    left = [[0], {"name": "a", "n": 0}, {"name": "b", "n": 0}]
    right = [[1], {"name": "b", "n": 1}, {"name": "a", "n": 1}]
    there, back = diff(left, right), diff(right, left)
    assert sorted(map(repr, back.changes)) == sorted(map(repr, there.mirrored().changes))


def test_mirrored_what_was_removed_still_comes_first() -> None:
    mirrored = diff({"a": 1, "b": 1}, {"c": 1, "b": 2}).mirrored()
    assert [line_of(change)[:5] for change in mirrored.changes] == ["+ $.a", "~ $.b", "- $.c"]
    mirrored = diff({"x": {"a": 1}}, {"x": {"c": 1}}).mirrored()
    assert [line_of(change)[:7] for change in mirrored.changes] == ["- $.x.c", "+ $.x.a"]


def test_the_order_of_members_says_nothing() -> None:
    assert diff([{"a": 1, "b": [2]}, 0], [{"b": [2], "a": 1}, 0]).equal


def test_a_value_of_another_kind() -> None:
    assert shown({"a": {"b": 1}}, {"a": [1]}) == ['~ $.a {"b": 1} [1]']
    assert shown({"a": "x"}, {"a": ["x"]}) == ['~ $.a "x" ["x"]']
    assert shown(1, "1") == ['~ $ 1 "1"']


def test_numbers_are_the_same_by_value_but_no_booleans() -> None:
    assert diff([1, 2], [1.0, 2.0]).equal
    assert shown([1], [True]) == ["~ $[0] 1 true"]
    assert shown([0.5], [False]) == ["~ $[0] 0.5 false"]
    assert diff([10**400, 1.5, float("inf")], [10**400, 1.5, float("inf")]).equal
    assert diff({"a": float("nan")}, {"a": float("nan")}).equal
    assert not diff([float("nan")], [1.0]).equal


# --- lists ----------------------------------------------------------------------------------------


def test_an_element_in_between_is_one_difference() -> None:
    assert shown([1, 2, 3], [1, 3]) == ["- $[1] 2"]
    assert shown([{"x": 1}, {"x": 2}], [{"y": 0}, {"x": 1}, {"x": 2}]) == ['+ $[0] {"y": 0}']


def test_elements_that_changed_are_paired_in_order() -> None:
    left = {"cities": [{"name": "x"}, {"name": "a"}]}
    right = {"cities": [{"name": "x"}, {"name": "b"}, {"name": "c"}]}
    assert shown(left, right) == ['~ $.cities[1].name "a" "b"', '+ $.cities[2] {"name": "c"}']


def test_elements_with_a_name_are_paired_by_it() -> None:
    left = [{"name": "a", "n": 1}, {"name": "b", "n": 1}]
    right = [{"name": "new"}, {"name": "b", "n": 2}]
    assert shown(left, right)[-1] == "~ $[1].n 1 2"
    assert shown([0, {"name": "b", "n": 1}], [{"name": "b", "n": 2}]) == [
        "- $[0] 0",
        "~ $[1\u21920].n 1 2",
    ]


def test_tools_are_told_apart_by_their_name_alone() -> None:
    left, right = {"tools": [{"name": "a"}]}, {"tools": [{"name": "b"}]}
    assert shown(left, right) == ['~ $.tools[0].name "a" "b"']
    assert shown(left, right, "tools") == [
        '- $.tools[0] {"name": "a"}',
        '+ $.tools[0] {"name": "b"}',
    ]
    deeper = shown({"x": left}, {"x": right}, "tools")
    assert deeper == ['~ $.x.tools[0].name "a" "b"']


# --- strings --------------------------------------------------------------------------------------


def test_long_strings_are_compared_as_texts() -> None:
    (change,) = diff({"s": "one\ntwo"}, {"s": "one\nthree"}).changes
    assert change.text is not None
    assert [band.kind for band in change.text.bands] == ["equal", "removed", "added"]
    (change,) = diff(["x" * 61], ["y"]).changes
    assert change.text is not None
    (change,) = diff(["x"], ["y"]).changes
    assert change.text is None


def test_strings_that_differ_only_in_the_middle_differ() -> None:
    left, right = "a" * 20_000, "a" * 10_000 + "b" + "a" * 9_999
    (change,) = diff([left, 1], [right, 1]).changes
    assert change.text is not None
    assert change.text.first is None
    assert diff([left, 1], [left, 1]).equal


def test_a_surrogate_of_its_own_is_a_string_too() -> None:
    assert shown(["\ud800"], ["\udfff"]) == [r'~ $[0] "\ud800" "\udfff"']


def test_of_very_many_texts_the_last_are_read_to_their_first_difference() -> None:
    left = {str(number): "long\nx" for number in range(50)}
    right = {str(number): "long\ny" for number in range(50)}
    modes = [change.text.mode for change in diff(left, right).changes if change.text is not None]
    assert modes == ["words"] * 40 + ["first"] * 10


# --- bounds ---------------------------------------------------------------------------------------


def nested(depth: int, core: object) -> object:
    for level in range(depth):
        core = {"a": core} if level % 2 else [core]
    return core


def test_no_depth_is_too_much() -> None:
    (change,) = diff(nested(20_000, 1), nested(20_000, 2)).changes
    assert (change.left, change.right) == (1, 2)
    assert len(change.path) == 20_000
    assert len(path_text(change.path)) < 200
    assert diff(nested(20_000, 1), nested(20_000, 1)).equal


def test_differences_past_the_limit_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHANGES", 3)
    result = diff(list(range(5)), [None] * 5)
    assert (len(result.changes), result.total) == (3, 5)
    assert result.mirrored().total == 5


def test_too_many_values_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_digest, "MAX_VALUES", 10)
    result = diff(list(range(6)), list(range(5)))
    assert result.too_large
    assert not result.equal
    assert result.mirrored() == result


# --- paths ----------------------------------------------------------------------------------------


def test_paths_are_written_as_people_write_them() -> None:
    assert path_text(()) == "$"
    assert path_text(("cities", (1, 1), "name")) == "$.cities[1].name"
    assert path_text(((0, 2), (None, 3), (4, None))) == "$[0\u21922][3][4]"
    assert path_text(("odd key", "1", "", "\u00e9")) == '$["odd key"]["1"][""]["\u00e9"]'
    assert path_text(("k" * 80,)) == '$["' + "k" * 59 + '\u2026"]'
