"""Answers made for a request: dialogues, tools, results, thinking; input that fits its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.mock.answers import answer, folded, prompt, results, thought_over
from tui.mock.inputs import fitting, places
from tui.mock.scenario_choice import ScenarioChoice
from tui.mock.validation import check
from tui.scenarios import Scenario, load

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The current weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string"}, "unit": {"enum": ["celsius", "kelvin"]}},
        "required": ["location"],
    },
}
CALCULATOR: dict[str, Any] = {
    "name": "calculator",
    "description": "Evaluates arithmetic.",
    "input_schema": {
        "type": "object",
        "properties": {"expression": {"type": "string"}},
        "required": ["expression"],
    },
}
BOTH = [CALCULATOR, WEATHER]


def user(content: object) -> dict[str, Any]:
    return {"role": "user", "content": content}


def asking(*messages: object, **more: object) -> dict[str, Any]:
    turns = [user(each) if isinstance(each, str) else each for each in messages]
    body = {"model": "claude-sonnet-5-5", "max_tokens": 8192, "messages": turns, **more}
    check(body, beta="output_format" in more)
    return body


def blocks(scenario: Scenario | None) -> list[dict[str, Any]]:
    assert scenario is not None
    run = folded(scenario)
    assert (run.status, run.state.anomalies) == ("complete", [])
    message = run.state.message_json()
    assert message is not None
    content: list[dict[str, Any]] = message["content"]
    return content


def said(*messages: object, **more: object) -> str:
    (block,) = blocks(answer(asking(*messages, **more)))
    assert block["type"] == "text"
    return str(block["text"])


def calls(*messages: object, **more: object) -> list[tuple[str, Any]]:
    made = answer(asking(*messages, **more))
    return [(each["name"], each["input"]) for each in blocks(made) if each["type"] == "tool_use"]


# Dialogues


@pytest.mark.parametrize(
    "introduction", ["Hi, I'm Alice", "Hello! My name is Alice.", "i’m new here. Call me Alice"]
)
def test_a_name_is_remembered(introduction: str) -> None:
    greeting = said(introduction)
    assert "Alice" in greeting
    reply = {"role": "assistant", "content": greeting}
    for question in ("What's my name?", "Do you remember my name?", "So, who am I?"):
        assert said(introduction, reply, question) == "Your name is Alice."


def test_the_newest_name_counts() -> None:
    reply = {"role": "assistant", "content": "Hello!"}
    turns = ("I'm Alice", reply, "No, I am Bob", reply, "What is my name?")
    assert said(*turns) == "Your name is Bob."
    assert said("My name is Zoë, what's my name?") == "Your name is Zoë."


def test_a_name_that_was_never_told_is_not_known() -> None:
    assert "not told me" in said("I'm happy today", {**user("x"), "role": "assistant"}, "who am I")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Count to 10", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"),
        ("Please count from 3 to 5.", "3, 4, 5"),
        ("Can you count up to 2?", "1, 2"),
    ],
)
def test_counting(asked: str, expected: str) -> None:
    assert said(asked) == expected
    assert said("count to 999999").endswith(" 1001")


def test_poems_and_stories() -> None:
    assert len(said("Write a haiku about streams").split("\n")) == 3
    short, long = said("Tell me a story"), said("Write a long story about the sea")
    assert 100 < len(short) / 4 < 1_000
    assert 3_000 < len(long) / 4 < 8_000
    assert answer(asking("Write a long story")) == answer(asking("Write a long story"))


def test_for_other_prompts_there_is_none() -> None:
    for asked in ("Hello", "Why is the sky dark at night?", "Count the stars"):
        assert answer(asking(asked)) is None
    assert answer(asking(user([{"type": "image", "source": {}}]))) is None


def test_an_answer_is_from_the_model_that_was_asked() -> None:
    made = answer(asking("Count to 3", model="claude-haiku-5-5"))
    assert made is not None
    assert folded(made).state.model == "claude-haiku-5-5"
    assert folded(made).state.stop_reason == "end_turn"
    assert made.duration_ns > 0


# Tools


def test_a_tool_that_is_offered_is_called() -> None:
    (text, call) = blocks(answer(asking("What's the weather in SF?", tools=BOTH)))
    assert "`get_weather`" in text["text"]
    assert (call["name"], call["input"]) == ("get_weather", {"location": "SF"})
    made = answer(asking("What's the weather in SF?", tools=BOTH))
    assert made is not None and folded(made).state.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Weather in San Francisco, CA today?", [{"location": "San Francisco, CA"}]),
        ("How is the weather in Paris and Rome?", [{"location": "Paris"}, {"location": "Rome"}]),
        ("weather in oslo please", [{"location": "oslo"}]),
        ("How's the weather?", [{"location": "San Francisco"}]),
        ("Is the weather good? I'm near the sea", [{"location": "San Francisco"}]),
    ],
)
def test_places_are_taken_from_the_prompt(asked: str, expected: list[object]) -> None:
    assert calls(asked, tools=[WEATHER]) == [("get_weather", given) for given in expected]


def test_the_tool_that_matches_best_is_called() -> None:
    assert calls("Please calculate 12 * (7 + 3)", tools=BOTH) == [
        ("calculator", {"expression": "12 * (7 + 3)"})
    ]
    assert answer(asking("Sing me something", tools=BOTH)) is None


def test_a_choice_of_tools_is_obeyed() -> None:
    forced = {"type": "tool", "name": "calculator"}
    (call,) = blocks(answer(asking("Weather?", tools=BOTH, tool_choice=forced)))
    assert (call["type"], call["name"]) == ("tool_use", "calculator")
    (call,) = blocks(answer(asking("Sing", tools=BOTH, tool_choice={"type": "any"})))
    assert call["type"] == "tool_use"
    assert answer(asking("Weather?", tools=BOTH, tool_choice={"type": "none"})) is None
    alone = {"type": "auto", "disable_parallel_tool_use": True}
    assert len(calls("Weather in Paris and Rome", tools=BOTH, tool_choice=alone)) == 1
    assert len(calls("Weather in A, in B, in C, in D and in E", tools=[WEATHER])) == 4


def test_tools_of_the_server_are_not_called() -> None:
    search = {"type": "web_search_20260209", "name": "web_search"}
    assert answer(asking("Search the web for tides", tools=[search])) is None


def test_results_are_quoted() -> None:
    asked = asking("Weather in Paris and Rome?", tools=[WEATHER])
    content = blocks(answer(asked))
    first, second = (block for block in content if block["type"] == "tool_use")
    results_ = [
        {"type": "tool_result", "tool_use_id": first["id"], "content": "15 degrees"},
        {
            "type": "tool_result",
            "tool_use_id": second["id"],
            "content": [{"type": "text", "text": "no such city"}],
            "is_error": True,
        },
        {"type": "text", "text": "And now?"},
    ]
    turns = (*asked["messages"], {"role": "assistant", "content": content}, user(results_))
    text = said(*turns, tools=[WEATHER], tool_choice={"type": "any"})
    assert "`get_weather` says: 15 degrees" in text
    assert "`get_weather` failed: no such city" in text
    assert [each.text for each in results(asking(*turns))] == ["15 degrees", "no such city"]
    # Once they are answered, the next question is what counts.
    more = (*turns, {"role": "assistant", "content": text}, "Count to 2")
    assert said(*more) == "1, 2"


def test_a_result_without_text_is_one() -> None:
    call = {"type": "tool_use", "id": "a", "name": "wait", "input": {}}
    turns = ("x", {"role": "assistant", "content": [call]})
    assert "`wait` says:" in said(*turns, user([{"type": "tool_result", "tool_use_id": "a"}]))


def test_a_tool_called_by_name_has_what_is_optional_too() -> None:
    many = {
        "name": "cities",
        "input_schema": {
            "type": "object",
            "properties": {"found": {"type": "array", "items": WEATHER["input_schema"]}},
        },
    }
    asked = {"tools": [many], "tool_choice": {"type": "tool", "name": "cities"}}
    place = {"location": "Oslo", "unit": "celsius"}
    assert calls("A city such as Oslo", **asked) == [("cities", {"found": [place]})]
    asked["tool_choice"] = {"type": "any"}
    assert calls("A city such as Oslo", **asked) == [("cities", {})]


def test_structured_output_fits_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    }
    output = {"format": {"type": "json_schema", "schema": schema}}
    text = said("Plan 3 days in Lisbon", output_config=output)
    assert json.loads(text) == {"city": "Lisbon", "days": 3}

    assert said("Plan 3 days in Lisbon", output_format=output["format"]) == text


def test_structured_output_has_what_is_optional_too() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["C", "F"]},
            "kind": {"const": "daily"},
            "days": {"type": "array", "items": {"$ref": "#/$defs/Day"}},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["city"],
        "$defs": {
            "Base": {"properties": {"sun": {"type": "boolean"}}},
            "Day": {
                "allOf": [{"$ref": "#/$defs/Base"}],
                "type": "object",
                "properties": {"wind": {"type": "number", "exclusiveMinimum": 7, "maximum": 8}},
            },
        },
    }
    output = {"format": {"type": "json_schema", "schema": schema}}
    assert json.loads(said("Plan a day in Lisbon", output_config=output)) == {
        "city": "Lisbon",
        "unit": "C",
        "kind": "daily",
        "days": [{"wind": 7.5, "sun": True}],
        "note": "Lisbon",
    }


def test_structured_output_follows_tools() -> None:
    form = {"type": "json_schema", "schema": {"type": "object", "properties": {"days": {}}}}
    call = {"type": "tool_use", "id": "a", "name": "get_weather", "input": {}}
    turns = [{"role": "assistant", "content": [call]}]
    asked = asking("The weather in Oslo?", tools=BOTH, output_format=form)
    assert blocks(answer(asked))[1]["name"] == "get_weather"
    result = user([{"type": "tool_result", "tool_use_id": "a", "content": "rain"}])
    for last in ([result], [result, {"role": "system", "content": "Be brief."}]):
        asked["messages"] = [asked["messages"][0], *turns, *last]
        assert list(json.loads(blocks(answer(asked))[0]["text"])) == ["days"]


# Thinking


@pytest.mark.parametrize("kind", [{"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1024}])
def test_thinking_comes_first_with_a_signature(kind: dict[str, Any]) -> None:
    thought, text = blocks(answer(asking("Count to 3", thinking=kind)))
    assert thought["type"] == "thinking" and "Count to 3" in thought["thinking"]
    assert len(thought["signature"]) > 100
    assert text["text"] == "1, 2, 3"
    kinds = [each["type"] for each in blocks(answer(asking("Weather?", tools=BOTH, thinking=kind)))]
    assert kinds == ["thinking", "text", "tool_use"]


def test_omitted_thinking_is_a_signature_alone() -> None:
    omitted = {"type": "adaptive", "display": "omitted"}
    thought, _ = blocks(answer(asking("Count to 3", thinking=omitted)))
    assert thought["thinking"] == "" and thought["signature"]


def test_a_scenario_is_thought_over_where_that_leaves_it_whole() -> None:
    body = asking("Hello", thinking={"type": "adaptive"})
    for name in ("plain", "one-tool", "markdown"):
        before, after = blocks(load(name)), blocks(thought_over(load(name), body))
        assert after[0]["type"] == "thinking"
        for old, new in zip(before, after[1:], strict=True):
            assert {**old, "id": ""} == {**new, "id": ""}
    for name in ("tour", "thinking-tool", "web-search", "stall", "refusal", "overloaded"):
        assert thought_over(load(name), body) is load(name)
    for name in ("max-tokens", "unknown", "hostile", "connection-lost", "fallback"):
        assert thought_over(load(name), body) is load(name)
    assert thought_over(load("plain"), asking("Hello")) is load("plain")


# Which one


def chosen(*messages: object, **more: object) -> str:
    return ScenarioChoice({}).of(asking(*messages, **more)).name


def test_a_scenario_that_is_named_is_played() -> None:
    assert chosen("Count to 10", model="scenario:stall") == "stall"
    assert chosen("Weather?", tools=[WEATHER], model="scenario:plain") == "plain"
    assert chosen("Count to 10") == "answer"


def test_results_are_answered_whatever_the_model() -> None:
    for tool, expected in (("marine_forecast", "after-tool"), ("get_rainfall", "answer")):
        call = {"type": "tool_use", "id": "a", "name": tool, "input": {}}
        result = {"type": "tool_result", "tool_use_id": "a", "content": "4 mm"}
        turns = ("x", {"role": "assistant", "content": [call]}, user([result]))
        assert chosen(*turns, model="scenario:two-tools") == expected
        assert chosen(*turns, model="claude-opus-5-5") == "answer"


def test_no_tool_is_called_that_is_not_offered() -> None:
    assert chosen("Which city had more rainfall?") == "two-tools"
    assert chosen("Which city had more rainfall?", tools=[CALCULATOR]) == "plain"
    assert chosen(load("two-tools").prompt, tools=[CALCULATOR]) == "plain"


# Input


def fits(schema: dict[str, Any], value: object) -> bool:
    """Whether a value fits the part of JSON schema that is drawn below."""
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if kind == "object":
        return isinstance(value, dict) and all(
            name in value and fits(schema["properties"][name], value[name])
            for name in schema["required"]
        )
    if kind == "array":
        least = schema.get("minItems", 0)
        return (
            isinstance(value, list)
            and len(value) >= least
            and all(fits(schema["items"], item) for item in value)
        )
    if kind == "string":
        low, high = schema.get("minLength", 0), schema.get("maxLength", 10**6)
        return isinstance(value, str) and low <= len(value) <= high
    if kind in ("integer", "number"):
        low, high = schema.get("minimum", -(10**20)), schema.get("maximum", 10**20)
        number = isinstance(value, int) or (kind == "number" and isinstance(value, float))
        return number and not isinstance(value, bool) and low <= value <= high
    return value is True if kind == "boolean" else value is None


LEAF = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 5), "maxLength": st.integers(5, 9)},
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(-5, 5), "maximum": st.integers(5, 9)},
    ),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"enum": ["a", 5, None]}]),
)


def _holding(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(["location", "query", "count", "when", "expression"])
    objects = st.dictionaries(names, inner, max_size=3).map(
        lambda properties: {
            "type": "object",
            "properties": properties,
            "required": sorted(properties),
        }
    )
    lists = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least},
        inner,
        st.integers(0, 3),
    )
    return objects | lists


SCHEMA = st.recursive(LEAF, _holding, max_leaves=6)


@given(SCHEMA, st.text(max_size=40), st.sampled_from(["", "Oslo"]))
def test_a_value_fits_its_schema(schema: dict[str, Any], asked: str, place: str) -> None:
    assert fits(schema, fitting(schema, asked, place))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "type properties required items enum const anyOf allOf $ref minimum maxLength "
                "minItems format default exclusiveMaximum".split()
            ),
            inner,
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=4), ANY) | ANY.filter(lambda it: isinstance(it, dict)))
def test_any_schema_gets_a_value_that_is_json(schema: Any) -> None:  # noqa: ANN401
    value = fitting(schema, "What is 5 in Oslo?")
    assert json.loads(json.dumps(value)) == value


def test_references_and_choices_are_followed() -> None:
    schema = {
        "type": "object",
        "$defs": {"City": {"type": "object", "properties": {"city": {}}, "required": ["city"]}},
        "properties": {
            "where": {"$ref": "#/$defs/City"},
            "unit": {"anyOf": [{"type": "null"}, {"enum": ["C", "F"]}]},
            "day": {"type": "string", "format": "date"},
            "kind": {"const": "hourly"},
            "hours": {"type": ["null", "integer"], "default": 24},
        },
        "required": ["where", "unit", "day", "kind", "hours", "unknown"],
    }
    assert fitting(schema, "Forecast for Oslo", "Oslo") == {
        "where": {"city": "Oslo"},
        "unit": "C",
        "day": "2026-11-20",
        "kind": "hourly",
        "hours": 24,
        "unknown": "Oslo",
    }


NODE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "value": {"type": "integer"},
        "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
        "more": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
    },
    "required": ["value", "next", "more"],
}
SUM: dict[str, Any] = {
    "type": "object",
    "properties": {"left": {"$ref": "#/$defs/Any"}, "right": {"$ref": "#/$defs/Any"}},
    "required": ["left", "right"],
}
NUMBER = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}


@pytest.mark.parametrize("whole", [False, True])
def test_a_schema_that_can_end_does(whole: bool) -> None:
    def check_node(value: Any, depth: int = 0) -> int:  # noqa: ANN401
        if value is None:
            return depth
        assert set(value) == {"value", "next", "more"}
        return max(check_node(one, depth + 1) for one in (value["next"], *value["more"]))

    assert 2 < check_node(fitting({"$defs": {"Node": NODE}, **NODE}, "x", whole=whole)) < 12

    def check_sum(value: Any, depth: int = 0) -> int:  # noqa: ANN401
        if "n" in value:
            return depth
        assert set(value) == {"left", "right"}
        return max(check_sum(value["left"], depth + 1), check_sum(value["right"], depth + 1))

    either = {"anyOf": [{"$ref": "#/$defs/Sum"}, {"$ref": "#/$defs/Number"}]}
    defs = {"Any": either, "Sum": SUM, "Number": NUMBER}
    assert 2 < check_sum(fitting({"$defs": defs, **SUM}, "x", whole=whole)) < 12


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "number", "exclusiveMinimum": 1}, 2),
        ({"type": "number", "exclusiveMaximum": 1}, 0),
        ({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 1.5}, 1.25),
        ({"type": "integer", "exclusiveMinimum": 1}, 2),
        ({"type": "integer", "maximum": 0.5}, 0),
        ({"type": "integer", "minimum": 10, "multipleOf": 7}, 14),
        ({"type": "number", "multipleOf": 0.5, "maximum": 0.7}, 0.5),
        ({"type": "array", "prefixItems": [{"type": "boolean"}, {"const": 5}]}, [True, 5]),
        ({"type": "array", "maxItems": 0}, []),
        ({"$ref": "#/$defs/Odd", "$defs": {"Odd": {"const": 3}}}, 3),
    ],
)
def test_limits_are_kept(schema: dict[str, Any], value: object) -> None:
    assert fitting(schema, "x", whole=True) == value


def test_a_schema_without_end_gets_a_value() -> None:
    node: dict[str, Any] = {"$ref": "#/$defs/Node"}
    names = [f"child{number}" for number in range(20)]
    schema = {
        "$defs": {
            "Node": {
                "type": "object",
                "properties": dict.fromkeys(names, node),
                "required": names,
            },
            "Loop": {"$ref": "#/$defs/Loop"},
        },
        **node,
    }
    assert len(json.dumps(fitting(schema, "x"))) < 2_000_000
    assert isinstance(fitting({**schema, "$ref": "#/$defs/Loop"}, "x"), str)


def test_places() -> None:
    assert places("From Bergen to Kyoto, and of Cape Horn") == ["Bergen", "Kyoto", "Cape Horn"]
    assert places("I was in the garden for Alice") == ["Alice"]
    assert places("nothing here") == []


def test_the_prompt_is_what_the_user_said_last() -> None:
    pictures = [{"type": "text", "text": "a"}, {"type": "image", "source": {}}]
    assert prompt(asking("x", user([*pictures, {"type": "text", "text": "b"}]))) == "a\nb"
    prefilled = asking("x", {"role": "assistant", "content": "{"}, model="claude-haiku-4-5")
    assert prompt(prefilled) == "x"
