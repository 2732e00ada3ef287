"""What can be offered as a tool: names and schemas checked, mistakes told with file and line."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tui.conversation.tool import describe, plain_copy, tool_name
from tui.core.records import JsonObject
from tui.core.text import clip, one_line

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")


class ToolsError(ValueError):
    """Tools that cannot be used. The message is one line that says where and why."""


class ToolsFile(NamedTuple):
    """A file with tools, as it was read."""

    path: str
    """Absolute, as it is in tracebacks."""
    label: str
    """What it is called in messages."""
    data: bytes

    def error(self, problem: str, line: int | None = None) -> ToolsError:
        """Return the error that says what is wrong with the file, and where."""
        place = self.label if line is None else f"{self.label}, line {line}"
        return ToolsError(f"{place}: {clip(one_line(problem), 500)}")

    def not_utf8(self, error: UnicodeDecodeError) -> ToolsError:
        """Return the error for bytes that are no text."""
        line = self.data.count(b"\n", 0, error.start) + 1
        kind = "UTF-8" if error.encoding.startswith("utf") else error.encoding
        return self.error(f"this is not {kind}", line)


def checked(definition: JsonObject, taken: dict[str, str], where: str) -> JsonObject:
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
