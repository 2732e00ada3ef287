"""What each anomaly means, in one sentence."""

from __future__ import annotations

from typing import Final

EXPLANATIONS: Final[dict[str, str]] = {
    "bad_field": "A field has another type than it should; the rest of the event counts.",
    "bad_json": "The data line is not JSON, so the event cannot change anything.",
    "binary": "The body is binary data; a stream is text.",
    "block_not_stopped": "The message stopped while a block was still open.",
    "cut_off": "The response ended inside this event, so it was never whole.",
    "delta_after_stop": "The block had stopped before; the delta is added all the same.",
    "delta_mismatch": "This delta belongs to another type of block; it is kept on this one.",
    "double_stop": "The block had stopped before.",
    "duplicate_message_start": "A message began before the one before it had stopped: a new run.",
    "event_after_error": "The stream went on after an error; what comes is still shown.",
    "event_after_stop": "The message had stopped; only pings may come after it.",
    "event_before_start": "The message has no message_start, at least not before this event.",
    "html": "The body is an HTML page: usually a proxy or a login in between.",
    "index_reused": "The index is taken already; what follows goes to the new block.",
    "input_not_object": "Tool input has to be a JSON object; this is another value.",
    "invalid_tool_json": "The block stopped, but its input is not JSON: no tool may run on it.",
    "invalid_utf8": "The bytes are not UTF-8; what could not be read is replaced.",
    "json_body": "The body is plain JSON: the request was probably sent without stream.",
    "json_error": "The body is an error of the API as plain JSON, not a stream.",
    "missing_index": "The event does not say which block it is for.",
    "missing_type": "The JSON has no type; the event field is used, where there is one.",
    "missing_usage": "The API sends token counts here; this event has none.",
    "not_an_object": "The data is JSON, but every event is an object.",
    "text": "The body is text without a single event.",
    "too_large": "The event is too large to be read at once; its bytes are kept.",
    "type_mismatch": "The event field and the JSON's type differ; the JSON's type counts.",
    "unknown_block": "A block type that this version does not know; it is kept as it came.",
    "unknown_delta": "A delta type that this version does not know; it is kept on its block.",
    "unknown_event": "An event type that this version does not know; it is counted and kept.",
    "unknown_index": "The block was never started; one is made up to hold what was sent.",
    "unterminated_event": "The blank line after the last event is missing; the event is whole.",
}


def explain(code: str) -> str:
    """Return the sentence for an anomaly's code, empty for a code that has none."""
    return EXPLANATIONS.get(code, "")
