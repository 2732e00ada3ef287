"""The tools for trying things out: their definitions, and their answers to fair and odd input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import json_values
from tui.conversation.demo_tools import CITIES, demo_tools, find_city
from tui.conversation.toolbox import Outcome


async def run(name: str, given: dict[str, Any]) -> Outcome:
    return await demo_tools().run(name, given)


def test_what_is_offered() -> None:
    box = demo_tools()
    assert [tool.name for tool in box.tools] == ["calculator", "get_weather"]
    assert all(tool.runnable for tool in box.tools)
    for definition in box.definitions:
        assert set(definition) == {"name", "description", "input_schema"}
        schema = definition["input_schema"]
        assert schema["required"] == list(schema["properties"])
        assert json.loads(json.dumps(definition)) == definition


async def test_a_calculation() -> None:
    assert await run("calculator", {"expression": "2+2"}) == ("4", False)
    assert await run("calculator", {"expression": "(12.5 * 4) / 3"}) == (str(50 / 3), False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expression: a string"),
        ({"expression": 4}, "expression: a string"),
        ({"expression": "  "}, "expression: a string"),
        ({"expression": "1/0"}, "Cannot calculate that: division by zero"),
        ({"expression": "9**9**9"}, "Cannot calculate that: the result is too large"),
        ({"expression": "open('x')"}, "Cannot calculate that: open is not known"),
    ],
)
async def test_no_calculation(given: dict[str, Any], message: str) -> None:
    outcome = await run("calculator", given)
    assert outcome.is_error
    assert str(outcome.content).startswith(message)


@pytest.mark.parametrize(
    ("location", "city"),
    [
        ("San Francisco, CA", "San Francisco"),
        ("san francisco", "San Francisco"),
        ("San Francisco Bay Area", "San Francisco"),
        ("SF", "San Francisco"),
        ("S.F., California", "San Francisco"),
        ("Paris", "Paris"),
        ("  PARIS , France", "Paris"),
        ("NYC", "New York"),
        ("New York, NY", "New York"),
        ("Sao Paulo", "S\u00e3o Paulo"),
        ("S\u00e3o Paulo, Brazil", "S\u00e3o Paulo"),
        ("Tokyo Japan", "Tokyo"),
        ("LA", "Los Angeles"),
    ],
)
def test_cities_are_found_as_people_write_them(location: str, city: str) -> None:
    found = find_city(location)
    assert found is not None
    assert found.city == city


@pytest.mark.parametrize("location", ["Atlantis", "La Paz", "Parisian", "Rom", "!!!", "", ","])
def test_other_places_are_not(location: str) -> None:
    assert find_city(location) is None


async def test_the_weather() -> None:
    content, is_error = await run("get_weather", {"location": "SF"})
    assert not is_error
    assert json.loads(str(content)) == {
        "location": "San Francisco",
        "temperature_c": 16,
        "temperature_f": 61,
        "conditions": "fog",
    }


async def test_an_unknown_city_is_told_which_are_known() -> None:
    content, is_error = await run("get_weather", {"location": "Atlantis\x1b[2J"})
    assert is_error
    assert "\x1b" not in content
    assert str(content).startswith("No weather is known for 'Atlantis")
    assert all(weather.city in content for weather in CITIES)


@given(st.sampled_from(["calculator", "get_weather"]), json_values(), st.text())
async def test_any_input_has_an_outcome(name: str, value: object, text: str) -> None:
    for wanted in (value, text):
        content, is_error = await run(name, {"expression": wanted, "location": wanted})
        assert isinstance(content, str)
        assert content
        assert is_error or isinstance(wanted, str)
