"""What the prompt cache did not do, and why."""

from __future__ import annotations

from typing import Final

from tui.core.records import JsonObject
from tui.core.state import RunState, as_count, as_text
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.wording import in_seconds, many, seconds, wire
from tui.messages.following import thread_of
from tui.messages.prompt_cache import (
    CacheUse,
    cache_use,
    first_difference,
    lifetime_s,
    written_for_s,
)
from tui.messages.request import SERVER_USES

SHRUNK_TOKENS: Final = 1_024
"""The cache works in steps: to read a little less than was there is no loss."""
_NS_PER_S: Final = 1_000_000_000
_CHANGED: Final = {
    "model_changed": "the model is another one",
    "system_changed": "the system prompt changed",
    "tools_changed": "the tools changed",
    "messages_changed": "earlier messages changed",
}
_NOT_SAID: Final = {
    "unavailable": "the API cannot say why",
    "previous_message_not_found": "the API did not find the message it was to compare with",
}


def cache_missed(evidence: Evidence) -> Finding | None:
    """The API says itself why the cache missed, because it was asked."""
    diagnostics = (evidence.state.message or {}).get("diagnostics")
    if not isinstance(diagnostics, dict) or "cache_miss_reason" not in diagnostics:
        return None
    reason = diagnostics["cache_miss_reason"]
    start = evidence.run.timeline.seqs("message_start")
    events = tuple(start[:1])
    if not isinstance(reason, dict):
        text = "Asked why the cache missed, the API has not said so yet."
        return Finding("cache_missed", "info", text, None, events, {})
    kind = as_text(reason.get("type")) or "unknown"
    if kind in _NOT_SAID:
        text = f"Asked why the cache missed: {_NOT_SAID[kind]}."
        return Finding("cache_missed", "info", text, None, events, {"reason": kind})
    missed = as_count(reason.get("cache_missed_input_tokens"))
    why = f"because {_CHANGED[kind]}" if kind in _CHANGED else f"({wire(kind)})"
    were = "was" if missed == 1 else "were"
    count = "" if missed is None else f"; about {many(missed, 'token')} {were} read anew"
    return Finding(
        "cache_missed",
        "warning",
        f"The cache missed {why} since the request before, says the API{count}.",
        "Keep what stands before the marker the same, and put what changes behind it.",
        events,
        {"reason": kind} | ({} if missed is None else {"missed_tokens": missed}),
    )


def kept_tokens(use: CacheUse) -> int:
    """Return how many tokens the cache held after a request, as far as its usage tells."""
    return (use.read or 0) + (use.write or 0)


def cache_cold(evidence: Evidence) -> Finding | None:
    """Nothing was read, though the run before left something to read."""
    before = evidence.before
    if before is None:
        return None
    use, kept = cache_use(evidence.state.usage), kept_tokens(cache_use(before.state.usage))
    if use.read != 0 or not kept:
        return None
    values: JsonObject = {"kept_tokens": kept}
    text = (
        f"Nothing was read from the cache, though the run before left {many(kept, 'token')} in it"
    )
    difference, same = None, False
    if evidence.request is not None and before.request is not None:
        whole = thread_of(evidence.request) is None
        difference = first_difference(
            *(one if whole else _without_turns(one) for one in (before.request, evidence.request))
        )
        same = difference is None and whole
    idle, lifetime = _idle_ns(evidence), _lifetime_s(before)
    if difference is not None:
        text += f": the requests differ first at {wire(difference.path)}"
        if difference.before is not None and difference.after is not None:
            was, now = wire(difference.before, 40), wire(difference.after, 40)
            text += f' (before "{was}", now "{now}")'
        advice = "Keep that the same from request to request, or move it behind the marker."
    elif idle is not None and lifetime is not None and idle > lifetime * _NS_PER_S:
        text += f": {seconds(idle)} passed since, and it was written for {_span(lifetime)}"
        values |= {"idle_s": in_seconds(idle), "lifetime_s": lifetime}
        advice = 'Ask sooner, or have it kept for longer: "ttl": "1h" in cache_control.'
    elif same:
        text += ": the prefix is the same"
        advice = "It fits another server or account that answered, or a cache that was let go."
    elif evidence.request is not None and before.request is not None:
        advice = 'Ask the API why: diagnostics with "previous_message_id" in the request.'
    else:
        advice = "With the requests in the capture, the first place that differs can be named."
    return Finding("cache_cold", "warning", f"{text}.", advice, _usage_event(evidence), values)


def _without_turns(request: JsonObject) -> JsonObject:
    """Return what can be compared where the turns before are not sent again."""
    return {**request, "messages": []}


def _span(lifetime: int) -> str:
    return "1 h" if lifetime >= 3600 else "5 min"


def _idle_ns(evidence: Evidence) -> int | None:
    before = evidence.before
    if before is None or evidence.sent_ns is None or before.sent_ns is None:
        return None
    return evidence.sent_ns - before.sent_ns


def _lifetime_s(before: Evidence) -> int | None:
    said = written_for_s(before.state.usage)
    if said is None and before.request is not None:
        return lifetime_s(before.request)
    return said


def _usage_event(evidence: Evidence) -> tuple[int, ...]:
    return tuple(evidence.run.timeline.seqs("message_start")[:1])


def _counted_several_times(state: RunState) -> bool:
    """Whether the usage adds up several passes over the prompt."""
    if state.usage.get("iterations"):
        return True
    return uses_server_tools(state)


def uses_server_tools(state: RunState) -> bool:
    """Whether tools of the server ran, which makes the input grow in the middle of an answer."""
    counts = state.usage.get("server_tool_use")
    if isinstance(counts, dict) and any(as_count(count) for count in counts.values()):
        return True
    return any(block.type in SERVER_USES for block in state.blocks)


def cache_shrunk(evidence: Evidence) -> Finding | None:
    """Clearly less was read than the run before left."""
    before = evidence.before
    if before is None:
        return None
    if _counted_several_times(evidence.state) or _counted_several_times(before.state):
        return None
    use, kept = cache_use(evidence.state.usage), kept_tokens(cache_use(before.state.usage))
    if use.read is None or kept - use.read <= SHRUNK_TOKENS:
        return None
    return Finding(
        "cache_shrunk",
        "notice",
        f"{many(use.read, 'token')} were read from the cache, {kept - use.read:,} fewer than the "
        "run before left in it.",
        "See where the two requests differ first: what stands behind that place is read anew.",
        _usage_event(evidence),
        {"read": use.read, "kept": kept, "fewer": kept - use.read},
    )


def cache_unused(evidence: Evidence) -> Finding | None:
    """The cache was asked for, and did nothing."""
    if evidence.request is None or not evidence.complete:
        return None
    use = cache_use(evidence.state.usage)
    if use.read != 0 or use.write != 0 or lifetime_s(evidence.request) is None:
        return None
    total = "" if use.total is None else f", with {many(use.total, 'token')} of input"
    return Finding(
        "cache_unused",
        "notice",
        f"The request asks for caching, and nothing was read or written{total}: it fits a prefix "
        "that is too short to be kept.",
        "Put the marker behind more of the prompt: the shortest prefix kept has 1,024 to 4,096 "
        "tokens, depending on the model.",
        _usage_event(evidence),
        {} if use.total is None else {"input": use.total},
    )
