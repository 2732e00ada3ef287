"""The names that the protocol declares; whatever has another name is kept as unknown."""

from __future__ import annotations

from typing import Final

BLOCKS: Final = frozenset(
    {
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "mcp_tool_use",
        "mcp_tool_listing",
        "container_upload",
        "compaction",
        "fallback",
        "image",
        "document",
        "tool_reference",
        "tool_addition",
        "tool_removal",
    }
)
"""The block types, but for the results of server tools: these end in `_tool_result`."""
ENVELOPE: Final = frozenset(
    {"type", "index", "message", "content_block", "delta", "usage", "error", "request_id"}
)
"""What events have around the parts of a message."""
MESSAGE_FIELDS: Final = frozenset(
    {
        *("id", "type", "role", "model", "content", "usage", "container", "diagnostics"),
        *("stop_reason", "stop_sequence", "stop_details"),
        *("context_management", "input_transformations"),
    }
)
"""The fields that a message is declared to have."""
HELPERS: Final = frozenset(
    {"text", "input_json", "citation", "thinking", "signature", "compaction"}
)
"""What the SDK's stream helper yields beside each delta: it says again what the delta said."""
