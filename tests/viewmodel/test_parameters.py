"""Parameters as texts and back; the weight of a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_CODES, hostile_in, hostile_text
from tui.core.records import JsonObject
from tui.viewmodel.parameters import Fields, Weight, fields_of, json_text, parse, weigh, wire_text

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), hostile_text(3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(hostile_text(2), inner, max_size=3)
    ),
    max_leaves=6,
)
WHOLE = st.integers(1, 999_999_999)
THINKING = st.one_of(
    st.just({"type": "disabled"}),
    st.just({"type": "adaptive"}),
    st.builds(lambda budget: {"type": "enabled", "budget_tokens": budget}, WHOLE),
    st.just({"type": "adaptive", "display": "summarized"}),
    JSON,
)
SOME_TEXT = st.one_of(st.just("claude-sonnet-4-6"), st.just("Be brief.\nAnswer in French."), JSON)


def weight_of(request: JsonObject) -> Weight:
    return weigh(request, wire_text(request))


# --- JSON to be drawn -----------------------------------------------------------------------------


@given(JSON, st.sampled_from([None, 2]))
def test_json_is_safe_to_draw_and_means_the_same(value: object, indent: int | None) -> None:
    text = json_text(value, indent=indent)
    assert not hostile_in(text)
    assert json.loads(text) == json.loads(json.dumps(value))


def test_only_hostile_characters_are_escaped() -> None:
    everything = "".join(map(chr, HOSTILE_CODES))
    assert not hostile_in(json_text(everything))
    assert json_text({"\u6771\u4eac": "\u00e9\u200d\x1b\U000e0041"}) == (
        '{"\u6771\u4eac": "\u00e9\u200d\\u001b\\udb40\\udc41"}'
    )


# --- fields ---------------------------------------------------------------------------------------


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "model": SOME_TEXT,
            "system": SOME_TEXT,
            "max_tokens": st.one_of(WHOLE, JSON),
            "thinking": THINKING,
            "temperature": JSON,
            "metadata": JSON,
        },
    )
)
def test_what_is_not_changed_comes_back_as_it_was(parameters: dict[str, Any]) -> None:
    for name in ("model", "system"):
        value = parameters.get(name)
        if isinstance(value, str) and value != value.strip():
            del parameters[name]
    parsed = parse(fields_of(parameters))
    assert parsed.mistakes == {}
    assert json.dumps(parsed.parameters, sort_keys=True) == json.dumps(parameters, sort_keys=True)


def test_each_parameter_has_its_field() -> None:
    fields = fields_of(
        {
            "model": "m",
            "system": "s",
            "max_tokens": 10,
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "top_k": 3,
            "messages": [1],
            "stream": True,
            "tools": [2],
        }
    )
    assert fields == Fields("m", "s", "10", "2048", '{"top_k": 3}')


def test_what_a_field_cannot_show_is_among_the_others() -> None:
    parameters = {
        "system": [{"type": "text", "text": "cached", "cache_control": {"type": "ephemeral"}}],
        "max_tokens": True,
        "thinking": {"type": "enabled", "budget_tokens": 1, "display": "omitted"},
    }
    fields = fields_of(parameters)
    assert fields[:4] == ("", "", "", "")
    assert json.loads(fields.other) == parameters
    assert fields.other.startswith('{\n  "system"')


def test_empty_fields_are_not_sent() -> None:
    assert parse(Fields()).parameters == {}
    assert parse(Fields(" ", "\n", " ", "\t", " \n")).parameters == {}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("off", {"type": "disabled"}),
        (" Adaptive ", {"type": "adaptive"}),
        ("1024", {"type": "enabled", "budget_tokens": 1024}),
    ],
)
def test_thinking(typed: str, meant: object) -> None:
    assert parse(Fields(thinking=typed)).parameters == {"thinking": meant}


@pytest.mark.parametrize("typed", ["0", "-1", "1.5", "1e3", "many", "\u0663", "1" * 5000, "1 0"])
def test_no_whole_number(typed: str) -> None:
    parsed = parse(Fields(max_tokens=typed, thinking=typed))
    assert parsed.parameters == {}
    assert parsed.mistakes == {
        "max_tokens": "has to be a whole number, 1 or more",
        "thinking": "has to be off, adaptive, or a whole number",
    }


@pytest.mark.parametrize(
    ("typed", "mistake"),
    [
        ("{", "line 1, column 2: 1 bracket is open"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6: expected ':'"),
        ('{"a": NaN}', "line 1, column 7: expected a value"),
        ("[1]", 'has to be an object, as {"temperature": 0.5}'),
        ('{"messages": []}', "messages are what is said here: they cannot be set"),
        ('{"stream": false}', "stream is always on here: it cannot be set"),
        ('{"tools": []}', "tools are chosen above"),
        ('{"model": "m"}', "model is in its field above already"),
        ("[" * 3000 + "]" * 3000, "line 1, column 202: nested too deeply"),
    ],
)
def test_what_is_wrong_with_the_others(typed: str, mistake: str) -> None:
    parsed = parse(Fields(model="m", other=typed))
    assert parsed.mistakes == {"other": mistake}
    assert parsed.parameters == {"model": "m"}


def test_a_parameter_may_stand_among_the_others_instead() -> None:
    parsed = parse(Fields(other='{"model": "m", "max_tokens": 5}'))
    assert parsed.parameters == {"model": "m", "max_tokens": 5}
    wrong = parse(Fields(max_tokens="x", other='{"max_tokens": 5}'))
    assert set(wrong.mistakes) == {"max_tokens", "other"}


@given(st.text(max_size=30))
def test_any_text_is_parsed(text: str) -> None:
    parsed = parse(Fields(text, text, text, text, text))
    assert set(parsed.mistakes) <= {"max_tokens", "thinking", "other"}


# --- weight ---------------------------------------------------------------------------------------


def test_the_size_is_that_of_the_json_without_blanks() -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "\u00e9"}]}
    wire = '{"model":"m","messages":[{"role":"user","content":"\u00e9"}]}'
    assert weight_of(request).size == len(wire.encode())


def test_a_token_is_four_bytes_of_text() -> None:
    turn = {"role": "user", "content": "x" * 396}
    assert weight_of({"model": "m" * 100, "messages": [turn]}).tokens == 100
    blocks = [{"type": "text", "text": "y" * 400}]
    assert weight_of({"system": blocks, "messages": []}).tokens == 100


def test_tools_count_with_their_schemas() -> None:
    schema = {"type": "object", "properties": {"place": {"type": "string"}}}
    tool = {"name": "abcd", "description": "efgh", "input_schema": schema}
    assert weight_of({"tools": [tool]}).tokens == (8 + len(json.dumps(schema)) + 3) // 4


def test_files_are_counted_apart() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}
    result = {"type": "tool_result", "content": [{"type": "image", "source": source}]}
    content = [{"type": "document", "title": "abcd", "source": source}, result]
    weight = weight_of({"messages": [{"role": "user", "content": content}]})
    assert weight.files == 2
    assert weight.tokens == 2
    assert weight.size > 200_000


@given(JSON, JSON)
def test_anything_can_be_weighed(one: object, other: object) -> None:
    weight = weight_of({"messages": one, "system": other})
    assert weight.size >= weight.tokens >= 0


def test_the_question_why_the_cache_missed_has_a_field_of_its_own() -> None:
    asks = {"diagnostics": {"previous_message_id": None}}
    assert fields_of(asks) == Fields(asks_why=True)
    assert parse(Fields(asks_why=True)).parameters == asks
    more = {"diagnostics": {"previous_message_id": "msg_1", "more": 1}}
    assert not fields_of(more).asks_why and json.loads(fields_of(more).other) == more
    twice = parse(Fields(other=json.dumps(more), asks_why=True))
    assert twice.mistakes == {"other": "diagnostics is in its field above already"}
