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


_MANY: Final = 300_000
"""Of so many new objects most are a capture's, and to look through them takes too long."""


def calm_collector() -> None:
    """Have the garbage collector leave alone what exists now. It sets the worst frame."""
    if gc.get_count()[0] < _MANY:
        gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


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
