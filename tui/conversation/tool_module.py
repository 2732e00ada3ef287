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
from typing import Any, Final

from tui.conversation.tool import describe, tool_name
from tui.conversation.tool_definitions import ToolsFile, checked
from tui.conversation.tool_functions import Callee, callee_of, function_of, is_sdk_tool
from tui.core.records import JsonObject

_MODULE: Final = "_streamscope_tools"
"""A private name: that of the file may be one of Python's own modules."""


class Loaded:
    """The tools of a file, in their order: their definitions, and how each is called."""

    def __init__(self) -> None:
        self.definitions: list[JsonObject] = []
        self.callees: dict[str, Callee] = {}


def load(file: ToolsFile) -> Loaded:
    """Run the file and return its tools. Raises ToolsError."""
    # What Python thinks of the file's style is not what was asked for.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = _execute(file, _compile(file))
        loaded = Loaded()
        taken: dict[str, str] = {}
        for name, value in _found_in(module):
            _take(file, name, value, loaded, taken)
    if not loaded.definitions:
        raise file.error("no public function is defined in it")
    return loaded


def _found_in(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the functions and the SDK's tools, each once, by their first names."""
    public = {
        name: value
        for name, value in vars(module).items()
        if isinstance(name, str) and not name.startswith("_")
    }
    # `lookup = beta_tool(search)` is one tool, and so is a function with two names.
    seen = {id(function_of(value)) for value in public.values() if is_sdk_tool(value)}
    for name, value in public.items():
        if id(value) not in seen and (is_sdk_tool(value) or _is_defined_in(module, value)):
            seen.add(id(value))
            yield name, value


def _is_defined_in(module: ModuleType, value: object) -> bool:
    # By the type alone: a stand-in for another object may fail when asked for its class.
    return type(value) is FunctionType and value.__module__ == module.__name__


def _take(
    file: ToolsFile,
    name: str,
    value: Any,  # noqa: ANN401
    loaded: Loaded,
    taken: dict[str, str],
) -> None:
    function = function_of(value) if is_sdk_tool(value) else value
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    line = code.co_firstlineno if code and code.co_filename == file.path else None
    try:
        callee = callee_of(value, name)
        definition = checked(callee.definition, taken, name)
    except Exception as error:
        said = str(error) if isinstance(error, ValueError) else describe(error)
        raise file.error(f"{name}: {said}", line) from None
    loaded.definitions.append(definition)
    loaded.callees[tool_name(definition)] = callee


def _compile(file: ToolsFile) -> CodeType:
    try:
        text = decode_source(file.data)
        return compile(text, file.path, "exec", dont_inherit=True)
    except UnicodeDecodeError as error:
        raise file.not_utf8(error) from None
    except SyntaxError as error:
        raise file.error(error.msg or "this is not Python", error.lineno) from None
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise file.error(describe(error)) from None


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
        raise file.error(f"while it is imported: {describe(error)}", line) from None
    return module
