"""What the Messages API asks of tools, and of how they are chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from tui.core.records import JsonObject
from tui.mock.api import ApiError, brief
from tui.mock.field_checks import expect, one_of, refuse, tagged

MCP_TOOLSET: Final = "mcp_toolset"
_VERSIONS: Final = frozenset(
    "bash_20250124 browser_toolset_20260801 code_execution_20250522 code_execution_20250825 "
    "code_execution_20260120 code_execution_20260521 computer_toolset_20260801 memory_20250818 "
    "text_editor_20250124 text_editor_20250429 text_editor_20250728 tool_search_tool_bm25 "
    "tool_search_tool_bm25_20251119 tool_search_tool_regex tool_search_tool_regex_20251119 "
    "web_fetch_20250910 web_fetch_20260209 web_fetch_20260309 web_fetch_20260318 "
    "web_search_20250305 web_search_20260209 web_search_20260318".split()
)
"""The tools that the API defines, each with its version."""
_BETA: Final = frozenset(
    "advisor_20260301 bash_20241022 computer_20241022 computer_20250124 computer_20251124 "
    "text_editor_20241022".split()
) | {MCP_TOOLSET}
"""Those that need a beta header."""
_TOOL_NAME: Final = "^[a-zA-Z0-9_-]{1,128}$"
_CHOICES: Final = ("any", "auto", "none", "tool")


def check_tools(body: JsonObject, *, beta: bool) -> None:
    """Raise ApiError with what the API would say against the tools of a request."""
    allowed = _VERSIONS | _BETA if beta else _VERSIONS
    names: set[str] = set()
    for at, tool in enumerate(body.get("tools", [])):
        path = f"tools.{at}"
        expect(path, tool, "an object")
        kind = tool.get("type") or "custom"
        if kind == "custom":
            _check_custom_tool(f"{path}.custom", tool)
        elif not isinstance(kind, str) or kind not in allowed:
            raise _unknown(path, str(kind), allowed)
        elif kind == MCP_TOOLSET:
            _check_toolset(f"{path}.{MCP_TOOLSET}", tool, body)
        name = tool.get("name")
        if name is not None:
            expect(f"{path}.name", name, "a string")
            if name in names:
                raise refuse("tools", "Tool names must be unique.")
            names.add(name)


def _unknown(path: str, kind: str, allowed: frozenset[str]) -> ApiError:
    near = get_close_matches(kind, allowed, 4)
    tags = [*near, "custom", *sorted(allowed.difference(near))]
    needs = " (this one needs a beta header)" if kind in _BETA else ""
    return refuse(
        path,
        f"Input tag {brief(repr(kind))} found using 'type' does not match any of the expected tags"
        f"{needs}: {', '.join(map(repr, tags))}",
    )


def _check_toolset(path: str, tool: Mapping[str, Any], body: JsonObject) -> None:
    """The tools of an MCP server, which the request has to name."""
    if "mcp_server_name" not in tool:
        raise refuse(f"{path}.mcp_server_name", "Field required")
    name = tool["mcp_server_name"]
    expect(f"{path}.mcp_server_name", name, "a string")
    servers = body.get("mcp_servers")
    known = servers if isinstance(servers, list) else []
    if all(not isinstance(one, dict) or one.get("name") != name for one in known):
        raise refuse(f"{path}.mcp_server_name", f"no server {name!r} in `mcp_servers`")


def _check_custom_tool(path: str, tool: Mapping[str, Any]) -> None:
    for name, called in (("name", "a string"), ("input_schema", "an object")):
        if name not in tool:
            raise refuse(f"{path}.{name}", "Field required")
        expect(f"{path}.{name}", tool[name], called)
    if not re.fullmatch(_TOOL_NAME, tool["name"]):
        raise refuse(f"{path}.name", f"String should match pattern '{_TOOL_NAME}'")
    if tool.get("description") is not None:
        expect(f"{path}.description", tool["description"], "a string")
    schema = tool["input_schema"]
    if "type" not in schema:
        raise refuse(f"{path}.input_schema.type", "Field required")
    one_of(f"{path}.input_schema.type", schema["type"], ("object",))
    for name, called in (("properties", "an object"), ("required", "a list")):
        if schema.get(name) is not None:
            expect(f"{path}.input_schema.{name}", schema[name], called)


def check_tool_choice(body: JsonObject) -> None:
    """Raise ApiError with what the API would say against how tools are chosen."""
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = tagged("tool_choice", choice, _CHOICES)
    tools = body.get("tools")
    if not tools:
        raise refuse("tool_choice", "may only be specified while providing `tools`")
    if kind == "tool":
        if "name" not in choice:
            raise refuse("tool_choice.tool.name", "Field required")
        expect("tool_choice.tool.name", choice["name"], "a string")
        if all(tool.get("name") != choice["name"] for tool in tools):
            raise refuse("tool_choice", f"Tool '{choice['name']}' not found in provided tools")
