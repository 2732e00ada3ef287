"""What each program has to say: a line for every thing that it did, and whether that was right."""

from __future__ import annotations

import os
import sys
from typing import Final

URL: Final = os.environ["MOCK_URL"]
MODEL: Final = "claude-sonnet-5-5"
WEATHER: Final = "What is the weather in Oslo?"

_wrong: list[str] = []


def check(what: str, fine: object, seen: object = "") -> None:
    """Say whether `what` is as it should be, with what was seen where it is not."""
    print(f"  ok    {what}" if fine else f"  WRONG {what}: {seen!r}"[:2_000], flush=True)
    if not fine:
        _wrong.append(what)


def finish() -> None:
    """End the program, with status 1 where something was wrong."""
    sys.exit(1 if _wrong else 0)
