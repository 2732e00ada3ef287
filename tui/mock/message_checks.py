"""What the Messages API asks of the turns of a conversation: roles, blocks, calls and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final, NamedTuple

from tui.mock.api import ApiError
from tui.mock.field_checks import expect, one_of, refuse

_RESULT: Final = {"tool_use_id": "a string", "content": ""}
_BLOCKS: Final[dict[str, dict[str, str]]] = {
    "text": {"text": "a string"},
    "image": {"source": "an object"},
    "document": {"source": "an object"},
    "search_result": {"source": "a string", "title": "a string", "content": "a list"},
    "thinking": {"thinking": "a string", "signature": "a string"},
    "redacted_thinking": {"data": "a string"},
    "tool_use": {"id": "a string", "name": "a string", "input": "an object"},
    "tool_result": {"tool_use_id": "a string"},
    "server_tool_use": {"id": "a string", "name": "a string", "input": "an object"},
    "mcp_tool_use": {"id": "a string", "name": "a string", "input": "an object"},
    "mcp_tool_result": _RESULT,
    "web_search_tool_result": _RESULT,
    "web_fetch_tool_result": _RESULT,
    "code_execution_tool_result": _RESULT,
    "bash_code_execution_tool_result": _RESULT,
    "text_editor_code_execution_tool_result": _RESULT,
    "tool_search_tool_result": _RESULT,
    "container_upload": {"file_id": "a string"},
    "compaction": {},
    "fallback": {},
}
"""The required fields of each block, with what they have to be; empty: anything will do."""
_IN_A_RESULT: Final = ("text", "image", "document", "search_result", "tool_reference")
_ROLES: Final = ("user", "assistant", "system")


def check_messages(messages: list[Any], *, beta: bool = False) -> None:
    """Raise ApiError with what the API would say against the turns. `beta` allows new blocks."""
    if not messages:
        raise refuse("messages", "at least one message is required")
    for at, message in enumerate(messages):
        _check_message(f"messages.{at}", message, beta=beta, last=at == len(messages) - 1)
    if messages[0]["role"] == "system":
        raise unexpected_system()
    if messages[0]["role"] != "user":
        raise refuse("messages", 'first message must use the "user" role')
    _check_places(messages)
    _check_calls(messages)
    if messages[-1]["role"] == "assistant":
        content = messages[-1]["content"]
        ends = content if isinstance(content, str) else content[-1:]
        if any(text != text.rstrip() for text in _texts(ends)):
            raise refuse("messages", "final assistant content cannot end with trailing whitespace")


def unexpected_system() -> ApiError:
    """The refusal of a system message where there may be none."""
    return ApiError(
        400,
        'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
        'parameter, not "system" as an input message role.',
    )


def _check_places(messages: list[Any]) -> None:
    """What the system says in between comes right after a turn of the user."""
    for at, message in enumerate(messages):
        if message["role"] == "system" and messages[at - 1]["role"] == "assistant":
            raise refuse(f"messages.{at}", "a `system` message has to follow a `user` message")


def _check_message(path: str, message: object, *, beta: bool, last: bool) -> None:
    expect(path, message, "an object")
    assert isinstance(message, dict)
    for name in ("role", "content"):
        if name not in message:
            raise refuse(f"{path}.{name}", "Field required")
    for name in message:
        if name not in ("role", "content") and not beta:
            raise refuse(f"{path}.{name}", "Extra inputs are not permitted")
    role, content = message["role"], message["content"]
    one_of(f"{path}.role", role, _ROLES)
    if not isinstance(content, str | list):
        raise refuse(f"{path}.content", "Input should be a string or a list")
    if not content and not (last and role == "assistant"):
        raise refuse(
            path,
            "all messages must have non-empty content except for the optional final assistant "
            "message",
        )
    if isinstance(content, list):
        for at, block in enumerate(content):
            _check_block(f"{path}.content.{at}", block, role, beta)
    for text in _texts(content):
        if text and not text.strip():
            raise refuse("messages", "text content blocks must contain non-whitespace text")


def _check_block(path: str, block: object, role: str, beta: bool) -> None:
    expect(path, block, "an object")
    assert isinstance(block, dict)
    if "type" not in block:
        raise refuse(f"{path}.type", "Field required")
    kind = block["type"]
    if not isinstance(kind, str) or kind not in _BLOCKS:
        if isinstance(kind, str) and beta:
            return
        known = ", ".join(repr(tag) for tag in _BLOCKS)
        raise refuse(
            path,
            f"Input tag {kind!r} found using 'type' does not match any of the expected tags: "
            f"{known}",
        )
    for name, called in _BLOCKS[kind].items():
        if name not in block:
            raise refuse(f"{path}.{kind}.{name}", "Field required")
        if called:
            expect(f"{path}.{kind}.{name}", block[name], called)
    if kind == "text" and not block["text"]:
        raise refuse("messages", "text content blocks must be non-empty")
    if role == "system" and kind != "text":
        raise refuse(path, "`system` messages can only have `text` blocks")
    for only, who in (("tool_use", "assistant"), ("tool_result", "user")):
        if kind == only and role != who:
            raise refuse(
                path.partition(".content")[0], f"`{only}` blocks can only be in `{who}` messages"
            )
    if kind == "tool_result":
        _check_result(f"{path}.tool_result", block)


def _check_result(path: str, block: Mapping[str, Any]) -> None:
    if block.get("is_error") is not None:
        expect(f"{path}.is_error", block["is_error"], "true or false")
    content = block.get("content")
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise refuse(f"{path}.content", "Input should be a string or a list")
    for at, part in enumerate(content):
        expect(f"{path}.content.{at}", part, "an object")
        if part.get("type") not in _IN_A_RESULT:
            known = ", ".join(repr(tag) for tag in _IN_A_RESULT)
            raise refuse(f"{path}.content.{at}.type", f"Input should be one of {known}")
        if part["type"] == "text":
            expect(f"{path}.content.{at}.text", part.get("text"), "a string")


def _texts(content: str | list[Any]) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    yield from (block["text"] for block in content if block["type"] == "text")


class _Call(NamedTuple):
    message: int
    id: str


def _check_calls(messages: list[Any]) -> None:
    """Every call is answered in the very next turn, once; nothing else is answered."""
    seen: set[str] = set()
    open_calls: list[_Call] = []
    numbered = [pair for pair in enumerate(messages) if pair[1]["role"] != "system"]
    # Messages of one role in a row are one turn.
    for role, turn in groupby(numbered, key=lambda pair: pair[1]["role"]):
        blocks = [
            (at, number, block)
            for at, message in turn
            if isinstance(message["content"], list)
            for number, block in enumerate(message["content"])
        ]
        if role == "user":
            _check_answers(open_calls, blocks)
            open_calls = []
            continue
        for at, _, block in blocks:
            if block["type"] == "tool_use":
                if block["id"] in seen:
                    raise refuse("messages", "`tool_use` ids must be unique")
                seen.add(block["id"])
                open_calls.append(_Call(at, block["id"]))
    _check_answers(open_calls, [])


def _check_answers(calls: list[_Call], blocks: list[tuple[int, int, Mapping[str, Any]]]) -> None:
    asked = {call.id for call in calls}
    answered: set[str] = set()
    first = True  # results come before anything else in their turn
    for at, number, block in blocks:
        if block["type"] != "tool_result":
            first = False
            continue
        path, answer_to = f"messages.{at}.content.{number}", block["tool_use_id"]
        if answer_to not in asked:
            raise refuse(
                path,
                f"unexpected `tool_use_id` found in `tool_result` blocks: {answer_to}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous "
                "message.",
            )
        if answer_to in answered:
            raise refuse(
                path,
                "each tool_use must have a single result. Found multiple `tool_result` blocks "
                f"with id: {answer_to}",
            )
        if first:
            answered.add(answer_to)
    missing = [call for call in calls if call.id not in answered]
    if missing:
        ids = ", ".join(call.id for call in missing)
        raise refuse(
            f"messages.{missing[0].message}",
            f"`tool_use` ids were found without `tool_result` blocks immediately after: {ids}. "
            "Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message.",
        )
