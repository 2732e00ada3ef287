"""The prompt cache: where a request departs from the one before it, and what was read."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import streams
from tui.core.records import JsonObject
from tui.messages.prompt_cache import LOOKBACK, CacheUse, Difference, cache_use, first_difference
from tui.messages.request import with_blocks, with_prompt

MARKER: JsonObject = {"type": "ephemeral"}
MARKED = ', "cache_control": {"type": "ephemeral"}'


def text(value: str, **fields: object) -> JsonObject:
    return {"type": "text", "text": value} | fields


def user(*blocks: JsonObject | str) -> JsonObject:
    return {"role": "user", "content": [text(b) if isinstance(b, str) else b for b in blocks]}


def answer(*blocks: JsonObject | str) -> JsonObject:
    return user(*blocks) | {"role": "assistant"}


def tool(name: str, **fields: object) -> JsonObject:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}
    return {"name": name, "description": f"Does {name}.", "input_schema": schema} | fields


BASE: JsonObject = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "tools": [tool("look"), tool("listen")],
    "system": [text("You are brief."), text("Today is Monday.")],
    "messages": [
        user("What is the weather?"),
        answer(
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": "x", "b": 1}},
        ),
        user({"type": "tool_result", "tool_use_id": "t1", "content": "sun"}),
    ],
}


def changed(path: tuple[str | int, ...], value: object) -> JsonObject:
    return streams.replaced(BASE, path, value)


def found(previous: JsonObject, current: JsonObject) -> tuple[str, str | None, str | None]:
    difference = first_difference(previous, current)
    assert difference is not None
    return difference.path, difference.before, difference.after


# --- what is kept ---------------------------------------------------------------------------------


def test_the_same_request_keeps_everything() -> None:
    assert first_difference(BASE, copy.deepcopy(BASE)) is None
    assert first_difference({}, {}) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"max_tokens": 5},
        {"temperature": 0.5},
        {"metadata": {"user_id": "u"}},
        {"stop_sequences": ["x"]},
        {"tool_choice": {"type": "auto"}},
        {"tool_choice": None},
        {"speed": "standard"},
        {"stream": True},
    ],
)
def test_settings_that_are_not_in_the_prompt_do_not_count(settings: JsonObject) -> None:
    assert first_difference(BASE, BASE | settings) is None


def test_what_is_added_at_the_end_keeps_the_prefix() -> None:
    turns = BASE["messages"]
    longer = [*turns, answer("Sun."), user("And Rome?")]
    assert first_difference(BASE, BASE | {"messages": longer}) is None
    assert first_difference(BASE, with_prompt(BASE, "Well?")) is None
    assert first_difference({}, BASE | {"tools": None, "system": None, "model": None}) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"system": "Hi."}, {"system": [text("Hi.")]}),
        ({"system": ""}, {}),
        ({"messages": [{"role": "user", "content": "Hi."}]}, {"messages": [user("Hi.")]}),
        ({"messages": [user("a"), user("b")]}, {"messages": [user("a", "b")]}),
        (
            {"messages": [user({"type": "tool_result", "tool_use_id": "t", "content": "9"})]},
            {
                "messages": [
                    user({"type": "tool_result", "tool_use_id": "t", "content": [text("9")]})
                ]
            },
        ),
        ({"messages": [user("a")]}, {"messages": [user({"text": "a", "type": "text"})]}),
        ({"tools": [tool("a"), tool("b", defer_loading=True)]}, {"tools": [tool("a")]}),
        ({"tools": []}, {"tools": None}),
    ],
)
def test_two_ways_to_say_the_same(one: JsonObject, other: JsonObject) -> None:
    assert first_difference(one, other) is None
    assert first_difference(other, one) is None


# --- what differs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        (("model",), "claude-opus-5-5", ("model", "claude-sonnet-5-5", "claude-opus-5-5")),
        (("speed",), "fast", ("speed", "standard", "fast")),
        (
            ("tools", 1, "description"),
            "Does hear.",
            ("tools[1].description", "Does listen.", "Does hear."),
        ),
        (("tools", 0, "name"), "see", ("tools[0].name", "look", "see")),
        (
            ("tools", 0, "input_schema", "properties", "a", "type"),
            "number",
            ("tools[0].input_schema.properties.a.type", "string", "number"),
        ),
        (("tools", 1, "strict"), True, ("tools[1].strict", None, "true")),
        (
            ("tools", 1, "description"),
            streams.ABSENT,
            ("tools[1].description", "Does listen.", None),
        ),
        (
            ("system", 1, "text"),
            "It is late.",
            ("system[1].text", "Today is Monday.", "It is late."),
        ),
        (("system",), "You are brief.", ("system[1]", "Today is Monday.", None)),
        (("system", 0), 5, ("system[0]", '{"type": "text", "text": "You are brief."}', "5")),
        (("tool_choice",), {"type": "any"}, ("tool_choice.type", "auto", "any")),
        (("thinking",), {"type": "adaptive"}, ("thinking", None, '{"type": "adaptive"}')),
        (("output_config",), {"effort": "low"}, ("output_config", None, '{"effort": "low"}')),
        (
            ("messages", 0, "content"),
            "What is the time?",
            ("messages[0].content", "What is the weather?", "What is the time?"),
        ),
        (("messages", 0, "role"), "assistant", ("messages[0].role", "user", "assistant")),
        (
            ("messages", 1, "content", 1, "input", "b"),
            "1",
            ("messages[1].content[1].input.b", "1", '"1"'),
        ),
        (
            ("messages", 1, "content", 1, "input", "b"),
            True,
            ("messages[1].content[1].input.b", "1", "true"),
        ),
        (
            ("messages", 1, "content", 1, "input"),
            {"b": 1, "a": "x"},
            ("messages[1].content[1].input", '{"a": "x", "b": 1}', '{"b": 1, "a": "x"}'),
        ),
        (
            ("messages", 1, "content", 1, "input"),
            {"a": "x", "b c": 2, "b": 1},
            ('messages[1].content[1].input["b c"]', None, "2"),
        ),
        (
            ("messages", 2, "content", 0, "content"),
            "rain",
            ("messages[2].content[0].content", "sun", "rain"),
        ),
        (
            ("messages", 2, "content", 0, "content"),
            [text("sun"), text("rain")],
            (
                "messages[2].content[0].content",
                '"sun"',
                '[{"type": "text", "text": "sun"}, {"type": "text", "text": "…',
            ),
        ),
        (
            ("messages", 2, "content"),
            7,
            (
                "messages[2].content",
                '{"type": "tool_result", "content": "sun", "tool_use_id": "t1…',
                "7",
            ),
        ),
        (
            ("messages", 2),
            "?",
            ("messages[2]", '{"type": "tool_result", "content": "sun", "tool_use_id": "t1…', '"?"'),
        ),
        (("messages", 2, "role"), streams.ABSENT, ("messages[2].role", "user", None)),
        (
            ("messages", 2, "content"),
            [],
            (
                "messages[2].content[0]",
                '{"type": "tool_result", "content": "sun", "tool_use_id": "t1…',
                None,
            ),
        ),
        (("messages", 0, "content"), [], ("messages[1].role", "user", "assistant")),
    ],
)
def test_a_change_is_found_where_it_is(
    path: tuple[str | int, ...], value: object, difference: tuple[str, str | None, str | None]
) -> None:
    assert found(BASE, changed(path, value)) == difference


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"model": "m", "tools": [], "system": "x", "messages": []}, "model"),
        ({"tools": [], "system": "x", "thinking": {}, "messages": []}, "tools[0]"),
        ({"system": "x", "tool_choice": {"type": "none"}, "messages": []}, "system"),
        ({"tool_choice": {"type": "none"}, "thinking": {}, "messages": []}, "tool_choice.type"),
        ({"thinking": {"type": "disabled"}, "messages": []}, "thinking"),
        ({"messages": []}, "messages[0].content[0]"),
        ({"tools": [*BASE["tools"], tool("feel")]}, "tools[2]"),
        ({"tools": BASE["tools"][::-1]}, "tools[0].name"),
        ({"system": [*BASE["system"], text("Go.")]}, "system[2]"),
        ({"messages": BASE["messages"][:2]}, "messages[2].content[0]"),
        ({"messages": [user("?"), *BASE["messages"]]}, "messages[0].content[0].text"),
    ],
)
def test_the_first_of_several_changes_is_told(settings: JsonObject, path: str) -> None:
    assert found(BASE, BASE | settings)[0] == path


def test_a_string_that_was_a_block_is_found_where_it_is_now() -> None:
    one, other = {"system": "Be brief."}, {"system": [text("Be kind.")]}
    assert found(one, other) == ("system[0].text", "Be brief.", "Be kind.")
    assert found(other, one) == ("system", "Be kind.", "Be brief.")
    image = {"type": "image", "source": {"type": "url", "url": "u"}}
    path, before, after = found({"messages": [user(image)]}, with_prompt({}, "a"))
    assert (path, after) == ("messages[0].content", '"a"') and before is not None


def test_long_texts_are_shown_around_the_first_character_that_differs() -> None:
    one, other = "a" * 500 + "b" * 500, "a" * 500 + "c" * 10
    assert found({"system": one}, {"system": other}) == (
        "system",
        "…" + "a" * 20 + "b" * 60 + "…",
        "…" + "a" * 20 + "c" * 10,
    )
    assert found({"system": "a" * 30}, {"system": "a" * 31})[1:] == (
        "…" + "a" * 20,
        "…" + "a" * 20 + "a",
    )


def test_a_setting_that_differs() -> None:
    assert first_difference(BASE, BASE | {"model": "m"}) == Difference(
        "model", "claude-sonnet-5-5", "m"
    )


@pytest.mark.parametrize("value", [None, 5, "x", [], [5], {}, {"a": 1}, [[]], [None], True])
@pytest.mark.parametrize("name", ["tools", "system", "messages", "model", "thinking", "speed"])
def test_requests_can_be_anything(name: str, value: object) -> None:
    odd = BASE | {name: value}
    assert first_difference(odd, copy.deepcopy(odd)) is None
    for one, other in ((BASE, odd), (odd, BASE)):
        difference = first_difference(one, other)
        assert difference is None or difference.path.startswith(name)


def test_what_json_cannot_say_is_no_fault() -> None:
    deep: JsonObject = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert found({"system": [deep]}, {"system": "x"}) == ("system", "<dict>", '"x"')
    assert first_difference({"system": [{1, 2}]}, {"system": [{1, 2}]}) is None


def test_content_within_content_is_no_fault() -> None:
    block: JsonObject = text("a")
    for _ in range(5_000):
        block = {"type": "tool_result", "content": [block]}
    request = {"messages": [user(block)]}
    assert first_difference(request, request) is None
    assert found(request, {"messages": [user("a")]})[0] == "messages[0].content[0].type"


# --- markers --------------------------------------------------------------------------------------


def marked(place: int, *, turns: int = 3) -> JsonObject:
    """A request of so many turns, with a marker in one of them."""
    messages = [{"role": "user", "content": [text(str(number))]} for number in range(turns)]
    if place >= 0:
        messages[place]["content"] = [text(str(place), cache_control=MARKER)]
    return {"messages": messages}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (marked(2), marked(2)),
        (marked(-1), marked(1)),
        (marked(2), marked(4, turns=5)),
        (marked(2), marked(2, turns=60)),
        (marked(2), marked(2 + LOOKBACK, turns=60)),
        (marked(2), marked(-1) | {"cache_control": MARKER}),
        (marked(-1) | {"cache_control": MARKER}, marked(2)),
        (marked(-1) | {"cache_control": MARKER}, marked(4, turns=5)),
        ({"cache_control": MARKER}, {"cache_control": MARKER}),
        (
            {"system": [text("a", cache_control=MARKER)], **marked(2)},
            {"system": "a", **marked(2)},
        ),
    ],
)
def test_markers_are_no_content(one: JsonObject, other: JsonObject) -> None:
    assert first_difference(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "after"),
    [
        (marked(2), marked(-1), None),
        (marked(2), marked(1), "messages[1].content[0]"),
        (marked(2), marked(3 + LOOKBACK, turns=60), f"messages[{3 + LOOKBACK}].content[0]"),
        (marked(2), marked(-1, turns=60) | {"cache_control": MARKER}, "messages[59].content[0]"),
    ],
)
def test_a_marker_that_moved_away_is_told(
    one: JsonObject, other: JsonObject, after: str | None
) -> None:
    difference = first_difference(one, other)
    assert difference == Difference(
        "messages[2].content[0].cache_control",
        "messages[2].content[0]",
        after,
    )


def test_the_last_of_several_markers_counts() -> None:
    system = {"system": [text("a", cache_control=MARKER)]}
    assert found(system | marked(2), system | marked(-1)) == (
        "messages[2].content[0].cache_control",
        "messages[2].content[0]",
        "system[0]",
    )


@pytest.mark.parametrize(
    "block",
    [
        tool("a", cache_control=MARKER),
        {"type": "tool_result", "tool_use_id": "t", "content": [text("9", cache_control=MARKER)]},
    ],
)
def test_a_marker_can_be_on_a_tool_or_in_a_result(block: JsonObject) -> None:
    bare: JsonObject = json.loads(json.dumps(block).replace(MARKED, ""))
    for one, other in (
        ({"tools": [block]}, {"tools": [bare]}),
        ({"messages": [user(block)]}, {"messages": [user(bare)]}),
    ):
        assert found(one, other)[0].endswith("[0].cache_control")
        assert first_difference(other, one) is None


# --- laws -----------------------------------------------------------------------------------------

WORDS = st.text(min_size=1, max_size=8)


INPUTS = st.dictionaries(WORDS, WORDS | st.lists(WORDS | st.integers(), max_size=2), max_size=2)


@st.composite
def blocks(draw: st.DrawFn) -> JsonObject:
    kind = draw(st.integers(0, 3))
    made: JsonObject
    if kind == 0:
        made = text(draw(WORDS))
    elif kind == 1:
        made = {"type": "image", "source": {"type": "url", "url": draw(WORDS)}}
    elif kind == 2:
        made = {"type": "tool_use", "id": draw(WORDS), "name": "n", "input": draw(INPUTS)}
    else:
        made = {"type": "tool_result", "tool_use_id": draw(WORDS), "content": draw(WORDS)}
    if draw(st.integers(0, 3)) == 0:
        made["cache_control"] = MARKER
    return made


def contents() -> st.SearchStrategy[str | list[JsonObject]]:
    return WORDS | st.lists(blocks(), min_size=1, max_size=3)


@st.composite
def requests(draw: st.DrawFn) -> JsonObject:
    request: JsonObject = {
        "model": "m",
        "tools": [
            {"name": draw(WORDS), "description": draw(WORDS), "input_schema": draw(INPUTS)}
            for _ in range(draw(st.integers(0, 2)))
        ],
        "messages": [
            {"role": role, "content": draw(contents())}
            for role in ("user", "assistant", "user")[: draw(st.integers(0, 3))]
        ],
    }
    if draw(st.booleans()):
        request["system"] = draw(contents())
    return request


@given(requests())
def test_the_same_request_never_differs(request: JsonObject) -> None:
    kept = copy.deepcopy(request)
    assert first_difference(request, kept) is None
    assert request == kept


@given(requests(), st.lists(contents(), max_size=3), st.booleans())
def test_a_longer_request_never_differs(
    request: JsonObject, added: list[str | list[JsonObject]], joined: bool
) -> None:
    longer = with_blocks(request, "user", [text("more")]) if joined else request
    turns = [{"role": "assistant", "content": content} for content in added]
    longer = longer | {"messages": [*longer["messages"], *turns]}
    assert first_difference(request, longer) is None
    if added or joined:
        assert found(longer, request)[2] is None


@given(requests(), st.data())
def test_a_change_is_told_where_it_was_made(request: JsonObject, data: st.DataObject) -> None:
    places = [
        path
        for name in ("tools", "system", "messages")
        for path in streams.paths(request.get(name), (name,))
        if isinstance(value_at(request, path), str) and "cache_control" not in path
    ]
    assume(places)
    path = data.draw(st.sampled_from(places))
    value = value_at(request, path)
    other = data.draw(WORDS.filter(lambda text: text != value))
    current = streams.replaced(request, path, other)
    difference = first_difference(request, current)
    assert difference is not None
    assert difference.path == written(path)
    assert difference.before is not None and difference.after is not None
    assert difference.before != difference.after
    longer = current | {"messages": [*current["messages"], answer("more")]}
    assert first_difference(request, longer) == difference


def value_at(request: JsonObject, path: tuple[str | int, ...]) -> object:
    value: Any = request
    for step in path:
        value = value[step]
    return value


def written(path: tuple[str | int, ...]) -> str:
    """A path as it is told, the other way round: by what its steps look like."""
    text = str(path[0])
    for step in path[1:]:
        plain = isinstance(step, str) and step.isascii() and step.replace("-", "_").isidentifier()
        if plain and not str(step).startswith("-"):
            text += f".{step}"
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


# --- what was used --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "use"),
    [
        (
            {
                "input_tokens": 10,
                "cache_read_input_tokens": 70,
                "cache_creation_input_tokens": 20,
            },
            CacheUse(10, 70, 20, 100, 0.7),
        ),
        (
            {"input_tokens": 10, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
            CacheUse(10, 0, 0, 10, 0.0),
        ),
        ({"input_tokens": 10}, CacheUse(10, None, None, 10, None)),
        ({"input_tokens": 10, "cache_read_input_tokens": 30}, CacheUse(10, 30, None, 40, 0.75)),
        ({"cache_read_input_tokens": 30}, CacheUse(None, 30, None, None, None)),
        ({"input_tokens": 0, "cache_read_input_tokens": 0}, CacheUse(0, 0, None, 0, None)),
        (
            {
                "input_tokens": 5,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 2,
                    "ephemeral_1h_input_tokens": 3,
                    "note": "x",
                },
            },
            CacheUse(5, None, 5, 10, None),
        ),
        ({"input_tokens": 5, "cache_creation": {}}, CacheUse(5, None, None, 5, None)),
        ({}, CacheUse(None, None, None, None, None)),
    ],
)
def test_the_use_of_the_cache(usage: JsonObject, use: CacheUse) -> None:
    assert cache_use(usage) == use


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "cache_creation",
            ]
        ),
        st.sampled_from(streams.WRONG) | streams.json_values() | st.integers(0, 1_000),
    )
)
def test_any_usage_can_be_read(usage: JsonObject) -> None:
    use = cache_use(usage)
    assert use.hit_rate is None or 0 <= use.hit_rate <= 1
    assert use.total is None or use.total >= max(use.input or 0, use.read or 0, use.write or 0)
    assert (use.total is None) == (use.input is None)
    if use.read is None or not use.total:
        assert use.hit_rate is None
