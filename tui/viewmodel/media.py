"""What a part of a message is, and how large, where its content cannot be read as text."""

from __future__ import annotations

from typing import Final

from tui.core.citations import host_of
from tui.core.records import JsonObject
from tui.core.state import as_text
from tui.core.text import clip, format_bytes, one_line
from tui.viewmodel.compact import compact

_LONGEST: Final = 200
DESCRIBED: Final = frozenset(
    {
        "image",
        "document",
        "redacted_thinking",
        "mcp_tool_listing",
        "container_upload",
        "tool_reference",
        "tool_addition",
        "tool_removal",
        "search_result",
    }
)
"""Types of which one line says all."""


def told_size(text: str) -> str:
    """Return how many characters a text has."""
    return f"{len(text):,} char{'' if len(text) == 1 else 's'}"


def opaque_size(data: str) -> str:
    """Return how large data is that nobody here can read."""
    return format_bytes(len(data.encode("utf-8", "replace")))


def describe_part(part: object) -> str:
    """Return one line on a part of a message: what it is, its name, its size."""
    if not isinstance(part, dict):
        return clip(compact(part), _LONGEST)
    kind = as_text(part.get("type")) or "untyped"
    if kind in ("image", "document"):
        facts = [as_text(part.get("title")), *_source_facts(part.get("source"))]
    elif kind == "redacted_thinking":
        facts = [opaque_size(as_text(part.get("data")) or "")]
        kind = "thinking, redacted"
    elif kind == "mcp_tool_listing":
        tools = part.get("tools")
        facts = [as_text(part.get("mcp_server_name")), f"tools {_names(tools)}"]
        kind = "tools of an MCP server"
    else:
        facts = [
            as_text(part.get("title")),
            _name(part.get("tool")) or _name(part) or None,
            as_text(part.get("file_id")),
            host_of(as_text(part.get("source")) or as_text(part.get("url")) or "") or None,
        ]
        kind = {"container_upload": "file in the container"}.get(kind, kind.replace("_", " "))
    said = "  ".join(one_line(fact) for fact in [kind, *facts] if fact)
    return clip(said, _LONGEST)


def _source_facts(source: object) -> list[str | None]:
    """Return what kind of data an image or a document has, and how much."""
    if not isinstance(source, dict):
        return []
    kind = as_text(source.get("type"))
    facts = [as_text(source.get("media_type"))]
    data = as_text(source.get("data"))
    if data is not None and kind == "text":
        facts.append(told_size(data))
    elif data is not None:
        facts.append(format_bytes(len(data) * 3 // 4 - data[-2:].count("=")))
    elif kind == "content":
        content = source.get("content")
        count = len(content) if isinstance(content, list) else 1
        facts.append(f"{count} part{'' if count == 1 else 's'}")
    facts += [as_text(source.get("url")), as_text(source.get("file_id"))]
    return facts


def unread_fields(block: JsonObject) -> str:
    """Return the fields of a block but its type, on one line, and their size where it is cut."""
    fields = {name: value for name, value in block.items() if name != "type"}
    return compact(fields, "")


def _names(tools: object) -> str:
    names = [_name(tool) for tool in tools if _name(tool)] if isinstance(tools, list) else []
    return ", ".join(names) or "none"


def _name(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    return as_text(value.get("tool_name")) or as_text(value.get("name")) or ""
