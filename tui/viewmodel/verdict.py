"""Findings for the screen: the verdict on one line, and all of them as lines to read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from textwrap import wrap as wrap_words
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.core.text import one_line
from tui.viewmodel.lines import LineStyle, StyledLine, line_of
from tui.viewmodel.views import Tone, VerdictView

if TYPE_CHECKING:
    from tui.findings import Finding, Level

GLYPHS: Final[dict[Level, str]] = {
    "error": "\u2717",
    "warning": "\u25b2",
    "notice": "\u25cf",
    "info": "\u2713",
}
TONES: Final[dict[Level, Tone]] = {
    "error": "bad",
    "warning": "warning",
    "notice": "plain",
    "info": "muted",
}
_NO_WHOLE_ANSWER: Final = frozenset(
    [
        "context_window",
        "empty_answer",
        "invalid_tool_json",
        "max_tokens",
        "pause_turn",
        "refusal",
        "stop_mismatch",
    ]
)
NEUTRAL: Final = "\u2013"
"""Stands for an `info` that is no good news, such as a cancelled run."""


def verdict_view(findings: Sequence[Finding]) -> VerdictView | None:
    """Return the verdict, None where nothing was found (yet)."""
    if not findings:
        return None
    first = findings[0]
    more = sum(finding.level != "info" for finding in findings[1:])
    return VerdictView(glyph_of(first), TONES[first.level], one_line(first.text), more)


def ending_concern(findings: Sequence[Finding]) -> str:
    """Return the code that keeps a stream from being a whole answer; empty where nothing does."""
    codes = (finding.code for finding in findings)
    return next((code for code in codes if code in _NO_WHOLE_ANSWER), "")


def glyph_of(finding: Finding) -> str:
    """Return the sign of a finding: it says the level where there are no colours."""
    if finding.level == "info" and finding.code != "healthy":
        return NEUTRAL
    return GLYPHS[finding.level]


class FindingText(NamedTuple):
    """A finding in words that are safe to draw."""

    glyph: str
    tone: Tone
    code: str
    text: str
    advice: str
    """Empty where there is nothing to do."""
    seq: int | None
    """The first event of its evidence."""


def finding_texts(findings: Sequence[Finding], events: int) -> list[FindingText]:
    """Return the findings of a run with so many events, most severe first."""
    return [
        FindingText(
            glyph_of(finding),
            TONES[finding.level],
            finding.code,
            one_line(finding.text),
            one_line(finding.advice or ""),
            finding.events[0] if finding.events and finding.events[0] < events else None,
        )
        for finding in findings
    ]


def verdict_on_time(findings: Sequence[Finding]) -> VerdictView | None:
    """Return where the time went; where all was well with a run, that it was."""
    from tui.findings import RULES

    on_time = {rule.code for rule in RULES if rule.family == "time"}
    return _verdict_on(on_time, findings) or _verdict_on(("healthy",), findings)


def verdict_on_cache(findings: Sequence[Finding]) -> VerdictView | None:
    """Return what became of the prompt cache, None where there is nothing to say."""
    on_cache = [finding for finding in findings if finding.code.startswith("cache_")]
    return verdict_view(on_cache)


def _verdict_on(codes: Collection[str], findings: Sequence[Finding]) -> VerdictView | None:
    return verdict_view([finding for finding in findings if finding.code in codes])


def verdict_lines(verdict: VerdictView | None, width: int) -> list[StyledLine]:
    """Return the lines with which a closer look begins, none where nothing is to be said."""
    if verdict is None:
        return []
    style: LineStyle = "warning" if verdict.tone in ("warning", "bad") else "plain"
    words = wrap_words(verdict.text, max(width - 2, 1))
    lines = [
        line_of((f"{verdict.glyph if not n else ' '} {row}", style)) for n, row in enumerate(words)
    ]
    return [*lines, line_of()]


def evidence_of(findings: Sequence[Finding]) -> list[tuple[int, str]]:
    """Return the events that findings lead to, ascending, each with the codes in words."""
    codes: dict[int, list[str]] = {}
    for finding in findings:
        if finding.level != "info" and finding.events:
            codes.setdefault(finding.events[0], []).append(finding.code.replace("_", " "))
    return [(seq, " \u00b7 ".join(codes[seq])) for seq in sorted(codes)]
