"""A finding: one thing that is worth knowing about a run, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from tui.core.records import JsonObject

Level = Literal["error", "warning", "notice", "info"]
LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "notice", "info")
"""The most severe first: the answer is lost or broken; it cost time, tokens or correctness; worth
knowing; how it went."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, with numbers, and what it means. A code never changes its meaning."""

    code: str
    level: Level
    text: str
    advice: str | None = None
    """What to do about it, None where there is nothing to do."""
    events: tuple[int, ...] = ()
    """Sequence numbers in the run, first the one to jump to."""
    values: JsonObject = field(default_factory=dict)
    """The numbers in the sentence."""
    tells: frozenset[str] = frozenset()
    """Codes of anomalies that are said with it."""

    def to_json(self) -> JsonObject:
        """Return it as reports have it."""
        return {
            "code": self.code,
            "level": self.level,
            "text": self.text,
            "advice": self.advice,
            "events": list(self.events),
            "values": dict(self.values),
        }
