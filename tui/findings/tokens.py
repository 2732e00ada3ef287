"""What the tokens went into, and whether they were counted; what the API changed."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from tui.core.records import JsonObject
from tui.core.state import RunState, as_count, as_text
from tui.core.usage import token_counts
from tui.findings.caching import uses_server_tools
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.stopping import ending_event
from tui.findings.wording import in_seconds, listed, many, percent, seconds, wire
from tui.messages.prompt_cache import cache_use
from tui.messages.request import THINKING

THINKING_SHARE: Final = 0.5
THINKING_NS: Final = 5_000_000_000
"""Thinking that took less is not worth a word, whatever its share of the time."""
_DATE: Final = re.compile(r"20\d{6}")
_VERSION: Final = re.compile(r"v\d+")
_PARTS: Final = re.compile(r"[^a-z0-9]+")
_SUFFIX: Final = re.compile(r"[:!]")
_CLAUDE: Final = "claude"


def thinking_share(evidence: Evidence) -> Finding | None:
    """Most of the tokens, or of the time, went into thinking."""
    run, state = evidence.run, evidence.state
    thought, written = token_counts(state.usage).thinking, state.counted_tokens
    token_share = thought / written if thought and written else None
    spent = time_share = None
    if evidence.timed and run.last_byte_ns:
        spent = _thinking_ns(evidence)
        time_share = spent / run.last_byte_ns
    much = token_share is not None and token_share > THINKING_SHARE
    long = (
        spent is not None
        and time_share is not None
        and time_share > THINKING_SHARE
        and spent > THINKING_NS
    )
    if not evidence.ended or not (much or long):
        return None
    shares, values = [], {}
    if token_share is not None:
        shares.append(f"{percent(token_share)} of the output tokens ({thought:,} of {written:,})")
        values = {"token_share": round(token_share, 3), "thinking_tokens": thought}
    if spent and time_share is not None:
        shares.append(f"{percent(time_share)} of the time ({seconds(spent)})")
        values |= {"time_share": round(time_share, 3), "thinking_s": in_seconds(spent)}
    first = next((one.started_seq for one in state.blocks if one.type in THINKING), None)
    return Finding(
        "thinking_share",
        "notice",
        f"Thinking took {listed(shares)}.",
        "Where the answer does not need it: a lower effort or a smaller thinking budget.",
        () if first is None else (first,),
        values,
    )


def _thinking_ns(evidence: Evidence) -> int:
    """Return how long the blocks of thinking took, from their start to their stop."""
    total = 0
    for block in evidence.state.blocks:
        if block.type in THINKING and block.stopped_ns is not None:
            total += block.stopped_ns - block.started_ns
    return total


def usage_conflict(evidence: Evidence) -> Finding | None:
    """The input was counted twice, with different results."""
    state = evidence.state
    iterations = state.usage.get("iterations")
    passes = len(iterations) if isinstance(iterations, list) else 1
    handed_over = any(block.type == "fallback" for block in state.blocks)
    if uses_server_tools(state) or passes > 1 or handed_over or state.counted_tokens is None:
        return None
    found = {
        name: (before, after)
        for name, (before, after) in state.usage_conflicts().items()
        if as_count(before) is not None and as_count(after) is not None
    }
    if not found:
        return None
    told = [f"{name} {before:,} and then {after:,}" for name, (before, after) in found.items()]
    start = evidence.run.timeline.seqs("message_start")
    return Finding(
        "usage_conflict",
        "notice",
        f"message_start and the last message_delta count differently: {listed(told)}. "
        "The last one counts.",
        "Take the input from the last message_delta, and never add the two.",
        (*ending_event(evidence), *start[:1]),
        {name: list(pair) for name, pair in found.items()},
    )


def usage_missing(evidence: Evidence) -> Finding | None:
    """A whole answer that nobody counted."""
    state = evidence.state
    if not evidence.complete or state.headless or _made_by_code(state):
        return None  # Of a message without its start nobody knows what was counted.
    use = cache_use(state.usage)
    if state.usage_seen and (use.input or 0) + (use.read or 0) + (use.write or 0):
        return None
    what = "has 0 input tokens in its usage" if state.usage_seen else "came without usage"
    return Finding(
        "usage_missing",
        "warning",
        f"The answer is whole, but {what}: it fits a gateway that does not count.",
        "Do not rely on its costs; ask the gateway to pass the usage on.",
        ending_event(evidence),
        {"input": 0} if state.usage_seen else {},
        frozenset({"missing_usage"}),
    )


def _made_by_code(state: RunState) -> bool:
    """Whether the answer is a call of code that runs at the server: no model read or wrote."""
    callers = [block.start.get("caller") for block in state.blocks]
    by_code = [isinstance(one, dict) and one.get("type") != "direct" for one in callers]
    return bool(by_code) and all(by_code) and not state.output_tokens


# --- the model ------------------------------------------------------------------------------------


def model_differs(evidence: Evidence) -> Finding | None:
    """Another model answered than was asked for."""
    state = evidence.state
    asked, answered = as_text(evidence.asked("model")), state.model
    if not asked or not answered or any(block.type == "fallback" for block in state.blocks):
        return None
    if same_model(asked, answered):
        return None
    start = evidence.run.timeline.seqs("message_start")
    return Finding(
        "model_differs",
        "notice",
        f"{wire(answered)} answered, and {wire(asked)} was asked for: "
        "it fits a gateway that chooses another.",
        "See what the gateway maps this name to.",
        tuple(start[:1]),
        {"asked": asked, "answered": answered},
    )


def same_model(asked: str, answered: str) -> bool:
    """Whether a name can stand for the model that answered: an alias, a date, a provider's prefix.

    A name of a gateway's own, in which no model is named, stands for any.
    """
    one, other = _model_parts(asked), _model_parts(answered)
    if one == other:
        return True
    if _CLAUDE not in one:
        return _CLAUDE in other or not one - other
    named = any(part.isdigit() for part in one)
    return not named and not one - other


def _model_parts(name: str) -> Counter[str]:
    """Return what a model's name says: family and version, in any order."""
    plain = name.lower().replace("[1m]", "")
    if _CLAUDE in plain:
        # What stands before it says where the model runs.
        plain = plain[plain.rindex(_CLAUDE) :]
    # What follows is a version, or a fault that the mock is asked for.
    plain = _SUFFIX.split(plain, 1)[0]
    parts = [part for part in _PARTS.split(plain) if part and part != "latest"]
    kept = [part for part in parts if not _DATE.fullmatch(part) and not _VERSION.fullmatch(part)]
    # `-0` is how an alias says that there is no smaller version.
    return Counter(part for part in kept if part != "0")


# --- what the API changed -------------------------------------------------------------------------


def input_transformed(evidence: Evidence) -> Finding | None:
    """The API says that it did not take the input as it was sent."""
    told, values = [], {}
    changes = _entries((evidence.state.message or {}).get("input_transformations"))
    if changes:
        told.append(_transformations(changes))
        values["transformations"] = len(changes)
    edits = _entries(_context(evidence.state).get("applied_edits"))
    if edits:
        told.append(_edits(edits))
        values["edits"] = len(edits)
    if not told:
        return None
    return Finding(
        "input_transformed",
        "notice",
        f"The API did not take the input as it was sent: {listed(told)}.",
        None,
        ending_event(evidence),
        values,
    )


def _entries(value: object) -> list[JsonObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _context(state: RunState) -> JsonObject:
    found = (state.message or {}).get("context_management")
    return found if isinstance(found, dict) else {}


def _transformations(changes: list[JsonObject]) -> str:
    kinds = Counter((as_text(one.get("type")) or "change").replace("_", " ") for one in changes)
    kind = listed(
        [
            f"{count} times {wire(name)}" if count > 1 else wire(name)
            for name, count in kinds.items()
        ]
    )
    first = changes[0]
    path, why = as_text(first.get("path")), as_text(first.get("reason"))
    where = f"{', first' if len(changes) > 1 else ''} at {wire(path)}" if path else ""
    return f"{kind}{where}{f' ({wire(why)})' if why else ''}"


def _edits(edits: list[JsonObject]) -> str:
    tokens = sum(as_count(one.get("cleared_input_tokens")) or 0 for one in edits)
    kinds = listed([wire(as_text(one.get("type")) or "an edit") for one in edits])
    cleared = f", {many(tokens, 'token')} cleared" if tokens else ""
    return f"context edited by {kinds}{cleared}"
