"""What a newcomer can do next: at the end of a demo, and where there is nothing to show yet."""

from __future__ import annotations

from typing import Final

from tui.viewmodel.lines import StyledLine, line_of
from tui.viewmodel.views import TranscriptItem

_STEPS: Final = (
    ('streamscope run "\u2026"', "ask Claude"),
    ("streamscope open FILE", "a recording"),
    ("curl \u2026 | streamscope open -", "a pipe"),
    ("streamscope mock", "an API to call"),
    ("streamscope demo --list", "all demos"),
)

IDLE: Final = "The answer appears here\n\nFrom a shell, without a key\n" + "\n".join(
    command for command, _ in _STEPS[1:]
)
"""What stands where the answer will be, before anything was asked."""


def next_steps(demo: str, showed: str) -> TranscriptItem:
    """Return the end of a demo: what it showed, and what comes next."""
    steps = (*_STEPS, ("?", "all keys"))
    lines = (
        line_of((showed, "plain")),
        StyledLine(),
        *(line_of((key, "key"), (f"  {what}", "muted")) for key, what in steps),
    )
    return TranscriptItem(("next", 0), "next", demo, "", False, "plain", lines=lines)
