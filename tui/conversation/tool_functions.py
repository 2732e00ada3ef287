"""Python functions as tools: schema from signature and docstring, as the SDK's helper makes it.

For the process of the tools alone. The SDK takes over a second to import, so it is not imported
here: definitions and calls are made with what the helper itself uses. Tools that the SDK made are
known by its classes, which are there when the tools file has imported them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, Protocol

import docstring_parser
import pydantic

from tui.conversation.tool import tool_name
from tui.core.records import JsonObject

_SDK: Final = "anthropic.lib.tools"
_SDK_TOOLS: Final = (
    *("BetaFunctionTool", "BetaAsyncFunctionTool"),
    *("BetaBuiltinFunctionTool", "BetaAsyncBuiltinFunctionTool"),
)


class NoTool(ValueError):
    """A function that no tool can be made of. The message is one line."""


class Callee(Protocol):
    """A tool that can be called."""

    @property
    def name(self) -> str:
        """What the model calls it."""
        ...

    @property
    def definition(self) -> JsonObject:
        """What is sent in `tools`. Raises whatever making it raises."""
        ...

    def invoke(self, given: JsonObject) -> object:
        """Call it; what it returns may be awaitable. Raises whatever it raises."""
        ...


class FunctionTool:
    """A function, `async` or not, that is called with its arguments checked and converted."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.name = name
        self._function = function

    @cached_property
    def definition(self) -> JsonObject:
        """What is sent in `tools`. Raises NoTool."""
        try:
            definition = {"name": self.name, **_described(self._function, self._call)}
        except Exception as error:
            # What follows the first line are hints to callers of Pydantic.
            said = str(error).strip().partition("\n")[0]
            raise NoTool(said or type(error).__name__) from error
        if definition["input_schema"].get("type") != "object":
            # The model passes each argument by its name.
            raise NoTool("arguments that can only be passed by position cannot be named")
        return definition

    @cached_property
    def _call(self) -> Callable[..., Any]:
        return pydantic.validate_call(self._function)

    def invoke(self, given: JsonObject) -> object:
        return self._call(**given)


def _described(function: Callable[..., Any], call: Any) -> JsonObject:  # noqa: ANN401
    doc = docstring_parser.parse(function.__doc__ or "")
    schema = pydantic.TypeAdapter(call).json_schema()
    properties = schema.get("properties", {})
    for parameter in doc.params:
        found = properties.get(parameter.arg_name)
        if found and parameter.description:
            found.setdefault("description", parameter.description)
    words = [doc.short_description, doc.long_description] if doc.short_description else []
    return {"description": "\n\n".join(filter(None, words)), "input_schema": schema}


class SdkTool:
    """What a decorator or a class of the SDK made."""

    def __init__(self, tool: Any) -> None:  # noqa: ANN401
        self._tool = tool
        self.definition: JsonObject = dict(tool.to_dict())
        self.name = tool_name(self.definition)

    def invoke(self, given: JsonObject) -> object:
        result: object = self._tool.call(given)
        return result


def is_sdk_tool(value: object) -> bool:
    """Whether the SDK made `value`, a tool."""
    sdk = sys.modules.get(_SDK)
    kinds = tuple(filter(None, (getattr(sdk, name, None) for name in _SDK_TOOLS)))
    # By the type alone: a stand-in for another object may fail when asked for its class.
    return issubclass(type(value), kinds)


def function_of(tool: Any) -> object:  # noqa: ANN401
    """Return the function that a tool of the SDK was made of, None where it was made of none."""
    return getattr(tool, "func", None)


def callee_of(value: Any, name: str) -> Callee:  # noqa: ANN401
    """Return a tool of the SDK, or a function under this name, as what can be called."""
    return SdkTool(value) if is_sdk_tool(value) else FunctionTool(value, name)


def explain(name: str, error: BaseException) -> object:
    """Return what an exception out of the tool `name` has to say to the model, None for most.

    That is the content of the SDK's ToolError, and which of the arguments did not fit.
    """
    kind = getattr(sys.modules.get(_SDK), "ToolError", None)
    if kind is not None and isinstance(error, kind):
        content: Any = error.content
        return content if isinstance(content, str) else list(content)
    cause = error.__cause__ if isinstance(error, ValueError) else None
    misfit = error if isinstance(error, pydantic.ValidationError) else cause
    if not isinstance(misfit, pydantic.ValidationError):
        return None
    found = [
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
        for one in misfit.errors(include_url=False, include_context=False, include_input=False)
    ]
    return f"Invalid arguments for function {name}: {'; '.join(found)}"
