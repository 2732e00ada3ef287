"""What the application sets up once, when it starts: styles, signals, the collector."""

from __future__ import annotations

import asyncio
import gc
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

_PART: Final = re.compile(r"^/\* ---", re.MULTILINE)
"""What a part of the style sheet begins with: behind the first, what the first frame can miss."""
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACE: Final = re.compile(r"\s+(?=[{}])|(?<=[{};,:])\s+")
_ENDING: Final = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT")


def find_styles() -> Path:
    """Return the style sheet: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "styles.tcss"
    return inside if inside.exists() else package.parent / "styles.tcss"


def read_styles(path: Path) -> list[str]:
    """Return the parts of the style sheet, the one that the first frame needs first."""
    first, *others = _PART.split(path.read_text(encoding="utf-8"))
    return [first, *("/*" + other for other in others)]


def lean(styles: str) -> str:
    """Return a style sheet without comments and needless blanks.

    Each would be a token, and Textual takes its time with every one of them.
    """
    return _SPACE.sub("", _COMMENT.sub("", styles)).strip()


def calm_collector() -> None:
    """Have the garbage collector leave alone what exists now. It sets the worst frame."""
    leave_alone()
    # Of new objects it looks through few at a time: that takes a millisecond, at times five. All
    # that came since, 10 ms or so, only once in 400,000: each drawing of a screen leaves rings.
    gc.set_threshold(3_000, 3, 45)


def leave_alone() -> None:
    """Have no garbage looked for among the objects that exist now: most of them will stay.

    What they hold is freed all the same when they go; only rings among them are kept.
    """
    gc.freeze()


def on_signals(leave: Callable[[int], None]) -> None:
    """Have `leave` called with the exit status, 128 and the signal's number, on such a signal."""
    loop = asyncio.get_running_loop()
    for name in _ENDING:
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, leave, 128 + int(number))
        except (NotImplementedError, RuntimeError, ValueError):
            return  # Not the main thread, or not a system that has them.
