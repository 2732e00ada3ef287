"""What the application sets up once, when it starts: styles, signals, the collector."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

_LATER: Final = "/* --- What the first frame is drawn without"
_ENDING: Final = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT")


def find_styles() -> Path:
    """Return the style sheet: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "styles.tcss"
    return inside if inside.exists() else package.parent / "styles.tcss"


def read_styles(path: Path) -> tuple[str, str]:
    """Return the style sheet in two parts: what the first frame needs, and the rest."""
    first, _, rest = path.read_text(encoding="utf-8").partition(_LATER)
    return first, _LATER + rest


def calm_collector() -> None:
    """Have the garbage collector leave alone what exists now. It sets the worst frame."""
    leave_alone()
    # Of new objects it looks through few at a time: that takes a millisecond, at times five. All
    # that came since, 10 ms or so, only once in 400,000: each drawing of a screen leaves rings.
    gc.set_threshold(5_000, 4, 20)


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
