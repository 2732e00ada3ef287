"""The text that a delta adds, and the buffer of its block that it goes to."""

from __future__ import annotations

from typing import Final, Literal

from tui.core.buffer import Buffer
from tui.core.records import EventRecord
from tui.core.state import Block

Field = Literal["text", "thinking", "json"]

FIELDS: Final[dict[str, tuple[Field, str]]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("json", "partial_json"),
}
"""Delta type → the block's buffer, and the delta's field that goes there."""
DELTA_OF: Final = {field: delta for delta, (field, _) in FIELDS.items()}
"""The block's buffer → the delta type that writes it."""


def buffer_of(block: Block, field: Field) -> Buffer:
    """Return a block's buffer by name."""
    if field == "text":
        return block.text
    return block.thinking if field == "thinking" else block.json


def delta_text(record: EventRecord) -> tuple[Field, str] | None:
    """Return which buffer a delta goes to, and the text that it adds; None for other events."""
    payload = record.payload
    if record.type != "content_block_delta" or payload is None:
        return None
    delta = payload.get("delta")
    kind_of = delta.get("type") if isinstance(delta, dict) else None
    known = FIELDS.get(kind_of) if isinstance(kind_of, str) else None
    if known is None:
        return None
    text = payload["delta"].get(known[1])
    return known[0], text if isinstance(text, str) else ""
