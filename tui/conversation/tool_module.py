"""A Python file run as a module, and the tools that are found in it.

For the process of the tools alone: what is run here is the user's.
"""

from __future__ import annotations

import inspect
import sys
import traceback
import warnings
from collections.abc import Iterator
from importlib.util import decode_source, module_from_spec, spec_from_file_location
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from tui.conversation.tool import describe as describe_error
from tui.conversation.tool_definitions import ToolsFile, checked
from tui.conversation.tool_functions import Callee, callee_of, function_of, is_sdk_tool
from tui.core.records import JsonObject

_MODULE: Final = "_streamscope_tools"
"""A private name: that of the file may be one of Python's own modules."""


class LoadedTools(NamedTuple):
    """The tools of a file, in their order: how each is called, and what is sent in `tools`."""

    callees: dict[str, Callee]
    definitions: list[JsonObject]


def load(file: ToolsFile, *, describe: bool = True) -> LoadedTools:
    """Run the file and return its tools. Raises ToolsError.

    Without `describe` there are no definitions and they are not checked: it takes half the time.
    """
    # What Python thinks of the file's style is not what was asked for.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = _execute(file, _compile(file))
        found = list(_found_in(module))
        if not found:
            raise file.error("no public function is defined in it")
        taken: dict[str, str] = {}
        definitions = [_definition(file, *one, taken) for one in found] if describe else []
        callees = [callee_of(value, name) for name, value in found]
    return LoadedTools({callee.name: callee for callee in callees}, definitions)


def _found_in(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the functions and the SDK's tools, each once, by their first names."""
    public = {
        name: value
        for name, value in vars(module).items()
        if isinstance(name, str) and not name.startswith("_")
    }
    # `lookup = beta_tool(search)` is one tool, and so is a function with two names.
    seen = [function_of(value) for value in public.values() if is_sdk_tool(value)]
    for name, value in public.items():
        # By identity: objects of the user's may compare as they like, or fail to.
        if any(value is other for other in seen):
            continue
        if is_sdk_tool(value) or _is_defined_in(module, value):
            seen.append(value)
            yield name, value


def _is_defined_in(module: ModuleType, value: object) -> bool:
    # By the type alone: a stand-in for another object may fail when asked for its class.
    return type(value) is FunctionType and value.__module__ == module.__name__


def _definition(file: ToolsFile, name: str, value: Any, taken: dict[str, str]) -> JsonObject:  # noqa: ANN401
    function = function_of(value) if is_sdk_tool(value) else value
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    line = code.co_firstlineno if code and code.co_filename == file.path else None
    try:
        return checked(callee_of(value, name).definition, taken, name)
    except Exception as error:
        said = str(error) if isinstance(error, ValueError) else describe_error(error)
        raise file.error(f"{name}: {said}", line) from None


def _compile(file: ToolsFile) -> CodeType:
    try:
        text = decode_source(file.data)
        return compile(text, file.path, "exec", dont_inherit=True)
    except UnicodeDecodeError as error:
        raise file.not_utf8(error) from None
    except SyntaxError as error:
        raise file.error(error.msg or "this is not Python", error.lineno) from None
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise file.error(describe_error(error)) from None


def _execute(file: ToolsFile, code: CodeType) -> ModuleType:
    """Run the file as a module that is known by its name, which lets annotations be resolved."""
    spec = spec_from_file_location(_MODULE, file.path)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[_MODULE] = module
    try:
        exec(code, vars(module))
    except BaseException as error:
        lines = [
            number
            for frame, number in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename == file.path
        ]
        line = lines[-1] if lines else None
        raise file.error(f"while it is imported: {describe_error(error)}", line) from None
    return module
