"""The body of a request: how it is built, what it asks, and what the API takes in it.

Nothing is changed in place: what an old and a new request have in common is shared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from tui.core.records import UNTYPED, JsonObject
from tui.core.state import as_text

DEFAULT_MODEL: Final = "claude-sonnet-4-6"
DEFAULT_MAX_TOKENS: Final = 4096
THINKING: Final = frozenset({"thinking", "redacted_thinking"})
SERVER_USES: Final = frozenset({"server_tool_use", "mcp_tool_use"})
"""Calls that are answered where the model runs, in the same turn or the next of the assistant."""
_ADDED: Final = ("unknown_deltas", "estimated_tokens")
"""What is kept on a block of an answer though the API has no such field there."""
_PREFILLED: Final = re.compile(
    r"(?:[\w.-]+[./])?claude-(?:(?:instant|2|3)(?:[-.@:].*)?|"
    r"[a-z]+-4(?:[-.][015])?(?:-latest|[-@]\d{8})?(?:-v\d+(?::\d+)?)?)"
)


def build_request(
    prompt: str | None,
    *,
    base: JsonObject | None = None,
    model: str | None = None,
    system: str | None = None,
    max_tokens: int | None = None,
    thinking: int | None = None,
    tools: list[Any] | None = None,
    extra: JsonObject | None = None,
) -> JsonObject:
    """Return the body of a request: `base`, overlaid with what was given. Nothing else is added.

    `thinking` is a budget in tokens; `extra` holds any other parameter.
    """
    request = dict(base or {})
    request.pop("stream", None)
    if prompt is not None:
        request["messages"] = [{"role": "user", "content": prompt}]
    given = {
        "model": model,
        "system": system,
        "max_tokens": max_tokens,
        "tools": tools,
        "thinking": None if thinking is None else {"type": "enabled", "budget_tokens": thinking},
    }
    request.update({name: value for name, value in given.items() if value is not None})
    request.setdefault("model", DEFAULT_MODEL)
    # A thinking budget has to fit into max_tokens, or the API refuses the request.
    request.setdefault("max_tokens", DEFAULT_MAX_TOKENS + (thinking or 0))
    request.update(extra or {})
    return request


def prompt_of(request: JsonObject) -> str | None:
    """Return the text of the last user turn, None when there is none."""
    for turn in reversed(messages_of(request)):
        if role_of(turn) == "user":
            texts = [block.get("text") for block in blocks_of(turn) if isinstance(block, dict)]
            return "\n".join(text for text in texts if isinstance(text, str)) or None
    return None


def title_of(request: JsonObject) -> str:
    """Return what a request asks as one short line.

    One that brings no prompt of its own (tool results, say) is named after the last one before.
    """
    asked = [turn for turn in reversed(messages_of(request)) if role_of(turn) == "user"]
    for place, turn in enumerate(asked):
        prompt = prompt_of({"messages": [turn]})
        if prompt:
            line = ("\u21b3 " if place else "") + " ".join(prompt.split())
            return line if len(line) <= 60 else line[:59] + "\u2026"
    return "request"


def with_prompt(request: JsonObject, prompt: str) -> JsonObject:
    """Return `request` with `prompt` as what the user says next.

    Where the user had the last word (tool results, say), it joins that turn: turns alternate.
    """
    if _goes_on(request, "user"):
        return with_blocks(request, "user", [{"type": "text", "text": prompt}])
    return {**request, "messages": [*messages_of(request), {"role": "user", "content": prompt}]}


def without_open_prompt(request: JsonObject) -> JsonObject:
    """Return `request` without a last user turn that only asks, for another prompt in its place."""
    messages = messages_of(request)
    if not messages or role_of(messages[-1]) != "user":
        return request
    for block in blocks_of(messages[-1]):
        if isinstance(block, dict) and block.get("type") == "tool_result":
            return request
    return {**request, "messages": messages[:-1]}


def with_blocks(request: JsonObject, role: str, blocks: list[JsonObject]) -> JsonObject:
    """Return `request` with content blocks at its end, in the last turn where it is of `role`.

    Neither is changed; what they have in common is shared.
    """
    messages = messages_of(request)
    if _goes_on(request, role):
        last = messages.pop()
        turn = {**last, "content": [*blocks_of(last), *blocks]}
    else:
        turn = {"role": role, "content": blocks}
    return {**request, "messages": [*messages, turn]}


def _goes_on(request: JsonObject, role: str) -> bool:
    """Whether the last turn is of `role`, and one that can be added to."""
    messages = messages_of(request)
    if not messages or role_of(messages[-1]) != role:
        return False
    return isinstance(messages[-1].get("content"), (str, list))


def messages_of(request: JsonObject) -> list[Any]:
    """Return a list of the turns of a request, empty where there are none."""
    messages = request.get("messages")
    return list(messages) if isinstance(messages, list) else []


def parameters_of(request: JsonObject) -> JsonObject:
    """Return everything of a request but its turns."""
    return {name: value for name, value in request.items() if name != "messages"}


def role_of(turn: object) -> str | None:
    """Return whose turn it is, None when that cannot be told."""
    role = turn.get("role") if isinstance(turn, dict) else None
    return role if isinstance(role, str) else None


def blocks_of(turn: object) -> list[Any]:
    """Return a list of the content blocks of a turn. Plain text is put into a block."""
    content = turn.get("content") if isinstance(turn, dict) else None
    if isinstance(content, str):
        # The API refuses an empty block, so none is made.
        return [{"type": "text", "text": content}] if content else []
    return list(content) if isinstance(content, list) else []


# --- what the API takes ---------------------------------------------------------------------------


def supports_prefill(model: str) -> bool:
    """Whether a model goes on with an assistant turn at the end of the request: 4.5 and before."""
    return _PREFILLED.fullmatch(model) is not None


def takes_prefill(request: JsonObject) -> bool:
    """Whether a request may end with an assistant turn that is to be gone on with."""
    model, thinking = as_text(request.get("model")), request.get("thinking")
    thinks = thinking is not None and _field(thinking, "type") != "disabled"
    forced = _field(request.get("tool_choice"), "type") in ("any", "tool")
    shaped = request.get("output_format") or _field(request.get("output_config"), "format")
    return bool(model and supports_prefill(model)) and not (thinks or forced or shaped)


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def returned(content: object) -> list[JsonObject]:
    """Return the content of an answer as it can be sent back: without what the API refuses."""
    items = content if isinstance(content, list) else []
    blocks = [item for item in items if isinstance(item, dict) and as_text(item.get("type"))]
    # Text that is blank is taken beside other text only.
    blank = not any(text_of(block).strip() for block in blocks)
    boundary = max((n for n, block in enumerate(blocks) if block["type"] == "fallback"), default=0)
    answered = ids_of(blocks, "tool_use_id")
    seen: set[str] = set()
    kept = []
    for place, block in enumerate(blocks):
        kind, id = block["type"], as_text(block.get("id")) or ""
        if kind == "text":
            refused = blank or not text_of(block)
        elif kind == "tool_use":
            refused = place < boundary or not id or not as_text(block.get("name")) or id in seen
            seen.add(id)
        elif place < boundary:
            # What a model that declined had begun is not for the one that took over.
            refused = kind in THINKING or (kind in SERVER_USES and id not in answered)
        else:
            refused = kind == UNTYPED
        made = None if refused else portable(_plain(block))
        if made is not None:
            kept.append(made)
    return kept


def _plain(block: JsonObject) -> JsonObject:
    """Return a block with the API's fields, and an object as input where it has one."""
    if any(name in block for name in _ADDED):
        block = {name: value for name, value in block.items() if name not in _ADDED}
    if block["type"] == "tool_use" or block["type"] in SERVER_USES:
        value = block.get("input")
        if not isinstance(value, dict) or portable(value) is None:
            return {**block, "input": {}}
    return block


def portable(value: JsonObject) -> JsonObject | None:
    """Return `value` as it can be sent: None where JSON cannot say it, no half surrogate pairs."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        # A pair that was split between two deltas becomes one character again.
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        made: JsonObject = json.loads(whole)
        return made
    return value


def settled(blocks: list[JsonObject], waiting: Collection[str] = ()) -> list[JsonObject]:
    """Return what of an answer a user turn can follow.

    No tool of the server waits for its result; no result is without its tool, which can be one of
    `waiting` in an earlier turn; neither thinking nor a change of the model comes last.
    """
    uses = ids_of(blocks, "id", SERVER_USES) & ids_of(blocks, "tool_use_id")
    kept = []
    for block in blocks:
        kind = block["type"]
        if kind in SERVER_USES:
            stays = as_text(block.get("id")) in uses
        elif kind.endswith("_tool_result"):
            answers = as_text(block.get("tool_use_id"))
            stays = answers in uses or answers in waiting
        else:
            # A call can come from code that a tool of the server runs.
            caller = as_text(_field(block.get("caller"), "tool_id"))
            stays = caller is None or caller in uses or caller in waiting
        if stays:
            kept.append(block)
    while kept and (kept[-1]["type"] in THINKING or kept[-1]["type"] == "fallback"):
        kept.pop()
    return kept


def trimmed(blocks: list[JsonObject]) -> list[JsonObject]:
    """Return the blocks without white space at the end: the API refuses it in the last turn."""
    blocks = list(blocks)
    while blocks and blocks[-1]["type"] == "text":
        text = text_of(blocks[-1]).rstrip()
        if text:
            blocks[-1] = {**blocks[-1], "text": text}
            break
        blocks.pop()
    return blocks


def waiting_tools(request: JsonObject) -> set[str]:
    """Return the ids of the server's tools in a request that have no result yet."""
    blocks = [
        block
        for turn in messages_of(request)
        if role_of(turn) == "assistant"
        for block in blocks_of(turn)
        if isinstance(block, dict)
    ]
    return ids_of(blocks, "id", SERVER_USES) - ids_of(blocks, "tool_use_id")


def ids_of(
    blocks: Iterable[JsonObject], field: str, types: Collection[str] | None = None
) -> set[str]:
    """Return what stands in a field of the blocks of these types, of all of them with None."""
    found = (
        as_text(block.get(field))
        for block in blocks
        if types is None or as_text(block.get("type")) in types
    )
    return {id for id in found if id}


def text_of(block: JsonObject) -> str:
    """Return the text of a text block, empty for any other."""
    return (as_text(block.get("text")) or "") if block.get("type") == "text" else ""
