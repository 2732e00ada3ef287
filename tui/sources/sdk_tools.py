"""Python functions as tools, by the SDK's own helpers: schema from signature and docstring.

The SDK is imported by the functions here, as it takes about a second to come.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeGuard

from tui.core.records import JsonObject


class SdkTool(Protocol):
    """What the SDK's decorators and its classes of tools make."""

    def to_dict(self) -> Mapping[str, Any]: ...
    def call(self, input: object) -> object: ...


class NoTool(ValueError):
    """A function that the SDK makes no tool of. The message is one line."""


def load_sdk() -> None:
    """Import what the other functions use."""
    import anthropic.lib.tools  # noqa: F401


def is_tool(value: object) -> TypeGuard[SdkTool]:
    """Whether the SDK made `value`, a tool."""
    from anthropic.lib import tools

    kinds = (
        *(tools.BetaFunctionTool, tools.BetaAsyncFunctionTool),
        *(tools.BetaBuiltinFunctionTool, tools.BetaAsyncBuiltinFunctionTool),
    )
    # By the type alone: a stand-in for another object may fail when asked for its class.
    return issubclass(type(value), kinds)


def function_of(tool: SdkTool) -> object:
    """Return the function that a tool was made of, None where it was made of none."""
    return getattr(tool, "func", None)


def make_tool(function: Callable[..., Any], name: str | None = None) -> SdkTool:
    """Make a tool of a function, `async` or not; it is named after it. Raises NoTool."""
    from anthropic.lib.tools import beta_async_tool, beta_tool

    tool: SdkTool
    try:
        if inspect.iscoroutinefunction(function):
            tool = beta_async_tool(function, name=name)
        else:
            tool = beta_tool(function, name=name)
    except Exception as error:
        # What follows the first line are hints to callers of Pydantic.
        said = str(error).strip().partition("\n")[0]
        raise NoTool(said or type(error).__name__) from error
    if tool.to_dict()["input_schema"].get("type") != "object":
        # The helper lets these pass, but the model passes each argument by its name.
        raise NoTool("arguments that can only be passed by position cannot be named")
    return tool


def definition_of(tool: SdkTool | Callable[..., Any]) -> JsonObject:
    """Return what is sent in `tools` for a tool or a function. Raises NoTool."""
    if is_tool(tool):
        return dict(tool.to_dict())
    assert callable(tool)
    return dict(make_tool(tool).to_dict())


def invoke(tool: SdkTool, arguments: JsonObject) -> object:
    """Call a tool; what it returns may be awaitable. Raises whatever the tool raises."""
    return tool.call(arguments)


def explain(error: BaseException) -> object:
    """Return what an exception out of a tool has to say to the model, None for most.

    That is the content of the SDK's ToolError, and which of the arguments did not fit.
    """
    from anthropic.lib.tools import ToolError

    if isinstance(error, ToolError):
        return error.content if isinstance(error.content, str) else list(error.content)
    # Pydantic's, known by what it can do: Pydantic is no dependency of ours.
    list_errors = getattr(error.__cause__, "errors", None)
    if not isinstance(error, ValueError) or not callable(list_errors):
        return None
    found = [
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
        for one in list_errors(include_url=False, include_context=False, include_input=False)
    ]
    return f"{error}: {'; '.join(found)}"
