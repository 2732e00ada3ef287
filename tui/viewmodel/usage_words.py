"""What a usage object says beside its counts, in words: parts of them, passes, tier, speed."""

from __future__ import annotations

from typing import Final

from tui.core.records import JsonObject
from tui.core.state import as_count, as_text
from tui.core.text import clip, format_count, one_line
from tui.core.usage import token_counts

_LIFETIMES: Final = (("ephemeral_5m_input_tokens", "5 min"), ("ephemeral_1h_input_tokens", "1 h"))
_MOST_PASSES: Final = 6
_LONGEST: Final = 40
_USUAL: Final = "standard"


def usage_words(usage: JsonObject) -> list[str]:
    """Return a line each; what is as usual is left out. Safe to draw."""
    lines = [_cache_writes(usage), _passes(usage)]
    for name in ("service_tier", "speed"):
        value = as_text(usage.get(name))
        if value and value != _USUAL:
            lines.append(f"{name.replace('_', ' ')}: {_short(value)}")
    return [line for line in lines if line]


def _cache_writes(usage: JsonObject) -> str:
    """Say for how long the cache keeps what was written."""
    parts = usage.get("cache_creation")
    if not isinstance(parts, dict):
        return ""
    counts = [(as_count(parts.get(name)), word) for name, word in _LIFETIMES]
    known = [f"{format_count(count)} for {word}" for count, word in counts if count]
    return f"written to the cache: {', '.join(known)}" if known else ""


def _passes(usage: JsonObject) -> str:
    """Say what each pass took, where there were others than the one that wrote the message."""
    listed = usage.get("iterations")
    passes = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if len(passes) < 2 and all(one.get("type") == "message" for one in passes):
        return ""
    told = [_pass(one) for one in passes[:_MOST_PASSES]]
    if len(passes) > _MOST_PASSES:
        told.append(f"and {len(passes) - _MOST_PASSES} more")
    return f"passes: {'; '.join(told)}"


def _pass(one: JsonObject) -> str:
    counts = token_counts(one)
    kind = (as_text(one.get("type")) or "pass").removesuffix("_message")
    model = as_text(one.get("model"))
    facts = (
        ("in", counts.input),
        ("read", counts.cache_read),
        ("write", counts.cache_write),
        ("out", counts.output),
    )
    told = [f"{name} {format_count(value)}" for name, value in facts if value]
    name = _short(kind) + (f" ({_short(model)})" if model and kind != "message" else "")
    return " ".join([name, *told])


def _short(text: str) -> str:
    return one_line(clip(text, _LONGEST))
