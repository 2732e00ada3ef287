"""Functions as tools: the SDK's helpers decide what is offered, and what fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from anthropic import beta_async_tool, beta_tool
from anthropic.lib.tools import BetaAbstractMemoryTool, ToolError

from tui.sources.sdk_tools import (
    NoTool,
    definition_of,
    explain,
    function_of,
    invoke,
    is_tool,
    load_sdk,
    make_tool,
)


def search(text: str, limit: int = 10, order: Literal["new", "old"] = "new") -> str:
    """Search the notes.

    It looks at titles only.

    Args:
        text: What to look for.
        limit: How many at most.
    """
    return f"{text} {limit} {order}"


async def wait(seconds: float) -> str:
    """Wait."""
    return f"{seconds}"


def test_the_definition_is_the_sdks_own() -> None:
    load_sdk()
    assert definition_of(search) == beta_tool(search).to_dict()
    assert definition_of(wait) == beta_async_tool(wait).to_dict()
    definition = definition_of(search)
    assert definition["name"] == "search"
    assert definition["description"] == "Search the notes.\n\nIt looks at titles only."
    schema = definition["input_schema"]
    assert schema["required"] == ["text"]
    assert schema["properties"]["text"]["description"] == "What to look for."
    assert schema["properties"]["limit"]["default"] == 10
    assert schema["properties"]["order"]["enum"] == ["new", "old"]


def test_a_tool_is_known_and_taken_as_it_is() -> None:
    made = beta_tool(search, name="find", description="Other words.", strict=True)
    assert is_tool(made)
    assert function_of(made) is search
    assert definition_of(made) == made.to_dict()
    assert definition_of(made)["strict"] is True
    assert is_tool(make_tool(wait))
    assert not is_tool(search)
    assert not is_tool(None)


def test_a_stand_in_that_fails_when_it_is_looked_at_is_no_tool() -> None:
    def fail(_: object) -> None:
        raise RuntimeError("outside of a request")

    proxy = type("Proxy", (), {"__class__": property(fail)})
    assert not is_tool(proxy())


def test_a_tool_of_the_sdks_own_classes() -> None:
    class Memory(BetaAbstractMemoryTool):
        view = create = str_replace = insert = delete = rename = lambda self, command: "done"  # type: ignore[assignment]

        def clear_all_memory(self) -> str:
            return "done"

    memory = Memory()
    assert is_tool(memory)
    assert function_of(memory) is None
    assert definition_of(memory)["name"] == "memory"


def test_a_name_can_be_given() -> None:
    assert definition_of(make_tool(search, "lookup"))["name"] == "lookup"


def no_types(text, limit=3) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Takes anything."""


def test_arguments_without_types_take_anything_as_the_sdk_says() -> None:
    schema = definition_of(no_types)["input_schema"]
    assert schema["properties"] == {
        "text": {"title": "Text"},
        "limit": {"default": 3, "title": "Limit"},
    }


def takes_callback(done: Callable[[], None]) -> None: ...
def by_position(text: str, /) -> None: ...
def any_number(*texts: str) -> None: ...
def unknown_type(text: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (takes_callback, "JsonSchema"),
        (by_position, "by position"),
        (any_number, "by position"),
        (unknown_type, "Nowhere"),
        (print, "not supported"),
    ],
)
def test_what_is_no_tool_is_told_in_one_line(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(NoTool, match=message) as raised:
        definition_of(function)
    assert str(raised.value).isprintable()


async def test_calls() -> None:
    assert invoke(make_tool(search), {"text": "x", "limit": "3"}) == "x 3 new"
    waiting: Any = invoke(make_tool(wait), {"seconds": 1})
    assert await waiting == "1.0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Invalid arguments for function search: text: Missing required argument"),
        ({"text": "x", "limit": "many"}, "limit: Input should be a valid integer"),
        ({"text": "x", "other": 1}, "other: Unexpected keyword argument"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as raised:
        invoke(make_tool(search), arguments)
    assert said in str(explain(raised.value))


def test_the_content_of_a_tool_error_is_what_is_said() -> None:
    assert explain(ToolError("Try another place.")) == "Try another place."
    blocks: Any = [{"type": "text", "text": "Try another place."}]
    assert explain(ToolError(blocks)) == blocks


def test_other_exceptions_say_nothing_of_their_own(tmp_path: Path) -> None:
    assert explain(ValueError("x")) is None
    assert explain(SystemExit(1)) is None
    with pytest.raises(OSError) as raised:
        (tmp_path / "none").read_bytes()
    assert explain(raised.value) is None
