"""JSON values in a file, whatever lies around and between them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import json_values
from tui.captures.in_memory_file import InMemoryFile
from tui.captures.json_values import parse, parse_object, values_of

OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), json_values(), max_size=3), max_size=5)


def read(data: bytes | str) -> list[tuple[str, object]]:
    held = InMemoryFile(data.encode() if isinstance(data, str) else data, "x")
    return [(place, value) for place, value, _ in values_of(held)]


@given(OBJECTS, st.sampled_from(["lines", "array", "pretty array", "pretty", "commas"]))
def test_layouts(values: list[object], layout: str) -> None:
    if layout in ("array", "pretty array"):
        text = json.dumps(values, indent=2 if layout == "pretty array" else None)
    elif layout == "lines":
        text = "\r\n\n".join(map(json.dumps, values))
    else:
        # What begins with a whole line is lines: an empty object would be one.
        values = [{"first": 1}, *values]
        between = "\n" if layout == "pretty" else ",\n"
        text = between.join(json.dumps(value, indent=2) for value in values)
    for bom in ("", "\ufeff"):
        assert [value for _, value in read(bom + text)] == json.loads(json.dumps(values))


def test_places_are_those_a_reader_finds() -> None:
    assert read('\n{"a":1}\n\nno\n[2]\n') == [
        ("line 2", {"a": 1}),
        ("line 4", None),
        ("line 5", [2]),
    ]
    assert read('[{"a":1}, 2]') == [("item 1", {"a": 1}), ("item 2", 2)]
    assert read('{\n"a":1}\n{"b":\n2}') == [("value 1", {"a": 1}), ("value 2", {"b": 2})]
    assert read("[1]\n[2]") == [("line 1", [1]), ("line 2", [2])]
    assert read("") == read(" \n") == []


def test_bytes_as_they_were_written() -> None:
    held = InMemoryFile(b'{"a": 1e1}\n{"b":2}', "x")
    assert [raw for _, _, raw in values_of(held)] == [b'{"a": 1e1}\n', b'{"b":2}']
    held = InMemoryFile(b'{\n"a": 1e1}{"b":2}', "x")
    assert [raw for _, _, raw in values_of(held)] == [b'{\n"a": 1e1}', b'{"b":2}']


def test_what_breaks_off() -> None:
    assert read('[{"a":1},{"b":[1,2') == [("item 1", {"a": 1}), ("item 2", None)]
    assert read('{\n"a":1}\n{\n"b":') == [("value 1", {"a": 1}), ("value 2", None)]
    assert read("[") == [("line 1", None)]
    assert read('{\n"a":"\\') == [("value 1", None)]


def test_what_is_broken_is_passed_over() -> None:
    found = read('{\n"a":}\n{\n"b":1}\n]\n{"c":2}\ntext "x\n{"d":3}')
    assert [value for _, value in found] == [None, {"b": 1}, None, {"c": 2}, None, {"d": 3}]


def test_very_much_that_is_broken_is_given_up() -> None:
    assert len(read('{\n"' + '\n{"' * 100_000)) <= 20


@pytest.mark.parametrize("text", ["NaN", '{"a":Infinity}', "[" * 5000, "1" * 5000, "\xff", ""])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text.encode("latin-1"))
    assert parse_object(text.encode("latin-1")) is None


@given(st.binary(max_size=60) | st.text('{}[]",:\\ \n1', max_size=60).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    read(data)
