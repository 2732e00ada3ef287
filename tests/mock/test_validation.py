"""Requests that the API refuses, and what it says; requests that it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.mock.api import ApiError, parsed
from tui.mock.usage import PromptCache
from tui.mock.validation import check, check_model, max_tokens

HELLO = {"role": "user", "content": "Hello"}
ASK: dict[str, Any] = {"model": "claude-sonnet-5-5", "max_tokens": 2048, "messages": [HELLO]}
TOOL = {"name": "wind", "description": "Wind.", "input_schema": {"type": "object"}}
SERVER_TOOL = {"type": "web_search_20260209", "name": "web_search"}


def called(*ids: str) -> dict[str, Any]:
    blocks = [{"type": "tool_use", "id": one, "name": "wind", "input": {}} for one in ids]
    return {"role": "assistant", "content": blocks}


def answered(*ids: str, **more: object) -> dict[str, Any]:
    blocks = [{"type": "tool_result", "tool_use_id": one, **more} for one in ids]
    return {"role": "user", "content": blocks}


def said(*blocks: object, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


SYSTEM = {"role": "system", "content": "Be brief from now on."}
FORM = {"type": "json_schema", "schema": {"type": "object", "properties": {"x": {}}}}


def refusal(body: dict[str, Any], **how: bool) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        check(body, **how)
        check_model(body)
    return caught.value.status, caught.value.message


NOT_ANSWERED = (
    "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` "
    "block must have a corresponding `tool_result` block in the next message."
)
NOT_ASKED = (
    "unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` block must "
    "have a corresponding `tool_use` block in the previous message."
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"max_tokens": 1.5}, "max_tokens: Input should be a whole number"),
        (
            {"max_tokens": 128_001},
            "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens for "
            "claude-sonnet-5-5",
        ),
        ({"temperature": 1.1}, "temperature: Input should be less than or equal to 1"),
        ({"temperature": -0.1}, "temperature: Input should be greater than or equal to 0"),
        ({"temperature": "hot"}, "temperature: Input should be a number"),
        ({"temperature": True}, "temperature: Input should be a number"),
        ({"temperature": None}, "temperature: Input should be a number"),
        ({"top_p": 2}, "top_p: Input should be less than or equal to 1"),
        ({"top_k": -1}, "top_k: Input should be greater than or equal to 0"),
        ({"top_k": 1.5}, "top_k: Input should be a whole number"),
        ({"stop_sequences": "x"}, "stop_sequences: Input should be a list"),
        ({"stop_sequences": ["a", 5]}, "stop_sequences.1: Input should be a string"),
        (
            {"stop_sequences": ["\n"]},
            "stop_sequences: each stop sequence must contain non-whitespace",
        ),
        ({"metadata": "me"}, "metadata: Input should be an object"),
        ({"service_tier": "gold"}, "service_tier: Input should be 'auto' or 'standard_only'"),
        ({"functions": []}, "functions: Extra inputs are not permitted"),
        ({"thread": {"type": "create"}}, "thread: Extra inputs are not permitted"),
        # system
        ({"system": 5}, "system: Input should be a string or a list"),
        ({"system": ["x"]}, "system.0: Input should be an object"),
        ({"system": [{"text": "x"}]}, "system.0.type: Field required"),
        ({"system": [{"type": "image"}]}, "system.0.type: Input should be 'text'"),
        ({"system": [{"type": "text"}]}, "system.0.text: Field required"),
        ({"system": [text("")]}, "system: text content blocks must be non-empty"),
        # tools
        ({"tools": {}}, "tools: Input should be a list"),
        ({"tools": ["wind"]}, "tools.0: Input should be an object"),
        ({"tools": [{"name": "a"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.custom.name: Field required"),
        (
            {"tools": [{**TOOL, "name": "the wind"}]},
            "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
        ),
        (
            {"tools": [{**TOOL, "name": "wind\n"}]},
            "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
        ),
        ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
        (
            {"tools": [{**TOOL, "input_schema": {}}]},
            "tools.0.custom.input_schema.type: Field required",
        ),
        (
            {"tools": [{**TOOL, "input_schema": {"type": "array"}}]},
            "tools.0.custom.input_schema.type: Input should be 'object'",
        ),
        (
            {"tools": [{**TOOL, "input_schema": {"type": "object", "required": "x"}}]},
            "tools.0.custom.input_schema.required: Input should be a list",
        ),
        (
            {"tools": [{**TOOL, "description": 5}]},
            "tools.0.custom.description: Input should be a string",
        ),
        (
            {"tools": [{"type": "web_search", "name": "web_search"}]},
            "tools.0: Input tag 'web_search' found using 'type' does not match any of the expected "
            "tags",
        ),
        (
            {"tools": [{"type": "web_search_20990101", "name": "web_search"}]},
            "tools.0: Input tag 'web_search_20990101' found using 'type' does not match any of the "
            "expected tags: 'web_search_20",
        ),
        ({"tools": [{"type": ["x"], "name": "x"}]}, "tools.0: Input tag \"['x']\" found"),
        (
            {"tools": [{"type": "mcp_toolset", "mcp_server_name": "m"}]},
            "tools.0: Input tag 'mcp_toolset' found using 'type' does not match any of the "
            "expected tags (this one needs a beta header): ",
        ),
        # output
        (
            {"output_config": {"effort": "extreme"}},
            "output_config.effort: Input should be 'low' or 'medium' or 'high' or 'xhigh' or 'max'",
        ),
        ({"output_config": {"new": 1}}, "output_config.new: Extra inputs are not permitted"),
        ({"output_config": {"format": "json"}}, "output_config.format: Input should be an object"),
        (
            {"output_config": {"format": {"type": "json_schema"}}},
            "output_config.format.schema: Field required",
        ),
        (
            {"output_config": {"format": {"type": "json", "schema": {}}}},
            "output_config.format.type: Input should be 'json_schema'",
        ),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": []}}},
            "output_config.format.schema: Input should be an object",
        ),
        ({"output_format": FORM}, "output_format: Extra inputs are not permitted"),
        (
            {"diagnostics": {"previous_message_id": 5}},
            "diagnostics.previous_message_id: Input should be a string",
        ),
        # tool_choice
        ({"tool_choice": {"type": "auto"}}, "tool_choice: may only be specified while providing"),
        ({"tool_choice": {}, "tools": [TOOL]}, "tool_choice.type: Field required"),
        (
            {"tool_choice": {"type": "all"}, "tools": [TOOL]},
            "tool_choice: Input tag 'all' found using 'type' does not match any of the expected "
            "tags: 'any', 'auto', 'none', 'tool'",
        ),
        (
            {"tool_choice": {"type": "tool"}, "tools": [TOOL]},
            "tool_choice.tool.name: Field required",
        ),
        (
            {"tool_choice": {"type": "tool", "name": "rain"}, "tools": [TOOL]},
            "tool_choice: Tool 'rain' not found in provided tools",
        ),
        # thinking
        ({"thinking": {}}, "thinking.type: Field required"),
        ({"thinking": {"type": "deep"}}, "thinking: Input tag 'deep' found using 'type'"),
        ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1023}},
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
        (
            {"thinking": {"type": "adaptive"}, "temperature": 0},
            "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.",
        ),
        (
            {
                "thinking": {"type": "adaptive"},
                "tools": [TOOL],
                "tool_choice": {"type": "any"},
            },
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        # cache_control
        (
            {
                "system": [{**text(str(n)), "cache_control": {}} for n in range(4)],
                "cache_control": {"type": "ephemeral"},
            },
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
        (
            {"system": [text("x"), {**text("y"), "cache_control": {"type": "persistent"}}]},
            "system.1.cache_control.type: Input should be 'ephemeral'",
        ),
        *(
            (
                {"tools": [{**TOOL, "cache_control": {"type": "ephemeral", "ttl": ttl}}]},
                "tools.0.cache_control.ttl: Input should be '5m' or '1h'",
            )
            for ttl in ("2h", 5, ["5m"])
        ),
        (
            {"tools": [{**TOOL, "cache_control": []}]},
            "tools.0.cache_control: Input should be an object",
        ),
        (
            {
                "tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}],
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
            "cache_control.ttl: a block with a ttl of '1h' must not come after one with a ttl of",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    status, told = refusal({**ASK, **change})
    assert status == 400
    assert told.startswith(message)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "messages: at least one message is required"),
        (["Hello"], "messages.0: Input should be an object"),
        ([{"content": "Hello"}], "messages.0.role: Field required"),
        ([{"role": "user"}], "messages.0.content: Field required"),
        ([{**HELLO, "name": "me"}], "messages.0.name: Extra inputs are not permitted"),
        (
            [{"role": "me", "content": "x"}],
            "messages.0.role: Input should be 'user' or 'assistant' or 'system'",
        ),
        ([{"role": [], "content": "x"}], "messages.0.role: Input should be 'user' or 'assistant'"),
        (
            [{"role": "system", "content": "x"}],
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.',
        ),
        (
            [HELLO, {"role": "assistant", "content": "x"}, SYSTEM, HELLO],
            "messages.2: a `system` message has to follow a `user` message",
        ),
        (
            [HELLO, {"role": "system", "content": [{"type": "image", "source": {}}]}],
            "messages.1.content.0: `system` messages can only have `text` blocks",
        ),
        (
            [{"role": "assistant", "content": "x"}, HELLO],
            'messages: first message must use the "user" role',
        ),
        (
            [{"role": "user", "content": 5}],
            "messages.0.content: Input should be a string or a list",
        ),
        ([{"role": "user", "content": ""}], "messages.0: all messages must have non-empty content"),
        (
            [HELLO, {"role": "assistant", "content": []}, HELLO],
            "messages.1: all messages must have non-empty content except for the optional final "
            "assistant message",
        ),
        (
            [{"role": "user", "content": " \n"}],
            "messages: text content blocks must contain non-whitespace text",
        ),
        ([said(text(""))], "messages: text content blocks must be non-empty"),
        ([said("x")], "messages.0.content.0: Input should be an object"),
        ([said({"text": "x"})], "messages.0.content.0.type: Field required"),
        (
            [said({"type": "video"})],
            "messages.0.content.0: Input tag 'video' found using 'type' does not match any of the "
            "expected tags: 'text', 'image'",
        ),
        ([said({"type": []})], "messages.0.content.0: Input tag [] found using 'type'"),
        ([said({"type": "text"})], "messages.0.content.0.text.text: Field required"),
        (
            [said({"type": "text", "text": 5})],
            "messages.0.content.0.text.text: Input should be a string",
        ),
        (
            [said({"type": "image", "source": "x"})],
            "messages.0.content.0.image.source: Input should be an object",
        ),
        (
            [said(*called("a")["content"])],
            "messages.0: `tool_use` blocks can only be in `assistant`",
        ),
        (
            [HELLO, said(*answered("a")["content"], role="assistant"), HELLO],
            "messages.1: `tool_result` blocks can only be in `user` messages",
        ),
        # calls and results
        ([HELLO, called("a"), HELLO], f"messages.1: {NOT_ANSWERED.format('a')}"),
        ([HELLO, called("a")], f"messages.1: {NOT_ANSWERED.format('a')}"),
        ([HELLO, called("a", "b"), answered("b")], f"messages.1: {NOT_ANSWERED.format('a')}"),
        ([HELLO, called("a", "b"), HELLO], f"messages.1: {NOT_ANSWERED.format('a, b')}"),
        (
            [HELLO, called("a"), said(text("Here"), *answered("a")["content"])],
            f"messages.1: {NOT_ANSWERED.format('a')}",
        ),
        ([answered("a")], f"messages.0.content.0: {NOT_ASKED.format('a')}"),
        (
            [HELLO, called("a"), answered("a"), said(text("x"), role="assistant"), answered("a")],
            f"messages.4.content.0: {NOT_ASKED.format('a')}",
        ),
        (
            [HELLO, called("a"), answered("a", "a")],
            "messages.2.content.1: each tool_use must have a single result. Found multiple "
            "`tool_result` blocks with id: a",
        ),
        (
            [HELLO, called("a"), answered("a"), called("a"), answered("a")],
            "messages: `tool_use` ids must be unique",
        ),
        (
            [HELLO, called("a"), answered("a", content=5)],
            "messages.2.content.0.tool_result.content: Input should be a string or a list",
        ),
        (
            [HELLO, called("a"), answered("a", content=[{"type": "tool_use"}])],
            "messages.2.content.0.tool_result.content.0.type: Input should be one of 'text'",
        ),
        (
            [HELLO, called("a"), answered("a", content=[{"type": "text"}])],
            "messages.2.content.0.tool_result.content.0.text: Input should be a string",
        ),
        (
            [HELLO, called("a"), answered("a", is_error="no")],
            "messages.2.content.0.tool_result.is_error: Input should be true or false",
        ),
        # the end
        (
            [HELLO, {"role": "assistant", "content": "The answer is "}],
            "messages: final assistant content cannot end with trailing whitespace",
        ),
        (
            [HELLO, said(text("The answer\n"), role="assistant")],
            "messages: final assistant content cannot end with trailing whitespace",
        ),
    ],
)
def test_turns_that_are_wrong_are_named(messages: list[Any], message: str) -> None:
    status, told = refusal({**ASK, "model": "scenario:plain", "messages": messages})
    assert status == 400
    assert told.startswith(message)


@pytest.mark.parametrize(
    "body",
    [
        ASK,
        {**ASK, "system": "", "stream": True, "metadata": {"user_id": "u"}, "top_k": 0, "top_p": 1},
        {**ASK, "system": [text("Be brief.")], "stop_sequences": ["END"], "temperature": 0},
        {**ASK, "cache_control": None, "container": "c", "speed": None, "service_tier": "auto"},
        {**ASK, "tools": [TOOL, SERVER_TOOL], "tool_choice": {"type": "tool", "name": "wind"}},
        {**ASK, "tools": [{**TOOL, "type": "custom"}], "tool_choice": {"type": "none"}},
        {**ASK, "thinking": {"type": "enabled", "budget_tokens": 2047}, "temperature": 1},
        {**ASK, "thinking": {"type": "disabled"}, "temperature": 0.5},
        {**ASK, "messages": [HELLO, HELLO]},
        {**ASK, "messages": [said(text("a"), {"type": "image", "source": {"type": "url"}})]},
        {**ASK, "messages": [HELLO, called("a"), answered("a")]},
        {**ASK, "messages": [HELLO, called("a"), answered("a", content="x"), HELLO]},
        {**ASK, "messages": [HELLO, called("a", "b"), answered("b"), answered("a")]},
        {**ASK, "messages": [HELLO, called("a"), called("b"), answered("a", "b", is_error=True)]},
        {**ASK, "messages": [HELLO, called("a"), answered("a", content=[text("x")])]},
        {**ASK, "model": "claude-sonnet-4-5", "messages": [HELLO, {**HELLO, "role": "assistant"}]},
        {**ASK, "max_tokens": 0},
        {**ASK, "messages": [HELLO, SYSTEM]},
        {
            **ASK,
            "messages": [HELLO, called("a"), answered("a"), SYSTEM, called("b"), answered("b")],
        },
        {**ASK, "output_config": {"effort": "xhigh", "format": FORM}},
        {**ASK, "output_config": {"effort": None, "format": None}},
        {**ASK, "tools": [{"type": "memory_20250818", "name": "memory"}]},
    ],
)
def test_what_the_api_takes_is_taken(body: dict[str, Any]) -> None:
    check(body)
    check_model(body)
    assert PromptCache().count(body).input > 0


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        ("scenario:plain", True),
        ("claude-3-5-sonnet-20241022", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-5-20251101", True),
        ("claude-haiku-4-5", True),
        ("claude-sonnet-4-6", False),
        ("claude-opus-5-5", False),
        ("claude-mythos-preview", False),
    ],
)
def test_prefill_is_for_older_models(model: str, taken: bool) -> None:
    body = {**ASK, "model": model, "messages": [HELLO, {"role": "assistant", "content": "{"}]}
    check(body)
    if taken:
        check_model(body)
        return
    assert refusal(body) == (
        400,
        "This model does not support assistant message prefill. "
        "The conversation must end with a user message.",
    )


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-3-5-haiku-latest", 8_192),
        ("claude-3-7-sonnet-20250219", 64_000),
        ("claude-sonnet-4-5", 64_000),
        ("claude-opus-4-6", 128_000),
        ("scenario:tour", 128_000),
    ],
)
def test_each_model_has_its_limit(model: str, most: int) -> None:
    assert max_tokens(model) == most
    check_model({**ASK, "model": model, "max_tokens": most})
    assert refusal({**ASK, "model": model, "max_tokens": most + 1})[1].startswith("max_tokens: ")


def test_system_messages_are_for_newer_models() -> None:
    for model in ("claude-opus-4-8", "claude-sonnet-5", "scenario:plain"):
        check_model({**ASK, "model": model, "messages": [HELLO, SYSTEM]})
    for model in ("claude-opus-4-7", "claude-haiku-4-5"):
        status, told = refusal({**ASK, "model": model, "messages": [HELLO, SYSTEM]})
        assert (status, told[:35]) == (400, 'messages: Unexpected role "system".')


def test_what_beta_headers_add() -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "docs"}
    server = {"type": "url", "url": "http://127.0.0.1:1", "name": "docs"}
    check({**ASK, "tools": [toolset], "mcp_servers": [server]}, beta=True)
    check({**ASK, "tools": [{"type": "computer_20251124", "name": "computer"}]}, beta=True)
    check({**ASK, "output_format": FORM}, beta=True)
    check({**ASK, "output_config": {"task_budget": {"type": "tokens", "total": 9}}}, beta=True)
    for change, problem in (
        ({"tools": [toolset]}, "tools.0.mcp_toolset.mcp_server_name: no server 'docs'"),
        ({"tools": [toolset], "mcp_servers": ["docs"]}, "tools.0.mcp_toolset.mcp_server_name: no"),
        ({"tools": [{"type": "mcp_toolset"}]}, "tools.0.mcp_toolset.mcp_server_name: Field req"),
        ({"tools": [{"type": "new_20990101", "name": "x"}]}, "tools.0: Input tag 'new_20990101'"),
        ({"output_format": {"type": "json_schema"}}, "output_format.schema: Field required"),
        (
            {"output_format": FORM, "output_config": {"format": FORM}},
            "output_format: cannot be set together with `output_config.format`",
        ),
    ):
        assert refusal({**ASK, **change}, beta=True)[1].startswith(problem)


def test_beta_headers_allow_what_is_not_known() -> None:
    check({**ASK, "context_management": {}, "messages": [said({"type": "new"})]}, beta=True)
    assert refusal({**ASK, "temperature": 2, "new": 1}, beta=True)[0] == 400


def test_counting_takes_less() -> None:
    counted = {"model": "claude-haiku-5-5", "messages": [HELLO], "tools": [TOOL], "system": "x"}
    check(counted, counting=True)
    check({**counted, "thinking": {"type": "enabled", "budget_tokens": 4096}}, counting=True)
    assert refusal({**counted, "max_tokens": 5}, counting=True) == (
        400,
        "max_tokens: Extra inputs are not permitted",
    )
    assert refusal({"model": "x"}, counting=True) == (400, "messages: Field required")


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b'{"x": NaN}', "NaN is not JSON"),
        (b'{"x": "\xff"}', "'utf-8' codec"),
        (b'{"x": "\\ud800"}', "surrogates not allowed"),
        (b'{"x": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 300 + b"]" * 300, "nested too deeply"),
        (b"", "Expecting value"),
    ],
)
def test_a_body_that_is_no_json_is_told(raw: bytes, problem: str) -> None:
    with pytest.raises(ApiError) as caught:
        parsed(raw)
    assert caught.value.status == 400
    assert caught.value.message.startswith("The request body is not valid JSON: ")
    assert problem in caught.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "tool_result", "thinking", "image", "new"])},
    optional={
        "text": st.sampled_from(["", " ", "x"]) | JSON,
        "id": st.sampled_from("ab") | JSON,
        "tool_use_id": st.sampled_from("ab") | JSON,
        "name": st.just("wind") | JSON,
        "input": st.just({}) | JSON,
        "content": st.just("x") | JSON,
        "cache_control": JSON,
    },
)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant"]) | JSON,
        "content": st.text(max_size=3) | st.lists(BLOCK, max_size=3) | JSON,
    }
)
BODY = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["claude-sonnet-4-5", "scenario:plain"]),
        "max_tokens": st.integers(0, 200_000) | JSON,
        "messages": st.lists(MESSAGE | JSON, max_size=4) | JSON,
    },
    optional={
        name: JSON | st.just([TOOL]) | st.just({"type": "auto"})
        for name in ("system", "tools", "tool_choice", "thinking", "stop_sequences", "stream")
    },
)


@given(BODY, st.booleans(), st.booleans())
def test_any_json_is_taken_or_refused(body: dict[str, Any], counting: bool, beta: bool) -> None:
    try:
        check(body, counting=counting, beta=beta)
        check_model(body)
    except ApiError as error:
        assert error.status == 400 and error.message
    else:
        # What is taken can be counted.
        assert PromptCache().count(json.loads(json.dumps(body))).input > 0
