"""How the dashboard runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tui.run import Recorder
    from tui.viewmodel.smooth import Reveal


class AppSettings(NamedTuple):
    """Set once, at the start. Tests hand in a clock of their own and tick by hand."""

    speed: float = 1.0
    now: Callable[[], int] = time.monotonic_ns
    """A clock in ns that only rises."""
    ticking: bool = True
    record: Callable[[], Recorder] | None = None
    """Gives a recorder for each live run."""
    smooth: Reveal | None = None
    """How the answer is smoothed for reading; None shows text as it arrives."""
    bell: bool = False
    """Whether to ring when a run ends."""
    showed: tuple[str, str] | None = None
    """A demo, and what it shows: told at its end, with what comes next."""
    editor: str = "vi"
    theme: str | None = None
    """The name of a theme; None, or one that there is not: Textual's own."""
    keep_theme: Callable[[str], None] = lambda _: None
    """Keeps the theme that was chosen for the next time. Raises OSError."""
    keys: Mapping[str, str] = {}
    """Other keys than those that `commands` has, by the id of what they do."""
    loop: bool = False
    """Whether what is played begins anew when it has ended."""

    def recorder(self) -> Recorder | None:
        """Return what records the next live run, None where nothing is recorded."""
        return None if self.record is None else self.record()
