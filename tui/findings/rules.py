"""The table of rules, which of them give way to others, and the order of what they find.

One cause, one finding: what another one explains is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from tui.findings import between, caching, ending, errors, reads, stopping, timing, tokens, wire
from tui.findings.evidence import Evidence
from tui.findings.finding import LEVELS, Finding

Family = Literal["ending", "healthy", "requests", "tokens", "time", "wire"]
FAMILIES: Final[tuple[Family, ...]] = ("ending", "healthy", "requests", "tokens", "time", "wire")
"""In the order of findings of one level. What went well is said before what else is only told."""


class Rule(NamedTuple):
    """How one thing is found. `find` says nothing where it cannot know."""

    code: str
    family: Family
    find: Callable[[Evidence], Finding | list[Finding] | None]
    gives_way_to: tuple[str, ...] = ()
    """Codes of findings, above `info`, that explain what this one would tell."""


RULES: Final = (
    Rule("cut_off", "ending", ending.cut_off),
    Rule("no_answer", "ending", ending.no_answer),
    Rule("cancelled", "ending", ending.cancelled),
    Rule("api_error", "ending", errors.api_error),
    Rule("not_a_stream", "ending", errors.not_a_stream),
    Rule("invalid_tool_json", "ending", stopping.invalid_tool_json),
    Rule("max_tokens", "ending", stopping.max_tokens),
    Rule("context_window", "ending", stopping.context_window),
    Rule("refusal", "ending", stopping.refusal),
    Rule("pause_turn", "ending", stopping.pause_turn),
    Rule("empty_answer", "ending", stopping.empty_answer),
    Rule("stop_mismatch", "ending", stopping.stop_mismatch),
    Rule("open_after_stop", "ending", ending.open_after_stop),
    Rule("unanswered_tool_use", "requests", between.unanswered_tool_use),
    Rule("blocks_changed", "requests", between.blocks_changed),
    Rule("pause_not_resumed", "requests", between.pause_not_resumed),
    Rule("repeated", "requests", between.repeated),
    Rule("thinking_share", "tokens", tokens.thinking_share),
    Rule("cache_missed", "tokens", caching.cache_missed),
    Rule("cache_cold", "tokens", caching.cache_cold, ("cache_missed",)),
    Rule("cache_shrunk", "tokens", caching.cache_shrunk, ("cache_missed", "cache_cold")),
    Rule("cache_unused", "tokens", caching.cache_unused, ("cache_missed", "cache_cold")),
    Rule("usage_conflict", "tokens", tokens.usage_conflict),
    Rule("usage_missing", "tokens", tokens.usage_missing),
    Rule("model_differs", "tokens", tokens.model_differs),
    Rule("input_transformed", "tokens", tokens.input_transformed),
    Rule("buffered", "time", reads.buffered),
    Rule("bunched", "time", reads.bunched, ("buffered",)),
    Rule("compressed", "time", reads.compressed),
    Rule("slow_first_byte", "time", timing.slow_first_byte, ("buffered",)),
    Rule("stall", "time", timing.stall, ("buffered",)),
    Rule("withheld_tool_input", "time", timing.withheld_tool_input),
    Rule("server_tool_wait", "time", timing.server_tool_wait),
    Rule("slow_decode", "time", timing.slow_decode, ("buffered", "stall")),
    Rule("gateway", "wire", wire.gateway),
)
_FAMILY_OF: Final[dict[str, Family]] = {
    **{rule.code: rule.family for rule in RULES},
    "anomalies": "wire",
    "healthy": "healthy",
}
CODES: Final = tuple(_FAMILY_OF)
"""All codes, in the order of their rules."""


def diagnose(evidence: Evidence) -> list[Finding]:
    """Return what is to be said of a run, most severe first. The first is the verdict.

    Every run that ended has one.
    """
    by_code: dict[str, list[Finding]] = {}
    for rule in RULES:
        found = rule.find(evidence)
        if found:
            by_code[rule.code] = found if isinstance(found, list) else [found]
    telling = {code for code, found in by_code.items() if found[0].level != "info"}
    for rule in RULES:
        if telling.intersection(rule.gives_way_to):
            by_code.pop(rule.code, None)
    findings = [finding for found in by_code.values() for finding in found]
    # These two look at what is there already.
    for last in (wire.anomalies, wire.healthy):
        one = last(evidence, findings)
        if one is not None:
            findings.append(one)
    return sorted(findings, key=_rank)


def _rank(finding: Finding) -> tuple[int, int, int]:
    family = _FAMILY_OF[finding.code]
    return (
        LEVELS.index(finding.level),
        FAMILIES.index(family),
        CODES.index(finding.code),
    )
