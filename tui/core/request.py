"""The body of a request: how it is built, and what it asks."""

from __future__ import annotations

from typing import Any, Final

from tui.core.records import JsonObject

DEFAULT_MODEL: Final = "claude-sonnet-4-6"
DEFAULT_MAX_TOKENS: Final = 4096


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
    messages = request.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            if isinstance(content, list):
                texts = [part.get("text") for part in content if isinstance(part, dict)]
                return "\n".join(text for text in texts if isinstance(text, str)) or None
    return None


def title_of(prompt: str | None) -> str:
    """Return a prompt as one short line."""
    line = " ".join((prompt or "request").split())
    return line if len(line) <= 60 else line[:59] + "\u2026"
