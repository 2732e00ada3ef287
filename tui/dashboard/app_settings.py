"""How the dashboard runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
    closing: Sequence[str] = ()
    """What is said when the first stream has ended, in several lengths, the longest first."""
    editor: str = "vi"
    theme: str | None = None
    """The name of a theme; None, or one that there is not: Textual's own."""
    keep_theme: Callable[[str], None] = lambda _: None
    """Keeps the theme that was chosen for the next time. Raises OSError."""

    def recorder(self) -> Recorder | None:
        """Return what records the next live run, None where nothing is recorded."""
        return None if self.record is None else self.record()
