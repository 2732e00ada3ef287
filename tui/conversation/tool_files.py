"""Files with tools: JSON definitions, with canned answers; Python ones are handed on."""

from __future__ import annotations

import json
import os
import stat
from collections import deque
from pathlib import Path
from typing import Any, Final

from tui.conversation.tool import Outcome, Printout, Tool, ToolRunner, outcome_of
from tui.conversation.tool_definitions import ToolsError, ToolsFile, checked
from tui.core.records import JsonObject, strict_loads
from tui.core.text import clip, one_line

MAX_BYTES: Final = 16 << 20
_RUN_BY_THE_API: Final = (
    *("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "advisor_"),
    "mcp_toolset",
)


async def read_tools(path: Path) -> list[Tool]:
    """Read the tools in a file. Raises ToolsError."""
    label = one_line(path.name) or str(path)
    kind = path.suffix.lower()
    if kind not in (".json", ".py"):
        if not os.path.lexists(path):
            raise ToolsError(f"{label}: no such file")
        raise ToolsError(f"{label}: tools are read from .json and .py files")
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ToolsError(f"{label}: this is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise ToolsError(f"{label}: this is not a regular file")
        if status.st_size > MAX_BYTES:
            raise ToolsError(f"{label}: larger than {MAX_BYTES >> 20} MiB")
        file = ToolsFile(str(path.absolute()), label, path.read_bytes())
    except FileNotFoundError:
        raise ToolsError(f"{label}: there is no such file") from None
    except ToolsError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ToolsError(f"{label}: cannot be read: {reason or error}") from None
    if kind == ".json":
        return _read_json(file)
    # Late, as only these files need processes.
    from tui.conversation.python_tools import PythonTools

    return await PythonTools(file).load()


def _read_json(file: ToolsFile) -> list[Tool]:
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
    definition = checked(sent, taken, where)
    if len(entry) == len(sent):
        return Tool(definition)
    if str(definition.get("type")).startswith(_RUN_BY_THE_API):
        raise ValueError("the API runs it itself, a result of ours would never be used")
    if "result" in entry and "results" in entry:
        raise ValueError("result and results exclude each other")
    results = [entry["result"]] if "result" in entry else entry["results"]
    if not isinstance(results, list) or not results:
        raise ValueError("results is a list with at least one result")
    return Tool(definition, canned(results))


def canned(results: list[Any]) -> ToolRunner:
    """Return a call that gives these results in turn, the last one again and again.

    Raises ValueError where one cannot be sent.
    """
    answers = deque(map(outcome_of, results))
    for answer in answers:
        if answer.is_error:
            raise ValueError(str(answer.content))

    async def call(_: JsonObject, __: Printout) -> Outcome:
        return answers.popleft() if len(answers) > 1 else answers[0]

    return call
