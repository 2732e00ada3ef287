"""The token counts of a usage object. Each is None where it is absent, null or no count."""

from __future__ import annotations

from typing import Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import as_count

DETAILS: Final = "output_tokens_details"
INPUTS: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class TokenCounts(NamedTuple):
    """How many tokens a message took, and how many it made."""

    input: int | None
    """Neither read from the cache nor written to it."""
    cache_read: int | None
    cache_write: int | None
    output: int | None
    thinking: int | None
    """The part of the output that is thinking."""

    @property
    def all_input(self) -> int | None:
        """The input with the cache, as far as it is known; None where nothing of it is."""
        known = [count for count in self[:3] if count is not None]
        return sum(known) if known else None


def token_counts(usage: JsonObject) -> TokenCounts:
    """Read a usage object."""
    details = usage.get(DETAILS)
    thinking = details.get("thinking_tokens") if isinstance(details, dict) else None
    return TokenCounts(
        as_count(usage.get("input_tokens")),
        as_count(usage.get("cache_read_input_tokens")),
        as_count(usage.get("cache_creation_input_tokens")),
        as_count(usage.get("output_tokens")),
        as_count(thinking),
    )
