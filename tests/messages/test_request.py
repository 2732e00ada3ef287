"""Requests: what goes into one, what it asks, and what the API takes in it."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import streams
from tui.core.records import JsonObject
from tui.messages.request import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_MODEL,
    blocks_of,
    build_request,
    messages_of,
    portable,
    prompt_of,
    returned,
    settled,
    supports_prefill,
    takes_prefill,
    title_of,
    trimmed,
    waiting_tools,
    with_blocks,
    with_prompt,
    without_open_prompt,
)


def text(value: str) -> JsonObject:
    return {"type": "text", "text": value}


def tool(id: str | None = "toolu_1", **fields: object) -> JsonObject:
    return {"type": "tool_use", "id": id, "name": "look", "input": {}} | fields


def server(id: str = "srvtoolu_1") -> JsonObject:
    return {"type": "server_tool_use", "id": id, "name": "web_search", "input": {"query": "q"}}


def found(id: str = "srvtoolu_1") -> JsonObject:
    return {"type": "web_search_tool_result", "tool_use_id": id, "content": []}


THOUGHT: JsonObject = {"type": "thinking", "thinking": "hm", "signature": "sig"}
HANDED_OVER: JsonObject = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}


# --- what is sent ---------------------------------------------------------------------------------


def test_a_request_keeps_its_base() -> None:
    base = {"model": "m", "max_tokens": 5, "messages": [1], "stream": True, "top_k": 3}
    assert build_request(None, base=base) == {
        "model": "m",
        "max_tokens": 5,
        "messages": [1],
        "top_k": 3,
    }
    assert base["stream"] is True
    assert build_request("p", base=base)["messages"] == [{"role": "user", "content": "p"}]


def test_a_request_has_defaults_for_what_the_api_demands() -> None:
    assert build_request("p") == {
        "model": DEFAULT_MODEL,
        "max_tokens": DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": "p"}],
    }


def test_a_thinking_budget_has_room_in_max_tokens() -> None:
    assert build_request("p", thinking=2_000)["max_tokens"] == DEFAULT_MAX_TOKENS + 2_000
    assert build_request("p", thinking=2_000, max_tokens=9)["max_tokens"] == 9
    assert build_request("p", extra={"max_tokens": 8})["max_tokens"] == 8


# --- what it asks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "prompt"),
    [
        ([{"role": "user", "content": "first"}, {"role": "assistant", "content": "x"}], "first"),
        (
            [
                {"role": "user", "content": "first"},
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"text": "b"}, "?"]},
            ],
            "a\nb",
        ),
        ([{"role": "user", "content": [{"type": "image"}]}], None),
        ([{"role": "user", "content": 5}], None),
        ([{"role": ["user"], "content": "x"}], None),
        (["hi"], None),
        ([], None),
        (None, None),
        (5, None),
        ({"role": "user"}, None),
    ],
)
def test_the_prompt_is_the_last_thing_the_user_said(messages: object, prompt: str | None) -> None:
    assert prompt_of({"messages": messages}) == prompt
    assert prompt_of({}) is None


def test_a_title_is_one_short_line() -> None:
    def title(prompt: str) -> str:
        return title_of({"messages": [{"role": "user", "content": prompt}]})

    assert title("Why is\n  the sky blue?") == "Why is the sky blue?"
    assert title("x" * 60) == "x" * 60
    assert title("x" * 61) == "x" * 59 + "\u2026"
    assert title("") == title_of({}) == title_of({"messages": 5}) == "request"
    results = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
    asked = {"messages": [{"role": "user", "content": "Rain?"}, results]}
    assert title_of(asked) == "\u21b3 Rain?"


# --- the next turn --------------------------------------------------------------------------------


def test_a_prompt_follows_an_answer() -> None:
    before = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    made = with_prompt({"model": "m", "messages": before}, "c")
    assert made == {"model": "m", "messages": [*before, {"role": "user", "content": "c"}]}


@pytest.mark.parametrize("request_", [{}, {"messages": None}, {"messages": 5}, {"messages": []}])
def test_a_prompt_can_be_the_first_thing_said(request_: JsonObject) -> None:
    assert with_prompt(request_, "a")["messages"] == [{"role": "user", "content": "a"}]


@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        ("a", [text("a"), text("b")]),
        ("", [text("b")]),
        ([{"type": "tool_result", "tool_use_id": "t", "content": "9"}], None),
        ([], [text("b")]),
    ],
)
def test_a_prompt_joins_what_the_user_said_last(
    content: str | list[JsonObject], blocks: list[JsonObject] | None
) -> None:
    turn = {"role": "user", "content": content}
    (made,) = with_prompt({"messages": [turn]}, "b")["messages"]
    assert made == {"role": "user", "content": [*content, text("b")] if blocks is None else blocks}


def test_what_is_no_content_is_not_added_to() -> None:
    turns = [{"role": "user", "content": 5}]
    assert with_prompt({"messages": turns}, "b")["messages"] == [
        *turns,
        {"role": "user", "content": "b"},
    ]


@pytest.mark.parametrize(
    ("turn", "stays"),
    [
        ({"role": "user", "content": "a"}, False),
        ({"role": "user", "content": [text("a"), {"type": "image"}]}, False),
        ({"role": "assistant", "content": "a"}, True),
        ({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}, True),
        ("?", True),
    ],
)
def test_a_prompt_can_take_the_place_of_one_that_only_asks(turn: object, stays: bool) -> None:
    before = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "x"}]
    request = {"model": "m", "messages": [*before, turn]}
    made = {"model": "m", "messages": [*before, turn] if stays else before}
    assert without_open_prompt(request) == made
    assert request["messages"] == [*before, turn]
    assert without_open_prompt({}) == {}


def test_blocks_make_a_turn_or_join_one() -> None:
    one = with_blocks({}, "assistant", [text("a")])
    assert one["messages"] == [{"role": "assistant", "content": [text("a")]}]
    two = with_blocks(one, "assistant", [text("b")])
    assert two["messages"] == [{"role": "assistant", "content": [text("a"), text("b")]}]
    three = with_blocks(two, "user", [text("c")])
    assert [turn["role"] for turn in three["messages"]] == ["assistant", "user"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "role": st.sampled_from(["user", "assistant"]),
                "content": st.one_of(streams.TEXT, st.lists(streams.TEXT.map(text), max_size=2)),
            }
        ),
        max_size=3,
    ),
    streams.TEXT,
)
def test_a_prompt_changes_nothing_in_place(turns: list[JsonObject], prompt: str) -> None:
    request = {"model": "m", "messages": turns}
    kept = copy.deepcopy(request)
    made = with_prompt(request, prompt)
    assert request == kept
    assert prompt_of(with_prompt({}, prompt)) == (prompt or None)
    before = [block for turn in turns for block in blocks_of(turn)]
    after = [block for turn in messages_of(made) for block in blocks_of(turn)]
    assert after == [*before, text(prompt)] or (not prompt and after == before)


# --- models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        "claude-2.1",
        "claude-instant-1.2",
        "claude-3-haiku-20240307",
        "claude-3-5-sonnet-latest",
        "claude-3.7-sonnet",
        "claude-opus-4",
        "claude-opus-4-0",
        "claude-opus-4-1-20250805",
        "claude-opus-4-5",
        "claude-sonnet-4-20250514",
        "claude-sonnet-4-5-20250929",
        "claude-haiku-4-5",
        "claude-haiku-4-5@20251001",
        "anthropic/claude-sonnet-4.5",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ],
)
def test_older_models_take_a_prefill(model: str) -> None:
    assert supports_prefill(model)
    assert takes_prefill({"model": model})


@pytest.mark.parametrize(
    "model",
    [
        "",
        "claude",
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-opus-4-7-20260401",
        "claude-opus-4-15",
        "claude-opus-5",
        "claude-sonnet-5-5",
        "claude-30-opus",
        "claude-fable-5",
        "anthropic/claude-sonnet-4.6",
        "my-claude-3",
        "gpt-4-5",
        "scenario:plain",
    ],
)
def test_newer_and_unknown_models_do_not(model: str) -> None:
    assert not supports_prefill(model)
    assert not takes_prefill({"model": model})


@pytest.mark.parametrize(
    ("settings", "takes"),
    [
        ({}, True),
        ({"thinking": None}, True),
        ({"thinking": {"type": "disabled"}}, True),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, False),
        ({"thinking": {"type": "adaptive"}}, False),
        ({"thinking": 5}, False),
        ({"tool_choice": {"type": "auto"}}, True),
        ({"tool_choice": {"type": "any"}}, False),
        ({"tool_choice": {"type": "tool", "name": "t"}}, False),
        ({"output_config": {"effort": "low"}}, True),
        ({"output_config": {"format": {"type": "json_schema"}}}, False),
        ({"output_format": {"type": "json_schema"}}, False),
        ({"model": None}, False),
        ({"model": 5}, False),
    ],
)
def test_settings_can_rule_a_prefill_out(settings: JsonObject, takes: bool) -> None:
    assert takes_prefill({"model": "claude-opus-4-5"} | settings) is takes


# --- what is sent back ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block",
    [
        text("hi") | {"citations": [{"type": "char_location", "cited_text": "h"}]},
        text("hi") | {"citations": None},
        THOUGHT,
        {"type": "thinking", "thinking": "", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
        tool(input={"a": [1, None]}) | {"caller": {"type": "direct"}},
        server(),
        found(),
        {"type": "compaction", "content": None},
        HANDED_OVER,
        {"type": "not_invented_yet", "value": 1},
    ],
)
def test_blocks_go_back_as_they_came(block: JsonObject) -> None:
    assert returned([block]) == [block]


@pytest.mark.parametrize(
    ("block", "made"),
    [
        (text(""), None),
        (text(" \n\t"), None),
        ({"type": "text", "text": None}, None),
        ({"type": "text"}, None),
        ({"text": "no type"}, None),
        ({"type": 5}, None),
        ({"type": "untyped"}, None),
        (5, None),
        (None, None),
        (tool(id=""), None),
        (tool(id=None), None),
        (tool(name=""), None),
        (tool(name=5), None),
        (tool(input=None), tool()),
        (tool(input=[1]), tool()),
        (tool(input={"a": float("inf")}), tool()),
        ({"type": "tool_use", "id": "a", "name": "b"}, tool("a", name="b")),
        (server() | {"input": "q"}, server() | {"input": {}}),
        ({"type": "other", "value": float("inf")}, None),
        (text("a") | {"unknown_deltas": [{"type": "x_delta"}]}, text("a")),
        (THOUGHT | {"estimated_tokens": 7}, THOUGHT),
        (text("a\ud83d\ude00b"), text("a\U0001f600b")),
        (text("a\ud83db"), text("a\ufffdb")),
        (tool(input={"\udc00": "\ud800"}), tool(input={"\ufffd": "\ufffd"})),
    ],
)
def test_what_the_api_refuses_stays_away(block: object, made: JsonObject | None) -> None:
    kept = copy.deepcopy(block)
    assert returned([block]) == ([] if made is None else [made])
    assert block == kept


@pytest.mark.parametrize("content", [None, "text", 5, {}, {"type": "text"}])
def test_content_that_is_no_list_is_nothing(content: object) -> None:
    assert returned(content) == []


def test_blank_text_stays_beside_other_text() -> None:
    blocks = [THOUGHT, text("\n\n"), THOUGHT, text("hi")]
    assert returned([*blocks, text("")]) == blocks
    assert returned([THOUGHT, text("\n\n"), tool()]) == [THOUGHT, tool()]


def test_of_calls_with_the_same_id_the_first_goes_back() -> None:
    blocks = [tool("a"), tool("b"), tool("a", name="other")]
    assert returned(blocks) == blocks[:2]


def test_what_a_model_had_begun_before_another_took_over_is_left_out() -> None:
    begun = [THOUGHT, text("a"), server("s1"), found("s1"), server("s2"), tool("a")]
    after = [THOUGHT, server("s3"), tool("b")]
    assert returned([*begun, HANDED_OVER, *after]) == [
        *begun[1:4],
        HANDED_OVER,
        *after,
    ]
    assert returned([tool("a"), HANDED_OVER, THOUGHT, HANDED_OVER]) == [HANDED_OVER, HANDED_OVER]


@given(streams.json_values(st.text(max_size=5)))
def test_what_can_be_sent_is_unchanged(value: object) -> None:
    block: JsonObject = {"value": value}
    made = portable(block)
    assert made is not None
    json.dumps(made, ensure_ascii=False, allow_nan=False).encode()
    if json.dumps(block, ensure_ascii=False).isprintable():
        assert made is block


def test_what_is_nested_too_deeply_cannot_be_sent() -> None:
    value: JsonObject = {}
    for _ in range(100_000):
        value = {"a": value}
    assert portable(value) is None


# --- what a user turn can follow ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("blocks", "places"),
    [
        ([text("a"), server(), found()], [0, 1, 2]),
        ([text("a"), server()], [0]),
        ([found(), text("a")], [1]),
        ([found("w"), text("a")], [0, 1]),
        ([server("a"), server("b"), found("b")], [1, 2]),
        ([{"type": "mcp_tool_use", "id": "m"}, {"type": "mcp_tool_result"}], []),
        (
            [{"type": "mcp_tool_use", "id": "m"}, {"type": "mcp_tool_result", "tool_use_id": "m"}],
            [0, 1],
        ),
        ([text("a"), THOUGHT], [0]),
        ([THOUGHT, {"type": "redacted_thinking", "data": "x"}], []),
        ([THOUGHT, text("a")], [0, 1]),
        ([text("a"), HANDED_OVER], [0]),
        ([text("a"), HANDED_OVER, text("b")], [0, 1, 2]),
        ([server(), tool(caller={"type": "code_execution", "tool_id": "srvtoolu_1"})], []),
        ([tool(caller={"type": "code_execution", "tool_id": "w"})], [0]),
        ([tool(caller={"type": "direct"}), tool(caller=5), tool(caller={"tool_id": 5})], [0, 1, 2]),
    ],
)
def test_what_waits_for_the_server_cannot_be_followed(
    blocks: list[JsonObject], places: list[int]
) -> None:
    assert settled(blocks, {"w"}) == [blocks[place] for place in places]


def test_tools_of_the_server_can_wait_over_turns() -> None:
    turns = [
        {"role": "assistant", "content": [server("a"), server("b"), found("a")]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "b"}, server("u")]},
        "?",
        {"role": "assistant", "content": [server("c"), 5, {"type": ["x"], "id": ["y"]}]},
    ]
    assert waiting_tools({"messages": turns}) == {"b", "c"}
    turns.append({"role": "assistant", "content": [found("c"), found("b")]})
    assert waiting_tools({"messages": turns}) == set()
    assert waiting_tools({}) == set()


@pytest.mark.parametrize(
    ("blocks", "made"),
    [
        ([text("a \n")], [text("a")]),
        ([text("a"), text(" \n")], [text("a")]),
        ([text(" a")], [text(" a")]),
        ([text("a "), tool()], [text("a "), tool()]),
        ([tool(), text(" ")], [tool()]),
        ([text(" ")], []),
        ([], []),
    ],
)
def test_the_last_turn_does_not_end_in_white_space(
    blocks: list[JsonObject], made: list[JsonObject]
) -> None:
    kept = copy.deepcopy(blocks)
    assert trimmed(blocks) == made
    assert blocks == kept
