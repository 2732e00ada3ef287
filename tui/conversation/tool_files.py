"""Files with tools: JSON definitions with canned answers, and Python functions."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import re
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import decode_source, module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from tui.conversation.tool import (
    Call,
    Outcome,
    Tool,
    describe,
    outcome_of,
    plain_copy,
    tool_name,
)
from tui.conversation.tool_threads import perform, unheard
from tui.core.records import JsonObject, strict_loads
from tui.core.text import clip, one_line

MAX_BYTES: Final = 16 << 20
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_RUN_BY_THE_API: Final = (
    *("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "advisor_"),
    "mcp_toolset",
)
_numbers: Final = itertools.count(1)


class ToolsError(ValueError):
    """Tools that cannot be used. The message is one line that says where and why."""


def read_tools(path: Path) -> list[Tool]:
    """Read the tools in a file. Raises ToolsError."""
    readers = {".json": _read_json, ".py": _read_python}
    reader = readers.get(path.suffix.lower())
    label = one_line(path.name) or str(path)
    if reader is None:
        if not os.path.lexists(path):
            raise ToolsError(f"{label}: no such file")
        raise ToolsError(f"{label}: tools are read from .json and .py files")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ToolsError(f"{label}: larger than {MAX_BYTES >> 20} MiB")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ToolsError(f"{label}: there is no such file") from None
    except IsADirectoryError:
        raise ToolsError(f"{label}: this is a folder") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ToolsError(f"{label}: cannot be read: {reason or error}") from None
    return reader(_File(path, label, data))


class _File(NamedTuple):
    path: Path
    label: str
    data: bytes

    @property
    def filename(self) -> str:
        """As it is in tracebacks."""
        return str(self.path.absolute())

    def error(self, problem: str, line: int | None = None) -> ToolsError:
        place = self.label if line is None else f"{self.label}, line {line}"
        return ToolsError(f"{place}: {clip(one_line(problem), 500)}")

    def not_utf8(self, error: UnicodeDecodeError) -> ToolsError:
        line = self.data.count(b"\n", 0, error.start) + 1
        kind = "UTF-8" if error.encoding.startswith("utf") else error.encoding
        return self.error(f"this is not {kind}", line)


def _checked(definition: JsonObject, taken: dict[str, str], where: str) -> JsonObject:
    """Return a copy of a definition that can be sent. Raises ValueError with one line.

    `taken` has the names so far, with where they were found.
    """
    kind = definition.get("type")
    ours = kind is None or kind == "custom"
    if "name" not in definition and (
        ours or not isinstance(definition.get("mcp_server_name"), str)
    ):
        raise ValueError("there is no name")
    if "name" in definition and not (
        isinstance(definition["name"], str) and _NAME.fullmatch(definition["name"])
    ):
        shown = clip(repr(definition["name"]), 80)
        raise ValueError(f"the name {shown} is not one to 128 of a-z, A-Z, 0-9, _ and -")
    if ours and not isinstance(definition.get("input_schema"), dict):
        missing = "is no object" if "input_schema" in definition else "is missing"
        raise ValueError(f"input_schema {missing}")
    name = tool_name(definition)
    if name in taken:
        raise ValueError(f"the name is taken by {taken[name]}")
    taken[name] = where
    return _plain(definition)


def _plain(definition: JsonObject) -> JsonObject:
    try:
        copied: JsonObject = plain_copy(definition)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the definition is not JSON: {describe(error)}") from None
    return copied


# --- JSON -----------------------------------------------------------------------------------------


def _read_json(file: _File) -> list[Tool]:
    try:
        value = strict_loads(file.data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise file.not_utf8(error) from None
    except json.JSONDecodeError as error:
        raise file.error(f"not JSON: {error.msg}, column {error.colno}", error.lineno) from None
    except ValueError as error:
        raise file.error(f"not JSON: {error}") from None
    entries: Any = value.get("tools") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise file.error("a list of tools is needed, or an object with one as `tools`")
    if not entries:
        raise file.error("there are no tools in it")
    tools: list[Tool] = []
    taken: dict[str, str] = {}
    for place, entry in enumerate(entries, 1):
        where = f"tool {place}"
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            where += f" ({clip(entry['name'], 128)})"
        try:
            tools.append(_from_entry(entry, taken, where))
        except ValueError as error:
            raise file.error(f"{where}: {error}") from None
    return tools


def _from_entry(entry: object, taken: dict[str, str], where: str) -> Tool:
    if not isinstance(entry, dict):
        raise ValueError("a tool is a JSON object")
    sent = {name: item for name, item in entry.items() if name not in ("result", "results")}
    definition = _checked(sent, taken, where)
    if len(entry) == len(sent):
        return Tool(definition)
    if str(definition.get("type")).startswith(_RUN_BY_THE_API):
        raise ValueError("the API runs it itself, a result of ours would never be used")
    if "result" in entry and "results" in entry:
        raise ValueError("result and results exclude each other")
    results = [entry["result"]] if "result" in entry else entry["results"]
    if not isinstance(results, list) or not results:
        raise ValueError("results is a list with at least one result")
    return Tool(definition, "canned", canned(results))


def canned(results: list[Any]) -> Call:
    """Return a call that gives these results in turn, the last one again and again.

    Raises ValueError where one cannot be sent.
    """
    answers = deque(map(outcome_of, results))
    for answer in answers:
        if answer.is_error:
            raise ValueError(str(answer.content))

    async def call(_: JsonObject) -> Outcome:
        return answers.popleft() if len(answers) > 1 else answers[0]

    return call


# --- Python ---------------------------------------------------------------------------------------


def _read_python(file: _File) -> list[Tool]:
    # Late, as only these files need the SDK.
    from tui.sources import sdk_tools

    # What Python thinks of the file's style is not for this screen, and must not end us either.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = _compile(file)
        # Before the folder of the file is a place to find modules in.
        sdk_tools.load_sdk()
        module = _execute(file, code)
        public = {
            name: value
            for name, value in vars(module).items()
            if isinstance(name, str) and not name.startswith("_")
        }
        # `lookup = beta_tool(search)` is one tool, and so is a function with two names.
        seen = {
            id(sdk_tools.function_of(value))
            for value in public.values()
            if sdk_tools.is_tool(value)
        }
        tools: list[Tool] = []
        taken: dict[str, str] = {}
        for name, value in public.items():
            if id(value) not in seen and (
                sdk_tools.is_tool(value) or _is_defined_in(module, value)
            ):
                seen.add(id(value))
                tools.append(_from_python(file, name, value, taken))
    if not tools:
        raise file.error("no public function is defined in it")
    return tools


def _is_defined_in(module: ModuleType, value: object) -> bool:
    # By the type alone: a stand-in for another object may fail when asked for its class.
    return type(value) is FunctionType and value.__module__ == module.__name__


def _from_python(file: _File, name: str, value: Any, taken: dict[str, str]) -> Tool:  # noqa: ANN401
    from tui.sources import sdk_tools

    function = sdk_tools.function_of(value) if sdk_tools.is_tool(value) else value
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    line = code.co_firstlineno if code and code.co_filename == file.filename else None
    try:
        tool = value if sdk_tools.is_tool(value) else sdk_tools.make_tool(value, name)
        definition = _checked(sdk_tools.definition_of(tool), taken, name)
    except Exception as error:
        said = str(error) if isinstance(error, ValueError) else describe(error)
        raise file.error(f"{name}: {said}", line) from None

    async def call(given: JsonObject) -> Outcome:
        return await perform(lambda: sdk_tools.invoke(tool, given), sdk_tools.explain)

    return Tool(definition, "python", call)


def _compile(file: _File) -> CodeType:
    try:
        text = decode_source(file.data)
        return compile(text, file.filename, "exec", dont_inherit=True)
    except UnicodeDecodeError as error:
        raise file.not_utf8(error) from None
    except SyntaxError as error:
        raise file.error(error.msg or "this is not Python", error.lineno) from None
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise file.error(describe(error)) from None


def _execute(file: _File, code: CodeType) -> ModuleType:
    """Run the file as a module, whose private name lets its annotations be resolved."""
    name = f"_streamscope_tools_{next(_numbers)}"
    spec = spec_from_file_location(name, file.filename)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _folder_first(str(file.path.absolute().parent)), unheard():
            exec(code, vars(module))
    except BaseException as error:
        sys.modules.pop(name, None)
        if isinstance(error, KeyboardInterrupt):
            raise  # The reader's own: it may be that the file takes too long.
        lines = [
            number
            for frame, number in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename == file.filename
        ]
        line = lines[-1] if lines else None
        raise file.error(f"while it is imported: {describe(error)}", line) from None
    return module


@contextmanager
def _folder_first(folder: str) -> Iterator[None]:
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(folder)
