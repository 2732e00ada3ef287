"""Functions as tools: what is offered is what the SDK's helper would offer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from anthropic import beta_async_tool, beta_tool
from anthropic.lib.tools import BetaAbstractMemoryTool, ToolError
from pydantic import BaseModel, Field

from tui.conversation.tool_functions import (
    Callee,
    FunctionTool,
    NoTool,
    SdkTool,
    callee_of,
    explain,
    function_of,
    is_sdk_tool,
)


class Place(NamedTuple):
    name: str
    height: float = 0.0


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


def visit(
    place: Place,
    places: list[Place],
    by: dict[str, int] | None = None,
    *,
    note: Annotated[str, Field(description="Said here.")] = "",
) -> None:
    """
    Visit a place.

    Args:
        place: Where to.
        by (dict): How.
        note: Not used, as it is described already.
        nothing: There is no such argument.
    """


def recursive(tree: Tree) -> None: ...


class Tree(BaseModel):
    """A tree."""

    trees: list[Tree] = []


def no_types(text, limit=3) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Takes anything.

    :param text: In another style.
    """


def bare() -> None: ...
def more(**others: int) -> None: ...


@pytest.mark.parametrize("function", [search, visit, recursive, no_types, bare, more])
def test_the_definition_is_that_of_the_sdks_helper(function: Callable[..., Any]) -> None:
    assert callee_of(function, function.__name__).definition == beta_tool(function).to_dict()


def test_what_is_in_a_definition() -> None:
    assert FunctionTool(wait, "wait").definition == beta_async_tool(wait).to_dict()
    definition = FunctionTool(search, "lookup").definition
    assert definition["name"] == "lookup"
    assert definition["description"] == "Search the notes.\n\nIt looks at titles only."
    schema = definition["input_schema"]
    assert schema["required"] == ["text"]
    assert schema["properties"]["text"]["description"] == "What to look for."
    assert schema["properties"]["limit"]["default"] == 10
    assert schema["properties"]["order"]["enum"] == ["new", "old"]


def test_a_tool_of_the_sdk_is_known_and_taken_as_it_is() -> None:
    made = beta_tool(search, name="find", description="Other words.", strict=True)
    assert is_sdk_tool(made)
    assert function_of(made) is search
    definition = callee_of(made, "ignored").definition
    assert definition == made.to_dict()
    assert definition["strict"] is True
    assert is_sdk_tool(beta_async_tool(wait))
    assert not is_sdk_tool(search)
    assert not is_sdk_tool(None)


def test_without_the_sdk_nothing_is_a_tool_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = beta_tool(search)
    monkeypatch.delitem(sys.modules, "anthropic.lib.tools")
    assert not is_sdk_tool(made)
    assert explain("a", ToolError("x")) is None


def test_a_stand_in_that_fails_when_it_is_looked_at_is_no_tool() -> None:
    def fail(_: object) -> None:
        raise RuntimeError("outside of a request")

    proxy = type("Proxy", (), {"__class__": property(fail)})
    assert not is_sdk_tool(proxy())


def test_a_tool_of_the_sdks_own_classes() -> None:
    class Memory(BetaAbstractMemoryTool):
        view = create = str_replace = insert = delete = rename = lambda self, command: "done"  # type: ignore[assignment]

        def clear_all_memory(self) -> str:
            return "done"

    memory = Memory()
    assert is_sdk_tool(memory)
    assert function_of(memory) is None
    assert callee_of(memory, "x").definition["name"] == "memory"


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
        _ = callee_of(function, "x").definition
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "kind", [lambda function: FunctionTool(function, function.__name__), beta_tool]
)
async def test_calls(kind: Any) -> None:  # noqa: ANN401
    tool = callee_of(kind(search), "") if kind is beta_tool else kind(search)
    assert tool.invoke({"text": "x", "limit": "3"}) == "x 3 new"
    waiting: Any = FunctionTool(wait, "wait").invoke({"seconds": 1})
    assert await waiting == "1.0"
    waiting = callee_of(beta_async_tool(wait), "wait").invoke({"seconds": 1})
    assert await waiting == "1.0"


@pytest.mark.parametrize("tool", [FunctionTool(search, "search"), SdkTool(beta_tool(search))])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Invalid arguments for function search: text: Missing required argument"),
        ({"text": "x", "limit": "many"}, "limit: Input should be a valid integer"),
        ({"text": "x", "other": 1}, "other: Unexpected keyword argument"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    tool: Callee, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError) as raised:
        tool.invoke(arguments)
    assert said in str(explain("search", raised.value))


def test_the_content_of_a_tool_error_is_what_is_said() -> None:
    assert explain("a", ToolError("Try another place.")) == "Try another place."
    blocks: Any = [{"type": "text", "text": "Try another place."}]
    assert explain("a", ToolError(blocks)) == blocks


def test_other_exceptions_say_nothing_of_their_own(tmp_path: Path) -> None:
    assert explain("a", ValueError("x")) is None
    assert explain("a", SystemExit(1)) is None
    with pytest.raises(OSError) as raised:
        (tmp_path / "none").read_bytes()
    assert explain("a", raised.value) is None
